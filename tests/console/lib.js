// What the checks of the console share: a server of their own, browsers, and a look at everything that a page must not do.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

export const PASSWORD = 'correct-horse-42-battery';

const binary = process.env.RANKEDHONOR_BINARY;

function freePort() {
  return new Promise((found) => {
    const listener = createServer().listen(0, '127.0.0.1', () => {
      const { port } = listener.address();
      listener.close(() => found(port));
    });
  });
}

/** A server on a port and a directory of its own, which can be killed and started again. */
export class Server {
  /** With more settings than settings.toml has: what `more` makes of the server. */
  static async start({ more = () => '', env = {} } = {}) {
    const server = new Server();
    const port = await freePort();
    server.origin = `http://127.0.0.1:${port}`;
    server.dir = mkdtempSync(join(tmpdir(), 'console-'));
    const settings = join(server.dir, 'settings.toml');
    const shared = readFileSync(new URL('settings.toml', import.meta.url), 'utf8');
    writeFileSync(settings, `${shared}\n${more(server)}`);
    server.env = {
      ...process.env,
      RANKEDHONOR_ADDR: `127.0.0.1:${port}`,
      RANKEDHONOR_DATA_DIR: server.dir,
      RANKEDHONOR_CONFIG: settings,
      RUST_LOG: 'warn',
      ...env,
    };
    return server;
  }

  /** Runs a command of the binary on this server's data; what it printed. */
  command(...args) {
    const { stdout, stderr, status } = spawnSync(binary, args, { env: this.env, encoding: 'utf8', input: `${PASSWORD}\n` });
    assert(status === 0, `${args.join(' ')}: ${stderr}`);
    return stdout.trim();
  }

  /** Waits for a mail with these words, later than those seen; the address that it leads to. */
  async mail(words) {
    this.seen ??= new Set();
    return until(`a mail says: ${words}`, () => {
      const dir = join(this.dir, 'mail');
      for (const name of readdirSync(dir).sort()) {
        if (this.seen.has(name)) continue;
        // Long lines are cut in a mail.
        const text = readFileSync(join(dir, name), 'utf8').replaceAll('=\r\n', '').replaceAll('=3D', '=');
        if (!text.includes(words)) continue;
        this.seen.add(name);
        return text.match(/http\S+/)[0];
      }
      return false;
    });
  }

  async serve() {
    this.process = spawn(binary, ['serve'], { env: this.env, stdio: ['ignore', 'inherit', 'inherit'] });
    await until('the server answers', async () => (await fetch(`${this.origin}/readyz`)).ok);
    return this;
  }

  /** Without a word, as a machine that loses its power. */
  async kill() {
    const gone = new Promise((ended) => this.process.once('exit', ended));
    this.process.kill('SIGKILL');
    await gone;
  }

  end() {
    this.process?.kill('SIGKILL');
    rmSync(this.dir, { recursive: true, force: true });
  }

  /** Runs an operation as whoever has this token; its data, or an error that says what was refused. */
  async run(query, variables, token) {
    const headers = { 'content-type': 'application/json' };
    if (token) headers.authorization = `Bearer ${token}`;
    const body = JSON.stringify({ query, variables });
    const answer = await (await fetch(`${this.origin}/graphql`, { method: 'POST', headers, body })).json();
    if (answer.errors) throw new Error(JSON.stringify(answer.errors));
    return answer.data;
  }

  async player(username) {
    const input = { username, email: `${username}@example.com`, password: PASSWORD, region: 'eu-west' };
    const query = 'mutation($input: RegisterInput!) { register(input: $input) { accessToken user { id } } }';
    const { register } = await this.run(query, { input });
    return { username, id: register.user.id, token: register.accessToken };
  }

