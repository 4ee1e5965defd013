// How pages read and follow.

import type { AnyVariables, CombinedError, TypedDocumentNode } from '@urql/core';
import { useCallback, useEffect, useEffectEvent, useState } from 'react';

import { client } from './client';
import { reasonOf } from './errors';
import { comebacks } from './live';
import { session } from './session';
import { useStore } from './store';

/** What became of a read. What was read stays while it is read again, or cannot be. */
export interface Read<D> {
  data: D | undefined;
  error: CombinedError | undefined;
  reload: () => void;
}

/** Reads when the page opens, when the variables change, and when the server is back after a break; nothing while they are null. */
export function useRead<D, V extends AnyVariables>(document: TypedDocumentNode<D, V>, variables: V | null): Read<D> {
  const [state, setState] = useState<{ key: string; data?: D; error?: CombinedError }>({ key: '' });
  const [turn, setTurn] = useState(0);
  const back = useStore(comebacks);
  const key = JSON.stringify(variables);
  useEffect(() => {
    if (variables === null) return;
    let over = false;
    void client
      .query(document, variables)
      .toPromise()
      .then(({ data, error }) => {
        if (over) return;
        setState((last) => {
          const kept = last.key === key ? last.data : undefined;
          return { key, data: data ?? kept, error };
        });
      });
    return () => {
      over = true;
    };
    // The key stands for the variables.
  }, [document, key, turn, back]);
  const reload = useCallback(() => setTurn((n) => n + 1), []);
  const current = state.key === key ? state : undefined;
  return { data: current?.data, error: current?.error, reload };
}

/** How many milliseconds what is heard waits for more of it: a page under load draws a few times a second, not for each event. */
const TOGETHER_MS = 120;

/**
 * Follows a stream, from when the page opens; nothing while the variables are null. What comes together is handed over
 * together. `lost` is called where the stream cannot go on where it stopped: then the page reads anew. `ended` is called where it
 * is over.
 */
export function useStream<D, V extends AnyVariables>(
  document: TypedDocumentNode<D, V>,
  variables: V | null,
  take: (heard: D[]) => void,
  { lost, ended, togetherMs = TOGETHER_MS }: { lost?: () => void; ended?: () => void; togetherMs?: number } = {},
): CombinedError | undefined {
  const [error, setError] = useState<CombinedError>();
  const taken = useEffectEvent(take);
  const gone = useEffectEvent(() => lost?.());
  const over = useEffectEvent(() => ended?.());
  const key = JSON.stringify(variables);
  useEffect(() => {
    if (variables === null) return;
    let heard: D[] = [];
    let timer: ReturnType<typeof setTimeout> | undefined;
    const flush = () => {
      timer = undefined;
      const items = heard;
      heard = [];
      taken(items);
    };
    const { unsubscribe } = client.subscription(document, variables).subscribe((result) => {
      setError(result.error);
      if (reasonOf(result.error) === 'CURSOR_EXPIRED') gone();
      // The end of a stream shows its last answer once more.
      if (!result.hasNext && !result.error) over();
      if (!result.data || !result.hasNext) return;
      heard.push(result.data);
      timer ??= setTimeout(flush, togetherMs);
    });
    return () => {
      clearTimeout(timer);
      unsubscribe();
    };
  }, [document, key, togetherMs]);
  return error;
}

/** What is read and what is heard of the same thing: whichever came last. */
export function useLatest<T>(read: T | null | undefined): [T | undefined, (heard: T | undefined) => void] {
  const [latest, setLatest] = useState<T>();
  useEffect(() => {
    if (read) setLatest(read);
  }, [read]);
  return [latest ?? read ?? undefined, (heard) => heard && setLatest(heard)];
}

/** What a button does: whether it is at it, and what was refused. */
export interface Act<V> {
  run: (variables: V) => Promise<boolean>;
  busy: boolean;
  error: CombinedError | undefined;
}

/** Something that the viewer can do; `done` hears what came of it. */
export function useAct<D, V extends AnyVariables>(document: TypedDocumentNode<D, V>, done?: (data: D) => void): Act<V> {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<CombinedError>();
  const run = async (variables: V) => {
    setBusy(true);
    const result = await client.mutation(document, variables).toPromise();
    setBusy(false);
    setError(result.error);
    if (result.error || !result.data) return false;
    done?.(result.data);
    return true;
  };
  return { run, busy, error };
}

/** Who is signed in; null while nobody is. */
export function useViewer() {
  const now = useStore(session);
  return now.phase === 'in' ? now.viewer : null;
}
