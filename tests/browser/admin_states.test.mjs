// The administrators' page in states that a real node does not show on demand (see support/admin_fixture.mjs).
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { accessible } from '../support/accessible.mjs';
import { AdminFixture } from '../support/admin_fixture.mjs';
import { Browser, eventually } from '../support/browser.mjs';

const pictures = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'build', 'screenshots');
mkdirSync(pictures, { recursive: true });
let node;
let browser;
before(async () => { browser = await Browser.start(); });
beforeEach(async () => { node = await AdminFixture.start(); });
afterEach(async () => { await node?.stop(); });
after(async () => { await browser?.stop(); });

async function open({ token = 'owner', view = '#/dev/regions', viewport = { width: 1280, height: 900 }, colorScheme = 'light' } = {}) {
  const context = await browser.chromium.newContext({ viewport, colorScheme, acceptDownloads: true });
  const page = await context.newPage();
  page.log = [];
  page.on('console', (m) => page.log.push(m.text()));
  page.on('pageerror', (e) => page.log.push(`error: ${e.message}`));
  if (token) await page.addInitScript((value) => { if (!sessionStorage.getItem('begun')) { sessionStorage.setItem('begun', '1'); sessionStorage.setItem('meridian-admin-token', value); } }, token);
  await page.goto(`${node.url}/admin${view}`);
  if (token) await page.locator('#content h1').waitFor();
  return page;
}
async function close(page) {
  assert.deepEqual(page.log.filter((line) => /Content Security Policy|error:/i.test(line)), []);
  await page.context().close();
}
const picture = (page, name) => page.screenshot({ path: join(pictures, `admin-${name}.png`), fullPage: true });
const has = (page, text) => eventually(page, (wanted) => document.body.innerText.includes(wanted), text, { what: text, seconds: 8 });
const region = (page, name) => page.getByRole('switch', { name: new RegExp(`^${name}`) });

test('a wrong token is said in words, a right one signs in, and signing out forgets it', async () => {
  const page = await open({ token: '' });
  await page.getByLabel('Development token').fill('nonsense');
  await accessible(page, 'sign in');
  await picture(page, 'sign-in');
  await page.keyboard.press('Enter');
  await has(page, 'The server did not accept this sign-in');
  await page.getByLabel('Development token').fill('owner');
  await page.keyboard.press('Enter');
  await has(page, 'Meetings of Riverside School are in transit in');
  await page.reload();
  await has(page, 'Olive Owner');
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByLabel('Development token').waitFor();
  assert.equal(await page.evaluate(() => sessionStorage.getItem('meridian-admin-token')), null);
  await close(page);
});

test('signing in at an OpenID provider uses PKCE, keeps the place, and leaves no code in the address', async () => {
  const page = await open({ token: '', view: '#/dev/history' });
  await page.getByRole('button', { name: /^Sign in with/ }).click();
  await has(page, 'Every version of the routing policy');
  assert.equal(await page.evaluate(() => location.search + location.hash), '#/dev/history');
  await page.getByRole('button', { name: 'Sign out' }).click();
  node.provider.isForging = true;
  await page.getByRole('button', { name: /^Sign in with/ }).click();
  await has(page, 'This sign-in was not begun in this tab');
  node.provider.isForging = false;
  node.provider.isRefusing = true;
  await page.getByRole('button', { name: /^Sign in with/ }).click();
  await has(page, 'access_denied');
  await accessible(page, 'sign-in refused');
  await close(page);
});

test('a session that ends says so, and the next one goes on', async () => {
  const page = await open();
  node.isEnded = true;
  await page.getByRole('link', { name: 'History' }).click();
  await has(page, 'Your session is over');
  node.isEnded = false;
  await page.getByLabel('Development token').fill('owner');
  await page.keyboard.press('Enter');
  await has(page, 'Every version of the routing policy');
  await close(page);
});

