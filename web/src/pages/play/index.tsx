// Playing: from signing in to the result.

import { useEffect, useState } from 'react';

import { graphql } from '../../api/gql';
import type { WaitingTicketFragment } from '../../api/gql/graphql';
import { useRead, useStream, useViewer } from '../../api/hooks';
import { comebacks } from '../../api/live';
import { useStore } from '../../api/store';
import { Badge, Card, Failure, Loading, Page, When } from '../../ui/parts';
import { SignIn } from '../account/sign-in';
import { Found } from './found';
import { Party } from './party';
import { Setup } from './setup';
import { Waiting } from './waiting';

graphql(`
  fragment WaitingTicket on QueueTicket {
    id
    state
    joinedAt
    waitedSeconds
    mmr
    mmrTolerance
    estimatedWaitSeconds
    estimatedWaitP90Seconds
    mode {
      ...ModeParts
    }
    regions {
      id
      name
    }
    explanation {
      candidates
      keptOut {
        rule
        tickets
      }
      nextWidening {
        inSeconds
        tickets
      }
      nearest {
        missingPlayers
        spread
        allowedSpread
        reason
      }
    }
    match {
      id
    }
  }
`);

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
    }
    myMatch {
      id
    }
    myParty {
      ...PartyParts
    }
  }
`);

const QueueStatus = graphql(`
  subscription QueueStatus {
    queueStatus {
      ...WaitingTicket
    }
  }
`);

export default function PlayPage() {
  const viewer = useViewer();
  if (viewer) return <Signed key={viewer.id} id={viewer.id} />;
  return (
    <Page title="Play">
      <div className="narrow stack">
        <p>Sign in, choose a mode, and you are matched with equals.</p>
        <SignIn />
      </div>
    </Page>
  );
}

function Signed({ id }: { id: string }) {
  const { data, error, reload } = useRead(PlayNow, {});
  const [heard, setHeard] = useState<WaitingTicketFragment>();
  // After a break the stream says how the ticket stands, unless there is none any more.
  const back = useStore(comebacks);
  useEffect(() => setHeard(undefined), [back]);
  // The match that was put away after its end.
  const [seen, setSeen] = useState<string>();
  useStream(QueueStatus, {}, (tickets) => {
    const ticket = tickets.at(-1)?.queueStatus;
    setHeard(ticket);
    if (ticket?.state !== 'SEARCHING') reload();
  });
  if (!data)
    return <Page title="Play">{error ? <Failure error={error} retry={reload} /> : <Loading what="where you are" />}</Page>;
  const ticket = heard ?? data.myTicket;
  const searching = ticket?.state === 'SEARCHING' ? ticket : null;
  const match = searching ? null : (ticket?.match?.id ?? data.myMatch?.id ?? null);
  if (match && match !== seen) {
    return (
      <Found
        key={match}
        id={match}
        self={id}
        done={() => {
          setSeen(match);
          reload();
        }}
      />
    );
  }
  const lock = data.me?.queueLock;
  return (
    <Page title={searching ? 'Looking for a match' : 'Play'}>
      {lock && (
        <Card title="You cannot queue just now">
          <p>
            {LOCKED[lock.reason]} It is over <When at={lock.until} />. <Badge tone="warn">time {lock.count}</Badge>
          </p>
        </Card>
      )}
      <div className="columns">
        {searching ? <Waiting ticket={searching} left={setHeard} /> : <Setup party={data.myParty} self={id} joined={setHeard} />}
        <Party party={data.myParty} self={id} changed={reload} />
      </div>
    </Page>
  );
}

const LOCKED = {
  DECLINED: 'You declined a ready check.',
  NO_ANSWER: 'You did not answer a ready check.',
  ABANDONED: 'You left a match before its end.',
  CONDUCT: 'A moderator keeps you out of the queue.',
};
