// The rows of a leaderboard: only those in sight exist, and they follow the server.

import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useEffectEvent, useRef, useState } from 'react';

import { client } from '../../api/client';
import { graphql } from '../../api/gql';
import type { BoardEntryFragment, BoardPageQuery } from '../../api/gql/graphql';
import { useRead, useStream } from '../../api/hooks';
import { comebacks } from '../../api/live';
import { useStore } from '../../api/store';
import { Avatar, PlayerLink } from '../../parts/players';
import './board.css';
import { Empty, Failure, Loading, number } from '../../ui/parts';

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

function rowsOf(page: Page): Row[] {
  return page.edges.map(({ cursor, node }) => ({ cursor, entry: node }));
}

export function Board(props: Props) {
  const { mode, season, region, around } = props;
  const start = useRead(BoardPage, { mode, season, region, around, first: PAGE });
  if (!start.data) return start.error ? <Failure error={start.error} retry={start.reload} /> : <Loading what="the leaderboard" />;
  const page = start.data.leaderboard;
  if (around && page.edges.length === 0) {
    return (
      <Empty title="Not on this leaderboard.">They have placement matches to play, have been away, or play elsewhere.</Empty>
    );
  }
  return <Rows {...props} first={page} />;
}

function Rows({ mode, season, region, around, self, first }: Props & { first: Page }) {
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
  // Whoever is looked for is in the middle.
  const middle = around === null ? -1 : ranks.findIndex((rank) => rows.get(rank)?.entry.user.id === around);
  useEffect(() => {
    if (middle >= 0) virtual.scrollToIndex(middle, { align: 'center' });
  }, []);
  const items = virtual.getVirtualItems();
  const from = low + (items[0]?.index ?? 0);
  const to = low + (items.at(-1)?.index ?? 0);

  const read = async (variables: { first?: number; after?: string | null; last?: number; before?: string | null }) => {
    const { data } = await client.query(BoardPage, { mode, season, region, ...variables }).toPromise();
    if (!data) return [];
    setTotal(data.leaderboard.totalCount);
    setRows((now) => put(now, rowsOf(data.leaderboard)));
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
    const came = await read({ last: PAGE, before: cursor });
    scroller.current?.scrollBy(0, came.length * ROW);
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
    if (hole) void look();
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

  if (rows.size === 0) return <Empty title="Nobody is listed yet.">A place comes with the placement matches.</Empty>;
  return (
    <div className="stack">
      <div className="apart small quiet">
        <span>
          {number(total)} {total === 1 ? 'player' : 'players'}
        </span>
        {low > 1 && (
          <button type="button" onClick={() => void above()}>
            The {Math.min(PAGE, low - 1)} above
          </button>
        )}
      </div>
      <div className="board" ref={scroller} tabIndex={0} role="table" aria-label="Leaderboard" aria-rowcount={total}>
        <div role="rowgroup">
          <div className="board-row board-head" role="row">
            <span role="columnheader">Place</span>
            <span role="columnheader">Player</span>
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
                offset={item.start}
                self={row.entry.user.id === self || row.entry.user.id === around}
              />
            );
          })}
        </div>
      </div>
    </div>
  );
}

function Line({ entry, offset, self }: { entry: BoardEntryFragment; offset: number; self: boolean }) {
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
      aria-rowindex={rank}
      className={`board-row number${self ? ' self' : ''}${moved ? ' fresh' : ''}`}
      style={{ transform: `translateY(${offset}px)`, transition: 'transform 0.5s' }}
    >
      <span role="cell">{number(rank)}</span>
      <span role="cell" className="name">
        <Avatar name={user.username} />
        <PlayerLink username={user.username} />
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
