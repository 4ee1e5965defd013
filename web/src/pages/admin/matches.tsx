// Matches, and taking them back.

import { useState } from 'react';

import { graphql } from '../../api/gql';
import type { MatchCardFragment, MatchesMovedSubscription, MatchStatus } from '../../api/gql/graphql';
import { useRead, useStream } from '../../api/hooks';
import { isOpen, MatchCard } from '../../parts/matches';
import { PlayerSearch } from '../../parts/players';
import { Undo } from '../../parts/undo';
import { Empty, Select } from '../../ui/parts';
import { Pending, Turn, usePaging } from './pages';

const AllMatches = graphql(`
  query AllMatches($filter: MatchFilter, $after: String) {
    matches(filter: $filter, first: 24, after: $after) {
      nodes {
        ...MatchCard
      }
      pageInfo {
        ...PageEnd
      }
    }
    newest: matches(first: 1) {
      nodes {
        createdAt
      }
    }
  }
`);

const MatchesMoved = graphql(`
  subscription MatchesMoved {
    liveMatches {
      id
      status
      createdAt
    }
  }
`);

/** So much of what was told is remembered. */
const TOLD = 500;

export function Matches() {
  const [status, setStatus] = useState<MatchStatus | ''>('');
  const [player, setPlayer] = useState<{ id: string; username: string }>();
  const [asked, setAsked] = useState<MatchCardFragment>();
  const filter = { status: status || null, userId: player?.id ?? null };
  const paging = usePaging(JSON.stringify(filter));
  const read = useRead(AllMatches, { filter, after: paging.after });
  // What one is about to press does not move away: newer ones come when they are asked for. The stream begins with those that
  // are open, which is nothing new.
  const page = read.data?.matches;
  const since = read.data?.newest.nodes[0]?.createdAt ?? '';
  const [told, setTold] = useState<MatchesMovedSubscription['liveMatches'][]>([]);
  useStream(MatchesMoved, {}, (heard) => setTold((now) => [...now, ...heard.map((one) => one.liveMatches)].slice(-TOLD)), {
    togetherMs: 1_000,
  });
  const newer = told.some(({ id, status: is, createdAt }) =>
    isOpen(is) ? createdAt > since : page?.nodes.find((match) => match.id === id)?.status !== is,
  );
  const again = () => {
    setTold([]);
    read.reload();
  };
  return (
    <>
      <div className="filters">
        <Select
          label="Which"
          value={status}
          options={[
            { value: '', label: 'All' },
            { value: 'READY_CHECK', label: 'In ready check' },
            { value: 'PENDING', label: 'About to start' },
            { value: 'IN_PROGRESS', label: 'In progress' },
            { value: 'COMPLETED', label: 'Over' },
            { value: 'CANCELLED', label: 'Cancelled' },
          ]}
          onChange={setStatus}
        />
        <PlayerSearch label="Of whom" choose={setPlayer} />
        {player && (
          <button type="button" onClick={() => setPlayer(undefined)} aria-label={`Of ${player.username}: show everybody’s`}>
            Of {player.username} <span aria-hidden>×</span>
          </button>
        )}
        <button type="button" onClick={again}>
          {newer ? 'Look again: something has changed' : 'Look again'}
        </button>
      </div>
      <Pending read={read} what="matches" />
      {page?.nodes.length === 0 && <Empty title="There are none." />}
      <div className="grid">
        {page?.nodes.map((match) => (
          <div key={match.id} className="stack">
            <MatchCard match={match} />
            {(isOpen(match.status) || (match.status === 'COMPLETED' && !match.voidedAt)) && (
              <button type="button" className="danger" onClick={() => setAsked(match)}>
                {isOpen(match.status) ? 'Cancel it …' : 'Void it …'}
              </button>
            )}
          </div>
        ))}
      </div>
      <Turn paging={paging} info={page?.pageInfo} />
      {asked && (
        <Undo
          match={asked}
          close={() => setAsked(undefined)}
          done={() => {
            setAsked(undefined);
            again();
          }}
        />
      )}
    </>
  );
}
