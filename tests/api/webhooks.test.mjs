// Webhooks, checked by livekit-server-sdk's WebhookReceiver: a real node, a real participant, and
// receivers that fail.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { dispose, Room } from '@livekit/rtc-node';
import { RoomServiceClient, WebhookReceiver } from 'livekit-server-sdk';
import { covers } from '../support/behaviours.mjs';
import { Browser } from '../support/browser.mjs';
import { MeridianNode } from '../support/node.mjs';
import { token } from '../support/token.mjs';

/** A server that keeps what it is sent; `answer` decides the status. */
class Hook {
  static async start(answer = () => 200, port = 0) {
    const hook = new Hook();
    hook.requests = [];
    hook.server = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk) => { body += chunk; });
      request.on('end', () => {
        hook.requests.push({ body, headers: request.headers, at: Date.now() });
        response.writeHead(answer(hook.requests.length)).end();
      });
    });
    await new Promise((resolve) => hook.server.listen(port, '127.0.0.1', resolve));
    hook.url = `http://127.0.0.1:${hook.server.address().port}/hook`;
    return hook;
  }
  events() { return this.requests.map(({ body }) => JSON.parse(body)); }
  async until(check, what, seconds = 20) {
    const deadline = Date.now() + seconds * 1000;
    while (Date.now() < deadline) {
      if (check(this.events())) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    assert.fail(`not in ${seconds} s: ${what}; there came ${this.events().map((e) => e.event)}`);
  }
  stop() { this.server.closeAllConnections(); this.server.close(); }
}

let node;
let browser;
const hooks = {};
before(async () => {
  hooks.full = await Hook.start();
  hooks.ids = await Hook.start();
  hooks.failing = await Hook.start((count) => (count <= 2 ? 500 : 204));
  hooks.abroad = await Hook.start();
  node = await MeridianNode.start({ webhooks: {
    dev: [{ url: hooks.full.url, region: 'us-east' }, { url: hooks.ids.url, content: 'ids' }, { url: hooks.failing.url, region: 'uk-london', events: ['room_started'] }],
    'uk-only': [{ url: hooks.abroad.url, region: 'us-east' }],
  } });
  browser = await Browser.start();
});
after(async () => { await browser?.stop(); await node?.dispose(); for (const hook of Object.values(hooks)) hook.stop(); await dispose(); });

test('the life of a room, signed, in order', covers({ 'server-sdk': ['webhooks'] }, async () => {
  const page = await browser.tab();
  await page.evaluate((p) => window.join(p), { url: node.url(), token: token({ room: 'told', identity: 'ann' }) });
  await page.evaluate(async () => { await window.room.localParticipant.setCameraEnabled(true); });
  await hooks.full.until((events) => events.some((e) => e.event === 'track_published'), 'the track');
  await page.evaluate(async () => { await window.room.localParticipant.setCameraEnabled(false); await window.room.disconnect(); });
  await new RoomServiceClient(node.http_url(), 'devkey', 'secret').deleteRoom('told');
  await hooks.full.until((events) => events.some((e) => e.event === 'room_finished'), 'the end');

  const receiver = new WebhookReceiver('devkey', 'secret');
  const events = [];
  for (const { body, headers } of hooks.full.requests) {
    assert.equal(headers['content-type'], 'application/webhook+json');
    events.push(await receiver.receive(body, headers.authorization));
    await assert.rejects(receiver.receive(`${body} `, headers.authorization), /checksum|sha256/);
    await assert.rejects(new WebhookReceiver('devkey', 'wrong').receive(body, headers.authorization));
  }
  const names = events.map((e) => e.event);
  assert.deepEqual(names.slice(0, 3), ['room_started', 'participant_joined', 'track_published']);
  assert.equal(names.at(-1), 'room_finished');
  assert.ok(names.indexOf('participant_left') > names.indexOf('participant_joined'));
  assert.ok(names.includes('track_unpublished'));
  for (const event of events) {
    assert.equal(event.room.name, 'told');
    assert.match(event.id, /^EV_/);
    assert.ok(Math.abs(Number(event.createdAt) - Date.now() / 1000) < 60);
  }
  assert.equal(events[1].participant.identity, 'ann');
  assert.match(events[2].track.sid, /^TR_/);
  assert.equal(events.find((e) => e.event === 'participant_left').participant.disconnectReason, 1);
  assert.equal(new Set(events.map((e) => e.id)).size, events.length);
  await page.close();
}));

