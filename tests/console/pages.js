// Every page, on a desktop and on a phone, in light and in dark: axe finds nothing, nothing is wider than the screen, the policy of
// the page is kept, nothing is asked of anybody else, and who uses no mouse gets everywhere.
import { assert, browsing, DESKTOP, inaccessible, pages, Person, PHONE, Server, until } from './lib.js';

const server = await Server.start();
server.command('seed', '--users', '60', '--matches', '400');
server.command('admin', 'create-user', '--username', 'boss', '--email', 'boss@example.com', '--role', 'admin');
server.command('admin', 'create-user', '--username', 'mona', '--email', 'mona@example.com', '--role', 'moderator');
await server.serve();
const { leaderboard } = await server.run('{ leaderboard(mode: "1v1", first: 40) { nodes { user { username } } } }');
const { matches } = await server.run('{ matches(filter: {status: COMPLETED}, first: 1) { nodes { id } } }');
const best = leaderboard.nodes[0].user.username;
const middling = leaderboard.nodes.at(-1).user.username;

const { everyone: PUBLIC, boss: SIGNED_IN } = pages(best, matches.nodes[0].id);

let looks = 0;
const problems = [];
await browsing(server, async (browser) => {
  for (const viewport of [DESKTOP, PHONE]) {
    for (const colorScheme of ['light', 'dark']) {
      const person = await Person.sit(browser, server, { viewport, colorScheme, reducedMotion: 'reduce' });
      const look = async ([path, sign]) => {
        const { page } = person;
        await page.goto(path);
        await page.locator(sign).first().waitFor();
        looks += 1;
        const where = `${path} (${viewport.width}, ${colorScheme})`;
        for (const found of await inaccessible(page)) problems.push(`${where}: ${found}`);
        const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
        if (wide > 0) problems.push(`${where}: ${wide} pixels wider than the screen`);
        const levels = await page.locator('h1, h2, h3').evaluateAll((all) => all.map(({ tagName }) => Number(tagName[1])));
        if (levels[0] !== 1 || levels.filter((level) => level === 1).length !== 1) problems.push(`${where}: headings ${levels}`);
      };
      for (const one of PUBLIC) await look(one);
      await person.signIn('boss');
      for (const one of SIGNED_IN) await look(one);
      problems.push(...person.problems);
      await person.context.close();
    }
  }

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
  problems.push(...person.problems);
  assert(problems.length === 0, problems.join('\n'));
  console.log(`pages     ${looks} looks at pages in two sizes and two schemes, without a mouse, GraphiQL; nothing was found`);
});
