// The graphql-ws client: everything over one socket, refusals, and going on where it stopped after a restart.
import { spawn } from 'node:child_process';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';
import { assert, duel, origin, player, run } from './lib.js';

const url = origin.replace('http', 'ws') + '/graphql';
const connect = (token, more = {}) => createClient({
  url, webSocketImpl: WebSocket, connectionParams: token ? { authorization: `Bearer ${token}` } : {}, ...more,
});
const first = async (client, query, variables) => {
  for await (const answer of client.iterate({ query, variables })) return answer;
};

async function serve() {
  const server = spawn(process.env.RANKEDHONOR_BINARY, ['serve'], { stdio: 'inherit' });
  while (!(await fetch(`${origin}/readyz`).then((r) => r.ok, () => false))) await new Promise((r) => setTimeout(r, 20));
  return server;
}
async function stop(server) {
  const ended = new Promise((resolve) => server.on('exit', resolve));
  server.kill('SIGTERM');
  assert((await ended) === 0, 'the server does not stop well');
}
let server = await serve();
const [ada, bob] = [await player(), await player()];
const client = connect(ada.token, { keepAlive: 1_000, lazy: false });

// A query, a mutation, and fifteen subscriptions at once on one socket.
assert((await first(client, '{ me { username } }')).data.me.username === ada.username, 'a query over the socket');
const bio = 'mutation($bio: String) { updateProfile(input: {bio: $bio}) { user { bio } } }';
assert((await first(client, bio, { bio: 'hi' })).data.updateProfile.user.bio === 'hi', 'a mutation over the socket');
const stats = 'subscription { queueStats(mode: "1v1") { ticketsSearching } }';
const many = await Promise.all(Array.from({ length: 15 }, () => first(client, stats)));
assert(many.every((answer) => Number.isInteger(answer.data.queueStats.ticketsSearching)), 'many at once');

// A document that is none is that operation's error, and the socket goes on.
const refused = await first(client, '{ nothing }').then(() => null, (errors) => errors);
assert(Array.isArray(refused) && refused[0].extensions.code === 'BAD_USER_INPUT', 'a bad document is an error');
assert((await first(client, '{ modes { id } }')).data.modes.length > 0, 'the socket goes on');

// A token that is none is refused for good, not tried again.
const closed = await new Promise((resolve) => {
  connect('nonsense', { retryAttempts: 3, lazy: false, onNonLazyError: resolve });
});
assert(closed.code === 4403, `a bad token closes with ${closed.code}`);

// A spectator who is away while the server restarts misses nothing and sees nothing twice.
const seen = [];
const changes = 'subscription($after: String) { rankChanged(after: $after) { cursor match { id } } }';
// The client's own retries would ask for what they asked for at first; each of these asks behind what was seen last.
const spectator = connect(null, { retryAttempts: 0 });
let after = null;
const watched = (async () => {
  for (;;) {
    try {
      for await (const answer of spectator.iterate({ query: changes, variables: { after } })) {
        if (answer.errors) throw answer.errors;
        after = answer.data.rankChanged.cursor;
        if (answer.data.rankChanged.match) seen.push(answer.data.rankChanged.match.id);
        if (seen.length === 8) return;
      }
    } catch (error) {
      if (Array.isArray(error)) throw new Error(JSON.stringify(error));
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
})();
// It has begun when it has heard of something, which does not count.
let early = null;
while (!seen.includes(early)) {
  early = await duel(ada, bob);
  for (let looks = 0; looks < 500 && !seen.includes(early); looks++) await new Promise((resolve) => setTimeout(resolve, 10));
}
while (seen.filter((id) => id === early).length < 2) await new Promise((resolve) => setTimeout(resolve, 10));
seen.length = 0;
const played = [await duel(ada, bob), await duel(bob, ada)];
while (seen.length < 4) await new Promise((resolve) => setTimeout(resolve, 10));
await client.dispose();
spectator.terminate();
played.push(await duel(ada, bob));
await stop(server);
server = await serve();
played.push(await duel(bob, ada));
await watched;
assert(JSON.stringify(seen) === JSON.stringify(played.flatMap((id) => [id, id])), `saw ${seen}, played ${played}`);
await spectator.dispose();
await stop(server);
console.log('socket    queries, mutations, subscriptions, refusals, and a restart without gap or repeat');
process.exit(0);
