// The public activity feed, from its newest lines on.

import { useEffect, useEffectEvent, useState } from 'react';
import { Link } from 'wouter';

import { graphql } from '../api/gql';
import type { FeedLineFragment, ModePartsFragment } from '../api/gql/graphql';
import { useRead, useStream } from '../api/hooks';
import { Card, Empty, Failure, Loading, When } from '../ui/parts';
import { PlayerLink } from './players';

graphql(`
  fragment FeedLine on FeedItem {
    cursor
    kind
    data
    at
    user {
      id
      username
    }
    match {
      id
    }
  }
`);

const Feed = graphql(`
  query Feed {
    feed(first: 30) {
      nodes {
        ...FeedLine
      }
    }
  }
`);

const FeedItemAdded = graphql(`
  subscription FeedItemAdded($after: String) {
    feedItemAdded(after: $after) {
      ...FeedLine
    }
  }
`);

const SHOWN = 30;
/** How often an empty feed is read again: what came before the stream began has no cursor to go on behind. */
const EMPTY_MS = 5_000;

/** What happened; modes by their names, where these are known already. */
export function ActivityFeed({ modes }: { modes: ModePartsFragment[] }) {
  const { data, error, reload } = useRead(Feed, {});
  return (
    <Card title="Activity">
      {data ? (
        <Lines key={data.feed.nodes[0]?.cursor ?? ''} first={data.feed.nodes} again={reload} modes={modes} />
      ) : error ? (
        <Failure error={error} retry={reload} />
      ) : (
        <Loading what="what happened" />
      )}
    </Card>
  );
}

/** Those that were read, and what comes behind the newest of them. */
function Lines({ first, again, modes }: { first: FeedLineFragment[]; again: () => void; modes: ModePartsFragment[] }) {
  const [lines, setLines] = useState(first);
  useStream(
    FeedItemAdded,
    { after: first[0]?.cursor ?? null },
    (heard) => {
      if (first.length === 0) again();
      else setLines((now) => [...heard.map((one) => one.feedItemAdded).reverse(), ...now].slice(0, SHOWN));
    },
    { lost: again },
  );
  const look = useEffectEvent(() => document.visibilityState === 'visible' && again());
  useEffect(() => {
    if (first.length > 0) return;
    const timer = setInterval(look, EMPTY_MS);
    return () => clearInterval(timer);
  }, [first.length]);
  if (lines.length === 0) return <Empty title="Nothing has happened yet.">Results, promotions and streaks are told here.</Empty>;
  return (
    <ul className="list" data-testid="feed">
      {lines.map((line) => (
        <li key={line.cursor} className="small apart">
          <span>
            <Words line={line} modes={modes} />
          </span>
          <span className="quiet">
            <When at={line.at} />
          </span>
        </li>
      ))}
    </ul>
  );
}

function text(line: FeedLineFragment, key: string): string {
  const value = line.data?.[key];
  if (Array.isArray(value)) return value.join(', ');
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}

/** A line in words; kinds that a newer server tells of are shown by their name. */
function Words({ line, modes }: { line: FeedLineFragment; modes: ModePartsFragment[] }) {
  const who = line.user && <PlayerLink username={line.user.username} />;
  const id = text(line, 'mode');
  const mode = modes.find((one) => one.id === id)?.name ?? id;
  const match = line.match && <Link href={`/matches/${line.match.id}`}>{mode || 'match'}</Link>;
  switch (line.kind) {
    case 'MATCH_COMPLETED':
      return (
        <>
          {text(line, 'players')} played {match}
        </>
      );
    case 'RANK_UP':
      return (
        <>
          {who} rose to <strong>{text(line, 'to')}</strong> in {match}
        </>
      );
    case 'RANK_DOWN':
      return (
        <>
          {who} fell to {text(line, 'to')} in {match}
        </>
      );
    case 'WIN_STREAK':
      return (
        <>
          {who} won <strong>{text(line, 'wins')} in a row</strong> in {match}
        </>
      );
    case 'SEASON_STARTED':
      return <>The season “{text(line, 'name')}” has begun</>;
    default:
      return (
        <>
          {line.kind.toLowerCase().replaceAll('_', ' ')} {who} {match}
        </>
      );
  }
}
