// The socket that carries every subscription of the page. After a break it comes back by itself, and streams with a cursor
// go on behind the last one that was heard.

import type { SubscriptionForwarder } from '@urql/core';
import type { GraphQLError } from 'graphql';
import { createClient, MessageType, stringifyMessage, type SubscribePayload } from 'graphql-ws';

import { comeBack, comebacks, onHope, reached } from './reach';
import { isFresh, renewed, renewedAfterRefusal, session, token } from './session';
import { store } from './store';

export { comebacks };

/** Whether what the page shows follows the server just now. */
export type Connection = 'idle' | 'connecting' | 'live' | 'lost';

export const connection = store<Connection>('idle');

let socket: WebSocket | null = null;
/** Whether the socket has gone away by itself, and none has come in its place yet. */
let broken = false;
/** Whether the socket is being left since nothing comes over it any more. */
let dead = false;
/** How many streams are followed. */
let followers = 0;
/** Ends the pause before the next attempt. */
let hurry = () => {};

/** How long a server may take to answer a ping, and how long where something hints at its being gone. */
const PATIENCE_MS = 10_000;
const HINTED_MS = 4_000;

const client = createClient({
  url: `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/graphql`,
  lazy: true,
  lazyCloseTimeout: 3_000,
  keepAlive: 15_000,
  retryAttempts: Infinity,
  shouldRetry: () => true,
  // Soon at first, then every few seconds, not all at the same moment.
  retryWait: (retries) =>
    new Promise((passed) => {
      hurry = passed;
      setTimeout(passed, Math.min(250 * 2 ** retries, 4_000) * (0.5 + Math.random()));
    }),
  connectionParams: async (): Promise<Record<string, string>> => {
    if (session.get().phase !== 'out' && !isFresh()) await renewed();
    const bearer = token.get();
    return bearer ? { authorization: `Bearer ${bearer}` } : {};
  },
  on: {
    connecting: () => connection.set(broken ? 'lost' : 'connecting'),
    connected: (opened) => {
      socket = opened as WebSocket;
      connection.set('live');
      if (broken) comeBack();
      broken = false;
    },
    closed: (event) => {
      socket = null;
      clearTimeout(silence);
      const { code } = event as CloseEvent;
      // Left since nobody follows anything, or for a socket of somebody else's.
      const meant = (code === 1000 || code === 4499) && !dead;
      dead = false;
      broken ||= !meant;
      connection.set(meant || followers === 0 ? 'idle' : 'lost');
      // The session ended elsewhere.
      if (code === 4403) void renewedAfterRefusal();
    },
    // A server that is silent for too long is left, for the next connection to find another.
    ping: (received) => {
      if (!received) expectAnswer(PATIENCE_MS);
    },
    pong: (received) => received && clearTimeout(silence),
  },
});

let silence: ReturnType<typeof setTimeout> | undefined;

function expectAnswer(withinMs: number): void {
  const asked = socket;
  clearTimeout(silence);
  silence = setTimeout(() => {
    if (asked !== socket || !asked) return;
    // The browser waits long for the other side to agree to the end: nobody else does.
    dead = true;
    client.terminate();
  }, withinMs);
}

/** Finds out whether the socket is still one; where there is none, tries now and not after the pause. */
function check(): void {
  hurry();
  if (socket?.readyState !== WebSocket.OPEN) return;
  expectAnswer(HINTED_MS);
  socket.send(stringifyMessage({ type: MessageType.Ping }));
}

onHope(check);
reached.subscribe(check);

// A newer token keeps the socket; somebody else, or nobody, needs another one.
let known = token.get();
let who = viewer();
token.subscribe(() => {
  const next = token.get();
  if (next && known && viewer() === who && socket?.readyState === WebSocket.OPEN) {
    socket.send(stringifyMessage({ type: MessageType.Ping, payload: { authorization: `Bearer ${next}` } }));
  }
  known = next;
});
session.subscribe(() => {
  if (viewer() === who) return;
  who = viewer();
  if (socket) client.terminate();
});

function viewer(): string | null {
  const now = session.get();
  return now.phase === 'in' ? now.viewer.id : null;
}

function cursorOf(data: unknown): string | null {
  const [entry] = Object.values((data ?? {}) as Record<string, unknown>);
  const cursor = (entry as { cursor?: unknown } | null | undefined)?.cursor;
  return typeof cursor === 'string' ? cursor : null;
}

/** What passes by itself: a stream that ends with it is asked for again. */
const PASSING = ['SERVICE_UNAVAILABLE', 'RATE_LIMITED', 'INTERNAL'];

function passes(errors: unknown): boolean {
  return Array.isArray(errors) && errors.some((error: GraphQLError) => PASSING.includes(String(error.extensions?.code)));
}

/** How urql's subscriptions reach the socket. */
export const forwardSubscription: SubscriptionForwarder = (request) => ({
  subscribe(sink) {
    const variables: Record<string, unknown> = { ...request.variables };
    // The client sends this again after a break, as it is by then.
    const payload: SubscribePayload = { query: request.query ?? '', variables };
    let over = false;
    let failures = 0;
    let stop = () => {};
    followers += 1;
    if (broken && !socket) connection.set('lost');
    const leave = () => {
      if (over) return;
      over = true;
      followers -= 1;
      // Nobody waits for the next attempt any more, and so nobody would hear of it.
      if (followers === 0 && !socket) connection.set('idle');
    };
    const start = () => {
      let failed = false;
      stop = client.subscribe<Record<string, unknown>>(payload, {
        next(result) {
          failed = !result.data && passes(result.errors);
          if (failed) return;
          failures = 0;
          const cursor = cursorOf(result.data);
          if (cursor && 'after' in variables) variables.after = cursor;
          sink.next(result as Parameters<typeof sink.next>[0]);
        },
        error(error) {
          // The client gives up where the token ran out, which a machine that slept can't help.
          if (error instanceof CloseEvent || passes(error)) return void again();
          leave();
          sink.error(error);
        },
        complete() {
          if (failed) return void again();
          leave();
          sink.complete();
        },
      });
    };
    const again = async () => {
      if (over) return;
      await renewed();
      await new Promise((passed) => setTimeout(passed, Math.min(500 * 2 ** failures++, 15_000)));
      if (!over) start();
    };
    start();
    return {
      unsubscribe() {
        leave();
        stop();
      },
    };
  },
});
