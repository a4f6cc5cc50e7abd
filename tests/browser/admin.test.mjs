// The administrators' page against a real node: what an owner decides there happens to a running meeting.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { accessible } from '../support/accessible.mjs';
import { Browser, eventually } from '../support/browser.mjs';
import { MeridianNode, staticTokens } from '../support/node.mjs';
import { OpenIdProvider } from '../support/openid_provider.mjs';
import { token } from '../support/token.mjs';

const pictures = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'build', 'screenshots');
mkdirSync(pictures, { recursive: true });
let provider;
let node;
let key;
let browser;
before(async () => {
  provider = await OpenIdProvider.start({ meridian_role: 'owner', meridian_account: 'clinic' });
  node = await MeridianNode.start({ admin: `  oidc: {issuer: "${provider.issuer}", client_id: meridian-admin}\n${staticTokens}` });
  key = await node.createClinic();
  browser = await Browser.start();
});
after(async () => { await browser?.stop(); await node?.dispose(); await provider?.stop(); });

async function open(url) {
  const context = await browser.chromium.newContext({ viewport: { width: 1280, height: 900 }, permissions: ['camera', 'microphone'], acceptDownloads: true });
  const page = await context.newPage();
  page.log = [];
  page.asked = [];
  page.on('console', (m) => page.log.push(m.text()));
  page.on('pageerror', (e) => page.log.push(`error: ${e.message}`));
  page.on('request', (r) => page.asked.push(r.url()));
  await page.goto(url);
  return page;
}
async function close(page) {
  assert.deepEqual(page.log.filter((line) => /^error:|Content Security Policy/.test(line)), []);
  await page.context().close();
}
const has = (page, text, seconds = 10) => eventually(page, (wanted) => document.body.innerText.includes(wanted), text, { what: text, seconds });
async function joinMeeting(region, identity) {
  const pass = token({ room: 'ward round', identity, claims: { iss: key.key }, secret: key.secret });
  const page = await open(`${node.http_url(region)}/#token=${pass}`);
  await page.getByRole('button', { name: 'Join' }).click();
  await eventually(page, () => document.querySelector('.people video')?.videoWidth > 0, undefined, { what: `${identity} joined`, seconds: 30 });
  return page;
}
const hearsTwo = (page) => eventually(page, () => [...document.querySelectorAll('.people video')].filter((v) => v.videoWidth > 0).length === 2, undefined, { what: 'two pictures', seconds: 30 });

test('an owner signs in, sees a meeting, opts its region out, and has the evidence', async () => {
  const admin = await open(`${node.http_url()}/admin`);
  await admin.getByRole('button', { name: /^Sign in with/ }).click();
  await has(admin, 'Meetings of Clinic are in transit in');
  assert.equal(await admin.evaluate(() => location.search), '');
  await accessible(admin, 'regions');

  const ann = await joinMeeting('uk-london', 'ann');
  const una = await joinMeeting('us-east', 'una');
  await hearsTwo(ann);
  await hearsTwo(una);
  const views = admin.getByRole('navigation');
  await views.getByRole('link', { name: 'Meetings' }).click();
  await has(admin, '2 people (1 in London and 1 in Virginia)');
  await admin.getByRole('link', { name: 'ward round' }).click();
  await admin.screenshot({ path: join(pictures, 'admin-node-meeting.png'), fullPage: true });

  await views.getByRole('link', { name: 'Regions' }).click();
  await admin.getByRole('switch', { name: /^Virginia/ }).uncheck();
  await admin.getByRole('button', { name: 'Review and apply' }).click();
  await has(admin, '1 person would be moved');
  await admin.getByLabel('Reason').fill('Patients’ data stays in Europe');
  await admin.getByRole('button', { name: 'Apply', exact: true }).click();
  await has(admin, 'Version 2 is in force');
  await has(admin, 'No datagram of this account leaves Virginia any more');
  await has(admin, '1 person was told to reconnect');
  await admin.screenshot({ path: join(pictures, 'admin-node-outcome.png'), fullPage: true });
  await admin.getByRole('button', { name: 'Done' }).click();
  await has(una, 'Served from London', 20);
  await hearsTwo(una);
  await hearsTwo(ann);

  await views.getByRole('link', { name: 'History' }).click();
  await has(admin, 'Patients’ data stays in Europe');
  await has(admin, 'Virginia is opted out');
  await admin.getByRole('button', { name: 'What it did to meetings (version 2)' }).click();
  await has(admin, 'No datagram of this account leaves Virginia any more');
  await accessible(admin, 'history');
  await views.getByRole('link', { name: 'Audit' }).click();
  await has(admin, 'The log is intact');
  await has(admin, 'Permit granted');
  await accessible(admin, 'audit');
  await admin.screenshot({ path: join(pictures, 'admin-node-audit.png') });
  const [log] = await Promise.all([admin.waitForEvent('download'), admin.getByRole('button', { name: 'Save for the verifier' }).click()]);
  assert.ok(readFileSync(await log.path(), 'utf8').split('\n').length > 3);

  for (const page of [ann, una]) {
    await page.getByRole('button', { name: 'Leave' }).click();
    await close(page);
  }
  const hosts = new Set(admin.asked.filter((url) => url.startsWith('http')).map((url) => new URL(url).origin));
  assert.deepEqual([...hosts].filter((origin) => origin !== node.http_url() && origin !== provider.issuer && origin !== new URL(provider.token_endpoint).origin), [], 'no other origin was asked');
  await close(admin);
});

test('an account of the configuration file is shown, and says why it can’t be changed here', async () => {
  const admin = await open(`${node.http_url()}/admin`);
  await admin.getByLabel('Development token').fill('owner');
  await admin.keyboard.press('Enter');
  await has(admin, 'kept in the server’s configuration file');
  assert.equal(await admin.locator('#content input:enabled').count(), 0);
  await accessible(admin, 'managed by file');
  await close(admin);
});

test('the page comes with a strict policy of its own and is small', async () => {
  const answer = await fetch(`${node.http_url()}/admin`);
  const policy = answer.headers.get('content-security-policy');
  assert.match(policy, /^default-src 'none'; script-src 'self'; style-src 'self';/);
  assert.ok(policy.endsWith(`connect-src 'self' ${new URL(provider.token_endpoint).origin}`), policy);
  assert.doesNotMatch(policy, /unsafe|\*/);
  let bytes = 0;
  for (const [, file] of (await answer.text()).matchAll(/(?:src|href)="(\/[^"]+)"/g)) {
    const asset = await fetch(`${node.http_url()}${file}`, { headers: { 'Accept-Encoding': 'gzip' } });
    assert.equal(asset.status, 200, file);
    bytes += Number(asset.headers.get('content-length'));
  }
  assert.ok(bytes > 0 && bytes <= 150 * 1024, `${bytes} bytes compressed`);
});
