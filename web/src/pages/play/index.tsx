// Playing: from signing in to the result.

import { useEffect, useState } from 'react';

import { graphql } from '../../api/gql';
import type { PlayNowQuery } from '../../api/gql/graphql';
import { useRead, useViewer } from '../../api/hooks';
import { session } from '../../api/session';
import { useStore } from '../../api/store';
import { useCatalog } from '../../parts/catalog';
import { ticket as known } from '../../parts/ticket';
import { Badge, Card, Failure, Loading, Page, When } from '../../ui/parts';
import { SignIn } from '../account/sign-in';
import { Fell } from './fell';
import { Found } from './found';
import { Party } from './party';
import { Setup } from './setup';
import { Waiting } from './waiting';

const PlayNow = graphql(`
  query PlayNow {
    me {
      id
      queueLock {
        until
        reason
        count
      }
    }
    myTicket {
      ...WaitingTicket
      ...TicketWhy
    }
    myMatch {
      id
    }
    myParty {
      ...PartyParts
    }
  }
`);

export default function PlayPage() {
  const { phase } = useStore(session);
  const viewer = useViewer();
  if (viewer) return <Signed key={viewer.id} id={viewer.id} />;
  return (
    <Page title="Play">
      {phase === 'restoring' ? (
        <Loading what="where you are" />
      ) : (
        <div className="narrow stack">
          <p>Sign in, choose a mode, and you are matched with equals.</p>
          <SignIn />
        </div>
      )}
    </Page>
  );
}

function Signed({ id }: { id: string }) {
  const { data, error, reload } = useRead(PlayNow, {});
  // What can be played comes with it, so that nothing moves when it does.
  const catalog = useCatalog();
  const heard = useStore(known);
  useEffect(() => {
    if (heard && heard.state !== 'SEARCHING') reload();
  }, [heard]);
  // The match that was put away after its end.
  const [seen, setSeen] = useState<string>();
  // The match that was shown last, and stays until it is put away: its end may come while nobody is told.
  const [shown, setShown] = useState<string>();
  // The match after which one is looking for another, without having put it away.
  const [left, setLeft] = useState<string>();
  const ticket = heard ?? data?.myTicket;
  const searching = ticket?.state === 'SEARCHING' ? ticket : null;
  const now = searching ? null : (ticket?.match?.id ?? data?.myMatch?.id ?? null);
  const searches = searching !== null;
  useEffect(() => {
    if (now && now !== seen) {
      setShown(now);
      setLeft(undefined);
    } else if (searches && shown) {
      setLeft(shown);
      setShown(undefined);
    }
  }, [now, searches]);
  if (!data || (!catalog.data && !catalog.error))
    return <Page title="Play">{error ? <Failure error={error} retry={reload} /> : <Loading what="where you are" />}</Page>;
  const match = searches ? null : now && now !== seen ? now : shown;
  if (match) {
    return (
      <Found
        key={match}
        id={match}
        self={id}
        done={() => {
          known.set(undefined);
          setSeen(match);
          setShown(undefined);
          reload();
        }}
      />
    );
  }
  const lock = data.me?.queueLock;
  return (
    <Page title={searching ? 'Looking for a match' : 'Play'}>
      {left && searching && <Fell id={left} self={id} />}
      {lock && <Locked lock={lock} changed={reload} />}
      <div className="columns">
        {searching ? (
          <Waiting ticket={searching} left={known.set} />
        ) : (
          <Setup catalog={catalog} party={data.myParty} self={id} joined={known.set} refused={reload} />
        )}
        <Party party={data.myParty} self={id} changed={reload} />
      </div>
    </Page>
  );
}

type Lock = NonNullable<NonNullable<PlayNowQuery['me']>['queueLock']>;

/** How often it is looked whether somebody has lifted a lock, which no stream tells. */
const LOOK_MS = 10_000;

function Locked({ lock, changed }: { lock: Lock; changed: () => void }) {
  useEffect(() => {
    const timer = setInterval(changed, LOOK_MS);
    return () => clearInterval(timer);
  }, []);
  return (
    <Card title="You cannot queue just now">
      <p>
        {LOCKED[lock.reason]} It is over <When at={lock.until} />. <Badge tone="warn">time {lock.count}</Badge>
      </p>
    </Card>
  );
}

const LOCKED = {
  DECLINED: 'You declined a ready check.',
  NO_ANSWER: 'You did not answer a ready check.',
  ABANDONED: 'You left a match before its end.',
  CONDUCT: 'A moderator keeps you out of the queue.',
};
