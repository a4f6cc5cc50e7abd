// ForwardParticipant: somebody's sound and pictures in another room, while they stay in their own.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { RoomServiceClient } from 'livekit-server-sdk';
import { Browser, eventually } from '../support/browser.mjs';
import { MeridianNode } from '../support/node.mjs';
import { token } from '../support/token.mjs';

let node;
let browser;
let rooms;
before(async () => {
  node = await MeridianNode.start({ workers: 2 });
  browser = await Browser.start();
  rooms = new RoomServiceClient(node.http_url(), 'devkey', 'secret');
});
after(async () => { await browser?.stop(); await node?.dispose(); });

async function enter(room, identity, { region = 'uk-london', ...more } = {}) {
  const page = await browser.tab();
  await page.evaluate((p) => window.join(p), { url: node.url(region), token: token({ room, identity }), ...more });
  return page;
}
const perform = (page) => page.evaluate(async () => { await window.room.localParticipant.setMicrophoneEnabled(true); await window.publishCanvas(); });
/** Until pictures and sound of `from` go on there. */
async function plays(page, from, where) {
  const frames = () => page.evaluate(async (who) => (await window.received()).find((s) => s.from === who && s.kind === 'video')?.frames ?? 0, from);
  const before = await frames();
  await eventually(page, async ([who, least]) => {
    const all = await window.received();
    return all.find((s) => s.from === who && s.kind === 'video')?.frames > least && all.find((s) => s.from === who && s.kind === 'audio')?.energy > 0;
  }, [from, before + 20], { seconds: 40, what: `${where} plays ${from}` });
}
const isGone = (page, who) => eventually(page, (w) => !window.room.remoteParticipants.has(w), who, { what: `${who} is gone` });

test('the other room plays it on every worker and in every region, and follows', async () => {
  const ann = await enter('stage', 'ann');
  const front = await enter('stage', 'front');
  await perform(ann);
  const viewers = [await enter('overflow', 'ben'), await enter('overflow', 'cat', { options: { singlePeerConnection: false } }), await enter('overflow', 'dan', { region: 'us-east' })];
  await rooms.forwardParticipant('stage', 'ann', 'overflow');
  for (const [i, page] of viewers.entries()) await plays(page, 'ann', `viewer ${i}`);
  await plays(front, 'ann', 'the front row');
  const [ben] = viewers;
  assert.deepEqual(await ben.evaluate(() => window.room.remoteParticipants.get('ann').participantInfo?.kindDetails), [1], 'it is forwarded');
  // The layers that are watched in either room are sent: nobody else watches, and a viewer of the other room wants the highest.
  await front.evaluate(() => window.room.disconnect());
  await plays(ben, 'ann', 'ben alone');

  await ann.evaluate(() => window.room.localParticipant.setMicrophoneEnabled(false));
  await eventually(ben, () => window.room.remoteParticipants.get('ann').isMicrophoneEnabled === false, undefined, { what: 'ben sees that ann is muted' });
  await ann.evaluate(() => window.room.localParticipant.setMicrophoneEnabled(true));
  await ann.evaluate(async () => { const { track } = [...window.room.localParticipant.videoTrackPublications.values()][0]; await window.room.localParticipant.unpublishTrack(track); });
  await eventually(ben, () => window.room.remoteParticipants.get('ann').videoTrackPublications.size === 0, undefined, { what: 'ben sees that the picture is taken away' });
  await ann.evaluate(() => window.publishCanvas());
  await plays(ben, 'ann', 'ben again');

  await rooms.removeParticipant('overflow', 'ann');
  for (const page of viewers) await isGone(page, 'ann');
  assert.equal(await ann.evaluate(() => window.room.state), 'connected', 'ann stays in her room');

  await rooms.forwardParticipant('stage', 'ann', 'overflow');
  await plays(ben, 'ann', 'ben, once more');
  await ann.evaluate(() => window.room.disconnect());
  await isGone(ben, 'ann');
  for (const page of [ann, front, ...viewers]) await page.context().close();
});

test('what is encrypted end to end stays so', async () => {
  const secret = { e2eeKey: 'of both rooms', keySize: 256 };
  const ann = await enter('vault', 'ann', secret);
  await perform(ann);
  const ben = await enter('annex', 'ben', secret);
  const eve = await enter('annex', 'eve', { ...secret, e2eeKey: 'another' });
  await rooms.forwardParticipant('vault', 'ann', 'annex');
  await plays(ben, 'ann', 'who has the key');
  await eventually(eve, async () => (await window.received()).some((s) => s.kind === 'video' && s.packets > 50), undefined, { what: 'eve receives packets' });
  assert.equal((await eve.evaluate(() => window.received())).find((s) => s.kind === 'video').frames, 0, 'eve decodes nothing');
  for (const page of [ann, ben, eve]) await page.context().close();
});
