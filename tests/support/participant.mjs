// One participant, whatever client it runs on: what a test tells it to do and what it waits for. A tab of a browser
// (support/harness.js) or a robot, a child process that reads and writes lines (support/robot.mjs says which).
import assert from 'node:assert/strict';
import { eventually } from './browser.mjs';

const kSeconds = 30;

/** Functions that run in a page: each takes one argument and says whether it is so by now. */
const inPage = {
  sees: (who) => [...window.room.remoteParticipants.values()].some((p) => p.identity === who),
  misses: (who) => ![...window.room.remoteParticipants.values()].some((p) => p.identity === who),
  gets: async ({ from, kind, least }) => {
    const one = (await window.received()).find((s) => s.from === from && s.kind === kind && (kind === 'video' || s.energy > 0));
    const count = kind === 'video' ? one?.frames : one?.packets;
    // Counted from the first look on; a track that was published again begins at 0.
    const { last, gained } = window.progress?.[kind] ?? { last: count ?? 0, gained: 0 };
    const more = (count ?? 0) - last;
    window.progress = { ...window.progress, [kind]: { last: count ?? 0, gained: gained + Math.max(0, more) } };
    return window.progress[kind].gained >= least;
  },
  getsWidth: async ({ from, narrower, width }) => {
    const one = (await window.received()).find((s) => s.from === from && s.kind === 'video');
    return narrower ? one?.width < width : one?.width >= width;
  },
  isMuted: ({ who, isMuted }) => {
    const publication = [...[...window.room.remoteParticipants.values()].find((p) => p.identity === who).audioTrackPublications.values()][0];
    return publication?.isMuted === isMuted;
  },
  hasPictures: ({ who, count }) => [...window.room.remoteParticipants.values()].find((p) => p.identity === who).videoTrackPublications.size === count,
  hasTracks: ({ who, count }) => [...window.room.remoteParticipants.values()].find((p) => p.identity === who).trackPublications.size === count,
  hears: ({ from, text, isLossy }) => window.chat.some((m) => m.from === from && m.text === text && (isLossy === undefined || m.isLossy === isLossy)),
  hasFile: ({ from, text }) => window.files.some((m) => m.from === from && m.text === text),
  isCalled: ({ who, name, metadata, attributes }) => [...window.room.remoteParticipants.values()].some((p) => p.identity === who && p.name === name && p.metadata === metadata
    && Object.entries(attributes).every(([key, value]) => p.attributes[key] === value)),
  spoke: (who) => window.spoke.has(who),
  // Bits that a picture of the layer costs, twice, a moment apart.
  sendsLayers: async (count) => {
    const now = new Map((await window.sent()).filter((s) => s.kind === 'video').map((s) => [s.rid ?? '', s.packets]));
    const before = window.layersBefore;
    if (!before || performance.now() - before.at < 1000) { window.layersBefore ??= { at: performance.now(), now }; return false; }
    window.layersBefore = { at: performance.now(), now };
    return [...now].filter(([rid, packets]) => packets > (before.now.get(rid) ?? 0)).length === count;
  },
  isBack: (count) => window.room.state === 'connected' && window.countEvents('reconnected') >= count,
};

export class TabParticipant {
  /** `page` has the harness; `join`: what window.join takes. */
  static async join(page, identity, join) {
    const one = new TabParticipant();
    Object.assign(one, { page, identity, quality: 0 });
    await page.evaluate((p) => {
      window.dataFrames = [];
      return window.join(p).then(() => {
        const room = window.room;
        (room.registerRpcMethod ? room : room.localParticipant).registerRpcMethod('repeat', async (call) => `heard ${call.payload}`);
        room.on('dataTrackPublished', async (track) => {
          const reader = track.subscribe().getReader();
          for (let next = await reader.read(); !next.done; next = await reader.read()) window.dataFrames.push(new TextDecoder().decode(next.value.payload));
        });
      });
    }, join);
    return one;
  }
  /** What it says of a token that is refused. */
  static refusal(page, join) { return page.evaluate((p) => window.join(p).then(() => '', (error) => error.message), join); }

  until(check, argument, what, seconds = kSeconds) { return eventually(this.page, inPage[check], argument, { seconds, what: `${this.identity}: ${what}` }); }
  #do(work, argument) { return this.page.evaluate(work, argument); }

