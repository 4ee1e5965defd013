// Takes the pictures of docs/console.md: each page with some life on it.
import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { launch, Person, PHONE, Server, until } from './lib.js';

const OUT = new URL('../../docs/console/', import.meta.url).pathname;
mkdirSync(OUT, { recursive: true });

const server = await Server.start();
// As it is without any settings.
delete server.env.RANKEDHONOR_CONFIG;
server.command('seed', '--users', '400', '--matches', '6000');
server.command('admin', 'create-user', '--username', 'olga', '--email', 'olga@example.com', '--role', 'admin');
server.key = server.command('admin', 'create-server-key', '--name', 'eu-1').split(/\s/).at(-1);
await server.serve();
const play = (...more) =>
  spawn(process.env.RANKEDHONOR_BINARY, ['simulate', '--url', server.origin, '--server-key', server.key, ...more], {
    env: server.env,
    stdio: 'ignore',
  });
const bots = play('--players', '32', '--minutes', '15');
// They leave a queue behind them in which waits are known.
const gone = new Promise((ended) => play('--mode', '2v2', '--players', '24', '--minutes', '1.5').once('exit', ended));
const browser = await launch();

async function shoot(page, name) {
  // Everything has come, and has faded in.
  await page.waitForTimeout(2_500);
  await page.screenshot({ path: `${OUT}${name}.png` });
}

try {
  const { leaderboard } = await server.run('{ leaderboard(mode: "1v1", first: 12) { nodes { user { id username } } } }');
  const best = leaderboard.nodes[11].user;
  const { matches } = await server.run('query($filter: MatchFilter) { matches(filter: $filter, first: 1) { nodes { id } } }', {
    filter: { userId: best.id, mode: '1v1', status: 'COMPLETED' },
  });
  const guest = await Person.sit(browser, server, { colorScheme: 'light' });
  const { page } = guest;
  await page.goto('/');
  // How long one waits is told once enough have waited, and how long those who join now would, once that is known.
  const waits = page.getByTestId('queue-1v1').locator('dd').last();
  await until('waits are estimated', async () => (await waits.textContent()).includes('s'), 300_000);
  await page.getByTestId('open-matches').locator('article').nth(3).waitFor();
  await shoot(page, 'live');
  await page.goto('/leaderboard');
  await shoot(page, 'leaderboard');
  await page.goto(`/players/${best.username}`);
  await page.getByRole('button', { name: 'Duel', exact: true }).click();
  await page.locator('.chart').waitFor();
  await shoot(page, 'player');
  await page.goto(`/matches/${matches.nodes[0].id}`);
  await page.getByTestId('timeline').waitFor();
  await shoot(page, 'match');
  await page.getByRole('button', { name: 'Why' }).first().click();
  await page.getByRole('dialog').getByText('was expected').waitFor();
  await shoot(page, 'why');
  await page.goto('/explore');
  await page.locator('.graphiql-query-editor .monaco-editor').first().waitFor();
  await page.locator('.graphiql-execute-button').click();
  await page.locator('.graphiql-response').getByText('totalCount').first().waitFor();
  await shoot(page, 'explore');

  // Two of four wait for others.
  await gone;
  const ada = await Person.sit(browser, server, { colorScheme: 'dark' });
  await ada.signUp('ada');
  await ada.page.getByRole('button', { name: 'Make a party' }).click();
  await ada.page.getByTestId('party').waitFor();
  await ada.page.getByRole('button', { name: 'Doubles' }).click();
  await ada.page.getByRole('button', { name: 'Play', exact: true }).click();
  const other = await server.player('bob');
  await server.run('mutation { joinQueue(input: {mode: "2v2"}) { ticket { id } } }', {}, other.token);
  await ada.page.getByTestId('waiting').waitFor();
  await ada.page.getByTestId('waiting').getByText('not known yet').waitFor({ state: 'hidden' });
  await until('the other counts', async () => (await ada.page.getByTestId('why').textContent()).includes('could play with you'));
  await shoot(ada.page, 'play');

  const olga = await Person.sit(browser, server, { colorScheme: 'dark' });
  await olga.signIn('olga');
  await olga.page.goto('/admin/matches');
  await olga.page.locator('article').first().waitFor();
  await shoot(olga.page, 'admin');

  const phone = await Person.sit(browser, server, { viewport: PHONE, colorScheme: 'dark' });
  await phone.page.goto(`/players/${best.username}`);
  await phone.page.locator('.chart').waitFor();
  await shoot(phone.page, 'phone');
  await phone.page.goto('/leaderboard');
  await phone.page.locator('.board-body .board-row').first().waitFor();
  await shoot(phone.page, 'phone-leaderboard');
  console.log(`pictures  in ${OUT}`);
} finally {
  bots.kill();
  await browser.close();
  server.end();
}
