// The rows of a leaderboard: only those in sight exist, and they follow the server.

import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useEffectEvent, useLayoutEffect, useRef, useState } from 'react';

import { client } from '../../api/client';
import { graphql } from '../../api/gql';
import type { BoardEntryFragment, BoardPageQuery, BoardPageQueryVariables } from '../../api/gql/graphql';
import { codeOf } from '../../api/errors';
import { useRead, useStream } from '../../api/hooks';
import { comebacks } from '../../api/live';
import { useStore } from '../../api/store';
import { Avatar, PlayerLink } from '../../parts/players';
import './board.css';
import { Empty, Failure, Loading, number } from '../../ui/parts';
import { keep, kept } from '../../ui/place';

graphql(`
  fragment BoardEntry on LeaderboardEntry {
    rank
    mmr
    user {
      id
      username
      country
    }
    standing {
      wins
      losses
      draws
      streak
      tier {
        label
      }
    }
  }
`);

const BoardPage = graphql(`
  query BoardPage(
    $mode: ModeId!
    $season: ID
    $region: RegionId
    $around: ID
    $first: Int
    $after: String
    $last: Int
    $before: String
  ) {
    leaderboard(
      mode: $mode
      season: $season
      region: $region
      around: $around
      first: $first
      after: $after
      last: $last
      before: $before
    ) {
      totalCount
      edges {
        cursor
        node {
          ...BoardEntry
        }
      }
      pageInfo {
        hasNextPage
        hasPreviousPage
      }
    }
  }
`);

const TopChanged = graphql(`
  subscription TopChanged($mode: ModeId!, $region: RegionId, $first: Int) {
    leaderboardChanged(mode: $mode, region: $region, first: $first) {
      ...BoardEntry
    }
  }
`);

const SomeChanged = graphql(`
  subscription SomeChanged($mode: ModeId!, $userIds: [ID!]) {
    rankChanged(mode: $mode, userIds: $userIds) {
      cursor
    }
  }
`);

/** Rows of a page, those that the server tells of by itself, and their height in pixels. */
const PAGE = 50;
const TOP = 50;
const ROW = 44;
/** How long the rows in sight have to rest before they are followed, and the least time between two looks at them. */
const REST_MS = 400;
const LOOK_MS = 1_000;
/** How often they are counted. */
const COUNT_MS = 10_000;

interface Row {
  entry: BoardEntryFragment;
  cursor: string | null;
}

interface Props {
  mode: string;
  season: string | null;
  region: string | null;
  around: string | null;
  self: string | null;
}

type Page = BoardPageQuery['leaderboard'];

/** The rows by their places: what was read later counts. */
function put(rows: Map<number, Row>, read: Row[]): Map<number, Row> {
  const next = new Map(rows);
  const places = new Map(read.map((row) => [row.entry.user.id, row.entry.rank]));
  // Whoever moved is no longer where they were.
  for (const [rank, row] of rows) {
    const place = places.get(row.entry.user.id);
    if (place !== undefined && place !== rank) next.delete(rank);
  }
  for (const row of read) next.set(row.entry.rank, row);
  return next;
}

/** The same, where what was read is far from what is known: that is let go, since nobody knows who is in between. */
function join(rows: Map<number, Row>, read: Row[]): Map<number, Row> {
  const known = [...rows.keys()];
  const [first, last] = [read[0]?.entry.rank ?? 0, read.at(-1)?.entry.rank ?? 0];
  const apart = first > Math.max(...known) + 1 || last < Math.min(...known) - 1;
  return put(apart && read.length > 0 ? new Map() : rows, read);
}

function rowsOf(page: Page): Row[] {
  return page.edges.map(({ cursor, node }) => ({ cursor, entry: node }));
}

/** Where one was when one left: the first place in sight, and a cursor some places before it. */
interface Place {
  rank: number;
  before: string | null;
}

const NOT_LISTED = (
  <Empty title="Not on this leaderboard.">
    A place comes with the placement matches, and is lost by being away for long; other modes and seasons have their own.
  </Empty>
);

export function Board(props: Props) {
  const { mode, season, region, around } = props;
  const [was] = useState(() => kept<Place>('place'));
  const start = useRead(BoardPage, {
    mode,
    season,
    region,
    ...(was ? { first: 2 * PAGE, after: was.before } : { first: PAGE, around }),
  });
  // Until they have a place.
  useStream(SomeChanged, around && start.error ? { mode, userIds: [around] } : null, start.reload);
  if (!start.data) {
    // Whoever is looked for has no place, or is nobody at all.
    if (around && codeOf(start.error) === 'BAD_USER_INPUT') return NOT_LISTED;
    return start.error ? <Failure error={start.error} retry={start.reload} /> : <Loading what="the leaderboard" />;
  }
  const page = start.data.leaderboard;
  if (around && page.edges.length === 0) return NOT_LISTED;
  return <Rows {...props} first={page} was={was} />;
}

