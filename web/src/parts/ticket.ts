// The viewer's ticket: followed on every page, since it lives only while somebody follows it, and a match may be found anywhere.

import { useEffect } from 'react';

import { graphql } from '../api/gql';
import type { TicketWhyFragment, WaitingTicketFragment } from '../api/gql/graphql';
import { useStream } from '../api/hooks';
import { comebacks, serverNow } from '../api/reach';
import { store, useStore } from '../api/store';

graphql(`
  fragment WaitingTicket on QueueTicket {
    id
    state
    joinedAt
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
    match {
      id
      status
      createdAt
    }
  }
`);

graphql(`
  fragment TicketWhy on QueueTicket {
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
  }
`);

const QueueStatus = graphql(`
  subscription QueueStatus($why: Boolean!) {
    queueStatus {
      ...WaitingTicket
      ...TicketWhy @include(if: $why)
    }
  }
`);

/** Why it still waits is told where that is shown. */
export type Ticket = WaitingTicketFragment & Partial<TicketWhyFragment>;

/** The ticket as it was told last; nothing while none is known of. */
export const ticket = store<Ticket | undefined>(undefined);

/** Follows the viewer's ticket; once a page. */
export function useTicket(why: boolean): Ticket | undefined {
  const now = useStore(ticket);
  const back = useStore(comebacks);
  // After a break the stream says how the ticket stands, unless there is none any more.
  useEffect(() => ticket.set(undefined), [back]);
  useEffect(() => () => ticket.set(undefined), []);
  useStream(QueueStatus, { why }, (heard) => ticket.set(heard.at(-1)?.queueStatus));
  return now;
}

/** How long it has waited. */
export function waitedSeconds({ joinedAt }: Ticket): number {
  return (serverNow() - Date.parse(joinedAt)) / 1000;
}

/** How long a ready check goes on yet. */
export function answerSeconds(createdAt: string, allowed: number): number {
  return Math.min(allowed, Math.max(0, (Date.parse(createdAt) - serverNow()) / 1000 + allowed));
}

/** The match that this page has said yes to, before anything else tells so. */
export const accepted = store<string | undefined>(undefined);
