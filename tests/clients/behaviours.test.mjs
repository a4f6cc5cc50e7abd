// One meeting for each client, with livekit-client in Chromium at the other end: the behaviours that docs/clients.md lists for
// participants, one after the other. What a client has no means for is left out (tests/support/behaviours.mjs).
import assert from 'node:assert/strict';
import { networkInterfaces } from 'node:os';
import { after, before, describe, test } from 'node:test';
import { RoomServiceClient } from 'livekit-server-sdk';
import { covers, LACKS } from '../support/behaviours.mjs';
import { Browser } from '../support/browser.mjs';
import { Cut } from '../support/cut.mjs';
import { Firefox } from '../support/firefox.mjs';
import { MeridianNode } from '../support/node.mjs';
import { RobotParticipant, TabParticipant } from '../support/participant.mjs';
import { buildGoRobot, Robot } from '../support/robot.mjs';
import { token } from '../support/token.mjs';

/** CLIENTS=v1,go: only those. */
const only = process.env.CLIENTS?.split(',');

let node;
let chromium;
let firefox;  // a promise, once it is wanted
let rooms;
before(async () => {
  if (!only || only.includes('go')) buildGoRobot();
  // Some clients leave loopback networks out.
  const own = Object.values(networkInterfaces()).flat().find((one) => one.family === 'IPv4' && !one.internal)?.address;
  node = await MeridianNode.start({ london: own });
  chromium = await Browser.start();
  rooms = new RoomServiceClient(node.http_url(), 'devkey', 'secret');
});
after(async () => { await (await firefox)?.stop(); await chromium?.stop(); await node?.dispose(); });

const kKey = 'nobody but us';
/** The first token of who is tested holds for this long only: later it is the refreshed one that counts. The leeway is 60 s. */
const kTokenSeconds = 20;
const shortToken = (room, identity) => token({ room, identity, grants: { canUpdateOwnMetadata: true }, claims: { exp: Math.floor(Date.now() / 1000) + kTokenSeconds - 60 } });

const inTab = (browser, { client = '', options = {}, encrypted = {} } = {}) => ({
  async join({ url, room, identity, key, pass = shortToken(room, identity) }) {
    const page = await (await browser()).tab({ client });
    const secret = key ? { e2eeKey: key, e2eeWorker: '/e2ee.worker.mjs', ...encrypted } : {};
    return TabParticipant.join(page, identity, { url, token: pass, options: { dynacast: true, ...options }, ...secret });
  },
  async refusal(url, pass) {
    const page = await (await browser()).tab({ client });
    const text = await TabParticipant.refusal(page, { url, token: pass, options });
    await page.close();
    return text;
  },
});
/** `layers`: how many it sends of its picture. */
const asRobot = (start, { layers = 2 } = {}) => ({
  layers,
  async join({ url, room, identity, key, pass = shortToken(room, identity) }) { return RobotParticipant.join(start({ url, token: pass, key }), identity); },
  async refusal(url, pass) {
    const robot = start({ url, token: pass });
    const { text } = await robot.event((e) => e.event === 'refused');
    await robot.exited;
    return text;
  },
});
const inChromium = async () => chromium;
const inFirefox = () => (firefox ??= Firefox.start());
const clients = {
  v1: { ...inTab(inChromium), connections: 1 },
  v0: { ...inTab(inChromium, { options: { singlePeerConnection: false } }), connections: 2 },
  'firefox-v1': { ...inTab(inFirefox), connections: 1 },
  'firefox-v0': { ...inTab(inFirefox, { options: { singlePeerConnection: false } }), connections: 2 },
  old: { ...inTab(inChromium, { client: '2.6', encrypted: { e2eeWorker: '/e2ee-2.6.worker.mjs', e2eeOption: 'e2ee' } }), connections: 2 },
  'rtc-node': asRobot((p) => Robot.node(p), { layers: 3 }),
  go: asRobot((p) => Robot.go(p)),
  python: asRobot((p) => Robot.python({ ...p, quiet: true }), { layers: 3 }),
};

