// What a server's owner does on the console, and what the others see of it: accounts, keys, seasons; the leaderboard by region and season.
import { assert, browsing, Person, Server, until } from './lib.js';

const server = await Server.start();
server.command('admin', 'create-user', '--username', 'boss', '--email', 'boss@example.com', '--role', 'admin');
server.key = server.command('admin', 'create-server-key', '--name', 'games').split(/\s/).at(-1);
await server.serve();
await browsing(server, async (browser) => {
  const [eva, fay] = [await server.player('eva'), await server.player('fay')];
  await server.duel(eva, fay);
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
  await card('Suspension').getByLabel('Why').fill('and is over');
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
  await page.getByRole('dialog').getByRole('button', { name: 'Close' }).click();
  await page.getByRole('button', { name: 'Take the key eu-9 back' }).click();
  await page.getByText('taken back').waitFor();
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
  await page.getByRole('button', { name: 'Cancel it …' }).click();
  await page.getByLabel('Why').fill('the server burns');
  await page.getByRole('button', { name: 'Cancel the match' }).click();
  await page.locator('.badge', { hasText: 'Cancelled' }).waitFor();

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
  await card('Start the next one').getByLabel('Name').fill('Winter');
  await page.getByRole('button', { name: 'Show what it would do' }).click();
  await page.getByText('2 ratings are carried over').waitFor();
  await page.getByRole('button', { name: 'End the season and start “Winter”' }).click();
  await page.getByRole('heading', { name: 'Winter' }).waitFor();
  await seen.page.goto('/leaderboard');
  await seen.page.getByLabel('Season').waitFor();
  const seasons = await seen.page.getByLabel('Season').locator('option').allTextContents();
  assert(seasons[0] === 'Winter (now)' && seasons.length === 2, `the seasons: ${seasons}`);
  await seen.page.getByLabel('Season').selectOption({ index: 1 });
  await seen.page.locator('.board-row', { hasText: 'eva' }).waitFor();
  assert((await seen.page.locator('.board-body .board-row').count()) === 2, 'the season that is over has its two');

  // All of it is in the audit log, by name.
  await page.goto('/admin/audit');
  for (const act of ['SEASON_STARTED', 'ROLE_CHANGED']) await page.getByText(act).first().waitFor();
  await page.getByRole('link', { name: 'eva' }).first().waitFor();
  for (const person of [boss, seen]) person.innocent();
  console.log('admin     suspended, kept out, noted, promoted, keys, cancelled, settings, region, season, audit log');
});
