import type { CombinedError } from '@urql/core';

/** What the server says about an error, beside the message: see docs/errors.md. */
interface Extensions {
  code?: string;
  reason?: string;
  field?: string;
  retryAfterMs?: number;
  requestId?: string;
}

function extensions(error: CombinedError): Extensions {
  return (error.graphQLErrors[0]?.extensions ?? {}) as Extensions;
}

/** Such as `UNAUTHENTICATED`; nothing where the server was not reached. */
export function codeOf(error: CombinedError | undefined): string | undefined {
  return error && extensions(error).code;
}

/** Which conflict, such as `CURSOR_EXPIRED`. */
export function reasonOf(error: CombinedError | undefined): string | undefined {
  return error && extensions(error).reason;
}

/** Whether the server did not answer at all. */
export function isOffline(error: CombinedError): boolean {
  return error.networkError !== undefined && error.graphQLErrors.length === 0;
}

/** Fields of a form that a conflict is about. */
const ABOUT: Record<string, string> = { USERNAME_TAKEN: 'username', EMAIL_TAKEN: 'email' };

/** The field of the input that the error is about, by its own name. */
export function fieldOf(error: CombinedError | undefined): string | undefined {
  if (!error) return undefined;
  const { field, reason } = extensions(error);
  return field?.split('.').at(-1) ?? (reason && ABOUT[reason]);
}

/** A wait in words: 45 s, 3 min. */
function wait(ms: number): string {
  const seconds = Math.ceil(ms / 1000);
  return seconds < 120 ? `${seconds} s` : `${Math.ceil(seconds / 60)} min`;
}

/** An error in a sentence, for people. */
export function sentence(error: CombinedError): string {
  if (isOffline(error)) return 'The server cannot be reached.';
  const { code, reason, retryAfterMs, requestId } = extensions(error);
  const message = error.graphQLErrors[0]?.message ?? 'Something went wrong';
  const text = `${message.charAt(0).toUpperCase()}${message.slice(1)}.`.replace(/([.!?])\.$/, '$1');
  if (code === 'INTERNAL') return `A fault of the server. Its logs know it as ${requestId ?? 'unknown'}.`;
  if (!retryAfterMs) return text;
  if (code === 'RATE_LIMITED') return `Too many requests. Try again in ${wait(retryAfterMs)}.`;
  // Its message says of whom it is true, and how long in seconds.
  if (reason === 'QUEUE_LOCKED') return text.replace(/\d+ s\b/, wait(retryAfterMs));
  return `${text} Try again in ${wait(retryAfterMs)}.`;
}
