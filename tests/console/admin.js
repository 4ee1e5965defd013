// What a server's owner does on the console, and what the others see of it: accounts, keys, seasons; the leaderboard by region and season.
import { assert, browsing, PASSWORD, Person, Server, until } from './lib.js';

const server = await Server.start();
server.command('admin', 'create-user', '--username', 'boss', '--email', 'boss@example.com', '--role', 'admin');
server.key = server.command('admin', 'create-server-key', '--name', 'games').split(/\s/).at(-1);
await server.serve();
await browsing(server, async (browser) => {
  // Somebody looks at a feed with nothing on it, and what happens before they follow it is on it all the same.
  const early = await Person.sit(browser, server);
  const held = [];
  let hold = true;
  await early.page.routeWebSocket('**/graphql', (socket) => {
    const onwards = socket.connectToServer();
    socket.onMessage((text) =>
      hold && text.includes('feedItemAdded') ? held.push(() => onwards.send(text)) : onwards.send(text),
    );
  });
  await early.page.goto('/');
  await early.page.getByText('Nothing has happened yet.').waitFor();
  await until('the page wants to follow', () => held.length > 0);
  const [eva, fay] = [await server.player('eva'), await server.player('fay')];
  const first = await server.duel(eva, fay);
  hold = false;
  for (const send of held) send();
  await early.page.getByTestId('feed').getByText('eva').first().waitFor();
  const [boss, seen] = [await Person.sit(browser, server), await Person.sit(browser, server)];
  await seen.signIn('eva');
  await boss.signIn('boss');
  const { page } = boss;

  // An account: suspended, which ends its sessions, and let in again; kept out of the queue; noted about; given a role.
  await page.goto('/admin');
  await page.getByLabel('A part of the name').fill('EV');
  await page.getByRole('link', { name: 'eva' }).click();
  const card = (title) => page.getByRole('region', { name: title, exact: true });
  await card('Suspension').getByLabel('Why').fill('it was a test');
  await card('Suspension').getByRole('button', { name: 'Suspend' }).click();
  await card('Suspension').getByText('it was a test').waitFor();
  await seen.page.getByRole('link', { name: 'Sign in' }).waitFor();
  const why = card('Suspension').getByLabel('Why');
  await card('Suspension').getByRole('button', { name: 'Lift it' }).waitFor();
  assert((await why.inputValue()) === '', 'another reason is asked for');
  await why.fill('and is over');
  await card('Suspension').getByRole('button', { name: 'Lift it' }).click();
  await card('Suspension').getByRole('button', { name: 'Suspend' }).waitFor();
  await seen.signIn('eva');
  await card('The queue').getByLabel('Why').fill('a moment of rest');
  await card('The queue').getByRole('button', { name: 'Keep out' }).click();
  await card('The queue').getByText('Kept out until').waitFor();
  await seen.page.goto('/play');
  await seen.page.getByText('A moderator keeps you out').waitFor();
  await card('The queue').getByRole('button', { name: 'Lift it' }).click();
  await card('The queue').getByRole('button', { name: 'Keep out' }).waitFor();
  await card('Notes').getByLabel('For other moderators').fill('was friendly');
  await card('Notes').getByRole('button', { name: 'Note it' }).click();
  await card('Notes').getByText('was friendly').waitFor();
  await card('Role').getByLabel('May do what').selectOption('MODERATOR');
  await card('Role').getByRole('button', { name: 'Change it' }).click();
  await page.locator('main .badge', { hasText: 'moderator' }).waitFor();

  // A key is shown once, works, and does not once it was taken back.
  await page.goto('/admin/keys');
  await page.getByLabel('What it is called').fill('eu-9');
  await page.getByRole('button', { name: 'Make a key' }).click();
  const key = await page.getByTestId('key').textContent();
  const asks = () => server.run('{ modes { id } }', {}, key);
  await asks();
  await page.getByRole('button', { name: 'Copy it' }).click();
  await page.getByText(/in the clipboard|copy it yourself/).waitFor();
  await page.getByRole('dialog').getByRole('button', { name: 'Close' }).click();
  await page.getByRole('button', { name: 'Revoke … the key eu-9' }).click();
  await asks();
  await page.getByRole('button', { name: 'Revoke it' }).click();
  await page.locator('.badge', { hasText: 'revoked' }).waitFor();
  await until('the key is refused', () =>
    asks().then(
      () => false,
      (error) => String(error).includes('UNAUTHENTICATED'),
    ),
  );

  // A match that is not over is cancelled.
  const gus = await server.player('gus');
  for (const { token } of [fay, gus])
    await server.run('mutation { joinQueue(input: {mode: "1v1"}) { ticket { id } } }', {}, token);
  await until('they meet', async () => (await server.run('{ myMatch { id } }', {}, gus.token)).myMatch);
  await page.goto('/admin/matches');
  await page.getByRole('button', { name: 'Cancel it …' }).waitFor();
  // That it is open is known: nothing has changed until something does.
  const [hal, ida] = [await server.player('hal'), await server.player('ida')];
  const told = page
    .waitForEvent('websocket')
    .then((socket) => socket.waitForEvent('framereceived', ({ payload }) => String(payload).includes('liveMatches')));
  await page.reload();
  await told;
  await page.getByRole('button', { name: 'Look again', exact: true }).waitFor();
  const fresh = await server.duel(hal, ida);
  await page.getByRole('button', { name: 'Look again: something has changed' }).click();
  await page.locator(`a[href="/matches/${fresh}"]`).waitFor();
  await page.getByRole('button', { name: 'Look again', exact: true }).waitFor();
  // Those of one player.
  await page.getByLabel('Of whom').fill('gus');
  await page.getByLabel('Found').getByText('gus').click();
  await page.locator(`a[href="/matches/${fresh}"]`).waitFor({ state: 'hidden' });
  await page.getByRole('button', { name: 'Cancel it …' }).click();
  await page.getByLabel('Why').fill('the server burns');
  await page.getByRole('button', { name: 'Cancel the match' }).click();
  await page.locator('.badge', { hasText: 'Cancelled' }).waitFor();

  // One that is over is voided on its own page, which whoever watches Live sees, too.
  const live = early.page;
  const over = live.getByTestId('matches-over').locator('article', { has: live.locator(`a[href="/matches/${first}"]`) });
  await over.getByText('Over').waitFor();
  assert((await over.getByRole('link', { name: 'eva', exact: true }).count()) === 1, 'the names lead to the players');
  await page.goto(`/matches/${first}`);
  await page.getByRole('button', { name: 'Void it …' }).click();
  await page.getByRole('dialog').getByLabel('Why').fill('it was a test');
  await page.getByRole('button', { name: 'Void the match' }).click();
  await page.getByText('The result was taken back').first().waitFor();
  await page.getByRole('button', { name: 'Void it …' }).waitFor({ state: 'hidden' });
  await over.getByText('Voided').waitFor();
  // Suspending them ended the session of the first of them.
  const login = 'mutation($input: LoginInput!) { login(input: $input) { accessToken } }';
  const again = await server.run(login, { input: { login: 'eva', password: PASSWORD } });
  await server.duel({ ...eva, token: again.login.accessToken }, fay);

  // The queues' settings, read again.
  await page.goto('/admin/queues');
  await page.getByRole('button', { name: 'Read them again' }).click();
  await page.getByText('They say what they said before.').waitFor();

  // The leaderboard of a region; and of a season once that is over, which begins only after one has seen what it does.
  await seen.page.goto('/leaderboard');
  await seen.page.locator('.board-row', { hasText: 'eva' }).waitFor();
  await seen.page.getByLabel('Region').selectOption('us-east');
  await seen.page.getByText('Nobody is listed yet.').waitFor();
  await seen.page.getByLabel('Region').selectOption('eu-west');
  await seen.page.locator('.board-row', { hasText: 'eva' }).waitFor();
  await page.goto('/admin/season');
  // An end is planned, stands in the form, and is taken away again only by saying so.
  await page.getByLabel('Ends by itself at').fill('2099-01-01T12:00');
  await page.getByLabel('Name of the next').fill('Far away');
  await page.getByRole('button', { name: 'Plan it so' }).click();
  await page.getByText('until Jan 1, 2099').waitFor();
  assert((await page.getByLabel('Ends by itself at').inputValue()) === '2099-01-01T12:00', 'the plan stands in the form');
  await page.getByRole('button', { name: 'Plan no end' }).click();
  await page.getByText('until another is started').waitFor();
  await card('Start the next one').getByLabel('Name').fill('Winter');
  await page.getByRole('button', { name: 'Show what it would do' }).click();
  await page.getByText('4 ratings are carried over').waitFor();
  await page.getByRole('button', { name: 'End the season and start “Winter”' }).click();
  await page.getByRole('heading', { name: 'Winter' }).waitFor();
  await seen.page.goto('/leaderboard');
  await seen.page.getByLabel('Season').waitFor();
  const seasons = await seen.page.getByLabel('Season').locator('option').allTextContents();
  assert(seasons[0] === 'Winter (now)' && seasons.length === 2, `the seasons: ${seasons}`);
  await seen.page.getByLabel('Season').selectOption({ index: 1 });
  await seen.page.locator('.board-row', { hasText: 'eva' }).waitFor();
  assert((await seen.page.locator('.board-body .board-row').count()) === 4, 'the season that is over has its four');

  // All of it is in the audit log, by name.
  await page.goto('/admin/audit');
  for (const act of ['SEASON_STARTED', 'ROLE_CHANGED']) await page.getByText(act).first().waitFor();
  await page.getByLabel('Did what').selectOption('ROLE_CHANGED');
  await page.getByText('SEASON_STARTED').waitFor({ state: 'hidden' });
  await page.getByText('ROLE_CHANGED').first().waitFor();
  await page.getByRole('link', { name: 'eva' }).first().waitFor();
  for (const person of [boss, seen, early]) person.innocent();
  console.log('admin     suspended, kept out, noted, promoted, keys, cancelled, voided, settings, region, season, audit log');
});
