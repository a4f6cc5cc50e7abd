// livekit-client in Chromium publishes with the codec that the application chose, and others decode it.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { covers } from '../support/behaviours.mjs';
import { Browser, eventually } from '../support/browser.mjs';
import { MeridianNode } from '../support/node.mjs';
import { token } from '../support/token.mjs';

let node;
let browser;
before(async () => { node = await MeridianNode.start(); browser = await Browser.start(); });
after(async () => { await browser?.stop(); await node?.dispose(); });

async function enter(identity, options) {
  const page = await browser.tab();
  await page.evaluate((p) => window.join(p), { url: node.url(), token: token({ room: 'codecs', identity }), options });
  return page;
}
const publish = (page, codec) => page.evaluate((c) => window.publishCanvas({ codec: c }), codec);
const unpublish = (page) => page.evaluate(() => { const [p] = window.room.localParticipant.videoTrackPublications.values(); return window.room.localParticipant.unpublishTrack(p.track); });

const codecs = ['vp8', 'vp9', 'h264', 'av1'];
for (const [mode, column, options] of [['one connection', 'v1', {}], ['two connections', 'v0', { singlePeerConnection: false }]]) {
  test(`VP8, VP9, H264 and AV1 over ${mode}`, covers({ [column]: codecs }, async () => {
    const viewer = await enter('ben', options);
    const page = await enter('ann', options);
    for (const codec of codecs) {
      await publish(page, codec);
      await eventually(viewer, async () => (await window.received()).some((s) => s.kind === 'video' && s.frames > 10), undefined, { what: `${codec} is decoded`, seconds: 30 });
      const sent = await page.evaluate(async () => {
        const [publication] = window.room.localParticipant.videoTrackPublications.values();
        const stats = await publication.track.getRTCStatsReport();
        return [...stats.values()].filter((s) => s.type === 'outbound-rtp').map((s) => stats.get(s.codecId).mimeType.toLowerCase());
      });
      assert.deepEqual([...new Set(sent)], [`video/${codec}`]);
      assert.equal(await viewer.evaluate(() => [...window.room.remoteParticipants.get('ann').videoTrackPublications.values()][0].mimeType), `video/${codec}`);
      await unpublish(page);
      await eventually(viewer, () => window.room.remoteParticipants.get('ann').videoTrackPublications.size === 0);
    }
    await Promise.all([page.close(), viewer.close()]);
  }));
}
