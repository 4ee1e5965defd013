// How a rating went, with how sure it was.

import { useEffect, useState } from 'react';

import { graphql } from '../../api/gql';
import type { RatingPointPartsFragment } from '../../api/gql/graphql';
import { useRead } from '../../api/hooks';
import { Card, Dialog, Failure, Loading } from '../../ui/parts';
import './chart.css';
import { RatingChart } from './chart';
import { RatingTable } from './table';

graphql(`
  fragment RatingPointParts on RatingPoint {
    at
    mmrBefore
    mmrAfter
    match {
      id
    }
    explanation {
      uncertaintyBefore
      uncertaintyAfter
    }
  }
`);

const History = graphql(`
  query RatingHistory($user: ID!, $mode: ModeId!) {
    user(by: { id: $user }) {
      ratingHistory(mode: $mode, last: 100) {
        nodes {
          ...RatingPointParts
        }
        pageInfo {
          hasPreviousPage
        }
      }
    }
  }
`);

export function RatingHistory({ user, mode, changes }: { user: string; mode: string; changes: number }) {
  const { data, error, reload } = useRead(History, { user, mode });
  useEffect(() => {
    if (changes > 0) reload();
  }, [changes, reload]);
  const [table, setTable] = useState(false);
  const points = data?.user?.ratingHistory.nodes ?? [];
  return (
    <Card
      title="Rating"
      aside={
        points.length > 0 && (
          <button type="button" onClick={() => setTable(true)}>
            As a table
          </button>
        )
      }
    >
      <div className="chart-space">
        {!data && (error ? <Failure error={error} retry={reload} /> : <Loading what="the history" />)}
        {data && points.length === 0 && <p className="quiet">No match has counted yet.</p>}
        {points.length > 0 && (
          <>
            <RatingChart points={points} />
            <p className="quiet small">
              {data?.user?.ratingHistory.pageInfo.hasPreviousPage ? 'The last 100 matches. ' : ''}The band is one standard
              deviation to each side.
            </p>
          </>
        )}
      </div>
      {table && (
        <Dialog title="Rating, match by match" close={() => setTable(false)}>
          <RatingTable points={points} />
        </Dialog>
      )}
    </Card>
  );
}

export type Point = RatingPointPartsFragment;
