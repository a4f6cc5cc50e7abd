// A WHIP publisher from GStreamer, seen by livekit-client in Chromium and by a WHEP player.
import assert from 'node:assert/strict';
import { networkInterfaces } from 'node:os';
import { after, before, test } from 'node:test';
import { covers } from '../support/behaviours.mjs';
import { Browser, eventually } from '../support/browser.mjs';
import { MeridianNode } from '../support/node.mjs';
import { Robot } from '../support/robot.mjs';
import { token } from '../support/token.mjs';

let node;
let browser;
// libnice leaves loopback networks out.
const own = Object.values(networkInterfaces()).flat().find((one) => one.family === 'IPv4' && !one.internal)?.address;
before(async () => { node = await MeridianNode.start({ london: own }); browser = await Browser.start(); });
after(async () => { await browser?.stop(); await node?.dispose(); });

test('webrtcbin publishes by WHIP', covers({ gstreamer: ['whip', 'trickle', 'delete'] }, async () => {
  const viewer = await browser.tab();
  await viewer.evaluate((p) => window.join(p), { url: node.url(), token: token({ room: 'gst', identity: 'vera' }) });
  const encoder = Robot.gstreamer({ url: `${node.http_url()}/whip/v1`, token: token({ room: 'gst', identity: 'encoder' }) });
  try {
    const made = await encoder.event((e) => e.post);
    assert.equal(made.post, 201, made.body);
    await encoder.event((e) => e.state === 'connected');
    const trickled = await encoder.event((e) => e.trickle);
    assert.equal(trickled.trickle, 204);
    await eventually(viewer, async () => {
      const all = (await window.received()).filter((s) => s.from === 'encoder');
      return all.some((s) => s.kind === 'video' && s.frames > 30) && all.some((s) => s.kind === 'audio' && s.energy > 0);
    }, undefined, { what: 'livekit-client decodes what GStreamer publishes', seconds: 40 });
    const player = await browser.tab({ client: 'streams' });
    const answer = await player.evaluate((p) => window.whep(p), { url: `${node.http_url()}/whep/v1`, token: token({ room: 'gst', identity: 'player' }) });
    assert.equal(answer.status, 201, answer.body);
    await eventually(player, async () => {
      const { video, audio } = await window.inbound();
      return video?.frames > 30 && audio?.energy > 0;
    }, undefined, { what: 'a WHEP player decodes it, too', seconds: 40 });
    encoder.tell('leave');
    assert.equal((await encoder.event((e) => e.delete)).delete, 200);
    await eventually(viewer, () => ![...window.room.remoteParticipants.values()].some((p) => p.identity === 'encoder'));
  } finally {
    await encoder.leave();
  }
}));
