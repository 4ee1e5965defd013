// Subscriptions as other clients have them: graphql-sse, Apollo Client, urql, and the older subscriptions-transport-ws.
import { once } from 'node:events';
import { connect } from 'node:http2';
import { ApolloClient, ApolloLink, HttpLink, InMemoryCache, gql } from '@apollo/client';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { OperationTypeNode } from 'graphql';
import { Client, fetchExchange, subscriptionExchange } from '@urql/core';
import { createClient as createSse } from 'graphql-sse';
import { createClient as createWs } from 'graphql-ws';
import { SubscriptionClient } from 'subscriptions-transport-ws';
import WebSocket from 'ws';
import { assert, duel, origin, player } from './lib.js';

const http = `${origin}/graphql`;
const socket = http.replace('http', 'ws');
const changes = 'subscription($after: String) { rankChanged(after: $after) { cursor match { id } } }';
const [ada, bob] = [await player(), await player()];
const params = { authorization: `Bearer ${ada.token}` };

// Each follows from the first match on, so that all of them can be compared with what was played.
const played = [await duel(ada, bob)];
const sse = createSse({ url: http, headers: params });
const first = await new Promise((resolve, reject) => {
  sse.subscribe({ query: '{ me { username } }' }, { next: resolve, error: reject, complete: () => {} });
});
assert(first.data.me.username === ada.username, 'graphql-sse: a query with a header');
const refused = await new Promise((resolve, reject) => {
  sse.subscribe({ query: '{ nothing }' }, { next: resolve, error: reject, complete: () => {} });
});
assert(refused.errors[0].extensions.code === 'BAD_USER_INPUT', 'graphql-sse: a bad document');

const ws = createWs({ url: socket, webSocketImpl: WebSocket, connectionParams: params });
const apollo = new ApolloClient({
  cache: new InMemoryCache(),
  link: ApolloLink.split(({ operationType }) => operationType === OperationTypeNode.SUBSCRIPTION,
    new GraphQLWsLink(ws), new HttpLink({ uri: http, headers: params })),
});
const urql = new Client({
  url: http,
  preferGetMethod: false,
  fetchOptions: { headers: params },
  exchanges: [fetchExchange, subscriptionExchange({
    forwardSubscription: ({ query, variables }) => ({
      subscribe: (sink) => ({ unsubscribe: ws.subscribe({ query, variables }, sink) }),
    }),
  })],
});
// urql can also take its subscriptions over fetch, as events.
const urqlEvents = new Client({
  url: http, fetchOptions: { headers: params }, fetchSubscriptions: true, preferGetMethod: false, exchanges: [fetchExchange],
});
const legacy = new SubscriptionClient(socket, { connectionParams: params, lazy: true }, WebSocket);

const seen = { sse: [], apollo: [], urql: [], 'urql over events': [], legacy: [] };
const failed = [];
const note = (name) => (answer) => {
  if (answer.errors || answer.error) failed.push(`${name}: ${JSON.stringify(answer.errors ?? answer.error)}`);
  else if (answer.data.rankChanged.match) seen[name].push(answer.data.rankChanged.match.id);
};
const fail = (name) => (error) => failed.push(`${name}: ${JSON.stringify(error)} ${error}`);
sse.subscribe({ query: changes }, { next: note('sse'), error: fail('sse'), complete: () => {} });
apollo.subscribe({ query: gql(changes) }).subscribe({ next: note('apollo'), error: fail('apollo') });
urql.subscription(changes, {}).subscribe(note('urql'));
urqlEvents.subscription(changes, {}).subscribe(note('urql over events'));
legacy.request({ query: changes }).subscribe({ next: note('legacy'), error: fail('legacy') });

// Queries go on beside them.
const { data } = await apollo.query({ query: gql('{ me { id username } }') });
assert(data.me.username === ada.username, 'apollo: a query');
assert((await urql.query('{ me { username } }', {}).toPromise()).data.me.username === ada.username, 'urql: a query');
// All of them listen when each has heard of a match; from there on nobody misses any.
const all = () => Object.values(seen);
while (!all().every((matches) => matches.length > 0)) {
  assert(failed.length === 0, failed.join('\n'));
  played.push(await duel(ada, bob));
  await new Promise((resolve) => setTimeout(resolve, 100));
}
played.push(await duel(bob, ada), await duel(ada, bob));
const last = played.at(-1);
while (!all().every((matches) => matches.filter((id) => id === last).length === 2)) {
  assert(failed.length === 0, failed.join('\n'));
  await new Promise((resolve) => setTimeout(resolve, 20));
}
for (const [name, matches] of Object.entries(seen)) {
  const expected = played.slice(played.indexOf(matches[0])).flatMap((id) => [id, id]);
  assert(JSON.stringify(matches) === JSON.stringify(expected), `${name} saw ${matches}, played ${expected}`);
}

// A socket over HTTP/2 (RFC 8441), which no client library has yet: frame by frame.
const session = connect(origin);
await once(session, 'remoteSettings');
const stream = session.request({
  ':method': 'CONNECT', ':protocol': 'websocket', ':path': '/graphql', ':scheme': 'http',
  'sec-websocket-protocol': 'graphql-transport-ws', 'sec-websocket-version': '13',
});
const [headers] = await once(stream, 'response');
assert(headers[':status'] === 200 && headers['sec-websocket-protocol'] === 'graphql-transport-ws', 'a socket over HTTP/2');
const say = (message) => {
  const text = Buffer.from(JSON.stringify(message));
  stream.write(Buffer.concat([Buffer.from([0x81, 0x80 | text.length, 0, 0, 0, 0]), text]));
};
let heard = '';
stream.on('data', (bytes) => (heard += bytes));
say({ type: 'connection_init' });
say({ type: 'subscribe', id: '1', payload: { query: '{ modes { id } }' } });
while (!heard.includes('"complete"')) await new Promise((resolve) => setTimeout(resolve, 10));
assert(heard.includes('connection_ack') && heard.includes('"1v1"'), heard);
session.destroy();
sse.dispose();
await ws.dispose();
legacy.close();
console.log('live      graphql-sse, Apollo Client, urql (socket and events), subscriptions-transport-ws: each match, once a player; a socket over HTTP/2');
process.exit(0);
