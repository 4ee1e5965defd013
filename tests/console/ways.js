// The ways through the console: who uses no mouse gets everywhere, whoever comes back is where they were, what does not exist or cannot
// be reached is said so, what one finds depends on one's role, and GraphiQL runs operations.
import { assert, browsing, inaccessible, Person, Server, until } from './lib.js';

const server = await Server.start();
server.command('seed', '--users', '60', '--matches', '400');
server.command('admin', 'create-user', '--username', 'mona', '--email', 'mona@example.com', '--role', 'moderator');
server.key = server.command('admin', 'create-server-key', '--name', 'games').split(/\s/).at(-1);
await server.serve();
const { leaderboard } = await server.run(
  '{ leaderboard(mode: "1v1", first: 40) { nodes { user { id username region { id } } } } }',
);
const { matches } = await server.run('{ matches(filter: {mode: "1v1", status: COMPLETED}, first: 1) { nodes { id } } }');
const best = leaderboard.nodes[0].user.username;
const middling = leaderboard.nodes.at(-1).user.username;

const problems = [];
await browsing(server, async (browser) => {
  // Without a mouse: the way into the page is the first stop, every link of the frame can be reached and followed, and the
  // heading of where one came to is read out.
  const person = await Person.sit(browser, server);
  const { page } = person;
  await page.goto('/');
  await page.getByTestId('feed').waitFor();
  const stops = [];
  const focused = () =>
    page.evaluate(() => document.activeElement.textContent || document.activeElement.getAttribute('aria-label'));
  for (let stop = 0; stop < 9; stop++) {
    await page.keyboard.press('Tab');
    stops.push((await focused()).trim());
  }
  const wanted = ['Skip to the content', 'RankedHonor', 'Live', 'Leaderboard', 'Players', 'Play', 'Explore'];
  assert(`${stops.slice(0, 7)}` === `${wanted}` && stops[8] === 'Sign in', `the order of stops: ${stops}`);
  await page.getByRole('link', { name: 'Leaderboard' }).press('Enter');
  await page.getByRole('heading', { name: 'Leaderboard', level: 1 }).waitFor();
  await until('the heading has the focus', async () => (await focused()) === 'Leaderboard');
  await page.locator('.board-body .board-row').first().waitFor();
  await page.getByLabel('Find somebody').fill(middling.slice(0, 5));
  await page.getByLabel('Found').getByText(middling, { exact: true }).waitFor();
  await page.getByLabel('Found').getByText(middling, { exact: true }).press('Enter');
  await page.locator('.board-row.self', { hasText: middling }).waitFor();
  // A dialog keeps the focus, and gives it back.
  await page.goto(`/players/${best}`);
  await page.getByRole('button', { name: 'As a table' }).press('Enter');
  await page.getByRole('dialog').getByRole('table').waitFor();
  for (const found of await inaccessible(page)) problems.push(`dialog: ${found}`);
  await page.keyboard.press('Escape');
  await until('the button has the focus again', async () => (await focused()) === 'As a table');
  const modes = await page.getByRole('group', { name: 'Mode' }).getByRole('button').allTextContents();
  const inOrder = ['Duel', 'Ready duel', 'Doubles'].filter((mode) => modes.includes(mode));
  assert(modes.length > 1 && `${modes}` === `${inOrder}`, `the modes come in the order of the settings: ${modes}`);
  // The chart says what is pointed at, with the pointer and with the arrow keys.
  const chart = page.locator('.chart');
  const value = page.getByTestId('value');
  await chart.hover();
  await until('the value is said', async () => (await value.textContent()).includes('·'));
  await page.mouse.move(0, 0);
  await value.getByText('arrow keys').waitFor();
  await chart.press('ArrowLeft');
  const last = await value.textContent();
  await chart.press('ArrowLeft');
  assert((await value.textContent()) !== last, `the one before the last: ${last}`);

  // The mode is in the address; who goes back is where they were.
  await page.goto('/');
  await page.getByRole('group', { name: 'Mode' }).getByRole('button', { name: 'Duel', exact: true }).click();
  await page.waitForURL('/?mode=1v1');
  await page.goto('/leaderboard?mode=1v1');
  await page.locator('.board-body .board-row').first().waitFor();
  const before = async () => page.locator('.board').evaluate((box) => box.scrollTop);
  await page.locator('.board').evaluate((box) => box.scrollTo(0, 25 * 44));
  await page.waitForFunction(() => history.state?.place?.rank === 26);
  await page.locator(`.board-row[aria-rowindex="30"] a`).click();
  await page.locator('.chart').waitFor();
  await page.goBack();
  await page.locator('.board-row[aria-rowindex="30"]').waitFor();
  await until('the board is where it was', async () => Math.abs((await before()) - 25 * 44) < 44);

  // What is not there is said so, and trying again is not offered.
  const missing = [
    ['/matches/nonsense', 'There is no such match.'],
    ['/players/100%25', 'Nobody has this name.'],
    ['/leaderboard?around=junk', 'Not on this leaderboard.'],
    ['/leaderboard?mode=nope', 'There is no mode “nope”.'],
    ['/?mode=nope', 'There is no mode “nope”.'],
  ];
  for (const [path, words] of missing) {
    await page.goto(path);
    await page.getByText(words).waitFor();
    assert((await page.getByRole('button', { name: 'Try again' }).count()) === 0, `${path}: there is nothing to try again`);
  }
  const listed = leaderboard.nodes[20].user;
  const elsewhere = leaderboard.nodes.map(({ user }) => user.region.id).find((id) => id !== listed.region.id);
  await page.goto(`/leaderboard?mode=1v1&around=${listed.id}&region=${elsewhere}`);
  await page.getByText('Not listed in this region').waitFor();
  await page.goto(`/leaderboard?mode=1v1&around=${listed.id}`);
  await page.locator('.board-row.self', { hasText: 'looked for' }).waitFor();

  // What cannot be reached is no fault of what was asked for, and can be tried again.
  const fails = async (operation, act) => {
    const cut = (route) => (route.request().postData()?.includes(operation) ? route.abort() : route.fallback());
    await page.route('**/graphql', cut);
    await act();
    await page.getByText('The server cannot be reached.').waitFor();
    await page.unroute('**/graphql', cut);
    await page.getByRole('button', { name: 'Try again' }).click();
  };
  await page.goto('/players');
  await fails('SearchUsers', () => page.getByLabel('Their name begins with').fill(middling));
  await page.getByLabel('Found').getByText(middling, { exact: true }).waitFor();
  await page.getByText('1 found.').waitFor();
  await page.goto(`/matches/${matches.nodes[0].id}`);
  await fails('Explanations', () => page.getByRole('button', { name: 'Why' }).first().click());
  await page.getByRole('dialog').getByText('was expected').waitFor();
  // A press beside a dialog closes it.
  await page.mouse.click(5, 5);
  await page.getByRole('dialog').waitFor({ state: 'hidden' });

  // The theme is kept, and shown before anything else of the page is there.
  await page.getByRole('button', { name: 'Colours' }).click();
  const colours = () => page.evaluate(() => document.documentElement.dataset.theme);
  const assets = (route) => route.abort();
  await page.route('**/assets/**', assets);
  await page.reload();
  assert((await colours()) === 'light', 'the theme is kept');
  await page.unroute('**/assets/**', assets);
  await page.reload();
  await page.getByRole('button', { name: 'Colours' }).waitFor();
  assert((await colours()) === 'light', 'the theme is kept by the page');

  // What somebody finds to run depends on their role.
  const moderator = await Person.sit(browser, server);
  await moderator.signIn('mona');
  await moderator.page.goto('/admin');
  await moderator.page.locator('table').waitFor();
  const sections = await moderator.page.getByRole('navigation', { name: 'Sections' }).getByRole('link').allTextContents();
  assert(`${sections}` === 'Users,Queues', `a moderator's sections: ${sections}`);
  await moderator.page.goto('/admin/audit');
  await moderator.page.getByText('not for you').waitFor();

  // Who has not played has no place, which is no error.
  await moderator.page.goto('/leaderboard');
  for (let times = 0; times < 2; times++) {
    await moderator.page.getByRole('button', { name: 'Around me' }).click();
    await moderator.page.getByText('Not on this leaderboard.').waitFor();
  }
  assert((await moderator.page.getByRole('button', { name: 'Try again' }).count()) === 0, 'there is nothing to try again');

  // One's data can be saved, which the policy of the page does not keep one from.
  await moderator.page.goto('/account');
  const saved = moderator.page.waitForEvent('download');
  await moderator.page.getByRole('button', { name: 'Save all of it' }).click();
  assert((await saved).suggestedFilename() === 'rankedhonor.json', 'the data comes as a file');
  problems.push(...moderator.problems);

  // GraphiQL: its own page, from here alone, with operations that run.
  await page.goto('/explore');
  await page.locator('.graphiql-query-editor .monaco-editor').first().waitFor();
  assert((await page.locator('.graphiql-tab').count()) > 3, 'there are example tabs');
  await page.locator('.graphiql-query-editor .view-lines').getByText('Leaderboard').first().waitFor();
  await page.locator('.graphiql-execute-button').click();
  await page.locator('.graphiql-response').getByText('totalCount').first().waitFor();
  assert(
    await page.evaluate(() => document.body.classList.contains('graphiql-light')),
    'it has the colours that were chosen for the console',
  );
  // A subscription goes on for as long as one listens. What runs is what the editor shows, however quick one is.
  const [ada, bob] = [await server.player('ada'), await server.player('bob')];
  const asked = page
    .waitForEvent('websocket')
    .then((socket) => socket.waitForEvent('framesent', ({ payload }) => String(payload).includes('rankChanged')));
  await page.evaluate(() => {
    const tabs = [...document.querySelectorAll('.graphiql-tab button')];
    tabs.find(({ textContent }) => textContent === 'RankChanges').click();
    document.querySelector('.graphiql-execute-button').click();
  });
  await asked;
  await until('a change is told', async () => {
    await server.duel(ada, bob);
    return page.locator('.graphiql-response').getByText('mmrAfter').first().isVisible();
  });
  problems.push(...person.problems);
  assert(problems.length === 0, problems.join('\n'));
  console.log('ways      without a mouse, back again, missing, cut off, by role, GraphiQL; nothing was found');
});