  // -- what it does
  async publish() {
    await this.#do(() => window.room.localParticipant.setMicrophoneEnabled(true));
    await this.publishPicture();
  }
  publishPicture() { return this.#do(() => window.publishCanvas()); }
  unpublishPicture() {
    return this.#do(() => { const [p] = window.room.localParticipant.videoTrackPublications.values(); return window.room.localParticipant.unpublishTrack(p.track); });
  }
  mute(isMuted) { return this.#do((on) => window.room.localParticipant.setMicrophoneEnabled(on), !isMuted); }
  say(text, { isLossy = false } = {}) { return this.#do(({ t, lossy }) => window.room.localParticipant.publishData(new TextEncoder().encode(t), { reliable: !lossy }), { t: text, lossy: isLossy }); }
  sendText(text) { return this.#do((t) => window.room.localParticipant.sendText(t, { topic: 'chat' }), text); }
  sendBytes(text) {
    return this.#do(async (t) => {
      const writer = await window.room.localParticipant.streamBytes({ name: 'a file', topic: 'files' });
      await writer.write(new TextEncoder().encode(t));
      await writer.close();
    }, text);
  }
  call(who, payload) { return this.#do((p) => window.room.localParticipant.performRpc({ destinationIdentity: p.who, method: 'repeat', payload: p.payload }), { who, payload }); }
  change({ name, metadata, attributes }) {
    return this.#do(async (p) => {
      await window.room.localParticipant.setName(p.name);
      await window.room.localParticipant.setMetadata(p.metadata);
      await window.room.localParticipant.setAttributes(p.attributes);
    }, { name, metadata, attributes });
  }
  subscribe(from, isOn) { return this.#do((p) => { for (const one of [...window.room.remoteParticipants.values()].find((q) => q.identity === p.from).videoTrackPublications.values()) one.setSubscribed(p.isOn); }, { from, isOn }); }
  ask(from, quality) { return this.#do((p) => { for (const one of [...window.room.remoteParticipants.values()].find((q) => q.identity === p.from).videoTrackPublications.values()) one.setVideoQuality(p.quality); }, { from, quality }); }
  permit(isOn) { return this.#do((on) => window.room.localParticipant.setTrackSubscriptionPermissions(on), isOn); }
  askForReconnect() { return this.#do(() => window.room.simulateScenario('full-reconnect')); }
  async sendFrames(name) {
    await this.#do(async (n) => {
      window.dataTrack = await window.room.localParticipant.publishDataTrack({ name: n });
      window.pushing = setInterval(() => { try { window.dataTrack.tryPush({ payload: new TextEncoder().encode(n) }); } catch { /* its buffer is full */ } }, 50);
    }, name);
  }
  stopFrames() { return this.#do(() => { clearInterval(window.pushing); return window.dataTrack.unpublish(); }); }
  leave() { return this.#do(() => window.room.disconnect()); }
  close() { return this.page.close(); }

  /** See RobotParticipant: a tab is asked for its state, not for events. */
  mark() {}

  // -- what it waits for
  sees(who, seconds) { return this.until('sees', who, `sees ${who}`, seconds); }
  misses(who, seconds = 5) { return this.until('misses', who, `sees that ${who} left`, seconds); }
  async gets(from, kind, least = 15) {
    await this.#do((k) => { if (window.progress) delete window.progress[k]; }, kind);
    await this.until('gets', { from, kind, least }, `gets ${kind} of ${from}`, 40);
  }
  getsNarrower(from, width) { return this.until('getsWidth', { from, narrower: true, width }, `gets a picture of ${from} narrower than ${width}`); }
  getsWide(from, width) { return this.until('getsWidth', { from, narrower: false, width }, `gets a picture of ${from} at least ${width} wide`); }
  seesMuted(who, isMuted) { return this.until('isMuted', { who, isMuted }, `sees ${who} ${isMuted ? 'muted' : 'not muted'}`); }
  seesPictures(who, count) { return this.until('hasPictures', { who, count }, `knows ${count} pictures of ${who}`); }
  seesTracks(who, count) { return this.until('hasTracks', { who, count }, `knows ${count} tracks of ${who}`); }
  hearsText(from, text) { return this.hears(from, text); }
  hears(from, text, isLossy) { return this.until('hears', { from, text, isLossy }, `hears ${text}`); }
  hasHeard(from, text, isLossy) { return this.#do(inPage.hears, { from, text, isLossy }); }
  hasFile(from, text) { return this.until('hasFile', { from, text }, `gets ${text}`); }
  knows(who, change) { return this.until('isCalled', { who, ...change }, `knows ${JSON.stringify(change)} of ${who}`); }
  hearsOf(who) { return this.until('spoke', who, `is told that ${who} speaks`); }
  sendsLayers(count) { return this.until('sendsLayers', count, `sends ${count} layers`, 40); }
  isTold() { return eventually(this.page, () => window.countEvents('localTrackSubscribed') > 0, undefined, { what: 'is told of a subscriber' }); }
  isRated() { return eventually(this.page, () => ['excellent', 'good', 'poor'].includes(window.room.localParticipant.connectionQuality), undefined, { seconds: kSeconds, what: 'is told how good its connection is' }); }
  isRefreshed() { return eventually(this.page, () => window.engineOf().token && window.engineOf().token !== window.joinedWith, undefined, { what: 'has a newer token' }); }
  mayPublish(isOn) { return eventually(this.page, (on) => window.room.localParticipant.permissions?.canPublish === on, isOn, { what: `may publish: ${isOn}` }); }
  lacksPicture(from) { return eventually(this.page, (who) => [...[...window.room.remoteParticipants.values()].find((q) => q.identity === who).videoTrackPublications.values()].every((p) => !p.track), from, { what: `no longer gets the picture of ${from}` }); }
  hasPicture(from) { return eventually(this.page, (who) => [...[...window.room.remoteParticipants.values()].find((q) => q.identity === who).videoTrackPublications.values()].some((p) => p.track), from, { what: `gets the picture of ${from}` }); }
  async isRemoved() {
    await eventually(this.page, () => window.countEvents('disconnected') > 0, undefined, { what: 'is told that it was removed' });
    const { detail } = await this.#do(() => window.events.find((e) => e.name === 'disconnected'));
    assert.match(detail, /^4\b/, 'PARTICIPANT_REMOVED');
  }
  getsFrames(name) { return eventually(this.page, (n) => window.dataFrames.filter((f) => f === n).length > 5, name, { seconds: kSeconds, what: `gets the data track ${name}` }); }

  // -- connections
  sid() { return this.#do(() => window.room.localParticipant.sid); }
  /** Of the connection that it publishes over. */
  ufrag() { return this.#do(() => { const { publisher } = window.room.engine.pcManager; return /a=ice-ufrag:(\S+)/.exec((publisher._pc ?? publisher.pc).currentLocalDescription.sdp)[1]; }); }
  connections() { return this.#do(() => (window.room.engine.pcManager.subscriber ? 2 : 1)); }
  /** A promise of the next time that it is connected again. */
  async comesBack(cause) {
    const count = await this.#do(() => window.countEvents('reconnected'));
    await cause();
    await this.until('isBack', count + 1, 'comes back', 40);
  }
}

export class RobotParticipant {
  static async join(robot, identity) {
    const one = new RobotParticipant();
    Object.assign(one, { robot, identity });
    one.joined = await robot.event((e) => e.event === 'joined' || e.event === 'refused', { what: 'joined' });
    return one;
  }
  #tell(...words) { this.robot.tell(words.join(' ')); }
  /** An event from now on, or, with `from: 0`, ever. */
  #event(name, matches = () => true, options = {}) { return this.robot.event((e) => e.event === name && matches(e), { seconds: kSeconds, what: `${name} ${matches}`, ...options }); }
  get #now() { return this.robot.events.length; }

  async publish() { this.#tell('publish'); await this.#event('published'); }
  async publishPicture() { const from = this.#now; this.#tell('publish-picture'); await this.#event('published', undefined, { from }); }
  async unpublishPicture() { const from = this.#now; this.#tell('unpublish-picture'); await this.#event('unpublished-own', undefined, { from }); }
  mute(isMuted) { this.#tell(isMuted ? 'mute' : 'unmute'); }
  say(text, { isLossy = false } = {}) { this.#tell(isLossy ? 'lossy' : 'say', text); }
  sendText(text) { this.#tell('text', text); }
  sendBytes(text) { this.#tell('bytes', text); }
  async call(who, payload) { this.#tell('call', who, payload); return (await this.#event('answer')).text; }
  change(change) { this.#tell('change', JSON.stringify(change)); }
  subscribe(from, isOn) { this.#tell(isOn ? 'subscribe' : 'unsubscribe', from); }
  ask(from, quality) { this.#tell('quality', quality === 0 ? 'low' : 'high'); }
  permit(isOn) { this.#tell(isOn ? 'permit' : 'forbid'); }
  askForReconnect() { this.#tell('simulate full-reconnect'); }
  sendFrames(name) { this.#tell('frames', name); }
  stopFrames() { this.#tell('no-frames'); }
  async leave() { this.#tell('leave'); await this.robot.exited; }
  close() { return this.robot.leave(); }

  async sees(who) {
    if (this.joined.others?.includes(who)) return;
    await this.#event('connected', (e) => e.identity === who);
  }
  async gets(from, kind) { await this.#event('received', (e) => e.kind === kind && e.from === from, { from: this.#now, seconds: 40 }); }
  getsNarrower(from, width) { return this.#event('received', (e) => e.kind === 'video' && e.from === from && e.width < width, { from: this.#now }); }
  getsWide(from, width) { return this.#event('received', (e) => e.kind === 'video' && e.from === from && e.width >= width, { from: this.#now }); }
  /** For what follows an act of somebody else: `mark()` before it. */
  mark() { this.marked = this.#now; }
  seesMuted(who, isMuted) { return this.#event(isMuted ? 'muted' : 'unmuted', (e) => e.from === who, { from: this.marked }); }
  seesPictures(who, count) { return this.#event(count === 0 ? 'unpublished' : 'subscribed', (e) => e.from === who && e.kind === 'video', { from: this.marked }); }
  hears(from, text, isLossy) { return this.#event('data', (e) => e.from === from && e.text === text && (isLossy === undefined || e.lossy === isLossy)); }
  hasHeard(from, text, isLossy) { return this.robot.events.some((e) => e.event === 'data' && e.from === from && e.text === text && e.lossy === isLossy); }
  hearsText(from, text) { return this.#event('text', (e) => e.from === from && e.text === text); }
  hasFile(from, text) { return this.#event('bytes', (e) => e.from === from && e.text === text); }
  async knows(who, { name, metadata, attributes }) {
    await this.#event('person', (e) => e.identity === who && e.name === name && e.metadata === metadata && Object.entries(attributes).every(([key, value]) => e.attributes?.[key] === value));
  }
  hearsOf(who) { return this.#event('speakers', (e) => e.identities.includes(who)); }
  isTold() { return this.#event('local-track-subscribed'); }
  isRated() { return this.#event('quality', (e) => e.identity === this.identity); }
  isRefreshed() { return this.#event('refreshed'); }
  mayPublish(isOn) { return this.#event('rights', (e) => e.publish === isOn, { from: this.marked }); }
  /** Not every SDK says what it ends by itself, and what comes again may be no new track: what comes is looked at. */
  async lacksPicture(from) {
    const isPicture = (e) => e.event === 'received' && e.kind === 'video' && e.from === from;
    for (let tries = 0; tries < kSeconds; tries += 2) {
      const now = this.#now;
      await new Promise((resolve) => setTimeout(resolve, 2000));
      if (!this.robot.events.slice(now).some(isPicture)) return;
    }
    throw new Error(`${this.identity} still gets the picture of ${from}`);
  }
  hasPicture(from) { return this.gets(from, 'video'); }
  isRemoved() { return this.#event('disconnected', (e) => e.reason === 'PARTICIPANT_REMOVED'); }
  getsFrames(name) { return this.#event('frame', (e) => e.text === name && e.count > 5); }
  async #stats() { const from = this.#now; this.#tell('stats'); return this.#event('stats', undefined, { from }); }
  async sendsLayers(count) {
    let seen;
    for (let before = await this.#stats(), tries = 0; tries < 40; tries += 1) {
      await new Promise((resolve) => setTimeout(resolve, 1000));
      const now = await this.#stats();
      seen = now.layers.filter(({ rid, packets }) => packets > (before.layers.find((one) => one.rid === rid)?.packets ?? 0));
      if (seen.length === count) return;
      before = now;
    }
    throw new Error(`${this.identity} does not send ${count} layers but ${JSON.stringify(seen)}`);
  }

  sid() { return this.joined.sid; }
  async ufrag() { return (await this.#stats()).ufrag; }
  async comesBack(cause) {
    const from = this.#now;
    await cause();
    await this.#event('reconnected', undefined, { from, seconds: 40 });
  }
}
