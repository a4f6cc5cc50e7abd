// Unmodified livekit-client in Chromium meets through a node: the everyday of a meeting.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Browser, eventually } from '../support/browser.mjs';
import { MeridianNode } from '../support/node.mjs';
import { token } from '../support/token.mjs';

let node;
let browser;
before(async () => { node = await MeridianNode.start(); browser = await Browser.start(); });
after(async () => { await browser?.stop(); await node?.dispose(); });

const camera = { resolution: { width: 640, height: 360, frameRate: 15 } };
async function enter(room, identity, { publish = true, canvas = false, account = 'dev', region = 'uk-london', options = {} } = {}) {
  const page = await browser.tab();
  await page.evaluate((p) => window.join(p), { url: node.url(region), token: token({ room, identity, account }), options });
  if (canvas) await page.evaluate(async () => { await window.room.localParticipant.setMicrophoneEnabled(true); await window.publishCanvas(); });
  else if (publish) await page.evaluate(async (c) => { await window.room.localParticipant.setMicrophoneEnabled(true); await window.room.localParticipant.setCameraEnabled(true, c, { videoCodec: 'vp8', simulcast: true }); }, camera);
  return page;
}
const decodes = (page, from) => eventually(page, async (who) => {
  const all = await window.received();
  const video = all.find((s) => s.from === who && s.kind === 'video');
  const audio = all.find((s) => s.from === who && s.kind === 'audio');
  return video?.frames > 10 && audio?.energy > 0;
}, from, { what: `video decoded and audio heard from ${from}` });

describe('two and three people', () => {
  let a; let b; let c;
  test('video is decoded for 10 s and audio is heard, both ways, with simulcast published', async () => {
    a = await enter('team', 'ann');
    b = await enter('team', 'ben');
    await decodes(a, 'ben');
    await decodes(b, 'ann');
    const before10 = await b.evaluate(() => window.received());
    await new Promise((resolve) => setTimeout(resolve, 10_000));
    const after10 = await b.evaluate(() => window.received());
    const frames = (all) => all.find((s) => s.from === 'ann' && s.kind === 'video').frames;
    assert.ok(frames(after10) - frames(before10) > 60, `frames in 10 s: ${frames(after10) - frames(before10)}`);
    const layers = (await a.evaluate(() => window.sent())).filter((s) => s.kind === 'video');
    assert.ok(layers.length >= 2, `simulcast layers: ${JSON.stringify(layers)}`);
    const pair = await a.evaluate(() => window.pair());
    assert.equal(pair.srtp, 'SRTP_AEAD_AES_256_GCM');
    assert.equal(pair.remote, `127.10.0.1:${node.mediaAddress('uk-london').port}`);
  });
  test('a third person sees and hears both, and they the third', async () => {
    c = await enter('team', 'cat');
    for (const [page, from] of [[c, 'ann'], [c, 'ben'], [a, 'cat'], [b, 'cat']]) await decodes(page, from);
  });
  test('chat goes both ways, as text streams and as data packets', async () => {
    await a.evaluate(() => window.room.localParticipant.sendText('good morning', { topic: 'chat' }));
    await b.evaluate(() => window.room.localParticipant.publishData(new TextEncoder().encode('and to you'), { reliable: true }));
    await eventually(b, () => window.chat.some((m) => m.from === 'ann' && m.text === 'good morning'));
    await eventually(a, () => window.chat.some((m) => m.from === 'ben' && m.text === 'and to you'));
    await eventually(c, () => window.chat.length === 2);
  });
  test('RPC reaches one person and answers', async () => {
    await b.evaluate(() => window.room.localParticipant.registerRpcMethod('echo', async (call) => `heard ${call.payload}`));
    assert.equal(await a.evaluate(() => window.room.localParticipant.performRpc({ destinationIdentity: 'ben', method: 'echo', payload: 'hello' })), 'heard hello');
  });
  test('mute and unmute are seen by the others', async () => {
    await a.evaluate(() => window.room.localParticipant.setMicrophoneEnabled(false));
    await eventually(b, () => [...window.room.remoteParticipants.values()].find((p) => p.identity === 'ann').isMicrophoneEnabled === false);
    await a.evaluate(() => window.room.localParticipant.setMicrophoneEnabled(true));
    await eventually(b, () => [...window.room.remoteParticipants.values()].find((p) => p.identity === 'ann').isMicrophoneEnabled === true);
  });
  test('unpublishing takes the track away, publishing again brings it back', async () => {
    await a.evaluate(() => { const [p] = window.room.localParticipant.videoTrackPublications.values(); return window.room.localParticipant.unpublishTrack(p.track); });
    await eventually(b, () => [...window.room.remoteParticipants.values()].find((p) => p.identity === 'ann').videoTrackPublications.size === 0);
    await a.evaluate((options) => window.room.localParticipant.setCameraEnabled(true, options), camera);
    await decodes(b, 'ann');
  });
  test('metadata, name and attributes change for everybody', async () => {
    const d = await browser.tab();
    await d.evaluate((p) => window.join(p), { url: node.url(), token: token({ room: 'team', identity: 'dee', grants: { canUpdateOwnMetadata: true } }) });
    await d.evaluate(async () => { await window.room.localParticipant.setName('Dee'); await window.room.localParticipant.setAttributes({ hand: 'up' }); });
    await eventually(a, () => [...window.room.remoteParticipants.values()].some((p) => p.name === 'Dee' && p.attributes.hand === 'up'));
    await d.close();
  });
  test('leaving is seen at once', async () => {
    await c.evaluate(() => window.room.disconnect());
    await eventually(a, () => ![...window.room.remoteParticipants.values()].some((p) => p.identity === 'cat'), undefined, { seconds: 5 });
    await c.close();
  });
  test('a second session of one identity replaces the first', async () => {
    const again = await enter('team', 'ben');
    await eventually(b, () => window.countEvents('disconnected') === 1);
    await decodes(again, 'ann');
    await b.close();
    b = again;
  });
});

