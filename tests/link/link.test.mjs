// Video for a browser behind a way that becomes narrow and wide again: a link in userspace, between the unmodified client and the node.
// ./dev link runs it, by itself on a machine: each case prints a line: sizes, longest times without a new frame. LINK_CASES=vp8,av1 names codecs.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Browser, eventually } from '../support/browser.mjs';
import { Link } from '../support/link.mjs';
import { MeridianNode, REGIONS } from '../support/node.mjs';
import { token } from '../support/token.mjs';

const wide = 3_000_000;
const narrow = 300_000;
const longest_freeze = 2000;  // ms
/** Of a camera of 640x360. Chromium's encoder may make the large size 480 wide by itself. */
const large = { from: 400, to: 640 };
const frankfurt = REGIONS.find((r) => r.id === 'eu-frankfurt');
// livekit-client 2.23 encrypts no AV1 (docs/assumptions/livekit-client.md).
const cases = (process.env.LINK_CASES ?? 'vp8,h264,vp9,av1').split(',')
  .flatMap((codec) => [{ codec, key: undefined }, { codec, key: 'the key' }]).filter(({ codec, key }) => codec !== 'av1' || !key);

let node;
let browser;
let link;
before(async () => {
  link = await Link.start({ address: frankfurt.address, seed: 7, way: { rate: wide, delay: 25, loss: 0.005 } });
  node = await MeridianNode.start({ advertised: { [frankfurt.id]: link.port } });
  link.to(node.mediaAddress(frankfurt.id));
  browser = await Browser.start();
});
after(async () => { await browser?.stop(); await node?.dispose(); await link?.stop(); });

async function enter(room, identity, region, key) {
  const page = await browser.tab();
  await page.evaluate((p) => window.join(p), { url: node.url(region), token: token({ room, identity }), e2eeKey: key, keySize: 256 });
  return page;
}
const sees = (page, { from, to }) => eventually(page, async (wanted) => {
  const video = (await window.received()).find((s) => s.kind === 'video');
  return video?.width >= wanted.from && video.width <= wanted.to && video.frames > 0;
}, { from, to }, { what: `a picture ${from} to ${to} wide`, seconds: 25 });
const video_bytes = async (page) => (await page.evaluate(() => window.received())).find((s) => s.kind === 'video').bytes;
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** What the node says about everybody's way in the last ten seconds. */
async function explanation(room) {
  const rights = token({ room, identity: 'watcher', grants: { roomAdmin: true } });
  const answer = await fetch(`${node.http_url()}/debug/rooms/${room}`, { headers: { Authorization: `Bearer ${rights}` } });
  return answer.text();
}

for (const { codec, key } of cases) {
  test(`${codec}${key ? ', end-to-end encrypted' : ''}: down to ${narrow / 1000} kbit/s and back without a freeze over 2 s`, async (t) => {
    const room = `${codec}-${key ? 'secret' : 'plain'}`;
    link.change({ rate: wide });
    const ann = await enter(room, 'ann', 'uk-london', key);
    await ann.evaluate((c) => window.publishCanvas({ changes: 12, codec: c }), codec);
    const ben = await enter(room, 'ben', frankfurt.id, key);
    const explained = async (error) => {
      t.diagnostic(JSON.stringify(await ann.evaluate(() => window.sent())));
      t.diagnostic(await explanation(room));
      throw error;
    };
    await sees(ben, large).catch(explained);
    const before = await video_bytes(ben);
    await pause(3000);  // the estimate settles
    const taken = Math.round((await video_bytes(ben) - before) * 8 / 3000);
    await ben.evaluate(() => window.watchVideo());
    await link.counts();

    link.change({ rate: narrow });
    await pause(12_000);
    const down = await ben.evaluate(() => window.takeVideo());
    const narrowed = await link.counts();
    const why = await explanation(room);
    const began = Date.now();
    link.change({ rate: wide });
    await sees(ben, large).catch(explained);
    const back = (Date.now() - began) / 1000;
    await pause(3000);
    const up = await ben.evaluate(() => window.takeVideo());
    const sent = await ann.evaluate(() => window.sent());
    const stats = (await ben.evaluate(() => window.received())).find((s) => s.kind === 'video');
    const why_up = await explanation(room);
    await Promise.all([ann.close(), ben.close()]);
    if (sent.some((one) => one.limited === 'cpu')) { t.skip('void: the publisher says that its processor limits it'); return; }
    t.diagnostic(`| ${codec} | ${key ? 'yes' : 'no'} | ${taken} | ${down.widths.join(' → ')} | ${down.longest} | ${up.longest} | ${back.toFixed(1)} | ${stats.freezes} | ${stats.frozen.toFixed(1)} | ${Math.round(narrowed.longest_queue)} |`);
    assert.ok(down.longest < longest_freeze, `no new frame for ${down.longest} ms on the way down\n${why}`);
    assert.ok(up.longest < longest_freeze, `no new frame for ${up.longest} ms on the way up\n${why_up}`);
    assert.ok(taken < narrow / 1000 || down.widths.some((width) => width < large.from), `narrow, and never smaller\n${why}`);
  });
}
