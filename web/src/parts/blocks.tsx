// Whom the viewer is never matched with.

import { graphql } from '../api/gql';
import { useAct, useRead, useViewer } from '../api/hooks';
import { Refusal } from '../ui/parts';

export const Blocked = graphql(`
  query Blocked {
    me {
      id
      blockedUsers {
        id
        username
      }
    }
  }
`);

const Block = graphql(`
  mutation BlockUser($input: BlockUserInput!) {
    blockUser(input: $input) {
      user {
        id
      }
    }
  }
`);

export const Unblock = graphql(`
  mutation UnblockUser($input: BlockUserInput!) {
    unblockUser(input: $input) {
      unblocked
    }
  }
`);

/** On the page of somebody else. */
export function BlockButton({ userId }: { userId: string }) {
  const viewer = useViewer();
  const { data, reload } = useRead(Blocked, viewer && viewer.id !== userId ? {} : null);
  const block = useAct(Block, reload);
  const unblock = useAct(Unblock, reload);
  const blocked = data?.me?.blockedUsers;
  if (!blocked) return null;
  const is = blocked.some(({ id }) => id === userId);
  const act = is ? unblock : block;
  return (
    <>
      <button
        type="button"
        disabled={act.busy}
        onClick={() => void act.run({ input: { userId } })}
        title="Who is blocked is never matched with you, on either side. They are not told."
      >
        {is ? 'Unblock' : 'Block'}
      </button>
      <Refusal error={act.error} />
    </>
  );
}
