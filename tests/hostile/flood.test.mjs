// A hostile client beside a meeting: 10,000 datagrams a second, and the meeting does not notice.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { Browser, eventually } from '../support/browser.mjs';
import { MeridianNode } from '../support/node.mjs';
import { token } from '../support/token.mjs';

let node;
let browser;
before(async () => { node = await MeridianNode.start(); browser = await Browser.start(); });
after(async () => { await browser?.stop(); await node?.dispose(); });

const SECONDS = Number(process.env.FLOOD_SECONDS ?? 60);
const flooder = `
const { workerData, parentPort } = require('node:worker_threads');
const socket = require('node:dgram').createSocket('udp4');
const { address, port, seconds, datagrams } = workerData;
const until = Date.now() + seconds * 1000;
let sent = 0; let answered = 0;
socket.on('message', () => { answered += 1; });
socket.bind(0, '127.0.0.66', () => {
  const timer = setInterval(() => {
    if (Date.now() > until) { clearInterval(timer); parentPort.postMessage({ sent, answered }); socket.close(); return; }
    for (let i = 0; i < 100; i += 1, sent += 1) socket.send(datagrams[sent % datagrams.length], port, address);
  }, 10);
});`;

/** STUN, DTLS, RTP, RTCP and TURN look-alikes and noise of every size. */
function nasties() {
  const all = [];
  for (let i = 0; i < 2000; i += 1) {
    const size = [0, 1, 4, 12, 13, 20, 28, 100, 500, 1200, 1472][i % 11];
    const bytes = randomBytes(size);
    if (size > 0) bytes[0] = [0, 1, 22, 23, 64, 128, 0x90, 0x80, 200, 255][i % 10];
    if (size > 20 && i % 10 < 2) { bytes.writeUInt16BE(1, 0); bytes.writeUInt16BE(size - 20, 2); bytes.writeUInt32BE(0x2112a442, 4); }
    if (size > 2 && i % 10 === 7) bytes[1] = 200 + (i % 7);
    all.push(bytes);
  }
  return all;
}

test(`a meeting beside a flood of ${SECONDS} s`, { timeout: (SECONDS + 120) * 1000 }, async () => {
  const enter = async (identity) => {
    const page = await browser.tab();
    await page.evaluate((p) => window.join(p), { url: node.url(), token: token({ room: 'calm', identity }) });
    await page.evaluate(async () => { await window.room.localParticipant.setMicrophoneEnabled(true); await window.room.localParticipant.setCameraEnabled(true, { resolution: { width: 320, height: 180, frameRate: 15 } }, { videoCodec: 'vp8', simulcast: false }); });
    return page;
  };
  const a = await enter('ann');
  const b = await enter('ben');
  await eventually(b, async () => (await window.received()).some((s) => s.kind === 'video' && s.frames > 30));
  const audio = async () => (await b.evaluate(() => window.received())).find((s) => s.kind === 'audio');
  const start = await audio();
  const memory = node.residentBytes();
  const { address, port } = node.mediaAddress('uk-london');
  const attack = new Worker(flooder, { eval: true, workerData: { address, port, seconds: SECONDS, datagrams: nasties() } });
  const { sent, answered } = await new Promise((resolve, reject) => { attack.on('message', resolve); attack.on('error', reject); });
  const end = await audio();
  const grown = node.residentBytes() - memory;
  const drops = await node.metric('meridian_drops_total');
  console.log({ sent, answered, drops, grownMiB: grown / 1048576, packets: end.packets - start.packets, lost: end.lost - start.lost });
  assert.equal(answered, 0, 'nobody unauthenticated gets an answer');
  assert.ok(sent > SECONDS * 5000, `sent ${sent}`);
  assert.ok(drops > sent / 2, `counted drops ${drops}`);
  assert.ok(end.packets - start.packets > SECONDS * 20, 'audio went on');
  assert.ok(end.lost - start.lost <= (end.packets - start.packets) * 0.001, `lost ${end.lost - start.lost} of ${end.packets - start.packets}`);
  assert.ok(grown < 20 * 1048576, `memory grew by ${grown} bytes`);
  await Promise.all([a.close(), b.close()]);
});