test('opting a region out: what follows is shown first, applied with a reason, and told', async () => {
  node.still = [{ participant: 'PA_frozen', datagrams: 1205, bytes: 1_310_000 }];
  node.slow = 300;
  const page = await open();
  await accessible(page, 'regions');
  await picture(page, 'regions');
  assert.equal(await region(page, 'London').isDisabled(), true);
  await has(page, 'It can’t be opted out');
  await region(page, 'Virginia').uncheck();
  await has(page, '4 changes not applied yet');
  await accessible(page, 'regions changed');
  await picture(page, 'regions-changed');
  await page.getByRole('button', { name: 'Review and apply' }).click();
  await has(page, '1 person would be moved');
  for (const text of ['Virginia is opted out', 'Group “staff” may use London and Frankfurt', 'User “ann@school.example” may use London', 'Room “board meeting” may use London',
    'una in “Year 9 physics”: Virginia → London', 'Guest region not allowed']) await has(page, text);
  await accessible(page, 'review');
  await picture(page, 'review');
  await page.getByRole('button', { name: 'Apply', exact: true }).click();
  assert.equal(node.routing('dev').epoch, 1, 'no change without a reason');
  await page.getByLabel('Reason').fill('No contract in the US any more');
  await page.keyboard.press('Enter');
  await has(page, 'Version 2 is in force');
  await has(page, 'No datagram of this account leaves Virginia any more');
  await has(page, '430 ms after it was asked for');
  await has(page, '1,205 datagrams');
  await accessible(page, 'outcome');
  await picture(page, 'outcome');
  assert.deepEqual(node.routing('dev').opted_in.toSorted(), ['ap-sydney', 'eu-frankfurt', 'uk-london']);
  assert.deepEqual(node.routing('dev').groups.staff, ['uk-london', 'eu-frankfurt']);
  await page.getByRole('button', { name: 'Done' }).click();
  await eventually(page, () => !document.querySelector('dialog') && document.querySelector('.pending').hidden);
  await page.getByRole('link', { name: 'History' }).click();
  await has(page, 'No contract in the US any more');
  await page.getByRole('button', { name: 'What it did to meetings (version 2)' }).click();
  await has(page, '1 person was told to reconnect');
  await accessible(page, 'history');
  await picture(page, 'history');
  await close(page);
});

test('turning a switch back leaves nothing to apply, and narrower sets come back with it', async () => {
  const page = await open();
  await region(page, 'Virginia').uncheck();
  await has(page, '4 changes not applied yet');
  await region(page, 'Virginia').check();
  await eventually(page, () => document.querySelector('.pending').hidden);
  await close(page);
});

test('who loses a race sees the newer version with the own changes on top, and decides again', async () => {
  const page = await open();
  await region(page, 'Sydney').uncheck();
  await page.getByRole('button', { name: 'Review and apply' }).click();
  await has(page, 'Nobody is affected');
  await page.getByLabel('Reason').fill('Closer to home');
  node.beforeChange = () => node.change('dev', { opted_in: ['uk-london', 'ap-sydney', 'us-east', 'eu-frankfurt', 'us-west'], actor: 'Ada Admin', reason: 'Oregon, too' });
  await page.getByRole('button', { name: 'Apply', exact: true }).click();
  await has(page, 'Somebody else changed the routing in between');
  await has(page, 'Sydney is opted out');
  await accessible(page, 'conflict');
  await page.getByRole('button', { name: 'Apply', exact: true }).click();
  await has(page, 'Version 3 is in force');
  assert.deepEqual(node.routing('dev').opted_in.toSorted(), ['eu-frankfurt', 'uk-london', 'us-east', 'us-west']);
  await close(page);
});

test('moving people first says for how long', async () => {
  const page = await open();
  await region(page, 'Sydney').uncheck();
  await page.getByRole('button', { name: 'Review and apply' }).click();
  await page.getByLabel('Reason').fill('Slowly');
  await page.getByLabel('Move people first').check();
  await page.getByLabel('Seconds to move').fill('45');
  await page.getByRole('button', { name: 'Apply', exact: true }).click();
  await has(page, 'Version 2 is in force');
  assert.ok(node.asked.includes('PUT /v1/accounts/dev/routing?mode=graceful&grace=45s'), node.asked.join('\n'));
  await close(page);
});

