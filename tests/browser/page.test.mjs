// The page as a person uses it: by mouse, by keyboard alone, on a phone, when things go wrong.
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { accessible } from '../support/accessible.mjs';
import { Browser, eventually } from '../support/browser.mjs';
import { MeridianNode } from '../support/node.mjs';
import { token } from '../support/token.mjs';

const pictures = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'build', 'screenshots');
mkdirSync(pictures, { recursive: true });
let node;
let browser;
before(async () => { node = await MeridianNode.start(); browser = await Browser.start(); });
after(async () => { await browser?.stop(); await node?.dispose(); });

async function open(path, { viewport = { width: 1200, height: 760 }, permissions = ['camera', 'microphone'], region = 'uk-london', before: script } = {}) {
  const context = await browser.chromium.newContext({ viewport, permissions });
  const page = await context.newPage();
  if (script) await page.addInitScript(script);
  page.log = [];
  page.asked = [];
  page.on('console', (m) => page.log.push(m.text()));
  page.on('pageerror', (e) => page.log.push(`error: ${e.message}`));
  page.on('request', (r) => page.asked.push(r.url()));
  page.on('websocket', (w) => page.asked.push(w.url()));
  await page.goto(`${node.http_url(region)}${path}`);
  return page;
}
const playing = (page, count) => eventually(page, (n) => [...document.querySelectorAll('.people video')].filter((v) => v.videoWidth > 0 && !v.paused).length >= n, count, { what: `${count} pictures`, seconds: 30 });

test('two people meet, see, chat and leave; the regions are named', async () => {
  const a = await open('/?room=weekly&name=Ann');
  await eventually(a, () => document.querySelector('.mirror video')?.videoWidth > 0);
  await accessible(a, 'preview');
  await a.screenshot({ path: join(pictures, 'preview.png') });
  await a.getByRole('button', { name: 'Join' }).click();
  const b = await open('/?room=weekly&name=Ben', { region: 'eu-frankfurt' });
  await eventually(b, () => document.querySelector('.mirror video')?.videoWidth > 0);
  await b.getByRole('button', { name: 'Join' }).click();
  await playing(a, 2);
  await playing(b, 2);
  await eventually(a, () => document.body.innerText.includes('Served from Frankfurt') && document.body.innerText.includes('Served from London'));
  const where = await a.locator('.where').innerText();
  for (const region of ['London', 'Frankfurt', 'Virginia']) assert.ok(where.includes(region), where);
  await a.getByRole('button', { name: 'Chat' }).click();
  await a.getByLabel('Message to everybody').fill('Good morning, Ben');
  await a.keyboard.press('Enter');
  await b.getByRole('button', { name: 'Chat' }).click();
  await eventually(b, () => document.querySelector('#chat')?.innerText.includes('Good morning, Ben'));
  await accessible(a, 'meeting');
  await a.screenshot({ path: join(pictures, 'meeting.png') });
  await b.getByRole('button', { name: 'Stop camera' }).click();
  await eventually(a, () => [...document.querySelectorAll('.people .tile')].some((t) => t.querySelector('.initials')));
  await b.getByRole('button', { name: 'Leave' }).click();
  await eventually(b, () => document.querySelector('h1')?.innerText === 'You left the meeting');
  await accessible(b, 'left');
  await eventually(a, () => document.querySelectorAll('.people .tile').length === 1, undefined, { seconds: 5 });
  const origins = new Set([...a.asked, ...b.asked].filter((u) => !u.startsWith('data:') && !u.startsWith('blob:')).map((u) => new URL(u).host));
  for (const origin of origins) assert.ok(node.http.map((p) => `127.0.0.1:${p}`).includes(origin), `asked another origin: ${origin}`);
  assert.deepEqual([...a.log, ...b.log].filter((l) => /Content Security Policy|error:/i.test(l)), []);
  await Promise.all([a.close(), b.close()]);
});

