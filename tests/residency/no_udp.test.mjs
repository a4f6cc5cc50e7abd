// A network that lets no UDP through: Chromium meets over TCP, with the same rules about regions.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { BedNode } from '../support/bednode.mjs';
import { Browser, eventually } from '../support/browser.mjs';
import { NetBed, bytes, packets } from '../support/netbed.mjs';

const kPort = 7881;
let bed;
let node;
const browsers = {};
before(async () => {
  bed = await NetBed.make({ clients: ['ann', 'ben'] });
  if (bed.kind !== 'namespaces') return;
  node = await BedNode.start(bed, { tcp: kPort, clinic: { opted_in: ['uk-london'] } });
  for (const name of ['ann', 'ben']) browsers[name] = await Browser.start({ client: bed.client(name) });
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

test('without UDP, 30 s of pictures both ways over TCP', async (t) => {
  if (bed.kind !== 'namespaces') { t.skip('network namespaces cannot be made here'); return; }
  assert.ok(bed.client('ann').forbid('udp'));
  const capture = await bed.capture();
  const pages = { ann: await enter('ann'), ben: await enter('ben') };
  for (const [name, other] of [['ann', 'ben'], ['ben', 'ann']]) {
    await eventually(pages[name], async (who) => (await window.received()).some((s) => s.from === who && s.kind === 'video' && s.frames > 10), other, { seconds: 60, what: `${name} sees ${other}` });
  }
  const before = { ann: await seen(pages.ann, 'ben'), ben: await seen(pages.ben, 'ann') };
  await new Promise((resolve) => setTimeout(resolve, 30_000));
  for (const [name, other] of [['ann', 'ben'], ['ben', 'ann']]) {
    const now = await seen(pages[name], other);
    const frames = now.frames - before[name].frames;
    t.diagnostic(`${name}: ${frames} frames of ${other} in 30 s, ${now.freezes} freezes, ${now.lost} packets lost`);
    assert.ok(frames > 200, `${frames} frames in 30 s`);
  }
  const pair = await pages.ann.evaluate(() => window.pair());
  t.diagnostic(`selected pair without UDP: ${JSON.stringify(pair)}`);
  assert.equal(pair.protocol, 'tcp');
  assert.equal(pair.remote, `${node.mediaAddress('uk-london').address}:${kPort}`);
  assert.equal(pair.srtp, 'SRTP_AEAD_AES_256_GCM');
  assert.equal((await pages.ben.evaluate(() => window.pair())).protocol, 'udp', 'whoever has UDP uses it');

  const flows = await capture.flows();
  const { isPeer } = bed.client('ann');
  assert.equal(packets(flows, { peer: isPeer, kind: (kind) => kind !== 'tcp' }), 0, 'nothing of ann but TCP');
  assert.ok(bytes(flows, { peer: isPeer, kind: 'tcp', link: 'uk-london' }) > 500_000, 'the media is in it');
  assert.equal(packets(flows, { peer: isPeer, link: (link) => link !== 'uk-london' }), 0, 'and on no other region\'s link');
  assert.ok(await node.metric('meridian_tcp_connections', 'uk-london') >= 1, await node.metrics());
});

test('a region that closes resets the connections of its media', async (t) => {
  if (bed.kind !== 'namespaces') { t.skip('network namespaces cannot be made here'); return; }
  assert.ok(await node.metric('meridian_tcp_connections', 'uk-london') >= 1);
  await node.close('uk-london');
  for (let tries = 0; tries < 100 && await node.metric('meridian_tcp_connections', 'uk-london') > 0; tries += 1) await new Promise((resolve) => setTimeout(resolve, 100));
  assert.equal(await node.metric('meridian_tcp_connections', 'uk-london'), 0);
});
