// What happened in a match, from its first event on, each once, also across a break of the connection.

import { useState } from 'react';

import { graphql } from '../../api/gql';
import type { TimelineEventFragment } from '../../api/gql/graphql';
import { useRead, useStream } from '../../api/hooks';
import { PlayerLink } from '../../parts/players';
import { Card, clock, Empty, Failure, Loading } from '../../ui/parts';

graphql(`
  fragment TimelineEvent on MatchEvent {
    cursor
    kind
    atMs
    data
    actor {
      id
      username
    }
    target {
      id
      username
    }
  }
`);

const Events = graphql(`
  query MatchTimeline($id: ID!) {
    match(id: $id) {
      events(first: 100) {
        nodes {
          ...TimelineEvent
        }
      }
    }
  }
`);

const MatchEvents = graphql(`
  subscription MatchEvents($id: ID!, $after: String) {
    matchEvents(matchId: $id, after: $after) {
      ...TimelineEvent
    }
  }
`);

/** The newest so many are shown. */
const SHOWN = 200;

export function Timeline({ id, open }: { id: string; open: boolean }) {
  const { data, error, reload } = useRead(Events, { id });
  const first = data?.match?.events.nodes;
  return (
    <Card title="Timeline" aside={open && <span className="dot" title="Live" />}>
      {first ? (
        <Followed key={first.at(-1)?.cursor ?? ''} id={id} first={first} again={reload} />
      ) : error ? (
        <Failure error={error} retry={reload} />
      ) : (
        <Loading what="the timeline" />
      )}
    </Card>
  );
}

function Followed({ id, first, again }: { id: string; first: TimelineEventFragment[]; again: () => void }) {
  const [all, setAll] = useState(first);
  const events = all.slice(-SHOWN);
  const dropped = all.length > SHOWN;
  useStream(
    MatchEvents,
    { id, after: first.at(-1)?.cursor ?? null },
    // One more than are shown: then it is known that there were more.
    (heard) => setAll((now) => [...now, ...heard.map((one) => one.matchEvents)].slice(-SHOWN - 1)),
    { lost: again },
  );
  return (
    <>
      {events.length === 0 && <Empty title="Nothing has happened yet." />}
      {dropped && <p className="quiet small">The newest {SHOWN}; what came before is not shown.</p>}
      <div role="log" aria-label="Timeline">
        <ol className="timeline list" data-testid="timeline">
          {events.map((event) => (
            <li key={event.cursor}>
              <span className="quiet number">{clock(event.atMs / 1000)}</span>
              <span>
                <Words event={event} />
              </span>
            </li>
          ))}
        </ol>
      </div>
    </>
  );
}

/** Whatever else the game told, in words where it is simple. */
function told(data: unknown): string {
  if (typeof data !== 'object' || data === null || Array.isArray(data)) return JSON.stringify(data);
  return Object.entries(data)
    .map(([name, value]) => `${spoken(name)}: ${typeof value === 'object' ? JSON.stringify(value) : String(value)}`)
    .join(', ');
}

/** A name as programs write it, as people do. */
function spoken(name: string): string {
  return name
    .replace(/([a-z])([A-Z])/g, '$1 $2')
    .replaceAll(/[_.:-]+/g, ' ')
    .toLowerCase();
}

function Words({ event }: { event: TimelineEventFragment }) {
  const actor = event.actor && <PlayerLink username={event.actor.username} />;
  const target = event.target && <PlayerLink username={event.target.username} />;
  const known: Record<string, string> = {
    MATCH_STARTED: 'The match began',
    MATCH_COMPLETED: 'The match is over',
    MATCH_CANCELLED: 'The match was cancelled',
    MATCH_VOIDED: 'The result was taken back',
  };
  if (known[event.kind]) return <strong>{known[event.kind]}</strong>;
  return (
    <>
      {actor} <span className="quiet">{spoken(event.kind)}</span> {target}
      {event.data && Object.keys(event.data).length > 0 && <span className="quiet small"> {told(event.data)}</span>}
    </>
  );
}
