/* global LivekitClient */
// What a test can ask of one participant. Everything goes through the public interface of the
// client, but for `engineOf`, which reaches the sockets to break them.
const { DataPacket_Kind, Room, RoomEvent, Track, ExternalE2EEKeyProvider, LogLevel, setLogLevel } = LivekitClient;
setLogLevel(LogLevel.warn);

window.events = [];
window.chat = [];
window.files = [];
window.spoke = new Set();
window.digests = { sent: [], received: [] };
const note = (name, ...rest) => window.events.push({ name, at: performance.now(), detail: rest.map(String).join(' ') });

window.join = async ({ url, token, options = {}, connect = {}, e2eeKey, keySize, e2eeWorker = '/e2ee-tap.mjs', e2eeOption = 'encryption' }) => {
  window.joinedWith = token;
  if (e2eeKey !== undefined) {
    const keys = new ExternalE2EEKeyProvider(keySize ? { keySize } : {});
    await keys.setKey(e2eeKey);
    const worker = new Worker(e2eeWorker, { type: 'module' });
    options = { ...options, [e2eeOption]: { keyProvider: keys, worker } };
    new BroadcastChannel('digests').onmessage = ({ data }) => { window.digests[data.side].push(data.digest); };
  }
  const room = new Room(options);
  window.room = room;
  for (const event of Object.values(RoomEvent)) room.on(event, (...args) => note(event, ...args.slice(0, 2).map((a) => a?.identity ?? a?.trackSid ?? a)));
  // Older clients have no streams.
  room.registerTextStreamHandler?.('chat', async (reader, who) => { window.chat.push({ from: who.identity, text: await reader.readAll() }); });
  room.registerByteStreamHandler?.('files', async (reader, who) => { window.files.push({ from: who.identity, text: new TextDecoder().decode(await new Blob(await reader.readAll()).arrayBuffer()) }); });
  room.on(RoomEvent.DataReceived, (payload, who, kind) => window.chat.push({ from: who?.identity, text: new TextDecoder().decode(payload), isLossy: kind === DataPacket_Kind.LOSSY }));
  room.on(RoomEvent.ActiveSpeakersChanged, (all) => all.forEach((who) => window.spoke.add(who.identity)));
  // From state and not from TrackSubscribed, as a user interface does: after a full reconnect the
  // client may have a track without ever having said so.
  setInterval(() => {
    for (const participant of room.remoteParticipants.values()) {
      for (const { track } of participant.trackPublications.values()) {
        if (track && track.attachedElements.length === 0) document.body.append(track.attach());
      }
    }
  }, 100);
  room.on(RoomEvent.TrackUnsubscribed, (track) => track.detach().forEach((e) => e.remove()));
  if (e2eeKey !== undefined) await room.setE2EEEnabled(true);
  await room.connect(url, token, connect);
};

/** A moving picture of our own: Chromium's fake camera gives no frames after it was opened a second time. */
window.publishCanvas = async ({ width = 640, height = 360, simulcast = true, changes = 0, codec = 'vp8' } = {}) => {
  const canvas = Object.assign(document.createElement('canvas'), { width, height });
  document.body.append(canvas);
  const context = canvas.getContext('2d');
  let n = 0;
  clearInterval(window.drawing);
  window.drawing = setInterval(() => {
    n += 1;
    if (changes === 0) {
      context.fillStyle = `hsl(${(n * 9) % 360} 80% 50%)`;
      context.fillRect(0, 0, width, height);
    }
    // Enough changes for more bits than the encoder may use, and stays for it to describe the next picture by this one, as a camera's does.
    for (let i = 0; i < changes; i += 1) {
      context.fillStyle = `hsl(${Math.random() * 360} 60% 50%)`;
      context.fillRect(Math.random() * width, Math.random() * height, 12, 12);
    }
    context.fillStyle = '#fff';
    context.fillRect((n * 11) % (width - 40), height / 4, 40, height / 2);
  }, 66);
  const [track] = canvas.captureStream(15).getVideoTracks();
  await window.room.localParticipant.publishTrack(track, { source: Track.Source.Camera, videoCodec: codec, simulcast, backupCodec: false });
};
/** A tone that comes and goes every second and a half: long enough for speech, which the beeps of Chromium's fake microphone are not. */
window.publishTone = async ({ isSteady = false } = {}) => {
  const audio = new AudioContext();
  const out = audio.createMediaStreamDestination();
  const tone = audio.createOscillator();
  const volume = audio.createGain();
  tone.connect(volume).connect(out);
  tone.start();
  if (!isSteady) setInterval(() => { volume.gain.value = 1 - volume.gain.value; }, 1500);
  await window.room.localParticipant.publishTrack(out.stream.getAudioTracks()[0], { source: Track.Source.Microphone, dtx: false, red: false });
};
/** A tone whose volume window.setVolume(0 to 1) changes, 50 packets a second also while it is silent: Chromium's fake microphone is, between its beeps. */
window.publishSound = async ({ volume = 0.5, red = false } = {}) => {
  const audio = new AudioContext();
  const out = audio.createMediaStreamDestination();
  const gain = new GainNode(audio, { gain: volume });
  const tone = new OscillatorNode(audio, { frequency: 440 });
  tone.connect(gain).connect(out);
  tone.start();
  window.setVolume = (next) => { gain.gain.value = next; };
  await window.room.localParticipant.publishTrack(out.stream.getAudioTracks()[0], { source: Track.Source.Microphone, dtx: false, red });
};
/** Sound without a pause, 50 packets a second, and a small picture. */
window.publish = async ({ sound = true, picture = true, red = false } = {}) => {
  window.published = { sound, picture, red };
  if (sound) await window.publishSound({ red });
  if (picture) await window.publishCanvas({ width: 320, height: 180, simulcast: false });
};
/**
 * What an application does around the client, which does not follow to another address by itself: it asks
 * the node where this meeting may be joined now, and joins there. Ours does so, too (web/src).
 */
