// What the page says while it is cut off, and that it catches up: offline, a server that is gone or silent, parts of the page that cannot
// be loaded, sessions that end, browsers that keep nothing.
import { assert, browsing, PASSWORD, Person, Server, until } from './lib.js';

const server = await Server.start();
await server.serve();

const gone = (page) => page.getByText('Not connected').waitFor();
const back = (page) => page.getByText('Not connected').waitFor({ state: 'hidden' });

await browsing(server, async (browser) => {
  const people = [];
  const sit = async () => {
    const person = await Person.sit(browser, server);
    people.push(person);
    return person;
  };

  // A page without any stream, on a device that loses its network.
  const eve = await sit();
  await eve.page.goto('/players');
  await eve.page.getByRole('heading', { name: 'Players' }).waitFor();
  await eve.context.setOffline(true);
  await eve.page.getByText('this device is offline').waitFor();
  await eve.context.setOffline(false);
  await back(eve.page);
  await eve.context.close();

  // The server goes while a page follows it, and one leaves for a page that follows nothing: that it is back is seen all the same.
  // Parts of the page that were not loaded yet come once they can; those loaded ahead are there.
  const dan = await sit();
  const line = await dan.line();
  const late = /\/assets\/leaderboard-/;
  let without = true;
  await dan.page.route(late, (route) => (without ? route.abort() : route.fallback()));
  const ahead = dan.page.waitForResponse(/\/assets\/search-/);
  await dan.page.goto('/');
  await dan.page.getByText('following').waitFor();
  await ahead;
  await dan.page.evaluate(() => (window.marked = true));
  line.cut();
  await gone(dan.page);
  await dan.page.getByRole('link', { name: 'Players', exact: true }).click();
  await dan.page.getByRole('heading', { name: 'Players' }).waitFor();
  assert(await dan.page.evaluate(() => window.marked), 'a page that was loaded ahead needs no server');
  await dan.page.getByRole('link', { name: 'Leaderboard' }).click();
  await dan.page.getByText('The server cannot be reached.').waitFor();
  await dan.page.getByRole('heading', { name: 'This page could not be loaded' }).waitFor();
  without = false;
  line.mend();
  await dan.page.getByRole('heading', { name: 'Leaderboard' }).waitFor();
  await back(dan.page);
  await dan.context.close();

  // Left for a page that follows nothing while the socket waits for its next attempt: the line does not stay for good.
  const fay = await sit();
  const hers = await fay.line();
  const loaded = fay.page.waitForResponse(/\/assets\/search-/);
  await fay.page.goto('/');
  await fay.page.getByText('following').waitFor();
  await loaded;
  hers.cut();
  await gone(fay.page);
  await fay.page.getByRole('link', { name: 'Players', exact: true }).click();
  await fay.page.getByRole('heading', { name: 'Players' }).waitFor();
  hers.mend();
  await back(fay.page);
  await fay.context.close();

  // A server that says nothing any more, on a socket that stays open, is noticed as somebody looks at the page.
  const gus = await sit();
  let silent = false;
  let opened = 0;
  await gus.page.routeWebSocket('**/graphql', (socket) => {
    opened += 1;
    const onwards = socket.connectToServer();
    socket.onMessage((text) => silent || onwards.send(text));
    onwards.onMessage((text) => silent || socket.send(text));
  });
  await gus.page.goto('/');
  await gus.page.getByText('following').waitFor();
  silent = true;
  await gus.page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
  await gone(gus.page);
  silent = false;
  await back(gus.page);
  assert(opened > 1, 'by another socket');
  await gus.context.close();

  // Reloading shows nobody a form to sign in who is signed in.
  const ada = await sit();
  const { page } = ada;
  await ada.signUp('ada');
  await page.addInitScript(() => {
    window.flashed = [];
    new MutationObserver(() => {
      if (document.querySelector('input[name=login], a[href^="/sign-in"]')) window.flashed.push(location.pathname);
    }).observe(document, { childList: true, subtree: true });
  });
  for (const path of ['/play', '/leaderboard']) {
    await page.goto(path);
    await page.getByRole('link', { name: 'ada', exact: true }).waitFor();
    assert(`${await page.evaluate(() => window.flashed)}` === '', `${path} showed a way to sign in`);
  }

  // What happens while a page reads is on it: the answer that is on its way is from before.
  const { login } = await server.run('mutation($input: LoginInput!) { login(input: $input) { accessToken user { id } } }', {
    input: { login: 'ada', password: PASSWORD },
  });
  const bob = await server.player('bob');
  let told = 0;
  page.on('websocket', (socket) =>
    socket.on('framereceived', ({ payload }) => (told += String(payload).includes('"partyUpdated"') ? 1 : 0)),
  );
  // How often the page has taken what it had heard together.
  await page.addInitScript(() => {
    window.flushed = 0;
    const timeout = window.setTimeout;
    window.setTimeout = (then, after, ...more) =>
      timeout(
        (...all) => {
          then(...all);
          if (after === 120) window.flushed += 1;
        },
        after,
        ...more,
      );
  });
  await page.goto('/play');
  await page.getByRole('button', { name: 'Make a party' }).click();
  const code = await page.locator('strong.mono').textContent();
  await until('the party is followed', () => told > 0);
  // Everything that followed from that is read.
  await page.waitForLoadState('networkidle');
  let holds = true;
  let release;
  await page.route('**/graphql', async (route) => {
    if (!holds || !route.request().postData()?.includes('query PlayNow')) return route.fallback();
    holds = false;
    const before = await route.fetch();
    await new Promise((go) => (release = go));
    await route.fulfill({ response: before });
  });
  const join = 'mutation($code: String!) { joinParty(input: {joinCode: $code}) { party { id } } }';
  await server.run(join, { code }, bob.token);
  await until('it is read that he came', () => release);
  const { length } = await page.getByTestId('party').locator('li').all();
  assert(length === 1, 'the answer is on its way');
  const heard = told;
  const flushed = await page.evaluate(() => window.flushed);
  await server.run('mutation { setPartyReady(input: {ready: true}) { party { id } } }', {}, bob.token);
  await until('it is heard that he is ready', () => told > heard);
  await page.waitForFunction((before) => window.flushed > before, flushed);
  release();
  await page.getByTestId('party').getByText('ready', { exact: true }).waitFor();

  // A session that ends by itself is told of, and signing in leads back.
  await page.goto('/players?q=ada');
  await page.getByRole('link', { name: 'ada', exact: true }).first().waitFor();
  await server.run('mutation { logoutEverywhere { success } }', {}, login.accessToken);
  await page.getByText('You were signed out: the session has ended.').waitFor();
  await page.getByRole('link', { name: 'Sign in' }).click();
  await page.getByLabel('Name or email').fill('ada');
  await page.getByLabel('Password').fill(PASSWORD);
  await page.locator('form').getByRole('button', { name: 'Sign in' }).click();
  await page.waitForURL('**/players?q=ada');
  await page.getByText('You were signed out').waitFor({ state: 'hidden' });

  // Who cannot be signed out is told so, and still is signed in.
  await page.goto('/account');
  await page.getByRole('button', { name: 'Sign out' }).waitFor();
  await page.route('**/graphql', (route) => route.abort());
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByText('You are still signed in.').waitFor();
  await page.unroute('**/graphql');
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByRole('link', { name: 'Sign in' }).waitFor();
  assert((await page.getByText('the session has ended').count()) === 0, 'she ended it herself');

  // A browser that keeps nothing for pages shows them all the same.
  const hal = await sit();
  await hal.context.addInitScript(() => {
    for (const name of ['localStorage', 'sessionStorage'])
      Object.defineProperty(window, name, {
        get: () => {
          throw new DOMException('not here', 'SecurityError');
        },
      });
  });
  await hal.signUp('hal');
  await hal.page.getByRole('button', { name: /^Colours/ }).click();
  await hal.page.getByRole('link', { name: 'Leaderboard' }).click();
  await hal.page.getByRole('heading', { name: 'Leaderboard' }).waitFor();

  for (const person of people) person.innocent();
  console.log('connection offline, cut off, silent, without parts of the page, signed out: said, and caught up with');
});
