// Dual-connection mode (/rtc): the current livekit-client when told so, and one that knows no other.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Browser, eventually } from '../support/browser.mjs';
import { MeridianNode } from '../support/node.mjs';
import { token } from '../support/token.mjs';

let node;
let browser;
before(async () => { node = await MeridianNode.start({ workers: 2 }); browser = await Browser.start(); });
after(async () => { await browser?.stop(); await node?.dispose(); });

const camera = { resolution: { width: 640, height: 360, frameRate: 15 } };
const person = (page, who) => page.evaluate((w) => [...window.room.remoteParticipants.values()].find((p) => p.identity === w)?.sid, who);
async function enter(room, identity, { client = '', options = {}, publish = true, canvas = false, grants = {}, region = 'uk-london' } = {}) {
  const page = await browser.tab({ client });
  await page.evaluate((p) => window.join(p), { url: node.url(region), token: token({ room, identity, grants }), options });
  if (canvas) await page.evaluate(async () => { await window.room.localParticipant.setMicrophoneEnabled(true); await window.publishCanvas(); });
  else if (publish) await page.evaluate(async (c) => { await window.room.localParticipant.setMicrophoneEnabled(true); await window.room.localParticipant.setCameraEnabled(true, c, { videoCodec: 'vp8', simulcast: true }); }, camera);
  return page;
}
const decodes = (page, from, seconds = 30) => eventually(page, async (who) => {
  const all = await window.received();
  return all.find((s) => s.from === who && s.kind === 'video')?.frames > 10 && all.find((s) => s.from === who && s.kind === 'audio')?.energy > 0;
}, from, { what: `video decoded and audio heard from ${from}`, seconds });
const frames = (page, from) => page.evaluate(async (who) => (await window.received()).find((s) => s.from === who && s.kind === 'video')?.frames ?? 0, from);
const moreFrames = (page, from, than) => eventually(page, async ([who, n]) => (await window.received()).find((s) => s.from === who && s.kind === 'video')?.frames > n, [from, than], { what: `frames from ${from} go on`, seconds: 30 });

