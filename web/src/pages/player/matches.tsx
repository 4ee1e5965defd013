// The latest matches of a player, and whom they met in them.

import type { CombinedError } from '@urql/core';
import { useEffect, useState } from 'react';

import { client } from '../../api/client';
import { graphql } from '../../api/gql';
import type { MatchCardFragment, PlayerMatchesQuery } from '../../api/gql/graphql';
import { useRead, useViewer } from '../../api/hooks';
import { MatchCard } from '../../parts/matches';
import { PlayerLink } from '../../parts/players';
import { Card, Empty, Failure, Loading, number, Refusal } from '../../ui/parts';

const Matches = graphql(`
  query PlayerMatches($user: ID!, $mode: ModeId, $first: Int!, $after: String) {
    user(by: { id: $user }) {
      matches(mode: $mode, first: $first, after: $after) {
        nodes {
          ...MatchCard
        }
        pageInfo {
          hasNextPage
          endCursor
        }
      }
    }
  }
`);

/** Matches that are shown at first, and more with each press; how many are read at once; opponents that are listed. */
const SHOWN = 12;
const PAGE = 100;
const LISTED = 10;

interface Met {
  id: string;
  username: string;
  won: number;
  lost: number;
  drawn: number;
}

/** Against whom, and how that went, most met first. Voided matches do not count. */
export function headToHead(user: string, matches: MatchCardFragment[]): Met[] {
  const met = new Map<string, Met>();
  for (const match of matches) {
    const own = match.teams.find((team) => team.players.some((player) => player.user.id === user));
    if (!own?.outcome || match.voidedAt) continue;
    for (const { user: other } of match.teams.filter((team) => team !== own).flatMap((team) => team.players)) {
      const so = met.get(other.id) ?? { ...other, won: 0, lost: 0, drawn: 0 };
      if (own.outcome === 'WIN') so.won += 1;
      else if (own.outcome === 'LOSS') so.lost += 1;
      else so.drawn += 1;
      met.set(other.id, so);
    }
  }
  return [...met.values()].sort(
    (a, b) => b.won + b.lost + b.drawn - (a.won + a.lost + a.drawn) || a.username.localeCompare(b.username),
  );
}

type Found = NonNullable<PlayerMatchesQuery['user']>['matches'];

/** Pages behind the first, which is read again as they play. */
function useOlder(user: string, mode: string | null, first: Found | undefined) {
  const [older, setOlder] = useState<Found[]>([]);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<CombinedError>();
  const end = (older.at(-1) ?? first)?.pageInfo;
  const more = async () => {
    setBusy(true);
    const answer = await client.query(Matches, { user, mode, first: PAGE, after: end?.endCursor ?? null }).toPromise();
    setBusy(false);
    setError(answer.error);
    const page = answer.data?.user?.matches;
    if (page) setOlder((now) => [...now, page]);
  };
  // What was on the first page may have moved behind it since.
  const all = new Map([...older, ...(first ? [first] : [])].flatMap(({ nodes }) => nodes).map((match) => [match.id, match]));
  const matches = [...all.values()].sort((a, b) => b.createdAt.localeCompare(a.createdAt));
  return { matches, more: end?.hasNextPage ? more : undefined, busy, error };
}

export function RecentMatches({
  user,
  name,
  mode,
  changes,
}: {
  user: string;
  name: string;
  mode: string | null;
  changes: number;
}) {
  const { data, error, reload } = useRead(Matches, { user, mode, first: PAGE, after: null });
  const [count, setCount] = useState(SHOWN);
  const viewer = useViewer();
  useEffect(() => {
    if (changes > 0) reload();
  }, [changes, reload]);
  const page = data?.user?.matches;
  const older = useOlder(user, mode, page);
  if (!page) return error ? <Failure error={error} retry={reload} /> : <Loading what="matches" />;
  const { matches } = older;
  const all = headToHead(user, matches);
  const you = viewer && all.find(({ id }) => id === viewer.id);
  const met = all.filter((other) => other !== you).slice(0, LISTED);
  const drawn = all.some((other) => other.drawn > 0);
  const more = async () => {
    if (count >= matches.length) await older.more?.();
    setCount((n) => n + SHOWN);
  };
  return (
    <div className="columns">
      <section className="stack" aria-label="Matches">
        <h2>Matches</h2>
        {matches.length === 0 && <Empty title="No matches yet." />}
        <div className="grid">
          {matches.slice(0, count).map((match) => (
            <MatchCard key={match.id} match={match} />
          ))}
        </div>
        {(count < matches.length || older.more) && (
          <button type="button" disabled={older.busy} onClick={() => void more()}>
            Show more
          </button>
        )}
        <Refusal error={older.error} />
      </section>
      <Card
        title="Head to head"
        aside={
          <span className="quiet small">
            {older.more ? `the last ${matches.length} matches` : 'all matches'}
            {all.length > LISTED && `, the ${LISTED} met most of ${number(all.length)}`}
          </span>
        }
      >
        {viewer && viewer.id !== user && (
          <p data-testid="against-you">
            {you
              ? `Against you: ${name} won ${you.won}, lost ${you.lost}${you.drawn > 0 ? `, drew ${you.drawn}` : ''}.`
              : 'You have not met in these.'}
          </p>
        )}
        {all.length === 0 ? (
          <p className="quiet">{name} has met nobody yet.</p>
        ) : (
          met.length > 0 && (
            <div className="scroll" tabIndex={0} role="region" aria-label="Whom they met">
              <table>
                <thead>
                  <tr>
                    <th>Against</th>
                    <th className="number">Won</th>
                    <th className="number">Lost</th>
                    {drawn && <th className="number">Drawn</th>}
                  </tr>
                </thead>
                <tbody>
                  {met.map((other) => (
                    <tr key={other.id}>
                      <td>
                        <PlayerLink username={other.username} />
                      </td>
                      <td className="number">{other.won}</td>
                      <td className="number">{other.lost}</td>
                      {drawn && <td className="number">{other.drawn}</td>}
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          )
        )}
      </Card>
    </div>
  );
}
