// Waiting: how long, how wide the search is by now, and why it still goes on.

import { useState } from 'react';

import { graphql } from '../../api/gql';
import type { WaitRule } from '../../api/gql/graphql';
import { useAct } from '../../api/hooks';
import { askToNotify, canAsk } from '../../parts/alarm';
import { waitedSeconds, type Ticket } from '../../parts/ticket';
import { Card, clock, number, Refusal, seconds, useNow } from '../../ui/parts';

const LeaveQueue = graphql(`
  mutation LeaveQueue {
    leaveQueue {
      ticket {
        ...WaitingTicket
        ...TicketWhy
      }
    }
  }
`);

const RULE: Record<WaitRule, string> = {
  BLOCKED: 'somebody has blocked somebody',
  PARTY_SIZE: 'the parties do not fit together',
  LATENCY: 'no region is near enough for both yet',
  RECENTLY_PLAYED: 'you have only just met',
  RATING: 'the ratings are too far apart yet',
};

export function Waiting({ ticket, left }: { ticket: Ticket; left: (ticket: Ticket | undefined) => void }) {
  useNow(1_000);
  const [asks, setAsks] = useState(canAsk);
  const act = useAct(LeaveQueue, ({ leaveQueue }) => left(leaveQueue.ticket ?? undefined));
  const { explanation: why } = ticket;
  const kept = why?.keptOut.filter(({ tickets }) => tickets > 0) ?? [];
  return (
    <Card
      title={ticket.mode.name}
      aside={<span className="quiet">{ticket.regions.map(({ name }) => name).join(', ')}</span>}
      call
    >
      <dl className="facts" data-testid="waiting">
        <div>
          <dt>Waiting for</dt>
          <dd>{clock(waitedSeconds(ticket))}</dd>
        </div>
        <div>
          <dt>Opponents within</dt>
          <dd>
            {number(ticket.mmr)} ± {number(ticket.mmrTolerance)}
          </dd>
        </div>
        <div>
          <dt>Typical wait (P50)</dt>
          <dd>{ticket.estimatedWaitSeconds === null ? 'not known yet' : seconds(ticket.estimatedWaitSeconds)}</dd>
        </div>
        <div>
          <dt>Worst of ten (P90)</dt>
          <dd>{ticket.estimatedWaitP90Seconds === null ? 'not known yet' : seconds(ticket.estimatedWaitP90Seconds)}</dd>
        </div>
      </dl>
      {why && (
        <div className="stack" data-testid="why">
          <h3>Why it still goes on</h3>
          {why.candidates === 0 && kept.length === 0 ? (
            <p>Nobody else is waiting in this mode.</p>
          ) : (
            <p>
              {why.candidates} {why.candidates === 1 ? 'group' : 'groups'} could play with you now.
            </p>
          )}
          <ul className="list">
            {kept.map(({ rule, tickets }) => (
              <li key={rule}>
                {tickets} kept out: {RULE[rule]}
              </li>
            ))}
          </ul>
          {why.nearest && <p>{sentence(why.nearest.reason)}</p>}
          {why.nextWidening && (
            <p className="quiet">
              In {seconds(why.nextWidening.inSeconds)} {why.nextWidening.tickets} more are let in.
            </p>
          )}
        </div>
      )}
      <div className="row">
        <button type="button" onClick={() => void act.run({})} disabled={act.busy}>
          Stop looking
        </button>
        {asks && (
          <button type="button" className="bare" onClick={() => void askToNotify().then(() => setAsks(canAsk()))}>
            Notify me when a match is found
          </button>
        )}
      </div>
      <p className="quiet small">You can look around meanwhile: the search goes on, and you are told when a match is found.</p>
      <Refusal error={act.error} />
    </Card>
  );
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? '' : '.'}`;
}
