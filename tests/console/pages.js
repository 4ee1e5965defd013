// Every page, on a desktop, on a phone and between, in light and in dark: axe finds nothing, nothing is wider than the screen or than
// what it is in, or jumps while it comes, words stay whole, phones do not zoom in on fields, the policy of the page is kept, and nothing
// is asked of anybody else.
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

const match = matches.nodes[0].id;
const { everyone: PUBLIC, boss: SIGNED_IN } = pages(best, match);
/** Too narrow for a desktop's columns, too wide for a phone's. */
const BETWEEN = { width: 900, height: 1100 };

let looks = 0;
let worst = 0;
/** Whether the whole of a tab is within the screen. */
const inSight = (page, name) =>
  page
    .locator('.top .nav')
    .getByText(name, { exact: true })
    .evaluate((tab) => tab.getBoundingClientRect().left >= 0 && tab.getBoundingClientRect().right <= innerWidth);
/** What runs over the edge of what it is in, and words and figures of tables that are cut in two. */
const misfits = (page) =>
  page.evaluate(() => {
    const found = [];
    for (const part of document.querySelectorAll('main *, dialog *')) {
      const { overflowX, display } = getComputedStyle(part);
      if (overflowX !== 'visible' || display.startsWith('inline') || part.closest('.graphiql-container, .hidden, svg')) continue;
      if (part.clientWidth > 0 && part.scrollWidth > part.clientWidth + 1)
        found.push(`${part.tagName}.${part.className} is ${part.scrollWidth - part.clientWidth} pixels too wide`);
    }
    for (const cell of document.querySelectorAll('td, [role=cell]')) {
      const words = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT);
      while (words.nextNode()) {
        const word = words.currentNode;
        if (/[\s-]/.test(word.data.trim()) || word.parentElement.closest('details, .hidden')) continue;
        const range = document.createRange();
        range.selectNodeContents(word);
        if (new Set([...range.getClientRects()].map(({ top }) => top)).size > 1) found.push(`“${word.data}” is cut in two`);
      }
    }
    return found;
  });
const problems = [];
await browsing(server, async (browser) => {
  for (const viewport of [DESKTOP, PHONE, BETWEEN]) {
    for (const colorScheme of viewport === BETWEEN ? ['light'] : ['light', 'dark']) {
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
        for (const found of await misfits(page)) problems.push(`${where}: ${found}`);
        const levels = await page.locator('h1, h2, h3').evaluateAll((all) => all.map(({ tagName }) => Number(tagName[1])));
        if (levels[0] !== 1 || levels.filter((level) => level === 1).length !== 1) problems.push(`${where}: headings ${levels}`);
      };
      for (const one of PUBLIC) await look(one);
      await person.page.goto(`/matches/${match}`);
      await person.page.getByRole('button', { name: 'Why' }).first().click();
      await person.page.getByRole('dialog').getByText('was expected').waitFor();
      for (const found of await misfits(person.page)) problems.push(`Why (${viewport.width}): ${found}`);
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
    `pages     ${looks} looks at pages in three sizes and two schemes; nothing was found, the most that moved is ${worst.toFixed(3)}`,
  );
});
