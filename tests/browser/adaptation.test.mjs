// The unmodified client behind a narrow way: its own scenario `subscriber-bandwidth` makes it so.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Browser, eventually } from '../support/browser.mjs';
import { MeridianNode } from '../support/node.mjs';
import { token } from '../support/token.mjs';

let node;
let browser;
before(async () => { node = await MeridianNode.start(); browser = await Browser.start(); });
after(async () => { await browser?.stop(); await node?.dispose(); });

async function enter(identity) {
  const page = await browser.tab();
  await page.evaluate((p) => window.join(p), { url: node.url(), token: token({ room: 'narrow', identity }) });
  return page;
}
const sees = (page, width) => eventually(page, async (wanted) => {
  const video = (await window.received()).find((s) => s.kind === 'video');
  const before = window.framesBefore ?? 0;
  window.framesBefore = video?.frames ?? 0;
  return video?.width === wanted && window.framesBefore > before;
}, width, { what: `a picture ${width} wide`, seconds: 20 });
const becomes = (page, state) => eventually(page, (wanted) =>
  [...window.room.remoteParticipants.values()][0].videoTrackPublications.values().next().value.track.streamState === wanted, state, { what: `the stream is ${state}` });
const explained = async (room, grants) => {
  const answer = await fetch(`${node.http_url()}/debug/rooms/${room}`,
    { headers: { Authorization: `Bearer ${token({ room, identity: 'watcher', grants })}` } });
  return { status: answer.status, text: await answer.text() };
};

test('the picture becomes smaller, stands still, and comes back, and the node says why', async () => {
  const ann = await enter('ann');
  await ann.evaluate(() => window.publishCanvas({ changes: 12 }));
  const ben = await enter('ben');
  await sees(ben, 640);
  await ben.evaluate(() => window.room.simulateScenario('subscriber-bandwidth', 220_000));
  await sees(ben, 320);
  await becomes(ben, 'active');
  let why = '';
  for (let tries = 0; tries < 50 && !/layer 0\.\d for .*, no room for the next step/.test(why); tries += 1) {  // a report a second
    why = (await explained('narrow', { roomAdmin: true })).text;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.match(why, /ben .*in uk-london/);
  assert.match(why, /of ann: layer 0\.\d for .*, no room for the next step/);
  await ben.evaluate(() => window.room.simulateScenario('subscriber-bandwidth', 20_000));
  await becomes(ben, 'paused');
  for (let tries = 0; tries < 50 && await node.metric('meridian_videos_paused') !== 1; tries += 1) await new Promise((resolve) => setTimeout(resolve, 100));
  assert.equal(await node.metric('meridian_videos_paused'), 1);
  await ben.evaluate(() => window.room.simulateScenario('subscriber-bandwidth', 0));
  await sees(ben, 640);
  await becomes(ben, 'active');
  assert.equal((await explained('narrow', {})).status, 401);
});
