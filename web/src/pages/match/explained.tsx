// Why a rating changed as it did: the numbers that it was worked out from, in words.

import type { CombinedError } from '@urql/core';
import { useEffect, useState } from 'react';

import { client } from '../../api/client';
import { graphql } from '../../api/gql';
import type { ExplanationFragment, MatchWholeFragment } from '../../api/gql/graphql';
import { Dialog, Empty, Failure, Loading, number } from '../../ui/parts';

graphql(`
  fragment Explanation on RatingExplanation {
    ratingBefore
    ratingAfter
    uncertaintyBefore
    uncertaintyAtMatch
    uncertaintyAfter
    idleDays
    volatilityBefore
    volatilityAfter
    expectedScore
    score
    share
    opponents {
      teamIndex
      ratingDifference
      uncertainty
      expectedScore
      score
    }
  }
`);

const Explanations = graphql(`
  query Explanations($user: ID!, $mode: ModeId!, $season: ID!, $before: String) {
    user(by: { id: $user }) {
      ratingHistory(mode: $mode, season: $season, last: 100, before: $before) {
        nodes {
          match {
            id
          }
          explanation {
            ...Explanation
          }
        }
        pageInfo {
          hasPreviousPage
          startCursor
        }
      }
    }
  }
`);

/** Pages of 100 matches that are looked through for the one. */
const PAGES = 20;

/** What became of looking for it: `far` where it lies behind all that was looked through; null where it is no longer kept. */
type Found = { error: CombinedError } | { far: true } | { explanation: ExplanationFragment | null };

async function find(user: string, match: MatchWholeFragment): Promise<Found> {
  let before: string | null = null;
  for (let page = 0; page < PAGES; page++) {
    const variables: { user: string; mode: string; season: string; before: string | null } = {
      user,
      mode: match.mode.id,
      season: match.season.id,
      before,
    };
    const { data, error } = await client.query(Explanations, variables).toPromise();
    if (error) return { error };
    const history = data?.user?.ratingHistory;
    const point = history?.nodes.find((node) => node.match.id === match.id);
    if (point) return { explanation: point.explanation };
    if (!history?.pageInfo.hasPreviousPage) return { explanation: null };
    before = history.pageInfo.startCursor;
  }
  return { far: true };
}

export function Explained({
  user,
  match,
  close,
}: {
  user: { id: string; username: string };
  match: MatchWholeFragment;
  close: () => void;
}) {
  const [found, setFound] = useState<Found>();
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    let over = false;
    setFound(undefined);
    void find(user.id, match).then((became) => !over && setFound(became));
    return () => {
      over = true;
    };
  }, [user.id, match.id, turn]);
  return (
    <Dialog title={`The rating of ${user.username}`} close={close}>
      {found === undefined && <Loading what="the explanation" />}
      {found && 'error' in found && <Failure error={found.error} retry={() => setTurn((n) => n + 1)} />}
      {found && 'far' in found && (
        <Empty title={`It was more than ${number(PAGES * 100)} matches ago.`}>So far back this page does not look.</Empty>
      )}
      {found &&
        'explanation' in found &&
        (found.explanation ? <Words of={found.explanation} /> : <Empty title="It is no longer kept." />)}
    </Dialog>
  );
}

const percent = (value: number) => `${number(value * 100, 1)} %`;

const signed = (value: number) => `${value < 0 ? '−' : '+'}${number(Math.abs(value), 1)}`;

function Words({ of }: { of: ExplanationFragment }) {
  const change = of.ratingAfter - of.ratingBefore;
  const better = of.score > of.expectedScore;
  const days = Math.round(of.idleDays);
  const [before, at] = [number(of.uncertaintyBefore), number(of.uncertaintyAtMatch)];
  return (
    <>
      <p>
        A score of {percent(of.expectedScore)} was expected, {percent(of.score)} came of it: {better ? 'better' : 'worse'} than
        expected, so the rating {change < 0 ? 'fell' : 'rose'} by <strong>{number(Math.abs(change), 2)}</strong>, from{' '}
        {number(of.ratingBefore, 2)} to {number(of.ratingAfter, 2)}.
      </p>
      <p>
        It was known to within ±{at}
        {days >= 1 &&
          at !== before &&
          `, less surely than before ${days} ${days === 1 ? 'day' : 'days'} without a match (±${before})`}
        : the less sure a rating is, the further it moves. Now it is ±{number(of.uncertaintyAfter)}.
        {of.share < 1 && ` Of the team’s change each player takes ${percent(of.share)}.`}
      </p>
      <div className="scroll" tabIndex={0} role="region" aria-label="Team by team">
        <table>
          <thead>
            <tr>
              <th>Against</th>
              <th className="number">Own rating minus theirs</th>
              <th className="number">Their ±</th>
              <th className="number">Expected</th>
              <th className="number">Score</th>
            </tr>
          </thead>
          <tbody>
            {of.opponents.map((team) => (
              <tr key={team.teamIndex}>
                <td>Team {team.teamIndex + 1}</td>
                <td className="number">{signed(team.ratingDifference)}</td>
                <td className="number">{number(team.uncertainty)}</td>
                <td className="number">{percent(team.expectedScore)}</td>
                <td className="number">{team.score}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <p className="quiet small">
        Glicko-2; volatility {of.volatilityBefore.toFixed(5)} → {of.volatilityAfter.toFixed(5)}.
      </p>
    </>
  );
}
