// The console as people use it: two of them meet and play, others watch, an admin takes the result back, and the server dies
// under all of them and comes back.
import { assert, browsing, Person, Server, until } from './lib.js';

/** Players are asked whether they are ready in this one. */
const MODE = 'ready';

const server = await Server.start();
server.command('admin', 'create-user', '--username', 'boss', '--email', 'boss@example.com', '--role', 'admin');
server.key = server.command('admin', 'create-server-key', '--name', 'games').split(/\s/).at(-1);
await server.serve();

/** The leaderboard as a page shows it: names and ratings, the best first. */
const board = (page) =>
  page.locator('.board-body .board-row').evaluateAll((rows) =>
    rows
      .map((row) => [...row.children].map((cell) => cell.textContent))
      .sort((a, b) => Number(a[0].replaceAll(',', '')) - Number(b[0].replaceAll(',', '')))
      .map(([place, name, , rating]) => `${place} ${name.slice(2)} ${rating.replaceAll(',', '')}`),
  );
/** The same as the API tells it. */
async function truth(first = 20) {
  const { leaderboard } = await server.run(
    'query($mode: ModeId!, $first: Int) { leaderboard(mode: $mode, first: $first) { nodes { rank mmr user { username } } } }',
    { mode: MODE, first },
  );
  return leaderboard.nodes.map(({ rank, mmr, user }) => `${rank} ${user.username} ${mmr}`);
}
const shows = (page) => until('the leaderboard is what the API says', async () => `${await board(page)}` === `${await truth()}`);
/** Fails where a page was loaded anew since it was marked. */
const mark = (page) => page.evaluate(() => (window.marked = true));
const kept = async (page) => assert(await page.evaluate(() => window.marked === true), `${page.url()} was loaded anew`);

