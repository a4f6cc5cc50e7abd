// A network that lets nothing through but TCP to port 443: Chromium meets over TURN inside TLS, on the port that
// serves signalling, too. The TURN server relays to nobody else, and ends with the permit.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { after, before, test } from 'node:test';
import { BedNode } from '../support/bednode.mjs';
import { Browser, eventually } from '../support/browser.mjs';
import { makeCertificate } from '../support/certificate.mjs';
import { NetBed, bytes, packets } from '../support/netbed.mjs';
import { buildGoProgram } from '../support/robot.mjs';

const kPort = 443;
let bed;
let node;
let turnClient;
const browsers = {};
before(async () => {
  bed = await NetBed.make({ clients: ['ann', 'ben'] });
  if (bed.kind !== 'namespaces') return;
  const tls = makeCertificate(bed.folder, bed.places.map((place) => place.address));
  process.env.NODE_EXTRA_CA_CERTS = tls.certificate;  // for what asks the node's API
  node = await BedNode.start(bed, { tls, clinic: { opted_in: ['uk-london', 'eu-frankfurt'] } });
  turnClient = buildGoProgram('turn');
  for (const name of ['ann', 'ben']) browsers[name] = await Browser.start({ client: bed.client(name), trust: [tls.spki] });
});
after(async () => {
  for (const browser of Object.values(browsers)) await browser.stop();
  await node?.dispose();
  await bed?.remove();
});

async function enter(identity) {
  const page = await browsers[identity].tab();
  bed.client(identity).pages.add(page);
  await page.evaluate((p) => window.join(p), { url: node.http_url().replace('http', 'ws'), token: node.token({ room: 'ward', identity }) });
  await page.evaluate(async () => { await window.room.localParticipant.setMicrophoneEnabled(true); await window.publishCanvas({ simulcast: false }); });
  return page;
}
const seen = (page, from) => page.evaluate(async (who) => (await window.received()).find((s) => s.from === who && s.kind === 'video'), from);
const pages = {};

test('with nothing but TLS on 443, 30 s of pictures both ways over TURN', async (t) => {
  if (bed.kind !== 'namespaces') { t.skip('network namespaces cannot be made here'); return; }
  assert.ok(bed.client('ann').allowOnly('tcp', kPort));
  const capture = await bed.capture();
  pages.ann = await enter('ann');
  pages.ben = await enter('ben');
  for (const [name, other] of [['ann', 'ben'], ['ben', 'ann']]) {
    await eventually(pages[name], async (who) => (await window.received()).some((s) => s.from === who && s.kind === 'video' && s.frames > 10), other, { seconds: 60, what: `${name} sees ${other}` });
  }
  const start = { ann: await seen(pages.ann, 'ben'), ben: await seen(pages.ben, 'ann') };
  await new Promise((resolve) => setTimeout(resolve, 30_000));
  for (const [name, other] of [['ann', 'ben'], ['ben', 'ann']]) {
    const now = await seen(pages[name], other);
    const frames = now.frames - start[name].frames;
    t.diagnostic(`${name}: ${frames} frames of ${other} in 30 s, ${now.freezes} freezes, ${now.lost} packets lost`);
    assert.ok(frames > 200, `${frames} frames in 30 s`);
  }
  const pair = await pages.ann.evaluate(() => window.pair());
  t.diagnostic(`selected pair with nothing but TLS on 443: ${JSON.stringify(pair)}`);
  assert.equal(pair.type, 'relay');
  assert.equal(pair.relay, 'tls');
  assert.equal(pair.url, `turns:${node.place('uk-london').address}:${kPort}?transport=tcp`);
  assert.equal(pair.srtp, 'SRTP_AEAD_AES_256_GCM');
  assert.equal((await pages.ben.evaluate(() => window.pair())).protocol, 'udp', 'whoever has UDP uses it');
  assert.notEqual((await pages.ben.evaluate(() => window.pair())).type, 'relay');

  const flows = await capture.flows();
  const { isPeer } = bed.client('ann');
  assert.equal(packets(flows, { peer: isPeer, kind: (kind) => kind !== 'tcp' }), 0, 'nothing of ann but TCP');
  assert.ok(bytes(flows, { peer: isPeer, kind: 'tcp', link: 'uk-london' }) > 500_000, 'the media is in it');
  assert.equal(packets(flows, { peer: isPeer, link: (link) => link !== 'uk-london' }), 0, 'and on no other region\'s link');
  assert.ok(await node.metric('meridian_turn_allocations', 'uk-london') >= 1);
});

