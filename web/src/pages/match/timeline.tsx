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
  const [events, setEvents] = useState(first);
  useStream(
    MatchEvents,
    { id, after: first.at(-1)?.cursor ?? null },
    (heard) => setEvents((now) => [...now, ...heard.map((one) => one.matchEvents)].slice(-SHOWN)),
    { lost: again },
  );
  if (events.length === 0) return <Empty title="Nothing has happened yet." />;
  return (
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
  );
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
  const kind = event.kind.toLowerCase().replaceAll('_', ' ');
  return (
    <>
      {actor} <span className="quiet">{kind}</span> {target}
      {event.data && Object.keys(event.data).length > 0 && <span className="quiet small"> {JSON.stringify(event.data)}</span>}
    </>
  );
}
