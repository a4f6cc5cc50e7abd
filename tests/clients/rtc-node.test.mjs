// @livekit/rtc-node (the Rust SDK on libwebrtc) publishes to Chromium and subscribes from it.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { AudioFrame, AudioSource, dispose, LocalAudioTrack, LocalVideoTrack, Room, RoomEvent, TrackKind, TrackPublishOptions, TrackSource, VideoBufferType, VideoFrame, VideoSource, VideoStream } from '@livekit/rtc-node';
import { Browser, eventually } from '../support/browser.mjs';
import { MeridianNode } from '../support/node.mjs';
import { token } from '../support/token.mjs';

let node;
let browser;
before(async () => { node = await MeridianNode.start(); browser = await Browser.start(); });
after(async () => { await browser?.stop(); await node?.dispose(); await dispose(); });

test('media and data both ways', async () => {
  const room = new Room();
  const heard = [];
  const frames = [];
  room.on(RoomEvent.DataReceived, (payload, who) => heard.push({ from: who?.identity, text: new TextDecoder().decode(payload) }));
  room.on(RoomEvent.TrackSubscribed, (track, publication, who) => {
    if (track.kind !== TrackKind.KIND_VIDEO) return;
    (async () => { for await (const { frame } of new VideoStream(track)) frames.push({ from: who.identity, width: frame.width }); })().catch(() => {});
  });
  await room.connect(node.url(), token({ room: 'mixed', identity: 'robot' }), { autoSubscribe: true, dynacast: false });

  const source = new VideoSource(640, 360);
  const picture = LocalVideoTrack.createVideoTrack('picture', source);
  const options = new TrackPublishOptions();
  options.source = TrackSource.SOURCE_CAMERA;
  await room.localParticipant.publishTrack(picture, options);
  const sound = new AudioSource(48000, 1);
  const voice = LocalAudioTrack.createAudioTrack('voice', sound);
  const voiceOptions = new TrackPublishOptions();
  voiceOptions.source = TrackSource.SOURCE_MICROPHONE;
  await room.localParticipant.publishTrack(voice, voiceOptions);

  const stop = { now: false };
  const pumping = (async () => {
    for (let n = 0; !stop.now; n += 1) {
      const pixels = new Uint8Array(640 * 360 * 4).fill((n * 7) % 255);
      source.captureFrame(new VideoFrame(pixels, 640, 360, VideoBufferType.RGBA));
      const samples = new Int16Array(48000 / 15);
      for (let i = 0; i < samples.length; i += 1) samples[i] = 8000 * Math.sin((2 * Math.PI * 440 * (n * samples.length + i)) / 48000);
      await sound.captureFrame(new AudioFrame(samples, 48000, 1, samples.length));
      await new Promise((resolve) => setTimeout(resolve, 40));
    }
  })();

  const page = await browser.tab();
  await page.evaluate((p) => window.join(p), { url: node.url(), token: token({ room: 'mixed', identity: 'ann' }) });
  await page.evaluate(async () => { await window.room.localParticipant.setCameraEnabled(true, { resolution: { width: 640, height: 360, frameRate: 15 } }, { videoCodec: 'vp8' }); });
  await eventually(page, async () => {
    const all = await window.received();
    return all.some((s) => s.kind === 'video' && s.frames > 20) && all.some((s) => s.kind === 'audio' && s.energy > 0);
  }, undefined, { what: 'Chromium decodes what rtc-node publishes', seconds: 40 });

  await page.evaluate(() => window.room.localParticipant.publishData(new TextEncoder().encode('hello robot'), { reliable: true }));
  await room.localParticipant.publishData(new TextEncoder().encode('hello ann'), { reliable: true });
  await eventually(page, () => window.chat.some((m) => m.from === 'robot' && m.text === 'hello ann'));
  for (let tries = 0; tries < 200 && !(frames.length > 20 && heard.length > 0); tries += 1) await new Promise((resolve) => setTimeout(resolve, 100));
  assert.deepEqual(heard, [{ from: 'ann', text: 'hello robot' }]);
  assert.ok(frames.length > 20, `frames that rtc-node decoded: ${frames.length}`);
  stop.now = true;
  await pumping;
  await room.disconnect();
});