await browsing(server, async (browser) => {
  // Two people come, each with a browser of their own; a third only watches.
  const [ada, bob, eve] = [
    await Person.sit(browser, server),
    await Person.sit(browser, server),
    await Person.sit(browser, server),
  ];
  await ada.signUp('ada');
  await bob.signUp('bob');
  const tokens = {};
  for (const name of ['ada', 'bob']) {
    const { login } = await server.run(
      `mutation { login(input: {login: "${name}", password: "correct-horse-42-battery"}) { accessToken user { id } } }`,
    );
    tokens[name] = { token: login.accessToken, id: login.user.id };
  }
  const leaderboard = eve.page;
  await leaderboard.goto(`/leaderboard?mode=${MODE}`);
  await leaderboard.getByText('Nobody is listed yet.').waitFor();
  await mark(leaderboard);
  await server.duel(tokens.bob, tokens.ada, MODE);
  await shows(leaderboard);
  const before = await board(leaderboard);
  assert(before[0].includes('bob'), `bob won: ${before}`);
  const live = await eve.context.newPage();
  await live.goto('/');
  await live.getByText('following').waitFor();
  await mark(live);

  // They queue, and meet.
  for (const { page } of [ada, bob]) {
    const again = page.getByRole('button', { name: 'Play on' });
    await again
      .or(page.getByRole('button', { name: 'Play', exact: true }))
      .first()
      .waitFor();
    if (await again.isVisible()) await again.click();
    await page.getByRole('button', { name: 'Ready duel' }).click();
  }
  await ada.page.getByRole('button', { name: 'Play', exact: true }).click();
  const waiting = ada.page.getByTestId('waiting');
  await waiting.getByText('±').waitFor();
  await ada.page.getByTestId('why').getByText('Nobody else is waiting').waitFor();
  const waits = live.getByTestId(`queue-${MODE}`).locator('dd').first();
  await until('the live page shows who waits', async () => (await waits.textContent()) === '1');
  await bob.page.getByRole('button', { name: 'Play', exact: true }).click();
  for (const { page } of [ada, bob]) await page.getByRole('heading', { name: 'Match found' }).waitFor();
  const { myMatch } = await server.run('{ myMatch { id } }', {}, tokens.ada.token);

  // The spectator sees it on the live page, goes to its own page, and sees it begin and end there.
  const card = live.locator(`a[href="/matches/${myMatch.id}"]`);
  await live.getByTestId('open-matches').locator(card).waitFor();
  await card.first().click();
  const match = live;
  await match.getByText('Ready check').waitFor();
  await mark(match);

  // Both are asked; the button to accept has the focus.
  await ada.page.getByText('Are you ready?').waitFor();
  await ada.page.keyboard.press('Enter');
  await ada.page.getByText('Waiting for the others').waitFor();
  await bob.page.getByRole('button', { name: 'Accept' }).click();
  await match.getByText('About to start').waitFor();
  const game = await server.play(myMatch.id, tokens.ada.id);
  await match.getByTestId('timeline').getByText('first blood').waitFor();
  await match.getByText('In progress').waitFor();
  await ada.page.getByText('127.0.0.1:7777').waitFor();
  await game.end();
  await match.getByText('Won · 3').waitFor();
  await ada.page.getByRole('heading', { name: 'You won' }).waitFor();
  await bob.page.getByRole('heading', { name: 'You lost' }).waitFor();
  await ada.page.getByTestId('result').getByText('+').waitFor();
  await shows(leaderboard);
  const after = await board(leaderboard);
  assert(`${after}` !== `${before}`, 'the leaderboard moved');
  await kept(leaderboard);
  await kept(match);
  await match.getByRole('button', { name: 'Why did the rating of ada change so?' }).click();
  await match.getByRole('dialog').getByText('was expected').waitFor();
  await match.keyboard.press('Escape');

  // The admin takes the result back, and everything is as it was.
  const boss = await Person.sit(browser, server);
  await boss.signIn('boss');
  await boss.page.goto('/admin/matches');
  const taken = boss.page.locator('.stack', { has: boss.page.locator(`a[href="/matches/${myMatch.id}"]`) }).last();
  await taken.getByRole('button', { name: 'Void it …' }).click();
  await boss.page.getByLabel('Why').fill('it was a test');
  await boss.page.getByRole('button', { name: 'Void the match' }).click();
  await match.getByText('The result was taken back').first().waitFor();
  await until('the leaderboard moved back', async () => `${await board(leaderboard)}` === `${before}`);
  await kept(leaderboard);
  await boss.page.goto('/admin/audit');
  await boss.page.getByText('MATCH_VOIDED').first().waitFor();

  // The server dies under open pages. What happens before a page is back is on it afterwards, once.
  const feed = await eve.context.newPage();
  await feed.goto('/');
  await feed.getByTestId('feed').waitFor();
  await mark(feed);
  // One of them comes back with a cursor that is too old by then: the test says so in the server's place.
  const late = await (await Person.sit(browser, server)).context.newPage();
  let refused = 0;
  await late.routeWebSocket('**/graphql', (socket) => {
    const onwards = socket.connectToServer();
    socket.onMessage((text) => {
      const { id, payload } = JSON.parse(text);
      if (!died || refused > 0 || !payload?.variables?.after || !payload.query.includes('feedItemAdded'))
        return onwards.send(text);
      refused += 1;
      const extensions = { code: 'CONFLICT', reason: 'CURSOR_EXPIRED' };
      void more.then(() => socket.send(JSON.stringify({ id, type: 'error', payload: [{ message: 'too old', extensions }] })));
    });
  });
  let died = false;
  let happened;
  const more = new Promise((done) => (happened = done));
  await late.goto('/');
  await late.getByTestId('feed').locator('a[href^="/matches/"]').first().waitFor();
  await mark(late);
  await server.kill();
  died = true;
  for (const page of [leaderboard, late]) await page.getByText('Not connected').waitFor();
  await server.serve();
  for (let round = 0; round < 3; round++) await server.duel(tokens.ada, tokens.bob, MODE);
  happened();
  await shows(leaderboard);
  await leaderboard.getByText('Not connected').waitFor({ state: 'hidden' });
  const lines = (page) =>
    page
      .getByTestId('feed')
      .locator('a[href^="/matches/"]')
      .evaluateAll((links) => links.map((link) => link.getAttribute('href').slice('/matches/'.length)));
  await until('the feed is what the API says', async () => {
    const { feed: told } = await server.run('{ feed(first: 30) { nodes { match { id } } } }');
    const ids = `${told.nodes.flatMap(({ match: of }) => of?.id ?? [])}`;
    return `${await lines(feed)}` === ids && `${await lines(late)}` === ids;
  });
  assert(refused === 1, 'the cursor was refused once');
  for (const page of [leaderboard, feed, match, late]) await kept(page);
  // The timeline of the voided match went through all of it.
  const kinds = await match.getByTestId('timeline').locator('li').allTextContents();
  assert(
    kinds.filter((text) => text.includes('first blood')).length === 1 &&
      kinds.filter((text) => text.includes('began')).length === 1,
    `each once: ${kinds}`,
  );

  // A party: who joins and who is put out is seen by both, without looking.
  await ada.page.goto('/play');
  await ada.page.getByRole('button', { name: 'Make a party' }).click();
  const code = await ada.page.locator('strong.mono').textContent();
  await until('the focus is on the party', () =>
    ada.page.getByTestId('party').evaluate((party) => party === document.activeElement),
  );
  await bob.page.goto('/play');
  await bob.page.getByLabel('Code of a friend').fill(code.toLowerCase());
  await bob.page.getByRole('button', { name: 'Join it' }).click();
  await bob.page.getByRole('button', { name: 'Ready', exact: true }).click();
  await ada.page.getByTestId('party').getByText('ready', { exact: true }).waitFor();
  await ada.page.getByRole('button', { name: 'Put out bob' }).click();
  await bob.page.getByRole('button', { name: 'Make a party' }).waitFor();

  // A session that ends elsewhere is over here, too.
  await bob.page.getByRole('link', { name: 'bob' }).first().waitFor();
  await server.run('mutation { logoutEverywhere { success } }', {}, tokens.bob.token);
  await bob.page.getByRole('link', { name: 'Sign in' }).waitFor();

  // Whoever was signed in still is; a second window is, too; signing out in one signs out in both.
  await ada.page.getByRole('link', { name: 'ada' }).first().waitFor();
  const second = await ada.context.newPage();
  await second.goto('/account');
  await second.getByRole('heading', { name: 'ada' }).waitFor();
  for (let times = 0; times < 3; times++) await Promise.all([second.reload(), ada.page.reload()]);
  await second.getByRole('button', { name: 'Sign out' }).click();
  for (const page of [second, ada.page]) await page.getByRole('link', { name: 'Sign in' }).waitFor();

  for (const person of [ada, bob, eve, boss]) person.innocent();
  console.log('play      queued, matched, watched, ended, explained, voided; the server died and the pages caught up');
});