test('a page that speaks WHIP is told of it in Link headers, and publishes over it', async (t) => {
  if (bed.kind !== 'namespaces') { t.skip('network namespaces cannot be made here'); return; }
  const page = await browsers.ann.tab({ client: 'streams' });
  bed.client('ann').pages.add(page);
  const answer = await page.evaluate((p) => window.whip(p), { url: `${node.http_url()}/whip/v1`, token: node.token({ room: 'ward', identity: 'encoder' }), asks: true });
  assert.equal(answer.status, 201, answer.body);
  assert.ok(answer.link.startsWith(`<turns:${node.place('uk-london').address}:${kPort}?transport=tcp>; rel="ice-server"; username="1:`), answer.link);
  assert.equal(answer.link.match(/rel="ice-server"/g).length, 1, 'no third party is named');
  await eventually(pages.ben, async () => (await window.received()).some((s) => s.from === 'encoder' && s.kind === 'video' && s.frames > 10), undefined, { seconds: 60, what: 'ben sees the encoder' });
  const pair = await page.evaluate(() => window.pair());
  assert.deepEqual([pair.type, pair.relay], ['relay', 'tls']);
  assert.equal((await page.evaluate(() => window.ask('DELETE'))).status, 200);
  bed.client('ann').pages.delete(page);
  await page.close();
});

test('a TURN client that asks for any other peer is refused', async (t) => {
  if (bed.kind !== 'namespaces') { t.skip('network namespaces cannot be made here'); return; }
  const servers = await pages.ann.evaluate(() => window.room.engine.latestJoinResponse.iceServers.map((s) => ({ urls: s.urls, username: s.username, credential: s.credential })));
  assert.equal(servers.length, 1, 'no third party is handed out');
  const [{ username, credential }] = servers;
  const own = node.mediaAddress('uk-london');
  const frankfurt = node.mediaAddress('eu-frankfurt');
  const others = ['127.0.0.1:80', '0.0.0.0:80', '169.254.169.254:80', '192.168.0.1:22', `${frankfurt.address}:${frankfurt.port}`, `${bed.client('ben').address}:9`, '[::1]:80', '[::ffff:127.0.0.1]:80', '[64:ff9b::7f00:1]:80', '224.0.0.1:80', '255.255.255.255:80'];
  const ask = (address, peers) => execFileSync(bed.client('ann').prefix[0], [...bed.client('ann').prefix.slice(1), turnClient,
    '-transport', 'tls', '-address', address, '-username', username, '-password', credential, '-peers', peers.join(',')], { timeout: 60_000 })
    .toString().trim().split('\n').map((line) => JSON.parse(line));
  const answers = ask(`${own.address}:${kPort}`, [`${own.address}:${own.port}`, ...others]);
  const of = (asked) => answers.find((answer) => answer.asked === asked);
  assert.ok(of('allocate').granted, JSON.stringify(answers));
  t.diagnostic(`relayed address: ${of('allocate').granted}`);
  assert.equal(of(`${own.address}:${own.port}`).refused, undefined, 'its own worker it reaches');
  for (const other of others) {
    t.diagnostic(`${other}: ${of(other).refused}`);
    assert.match(of(other).refused, /error (403|443)/, other);
  }
  assert.ok(await node.metric('meridian_turn_refused_total', 'uk-london') >= others.length - 2);

  // Her name at another region's listener, and somebody else's.
  const elsewhere = ask(`${frankfurt.address}:${kPort}`, ['127.0.0.1:80']);
  assert.ok(!elsewhere.some((answer) => answer.asked === 'allocate' && answer.granted), JSON.stringify(elsewhere));
});

test('a region that closes resets the connections of its media', async (t) => {
  if (bed.kind !== 'namespaces') { t.skip('network namespaces cannot be made here'); return; }
  assert.ok(await node.metric('meridian_turn_allocations', 'uk-london') >= 1);
  await node.close('uk-london');
  for (let tries = 0; tries < 100 && await node.metric('meridian_turn_allocations', 'uk-london') > 0; tries += 1) await new Promise((resolve) => setTimeout(resolve, 100));
  assert.equal(await node.metric('meridian_turn_allocations', 'uk-london'), 0);
  assert.equal(await node.metric('meridian_tcp_connections', 'uk-london'), 0);
});