  /** What a game server does with a match: starts it, tells what happens, and who won. */
  async play(match, winner, key = this.key) {
    await this.run(
      'mutation($id: ID!) { startMatch(input: {matchId: $id, endpoint: "127.0.0.1:7777"}) { match { id } } }',
      { id: match },
      key,
    );
    const { match: now } = await this.run(
      'query($id: ID!) { match(id: $id) { teams { index players { user { id } } } } }',
      { id: match },
      key,
    );
    const [first, second] = now.teams.map((team) => team.players.map(({ user }) => user.id));
    const events = [{ sequence: 1, kind: 'FIRST_BLOOD', atMs: 1500, actorId: first[0], targetId: second[0] }];
    await this.run(
      'mutation($input: RecordMatchEventsInput!) { recordMatchEvents(input: $input) { recorded } }',
      { input: { matchId: match, events } },
      key,
    );
    return {
      end: () => {
        const teams = now.teams.map(({ index, players }) => ({
          index,
          placement: players.some(({ user }) => user.id === winner) ? 1 : 2,
          score: players.some(({ user }) => user.id === winner) ? 3 : 1,
        }));
        return this.run(
          'mutation($input: ReportMatchResultInput!) { reportMatchResult(input: $input) { match { id } } }',
          { input: { matchId: match, teams } },
          key,
        );
      },
    };
  }

  /** Two players meet, and the first of them wins; the match's id. */
  async duel(winner, loser, mode = '1v1') {
    const queue = 'mutation($mode: ModeId!) { joinQueue(input: {mode: $mode}) { ticket { id } } }';
    const accept = 'mutation($id: ID!) { respondToReadyCheck(input: {matchId: $id, accept: true}) { match { id } } }';
    for (const { token } of [winner, loser]) await this.run(queue, { mode }, token);
    const match = await until('they meet', async () => (await this.run('{ myMatch { id status } }', {}, winner.token)).myMatch);
    if (match.status === 'READY_CHECK') {
      for (const { token } of [winner, loser]) await this.run(accept, { id: match.id }, token);
    }
    await (await this.play(match.id, winner.id)).end();
    return match.id;
  }
}

/** Waits for something that is not told of; the errors on the way do not count. */
export async function until(what, holds, patienceMs = 120_000) {
  const began = Date.now();
  for (;;) {
    const found = await Promise.resolve()
      .then(holds)
      .catch(() => false);
    if (found) return found;
    assert(Date.now() - began < patienceMs, `waited in vain until ${what}`);
    await new Promise((passed) => setTimeout(passed, 50));
  }
}

export function assert(condition, what) {
  if (!condition) throw new Error(what);
}

export const DESKTOP = { width: 1280, height: 860 };
export const PHONE = { width: 390, height: 844 };

export async function launch() {
  const args = [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
  ];
  return chromium.launch({ executablePath: process.env.CHROMIUM, args });
}

/** Runs a check with a browser; where it fails, says what everybody had before them. */
export async function browsing(server, check) {
  const browser = await launch();
  try {
    await check(browser);
  } catch (error) {
    await Person.tell();
    throw error;
  } finally {
    await browser.close();
    server.end();
  }
}

/** A person with a browser: a window, and everything that it did and must not have done. */
export class Person {
  static all = [];

  /** What each of them has before them, for whoever reads why a check failed. */
  static async tell() {
    for (const { context, problems } of Person.all) {
      for (const page of context.pages()) {
        const text = await page.locator('body').innerText({ timeout: 1_000 }).catch(String);
        console.error(`--- ${page.url()}\n${text.slice(0, 1_500)}`);
      }
      if (problems.length > 0) console.error(problems.join('\n'));
    }
  }

