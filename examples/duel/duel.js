// Two players, a spectator and a game server play three matches, from register to rank change.
// RANKEDHONOR_URL says where the server is, RANKEDHONOR_KEY is a game server's key.
import { createClient } from "graphql-ws";
import WebSocket from "ws";

const url = process.env.RANKEDHONOR_URL ?? "http://127.0.0.1:8080/graphql";
const key = process.env.RANKEDHONOR_KEY;
const MATCHES = 3;
const say = (who, what) => console.log(`${who.padEnd(9)} ${what}`);
setTimeout(() => { console.error("it takes too long"); process.exit(1); }, 300_000).unref();

async function send(token, query, variables = {}) {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", ...(token && { authorization: `Bearer ${token}` }) },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = await response.json();
  if (errors) throw new Error(`${errors[0].extensions.code}: ${errors[0].message}`);
  return data;
}

const connect = (token) =>
  createClient({
    url: url.replace(/^http/, "ws"),
    webSocketImpl: WebSocket,
    connectionParams: token ? { authorization: `Bearer ${token}` } : {},
  });

async function watch(client, query, each) {
  for await (const { data, errors } of client.iterate({ query })) {
    if (errors) throw new Error(errors[0].message);
    if (each(Object.values(data)[0])) return;
  }
}

async function register(name) {
  const input = { username: name, email: `${name}@example.com`, password: `${name} likes long phrases`, region: "eu-west" };
  const { register } = await send(null, `mutation($input: RegisterInput!) { register(input: $input) { accessToken } }`, { input });
  return register.accessToken;
}

async function play(name) {
  const token = await register(name);
  say(name, "signed up");
  const client = connect(token);
  for (let n = 0; n < MATCHES; n++) {
    // A match that was reported a moment ago is over for its players too.
    await send(token, `mutation { joinQueue(input: { mode: "1v1" }) { ticket { id } } }`);
    say(name, "queued");
    await watch(client, `subscription { queueStatus { state match { id status } } }`, ({ state, match }) => {
      if (match?.status === "PENDING") say(name, `${state} in a match`);
      return match?.status === "COMPLETED";
    });
  }
  await client.dispose();
}

async function spectate() {
  const client = connect();
  let seen = 0;
  await watch(client, `subscription { rankChanged(mode: "1v1") { user { username } mmrBefore mmrAfter } }`, (change) => {
    say("spectator", `${change.user.username} ${change.mmrBefore} → ${change.mmrAfter}`);
    return ++seen === 2 * MATCHES;
  });
  await client.dispose();
}

async function referee() {
  const client = connect(key);
  let played = 0;
  let over = 0;
  const host = async (id) => {
    await send(key, `mutation($id: ID!) { startMatch(input: { matchId: $id, endpoint: "127.0.0.1:7777" }) { match { id } } }`, { id });
    const events = [{ sequence: 1, kind: "FIRST_BLOOD", atMs: 900 }];
    await send(key, `mutation($input: RecordMatchEventsInput!) { recordMatchEvents(input: $input) { recorded } }`, { input: { matchId: id, events } });
    // The match itself.
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    const winner = played % 2;
    const teams = [0, 1].map((index) => ({ index, placement: index === winner ? 1 : 2 }));
    await send(key, `mutation($input: ReportMatchResultInput!) { reportMatchResult(input: $input) { match { status } } }`, { input: { matchId: id, teams } });
    say("server", `match ${++played}: team ${winner} won`);
  };
  await watch(client, `subscription { liveMatches(mode: "1v1") { id status } }`, ({ id, status }) => {
    if (status === "PENDING") host(id).catch((error) => { console.error(error); process.exit(1); });
    if (status === "COMPLETED") over += 1;
    return over === MATCHES;
  });
  await client.dispose();
}

const tag = Math.random().toString(36).slice(2, 6);
await Promise.all([spectate(), referee(), play(`ada-${tag}`), play(`bob-${tag}`)]);
say("all", "done");
process.exit(0);
