// A stereo track stays stereo on its way, for people who were there and for those who come later.
import { after, before, test } from 'node:test';
import { covers } from '../support/behaviours.mjs';
import { Browser, eventually } from '../support/browser.mjs';
import { MeridianNode } from '../support/node.mjs';
import { token } from '../support/token.mjs';

let node;
let browser;
before(async () => { node = await MeridianNode.start(); browser = await Browser.start(); });
after(async () => { await browser?.stop(); await node?.dispose(); });

async function enter(room, identity, options) {
  const page = await browser.tab();
  await page.evaluate((p) => window.join(p), { url: node.url(), token: token({ room, identity }), options });
  return page;
}
/** A tone in the left channel, silence in the right. */
const publishLeft = (page) => page.evaluate(async () => {
  const context = new AudioContext();
  const tone = new OscillatorNode(context, { frequency: 440 });
  const sides = new ChannelMergerNode(context, { numberOfInputs: 2 });
  const out = new MediaStreamAudioDestinationNode(context, { channelCount: 2 });
  tone.connect(sides, 0, 0).connect(out);
  tone.start();
  await window.room.localParticipant.publishTrack(out.stream.getAudioTracks()[0], { name: 'music', source: 'microphone', forceStereo: true });
});
/** Whether the tone is heard, and from the left alone. */
const isLeftOnly = (page, who) => eventually(page, async () => {
  const track = [...window.room.remoteParticipants.values()].flatMap((p) => [...p.trackPublications.values()]).find((p) => p.track)?.track;
  if (!track) return false;
  if (!window.sides || window.sides.of !== track) {
    const context = new AudioContext();
    const split = new ChannelSplitterNode(context, { numberOfOutputs: 2 });
    context.createMediaStreamSource(new MediaStream([track.mediaStreamTrack])).connect(split);
    const meters = [0, 1].map((side) => { const meter = new AnalyserNode(context); split.connect(meter, side); return meter; });
    window.sides = { of: track, context, meters };
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  const [left, right] = window.sides.meters.map((meter) => {
    const samples = new Float32Array(meter.fftSize);
    meter.getFloatTimeDomainData(samples);
    return Math.sqrt(samples.reduce((sum, s) => sum + s * s, 0) / samples.length);
  });
  window.loudness = { left, right };
  return left > 0.05 && right < left / 10;
}, undefined, { what: `${who} hears the tone on the left alone` })
  .catch(async (error) => { error.message += `\n${JSON.stringify(await page.evaluate(() => window.loudness))}`; throw error; });

for (const [mode, column, options] of [['one connection', 'v1', {}], ['two connections', 'v0', { singlePeerConnection: false }]]) {
  test(`whoever is there when it is published, and whoever comes later, hears both channels over ${mode}`, covers({ [column]: ['stereo'] }, async () => {
    const listener = await enter(mode, 'ben', options);
    const player = await enter(mode, 'ann', options);
    await publishLeft(player);
    await isLeftOnly(listener, 'who was there');
    const late = await enter(mode, 'cat', options);
    await isLeftOnly(late, 'who came later');
    await Promise.all([listener.close(), player.close(), late.close()]);
  }));
}