  static async sit(browser, server, options = {}) {
    const person = new Person();
    Person.all.push(person);
    person.server = server;
    person.mayAsk = [];
    person.problems = [];
    person.context = await browser.newContext({ viewport: DESKTOP, baseURL: server.origin, ...options });
    await person.context.addInitScript(() => {
      document.addEventListener('securitypolicyviolation', (event) =>
        console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`),
      );
    });
    person.context.setDefaultTimeout(120_000);
    person.context.on('page', (page) => person.watch(page));
    person.page = await person.context.newPage();
    return person;
  }

  watch(page) {
    page.on('pageerror', (error) => this.problems.push(`${page.url()}: ${error}`));
    page.on('console', (message) => {
      // That a server which was killed cannot be reached is no fault of the page.
      if (message.type() === 'error' && !/ERR_CONNECTION|WebSocket connection|Failed to load resource/.test(message.text()))
        this.problems.push(`${page.url()}: ${message.text()}`);
    });
    page.on('request', (request) => {
      const { protocol, host } = new URL(request.url());
      const own = [this.server.origin, ...this.mayAsk].map((origin) => new URL(origin).host);
      if (!['data:', 'blob:'].includes(protocol) && !own.includes(host))
        this.problems.push(`${page.url()} asked ${request.url()}`);
    });
  }

  /** The way from this person's page to the API, which can be cut and mended; to be asked for before the page is opened. */
  async line() {
    const line = { whole: true, sockets: new Set() };
    line.cut = () => {
      line.whole = false;
      for (const socket of line.sockets) void socket.close().catch(() => undefined);
      line.sockets.clear();
    };
    line.mend = () => (line.whole = true);
    // Playwright keeps the page's sockets open for as long as nobody closes them.
    await this.page.routeWebSocket('**/graphql', (socket) => {
      if (!line.whole) return void socket.close();
      line.sockets.add(socket);
      socket.connectToServer();
    });
    const gate = (route) => (line.whole ? route.fallback() : route.abort());
    for (const path of ['**/graphql', '**/favicon.svg', '**/assets/**']) await this.page.route(path, gate);
    return line;
  }

  /** Makes an account, as a new user would. */
  async signUp(username) {
    const { page } = this;
    await page.goto('/play');
    await page.getByRole('button', { name: 'Make an account' }).first().click();
    await page.getByLabel('Name', { exact: true }).fill(username);
    await page.getByLabel('Email').fill(`${username}@example.com`);
    await page.getByLabel('Password').fill(PASSWORD);
    await page.locator('form').getByRole('button', { name: 'Make an account' }).click();
    await page.getByRole('link', { name: username }).waitFor();
  }

  async signIn(username, password = PASSWORD) {
    const { page } = this;
    await page.goto('/sign-in');
    await page.getByLabel('Name or email').fill(username);
    await page.getByLabel('Password').fill(password);
    await page.locator('form').getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('link', { name: username, exact: true }).first().waitFor();
  }

  /** Fails where the page did something that it must not. */
  innocent() {
    assert(this.problems.length === 0, this.problems.join('\n'));
  }
}

/** Each page, and what is on it once it is there: what everyone sees, and an admin. */
export const pages = (player, match) => ({
  everyone: [
    ['/', '[data-testid=feed]'],
    ['/leaderboard', '.board-body .board-row'],
    ['/players', 'input[type=search]'],
    [`/players/${player}`, '.chart'],
    [`/matches/${match}`, '[data-testid=timeline]'],
    ['/play', 'input[name=login]'],
    ['/sign-in', 'input[name=login]'],
    ['/verify', '.card p'],
    ['/reset', '.card p'],
    ['/admin', '.state strong'],
    ['/nothing-of-that-kind', '.state strong'],
  ],
  boss: [
    ['/play', '.main.large'],
    ['/account', 'input[name=current]'],
    ['/admin', 'table'],
    [`/admin/users/${player}`, 'input[name=reason]'],
    ['/admin/matches', 'article'],
    ['/admin/queues', '[data-testid=queue-1v1]'],
    ['/admin/season', 'input[name=nextName]'],
    ['/admin/keys', 'input[name=name]'],
    ['/admin/audit', 'table'],
  ],
});

const AXE = readFileSync(new URL('node_modules/axe-core/axe.min.js', import.meta.url), 'utf8');

/** What axe finds wrong on the page, a line each; `beside` is left out. */
export async function inaccessible(page, beside = []) {
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(
    (exclude) =>
      window.axe.run({ exclude }, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }),
    beside,
  );
  return violations.flatMap(({ id, help, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${id}: ${help}: ${target.join(' ')} ${failureSummary.replaceAll('\n', ' ')}`),
  );
}