describe('who speaks', () => {
  const speaks = (page, who) => eventually(page, (name) => window.room.activeSpeakers.some((p) => p.identity === name && p.isSpeaking), who, { what: `${who} speaks` });
  test('who joins while somebody already speaks steadily is told so', async () => {
    const a = await enter('steady', 'ann', { publish: false });
    await a.evaluate(() => window.publishTone({ isSteady: true }));
    await speaks(a, 'ann');
    await new Promise((resolve) => setTimeout(resolve, 2000));  // from here on nothing changes
    const b = await enter('steady', 'ben', { publish: false });
    await speaks(b, 'ann');
    await Promise.all([a.close(), b.close()]);
  });
});

describe('connections that break', () => {
  test('a lost socket is resumed without a new join', async () => {
    const a = await enter('breaks', 'ann');
    const b = await enter('breaks', 'ben');
    await decodes(b, 'ann');
    const sid = await a.evaluate(() => window.room.localParticipant.sid);
    await a.evaluate(() => window.engineOf().client.ws.close ? window.engineOf().client.ws.close() : window.engineOf().client.ws.connection);
    await eventually(a, () => window.countEvents('signalReconnecting') + window.countEvents('reconnecting') > 0, undefined, { what: 'the loss is noticed' });
    await eventually(a, () => window.room.state === 'connected' && window.countEvents('reconnected') + window.countEvents('signalConnected') > 1);
    assert.equal(await a.evaluate(() => window.room.localParticipant.sid), sid);
    assert.equal(await b.evaluate(() => window.countEvents('participantDisconnected')), 0);
    await decodes(b, 'ann');
    await Promise.all([a.close(), b.close()]);
  });
  test('an ICE restart keeps the meeting', async () => {
    const a = await enter('restart', 'ann');
    const b = await enter('restart', 'ben');
    await decodes(b, 'ann');
    const frames = (await b.evaluate(() => window.received())).find((s) => s.kind === 'video').frames;
    await a.evaluate(() => window.room.simulateScenario('resume-reconnect'));
    await eventually(a, () => window.countEvents('reconnected') > 0, undefined, { seconds: 30 });
    await eventually(b, async (f) => (await window.received()).find((s) => s.kind === 'video')?.frames > f + 30, frames, { seconds: 30 });
    await Promise.all([a.close(), b.close()]);
  });
  test('a full reconnect announces the tracks that are there, which its first answer carries', async () => {
    const a = await enter('afresh', 'ann');
    for (const publish of [false, true]) {
      const b = await enter('afresh', 'ben', { publish });
      await decodes(b, 'ann');
      const announced = await b.evaluate(() => window.countEvents('trackSubscribed'));
      await b.evaluate(() => window.room.simulateScenario('full-reconnect'));
      await eventually(b, () => window.countEvents('reconnected') > 0, undefined, { seconds: 30 });
      await eventually(b, (n) => window.countEvents('trackSubscribed') === n + 2, announced, { what: 'both tracks are announced anew' });
      await decodes(b, 'ann');
      await b.close();
    }
    await a.close();
  });
  test('a restarted node is joined anew by itself', async () => {
    const a = await enter('anew', 'ann', { canvas: true });
    const b = await enter('anew', 'ben', { canvas: true });
    await decodes(b, 'ann');
    const { code } = await node.stop('SIGTERM');
    assert.equal(code, 0, node.output);
    await node.launch();
    await eventually(a, () => window.room.state === 'connected' && window.countEvents('reconnected') > 0, undefined, { seconds: 60 });
    await eventually(b, () => window.room.state === 'connected' && window.countEvents('reconnected') > 0, undefined, { seconds: 60 });
    await decodes(b, 'ann');
    await Promise.all([a.close(), b.close()]);
  });
});
