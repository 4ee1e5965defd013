// The line in the frame of every page that says how the queue stands for whoever is in it, and asks them when a match is found.

import { useEffect } from 'react';
import { Link, useLocation } from 'wouter';

import { graphql } from '../api/gql';
import { useAct, useRead } from '../api/hooks';
import { useStore } from '../api/store';
import { clock, Refusal, useNow } from '../ui/parts';
import { signed } from '../ui/title';
import { ring } from './alarm';
import { accepted, answerSeconds, ticket as known, useTicket, waitedSeconds, type Ticket } from './ticket';

const ReadyAnswers = graphql(`
  query ReadyAnswers($id: ID!) {
    match(id: $id) {
      id
      teams {
        players {
          accepted
          user {
            id
          }
        }
      }
    }
  }
`);

const AcceptMatch = graphql(`
  mutation AcceptMatch($input: RespondToReadyCheckInput!) {
    respondToReadyCheck(input: $input) {
      match {
        id
      }
    }
  }
`);

/** How often it is looked whether it was answered elsewhere. */
const LOOK_MS = 3_000;

/** Mounted once for whoever is signed in. On the page to play all of it is told there, but for what reaches who looks elsewhere. */
export function Queueing({ self, path }: { self: string; path: string }) {
  const plays = path === '/play';
  const ticket = useTicket(plays);
  const [, go] = useLocation();
  const match = ticket?.match;
  const checks = match?.status === 'READY_CHECK' ? match.id : null;
  const answers = useRead(ReadyAnswers, checks ? { id: checks } : null);
  // It may be answered in another window, and no stream tells of single answers.
  useEffect(() => {
    if (!checks) return undefined;
    const timer = setInterval(answers.reload, LOOK_MS);
    return () => clearInterval(timer);
  }, [checks]);
  const me = answers.data?.match?.teams.flatMap(({ players }) => players).find(({ user }) => user.id === self);
  const yes = useStore(accepted) === checks || me?.accepted === true;
  const asked = checks !== null && !yes;
  const found = asked || match?.status === 'PENDING' ? match?.id : undefined;
  useEffect(() => {
    if (found) return ring(found, asked ? 'Accept it to play.' : 'It is about to start.', () => go('/play'));
    return undefined;
  }, [found]);
  const sign = asked ? 'Accept the match' : ticket?.state === 'SEARCHING' && !plays ? 'Looking' : null;
  useEffect(() => {
    signed(sign, asked);
    return () => signed(null);
  }, [sign, asked]);
  if (!ticket || plays) return null;
  return <Strip ticket={ticket} asked={asked} />;
}

function Strip({ ticket, asked }: { ticket: Ticket; asked: boolean }) {
  const [, go] = useLocation();
  const accept = useAct(AcceptMatch, ({ respondToReadyCheck }) => {
    accepted.set(respondToReadyCheck.match.id);
    go('/play');
  });
  const { mode, match, state } = ticket;
  const said = asked
    ? `Match found: ${mode.name}. Accept it within ${mode.readyCheckSeconds} seconds.`
    : match?.status === 'PENDING'
      ? `Match found: ${mode.name}. It is about to start.`
      : '';
  return (
    <>
      <p className="hidden" role="alert">
        {said}
      </p>
      {asked && match ? (
        <section className="strip urgent" aria-label="Match found">
          <strong>
            Match found: {mode.name} · <Countdown from={match.createdAt} allowed={mode.readyCheckSeconds} />
          </strong>
          <button
            type="button"
            className="main"
            disabled={accept.busy}
            onClick={() => void accept.run({ input: { matchId: match.id, accept: true } })}
          >
            Accept
          </button>
          <Link href="/play">Who plays?</Link>
          {accept.error && <Refusal error={accept.error} />}
        </section>
      ) : state === 'SEARCHING' ? (
        <section className="strip" aria-label="Queue">
          <Link href="/play">
            Looking for a match: {mode.name} · <Waited ticket={ticket} />
          </Link>
        </section>
      ) : (
        match && (
          <section className="strip" aria-label="Your match">
            <Link href="/play">
              {STATE[match.status]}: {mode.name}
            </Link>
            {(match.status === 'COMPLETED' || match.status === 'CANCELLED') && (
              <button type="button" className="bare" onClick={() => known.set(undefined)}>
                Close
              </button>
            )}
          </section>
        )
      )}
    </>
  );
}

const STATE = {
  READY_CHECK: 'Waiting for the others',
  PENDING: 'Your match is about to start',
  IN_PROGRESS: 'You are playing',
  COMPLETED: 'Your match is over',
  CANCELLED: 'Your match fell through',
};

function Countdown({ from, allowed }: { from: string; allowed: number }) {
  useNow(250);
  return <span className="number">{clock(answerSeconds(from, allowed))}</span>;
}

function Waited({ ticket }: { ticket: Ticket }) {
  useNow(1_000);
  return <span className="number">{clock(waitedSeconds(ticket))}</span>;
}
