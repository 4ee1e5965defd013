// The console while bots play, as many as BOTS says: it stays smooth beside a page that does nothing (the figures are printed), and once
// they rest each page shows what the API says.
import { spawn } from 'node:child_process';
import { assert, browsing, Person, PHONE, Server, until } from './lib.js';

// More than the 50 whom a leaderboard tells of by itself.
const BOTS = process.env.BOTS ?? '80';
const MINUTES = process.env.MINUTES ?? '1';

const server = await Server.start();
server.key = server.command('admin', 'create-server-key', '--name', 'bots').split(/\s/).at(-1);
await server.serve();

/** From now on: the gaps between frames, and the tasks that kept the page from answering. */
const measure = (page) =>
  page.evaluate(() => {
    window.gaps = [];
    window.tasks = [];
    new PerformanceObserver((list) => window.tasks.push(...list.getEntries().map(({ duration }) => duration))).observe({
      type: 'longtask',
    });
    let last = performance.now();
    const frame = (now) => {
      window.gaps.push(now - last);
      last = now;
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  });
const figures = async (page, name) => {
  const { gaps, tasks } = await page.evaluate(() => ({ gaps: window.gaps, tasks: window.tasks }));
  gaps.sort((a, b) => a - b);
  const at = (part) => gaps[Math.floor(gaps.length * part)];
  const sum = (all) => all.reduce((one, other) => one + other, 0);
  const said = `${name}: ${gaps.length} frames, p50 ${at(0.5).toFixed(0)} ms, p99 ${at(0.99).toFixed(0)} ms; ${tasks.length} tasks over 50 ms, the longest ${Math.max(0, ...tasks).toFixed(0)} ms`;
  return { name, said, p50: at(0.5), busy: sum(tasks) / sum(gaps) };
};
/** Whatever the machine is busy with besides slows a page that does nothing down as well. */
const smooth = (page, idle) => {
  assert(page.p50 < 4 * idle.p50 + 17, `${page.name}: a frame takes ${page.p50} ms, that of an idle page ${idle.p50} ms`);
  assert(page.busy < 0.3 + idle.busy, `${page.name}: it does not answer for ${(page.busy * 100).toFixed(0)} % of the time`);
};

await browsing(server, async (browser) => {
  const [watcher, phone] = [await Person.sit(browser, server), await Person.sit(browser, server, { viewport: PHONE })];
  const live = watcher.page;
  await live.goto('/');
  await live.getByText('following').waitFor();
  const board = phone.page;
  await board.goto('/leaderboard');

  const bots = spawn(
    process.env.RANKEDHONOR_BINARY,
    ['simulate', '--url', server.origin, '--server-key', server.key, '--players', BOTS, '--minutes', MINUTES],
    { env: server.env, stdio: ['ignore', 'pipe', 'inherit'] },
  );
  let said = '';
  bots.stdout.on('data', (text) => (said += text));
  const rest = new Promise((ended) => bots.once('exit', ended));
  await live.getByTestId('open-matches').locator('article').first().waitFor();
  await board.locator('.board-body .board-row').first().waitFor();
  const still = (await Person.sit(browser, server)).page;
  await still.goto('/licenses.md');
  await Promise.all([measure(live), measure(board), measure(still)]);
  // Others look at one of the matches, and at one of the bots, all the while.
  const one = await live.getByTestId('open-matches').locator('article a[href^="/matches/"]').first().getAttribute('href');
  const match = await watcher.context.newPage();
  await match.goto(one);
  await match.locator('h1').waitFor();
  const bot = await server
    .run('{ leaderboard(mode: "1v1", first: 1) { nodes { user { id username } } } }')
    .then((all) => all.leaderboard.nodes[0].user);
  const player = await watcher.context.newPage();
  await player.goto(`/players/${bot.username}`);
  await player.locator('.chart').waitFor();
  await live.bringToFront();
  assert((await rest) === 0, 'the bots played to the end');
  const { leaderboard: found } = await server.run('{ leaderboard(mode: "1v1", first: 1) { totalCount } }');
  const [idle, ...busy] = [
    await figures(still, 'a page that does nothing'),
    await figures(live, 'live'),
    await figures(board, 'leaderboard, phone'),
  ];
  const told = [idle, ...busy].map(({ said: line }) => line);
  for (const page of busy) smooth(page, idle);

  // They rest: now everything has to be what the API says.
  const rows = () =>
    board.locator('.board-body .board-row').evaluateAll((all) =>
      all
        .map((row) => [...row.children].map((cell) => cell.textContent.replaceAll(',', '')))
        .map(([place, name, , rating]) => [Number(place), name.slice(2), Number(rating)])
        .sort((a, b) => a[0] - b[0]),
    );
  const truth = async (query) =>
    (await server.run(query)).leaderboard.nodes.map(({ rank, mmr, user }) => [rank, user.username, mmr]);
  const all = 'query { leaderboard(mode: "1v1", first: 100) { nodes { rank mmr user { username } } } }';
  const same = async () => {
    const [shown, told] = [await rows(), await truth(all)];
    return shown.length > 8 && shown.every((row) => `${row}` === `${told[row[0] - 1]}`) && shown;
  };
  await until('the leaderboard is what the API says', same);
  // Further down, too, where rows come as one scrolls.
  await until('so it is further down', async () => {
    await board.locator('.board').evaluate((box) => box.scrollTo(0, 45 * 44));
    return (await same())?.some(([place]) => place > 55);
  });
  const feed = () =>
    live
      .getByTestId('feed')
      .locator('a[href^="/matches/"]')
      .evaluateAll((links) => links.map((link) => link.getAttribute('href').slice('/matches/'.length)));
  await until('the feed is what the API says', async () => {
    const { feed: lines } = await server.run('{ feed(first: 30) { nodes { match { id } } } }');
    return `${await feed()}` === `${lines.nodes.map(({ match: of }) => of.id)}`;
  });
  await until('no match is shown as open that is not', async () => {
    const { matches } = await server
      .run(
        '{ a: matches(filter: {status: IN_PROGRESS}, first: 100) { nodes { id } } b: matches(filter: {status: PENDING}, first: 100) { nodes { id } } }',
      )
      .then(({ a, b }) => ({ matches: [...a.nodes, ...b.nodes] }));
    const shown = await live.getByTestId('open-matches').locator('article').count();
    return shown === Math.min(24, matches.length);
  });
  await until('nobody waits', async () => {
    const { queueStats } = await server.run('{ queueStats(mode: "1v1") { playersSearching } }');
    return (await live.getByTestId('queue-1v1').locator('dd').first().textContent()) === String(queueStats.playersSearching);
  });
  await until('the player is as the API says', async () => {
    const { user } = await server.run(
      'query($id: ID!) { user(by: {id: $id}) { standing(mode: "1v1") { mmr uncertainty rank wins losses draws } ratingHistory(mode: "1v1", last: 100) { nodes { mmrAfter } } matches(mode: "1v1", first: 1) { nodes { id } } } }',
      { id: bot.id },
    );
    const { mmr, uncertainty, rank, wins, losses, draws } = user.standing;
    const facts = (await player.locator('.facts dd').allTextContents()).map((text) => text.replaceAll(',', ''));
    const chart = await player.locator('.chart').getAttribute('aria-label');
    const newest = await player.locator('article a[href^="/matches/"]').first().getAttribute('href');
    return (
      facts[1] === `#${rank}` &&
      facts[2] === `${mmr} ± ${uncertainty}` &&
      facts[5] === `${wins}–${losses}${draws ? `–${draws}` : ''}` &&
      chart.includes(`over ${user.ratingHistory.nodes.length} matches`) &&
      chart.includes(`to ${user.ratingHistory.nodes.at(-1).mmrAfter},`) &&
      newest === `/matches/${user.matches.nodes[0].id}`
    );
  });
  await until('the match is as the API says', async () => {
    const id = one.split('/').at(-1);
    const { match: of } = await server.run(
      'query($id: ID!) { match(id: $id) { status teams { outcome players { mmrAfter } } events(first: 100) { nodes { kind } } } }',
      { id },
    );
    const outcomes = (await match.getByTestId('outcome').allTextContents()).map((text) => text.split(' ')[0]);
    const words = { WIN: 'Won', LOSS: 'Lost', DRAW: 'Draw' };
    const lines = await match.getByTestId('timeline').locator('li').count();
    const text = (await match.locator('main').textContent()).replaceAll(',', '');
    return (
      `${outcomes}` === `${of.teams.map(({ outcome }) => words[outcome])}` &&
      of.teams.every(({ players }) => players.every(({ mmrAfter }) => text.includes(`→ ${mmrAfter}`))) &&
      lines === of.events.nodes.length
    );
  });
  for (const person of [watcher, phone]) person.innocent();
  console.log(
    `load      ${BOTS} bots, ${found.totalCount} players listed; the pages show what the API says\n          ${told.join('\n          ')}`,
  );
});
