// A match was found: the ready check, the game, the result.

import { useEffect, useRef } from 'react';
import { Link } from 'wouter';

import { graphql } from '../../api/gql';
import type { MyMatchFragment } from '../../api/gql/graphql';
import { useAct, useLatest, useRead, useStream } from '../../api/hooks';
import { useStore } from '../../api/store';
import { Change, Chances, isOpen, sentence, StatusBadge } from '../../parts/matches';
import { Avatar, PlayerLink } from '../../parts/players';
import { accepted as known, answerSeconds } from '../../parts/ticket';
import { Card, clock, Failure, Loading, number, Page, Refusal, useNow } from '../../ui/parts';

graphql(`
  fragment MyMatch on Match {
    ...MatchCard
    mode {
      readyCheckSeconds
    }
    session {
      endpoint
      joinToken
    }
    teams {
      players {
        accepted
        mmrAfter
      }
    }
  }
`);

const MyMatch = graphql(`
  query MyMatchNow($id: ID!) {
    match(id: $id) {
      ...MyMatch
    }
  }
`);

const MyMatchUpdated = graphql(`
  subscription MyMatchUpdated($id: ID!) {
    matchUpdated(matchId: $id) {
      ...MyMatch
    }
  }
`);

const Respond = graphql(`
  mutation RespondToReadyCheck($input: RespondToReadyCheckInput!) {
    respondToReadyCheck(input: $input) {
      match {
        ...MyMatch
      }
    }
  }
`);

/** How often it is looked who is ready. */
const LOOK_MS = 2_000;

export function Found({ id, self, done }: { id: string; self: string; done: () => void }) {
  const { data, error, reload } = useRead(MyMatch, { id });
  const [match, setMatch] = useLatest<MyMatchFragment>(data?.match);
  useStream(MyMatchUpdated, { id }, (heard) => setMatch(heard.at(-1)?.matchUpdated));
  const yes = useStore(known);
  // No stream tells who is ready.
  const checks = match?.status === 'READY_CHECK';
  useEffect(() => {
    if (!checks) return undefined;
    const timer = setInterval(reload, LOOK_MS);
    return () => clearInterval(timer);
  }, [checks]);
  if (!match)
    return <Page title="Match found">{error ? <Failure error={error} retry={reload} /> : <Loading what="the match" />}</Page>;
  const own = match.teams.find((team) => team.players.some(({ user }) => user.id === self));
  const me = own?.players.find(({ user }) => user.id === self);
  // What was asked before the answer may come after it.
  const accepted = yes === match.id || (me?.accepted ?? false);
  const title =
    match.status === 'COMPLETED'
      ? RESULT[own?.outcome ?? 'DRAW']
      : match.status === 'CANCELLED'
        ? 'The match fell through'
        : match.status === 'IN_PROGRESS'
          ? 'Playing'
          : match.status === 'PENDING' && match.mode.readyCheckSeconds > 0
            ? 'About to start'
            : 'Match found';
  return (
    <Page title={title} aside={<StatusBadge status={match.status} voidedAt={match.voidedAt} />}>
      <p className="hidden" role="alert">
        {title}
      </p>
      {match.status === 'READY_CHECK' && <ReadyCheck match={match} accepted={accepted} answered={setMatch} />}
      {match.status === 'COMPLETED' && me && (
        <Card title="Your rating" call>
          <p data-testid="result">
            {number(me.mmrBefore)} → <strong>{number(me.mmrAfter ?? me.mmrBefore)}</strong> <Change value={me.mmrChange} />
          </p>
        </Card>
      )}
      {match.status === 'CANCELLED' && <Card title="Why">{sentence(match.cancelReason)}</Card>}
      {match.session && isOpen(match.status) && match.status !== 'READY_CHECK' && (
        <Card title="How to connect" call>
          <p>{match.session.endpoint ? <code>{match.session.endpoint}</code> : 'The game server is about to open the match.'}</p>
          {match.session.joinToken && (
            <details>
              <summary>What proves that it is you</summary>
              <code>{match.session.joinToken}</code>
            </details>
          )}
        </Card>
      )}
      <div className="grid">
        {match.teams.map((team) => (
          <Card key={team.index} title={team === own ? 'Your team' : `Team ${team.index + 1}`}>
            <ul className="list">
              {team.players.map((player) => (
                <li key={player.user.id} className="apart">
                  <span className="name">
                    <Avatar name={player.user.username} />
                    <PlayerLink username={player.user.username} />
                  </span>
                  <span className="number">
                    {number(player.mmrBefore)} <Change value={player.mmrChange} />
                    {match.status === 'READY_CHECK' && (player.accepted ? ' ready' : ' …')}
                  </span>
                </li>
              ))}
            </ul>
          </Card>
        ))}
      </div>
      {isOpen(match.status) && <Chances of={match.winProbabilities} />}
      <div className="row">
        <Link className="button" href={`/matches/${match.id}`}>
          The match’s page
        </Link>
        {!isOpen(match.status) && (
          <button type="button" className="main" onClick={done}>
            Play on
          </button>
        )}
      </div>
    </Page>
  );
}

const RESULT = { WIN: 'You won', LOSS: 'You lost', DRAW: 'A draw' };

function ReadyCheck({
  match,
  accepted,
  answered,
}: {
  match: MyMatchFragment;
  accepted: boolean;
  answered: (match: MyMatchFragment) => void;
}) {
  useNow(250);
  const answer = useRef<HTMLParagraphElement>(null);
  // The button that had the focus is gone.
  useEffect(() => {
    if (accepted && document.activeElement === document.body) answer.current?.focus();
  }, [accepted]);
  const act = useAct(Respond, ({ respondToReadyCheck: { match: now } }) => {
    if (now.status !== 'CANCELLED') known.set(now.id);
    answered(now);
  });
  const left = answerSeconds(match.createdAt, match.mode.readyCheckSeconds);
  const respond = (accept: boolean) => void act.run({ input: { matchId: match.id, accept } });
  return (
    <Card
      title={accepted ? 'Waiting for the others' : 'Are you ready?'}
      aside={<span className="number">{clock(left)}</span>}
      call
    >
      {accepted ? (
        <p ref={answer} tabIndex={-1}>
          You have accepted.
        </p>
      ) : (
        <div className="row">
          <button type="button" className="main large" autoFocus disabled={act.busy} onClick={() => respond(true)}>
            Accept
          </button>
          <button type="button" className="danger" disabled={act.busy} onClick={() => respond(false)}>
            Decline
          </button>
        </div>
      )}
      <Refusal error={act.error} />
    </Card>
  );
}
