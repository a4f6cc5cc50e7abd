// WHIP and WHEP as any web page speaks them: RTCPeerConnection and fetch, nothing else.

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** A moving picture and a tone, made here: no camera is asked. */
function source({ width = 640, height = 360 } = {}) {
  const canvas = Object.assign(document.createElement('canvas'), { width, height });
  document.body.append(canvas);
  const context = canvas.getContext('2d');
  let n = 0;
  setInterval(() => {
    n += 1;
    context.fillStyle = `hsl(${(n * 9) % 360} 80% 50%)`;
    context.fillRect(0, 0, width, height);
    context.fillStyle = '#fff';
    context.fillRect((n * 11) % (width - 40), height / 4, 40, height / 2);
  }, 66);
  const sound = new AudioContext();
  const tone = new OscillatorNode(sound, { frequency: 440 });
  const out = sound.createMediaStreamDestination();
  tone.connect(out);
  tone.start();
  return { video: canvas.captureStream(15).getVideoTracks()[0], audio: out.stream.getAudioTracks()[0] };
}

/** The servers that `Link` headers name (RFC 9725 section 4.6), for an RTCPeerConnection. */
function iceServers(link) {
  return [...(link ?? '').matchAll(/<([^>]+)>; rel="ice-server"(?:; username="([^"]*)"; credential="([^"]*)"; credential-type="password")?/g)]
    .map(([, urls, username, credential]) => ({ urls, username, credential }));
}
/** `asks`: it looks for ways only once it has heard of the node's servers. */
async function post(url, token, { asks = false } = {}) {
  const { pc } = window;
  const offer = await pc.createOffer();
  if (!asks) await pc.setLocalDescription(offer);
  const response = await fetch(url, { method: 'POST', body: offer.sdp, headers: { 'Content-Type': 'application/sdp', Authorization: `Bearer ${token}` } });
  const body = await response.text();
  const answer = { status: response.status, body, location: response.headers.get('Location'), etag: response.headers.get('ETag'), link: response.headers.get('Link') };
  if (response.status === 201) {
    window.session = { url: new URL(answer.location, url).href, etag: answer.etag, token };
    if (asks) {
      pc.setConfiguration({ ...pc.getConfiguration(), iceServers: iceServers(answer.link) });
      await pc.setLocalDescription(offer);
    }
    await pc.setRemoteDescription({ type: 'answer', sdp: body });
  }
  return answer;
}

const layers = [{ rid: 'q', scaleResolutionDownBy: 4, maxBitrate: 100_000 }, { rid: 'h', scaleResolutionDownBy: 2, maxBitrate: 300_000 }, { rid: 'f', maxBitrate: 900_000 }];
window.whip = async ({ url, token, simulcast = false, configuration = {}, asks = false }) => {
  const { video, audio } = source();
  window.pc = new RTCPeerConnection(configuration);
  window.pc.addTransceiver(audio, { direction: 'sendonly' });
  window.pc.addTransceiver(video, { direction: 'sendonly', sendEncodings: simulcast ? layers : [{}] });
  return post(url, token, { asks });
};
window.whep = async ({ url, token, configuration = {} }) => {
  window.pc = new RTCPeerConnection(configuration);
  const stream = new MediaStream();
  const player = Object.assign(document.createElement('video'), { autoplay: true, srcObject: stream });
  document.body.append(player);
  window.pc.ontrack = ({ track }) => stream.addTrack(track);
  for (const kind of ['audio', 'video']) {
    const transceiver = window.pc.addTransceiver(kind, { direction: 'recvonly' });
    // As players do that know nothing of RED.
    transceiver.setCodecPreferences(RTCRtpReceiver.getCapabilities(kind).codecs.filter((c) => c.mimeType !== 'audio/red'));
  }
  return post(url, token);
};

window.ask = async (method, { type, match, body, token = window.session.token } = {}) => {
  const headers = { Authorization: `Bearer ${token}` };
  if (type) headers['Content-Type'] = type;
  if (match) headers['If-Match'] = match;
  const response = await fetch(window.session.url, { method, headers, body });
  return { status: response.status, etag: response.headers.get('ETag'), body: await response.text() };
};
const fragmentType = 'application/trickle-ice-sdpfrag';
const line = (sdp, name) => new RegExp(`^a=${name}:(.*?)\r?$`, 'm').exec(sdp)[1];
/** The candidates that were found since the offer. */
window.trickle = async () => {
  while (window.pc.iceGatheringState !== 'complete') await sleep(20);
  const { sdp } = window.pc.localDescription;
  const candidates = sdp.split('\r\n').filter((l) => l.startsWith('a=candidate:'));
  return window.ask('PATCH', { type: fragmentType, match: window.session.etag, body: ['a=group:BUNDLE 0 1', 'm=audio 9 UDP/TLS/RTP/SAVPF 0', 'a=mid:0', `a=ice-ufrag:${line(sdp, 'ice-ufrag')}`, `a=ice-pwd:${line(sdp, 'ice-pwd')}`, ...new Set(candidates), 'a=end-of-candidates', ''].join('\r\n') });
};
/** RFC 9725 section 4.3.2: the answer is the old one with what the fragment changed. */
window.restart = async () => {
  const { pc } = window;
  const before = pc.remoteDescription.sdp;
  await pc.setLocalDescription(await pc.createOffer({ iceRestart: true }));
  const { sdp } = pc.localDescription;
  const answer = await window.ask('PATCH', { type: fragmentType, match: '*', body: `a=ice-ufrag:${line(sdp, 'ice-ufrag')}\r\na=ice-pwd:${line(sdp, 'ice-pwd')}\r\n` });
  if (answer.status === 200) {
    window.session.etag = answer.etag;
    await pc.setRemoteDescription({ type: 'answer', sdp: before
      .replaceAll(/a=ice-ufrag:.*/g, `a=ice-ufrag:${line(answer.body, 'ice-ufrag')}`).replaceAll(/a=ice-pwd:.*/g, `a=ice-pwd:${line(answer.body, 'ice-pwd')}`) });
  }
  return answer;
};

window.inbound = async () => {
  const result = {};
  for (const s of (await window.pc.getStats()).values()) {
    if (s.type === 'inbound-rtp') result[s.kind] = { frames: s.framesDecoded ?? 0, energy: s.totalAudioEnergy ?? 0, width: s.frameWidth, packets: s.packetsReceived, freezes: s.freezeCount };
  }
  return result;
};
window.outbound = async () => [...(await window.pc.getStats()).values()].filter((s) => s.type === 'outbound-rtp')
  .map((s) => ({ kind: s.kind, rid: s.rid, packets: s.packetsSent, frames: s.framesEncoded }));
/** The candidate pair that carries the media. */
window.pair = async () => {
  const stats = await window.pc.getStats();
  for (const s of stats.values()) {
    if (s.type !== 'transport' || !s.selectedCandidatePairId) continue;
    const pair = stats.get(s.selectedCandidatePairId);
    const [local, remote] = [stats.get(pair.localCandidateId), stats.get(pair.remoteCandidateId)];
    return { local: `${local.protocol} ${local.address}:${local.port}`, remote: `${remote.protocol} ${remote.address}:${remote.port}`, relay: local.relayProtocol, type: local.candidateType,
      tcpType: local.tcpType, ufrag: local.usernameFragment, bytes: pair.bytesSent + pair.bytesReceived, rtt: pair.currentRoundTripTime };
  }
  return undefined;
};
window.describe = async () => ({ state: window.pc?.connectionState, ice: window.pc?.iceConnectionState, inbound: window.pc ? await window.inbound() : {}, outbound: window.pc ? await window.outbound() : [] });
