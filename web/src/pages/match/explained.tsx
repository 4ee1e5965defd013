// Why a rating changed as it did: the numbers that it was worked out from, in words.

import { useEffect, useState } from 'react';

import { client } from '../../api/client';
import { graphql } from '../../api/gql';
import type { ExplanationFragment, MatchWholeFragment } from '../../api/gql/graphql';
import { Dialog, Empty, Loading } from '../../ui/parts';

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

/** The explanation of that match; null where it is no longer kept. */
async function find(user: string, match: MatchWholeFragment): Promise<ExplanationFragment | null> {
  let before: string | null = null;
  for (let page = 0; page < PAGES; page++) {
    const variables: { user: string; mode: string; season: string; before: string | null } = {
      user,
      mode: match.mode.id,
      season: match.season.id,
      before,
    };
    const { data } = await client.query(Explanations, variables).toPromise();
    const history = data?.user?.ratingHistory;
    const point = history?.nodes.find((node) => node.match.id === match.id);
    if (point) return point.explanation;
    if (!history?.pageInfo.hasPreviousPage) return null;
    before = history.pageInfo.startCursor;
  }
  return null;
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
  const [found, setFound] = useState<ExplanationFragment | null>();
  useEffect(() => {
    void find(user.id, match).then(setFound);
  }, [user.id, match.id]);
  return (
    <Dialog title={`The rating of ${user.username}`} close={close}>
      {found === undefined && <Loading what="the explanation" />}
      {found === null && <Empty title="It is no longer kept." />}
      {found && <Words of={found} />}
    </Dialog>
  );
}

const percent = (value: number) => `${(value * 100).toFixed(1)} %`;

function Words({ of }: { of: ExplanationFragment }) {
  const change = of.ratingAfter - of.ratingBefore;
  const better = of.score > of.expectedScore;
  return (
    <>
      <p>
        A score of {percent(of.expectedScore)} was expected, {percent(of.score)} came of it: {better ? 'better' : 'worse'} than
        expected, so the rating {change < 0 ? 'fell' : 'rose'} by <strong>{Math.abs(change).toFixed(2)}</strong>, from{' '}
        {of.ratingBefore.toFixed(2)} to {of.ratingAfter.toFixed(2)}.
      </p>
      <p>
        It was known to within ±{of.uncertaintyAtMatch.toFixed(0)}
        {of.idleDays >= 1 &&
          `, less surely than before ${of.idleDays.toFixed(0)} days without a match (±${of.uncertaintyBefore.toFixed(0)})`}
        : the less sure a rating is, the further it moves. Now it is ±{of.uncertaintyAfter.toFixed(0)}.
        {of.share < 1 && ` Of the team’s change each player takes ${percent(of.share)}.`}
      </p>
      <table>
        <thead>
          <tr>
            <th>Against</th>
            <th className="number">Rated better by</th>
            <th className="number">Their ±</th>
            <th className="number">Expected</th>
            <th className="number">Score</th>
          </tr>
        </thead>
        <tbody>
          {of.opponents.map((team) => (
            <tr key={team.teamIndex}>
              <td>Team {team.teamIndex + 1}</td>
              <td className="number">{team.ratingDifference.toFixed(1)}</td>
              <td className="number">{team.uncertainty.toFixed(0)}</td>
              <td className="number">{percent(team.expectedScore)}</td>
              <td className="number">{team.score}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <p className="quiet small">
        Glicko-2; volatility {of.volatilityBefore.toFixed(5)} → {of.volatilityAfter.toFixed(5)}.
      </p>
    </>
  );
}
