// Where a server runs only the documents of its frontend's manifest, the console works all the same: its own are known to it.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { assert, browsing, pages, Person, Server } from './lib.js';

const BEST = '{ leaderboard(mode: "1v1", first: 1) { nodes { user { username } } } }';
const LAST = '{ matches(filter: {status: COMPLETED}, first: 1) { nodes { id } } }';

const server = await Server.start({
  more: ({ dir }) => {
    const manifest = join(dir, 'manifest.json');
    writeFileSync(manifest, JSON.stringify({ best: BEST, last: LAST }));
    return `[http]\ntrusted_documents = ${JSON.stringify(manifest)}\n`;
  },
});
server.command('seed', '--users', '20', '--matches', '60');
server.command('admin', 'create-user', '--username', 'boss', '--email', 'boss@example.com', '--role', 'admin');
await server.serve();
const { user } = (await server.run(BEST)).leaderboard.nodes[0];
const { id } = (await server.run(LAST)).matches.nodes[0];

const refused = /FORBIDDEN|PERSISTED_QUERY_NOT_FOUND/;
let heard = 0;
await browsing(server, async (browser) => {
  const others = await server.run('{ regions { id } }').catch(({ message }) => message);
  assert(refused.test(others), 'nothing else runs');
  const person = await Person.sit(browser, server);
  const { page } = person;
  const hear = (text) => {
    heard += 1;
    if (refused.test(text)) person.problems.push(`${page.url()}: ${text}`);
  };
  page.on('response', async (answer) => {
    if (answer.url().endsWith('/graphql') && answer.request().method() === 'POST') hear(await answer.text().catch(() => ''));
  });
  page.on('websocket', (socket) => socket.on('framereceived', ({ payload }) => hear(String(payload))));
  const { everyone, boss } = pages(user.username, id);
  const look = async ([path, sign]) => {
    await page.goto(path);
    await page.locator(sign).first().waitFor();
  };
  for (const one of everyone) await look(one);
  await person.signIn('boss');
  for (const one of boss) await look(one);
  await page.goto('/play');
  await page.getByRole('button', { name: 'Play', exact: true }).click();
  await page.getByRole('button', { name: 'Stop looking' }).click();
  await page.getByRole('button', { name: 'Play', exact: true }).waitFor();
  await page.goto('/');
  await page.getByText('following').waitFor();
  person.innocent();
  console.log(`trusted   ${heard} answers, none refused, on a server that runs no document but its own and its frontend's`);
});
