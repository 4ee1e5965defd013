// Ways in and what belongs to an account: mails and where they lead, another service, a profile, tokens that run out under open
// pages.
import { createServer } from 'node:http';
import { assert, browsing, PASSWORD, Person, Server, until } from './lib.js';

/** A service that says of everybody that they are `who`, and yes to everything; no, where that is nobody. */
let who = { id: '1', name: 'gil' };
const service = createServer((request, answer) => {
  const { pathname, searchParams } = new URL(request.url, 'http://service');
  const json = (body) => answer.setHeader('content-type', 'application/json').end(JSON.stringify(body));
  if (pathname === '/token') return request.resume().on('end', () => json({ access_token: 'theirs', token_type: 'bearer' }));
  if (pathname === '/user') return json(who);
  const back = new URL(searchParams.get('redirect_uri'));
  back.searchParams.set('state', searchParams.get('state'));
  if (who) back.searchParams.set('code', 'yes');
  else back.searchParams.set('error', 'access_denied');
  answer.writeHead(302, { location: back.href }).end();
});
await new Promise((ready) => service.listen(0, '127.0.0.1', ready));
const there = `http://127.0.0.1:${service.address().port}`;

const server = await Server.start({
  env: { OAUTH_GUILD_ID: 'our-id', OAUTH_GUILD_SECRET: 'our-secret' },
  // Access tokens that are over before one has looked around.
  more: ({ origin }) => `
[accounts]
access_token_seconds = 5
clock_skew_seconds = 0

[mail]
verify_url = "${origin}/verify#{token}"
reset_url = "${origin}/reset#{token}"

[oauth]
redirect_uris = ["${origin}/sign-in"]

[[oauth.providers]]
id = "guild"
name = "Guild"
authorize_url = "${there}/yes"
token_url = "${there}/token"
user_url = "${there}/user"
scopes = []
subject = "/id"
username = "/name"
email = ""
email_verified = ""
`,
});
server.key = server.command('admin', 'create-server-key', '--name', 'games').split(/\s/).at(-1);
await server.serve();

