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

/** An error in a sentence, for people. */
export function sentence(error: CombinedError): string {
  if (isOffline(error)) return 'The server cannot be reached.';
  const { code, retryAfterMs, requestId } = extensions(error);
  const message = error.graphQLErrors[0]?.message ?? 'Something went wrong';
  const text = `${message.charAt(0).toUpperCase()}${message.slice(1)}.`.replace(/([.!?])\.$/, '$1');
  if (code === 'INTERNAL') return `A fault of the server. Its logs know it as ${requestId ?? 'unknown'}.`;
  if (retryAfterMs) return `${text} Try again in ${Math.ceil(retryAfterMs / 1000)} s.`;
  return text;
}