function Rows({ mode, season, region, around, self, first, was }: Props & { first: Page; was: Place | undefined }) {
  const [rows, setRows] = useState(() => put(new Map(), rowsOf(first)));
  const [total, setTotal] = useState(first.totalCount);
  const [busy, setBusy] = useState(false);
  const scroller = useRef<HTMLDivElement>(null);
  const ranks = [...rows.keys()].sort((a, b) => a - b);
  const low = ranks[0] ?? 1;
  const high = ranks.at(-1) ?? 0;
  const live = season === null;

  // What is read anew after a break.
  useEffect(() => {
    setRows((now) => put(now, rowsOf(first)));
    setTotal(first.totalCount);
  }, [first]);

  const virtual = useVirtualizer({
    count: high - low + 1,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW,
    overscan: 8,
  });
  // Whoever is looked for is in the middle, also when they move; whoever comes back is where they were.
  const sought = around === null ? undefined : ranks.find((rank) => rows.get(rank)?.entry.user.id === around);
  const [follows, setFollows] = useState(0);
  useEffect(() => {
    if (was && follows === 0) virtual.scrollToIndex(was.rank - low, { align: 'start' });
    else if (sought !== undefined) virtual.scrollToIndex(sought - low, { align: 'center' });
  }, [follows]);
  // Rows that come above, or go there, do not move what is in sight.
  const lowest = useRef(low);
  useLayoutEffect(() => {
    if (scroller.current) scroller.current.scrollTop += (lowest.current - low) * ROW;
    lowest.current = low;
  }, [low]);
  const items = virtual.getVirtualItems();
  const from = low + (items[0]?.index ?? 0);
  const to = low + (items.at(-1)?.index ?? 0);

  const read = async (variables: Omit<BoardPageQueryVariables, 'mode' | 'season' | 'region'>, take = put) => {
    const { data } = await client.query(BoardPage, { mode, season, region, ...variables }).toPromise();
    if (!data) return [];
    const count = data.leaderboard.totalCount;
    setTotal(count);
    // Places beyond the last one are nobody's any more.
    setRows((now) => new Map([...take(now, rowsOf(data.leaderboard))].filter(([rank]) => rank <= count)));
    return data.leaderboard.edges.map(({ node }) => node.rank);
  };

  // Down: the next page when its end is near. Up, for whoever began in the middle: by a button.
  const wanted = to >= high - 12 && high < total;
  useEffect(() => {
    if (busy || !wanted) return;
    setBusy(true);
    // Rows that came by themselves have no cursor: it goes on behind the last that was read.
    const known = ranks.findLast((rank) => rows.get(rank)?.cursor);
    const after = known === undefined ? null : rows.get(known)?.cursor;
    // What could not be read is asked for again, but not at once.
    void read({ first: 100, after }).then((came) => setTimeout(() => setBusy(false), came.length > 0 ? 0 : LOOK_MS));
  }, [wanted, high, busy]);
  const above = async () => {
    const cursor = rows.get(low)?.cursor;
    if (!cursor) return;
    await read({ last: PAGE, before: cursor });
  };

  // The top tells of itself.
  useStream(TopChanged, live && low === 1 ? { mode, region, first: TOP } : null, (heard) => {
    const top = heard.at(-1)?.leaderboardChanged ?? [];
    // Fewer than asked for: those are all.
    const whole = top.length < TOP;
    setRows((now) => {
      const next = put(
        now,
        top.map((entry) => ({ entry, cursor: now.get(entry.rank)?.cursor ?? null })),
      );
      return whole ? new Map([...next].filter(([rank]) => rank <= top.length)) : next;
    });
    if (whole) setTotal(top.length);
  });
  // How many there are is told by nothing.
  const count = useEffectEvent(() => {
    if (document.visibilityState === 'hidden') return;
    void read({ first: 0 });
    if (hole || followed) void look();
  });
  useEffect(() => {
    if (!live) return;
    const timer = setInterval(count, COUNT_MS);
    return () => clearInterval(timer);
  }, [live]);

  // Reads the rows in sight. They may have moved since their cursors were read: so it begins some rows before them, and
  // further before where that was not enough.
  const look = useEffectEvent(async () => {
    for (const margin of [10, 30, 60]) {
      const start = ranks.findLast((rank) => rank <= from - margin && rows.get(rank)?.cursor) ?? low;
      const after = start > 1 ? (rows.get(start)?.cursor ?? null) : null;
      const came = await read({ first: Math.min(100, to - start + margin), after });
      if (start === low || (came.includes(from) && came.includes(Math.min(to, total)))) return;
    }
  });
  // Of those further down, whoever is in sight is followed: when one of them moves, they are looked at again.
  const seen = ranks.filter((rank) => rank >= from && rank <= to && rank > (low === 1 ? TOP : 0));
  const inSight = useRested(
    seen
      .map((rank) => rows.get(rank)!.entry.user.id)
      .sort()
      .slice(0, 100),
  );
  // Who came into sight may have moved meanwhile; and where somebody moved away nobody is known.
  const back = useStore(comebacks);
  const followed = inSight.join();
  const hole = items.some(({ index }) => !rows.has(low + index));
  useEffect(() => {
    if (live && (followed || hole)) void look();
  }, [live, followed, hole, back]);
  useStream(SomeChanged, live && inSight.length > 0 ? { mode, userIds: inSight } : null, () => void look(), {
    togetherMs: LOOK_MS,
  });

  // Whoever is looked for is followed wherever they are, and the view with them while they are in sight.
  const find = useEffectEvent(async () => {
    const there = sought !== undefined && sought >= from && sought <= to;
    await read({ around, first: PAGE }, join);
    if (there) setFollows((n) => n + 1);
  });
  useStream(SomeChanged, live && around ? { mode, userIds: [around] } : null, () => void find(), { togetherMs: LOOK_MS });
  // For whoever comes back to this place in the history.
  const top = low + Math.round((virtual.scrollOffset ?? 0) / ROW);
  const leave = useEffectEvent(() => {
    // The first pages are read from the top.
    const known = top <= PAGE ? undefined : ranks.findLast((rank) => rank <= top - PAGE / 2 && rows.get(rank)?.cursor);
    const before = known === undefined ? null : rows.get(known)!.cursor;
    keep('place', top === low ? undefined : { rank: top, before });
  });
  useEffect(() => {
    const where = location.href;
    const timer = setTimeout(() => location.href === where && leave(), REST_MS);
    return () => clearTimeout(timer);
  }, [top]);

  if (rows.size === 0) return <Empty title="Nobody is listed yet.">A place comes with the placement matches.</Empty>;
  return (
    <div className="stack">
      <div className="apart small quiet">
        <span>
          {number(total)} {total === 1 ? 'player' : 'players'}
        </span>
        {around !== null && sought === undefined && !was && (
          <span role="status">Not listed in this region: these are the places around theirs.</span>
        )}
        {low > 1 && (
          <button type="button" onClick={() => void above()}>
            The {Math.min(PAGE, low - 1)} above
          </button>
        )}
      </div>
      <div className="board" ref={scroller} tabIndex={0} role="table" aria-label="Leaderboard" aria-rowcount={total + 1}>
        <div role="rowgroup">
          <div className="board-row board-head" role="row" aria-rowindex={1}>
            <span role="columnheader">Place</span>
            <span role="columnheader" className="name">
              Player
            </span>
            <span role="columnheader">Tier</span>
            <span role="columnheader" className="end">
              Rating
            </span>
            <span role="columnheader" className="end wide">
              Won–lost
            </span>
            <span role="columnheader" className="end wide">
              Streak
            </span>
          </div>
        </div>
        <div className="board-body" role="rowgroup" style={{ height: virtual.getTotalSize() }}>
          {items.map((item) => {
            const row = rows.get(low + item.index);
            // Somebody left this place, and who has it now is on the way.
            if (!row) return null;
            return (
              <Line
                key={row.entry.user.id}
                entry={row.entry}
                mode={mode}
                offset={item.start}
                mark={row.entry.user.id === self ? 'you' : row.entry.user.id === around ? 'looked for' : undefined}
              />
            );
          })}
        </div>
      </div>
    </div>
  );
}

