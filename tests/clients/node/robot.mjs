// A participant on @livekit/rtc-node, driven by a test over standard input and output:
//   node robot.mjs URL TOKEN [KEY]
// Each line that it writes is a JSON object with `event`; tests/support/robot.mjs says which lines it reads.
import { createInterface } from 'node:readline';
import { AudioFrame, AudioSource, AudioStream, DataPacketKind, DisconnectReason, dispose, LocalAudioTrack, LocalVideoTrack, Room, RoomEvent, SimulateScenarioKind, TrackKind, TrackPublishOptions,
  TrackSource, VideoBufferType, VideoFrame, VideoSource, VideoStream } from '@livekit/rtc-node';

const kWidth = 960;
const kHeight = 540;
const kRate = 48000;
const [url, token, key] = process.argv.slice(2);
const room = new Room();
const published = {};
let hasLeft = false;
const say = (event, fields = {}) => process.stdout.write(`${JSON.stringify({ event, ...fields }, (_, value) => (typeof value === 'bigint' ? Number(value) : value))}\n`);
const kindOf = ({ kind }) => (kind === TrackKind.KIND_VIDEO ? 'video' : 'audio');

async function countPictures(track, from) {
  let frames = 0;
  for await (const { frame } of new VideoStream(track)) {
    frames += 1;
    if (frames % 20 === 0) say('received', { kind: 'video', from, frames, width: frame.width });
  }
}
async function countSound(track, from) {
  let loud = 0;
  for await (const { data } of new AudioStream(track)) {
    if (!data.some((sample) => Math.abs(sample) > 500)) continue;
    loud += 1;
    if (loud % 20 === 0) say('received', { kind: 'audio', from, frames: loud });
  }
}

const sayPeople = () => { for (const p of room.remoteParticipants.values()) say('person', { identity: p.identity, name: p.name, metadata: p.metadata, attributes: p.attributes }); };
room.on(RoomEvent.ParticipantConnected, (p) => say('connected', { identity: p.identity }));
room.on(RoomEvent.ParticipantDisconnected, (p) => say('left', { identity: p.identity }));
room.on(RoomEvent.TrackSubscribed, (track, publication, who) => {
  say('subscribed', { from: who.identity, kind: kindOf(track) });
  (kindOf(track) === 'video' ? countPictures : countSound)(track, who.identity).catch((error) => say('error', { text: String(error) }));
});
room.on(RoomEvent.TrackUnsubscribed, (track, publication, who) => say('unsubscribed', { from: who.identity, kind: kindOf(publication) }));
room.on(RoomEvent.TrackUnpublished, (publication, who) => say('unpublished', { from: who.identity, kind: kindOf(publication) }));
room.on(RoomEvent.TrackMuted, (publication, who) => say('muted', { from: who.identity }));
room.on(RoomEvent.TrackUnmuted, (publication, who) => say('unmuted', { from: who.identity }));
room.on(RoomEvent.LocalTrackSubscribed, () => say('local-track-subscribed'));
room.on(RoomEvent.ActiveSpeakersChanged, (all) => say('speakers', { identities: all.map((p) => p.identity) }));
room.on(RoomEvent.ConnectionQualityChanged, (quality, p) => say('quality', { identity: p.identity }));
for (const event of [RoomEvent.ParticipantAttributesChanged, RoomEvent.ParticipantMetadataChanged, RoomEvent.ParticipantNameChanged]) room.on(event, sayPeople);
room.on(RoomEvent.DataReceived, (payload, who, kind) => say('data', { from: who?.identity, text: new TextDecoder().decode(payload), lossy: kind === DataPacketKind.KIND_LOSSY }));
room.on(RoomEvent.Reconnecting, () => say('reconnecting'));
room.on(RoomEvent.Reconnected, () => say('reconnected'));
room.on(RoomEvent.TokenRefreshed, () => say('refreshed'));
room.on(RoomEvent.Disconnected, (reason) => say('disconnected', { reason: DisconnectReason[reason] }));
room.registerTextStreamHandler('chat', async (reader, { identity }) => say('text', { from: identity, text: await reader.readAll() }));
room.registerByteStreamHandler('files', async (reader, { identity }) => say('bytes', { from: identity, text: Buffer.concat(await reader.readAll()).toString() }));