await browsing(server, async (browser) => {
  // A mail proves an address, once.
  const ada = await Person.sit(browser, server);
  const { page } = ada;
  await ada.signUp('ada');
  const proof = await server.mail('Confirm your address');
  await page.goto(proof);
  await page.getByText('this address is yours').waitFor();
  assert(!page.url().includes('rhm_'), 'the token does not stay in the address');
  await page.getByRole('link', { name: 'Your account' }).click();
  await page.getByText('verified', { exact: true }).waitFor();
  const other = await Person.sit(browser, server);
  await other.page.goto(proof);
  await other.page.getByText('A link works once').waitFor();

  // Whoever forgot their password reads their mail, and is signed out everywhere else.
  await other.page.goto('/sign-in');
  await other.page.getByRole('button', { name: 'Forgot password?' }).click();
  await other.page.getByLabel('Email of the account').fill('ada@example.com');
  await other.page.getByRole('button', { name: 'Mail me a link' }).click();
  await other.page.getByText('is on its way').waitFor();
  await other.page.goto(await server.mail('Choose another password'));
  // The way past the frame is a place on the page, no token.
  await other.page.getByRole('link', { name: 'Skip to the content' }).press('Enter');
  await other.page.waitForURL('**/reset#content');
  const another = `${PASSWORD}-again`;
  await other.page.getByLabel('New password').fill(another);
  await other.page.getByRole('button', { name: 'Set it and sign in' }).click();
  await other.page.getByRole('link', { name: 'ada', exact: true }).waitFor();
  await other.page.waitForURL('**/play');
  await page.getByRole('link', { name: 'Sign in' }).waitFor();
  await ada.signIn('ada', another);

  // Another address counts once a mail there was opened.
  await page.goto('/account');
  await page.getByLabel('Another email').fill('ada@new.example');
  await page.getByLabel('Your password').fill(another);
  await page.getByRole('button', { name: 'Mail a link there' }).click();
  await page.getByText('Nothing changes before it is opened').waitFor();
  await page.goto(await server.mail('Confirm your new address'));
  await page.getByText('this address is yours').waitFor();
  await page.goto('/account');
  await page.getByText('ada@new.example').waitFor();

  // The token runs out under an open page: what one does is done, what happens is seen, and nobody is signed out.
  await page.goto('/play');
  let token;
  page.on('request', (request) => (token = request.headers().authorization?.slice('Bearer '.length) ?? token));
  await page.getByRole('button', { name: 'Make a party' }).click();
  const code = await page.locator('strong.mono').textContent();
  await until('the token has run out', () =>
    server.run('{ me { id } }', {}, token).then(
      () => false,
      () => true,
    ),
  );
  const bob = await server.player('bob');
  const joins = (token) =>
    server.run('mutation($code: String!) { joinParty(input: {joinCode: $code}) { party { id } } }', { code }, token);
  // His token may be over by now on a busy machine.
  await joins(bob.token).catch(async () => {
    const login = 'mutation($input: LoginInput!) { login(input: $input) { accessToken } }';
    const again = await server.run(login, { input: { login: 'bob', password: PASSWORD } });
    return joins(again.login.accessToken);
  });
  await page.getByTestId('party').getByText('bob').waitFor();
  await page.getByRole('button', { name: 'Put out bob' }).click();
  await page.getByTestId('party').getByText('bob').waitFor({ state: 'hidden' });
  await page.getByRole('button', { name: 'Leave', exact: false }).first().click();
  await page.getByRole('button', { name: 'Make a party' }).waitFor();

  // What is wrong is said at the field, which has the focus.
  const wrong = async (where, label, words) => {
    const field = where.getByLabel(label, { exact: true });
    await until(`${label} is marked`, async () => (await field.getAttribute('aria-invalid')) === 'true');
    assert(await field.evaluate((input) => input === document.activeElement), `${label} has the focus`);
    const ids = (await field.getAttribute('aria-describedby')).split(' ');
    const told = await Promise.all(ids.map((id) => where.locator(`[id="${id}"]`).textContent()));
    assert(words.test(told.join(' ')), `${label} is described: ${told}`);
    assert((await where.getByText(words).count()) === 1, 'it is said once');
  };
  const ivy = await Person.sit(browser, server);
  await ivy.page.goto('/sign-in?to=//elsewhere.example/');
  await ivy.page.getByRole('button', { name: 'Make an account' }).click();
  await ivy.page.getByLabel('Name', { exact: true }).fill('ada');
  await ivy.page.getByLabel('Email').fill('ivy@example.com');
  await ivy.page.getByLabel('Password').fill(PASSWORD);
  await ivy.page.locator('form').getByRole('button', { name: 'Make an account' }).click();
  await wrong(ivy.page, 'Name', /taken/);
  await ivy.page.getByLabel('Name', { exact: true }).fill('ivy');
  await ivy.page.locator('form').getByRole('button', { name: 'Make an account' }).click();
  await ivy.page.getByRole('link', { name: 'ivy', exact: true }).waitFor();
  await ivy.page.waitForURL(`${server.origin}/play`);
  await ivy.page.goto('/account');
  await ivy.page.getByLabel('Current password').fill('not-this-one');
  await ivy.page.getByLabel('New password').fill(another);
  await ivy.page.getByRole('button', { name: 'Change it' }).click();
  await wrong(ivy.page, 'Current password', /not the current password/);

  // What others see of one, and whom one has blocked.
  await page.goto('/account');
  await page.getByLabel('Country').fill('de');
  await page.getByLabel('About you').fill('Plays at night');
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await page.getByText('Saved.').waitFor();
  await page.goto('/players/ada');
  await page.getByText('Plays at night').waitFor();
  await page.getByText('DE', { exact: false }).first().waitFor();
  assert((await page.getByRole('button', { name: 'Block' }).count()) === 0, 'one does not block oneself');
  await page.goto('/players/bob');
  await page.getByRole('button', { name: 'Block', exact: true }).click();
  await page.getByRole('button', { name: 'Unblock' }).waitFor();
  await page.goto('/account');
  await page.getByRole('button', { name: 'Unblock bob' }).click();
  await page.getByText('Blocked players').waitFor({ state: 'hidden' });

  // Another service: linked and unlinked by ada, and the way in for somebody new.
  ada.mayAsk = [there];
  await page.getByRole('button', { name: 'Link Guild' }).click();
  await page.getByText('as gil').waitFor();
  await page.getByRole('button', { name: 'Unlink Guild' }).click();
  await page.getByRole('button', { name: 'Link Guild' }).waitFor();
  // Who is refused there is told so; who is not comes back to where they were.
  who = null;
  const hal = await Person.sit(browser, server);
  hal.mayAsk = [there];
  await hal.page.goto('/leaderboard?mode=ready');
  await hal.page.getByRole('link', { name: 'Sign in' }).click();
  await hal.page.getByRole('button', { name: 'Sign in with Guild' }).click();
  await hal.page.getByText('was not allowed to say who you are').waitFor();
  who = { id: '2', name: 'hal' };
  await hal.page.goto('/leaderboard?mode=ready');
  await hal.page.getByRole('link', { name: 'Sign in' }).click();
  await hal.page.getByRole('button', { name: 'Sign in with Guild' }).click();
  await hal.page.getByRole('link', { name: 'hal', exact: true }).waitFor();
  await hal.page.waitForURL('**/leaderboard?mode=ready');
  // Who comes back with what they did not begin is told so.
  const mallory = await Person.sit(browser, server);
  await mallory.page.goto('/sign-in?state=made&code=up');
  await mallory.page.getByText('began in another window').waitFor();

  for (const person of [ada, other, hal, ivy, mallory]) person.innocent();
  console.log('accounts  mails, passwords, another service, profile and blocks; tokens ran out under open pages');
});
service.close();