const kinds = [
  { name: 'livekit-client 2.23 with singlePeerConnection: false', client: '', options: { singlePeerConnection: false } },
  { name: 'livekit-client 2.6', client: '2.6', options: {} },
];
for (const [index, { name, client, options }] of kinds.entries()) {
  describe(name, () => {
    const room = `two-${index}`;
    let a; let b; let c;
    test('video and audio go both ways, over one connection for each direction', async () => {
      a = await enter(room, 'ann', { client, options });
      assert.ok(a.sockets.at(-1) === '/rtc', `sockets: ${a.sockets}`);
      b = await enter(room, 'ben', { client, options });
      await decodes(a, 'ben');
      await decodes(b, 'ann');
      const transports = await a.evaluate(async () => {
        const { publisher, subscriber } = window.room.engine.pcManager;
        return [publisher, subscriber].map((t) => { const pc = t._pc ?? t.pc; return { state: pc.connectionState, sends: pc.getSenders().length, receives: pc.getTransceivers().filter((x) => x.currentDirection === 'recvonly').length }; });
      });
      assert.deepEqual(transports.map((t) => t.state), ['connected', 'connected']);
      assert.equal(transports[1].receives, 2);
      const layers = (await a.evaluate(() => window.sent())).filter((s) => s.kind === 'video');
      assert.ok(layers.length >= 2, `simulcast layers: ${JSON.stringify(layers)}`);
    });
    test('somebody with one connection and in another region joins them', async () => {
      c = await enter(room, 'cat', { region: 'eu-frankfurt' });
      for (const [page, from] of [[c, 'ann'], [c, 'ben'], [a, 'cat'], [b, 'cat']]) await decodes(page, from);
    });
    test('text and data go to everybody, whatever their mode', async () => {
      const streams = await a.evaluate(() => typeof window.room.localParticipant.sendText === 'function' && window.room.registerTextStreamHandler !== undefined);
      await a.evaluate(() => window.room.localParticipant.publishData(new TextEncoder().encode('from two'), { reliable: true }));
      await c.evaluate(() => window.room.localParticipant.publishData(new TextEncoder().encode('from one'), { reliable: true }));
      await eventually(b, () => window.chat.some((m) => m.from === 'ann' && m.text === 'from two') && window.chat.some((m) => m.from === 'cat' && m.text === 'from one'));
      await eventually(c, () => window.chat.some((m) => m.from === 'ann' && m.text === 'from two'));
      await eventually(a, () => window.chat.some((m) => m.from === 'cat' && m.text === 'from one'));
      if (streams) {
        await a.evaluate(() => window.room.localParticipant.sendText('a stream', { topic: 'chat' }));
        await eventually(c, () => window.chat.some((m) => m.from === 'ann' && m.text === 'a stream'));
      }
    });
    test('mute, unpublish and publish again', async () => {
      await a.evaluate(() => window.room.localParticipant.setMicrophoneEnabled(false));
      await eventually(b, () => [...window.room.remoteParticipants.values()].find((p) => p.identity === 'ann').isMicrophoneEnabled === false);
      await a.evaluate(() => window.room.localParticipant.setMicrophoneEnabled(true));
      await eventually(b, () => [...window.room.remoteParticipants.values()].find((p) => p.identity === 'ann').isMicrophoneEnabled === true);
      const sections = () => b.evaluate(() => { const s = window.room.engine.pcManager.subscriber; return (s._pc ?? s.pc).getTransceivers().length; });
      const before = await sections();
      for (let n = 0; n < 3; n += 1) {
        await a.evaluate(() => { const [p] = window.room.localParticipant.videoTrackPublications.values(); return window.room.localParticipant.unpublishTrack(p.track); });
        await eventually(b, () => [...window.room.remoteParticipants.values()].find((p) => p.identity === 'ann').videoTrackPublications.size === 0);
        await new Promise((resolve) => setTimeout(resolve, 500));
        await a.evaluate(() => window.publishCanvas());
        await decodes(b, 'ann');
      }
      assert.equal(await sections(), before, 'media sections are used again');
    });
    test('subscriptions are taken back and taken up again', async () => {
      await b.evaluate(() => { for (const p of window.room.remoteParticipants.values()) if (p.identity === 'ann') for (const t of p.videoTrackPublications.values()) t.setSubscribed(false); });
      await eventually(b, async () => !(await window.received()).some((s) => s.from === 'ann' && s.kind === 'video'));
      await b.evaluate(() => { for (const p of window.room.remoteParticipants.values()) if (p.identity === 'ann') for (const t of p.videoTrackPublications.values()) t.setSubscribed(true); });
      await decodes(b, 'ann');
    });
    test('who may hear whom is for the publisher to say', async () => {
      await a.evaluate(() => window.room.localParticipant.setTrackSubscriptionPermissions(false, [{ participantIdentity: 'cat', allowAll: true }]));
      await eventually(b, async () => !(await window.received()).some((s) => s.from === 'ann'));
      assert.ok(await frames(c, 'ann') > 0);
      await a.evaluate(() => window.room.localParticipant.setTrackSubscriptionPermissions(true));
      await decodes(b, 'ann');
    });
    test('a lost socket is resumed, with an ICE restart of both connections', async () => {
      const sid = await a.evaluate(() => window.room.localParticipant.sid);
      const ufrags = () => a.evaluate(() => { const { publisher, subscriber } = window.room.engine.pcManager; return [publisher, subscriber].map((t) => /a=ice-ufrag:(\S+)/.exec((t._pc ?? t.pc).currentRemoteDescription.sdp)[1]); });
      const before = await ufrags();
      await a.evaluate(() => window.room.simulateScenario('signal-reconnect'));
      await eventually(a, () => window.room.state === 'connected' && window.countEvents('reconnected') + window.countEvents('signalConnected') > 1, undefined, { seconds: 30 });
      await eventually(a, (old) => { const { publisher, subscriber } = window.room.engine.pcManager; return [publisher, subscriber].every((t, i) => !(t._pc ?? t.pc).currentRemoteDescription.sdp.includes(`a=ice-ufrag:${old[i]}`) && (t._pc ?? t.pc).connectionState === 'connected'); }, before, { what: 'new credentials on both' });
      assert.equal(await a.evaluate(() => window.room.localParticipant.sid), sid);
      assert.equal(await b.evaluate(() => window.countEvents('participantDisconnected')), 0);
      await moreFrames(b, 'ann', await frames(b, 'ann') + 20);
      await moreFrames(a, 'ben', await frames(a, 'ben') + 20);
    });
    test('after a full reconnect they see each other again', async () => {
      const sid = await person(b, 'ann');
      await a.evaluate(() => window.room.simulateScenario('full-reconnect'));
      await eventually(b, (old) => { const p = [...window.room.remoteParticipants.values()].find((x) => x.identity === 'ann'); return p && p.sid !== old; }, sid, { seconds: 40, what: 'ann is somebody new' });
      await decodes(a, 'ben');
      await decodes(b, 'ann');
    });
    test('leaving is seen at once', async () => {
      await a.evaluate(() => window.room.disconnect());
      await eventually(b, () => ![...window.room.remoteParticipants.values()].some((p) => p.identity === 'ann'), undefined, { seconds: 5 });
      await Promise.all([a.close(), b.close(), c.close()]);
    });
  });
}

