// End-to-end encryption with 256-bit keys: the server forwards what it cannot read, unchanged.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Browser, eventually } from '../support/browser.mjs';
import { MeridianNode } from '../support/node.mjs';
import { token } from '../support/token.mjs';

let node;
let browser;
before(async () => { node = await MeridianNode.start(); browser = await Browser.start(); });
after(async () => { await browser?.stop(); await node?.dispose(); });

async function enter(identity, key) {
  const page = await browser.tab();
  await page.evaluate((p) => window.join(p), { url: node.url(), token: token({ room: 'secret', identity }), e2eeKey: key, keySize: 256 });
  return page;
}

test('decoded with the key, nothing with a wrong key, frame digests equal at both ends', async () => {
  const a = await enter('ann', 'the right key');
  await a.evaluate(async () => {
    await window.room.localParticipant.setMicrophoneEnabled(true);
    await window.room.localParticipant.setCameraEnabled(true, { resolution: { width: 640, height: 360, frameRate: 15 } }, { videoCodec: 'vp8', simulcast: true });
  });
  const b = await enter('ben', 'the right key');
  const c = await enter('eve', 'another key');
  await eventually(b, async () => {
    const all = await window.received();
    return all.some((s) => s.kind === 'video' && s.frames > 50) && all.some((s) => s.kind === 'audio' && s.energy > 0);
  }, undefined, { what: 'ben decodes' });
  await eventually(c, async () => (await window.received()).some((s) => s.kind === 'video' && s.packets > 50), undefined, { what: 'eve receives packets' });
  assert.equal((await c.evaluate(() => window.received())).find((s) => s.kind === 'video').frames, 0, 'eve decodes nothing');
  assert.equal(await b.evaluate(() => [...window.room.remoteParticipants.values()].find((p) => p.identity === 'ann').isEncrypted), true);

  for (const what of ['made', 'stripped', 'recovered']) assert.equal(await node.metric(`meridian_red_${what}_total`), 0, `RED ${what}`);

  const received = await b.evaluate(() => window.digests.received);
  await new Promise((resolve) => setTimeout(resolve, 500));
  const sent = new Set(await a.evaluate(() => window.digests.sent));
  const known = received.filter((digest) => sent.has(digest)).length;
  assert.ok(received.length > 100, `frames seen by ben: ${received.length}`);
  assert.equal(known, received.length, `${received.length - known} of ${received.length} frames were changed on the way`);
});