/** Lossy data may be lost: it is sent until it came. */
async function sendLossy(from, to, text) {
  for (let tries = 0; tries < 50 && !await to.hasHeard(from.identity, text, true); tries += 1) {
    await from.say(text, { isLossy: true });
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

// Two at a time: much of it is waiting.
describe('clients', { concurrency: 2 }, () => {
  for (const [column, client] of Object.entries(clients)) {
    if (only && !only.includes(column)) continue;
    describe(column, { concurrency: 1 }, () => {
      const room = `with ${column}`;
      let way; let ann; let one; let joinedAt; let sid;  // way: to the node, for who is tested
      const shows = (rows, text, body) => {
        const covered = rows.filter((row) => !LACKS[column]?.[row]);
        if (covered.length > 0) test(text, covers({ [column]: covered }, body));
      };
      before(async () => {
        way = await Cut.start(node.url());
        ann = await TabParticipant.join(await chromium.tab(), 'ann', { url: node.url(), token: token({ room, identity: 'ann', grants: { canUpdateOwnMetadata: true } }) });
        await ann.page.evaluate(async () => { await window.publishTone(); await window.publishCanvas(); });
      });
      after(async () => { await one?.close(); await ann?.close(); await way?.stop(); });

      shows(['refused'], 'a refusal names its reason', async () => {
        assert.match(await client.refusal(way.url, token({ room, identity: 'one', secret: 'wrong' })), /token|signature|401|unauthori/i);
      });
      shows(['join'], 'joins', async () => {
        one = await client.join({ url: way.url, room, identity: 'one' });
        joinedAt = Date.now();
        assert.notEqual(one.joined?.event, 'refused', one.joined?.text);
        if (client.connections) assert.equal(await one.connections(), client.connections);
        await Promise.all([ann.sees('one'), one.sees('ann')]);
        sid = await one.sid();
        assert.match(sid, /^PA_/);
      });
      shows(['publish-audio', 'publish-video', 'subscribe-audio', 'subscribe-video', 'told'], 'sound and pictures, both ways', async () => {
        await one.publish();
        await ann.gets('one', 'audio');
        await ann.gets('one', 'video');
        await one.gets('ann', 'audio');
        await one.gets('ann', 'video');
        await one.isTold();
      });
      shows(['simulcast', 'dynacast'], 'layers', async () => {
        await ann.getsWide('one', 640);
        await one.sendsLayers(client.layers ?? 2);
        await ann.ask('one', 0);
        await ann.getsNarrower('one', 640);
        await one.sendsLayers(1);
        await ann.ask('one', 2);
        await ann.getsWide('one', 640);
      });
      shows(['quality'], 'asks for a layer', async () => {
        await one.getsWide('ann', 640);
        await one.ask('ann', 0);
        await one.getsNarrower('ann', 640);
        await one.ask('ann', 2);
        await one.getsWide('ann', 640);
      });
      shows(['mute'], 'mutes and unmutes', async () => {
        await one.mute(true);
        await ann.seesMuted('one', true);
        await one.mute(false);
        await ann.seesMuted('one', false);
        await ann.gets('one', 'audio');
      });
      shows(['sees-mute'], 'sees others mute and unmute', async () => {
        one.mark();
        await ann.mute(true);
        await one.seesMuted('ann', true);
        await ann.mute(false);
        await one.seesMuted('ann', false);
      });
      shows(['speakers', 'connection-quality'], 'is told that ann speaks again, and how good its connection is', async () => {
        await one.hearsOf('ann');
        await one.isRated();
      });
      shows(['reliable'], 'reliable data', async () => {
        await one.say('good morning');
        await ann.hears('one', 'good morning', false);
        await ann.say('and to you');
        await one.hears('ann', 'and to you', column === 'go' ? undefined : false);
      });
      shows(['lossy'], 'lossy data', async () => {
        await sendLossy(one, ann, 'some of this');
        await ann.hears('one', 'some of this', true);
        // The Go SDK does not say over which channel it came.
        for (let tries = 0; column === 'go' && tries < 5; tries += 1) await ann.say('some of that', { isLossy: true });
        if (column !== 'go') await sendLossy(ann, one, 'some of that');
        await one.hears('ann', 'some of that', column === 'go' ? undefined : true);
      });
      shows(['text'], 'text streams', async () => {
        await one.sendText('a long letter');
        await ann.hearsText('one', 'a long letter');
        await ann.sendText('a short answer');
        await one.hearsText('ann', 'a short answer');
      });
      shows(['bytes'], 'byte streams', async () => {
        await one.sendBytes('a picture');
        await ann.hasFile('one', 'a picture');
        await ann.sendBytes('a song');
        await one.hasFile('ann', 'a song');
      });
      shows(['rpc'], 'calls and answers', async () => {
        assert.equal(await one.call('ann', 'hello ann'), 'heard hello ann');
        assert.equal(await ann.call('one', 'hello one'), 'heard hello one');
      });
      shows(['data-track'], 'data tracks', async () => {
        await one.sendFrames('upwards');
        await ann.getsFrames('upwards');
        await one.stopFrames();
        await ann.sendFrames('downwards');
        await one.getsFrames('downwards');
        await ann.stopFrames();
      });
      shows(['attributes'], 'changes its name, metadata and attributes', async () => {
        const change = { name: 'One', metadata: 'first of all', attributes: { hand: 'up' } };
        await one.change(change);
        await ann.knows('one', change);
      });
      shows(['sees-attributes'], 'sees others change theirs', async () => {
        const change = { name: 'Ann', metadata: 'host', attributes: { hand: 'down' } };
        await ann.change(change);
        await one.knows('ann', change);
      });
      shows(['subscription'], 'unsubscribes and subscribes again', async () => {
        await one.subscribe('ann', false);
        await one.lacksPicture('ann');
        await one.subscribe('ann', true);
        await one.hasPicture('ann');
        await one.gets('ann', 'video');
      });
      shows(['permits'], 'permits and forbids', async () => {
        await one.permit(false);
        await ann.lacksPicture('one');
        await one.permit(true);
        await ann.hasPicture('one');
        await ann.gets('one', 'video');
      });
      shows(['resume', 'ice-restart', 'refresh'], 'resumes when its socket is lost', async () => {
        await new Promise((resolve) => setTimeout(resolve, Math.max(0, joinedAt + (kTokenSeconds + 1) * 1000 - Date.now())));
        const ufrag = await one.ufrag();
        const left = await ann.page.evaluate(() => window.countEvents('participantDisconnected'));
        await one.comesBack(() => way.now());
        assert.equal(await ann.page.evaluate(() => window.countEvents('participantDisconnected')), left);
        await ann.gets('one', 'video');
        await one.gets('ann', 'video');
        assert.notEqual(await one.ufrag(), ufrag);
        assert.equal(await ann.page.evaluate(() => [...window.room.remoteParticipants.values()].find((p) => p.identity === 'one').sid), sid);
        if (one instanceof TabParticipant) await one.isRefreshed();
      });
      shows(['reconnect'], 'joins anew when it is told to', async () => {
        await one.comesBack(() => one.askForReconnect());
        await ann.sees('one');
        await ann.gets('one', 'video');
        await ann.gets('one', 'audio');
        await one.gets('ann', 'video');
      });
      shows(['unpublish'], 'takes its picture away and publishes it again', async () => {
        await one.unpublishPicture();
        await ann.seesPictures('one', 0);
        await one.publishPicture();
        await ann.gets('one', 'video');
      });
      shows(['sees-unpublish'], 'sees others take theirs away', async () => {
        one.mark();
        await ann.unpublishPicture();
        await one.seesPictures('ann', 0);
      });
      shows(['rights'], 'loses a right', async () => {
        one.mark();
        await rooms.updateParticipant(room, 'one', { permission: { canSubscribe: true, canPublish: false, canPublishData: true } });
        await one.mayPublish(false);
        await ann.seesTracks('one', 0);
      });
      shows(['removed'], 'is removed', async () => {
        await rooms.removeParticipant(room, 'one');
        await one.isRemoved();
        await ann.misses('one');
      });
      shows(['leave'], 'leaves', async () => {
        const other = await client.join({ url: way.url, room, identity: 'other' });
        await ann.sees('other');
        await other.leave();
        await ann.misses('other');
        await other.close();
      });
      shows(['e2ee'], 'encrypted end to end', async () => {
        const secret = `${room}, in secret`;
        const eve = await TabParticipant.join(await chromium.tab(), 'eve', { url: node.url(), token: token({ room: secret, identity: 'eve' }), e2eeKey: kKey, e2eeWorker: '/e2ee.worker.mjs' });
        await eve.page.evaluate(async () => { await window.publishTone(); await window.publishCanvas(); });
        const other = await client.join({ url: way.url, room: secret, identity: 'other', key: kKey });
        await other.publish();
        // The Go SDK encrypts sound, and pictures in H264 and H265 alone.
        for (const kind of column === 'go' ? ['audio'] : ['audio', 'video']) {
          await eve.gets('other', kind);
          await other.gets('eve', kind);
        }
        assert.equal(await eve.page.evaluate(() => [...window.room.remoteParticipants.values()].find((p) => p.identity === 'other').isEncrypted), true);
        await other.close();
        await eve.close();
      });
    });
  }
});
