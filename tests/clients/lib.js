// What the checks share: the server's address, a plain client, and players.
export const origin = process.env.RANKEDHONOR_ORIGIN;
export const key = process.env.RANKEDHONOR_KEY;

/** Runs an operation over HTTP; its data, or an error that says what was refused. */
export async function run(query, variables, token) {
  const headers = { 'content-type': 'application/json' };
  if (token) headers.authorization = `Bearer ${token}`;
  const body = JSON.stringify({ query, variables });
  const answer = await (await fetch(`${origin}/graphql`, { method: 'POST', headers, body })).json();
  if (answer.errors) throw new Error(JSON.stringify(answer.errors));
  return answer.data;
}

let number = 0;
export async function player() {
  const username = `p${Date.now().toString(36)}-${number++}`;
  const input = { username, email: `${username}@example.com`, password: 'correct-horse-42-battery', region: 'eu-west' };
  const { register } = await run(
    'mutation($input: RegisterInput!) { register(input: $input) { accessToken user { id } } }', { input });
  return { username, id: register.user.id, token: register.accessToken };
}

/** Two players meet and the first of them wins; the match's id. */
export async function duel(winner, loser) {
  for (const { token } of [winner, loser]) {
    await run('mutation { joinQueue(input: {mode: "1v1"}) { ticket { id } } }', {}, token);
  }
  let match = null;
  while (!match) {
    match = (await run('{ myMatch { id teams { players { user { id } } } } }', {}, winner.token)).myMatch;
    if (!match) await new Promise((passed) => setTimeout(passed, 20));
  }
  const id = match.id;
  await run('mutation($id: ID!) { startMatch(input: {matchId: $id}) { match { id } } }', { id }, key);
  const first = match.teams[0].players[0].user.id === winner.id;
  const teams = [{ index: 0, placement: first ? 1 : 2 }, { index: 1, placement: first ? 2 : 1 }];
  await run('mutation($input: ReportMatchResultInput!) { reportMatchResult(input: $input) { match { id } } }',
    { input: { matchId: id, teams } }, key);
  return id;
}

export function assert(condition, what) {
  if (!condition) throw new Error(what);
}
