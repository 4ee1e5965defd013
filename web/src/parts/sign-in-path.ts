// Signing in leads back to where one was.

const DEFAULT = '/play';
/** Where nobody wants to be led back to. */
const NOT_BACK = ['/sign-in', '/verify', '/reset'];

/** The way to sign in, and from there back here. */
export function signInPath(path: string): string {
  if (path === DEFAULT || NOT_BACK.includes(path)) return '/sign-in';
  return `/sign-in?to=${encodeURIComponent(path + (path === location.pathname ? location.search : ''))}`;
}

/** Where to go after it: a page of this server, whatever the address says. */
export function goalOf(to: string | null | undefined): string {
  const url = to?.startsWith('/') && URL.canParse(to, location.origin) ? new URL(to, location.origin) : null;
  // An address of two slashes would be another server's.
  if (url?.origin !== location.origin || url.pathname.startsWith('//') || NOT_BACK.includes(url.pathname)) return DEFAULT;
  return url.pathname + url.search;
}