test('locks name their reason: a preset, the plan, the configuration file, the role', async () => {
  const page = await open({ token: 'operator', view: '#/clinic/regions' });
  await has(page, 'Locked by the preset “health”');
  assert.equal(await page.locator('#content input:enabled').count(), 0);
  await accessible(page, 'preset');
  await picture(page, 'preset');
  await page.getByRole('combobox', { name: 'Account' }).selectOption('free');
  await has(page, 'The plan of this account does not include choosing regions');
  assert.equal(await page.locator('#content input:enabled').count(), 0);
  await page.getByRole('combobox', { name: 'Account' }).selectOption('filed');
  await has(page, 'kept in the server’s configuration file');
  assert.equal(await page.locator('#content input:enabled').count(), 0);
  await page.getByRole('combobox', { name: 'Account' }).selectOption('dev');
  await has(page, 'The operator can opt out, but only the account can opt in');
  assert.equal(await region(page, 'Mumbai').isDisabled(), true);
  assert.equal(await region(page, 'Virginia').isEnabled(), true);
  await close(page);
  const auditor = await open({ token: 'auditor' });
  await has(auditor, 'Auditors may look, not change');
  assert.equal(await auditor.locator('#content input:enabled').count(), 0);
  await close(auditor);
});

test('levels narrow, can be added and removed, and a join is explained', async () => {
  const page = await open({ view: '#/dev/levels' });
  await accessible(page, 'levels');
  await picture(page, 'levels');
  await page.getByLabel('Group to limit').fill('governors');
  await page.keyboard.press('Enter');
  const governors = page.getByRole('group', { name: 'Regions of the group governors' });
  await governors.getByLabel('Virginia').uncheck();
  await governors.getByLabel('Sydney').uncheck();
  assert.equal(await governors.getByLabel('London').isDisabled(), true);
  await page.getByLabel('Group of ben@school.example').selectOption('governors');
  await page.getByRole('button', { name: 'Remove room board meeting' }).click();
  await page.getByLabel('Host’s group').fill('staff');
  await page.getByLabel('Room', { exact: true }).fill('board meeting');
  await page.getByLabel('Region that is asked for').selectOption('eu-frankfurt');
  await page.getByRole('button', { name: 'Explain' }).click();
  await has(page, 'Refused: Region not allowed.');
  await accessible(page, 'explained');
  await page.getByRole('button', { name: 'Review and apply' }).click();
  for (const text of ['Group “governors” may use London and Frankfurt', 'User “ben@school.example” is in the group “governors”', 'Room “board meeting” is no longer limited']) await has(page, text);
  await page.getByLabel('Reason').fill('New governors');
  await page.getByRole('button', { name: 'Apply', exact: true }).click();
  await has(page, 'Version 2 is in force');
  assert.deepEqual(node.routing('dev').groups.governors.toSorted(), ['eu-frankfurt', 'uk-london']);
  assert.deepEqual(node.routing('dev').rooms, {});
  await close(page);
});

test('a running meeting shows its regions with bytes in and out by kind', async () => {
  const page = await open({ view: '#/dev/meetings' });
  await has(page, '3 people (2 in London and 1 in Virginia)');
  await accessible(page, 'meetings');
  await picture(page, 'meetings');
  await page.getByRole('link', { name: 'Year 9 physics' }).click();
  await page.locator('table.transit').waitFor();
  const rows = await page.locator('table.transit tr').allInnerTexts();
  assert.ok(rows.some((row) => /People: sound and pictures\s+1\.91 MB\s+5\.40 MB/.test(row)), rows.join('\n'));
  assert.ok(rows.some((row) => /Other regions: sound and pictures\s+1\.80 MB\s+1\.91 MB/.test(row)), rows.join('\n'));
  await accessible(page, 'meeting');
  await picture(page, 'meeting');
  await close(page);
});