test('a receiver without content gets ids alone', async () => {
  await hooks.ids.until((events) => events.some((e) => e.event === 'room_finished'), 'the end');
  for (const { body } of hooks.ids.requests) {
    assert.ok(!body.includes('told') && !body.includes('ann'), body);
    assert.match(JSON.parse(body).room.sid, /^RM_/);
  }
});

test('what fails is tried again, with the same id', async () => {
  await hooks.failing.until((events) => events.length >= 3, 'three attempts');
  assert.equal(new Set(hooks.failing.events().map((e) => e.id)).size, 1);
  assert.ok(hooks.failing.requests[2].at - hooks.failing.requests[1].at > 900, 'it waits longer each time');
  assert.equal(await node.metric('meridian_webhook_events_total', 'result="failed"'), 2);
});

test('nothing with content leaves for a region that the account excludes', async () => {
  const room = new Room();
  await room.connect(node.url(), token({ account: 'uk-only', room: 'secret', identity: 'ann' }), { autoSubscribe: true, dynacast: false });
  await room.disconnect();
  for (let tries = 0; tries < 100 && !(await node.metric('meridian_webhook_events_total', 'result="withheld"')); tries += 1) await new Promise((resolve) => setTimeout(resolve, 50));
  assert.ok(await node.metric('meridian_webhook_events_total', 'result="withheld"') > 0);
  assert.deepEqual(hooks.abroad.requests, []);
});

test('what waited when the node was killed is delivered by the next one, and then it is gone from the disk', async () => {
  const down = await Hook.start();
  const { port } = down.server.address();
  down.stop();
  const killed = await MeridianNode.start({ webhooks: { dev: [{ url: down.url, region: 'uk-london' }] } });
  const files = ['queue.db', 'queue.db-wal'].map((name) => join(killed.folder, 'data', 'webhooks', 'uk-london', name));
  const onDisk = (text) => files.some((file) => existsSync(file) && readFileSync(file).includes(text));
  const until = async (check, what, seconds) => {
    for (let tries = 0; tries < seconds * 20 && !check(); tries += 1) await new Promise((resolve) => setTimeout(resolve, 50));
    assert.ok(check(), what);
  };
  let up;
  try {
    const room = new Room();
    await room.connect(killed.url(), token({ room: 'unheard', identity: 'ann' }), { autoSubscribe: true, dynacast: false });
    await until(() => onDisk('participant_joined'), 'it is on the disk', 10);
    await killed.stop('SIGKILL');
    await room.disconnect();

    up = await Hook.start(() => 200, port);
    await killed.launch();
    await up.until((events) => events.some((e) => e.event === 'participant_joined'), 'what waited');
    const receiver = new WebhookReceiver('devkey', 'secret');
    const events = [];
    for (const { body, headers } of up.requests) events.push(await receiver.receive(body, headers.authorization));
    assert.deepEqual(events.slice(0, 2).map((e) => [e.event, e.room.name]), [['room_started', 'unheard'], ['participant_joined', 'unheard']]);
    assert.equal(events[1].participant.identity, 'ann');
    assert.ok(await killed.metric('meridian_webhook_events_total', 'result="restored"') >= 2);
    await until(() => !onDisk('unheard'), 'it is gone from the disk', 30);
  } finally {
    await killed.dispose();
    up?.stop();
  }
});