async function pump(source, next, interval) {
  for (let n = 0; !hasLeft; n += 1) {
    await next(source, n);
    if (interval) await new Promise((resolve) => setTimeout(resolve, interval));
  }
}
async function publishPicture() {
  const source = new VideoSource(kWidth, kHeight);
  const track = LocalVideoTrack.createVideoTrack('picture', source);
  published.picture = await room.localParticipant.publishTrack(track, new TrackPublishOptions({ source: TrackSource.SOURCE_CAMERA, simulcast: true }));
  void pump(source, (to, n) => to.captureFrame(new VideoFrame(new Uint8Array(kWidth * kHeight * 4).fill((n * 7) % 255), kWidth, kHeight, VideoBufferType.RGBA)), 66);
}
async function publishSound() {
  const source = new AudioSource(kRate, 1);
  const track = LocalAudioTrack.createAudioTrack('voice', source);
  published.sound = await room.localParticipant.publishTrack(track, new TrackPublishOptions({ source: TrackSource.SOURCE_MICROPHONE }));
  const size = kRate / 50;
  void pump(source, (to, n) => to.captureFrame(new AudioFrame(Int16Array.from({ length: size }, (_, i) => 8000 * Math.sin((2 * Math.PI * 440 * (n * size + i)) / kRate)), kRate, 1, size)));
}
async function sendBytes(text) {
  const writer = await room.localParticipant.streamBytes({ topic: 'files', name: 'a file' });
  await writer.write(new TextEncoder().encode(text));
  await writer.close();
}
async function sayStats() {
  const all = (await room.getRtcStats()).publisherStats.map(({ stats }) => stats);
  const layers = all.filter(({ case: kind, value }) => kind === 'outboundRtp' && value.stream.kind === 'video')
    .map(({ value }) => ({ rid: value.outbound.rid, packets: value.sent.packetsSent }));
  say('stats', { layers, ufrag: all.find(({ case: kind }) => kind === 'transport')?.value.transport.iceLocalUsernameFragment });
}
function pictures() {
  return [...room.remoteParticipants.values()].flatMap((p) => [...p.trackPublications.values()]).filter((one) => kindOf(one) === 'video');
}

const verbs = {
  publish: async () => { await publishPicture(); await publishSound(); say('published'); },
  'publish-picture': async () => { await publishPicture(); say('published', { kind: 'video' }); },
  'unpublish-picture': async () => { await room.localParticipant.unpublishTrack(published.picture.sid); say('unpublished-own'); },
  say: (text) => room.localParticipant.publishData(new TextEncoder().encode(text), { reliable: true }),
  lossy: (text) => room.localParticipant.publishData(new TextEncoder().encode(text), { reliable: false }),
  text: (text) => room.localParticipant.sendText(text, { topic: 'chat' }),
  bytes: sendBytes,
  call: async (rest) => {
    const [who, ...payload] = rest.split(' ');
    say('answer', { text: await room.localParticipant.performRpc({ destinationIdentity: who, method: 'repeat', payload: payload.join(' ') }) });
  },
  change: async (rest) => {
    const { name, metadata, attributes } = JSON.parse(rest);
    await room.localParticipant.updateName(name);
    await room.localParticipant.updateMetadata(metadata);
    await room.localParticipant.setAttributes(attributes);
  },
  subscribe: () => { for (const one of pictures()) one.setSubscribed(true); },
  unsubscribe: () => { for (const one of pictures()) one.setSubscribed(false); },
  simulate: () => room.simulateScenario(SimulateScenarioKind.SIMULATE_FULL_RECONNECT),
  stats: sayStats,
};

try {
  const encryption = key ? { encryption: { keyProviderOptions: { sharedKey: new TextEncoder().encode(key) } } } : {};
  await room.connect(url, token, { autoSubscribe: true, dynacast: true, ...encryption });
} catch (error) {
  say('refused', { text: error.message });
  process.exit(1);
}
room.localParticipant.registerRpcMethod('repeat', async ({ payload }) => `heard ${payload}`);
say('joined', { sid: room.localParticipant.sid, others: [...room.remoteParticipants.keys()] });

for await (const line of createInterface({ input: process.stdin })) {
  const [verb, ...rest] = line.split(' ');
  if (verb === 'leave') break;
  // A call waits for its answer; what comes meanwhile is obeyed, too.
  Promise.resolve(verbs[verb]?.(rest.join(' '))).catch((error) => say('error', { text: `${verb}: ${error.message}` }));
}
hasLeft = true;
await room.disconnect();
await dispose();
process.exit(0);