window.follow = async ({ url, token }) => {
  window.room.on(RoomEvent.Disconnected, async () => {
    const answer = await fetch(`${url.replace(/^ws/, 'http')}/settings/regions`, { headers: { Authorization: `Bearer ${token}` } });
    const { regions } = await answer.json();
    note('following', regions[0].url);
    await window.room.connect(regions[0].url.replace(/^http/, 'ws'), token);
    await window.publish(window.published);
  });
};
window.region = () => window.room.localParticipant.participantInfo?.region;

window.engineOf = () => window.room.engine;
window.countEvents = (name) => window.events.filter((e) => e.name === name).length;

/** Inbound RTP of everything that this participant receives, by kind and sender identity. */
window.received = async () => {
  const result = [];
  for (const participant of window.room.remoteParticipants.values()) {
    for (const publication of participant.trackPublications.values()) {
      const stats = await publication.track?.getRTCStatsReport?.();
      if (!stats) continue;
      for (const s of stats.values()) {
        if (s.type !== 'inbound-rtp') continue;
        result.push({ from: participant.identity, kind: s.kind, source: publication.source, packets: s.packetsReceived, lost: s.packetsLost, frames: s.framesDecoded ?? 0,
          width: s.frameWidth, energy: s.totalAudioEnergy ?? 0, nacks: s.nackCount, freezes: s.freezeCount, frozen: s.totalFreezesDuration, bytes: s.bytesReceived });
      }
    }
  }
  return result;
};
/** Watches the one video that comes: the longest time without a new frame, and all sizes, since the last call of take(). */
window.watchVideo = () => {
  const seen = { frames: 0, at: performance.now(), longest: 0, widths: [] };
  window.watching = setInterval(async () => {
    const video = (await window.received()).find((one) => one.kind === 'video');
    const now = performance.now();
    if (video && video.frames > seen.frames) Object.assign(seen, { frames: video.frames, at: now });
    seen.longest = Math.max(seen.longest, now - seen.at);
    if (video && video.width !== seen.widths.at(-1)) seen.widths.push(video.width);
  }, 50);
  window.takeVideo = () => {
    const taken = { longest: Math.round(seen.longest), widths: [...seen.widths] };
    Object.assign(seen, { longest: 0, widths: seen.widths.slice(-1) });
    return taken;
  };
};
window.sent = async () => {
  const result = [];
  for (const publication of window.room.localParticipant.trackPublications.values()) {
    const stats = await publication.track?.getRTCStatsReport?.();
    for (const s of stats?.values() ?? []) {
      if (s.type === 'outbound-rtp') result.push({ kind: s.kind, rid: s.rid, packets: s.packetsSent, width: s.frameWidth, frames: s.framesEncoded, retransmitted: s.retransmittedPacketsSent, scalability: s.scalabilityMode, codec: s.codecId, limited: s.qualityLimitationReason, target: s.targetBitrate, bytes: s.bytesSent });
    }
  }
  return result;
};
window.pair = async () => {
  const pc = window.room.engine.pcManager.publisher._pc ?? window.room.engine.pcManager.publisher.pc;
  const stats = await pc.getStats();
  for (const s of stats.values()) {
    if (s.type === 'transport' && s.selectedCandidatePairId) {
      const pair = stats.get(s.selectedCandidatePairId);
      const remote = stats.get(pair.remoteCandidateId);
      const local = stats.get(pair.localCandidateId);
      return { type: local.candidateType, relay: local.relayProtocol, url: local.url, protocol: local.protocol, remote: `${remote.address}:${remote.port}`, local: `${local.address}:${local.port}`, srtp: s.srtpCipher, tls: s.tlsVersion, dtls: s.dtlsState };
    }
  }
  return undefined;
};
window.localPorts = async () => {
  const stats = await (window.room.engine.pcManager.publisher._pc ?? window.room.engine.pcManager.publisher.pc).getStats();
  return [...stats.values()].filter((s) => s.type === 'local-candidate').map((s) => s.port);
};
window.describe = async () => ({
  state: window.room?.state, events: window.events.slice(-25).map((e) => `${Math.round(e.at)} ${e.name} ${e.detail.slice(0, 80)}`),
  received: window.room ? await window.received() : [], sent: window.room ? await window.sent() : [], chat: window.chat,
});
