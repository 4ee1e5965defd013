// Why one is looking again: the match that was found fell through.

import { graphql } from '../../api/gql';
import { useRead } from '../../api/hooks';
import { sentence } from '../../parts/matches';
import { Card } from '../../ui/parts';

const FellThrough = graphql(`
  query FellThrough($id: ID!) {
    match(id: $id) {
      status
      cancelReason
      teams {
        players {
          accepted
          user {
            id
          }
        }
      }
    }
  }
`);

/** Nothing, where the match did not. */
export function Fell({ id, self }: { id: string; self: string }) {
  const { data } = useRead(FellThrough, { id });
  const match = data?.match;
  const told = match?.status === 'CANCELLED';
  const me = match?.teams.flatMap(({ players }) => players).find(({ user }) => user.id === self);
  return (
    <div role="status">
      {told && (
        <Card title="The match fell through">
          <p>
            {sentence(match.cancelReason)} {me?.accepted && 'You are in the queue again, and your wait counts on.'}
          </p>
        </Card>
      )}
    </div>
  );
}