test('the audit trail says whether it was verified, and which line is at fault', async () => {
  const page = await open({ view: '#/dev/audit' });
  await has(page, 'The log is intact');
  await has(page, 'All 4,312 lines were verified just now');
  assert.equal(await page.locator('.records li').first().getAttribute('value'), '120');
  await page.getByRole('button', { name: 'Older' }).click();
  await eventually(page, () => document.querySelector('.records li')?.value === 70);
  await accessible(page, 'audit');
  await picture(page, 'audit');
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Save for the verifier' }).click()]);
  assert.equal(download.suggestedFilename(), 'audit-dev.ndjson');
  assert.equal(readFileSync(await download.path(), 'utf8'), '{"line":1}\n');
  node.fault = { line: 871, flaw: 'hash_mismatch' };
  await page.getByRole('button', { name: 'Verify again' }).click();
  await has(page, 'Line 871 is at fault: hash mismatch');
  await accessible(page, 'audit at fault');
  await picture(page, 'audit-fault');
  await close(page);
});

test('a transit report is read as text and saved as it was signed', async () => {
  const page = await open({ view: '#/dev/reports' });
  await page.getByText('22 Nov 2026').click();
  await has(page, 'Relays agree');
  await accessible(page, 'report');
  await picture(page, 'report');
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Save the signed report' }).click()]);
  assert.equal(JSON.parse(readFileSync(await download.path(), 'utf8')).sid, 'RM_8c21f0a97d');
  await close(page);
});

test('by keyboard alone a region is opted out', async () => {
  const page = await open();
  const tabTo = async (wanted) => {
    for (let i = 0; i < 40; i += 1) {
      await page.keyboard.press('Tab');
      if (await page.evaluate((text) => { const at = document.activeElement; return (at?.labels?.[0] ?? at)?.innerText?.trim().startsWith(text) ?? false; }, wanted)) return;
    }
    assert.fail(`no way to “${wanted}” by Tab`);
  };
  await page.keyboard.press('Tab');
  await tabTo('Virginia');
  await page.keyboard.press('Space');
  await tabTo('Review and apply');
  await page.keyboard.press('Enter');
  await has(page, '1 person would be moved');
  assert.equal(await page.evaluate(() => document.activeElement?.closest('dialog') !== null), true, 'the focus is in the dialog');
  await page.keyboard.press('Escape');
  await eventually(page, () => !document.querySelector('dialog'));
  assert.equal(await page.evaluate(() => document.activeElement?.textContent), 'Review and apply');
  await page.keyboard.press('Enter');
  await tabTo('Reason');
  await page.keyboard.type('By keyboard');
  await page.keyboard.press('Enter');
  await has(page, 'Version 2 is in force');
  await tabTo('Done');
  await page.keyboard.press('Enter');
  await eventually(page, () => !document.querySelector('dialog'));
  await close(page);
});

test('on a phone, in the dark, nothing is cut off', async () => {
  const page = await open({ viewport: { width: 360, height: 740 }, colorScheme: 'dark' });
  const fits = async (where) => assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth), `${where}: no sideways scrolling`);
  for (const view of ['Regions', 'Levels', 'Meetings', 'History', 'Audit', 'Reports']) {
    await page.getByRole('navigation').getByRole('link', { name: view }).click();
    await page.locator('#content h1').waitFor();
    await page.waitForLoadState('networkidle');
    await fits(view);
    await accessible(page, `dark phone ${view}`);
    await picture(page, `phone-${view.toLowerCase()}`);
  }
  await page.getByRole('navigation').getByRole('link', { name: 'Meetings' }).click();
  await page.getByRole('link', { name: 'Year 9 physics' }).click();
  await page.locator('table.transit').waitFor();
  await fits('meeting');
  await picture(page, 'phone-meeting');
  await page.getByRole('navigation').getByRole('link', { name: 'Regions' }).click();
  await region(page, 'Virginia').uncheck();
  await page.getByRole('button', { name: 'Review and apply' }).click();
  await has(page, '1 person would be moved');
  await fits('review');
  await accessible(page, 'dark phone review');
  await page.screenshot({ path: join(pictures, 'admin-phone-review.png') });
  await close(page);
});
