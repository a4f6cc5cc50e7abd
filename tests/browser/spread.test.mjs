// A room that is too large for one worker goes on to the next: who is where, and that all see and hear each other.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Browser, eventually } from '../support/browser.mjs';
import { MeridianNode } from '../support/node.mjs';
import { token } from '../support/token.mjs';

let node;
let browser;
before(async () => { node = await MeridianNode.start({ workers: 2, peoplePerWorker: 2 }); browser = await Browser.start(); });
after(async () => { await browser?.stop(); await node?.dispose(); });

async function enter(room, identity) {
  const page = await browser.tab();
  await page.evaluate((p) => window.join(p), { url: node.url(), token: token({ room, identity }) });
  await page.evaluate(async () => { await window.room.localParticipant.setMicrophoneEnabled(true); await window.publishCanvas(); });
  return page;
}
const decodes = (page, from) => eventually(page, async (who) => {
  const all = await window.received();
  return all.find((s) => s.from === who && s.kind === 'video')?.frames > 10 && all.find((s) => s.from === who && s.kind === 'audio')?.energy > 0;
}, from, { what: `video decoded and audio heard from ${from}`, seconds: 30 });
/** People on each worker of London, the fewest first. */
const people = async () => (await node.metrics()).split('\n').filter((line) => line.startsWith('meridian_worker_participants{region="uk-london"'))
  .map((line) => Number(line.split(' ').at(-1))).sort((a, b) => a - b);
async function becomes(read, wanted, what) {
  let seen;
  for (let tries = 0; tries < 100; tries += 1) {
    seen = await read();
    if (seen === wanted) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.equal(seen, wanted, what);
}

test('a small room is on one worker, and pays for no relay; with one person more it is on two, and all are together', async () => {
  const ann = await enter('hall', 'ann');
  const ben = await enter('hall', 'ben');
  await decodes(ann, 'ben');
  await decodes(ben, 'ann');
  assert.deepEqual(await people(), [0, 2]);
  assert.equal(await node.metric('meridian_rooms_spread', 'uk-london'), 0);
  assert.equal(await node.metric('meridian_packets_total', 'direction="out",kind="relay"'), 0);

  const cat = await enter('hall', 'cat');
  for (const [page, from] of [[cat, 'ann'], [cat, 'ben'], [ann, 'cat'], [ben, 'cat'], [ann, 'ben']]) await decodes(page, from);
  assert.deepEqual(await people(), [1, 2]);
  assert.equal(await node.metric('meridian_rooms_spread', 'uk-london'), 1);
  assert.ok(await node.metric('meridian_packets_total', 'direction="out",kind="relay"') > 0);
  // Six tracks, each once on its own worker and once on the other, however many watch there.
  await becomes(() => node.metric('meridian_shard_publications', 'uk-london'), 12, 'publications on both workers');

  // The first of another room comes to the worker with fewer people.
  const dan = await enter('parlour', 'dan');
  await becomes(async () => (await people()).join(), '2,2', 'people on each worker');
  await dan.evaluate(() => window.room.disconnect());
  await cat.evaluate(() => window.room.disconnect());
  await becomes(() => node.metric('meridian_rooms_spread', 'uk-london'), 0, 'rooms on two workers');
  await becomes(() => node.metric('meridian_shard_publications', 'uk-london'), 4, 'publications when the relays have ended');
  const before = await ann.evaluate(async () => (await window.received()).find((s) => s.kind === 'video').frames);
  await eventually(ann, async (n) => (await window.received()).find((s) => s.from === 'ben' && s.kind === 'video')?.frames > n + 10, before, { what: 'those who stayed go on' });
  await Promise.all([ann.close(), ben.close(), cat.close(), dan.close()]);
});
