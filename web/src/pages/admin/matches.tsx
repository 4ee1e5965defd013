// Matches, and taking them back.

import { useState } from 'react';

import { graphql } from '../../api/gql';
import type { MatchCardFragment, MatchStatus } from '../../api/gql/graphql';
import { useAct, useRead, useStream } from '../../api/hooks';
import { isOpen, MatchCard } from '../../parts/matches';
import { Dialog, Empty, Field, Refusal, Select } from '../../ui/parts';
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
  }
`);

const MatchesMoved = graphql(`
  subscription MatchesMoved {
    liveMatches {
      id
    }
  }
`);

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

export function Matches() {
  const [status, setStatus] = useState<MatchStatus | ''>('');
  const [asked, setAsked] = useState<MatchCardFragment>();
  const filter = { status: status || null };
  const paging = usePaging(JSON.stringify(filter));
  const read = useRead(AllMatches, { filter, after: paging.after });
  // What one is about to press does not move away: newer ones come when they are asked for.
  const [newer, setNewer] = useState(false);
  useStream(MatchesMoved, {}, () => setNewer(true), { togetherMs: 1_000 });
  const again = () => {
    setNewer(false);
    read.reload();
  };
  const page = read.data?.matches;
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

function Undo({ match, close, done }: { match: MatchCardFragment; close: () => void; done: () => void }) {
  const takeBack = useAct(VoidMatch, done);
  const cancel = useAct(CancelMatch, done);
  const open = isOpen(match.status);
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
