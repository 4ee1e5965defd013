// The queue from everywhere: a match is found while one looks at another page, in another window, with a clock that is wrong; others
// decline; a match ends while nobody is told. Each of the states on the way is looked at by axe.
import { assert, browsing, inaccessible, PASSWORD, Person, PHONE, Server, until } from './lib.js';

const MODE = 'ready';

const server = await Server.start();
server.command('admin', 'create-user', '--username', 'boss', '--email', 'boss@example.com', '--role', 'admin');
server.key = server.command('admin', 'create-server-key', '--name', 'games').split(/\s/).at(-1);
await server.serve();

const JOIN = 'mutation($mode: ModeId!) { joinQueue(input: {mode: $mode}) { ticket { id } } }';
const RESPOND =
  'mutation($id: ID!, $accept: Boolean!) { respondToReadyCheck(input: {matchId: $id, accept: $accept}) { match { id } } }';
const tokenOf = async (name) => {
  const query = 'mutation($input: LoginInput!) { login(input: $input) { accessToken user { id } } }';
  const { login } = await server.run(query, { input: { login: name, password: PASSWORD } });
  return { token: login.accessToken, id: login.user.id };
};
const join = ({ token }) => server.run(JOIN, { mode: MODE }, token);
const respond = ({ token }, id, accept) => server.run(RESPOND, { id, accept }, token);
const matchOf = ({ token }) =>
  until('there is a match', async () => (await server.run('{ myMatch { id } }', {}, token)).myMatch?.id);

const problems = [];
let looks = 0;
/** In two sizes and two schemes, as it is just now. */
async function look(person, what) {
  const { page } = person;
  const before = page.viewportSize();
  for (const viewport of [before, PHONE]) {
    for (const colorScheme of ['light', 'dark']) {
      await page.setViewportSize(viewport);
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      for (const found of await inaccessible(page)) problems.push(`${what} (${viewport.width}, ${colorScheme}): ${found}`);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      if (wide > 0) problems.push(`${what} (${viewport.width}): ${wide} pixels wider than the screen`);
      looks += 1;
    }
  }
  await page.setViewportSize(before);
}

