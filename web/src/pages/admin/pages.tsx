// Lists that come a page at a time.

import { useEffect, useState } from 'react';

import { graphql } from '../../api/gql';
import type { PageEndFragment } from '../../api/gql/graphql';
import type { Read } from '../../api/hooks';
import { Failure, Loading } from '../../ui/parts';

graphql(`
  fragment PageEnd on PageInfo {
    hasNextPage
    endCursor
  }
`);

export interface Paging {
  after: string | null;
  next: (cursor: string | null | undefined) => void;
  back: () => void;
  first: boolean;
}

/** Where in a list one is, and how one came there. It starts anew when what is looked for changes. */
export function usePaging(key: string): Paging {
  const [way, setWay] = useState<{ key: string; cursors: string[] }>({ key, cursors: [] });
  const cursors = way.key === key ? way.cursors : [];
  return {
    after: cursors.at(-1) ?? null,
    next: (cursor) => cursor && setWay({ key, cursors: [...cursors, cursor] }),
    back: () => setWay({ key, cursors: cursors.slice(0, -1) }),
    first: cursors.length === 0,
  };
}

export function Turn({ paging, info }: { paging: Paging; info: PageEndFragment | undefined }) {
  if (paging.first && !info?.hasNextPage) return null;
  return (
    <div className="row">
      <button type="button" disabled={paging.first} onClick={paging.back}>
        Back
      </button>
      <button type="button" disabled={!info?.hasNextPage} onClick={() => paging.next(info?.endCursor)}>
        Next
      </button>
    </div>
  );
}

/** What was read last, also while something else is. */
export function useKept<D>(data: D | undefined): D | undefined {
  const [kept, setKept] = useState(data);
  useEffect(() => {
    if (data !== undefined) setKept(data);
  }, [data]);
  return data ?? kept;
}

/** What stands there until something was read. */
export function Pending({ read, what, known = false }: { read: Read<unknown>; what: string; known?: boolean }) {
  if (read.error) return <Failure error={read.error} retry={read.reload} />;
  return read.data || known ? null : <Loading what={what} />;
}
