// Who is signed in. The access token is in this page's memory only; what renews it is in a cookie that no script reads.
// Pages of one browser share the cookie: one renews at a time, and tells the others.

import { Client, fetchExchange, type CombinedError } from '@urql/core';

import { codeOf } from './errors';
import { graphql } from './gql';
import type { ViewerFragment } from './gql/graphql';
import { keep, kept } from './kept';
import { onHope, reaching } from './reach';
import { store } from './store';

graphql(`
  fragment Viewer on User {
    id
    username
    role
    region {
      id
      name
    }
  }
`);

graphql(`
  fragment Auth on AuthPayload {
    accessToken
    accessTokenExpiresAt
    csrfToken
    user {
      ...Viewer
    }
  }
`);

const Refresh = graphql(`
  mutation RefreshSession($input: RefreshSessionInput!) {
    refreshSession(input: $input) {
      ...Auth
    }
  }
`);

const Logout = graphql(`
  mutation Logout {
    logout {
      success
    }
  }
`);

/** What begins or renews a session. */
export interface Auth {
  accessToken: string;
  accessTokenExpiresAt: string;
  csrfToken?: string | null;
  user: ViewerFragment;
}

/** `ended`: it was over without anybody's having signed out. */
export type Session = { phase: 'restoring' } | { phase: 'out'; ended?: boolean } | { phase: 'in'; viewer: ViewerFragment };

/** Not a secret by itself: it counts only together with the cookie. */
const CSRF = 'rankedhonor.csrf';
const RENEWING = 'rankedhonor.renewing';
/** How long before its end a token is renewed. */
const EARLY_MS = 60_000;
/** How long a renewal that a closed page left behind may take to be carried out. */
const LEFT_BEHIND_MS = 2_000;

/** Sent with everything: sessions that begin keep their refresh token in the cookie. */
export const COOKIE_MODE = { 'X-Session-Mode': 'cookie' };

export const session = store<Session>({ phase: kept(CSRF) ? 'restoring' : 'out' });

/** Hears of each newer access token. */
export const token = store<string | null>(null);

let expiresAt = 0;
let timer: ReturnType<typeof setTimeout> | undefined;
const tabs = new BroadcastChannel('rankedhonor.session');
const plain = new Client({ url: '/graphql', exchanges: [fetchExchange], preferGetMethod: false, fetch: reaching });

/** Whether the token is good for a moment yet. */
export function isFresh(): boolean {
  return token.get() !== null && Date.now() < expiresAt - 5_000;
}

function adopt(auth: Auth): void {
  // A clock that runs ahead would have every token end before it began.
  expiresAt = Math.max(Date.parse(auth.accessTokenExpiresAt), Date.now() + 2 * EARLY_MS);
  token.set(auth.accessToken);
  const now = session.get();
  if (now.phase !== 'in' || JSON.stringify(now.viewer) !== JSON.stringify(auth.user)) {
    session.set({ phase: 'in', viewer: auth.user });
  }
  clearTimeout(timer);
  timer = setTimeout(() => void renewed(), Math.max(1_000, expiresAt - Date.now() - EARLY_MS));
}

function forget(ended: boolean): void {
  clearTimeout(timer);
  expiresAt = 0;
  keep(CSRF, null);
  token.set(null);
  session.set({ phase: 'out', ended });
}

/** A session has begun or was renewed here. */
export function begin(auth: Auth): void {
  if (auth.csrfToken) keep(CSRF, auth.csrfToken);
  adopt(auth);
  tabs.postMessage(auth);
}

/** Only one page of the browser does it at a time. */
async function alone(work: () => Promise<boolean>): Promise<boolean> {
  if (!navigator.locks) return work();
  let begun = false;
  try {
    return await navigator.locks.request('rankedhonor.session', () => {
      begun = true;
      return work();
    });
  } catch (error) {
    // Where nothing may be kept there are no locks either.
    if (begun) throw error;
    return work();
  }
}

/**
 * Makes sure of a good access token; whether there is one. Throws what keeps it from finding out, such as a server that
 * cannot be reached: then the session is neither good nor over.
 */
function renew(): Promise<boolean> {
  return alone(async () => {
    if (isFresh() && Date.now() < expiresAt - EARLY_MS) return true;
    const csrf = kept(CSRF);
    if (!csrf) {
      forget(false);
      return false;
    }
    // A page that was left while it renewed has sent the cookie already; the next one comes with the answer to that.
    const left = Number(kept(RENEWING)) + LEFT_BEHIND_MS - Date.now();
    if (left > 0 && left <= LEFT_BEHIND_MS) await new Promise((passed) => setTimeout(passed, left));
    keep(RENEWING, String(Date.now()));
    const headers = { ...COOKIE_MODE, 'X-CSRF-Token': csrf };
    const { data, error } = await plain
      .mutation(Refresh, { input: { refreshToken: '' } }, { fetchOptions: { headers, keepalive: true } })
      .toPromise();
    // Without an answer, such as on a page that is being left, the server may be at it yet.
    if (data || codeOf(error)) keep(RENEWING, null);
    if (data) {
      begin(data.refreshSession);
      return true;
    }
    if (['UNAUTHENTICATED', 'FORBIDDEN', 'BAD_USER_INPUT'].includes(codeOf(error) ?? '')) {
      // There was none, where another page of the browser has signed out meanwhile.
      forget(kept(CSRF) !== null);
      tabs.postMessage('ended');
      return false;
    }
    throw error as CombinedError;
  });
}

/** The same, for those who can go on without: false while it cannot be found out. */
export async function renewed(): Promise<boolean> {
  try {
    return await renew();
  } catch {
    clearTimeout(timer);
    timer = setTimeout(() => void renewed(), 3_000);
    return false;
  }
}

/** The server does not take the token any more, whatever its end was said to be. */
export function renewedAfterRefusal(): Promise<boolean> {
  expiresAt = 0;
  return renewed();
}

/** Ends the session here and on the server; what kept it from being ended there. */
export async function signOut(): Promise<CombinedError | undefined> {
  if (!isFresh()) await renewed();
  const headers = { ...COOKIE_MODE, authorization: `Bearer ${token.get()}` };
  const { error } = await plain.mutation(Logout, {}, { fetchOptions: { headers } }).toPromise();
  // It is over already, where nobody is known any more.
  if (error && codeOf(error) !== 'UNAUTHENTICATED') return error;
  forget(false);
  tabs.postMessage('left');
  return undefined;
}

tabs.onmessage = ({ data }: MessageEvent<Auth | 'ended' | 'left'>) => {
  if (typeof data === 'object') adopt(data);
  else if (session.get().phase !== 'out') forget(data === 'ended');
};
onHope(() => {
  if (session.get().phase !== 'out' && !isFresh()) void renewed();
});
if (session.get().phase === 'restoring') void renewed();