await browsing(server, async (browser) => {
  // Her clock is an hour and a half ahead of everybody's, and she wants notifications.
  const ada = await Person.sit(browser, server);
  await ada.context.addInitScript(() => {
    const real = Date.now;
    Date.now = () => real() + 5_400_000;
    window.told = [];
    window.tones = 0;
    const start = OscillatorNode.prototype.start;
    OscillatorNode.prototype.start = function (...when) {
      window.tones += 1;
      return start.apply(this, when);
    };
    window.Notification = class {
      static permission = 'default';
      static async requestPermission() {
        return (this.permission = 'granted');
      }
      constructor(title, { body }) {
        window.told.push(`${title}: ${body}`);
      }
      close() {}
    };
  });
  const { page } = ada;
  const line = await ada.line();
  await ada.signUp('ada');
  const bob = await server.player('bob');
  const her = await tokenOf('ada');

  // She looks for a match, and goes on looking on another page.
  await page.getByRole('button', { name: 'Ready duel' }).click();
  await page.getByRole('checkbox').nth(1).check();
  await page.getByText('2nd', { exact: true }).waitFor();
  await page.getByRole('button', { name: 'Play', exact: true }).click();
  const waited = page.getByTestId('waiting').locator('dd').first();
  await waited.getByText(/^[01]:\d\d$/).waitFor();
  await page.getByRole('button', { name: 'Notify me' }).click();
  await page.getByRole('button', { name: 'Notify me' }).waitFor({ state: 'hidden' });
  await look(ada, 'looking for a match');
  await page.getByRole('link', { name: 'Leaderboard' }).click();
  const strip = page.locator('.strip');
  await strip.getByText(/Looking for a match: Ready duel · [01]:\d\d/).waitFor();
  await until('the title says it', async () => (await page.title()).startsWith('Looking · Leaderboard'));
  await look(ada, 'looking, elsewhere');

  // A match is found: it is said aloud, in the title and by a sound, and she accepts from where she is.
  await page.evaluate(() => {
    Object.defineProperty(document, 'visibilityState', { get: () => window.seen ?? 'hidden', configurable: true });
    document.dispatchEvent(new Event('visibilitychange'));
  });
  await join(bob);
  const first = await matchOf(bob);
  await page.getByRole('alert').filter({ hasText: 'Match found: Ready duel. Accept it within 60 seconds.' }).waitFor();
  await until('it rang', () => page.evaluate(() => window.tones === 2));
  const told = await page.evaluate(() => window.told);
  assert(`${told}` === 'Match found: Accept it to play.', `notifications: ${told}`);
  const titles = new Set();
  await until('the title comes and goes', async () => titles.add(await page.title()).size > 1);
  assert(
    [...titles].every((title) => /^(Accept the match · )?Leaderboard · RankedHonor$/.test(title)),
    `titles: ${[...titles]}`,
  );
  await page.evaluate(() => (window.seen = 'visible'));
  // By the server's clock, whatever hers says.
  const left = await strip.locator('.number').textContent();
  assert(/^(1:00|0:[0-5]\d)$/.test(left) && left !== '0:00', `seconds left: ${left}`);
  await look(ada, 'found, elsewhere');
  await strip.getByRole('button', { name: 'Accept' }).click();
  await page.getByText('Waiting for the others').waitFor();
  assert(page.url().endsWith('/play'), 'accepting leads to where one plays');
  await look(ada, 'ready check, accepted');
  await until('the title is calm again', async () => (await page.title()) === 'Match found · RankedHonor');

  // The other declines: she is looking again, and knows why.
  await respond(bob, first, false);
  await page.getByText('A player declined.').waitFor();
  await page.getByText('your wait counts on').waitFor();
  await page.getByRole('heading', { name: 'Looking for a match' }).waitFor();
  await look(ada, 'after a match fell through');

  // The next one is accepted by keyboard; the focus is on what came in the button's place.
  const cyd = await server.player('cyd');
  await join(cyd);
  const second = await matchOf(cyd);
  await page.getByText('Are you ready?').waitFor();
  assert((await page.getByText('A player declined.').count()) === 0, 'that is over');
  await look(ada, 'ready check');
  await page.keyboard.press('Enter');
  await page.getByText('You have accepted.').waitFor();
  await until('the focus is there', () => page.evaluate(() => document.activeElement.textContent.includes('You have accepted.')));
  await respond(cyd, second, true);
  await page.getByRole('heading', { name: 'Playing' }).or(page.getByText('How to connect')).first().waitFor();
  await page.getByRole('link', { name: 'Live', exact: true }).click();
  await strip.getByText('Your match is about to start: Ready duel').waitFor();
  const game = await server.play(second, her.id);
  await strip.getByText('You are playing: Ready duel').waitFor();

  // Its notification leads to where it is played, and later to its page.
  await page.getByRole('button', { name: /^Notifications: [1-9]/ }).click();
  await page.getByRole('dialog').getByRole('link', { name: 'Match found' }).first().waitFor();
  await look(ada, 'notifications');
  await page.getByRole('dialog').getByRole('link', { name: 'Match found' }).first().click();
  await page.waitForURL('**/play');
  await page.getByText('127.0.0.1:7777').waitFor();
  await look(ada, 'playing');

  // The match ends while her page is cut off: its result waits for her.
  line.cut();
  await page.getByText('Not connected').waitFor();
  await game.end();
  line.mend();
  await page.getByRole('heading', { name: 'You won' }).waitFor();
  await page.getByTestId('result').getByText('+').waitFor();
  await page.getByText('Not connected').waitFor({ state: 'hidden' });
  await look(ada, 'the result');
  await page.getByRole('button', { name: 'Play on' }).click();
  await page.getByRole('button', { name: 'Play', exact: true }).waitFor();

  // Two of them in a party.
  await page.getByRole('button', { name: 'Make a party' }).click();
  const code = await page.locator('strong.mono').textContent();
  await server.run('mutation($code: String!) { joinParty(input: {joinCode: $code}) { party { id } } }', { code }, bob.token);
  await page.getByTestId('party').getByText('bob').waitFor();
  await look(ada, 'a party');
  await page.getByRole('button', { name: 'Leave', exact: true }).click();
  await page.getByRole('button', { name: 'Make a party' }).waitFor();

  // Who is kept out of the queue sees for how long, and sees it end when a moderator lifts it.
  const boss = await tokenOf('boss');
  const lock =
    'mutation($id: ID!, $end: DateTime!) { lockQueue(input: {userId: $id, until: $end, reason: "test"}) { user { id } } }';
  await server.run(lock, { id: her.id, end: new Date(Date.now() + 3_600_000).toISOString() }, boss.token);
  await page.getByRole('button', { name: 'Play', exact: true }).click();
  await page.getByText('You cannot queue just now').waitFor();
  await page.getByText(/cannot queue for another (\d+) min/).waitFor();
  await look(ada, 'locked');
  await server.run('mutation($id: ID!) { liftQueueLock(input: {userId: $id}) { lifted } }', { id: her.id }, boss.token);
  await page.getByText('You cannot queue just now').waitFor({ state: 'hidden' });

  ada.innocent();
  assert(problems.length === 0, problems.join('\n'));
  console.log(`queue     found on another page, declined, missed and locked; ${looks} looks at the states on the way`);
});
