// The latest matches of a player, and whom they met in them.

import { useEffect, useState } from 'react';

import { graphql } from '../../api/gql';
import type { MatchCardFragment } from '../../api/gql/graphql';
import { useRead } from '../../api/hooks';
import { MatchCard } from '../../parts/matches';
import { PlayerLink } from '../../parts/players';
import { Card, Empty, Failure, Loading } from '../../ui/parts';

const Matches = graphql(`
  query PlayerMatches($user: ID!, $mode: ModeId) {
    user(by: { id: $user }) {
      matches(mode: $mode, first: 100) {
        nodes {
          ...MatchCard
        }
        pageInfo {
          hasNextPage
        }
      }
    }
  }
`);

const SHOWN = 12;

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
  const { data, error, reload } = useRead(Matches, { user, mode });
  const [count, setCount] = useState(SHOWN);
  useEffect(() => {
    if (changes > 0) reload();
  }, [changes, reload]);
  const page = data?.user?.matches;
  if (!page) return error ? <Failure error={error} retry={reload} /> : <Loading what="matches" />;
  const met = headToHead(user, page.nodes).slice(0, 10);
  return (
    <div className="columns">
      <section className="stack" aria-label="Matches">
        <h2>Matches</h2>
        {page.nodes.length === 0 && <Empty title="No matches yet." />}
        <div className="grid">
          {page.nodes.slice(0, count).map((match) => (
            <MatchCard key={match.id} match={match} />
          ))}
        </div>
        {count < page.nodes.length && (
          <button type="button" onClick={() => setCount((n) => n + SHOWN)}>
            Show more
          </button>
        )}
      </section>
      <Card
        title="Head to head"
        aside={<span className="quiet small">{page.pageInfo.hasNextPage ? 'the last 100 matches' : 'all matches'}</span>}
      >
        {met.length === 0 ? (
          <p className="quiet">{name} has met nobody yet.</p>
        ) : (
          <table>
            <thead>
              <tr>
                <th>Against</th>
                <th className="number">Won</th>
                <th className="number">Lost</th>
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
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </Card>
    </div>
  );
}
