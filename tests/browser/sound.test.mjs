// Who is heard: silence is not sent on, and in some rooms only the loudest are; with end-to-end encryption, too.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Browser, eventually } from '../support/browser.mjs';
import { MeridianNode } from '../support/node.mjs';
import { token } from '../support/token.mjs';

let node;
let browser;
before(async () => {
  node = await MeridianNode.start({ more: 'rooms: {presets: {hall: {loudest: 1}}}' });
  browser = await Browser.start();
});
after(async () => { await browser?.stop(); await node?.dispose(); });

async function enter(room, identity, { at = 'uk-london', preset, volume } = {}) {
  const page = await browser.tab();
  const where = { url: node.url(at), token: token({ room, identity, claims: preset ? { roomPreset: preset } : {} }), e2eeKey: 'the key of the meeting' };
  await page.evaluate((p) => window.join(p), where);
  if (volume !== undefined) await page.evaluate((v) => window.publishSound({ volume: v }), volume);
  return page;
}
/** Until sound of `who` comes at between `low` and `high` packets a second, over a second; how it was in the end. */
function comes(page, who, low, high, what) {
  return eventually(page, async ({ from, least, most }) => {
    const count = async () => (await window.received()).find((one) => one.from === from && one.kind === 'audio')?.packets ?? 0;
    const [first, began] = [await count(), performance.now()];
    await new Promise((resolve) => setTimeout(resolve, 1000));
    const second = await count();
    window.rate = (second - first) / ((performance.now() - began) / 1000);
    return window.rate >= least && window.rate <= most;
  }, { from: who, least: low, most: high }, { what: `${what}: ${low} to ${high} packets of ${who} a second` })
    .catch(async (error) => { error.message += `\nlast ${await page.evaluate(() => window.rate)} a second`; throw error; });
}
const lost = (page) => page.evaluate(async () => (await window.received()).filter((one) => one.kind === 'audio').map((one) => one.lost));

test('silence is not sent on; what is said after it comes at once, and nothing counts as lost', async () => {
  const ann = await enter('quiet', 'ann', { volume: 0.5 });
  const ben = await enter('quiet', 'ben');
  const eve = await enter('quiet', 'eve', { at: 'us-east' });
  for (const listener of [ben, eve]) await comes(listener, 'ann', 40, 60, 'she speaks');
  await ann.evaluate(() => window.setVolume(0));
  for (const listener of [ben, eve]) await comes(listener, 'ann', 1, 5, 'she is silent');
  assert.ok(await node.metric('meridian_silence_withheld_total') > 50);
  await ann.evaluate(() => window.setVolume(0.5));
  for (const listener of [ben, eve]) {
    await comes(listener, 'ann', 40, 60, 'she speaks again');
    assert.deepEqual(await lost(listener), [0]);
  }
});

test('where the room says so only the loudest is heard, and the next one when he pauses', async () => {
  const ann = await enter('town hall', 'ann', { volume: 0.8, preset: 'hall' });
  await enter('town hall', 'ben', { volume: 0.05 });
  const eve = await enter('town hall', 'eve', { at: 'us-east' });
  await comes(eve, 'ann', 40, 60, 'she is louder');
  await comes(eve, 'ben', 0, 1, 'he is not');
  assert.ok(await node.metric('meridian_quiet_withheld_total') > 50);
  await ann.evaluate(() => window.setVolume(0));
  await comes(eve, 'ben', 40, 60, 'when she pauses');
  await ann.evaluate(() => window.setVolume(0.8));
  await comes(eve, 'ann', 40, 60, 'she is louder again');
  await comes(eve, 'ben', 0, 1, 'he is not again');
  assert.deepEqual(await lost(eve), [0, 0]);
});
