// How pages read and follow.

import { createRequest, type AnyVariables, type CombinedError, type TypedDocumentNode } from '@urql/core';
import { useCallback, useEffect, useEffectEvent, useRef, useState } from 'react';

import { client } from './client';
import { reasonOf } from './errors';
import { comebacks } from './reach';
import { session } from './session';
import { useStore } from './store';

/** What became of a read. What was read stays while it is read again, or cannot be. */
export interface Read<D> {
  data: D | undefined;
  error: CombinedError | undefined;
  reload: () => void;
}

/** When what was read was asked for: what was heard since may be newer. */
const askedAt = new WeakMap<object, number>();

let reads = 0;

/** Sends a query of its own: the client answers one that it is sending already, which may be from before what one heard. */
async function ask<D, V extends AnyVariables>(document: TypedDocumentNode<D, V>, variables: V) {
  const asked = performance.now();
  reads += 1;
  const { data, error } = await client.executeQuery({ ...createRequest(document, variables), key: -reads }).toPromise();
  for (const part of Object.values(data ?? {})) if (part instanceof Object) askedAt.set(part, asked);
  return { data, error };
}

/**
 * Reads when the page opens, when the variables change, and when the server is back after a break; nothing while they are null.
 * What is to be read again while it is being read is read once more then.
 */
export function useRead<D, V extends AnyVariables>(document: TypedDocumentNode<D, V>, variables: V | null): Read<D> {
  const [state, setState] = useState<{ key: string; data?: D; error?: CombinedError }>({ key: '' });
  const again = useRef(() => {});
  const key = JSON.stringify(variables);
  useEffect(() => {
    if (variables === null) return;
    let over = false;
    let reading = false;
    let stale = false;
    const read = async () => {
      stale = reading;
      if (reading) return;
      reading = true;
      do {
        stale = false;
        const { data, error } = await ask(document, variables);
        if (over) return;
        setState((last) => {
          const kept = last.key === key ? last.data : undefined;
          return { key, data: data ?? kept, error };
        });
        // Set meanwhile, by whoever asked.
      } while (stale as boolean);
      reading = false;
    };
    again.current = () => void read();
    void read();
    const left = comebacks.subscribe(again.current);
    return () => {
      over = true;
      again.current = () => {};
      left();
    };
    // The key stands for the variables.
  }, [document, key]);
  const reload = useCallback(() => again.current(), []);
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

/** What is read and what is heard of the same thing: whichever is newer. */
export function useLatest<T>(read: T | null | undefined): [T | undefined, (heard: T | undefined) => void] {
  const [latest, setLatest] = useState<T>();
  const heardAt = useRef(-Infinity);
  useEffect(() => {
    const asked = read instanceof Object ? (askedAt.get(read) ?? Infinity) : Infinity;
    if (read && asked >= heardAt.current) setLatest(read);
  }, [read]);
  const hear = (heard: T | undefined) => {
    if (!heard) return;
    heardAt.current = performance.now();
    setLatest(heard);
  };
  return [latest ?? read ?? undefined, hear];
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
