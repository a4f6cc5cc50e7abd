// aiortc and pion publish by WHIP and play by WHEP, each beside livekit-client in Chromium.
import assert from 'node:assert/strict';
import { networkInterfaces } from 'node:os';
import { after, before, describe, test } from 'node:test';
import { covers } from '../support/behaviours.mjs';
import { Browser, eventually } from '../support/browser.mjs';
import { MeridianNode } from '../support/node.mjs';
import { buildGoStreams, Robot } from '../support/robot.mjs';
import { token } from '../support/token.mjs';

let node;
let browser;
// aiortc leaves loopback networks out.
const own = Object.values(networkInterfaces()).flat().find((one) => one.family === 'IPv4' && !one.internal)?.address;
before(async () => { buildGoStreams(); node = await MeridianNode.start({ london: own }); browser = await Browser.start(); });
after(async () => { await browser?.stop(); await node?.dispose(); });

async function viewer(room) {
  const page = await browser.tab();
  await page.evaluate((p) => window.join(p), { url: node.url(), token: token({ room, identity: 'vera' }) });
  return page;
}
const start = (client, kind, room) => Robot[client]({ kind, url: `${node.http_url()}/${kind}/v1`, token: token({ room, identity: kind }) });
const counted = (e) => e.frames ?? e.packets ?? 0;

for (const client of ['aiortc', 'pion']) {
  describe(client, () => {
    let page; let encoder;
    before(async () => { page = await viewer(client); });
    after(async () => { await encoder?.leave(); await page?.close(); });
    test('publishes by WHIP', covers({ [client]: ['whip'] }, async () => {
      encoder = start(client, 'whip', client);
      assert.equal((await encoder.event((e) => e.post)).post, 201);
      await encoder.event((e) => e.state === 'connected');
      await eventually(page, async () => {
        const all = (await window.received()).filter((s) => s.from === 'whip');
        return all.some((s) => s.kind === 'video' && s.frames > 20) && all.some((s) => s.kind === 'audio' && s.energy > 0);
      }, undefined, { what: 'livekit-client decodes it', seconds: 40 });
    }));
    if (client === 'pion') {
      test('trickles', covers({ pion: ['trickle'] }, async () => { assert.equal((await encoder.event((e) => e.trickle)).trickle, 204); }));
      test('restarts ICE', covers({ pion: ['restart'] }, async () => {
        const from = encoder.events.length;
        encoder.tell('restart');
        assert.equal((await encoder.event((e) => e.restart, { from })).restart, 200);
        await encoder.event((e) => e.ice === 'connected', { from });
        const frames = await page.evaluate(async () => (await window.received()).find((s) => s.kind === 'video').frames);
        await eventually(page, async (n) => (await window.received()).find((s) => s.kind === 'video').frames > n + 30, frames, { what: 'pictures go on' });
      }));
    }
    test('plays by WHEP', covers({ [client]: ['whep'] }, async () => {
      const ann = await viewer(`${client} plays`);
      await ann.evaluate(() => window.publish());
      const player = start(client, 'whep', `${client} plays`);
      assert.equal((await player.event((e) => e.post)).post, 201);
      for (const kind of ['audio', 'video']) await player.event((e) => e.received === kind && counted(e) >= 20, { seconds: 40 });
      await player.leave();
      await ann.close();
    }));
    test('ends by DELETE', covers({ [client]: ['delete'] }, async () => {
      encoder.tell('leave');
      assert.equal((await encoder.event((e) => e.delete)).delete, 200);
      await eventually(page, () => window.room.remoteParticipants.size === 0, undefined, { seconds: 5 });
    }));
  });
}
