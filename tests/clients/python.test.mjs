// The LiveKit Python SDK (the Rust one below it, on libwebrtc) and Chromium send to each other.
import { after, before, test } from 'node:test';
import { Browser, eventually } from '../support/browser.mjs';
import { MeridianNode } from '../support/node.mjs';
import { Robot } from '../support/robot.mjs';
import { token } from '../support/token.mjs';

let node;
let browser;
before(async () => { node = await MeridianNode.start(); browser = await Browser.start(); });
after(async () => { await browser?.stop(); await node?.dispose(); });

for (const two of [false, true]) test(`media and data both ways, ${two ? 'two connections' : 'one connection'}`, async () => {
  const room = two ? 'python-two' : 'python-one';
  const robot = Robot.python({ url: node.url(), token: token({ room, identity: 'robot' }), two });
  try {
    await robot.event((e) => e.event === 'joined');
    const page = await browser.tab();
    await page.evaluate((p) => window.join(p), { url: node.url(), token: token({ room, identity: 'ann' }), options: { singlePeerConnection: !two } });
    await page.evaluate(async () => { await window.room.localParticipant.setMicrophoneEnabled(true); await window.publishCanvas(); });
    await eventually(page, async () => {
      const all = await window.received();
      return all.some((s) => s.kind === 'video' && s.frames > 20) && all.some((s) => s.kind === 'audio' && s.energy > 0);
    }, undefined, { what: 'Chromium decodes what the Python SDK publishes', seconds: 40 });
    for (const kind of ['video', 'audio']) await robot.event((e) => e.event === 'received' && e.kind === kind && e.from === 'ann' && e.frames >= 20, { seconds: 40 });
    robot.tell('say hello ann');
    await eventually(page, () => window.chat.some((m) => m.from === 'robot' && m.text === 'hello ann'));
    await page.evaluate(() => window.room.localParticipant.publishData(new TextEncoder().encode('hello robot'), { reliable: true }));
    await robot.event((e) => e.event === 'data' && e.from === 'ann' && e.text === 'hello robot');
    await robot.leave();
    await eventually(page, () => window.room.remoteParticipants.size === 0, undefined, { seconds: 5 });
  } finally {
    await robot.leave();
  }
});
