// The GraphQL client. urql: small, made of exchanges that each have one task, with typed documents and graphql-ws as its
// documented way to subscribe. There is no cache: a page reads what it shows when it opens, and follows it from there.

import { Client, fetchExchange, subscriptionExchange } from '@urql/core';
import { authExchange } from '@urql/exchange-auth';

import { codeOf } from './errors';
import { forwardSubscription } from './live';
import { reaching } from './reach';
import { COOKIE_MODE, isFresh, renewed, renewedAfterRefusal, session, token } from './session';

export const client = new Client({
  url: '/graphql',
  preferGetMethod: false,
  fetch: reaching,
  fetchOptions: { headers: COOKIE_MODE },
  exchanges: [
    authExchange(async (utils) => {
      if (session.get().phase === 'restoring') await renewed();
      return {
        addAuthToOperation(operation) {
          const bearer = token.get();
          if (!bearer) return operation;
          return utils.appendHeaders(operation, { authorization: `Bearer ${bearer}` });
        },
        willAuthError: () => session.get().phase === 'in' && !isFresh(),
        didAuthError: (error) => session.get().phase === 'in' && codeOf(error) === 'UNAUTHENTICATED',
        refreshAuth: async () => void (await renewedAfterRefusal()),
      };
    }),
    fetchExchange,
    subscriptionExchange({ forwardSubscription }),
  ],
});
