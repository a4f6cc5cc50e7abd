// The LiveKit Go SDK (pion), with two peer connections, and Chromium send to each other. The Go participant sends back what Chromium sends, so that what it publishes is real media.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Browser, eventually } from '../support/browser.mjs';
import { MeridianNode } from '../support/node.mjs';
import { buildGoRobot, Robot } from '../support/robot.mjs';
import { token } from '../support/token.mjs';

let node;
let browser;
before(async () => { buildGoRobot(); node = await MeridianNode.start(); browser = await Browser.start(); });
after(async () => { await browser?.stop(); await node?.dispose(); });

const decodes = (page, from) => eventually(page, async (who) => {
  const all = await window.received();
  return all.find((s) => s.from === who && s.kind === 'video')?.frames > 20 && all.find((s) => s.from === who && s.kind === 'audio')?.energy > 0;
}, from, { what: `video decoded and audio heard from ${from}`, seconds: 40 });
const frames = (page, from) => page.evaluate(async (who) => (await window.received()).find((s) => s.from === who && s.kind === 'video')?.frames ?? 0, from);

describe('two connections', () => {
  const room = 'go-two';
  let robot; let page;
  after(async () => { await robot?.leave(); });
  test('publishes to Chromium and subscribes from it', async () => {
    page = await browser.tab();
    await page.evaluate((p) => window.join(p), { url: node.url(), token: token({ room, identity: 'ann' }) });
    await page.evaluate(async () => { await window.room.localParticipant.setMicrophoneEnabled(true); await window.publishCanvas(); });
    robot = Robot.go({ url: node.url(), token: token({ room, identity: 'robot' }), echo: 'ann' });
    await robot.event((e) => e.event === 'joined');
    for (const kind of ['audio', 'video']) await robot.event((e) => e.event === 'received' && e.kind === kind && e.packets >= 100);
    await decodes(page, 'robot');
    assert.deepEqual(robot.events.filter((e) => e.event === 'error'), []);
    await robot.event((e) => e.event === 'local-track-subscribed');
  });
  test('sends data', async () => {
    robot.tell('say hello ann');
    await eventually(page, () => window.chat.some((m) => m.from === 'robot' && m.text === 'hello ann'));
  });
  test('hears data', async () => {
    await page.evaluate(() => window.room.localParticipant.publishData(new TextEncoder().encode('hello robot'), { reliable: true }));
    const { from } = await robot.event((e) => e.event === 'data' && e.text === 'hello robot');
    assert.equal(from, 'ann');
  });
  test('hears of mutes and of who speaks', async () => {
    robot.tell('simulate speaker-update');
    await robot.event((e) => e.event === 'speakers' && e.identities.includes('robot'));
    await page.evaluate(() => window.room.localParticipant.setMicrophoneEnabled(false));
    await robot.event((e) => e.event === 'muted' && e.from === 'ann');
    await page.evaluate(() => window.room.localParticipant.setMicrophoneEnabled(true));
  });
  test('resumes after its socket is lost', async () => {
    const left = await page.evaluate(() => window.countEvents('participantDisconnected'));
    robot.tell('simulate signal-reconnect');
    await robot.event((e) => e.event === 'reconnected');
    const before = await frames(page, 'robot');
    await eventually(page, async (n) => (await window.received()).find((s) => s.from === 'robot' && s.kind === 'video')?.frames > n + 20, before, { seconds: 30, what: 'its video goes on' });
    assert.equal(await page.evaluate(() => window.countEvents('participantDisconnected')), left);
  });
  test('comes back when the server wants a full reconnect', async () => {
    const from = robot.events.length;
    robot.tell('simulate full-reconnect');
    await robot.event((e) => e.event === 'reconnected', { from, seconds: 40 });
    robot.tell('say back again');
    await eventually(page, () => window.chat.some((m) => m.text === 'back again'));
  });
  test('leaves', async () => {
    await robot.leave();
    await eventually(page, () => ![...window.room.remoteParticipants.values()].some((p) => p.identity === 'robot'), undefined, { seconds: 5 });
    await page.close();
  });
});

// Over one connection the SDK (2.19) sends no PLI for what it receives: somebody who comes later makes Chromium begin its picture anew.
describe('one connection', () => {
  const room = 'go-one';
  let robot; let page; let late;
  after(async () => { await robot?.leave(); await late?.close(); });
  test('publishes to Chromium and subscribes from it', async () => {
    page = await browser.tab();
    await page.evaluate((p) => window.join(p), { url: node.url(), token: token({ room, identity: 'ann' }) });
    await page.evaluate(async () => { await window.room.localParticipant.setMicrophoneEnabled(true); await window.publishCanvas({ simulcast: false }); });
    robot = Robot.go({ url: node.url(), token: token({ room, identity: 'robot' }), echo: 'ann', one: true });
    await robot.event((e) => e.event === 'joined');
    for (const kind of ['audio', 'video']) await robot.event((e) => e.event === 'received' && e.kind === kind && e.packets >= 100);
    await eventually(page, () => [...window.room.remoteParticipants.get('robot').videoTrackPublications.values()].some((p) => p.isSubscribed));
    late = await browser.tab();
    await late.evaluate((p) => window.join(p), { url: node.url(), token: token({ room, identity: 'late' }) });
    await decodes(page, 'robot');
    assert.deepEqual(robot.events.filter((e) => e.event === 'error'), []);
  });
  test('data goes both ways', async () => {
    robot.tell('say hello ann');
    await eventually(page, () => window.chat.some((m) => m.from === 'robot' && m.text === 'hello ann'));
    await page.evaluate(() => window.room.localParticipant.publishData(new TextEncoder().encode('hello robot'), { reliable: true }));
    await robot.event((e) => e.event === 'data' && e.text === 'hello robot');
  });
  test('leaves', async () => {
    await robot.leave();
    await eventually(page, () => ![...window.room.remoteParticipants.values()].some((p) => p.identity === 'robot'), undefined, { seconds: 5 });
    await page.close();
  });
});
