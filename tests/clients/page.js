// GraphiQL in a browser: it loads from here alone, runs a query, and shows what a subscription brings.
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { assert, duel, origin, player } from './lib.js';

const browser = await chromium.launchPersistentContext(mkdtempSync(join(tmpdir(), 'browser-')), {
  executablePath: process.env.CHROMIUM,
  args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});
const problems = [];
for (const path of ['/', '/graphiql']) {
  const page = await browser.newPage();
  page.on('console', (message) => message.type() === 'error' && problems.push(message.text()));
  page.on('pageerror', (error) => problems.push(String(error)));
  page.on('request', (request) => {
    const { protocol, host } = new URL(request.url());
    if (!['data:', 'blob:'].includes(protocol) && host !== new URL(origin).host) problems.push(`asked ${request.url()}`);
  });
  await page.goto(origin + path);
  await page.waitForSelector('.graphiql-query-editor .CodeMirror, .graphiql-query-editor .monaco-editor');
  assert((await page.locator('.graphiql-tab').count()) > 3, 'there are no example tabs');
  await page.close();
}

/** Opens the tab of that operation, and runs it once the editor shows it. */
async function execute(page, name) {
  await page.locator('.graphiql-tab', { hasText: name }).click();
  await page.locator('.graphiql-query-editor').getByText(name, { exact: true }).waitFor();
  await page.locator('.graphiql-execute-button[aria-label*="Execute"]').click();
}
const page = await browser.newPage();
await page.goto(origin);
const result = page.locator('.graphiql-response');
const tabs = await page.locator('.graphiql-tab').allTextContents();
await execute(page, 'Leaderboard');
await result.getByText('totalCount').first().waitFor();
// The subscription has begun when the button offers to stop it, and still does a moment later: it does so for a query, too, while
// that runs. The editor knows its operations a moment after it shows them, and runs the last tab's until then.
const stop = page.locator('.graphiql-execute-button[aria-label*="Stop"]');
async function begins() {
  await execute(page, 'RankChanges');
  await stop.waitFor({ timeout: 8_000 });
  await page.waitForTimeout(1_000);
  const figures = await (await fetch(`${origin}/metrics`)).text();
  return (await stop.isVisible()) && Number(figures.match(/^rankedhonor_subscriptions (\S+)$/m)?.[1] ?? 0) > 0;
}
let begun = false;
for (let tries = 0; tries < 6 && !begun; tries++) begun = await begins().catch(() => false);
assert(begun, 'the subscription does not begin');
const [ada, bob] = [await player(), await player()];
let shown = false;
const seen = result.getByText(new RegExp(`${ada.username}|${bob.username}`)).first().waitFor().then(() => (shown = true));
while (!shown) {
  await duel(ada, bob);
  await Promise.race([seen, new Promise((resolve) => setTimeout(resolve, 500))]);
}
assert(problems.length === 0, problems.join('\n'));
await browser.close();
console.log(`page      ${tabs.length} tabs; a query, and a live event of a subscription; nothing from elsewhere`);
process.exit(0);
