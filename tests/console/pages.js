// Every page, on a desktop and on a phone, in light and in dark: axe finds nothing, nothing is wider than the screen or jumps while it
// comes, phones do not zoom in on fields, the policy of the page is kept, nothing is asked of anybody else, and who uses no mouse gets
// everywhere. What does not exist, or cannot be reached, is said so; whoever comes back is where they were.
import { assert, browsing, DESKTOP, inaccessible, pages, Person, PHONE, Server, until } from './lib.js';

const server = await Server.start();
server.command('seed', '--users', '60', '--matches', '400');
server.command('admin', 'create-user', '--username', 'boss', '--email', 'boss@example.com', '--role', 'admin');
server.command('admin', 'create-user', '--username', 'mona', '--email', 'mona@example.com', '--role', 'moderator');
server.key = server.command('admin', 'create-server-key', '--name', 'games').split(/\s/).at(-1);
await server.serve();
const { leaderboard } = await server.run(
  '{ leaderboard(mode: "1v1", first: 40) { nodes { user { id username region { id } } } } }',
);
const { matches } = await server.run('{ matches(filter: {mode: "1v1", status: COMPLETED}, first: 1) { nodes { id } } }');
const best = leaderboard.nodes[0].user.username;
const middling = leaderboard.nodes.at(-1).user.username;

const { everyone: PUBLIC, boss: SIGNED_IN } = pages(best, matches.nodes[0].id);

let looks = 0;
let worst = 0;
/** Whether the whole of a tab is within the screen. */
const inSight = (page, name) =>
  page
    .locator('.top .nav')
    .getByText(name, { exact: true })
    .evaluate((tab) => tab.getBoundingClientRect().left >= 0 && tab.getBoundingClientRect().right <= innerWidth);
const problems = [];
await browsing(server, async (browser) => {
  for (const viewport of [DESKTOP, PHONE]) {
    for (const colorScheme of ['light', 'dark']) {
      const person = await Person.sit(browser, server, { viewport, colorScheme, reducedMotion: 'reduce' });
      await person.context.addInitScript(() => {
        window.shift = 0;
        new PerformanceObserver((list) => {
          for (const { value, hadRecentInput } of list.getEntries()) if (!hadRecentInput) window.shift += value;
        }).observe({ type: 'layout-shift', buffered: true });
      });
      const look = async ([path, sign, beside = []]) => {
        const { page } = person;
        await page.goto(path);
        await page.locator(sign).first().waitFor();
        looks += 1;
        const where = `${path} (${viewport.width}, ${colorScheme})`;
        const shift = await page.evaluate(() => window.shift);
        // Play asks first who is there.
        if (shift > 0.1 && path !== '/play') problems.push(`${where}: what is there moves while the rest comes: ${shift}`);
        if (path !== '/play') worst = Math.max(worst, shift);
        const small = await page
          .locator('main :is(input:not([type=checkbox]), select, textarea)')
          .evaluateAll((all) =>
            all.filter((field) => !field.closest('.graphiql-container') && parseFloat(getComputedStyle(field).fontSize) < 16),
          );
        if (small.length > 0) problems.push(`${where}: phones zoom in on ${small.length} fields`);
        for (const found of await inaccessible(page, beside)) problems.push(`${where}: ${found}`);
        const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
        if (wide > 0) problems.push(`${where}: ${wide} pixels wider than the screen`);
        const levels = await page.locator('h1, h2, h3').evaluateAll((all) => all.map(({ tagName }) => Number(tagName[1])));
        if (levels[0] !== 1 || levels.filter((level) => level === 1).length !== 1) problems.push(`${where}: headings ${levels}`);
      };
      for (const one of PUBLIC) await look(one);
      await look(['/explore', '.graphiql-query-editor .view-line', ['.graphiql-container']]);
      if (viewport === PHONE) {
        const [editors, answer] = await Promise.all(
          ['.graphiql-editors', '.graphiql-response'].map((part) => person.page.locator(part).boundingBox()),
        );
        if (answer.y < editors.y + editors.height) problems.push('a phone shows the answer beside the editors');
        if (Math.min(editors.width, answer.width) < 280) problems.push(`the panes are ${editors.width} and ${answer.width} wide`);
        await person.page.goto('/');
        if (!(await inSight(person.page, 'Explore'))) problems.push('a phone shows no way to Explore');
      }
      await person.signIn('boss');
      for (const one of SIGNED_IN) await look(one);
      if (!(await inSight(person.page, 'Admin'))) problems.push(`the tab of the page is not in sight (${viewport.width})`);
      problems.push(...person.problems);
      await person.context.close();
    }
  }

  assert(problems.length === 0, problems.join('\n'));

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

  // The theme is kept.
  await page.getByRole('button', { name: 'Colours' }).click();
  await page.reload();
  assert((await page.evaluate(() => document.documentElement.dataset.theme)) === 'light', 'the theme is kept');

  // What somebody finds to run depends on their role.
  const moderator = await Person.sit(browser, server);
  await moderator.signIn('mona');
  await moderator.page.goto('/admin');
  await moderator.page.locator('table').waitFor();
  const sections = await moderator.page.getByRole('navigation', { name: 'Sections' }).getByRole('link').allTextContents();
  assert(`${sections}` === 'Users,Queues', `a moderator's sections: ${sections}`);
  await moderator.page.goto('/admin/audit');
  await moderator.page.getByText('not for you').waitFor();

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
  // A subscription goes on for as long as one listens.
  const [ada, bob] = [await server.player('ada'), await server.player('bob')];
  await page.locator('.graphiql-tab', { hasText: 'RankChanges' }).click();
  await page.locator('.graphiql-execute-button').click();
  await until('a change is told', async () => {
    await server.duel(ada, bob);
    return page.locator('.graphiql-response').getByText('mmrAfter').first().isVisible();
  });
  problems.push(...person.problems);
  assert(problems.length === 0, problems.join('\n'));
  console.log(
    `pages     ${looks} looks at pages in two sizes and two schemes, without a mouse, GraphiQL; nothing was found, the most that moved is ${worst.toFixed(3)}`,
  );
});
