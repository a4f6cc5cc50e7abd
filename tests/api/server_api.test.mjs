// livekit-server-sdk drives every call of RoomService against a running node, with rtc-node and
// Chromium in the rooms.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { dispose, Room, RoomEvent } from '@livekit/rtc-node';
import { AccessToken, DataPacket_Kind, EgressClient, IngressClient, RoomServiceClient, SipClient } from 'livekit-server-sdk';
import { covers } from '../support/behaviours.mjs';
import { Browser, eventually } from '../support/browser.mjs';
import { MeridianNode } from '../support/node.mjs';
import { token } from '../support/token.mjs';

let node;
let browser;
let rooms;
before(async () => {
  node = await MeridianNode.start({ more: `rooms:
  remote_unmute: true
  presets: {short: {departure_timeout: 1, max_participants: 1, metadata: from the preset}}
` });
  browser = await Browser.start();
  rooms = new RoomServiceClient(node.http_url(), 'devkey', 'secret');
});
after(async () => { await browser?.stop(); await node?.dispose(); await dispose(); });

async function until(check, what, seconds = 20) {
  const deadline = Date.now() + seconds * 1000;
  while (Date.now() < deadline) {
    if (await check()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.fail(`in ${seconds} s not: ${what}`);
}

/** An rtc-node participant; `seen` collects what its room tells. */
async function robot(room, identity, more = {}) {
  const joined = new Room();
  const seen = [];
  for (const event of Object.values(RoomEvent)) joined.on(event, (...what) => seen.push({ event, what }));
  await joined.connect(node.url(), token({ room, identity, ...more }), { autoSubscribe: true, dynacast: false });
  return { room: joined, seen, has: (event, match = () => true) => seen.some((s) => s.event === event && match(...s.what)) };
}

async function tab(room, identity, grants = {}) {
  const page = await browser.tab();
  await page.evaluate((p) => window.join(p), { url: node.url(), token: token({ room, identity, grants }) });
  return page;
}

/** A call with a token of its own, for what the SDK has no method for. */
async function call(path, body, grant, { contentType = 'application/json', region } = {}) {
  const access = new AccessToken('devkey', 'secret', { ttl: '1m' });
  access.addGrant(grant);
  const response = await fetch(`${node.http_url(region)}/twirp/livekit.${path}`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${await access.toJwt()}`, 'Content-Type': contentType },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  return { status: response.status, type: response.headers.get('content-type'), body: await response.json() };
}

const refused = (status, code) => (error) => { assert.equal(error.status, status, error.message); assert.equal(error.code, code); return true; };

test('rooms: create, list, delete', covers({ 'server-sdk': ['api-rooms'] }, async () => {
  const made = await rooms.createRoom({ name: 'made', emptyTimeout: 77, departureTimeout: 7, maxParticipants: 5, metadata: 'agenda', syncStreams: true });
  assert.match(made.sid, /^RM_/);
  assert.equal(made.emptyTimeout, 77);
  assert.equal(made.departureTimeout, 7);
  assert.equal(made.maxParticipants, 5);
  assert.equal(made.metadata, 'agenda');
  assert.ok(made.creationTimeMs > 0n);
  const again = await rooms.createRoom({ name: 'made', metadata: 'something else' });
  assert.equal(again.sid, made.sid, 'the same room');
  assert.equal(again.metadata, 'agenda');
  assert.deepEqual((await rooms.listRooms(['made', 'none'])).map((room) => room.name), ['made']);
  assert.ok((await rooms.listRooms()).some((room) => room.sid === made.sid));

  const { room, has } = await robot('made', 'ann');
  assert.equal(room.metadata, 'agenda');
  await rooms.deleteRoom('made');
  await until(() => has(RoomEvent.Disconnected), 'the participant is sent away');
  assert.deepEqual(await rooms.listRooms(['made']), []);
  await assert.rejects(rooms.deleteRoom('made'), refused(404, 'not_found'));
}));

test('presets, limits, and rooms that close by themselves', async () => {
  const made = await call('RoomService/CreateRoom', { name: 'short', room_preset: 'short' }, { roomCreate: true });
  assert.equal(made.body.metadata, 'from the preset');
  const { room } = await robot('short', 'ann');
  await assert.rejects(robot('short', 'bob'), /full|403/i, 'one person at most');
  await room.disconnect();
  await until(async () => (await rooms.listRooms(['short'])).length === 0, 'the room closes when everyone has left');
  await assert.rejects(rooms.createRoom({ name: 'x'.repeat(300) }), refused(400, 'invalid_argument'));
  await assert.rejects(rooms.createRoom({ name: 'big', metadata: 'x'.repeat(70_000) }), refused(400, 'invalid_argument'));
  assert.equal((await call('RoomService/CreateRoom', { name: 'a', room_preset: 'none' }, { roomCreate: true })).body.code, 'invalid_argument');
});

test('participants: list, get, update, remove', covers({ 'server-sdk': ['api-participants'] }, async () => {
  const ann = await robot('people', 'ann');
  const bob = await robot('people', 'bob');
  await until(() => ann.has(RoomEvent.ParticipantConnected), 'ann sees bob');
  assert.deepEqual((await rooms.listParticipants('people')).map((p) => p.identity).sort(), ['ann', 'bob']);
  const info = await rooms.getParticipant('people', 'bob');
  assert.equal(info.name, 'bob');
  assert.equal(info.permission.canPublish, true);

  const updated = await rooms.updateParticipant('people', 'bob', { name: 'Robert', metadata: 'm', attributes: { hand: 'up' } });
  assert.equal(updated.name, 'Robert');
  await until(() => ann.has(RoomEvent.ParticipantAttributesChanged, (changed, who) => changed.hand === 'up' && who.identity === 'bob'), 'ann sees the raised hand');
  await until(() => ann.room.remoteParticipants.get('bob').metadata === 'm' && ann.room.remoteParticipants.get('bob').name === 'Robert', 'and the rest');
  assert.deepEqual((await rooms.updateParticipant('people', 'bob', { attributes: { hand: '' } })).attributes, {});
  await rooms.updateRoomMetadata('people', 'second item');
  await until(() => ann.has(RoomEvent.RoomMetadataChanged, (metadata) => metadata === 'second item'), 'the metadata arrives');

  await rooms.removeParticipant('people', 'bob');
  await until(() => bob.has(RoomEvent.Disconnected), 'bob is out');
  await until(() => ann.has(RoomEvent.ParticipantDisconnected), 'ann sees it');
  await assert.rejects(rooms.getParticipant('people', 'bob'), refused(404, 'not_found'));
  await assert.rejects(rooms.listParticipants('nowhere'), refused(404, 'not_found'));
  await ann.room.disconnect();
}));

test('tracks: mute and unmute, subscriptions, permissions', covers({ 'server-sdk': ['api-tracks'] }, async () => {
  const page = await tab('tracks', 'ann');
  await page.evaluate(async () => { await window.room.localParticipant.setCameraEnabled(true, { resolution: { width: 640, height: 360, frameRate: 15 } }); });
  const bob = await robot('tracks', 'bob');
  await until(() => bob.has(RoomEvent.TrackSubscribed), 'bob gets the picture');
  const [track] = (await rooms.getParticipant('tracks', 'ann')).tracks;
  assert.match(track.sid, /^TR_/);

  assert.equal((await rooms.mutePublishedTrack('tracks', 'ann', track.sid, true)).muted, true);
  await eventually(page, () => [...window.room.localParticipant.videoTrackPublications.values()][0].isMuted);
  await until(() => bob.has(RoomEvent.TrackMuted), 'bob sees it');
  assert.equal((await rooms.mutePublishedTrack('tracks', 'ann', track.sid, false)).muted, false);
  await eventually(page, () => ![...window.room.localParticipant.videoTrackPublications.values()][0].isMuted);
  await assert.rejects(rooms.mutePublishedTrack('tracks', 'ann', 'TR_none', true), refused(404, 'not_found'));

  // rtc-node says nothing when somebody else ends its subscription, so the node is asked.
  await rooms.updateSubscriptions('tracks', 'bob', [track.sid], false);
  await until(async () => await node.metric('meridian_subscriptions') === 0, 'bob loses it');
  await rooms.updateSubscriptions('tracks', 'bob', [track.sid], true);
  await until(async () => await node.metric('meridian_subscriptions') === 1, 'and gets it back');

  await rooms.updateParticipant('tracks', 'ann', { permission: { canSubscribe: true, canPublish: false, canPublishData: true } });
  await eventually(page, () => window.room.localParticipant.permissions?.canPublish === false && window.room.localParticipant.videoTrackPublications.size === 0,
    undefined, { what: 'the track ended with the permission' });
  await until(() => bob.has(RoomEvent.TrackUnpublished), 'bob sees that the track is gone');
  assert.deepEqual((await rooms.getParticipant('tracks', 'ann')).tracks, []);
  await rooms.updateParticipant('tracks', 'ann', { permission: { canSubscribe: true, canPublish: true, canPublishData: true } });
  await eventually(page, () => window.room.localParticipant.permissions?.canPublish === true);
  await page.evaluate(async () => { await window.room.localParticipant.setCameraEnabled(true); });
  await until(async () => (await rooms.getParticipant('tracks', 'ann')).tracks.length === 1, 'ann publishes again');
  await bob.room.disconnect();
  await page.close();
}));

test('data, to all and to some', covers({ 'server-sdk': ['api-data'] }, async () => {
  const ann = await robot('data', 'ann');
  const page = await tab('data', 'bob');
  const bytes = (text) => new TextEncoder().encode(text);
  await until(async () => (await rooms.listParticipants('data')).every((p) => p.state === 2), 'both are connected');
  // The data channel opens a moment after the media does.
  await until(async () => {
    await rooms.sendData('data', bytes('to all'), DataPacket_Kind.RELIABLE, { topic: 'news' });
    return ann.has(RoomEvent.DataReceived, (payload) => new TextDecoder().decode(payload) === 'to all');
  }, 'ann gets it');
  await eventually(page, () => window.chat.some((m) => m.text === 'to all'));
  await rooms.sendData('data', bytes('to bob'), DataPacket_Kind.RELIABLE, { destinationIdentities: ['bob'] });
  await eventually(page, () => window.chat.some((m) => m.text === 'to bob'));
  assert.ok(!ann.has(RoomEvent.DataReceived, (payload) => new TextDecoder().decode(payload) === 'to bob'));
  await assert.rejects(rooms.sendData('data', new Uint8Array(70_000), DataPacket_Kind.RELIABLE), refused(400, 'invalid_argument'));
  await ann.room.disconnect();
  await page.close();
}));

test('a method of a client is called', async () => {
  const ann = await robot('rpc', 'ann');
  ann.room.localParticipant.registerRpcMethod('greet', async ({ payload }) => `hello ${payload}`);
  const page = await tab('rpc', 'bob');
  await page.evaluate(() => window.room.registerRpcMethod('greet', async ({ payload }) => `good day ${payload}`));
  await until(async () => (await rooms.listParticipants('rpc')).every((p) => p.state === 2), 'both are connected');
  const grant = { roomAdmin: true, room: 'rpc' };
  const perform = (destination_identity, method) => call('RoomService/PerformRpc', { room: 'rpc', destination_identity, method, payload: 'you', response_timeout_ms: 5000 }, grant);
  assert.deepEqual((await perform('ann', 'greet')).body, { payload: 'hello you' });
  assert.deepEqual((await perform('bob', 'greet')).body, { payload: 'good day you' });
  const unknown = await perform('bob', 'sing');
  assert.equal(unknown.status, 412);
  assert.equal(unknown.body.meta.rpc_code, '1400');
  assert.equal((await perform('zoe', 'greet')).body.code, 'not_found');
  await ann.room.disconnect();
  await page.close();
});

test('people are moved to another room, by rtc-node and by Chromium', covers({ 'server-sdk': ['api-move'] }, async () => {
  await rooms.createRoom({ name: 'hall' });
  const ann = await robot('lobby', 'ann');
  const page = await tab('lobby', 'bob');
  await page.evaluate(async () => { await window.room.localParticipant.setCameraEnabled(true); });
  await assert.rejects(rooms.moveParticipant('lobby', 'ann', 'nowhere'), refused(404, 'not_found'));
  await rooms.moveParticipant('lobby', 'ann', 'hall');
  await rooms.moveParticipant('lobby', 'bob', 'hall');
  await until(async () => (await rooms.listParticipants('hall')).filter((p) => p.state === 2).length === 2, 'both arrive', 40);
  assert.ok(!(await rooms.listParticipants('lobby').catch(() => [])).length, 'nobody is left behind');
  await eventually(page, () => window.room.name === 'hall' && window.room.state === 'connected' && window.room.remoteParticipants.has('ann'), undefined, { seconds: 40 });
  await until(() => ann.has(RoomEvent.TrackSubscribed), 'the camera goes on there', 40);
  await ann.room.disconnect();
  await page.close();
}));

test('people are forwarded to another room, and stay in their own', covers({ 'server-sdk': ['api-forward'] }, async () => {
  const page = await tab('stage', 'bob');
  await page.evaluate(async () => { await window.room.localParticipant.setCameraEnabled(true); });
  await assert.rejects(rooms.forwardParticipant('stage', 'bob', 'overflow'), refused(404, 'not_found'));
  const ann = await robot('overflow', 'ann');
  await rooms.forwardParticipant('stage', 'bob', 'overflow');
  await until(() => ann.has(RoomEvent.TrackSubscribed, (track, publication, who) => who.identity === 'bob'), 'ann gets the camera');
  const copy = await rooms.getParticipant('overflow', 'bob');
  assert.deepEqual(copy.kindDetails, [1]);
  assert.equal(copy.tracks.length, 1);
  assert.equal((await rooms.listParticipants('stage')).length, 1, 'bob is still there');
  await assert.rejects(rooms.forwardParticipant('overflow', 'bob', 'stage'), refused(412, 'failed_precondition'));
  await assert.rejects(rooms.mutePublishedTrack('overflow', 'bob', copy.tracks[0].sid, true), refused(412, 'failed_precondition'));
  await rooms.updateParticipant('stage', 'bob', { metadata: 'seen in both' });
  await until(() => ann.room.remoteParticipants.get('bob')?.metadata === 'seen in both', 'ann sees the change');
  await rooms.removeParticipant('overflow', 'bob');
  await until(() => !ann.room.remoteParticipants.has('bob'), 'bob is gone from there');
  assert.equal(await page.evaluate(() => window.room.state), 'connected');
  await rooms.forwardParticipant('stage', 'bob', 'overflow');
  await until(() => ann.room.remoteParticipants.has('bob'), 'bob is back');
  await page.close();
  await until(() => !ann.room.remoteParticipants.has('bob'), 'bob left both rooms', 40);
  await ann.room.disconnect();
}));

test('rights, accounts and regions', covers({ 'server-sdk': ['api-refusals'] }, async () => {
  const { room } = await robot('mine', 'ann');
  const other = new RoomServiceClient(node.http_url(), 'ukkey', 'uksecret');
  assert.deepEqual(await other.listRooms(), []);
  await assert.rejects(other.listParticipants('mine'), refused(404, 'not_found'));
  await assert.rejects(other.deleteRoom('mine'), refused(404, 'not_found'));
  await assert.rejects(new RoomServiceClient(node.http_url(), 'devkey', 'wrong').listRooms(), refused(401, 'unauthenticated'));
  await assert.rejects(new RoomServiceClient(node.http_url('us-east'), 'ukkey', 'uksecret').createRoom({ name: 'a' }), refused(403, 'permission_denied'));
  assert.equal((await call('RoomService/ListRooms', {}, { roomCreate: true })).body.code, 'unauthenticated');
  assert.equal((await call('RoomService/ListParticipants', { room: 'mine' }, { roomAdmin: true, room: 'other' })).body.code, 'unauthenticated');
  for (const method of ['ForwardParticipant', 'MoveParticipant']) {
    const passage = { room: 'mine', identity: 'ann', destination_room: 'b' };
    assert.equal((await call(`RoomService/${method}`, passage, { roomAdmin: true, room: 'mine', destinationRoom: 'c' })).body.code, 'unauthenticated');
    assert.equal((await call(`RoomService/${method}`, passage, { roomAdmin: true, room: 'mine', destinationRoom: 'b' })).body.code, 'not_found');
  }
  await room.disconnect();
}));

test('the transport: both encodings, and errors as clients expect them', async () => {
  await rooms.createRoom({ name: 'twirp' });
  const json = await call('RoomService/ListRooms', { names: ['twirp'], unknown: 1 }, { roomList: true });
  assert.equal(json.type, 'application/json');
  const [room] = json.body.rooms;
  assert.equal(typeof room.creation_time, 'string');
  assert.equal(room.num_participants, 0);
  assert.equal((await call('RoomService/ListRooms', '{', { roomList: true })).body.code, 'malformed');
  assert.equal((await call('RoomService/Dance', {}, { roomList: true })).body.code, 'bad_route');
  assert.equal((await call('RoomService/ListRooms', {}, { roomList: true }, { contentType: 'text/plain' })).body.code, 'bad_route');

  const { ListRoomsRequest, ListRoomsResponse } = await import('@livekit/protocol');
  const access = new AccessToken('devkey', 'secret', { ttl: '1m' });
  access.addGrant({ roomList: true });
  const binary = await fetch(`${node.http_url()}/twirp/livekit.RoomService/ListRooms`, {
    method: 'POST', headers: { Authorization: `Bearer ${await access.toJwt()}`, 'Content-Type': 'application/protobuf' },
    body: new ListRoomsRequest({ names: ['twirp'] }).toBinary(),
  });
  assert.equal(binary.headers.get('content-type'), 'application/protobuf');
  assert.deepEqual(ListRoomsResponse.fromBinary(new Uint8Array(await binary.arrayBuffer())).rooms.map((r) => r.name), ['twirp']);
  assert.ok(await node.metric('meridian_room_service_calls_total', 'method="ListRooms",') > 0 || await node.metric('meridian_room_service_calls_total', 'method="ListRooms"') > 0);
});

test('services that are not there say so', covers({ 'server-sdk': ['api-absent'] }, async () => {
  const gone = refused(501, 'unimplemented');
  await assert.rejects(new EgressClient(node.http_url(), 'devkey', 'secret').listEgress(), gone);
  await assert.rejects(new IngressClient(node.http_url(), 'devkey', 'secret').listIngress(), gone);
  await assert.rejects(new SipClient(node.http_url(), 'devkey', 'secret').listSipInboundTrunk(), gone);
}));
