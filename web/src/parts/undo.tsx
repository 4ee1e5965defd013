// Taking a match back: cancelling one that is not over, voiding the result of one that is.

import { useState } from 'react';

import { graphql } from '../api/gql';
import type { MatchStatus } from '../api/gql/graphql';
import { useAct } from '../api/hooks';
import { Dialog, Field, Refusal } from '../ui/parts';
import { isOpen } from './matches';

const VoidMatch = graphql(`
  mutation VoidMatch($input: VoidMatchInput!) {
    voidMatch(input: $input) {
      pending
    }
  }
`);

const CancelMatch = graphql(`
  mutation CancelMatch($input: CancelMatchInput!) {
    cancelMatch(input: $input) {
      match {
        id
      }
    }
  }
`);

/** `done` is called when it is taken back; where that reaches so many that it takes a while, once that was read. */
export function Undo({
  match,
  close,
  done,
}: {
  match: { id: string; status: MatchStatus };
  close: () => void;
  done: () => void;
}) {
  const [pending, setPending] = useState(false);
  const takeBack = useAct(VoidMatch, ({ voidMatch }) => (voidMatch.pending ? setPending(true) : done()));
  const cancel = useAct(CancelMatch, done);
  const open = isOpen(match.status);
  if (pending) {
    return (
      <Dialog title="The match is void" close={done}>
        <p role="status">
          It counts no more. The ratings of those whom it reaches are still being worked out, and move one after the other.
        </p>
      </Dialog>
    );
  }
  return (
    <Dialog title={open ? 'Cancel the match' : 'Void the match'} close={close}>
      <p>
        {open
          ? 'It ends without a result, and its players are free again.'
          : 'Every rating change of it is taken back, and what came after it is worked out anew.'}
      </p>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          const reason = String(new FormData(event.currentTarget).get('reason'));
          const act = open ? cancel : takeBack;
          void act.run({ input: { matchId: match.id, reason } });
        }}
      >
        <Field label="Why" name="reason" required maxLength={500} hint="The players and the audit log are told" />
        <button className="danger" disabled={takeBack.busy || cancel.busy}>
          {open ? 'Cancel the match' : 'Void the match'}
        </button>
        <Refusal error={takeBack.error ?? cancel.error} />
      </form>
    </Dialog>
  );
}