interface LineProps {
  entry: BoardEntryFragment;
  mode: string;
  offset: number;
  mark: string | undefined;
}

function Line({ entry, mode, offset, mark }: LineProps) {
  const { rank, mmr, user, standing } = entry;
  const { wins, losses, draws, streak } = standing;
  const known = useRef(mmr);
  const moved = known.current !== mmr;
  useEffect(() => {
    known.current = mmr;
  }, [mmr]);
  return (
    <div
      role="row"
      aria-rowindex={rank + 1}
      className={`board-row number${mark ? ' self' : ''}${moved ? ' fresh' : ''}`}
      style={{ transform: `translateY(${offset}px)`, transition: 'transform 0.5s' }}
    >
      <span role="cell">{number(rank)}</span>
      <span role="cell" className="name">
        <Avatar name={user.username} />
        <PlayerLink username={user.username} mode={mode} />
        {mark && <span className="mark">{mark}</span>}
      </span>
      <span role="cell">{standing.tier?.label ?? '–'}</span>
      <span role="cell" className="end">
        {number(mmr)}
      </span>
      <span role="cell" className="end wide">
        {wins}–{losses}
        {draws > 0 && `–${draws}`}
      </span>
      <span role="cell" className={`end wide ${streak > 0 ? 'good' : streak < 0 ? 'bad' : ''}`}>
        {streak === 0 ? '–' : `${streak > 0 ? 'W' : 'L'}${Math.abs(streak)}`}
      </span>
    </div>
  );
}

/** A list that has not changed for a moment. */
function useRested(list: string[]): string[] {
  const [rested, setRested] = useState(list);
  const key = list.join();
  useEffect(() => {
    const timer = setTimeout(() => setRested(list), REST_MS);
    return () => clearTimeout(timer);
  }, [key]);
  return rested;
}
