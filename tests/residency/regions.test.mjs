// Where datagrams really go, seen by a packet capture and not by the node's own counters.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Browser, eventually } from '../support/browser.mjs';
import { MeridianNode, REGIONS } from '../support/node.mjs';
import { token } from '../support/token.mjs';

const here = dirname(fileURLToPath(import.meta.url));
let node;
let browser;
before(async () => { node = await MeridianNode.start(); browser = await Browser.start(); });
after(async () => { await browser?.stop(); await node?.dispose(); });

async function capture() {
  const child = spawn('python3', [join(here, 'capture.py'), ...REGIONS.map((r) => r.address)], { stdio: ['pipe', 'pipe', 'inherit'] });
  let output = '';
  const ended = new Promise((resolve) => child.on('exit', resolve));
  await new Promise((resolve) => child.stdout.on('data', (chunk) => { output += chunk; if (output.startsWith('ready')) resolve(); }));
  return {
    async stop() {
      child.stdin.end();
      await ended;
      return JSON.parse(output.slice(output.indexOf('{')));
    },
  };
}
const enter = async (account, room, identity, region) => {
  const page = await browser.tab();
  await page.evaluate((p) => window.join(p), { url: node.url(region), token: token({ account, room, identity }) });
  await page.evaluate(async () => { await window.room.localParticipant.setMicrophoneEnabled(true); await window.room.localParticipant.setCameraEnabled(true, { resolution: { width: 640, height: 360, frameRate: 15 } }, { videoCodec: 'vp8' }); });
  return page;
};
const decodes = (page, from) => eventually(page, async (who) => (await window.received()).some((s) => s.from === who && s.kind === 'video' && s.frames > 20), from, { what: `decodes ${from}`, seconds: 30 });

/** Datagrams of the flows whose client end is one of `ports`, by region address. */
function byRegion(flows, ports) {
  const sums = Object.fromEntries(REGIONS.map((r) => [r.id, 0]));
  for (const [flow, [packets]] of Object.entries(flows)) {
    const [source, destination] = flow.split(' ');
    for (const region of REGIONS) {
      const server = [source, destination].find((end) => end.startsWith(`${region.address}:`));
      const client = server === source ? destination : source;
      if (server && ports.has(Number(client.split(':').at(-1)))) sums[region.id] += packets;
    }
  }
  return sums;
}
/** Every port from which this participant may have sent, chosen for its connection or not. */
const clientPorts = async (pages) => new Set((await Promise.all(pages.map((page) => page.evaluate(() => window.localPorts())))).flat());

test('an account that permits London alone is on no other address; another account is, through the relay', async () => {
  const seen = await capture();
  const uk = [await enter('uk-only', 'same name', 'ann', 'uk-london'), await enter('uk-only', 'same name', 'ben', 'uk-london')];
  const dev = [await enter('dev', 'same name', 'ann', 'uk-london'), await enter('dev', 'same name', 'ben', 'eu-frankfurt'), await enter('dev', 'same name', 'cat', 'us-east')];
  await decodes(uk[0], 'ben');
  await decodes(uk[1], 'ann');
  await decodes(dev[2], 'ann');  // London to Virginia, over the relay
  await decodes(dev[0], 'cat');
  await decodes(dev[1], 'ann');
  assert.equal(await uk[0].evaluate(() => window.room.remoteParticipants.size), 1, 'rooms of one name under two accounts are two rooms');
  const ukPorts = await clientPorts(uk);
  const devPorts = await clientPorts(dev);
  const flows = await seen.stop();
  const ukSums = byRegion(flows, ukPorts);
  const devSums = byRegion(flows, devPorts);
  console.log('uk-only', ukSums, 'dev', devSums);
  assert.ok(ukSums['uk-london'] > 500, JSON.stringify(ukSums));
  assert.equal(ukSums['eu-frankfurt'], 0);
  assert.equal(ukSums['us-east'], 0);
  for (const region of REGIONS) assert.ok(devSums[region.id] > 200, `positive control in ${region.id}: ${JSON.stringify(devSums)}`);
  // The capture as a whole: everything at the other two addresses belongs to the other account.
  const others = Object.entries(flows).filter(([flow]) => flow.includes('127.20.0.1:') || flow.includes('127.30.0.1:'));
  for (const [flow] of others) assert.ok([...devPorts].some((port) => flow.includes(`:${port}`)) , `unexplained flow ${flow}`);
  await Promise.all([...uk, ...dev].map((page) => page.close()));
});

describe('refusals', () => {
  const validate = (region, parameters, path = '/rtc/v1/validate') => fetch(`${node.http_url(region)}${path}?${new URLSearchParams(parameters)}`);
  test('a join at a forbidden region: 403, the reason and the permitted endpoints, on both validate paths', async () => {
    for (const path of ['/rtc/v1/validate', '/rtc/validate']) {
      const answer = await validate('us-east', { access_token: token({ account: 'uk-only' }) }, path);
      assert.equal(answer.status, 403);
      assert.equal(answer.headers.get('access-control-allow-origin'), '*');
      const body = await answer.json();
      assert.equal(body.error, 'region_not_allowed');
      assert.deepEqual(body.permitted.map((p) => p.region), ['uk-london']);
      assert.ok(body.permitted[0].url.includes(String(node.http[0])));
    }
  });
  test('a hint to a forbidden region is refused, to a permitted one accepted', async () => {
    assert.equal((await validate('uk-london', { access_token: token({ account: 'uk-only' }), region: 'us-east' })).status, 403);
    assert.equal((await validate('uk-london', { access_token: token({ account: 'dev' }), region: 'us-east' }, '/rtc/validate')).status, 200);
  });
  test('a browser is told and does not send media anywhere', async () => {
    const seen = await capture();
    const page = await browser.tab();
    const failure = await page.evaluate((p) => window.join(p).then(() => 'joined', (e) => `${e.name} ${e.message}`), { url: node.url('us-east'), token: token({ account: 'uk-only', room: 'refused', identity: 'ann' }) });
    assert.match(failure, /region_not_allowed|NotAllowed|ConnectionError/);
    assert.deepEqual(byRegion(await seen.stop(), new Set()), { 'uk-london': 0, 'eu-frankfurt': 0, 'us-east': 0 });
    await page.close();
  });
  test('a key of another account is told nothing about a room that is there', async () => {
    const page = await enter('uk-only', 'private', 'ann', 'uk-london');
    const sid = await page.evaluate(() => window.room.localParticipant.sid);
    for (const path of ['/meridian/v1/meeting', '/debug/rooms/private']) {
      const answer = await fetch(`${node.http_url()}${path}`, { headers: { Authorization: `Bearer ${token({ account: 'dev', room: 'private', grants: { roomAdmin: true } })}` } });
      const body = await answer.text();
      assert.ok(!body.includes(sid) && !body.includes('ann'), `${path}: ${body}`);
    }
    const other = await browser.tab();
    await other.evaluate((p) => window.join(p), { url: node.url(), token: token({ account: 'dev', room: 'private', identity: 'spy' }) });
    assert.equal(await other.evaluate(() => window.room.remoteParticipants.size), 0);
    await Promise.all([page.close(), other.close()]);
  });
});
