// Every page, on a desktop and on a phone, in light and in dark: axe finds nothing, nothing is wider than the screen or jumps while it
// comes, phones do not zoom in on fields, the policy of the page is kept, and nothing is asked of anybody else.
import { assert, browsing, DESKTOP, inaccessible, pages, Person, PHONE, Server } from './lib.js';

const server = await Server.start();
server.command('seed', '--users', '60', '--matches', '400');
server.command('admin', 'create-user', '--username', 'boss', '--email', 'boss@example.com', '--role', 'admin');
await server.serve();
const { leaderboard } = await server.run(
  '{ leaderboard(mode: "1v1", first: 40) { nodes { user { id username region { id } } } } }',
);
const { matches } = await server.run('{ matches(filter: {mode: "1v1", status: COMPLETED}, first: 1) { nodes { id } } }');
const best = leaderboard.nodes[0].user.username;

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
        if (shift > 0.1) problems.push(`${where}: what is there moves while the rest comes: ${shift}`);
        worst = Math.max(worst, shift);
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
      // Its editor takes long to come: once in each size, once in each scheme.
      if ((viewport === PHONE) === (colorScheme === 'dark'))
        await look(['/explore', '.graphiql-query-editor .view-line', ['.graphiql-container']]);
      if (viewport === PHONE && colorScheme === 'dark') {
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
  console.log(
    `pages     ${looks} looks at pages in two sizes and two schemes; nothing was found, the most that moved is ${worst.toFixed(3)}`,
  );
});
