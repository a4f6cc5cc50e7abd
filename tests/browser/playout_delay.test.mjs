// A room's playout delay reaches Chromium, which then shows pictures that late; without one it doesn't.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { RoomServiceClient } from 'livekit-server-sdk';
import { Browser, eventually } from '../support/browser.mjs';
import { MeridianNode } from '../support/node.mjs';
import { token } from '../support/token.mjs';

let node;
let browser;
before(async () => {
  node = await MeridianNode.start({ workers: 2, more: 'rooms:\n  presets: {late: {min_playout_delay: 1000, max_playout_delay: 2000}}\n' });
  browser = await Browser.start();
  const rooms = new RoomServiceClient(node.http_url(), 'devkey', 'secret');
  await rooms.createRoom({ name: 'late', minPlayoutDelay: 1000, maxPlayoutDelay: 2000 });
});
after(async () => { await browser?.stop(); await node?.dispose(); });

async function enter(identity, { room, claims, ...more }) {
  const page = await browser.tab();
  await page.evaluate((p) => window.join(p), { url: node.url(), token: token({ room, identity, claims }), ...more });
  return page;
}
/** Milliseconds for which the one picture that comes is kept back, over the last second. */
const delayOf = (page) => page.evaluate(async () => {
  const look = async () => {
    const track = [...window.room.remoteParticipants.values()].flatMap((p) => [...p.trackPublications.values()]).find((p) => p.track && p.kind === 'video').track;
    const { jitterBufferDelay, jitterBufferEmittedCount } = [...(await track.getRTCStatsReport()).values()].find((s) => s.type === 'inbound-rtp');
    return [jitterBufferDelay, jitterBufferEmittedCount];
  };
  const before = await look();
  await new Promise((resolve) => setTimeout(resolve, 1000));
  const after = await look();
  return (1000 * (after[0] - before[0])) / (after[1] - before[1]);
});
async function watched(where) {
  const sender = await enter('ann', where);
  await sender.evaluate(() => window.publishCanvas());
  const receiver = await enter('ben', where);
  await eventually(receiver, async () => (await window.received()).some((s) => s.kind === 'video' && s.frames > 45), undefined, { seconds: 40, what: 'ben sees ann' });
  const delay = await delayOf(receiver);
  for (const page of [sender, receiver]) await page.context().close();
  return delay;
}
const isLate = (delay, where) => assert.ok(delay > 900 && delay < 2100, `${where}: kept back for ${delay} ms`);

test('with a delay of at least a second pictures are shown that late, over one connection and over two', async () => {
  isLate(await watched({ room: 'late' }), 'one connection');
  isLate(await watched({ room: 'late', options: { singlePeerConnection: false } }), 'two connections');
});

test('a room without one shows pictures as soon as it can', async () => {
  const delay = await watched({ room: 'prompt' });
  assert.ok(delay < 500, `kept back for ${delay} ms`);
});

test('the token that makes the room, or its preset, can ask for it, and encrypted pictures are as late', async () => {
  const configured = { roomConfig: { minPlayoutDelay: 1000, maxPlayoutDelay: 2000 } };
  isLate(await watched({ room: 'by-token', claims: configured, e2eeKey: 'a key', keySize: 256 }), 'encrypted');
  isLate(await watched({ room: 'by-preset', claims: { roomPreset: 'late' } }), 'preset');
});