test('whoever comes just after a restart of the node is seen and heard', async () => {
  const a = await open('/?room=again&name=Ann');
  await eventually(a, () => document.querySelector('.mirror video')?.videoWidth > 0);
  await a.getByRole('button', { name: 'Join' }).click();
  await playing(a, 1);
  const b = await browser.tab();
  await node.stop('SIGTERM');
  await node.launch();
  for (let tries = 0; await node.metric('meridian_tracks') < 2; tries += 1) {
    assert.ok(tries < 300, 'Ann comes back by herself, with sound and picture');
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  await eventually(a, () => !document.body.innerText.includes('is coming back'), undefined, { what: 'her page says that all is well' });
  await b.evaluate((p) => window.join(p), { url: node.url(), token: token({ room: 'again', identity: 'ben' }) });
  await b.evaluate(() => window.room.localParticipant.setMicrophoneEnabled(true));
  await eventually(a, () => document.querySelectorAll('.people .tile').length === 2, undefined, { what: 'a tile for Ben' });
  await eventually(a, () => [...document.querySelectorAll('audio')].some((sound) => sound.srcObject?.active), undefined, { what: 'the sound of Ben', seconds: 10 });
  await Promise.all([a.close(), b.close()]);
});

test('by keyboard alone', async () => {
  const page = await open('/?room=keys');
  await page.getByLabel('Your name').focus();
  await page.keyboard.type('Kay');
  await page.keyboard.press('Enter');
  await eventually(page, () => document.querySelector('.controls'));
  const names = [];
  for (let i = 0; i < 12; i += 1) {
    await page.keyboard.press('Tab');
    names.push(await page.evaluate(() => document.activeElement?.textContent?.trim().slice(0, 20)));
    if (names.at(-1) === 'Leave') break;
  }
  assert.ok(names.includes('Leave') && names.includes('Chat'), names.join(', '));
  await page.keyboard.press('Enter');
  await eventually(page, () => document.querySelector('h1')?.innerText === 'You left the meeting');
  await page.close();
});

test('on a phone nothing is cut off', async () => {
  const page = await open('/?room=phone&name=Pip', { viewport: { width: 360, height: 740 } });
  await page.screenshot({ path: join(pictures, 'phone-preview.png') });
  await page.getByRole('button', { name: 'Join' }).click();
  await playing(page, 1);
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth), 'no sideways scrolling');
  await page.screenshot({ path: join(pictures, 'phone-meeting.png') });
  await accessible(page, 'phone');
  await page.close();
});

test('a refused camera, a wrong link and a refused region are said in words', async () => {
  const page = await open('/#token=broken');
  await eventually(page, () => document.body.innerText.includes('This link does not work'));
  await page.close();
  const bad = await open('/#token=eyJhbGciOiJIUzI1NiJ9.eyJ2aWRlbyI6eyJyb29tIjoieCJ9fQ.AAAA');
  await bad.getByRole('button', { name: 'Join' }).click();
  await eventually(bad, () => document.querySelector('[role=alert]')?.innerText.includes('This link does not work'));
  await bad.close();
  const refused = await open('/?room=far&name=Una&account=uk-only', { region: 'us-east' });
  // Without a way to London the page can't follow there by itself.
  await refused.route(`${node.http_url('uk-london')}/**`, (route) => route.abort());
  await refused.getByRole('button', { name: 'Join' }).click();
  await eventually(refused, () => document.querySelector('[role=alert]')?.innerText.includes('London'));
  await refused.screenshot({ path: join(pictures, 'region-refused.png') });
  await accessible(refused, 'refused');
  await refused.close();
  const blind = await open('/?room=blind&name=Bo', { before: () => { navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('no', 'NotAllowedError')); } });
  await eventually(blind, () => document.body.innerText.includes('Your browser does not let this page use the camera'));
  await accessible(blind, 'no camera');
  await blind.getByRole('button', { name: 'Join' }).click();
  await eventually(blind, () => document.querySelector('.controls .trouble')?.innerText.includes('does not let this page use'));
  await blind.close();
});

test('opened at a region that the host has not opted into, the page goes to a permitted one by itself', async () => {
  const page = await open('/?room=near&name=Una&account=uk-only', { region: 'us-east' });
  await page.getByRole('button', { name: 'Join' }).click();
  await playing(page, 1);
  await eventually(page, () => document.body.innerText.includes('Served from London'));
  await page.close();
});

test('the page comes with a strict policy and weighs at most 500 KB', async () => {
  const answer = await fetch(`${node.http_url()}/`);
  const policy = answer.headers.get('content-security-policy') ?? '';
  assert.match(policy, /default-src 'none'|default-src 'self'/);
  assert.doesNotMatch(policy, /unsafe-inline|unsafe-eval|\*/);
  const html = await answer.text();
  let bytes = 0;
  for (const [, file] of html.matchAll(/(?:src|href)="(\/[^"]+)"/g)) {
    const asset = await fetch(`${node.http_url()}${file}`, { headers: { 'Accept-Encoding': 'gzip' } });
    assert.equal(asset.status, 200, file);
    bytes += Number(asset.headers.get('content-length'));
  }
  assert.ok(bytes > 0 && bytes <= 500 * 1024, `${bytes} bytes compressed`);
});