test('data tracks pass between both modes', async () => {
  const a = await enter('frames', 'ann', { options: { singlePeerConnection: false }, publish: false });
  const b = await enter('frames', 'ben', { publish: false });
  for (const page of [a, b]) {
    await page.evaluate(() => {
      window.frames = [];
      window.room.on('dataTrackPublished', async (track) => {
        const reader = track.subscribe().getReader();
        for (let next = await reader.read(); !next.done; next = await reader.read()) window.frames.push(new TextDecoder().decode(next.value.payload));
      });
    });
  }
  for (const [from, to, name] of [[a, b, 'upwards'], [b, a, 'downwards']]) {
    await from.evaluate(async (n) => {
      window.track = await window.room.localParticipant.publishDataTrack({ name: n });
      let i = 0;
      window.pushing = setInterval(() => { i += 1; try { window.track.tryPush({ payload: new TextEncoder().encode(`${n} ${i} ${'.'.repeat(40_000)}`) }); } catch { /* its buffer is full */ } }, 50);
    }, name);
    await eventually(to, (n) => window.frames.length > 10 && window.frames.every((f) => f.startsWith(n) && f.length > 40_000), name, { what: `frames of ${name} arrive whole` });
    await from.evaluate(() => { clearInterval(window.pushing); return window.track.unpublish(); });
    await eventually(to, () => window.countEvents('dataTrackUnpublished') === 1);
  }
  await Promise.all([a.close(), b.close()]);
});

test('those who may not subscribe publish all the same, and those who may not publish watch', async () => {
  const options = { singlePeerConnection: false };
  const speaker = await enter('halves', 'speaker', { options, grants: { canSubscribe: false } });
  const viewer = await enter('halves', 'viewer', { options, grants: { canPublish: false }, publish: false });
  await decodes(viewer, 'speaker');
  assert.deepEqual(await speaker.evaluate(() => window.received()), []);
  await Promise.all([speaker.close(), viewer.close()]);
});

test('a restarted node is joined anew by itself', async () => {
  const options = { singlePeerConnection: false };
  const a = await enter('anew', 'ann', { options, canvas: true });
  const b = await enter('anew', 'ben', { options, canvas: true });
  await decodes(b, 'ann');
  const { code } = await node.stop('SIGTERM');
  assert.equal(code, 0, node.output);
  await node.launch();
  for (const page of [a, b]) await eventually(page, () => window.room.state === 'connected' && window.countEvents('reconnected') > 0, undefined, { seconds: 60 });
  await decodes(b, 'ann', 60);
  await Promise.all([a.close(), b.close()]);
});
