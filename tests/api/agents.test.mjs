// Agents: a worker that speaks LiveKit's protocol (as JSON, from a page) registers, is asked, gets
// a token, and rtc-node joins with it as the agent. AgentDispatchClient dispatches.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { dispose, ParticipantKind, Room } from '@livekit/rtc-node';
import { AgentDispatchClient, RoomServiceClient } from 'livekit-server-sdk';
import { covers } from '../support/behaviours.mjs';
import { Browser } from '../support/browser.mjs';
import { MeridianNode } from '../support/node.mjs';
import { token } from '../support/token.mjs';

let node;
let browser;
let dispatches;
let rooms;
before(async () => {
  node = await MeridianNode.start();
  browser = await Browser.start();
  dispatches = new AgentDispatchClient(node.http_url(), 'devkey', 'secret');
  rooms = new RoomServiceClient(node.http_url(), 'devkey', 'secret');
});
after(async () => { await browser?.stop(); await node?.dispose(); await dispose(); });

async function until(check, what, seconds = 20) {
  const deadline = Date.now() + seconds * 1000;
  while (Date.now() < deadline) {
    const found = await check();
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return assert.fail(`in ${seconds} s not: ${what}`);
}

/** A worker's connection; `got(kind)` waits for its next message of that kind. */
class Worker {
  static async start({ account = 'dev', region, register = {}, grants = { agent: true, roomJoin: false } } = {}) {
    const worker = new Worker();
    worker.page = await browser.tab();
    worker.taken = 0;
    const url = `${node.url(region)}/agent?access_token=${token({ account, grants })}`;
    worker.state = await worker.page.evaluate((address) => new Promise((resolve) => {
      window.messages = [];
      window.socket = new WebSocket(address);
      window.socket.onopen = () => resolve('open');
      window.socket.onclose = () => resolve('closed');
      window.socket.onmessage = async ({ data }) => window.messages.push(JSON.parse(typeof data === 'string' ? data : await data.text()));
    }), url);
    if (worker.state === 'open') {
      await worker.send({ register: { type: 'JT_ROOM', version: '1.0', ...register } });
      worker.id = (await worker.got('register')).workerId;
    }
    return worker;
  }
  send(message) { return this.page.evaluate((m) => window.socket.send(JSON.stringify(m)), message); }
  messages() { return this.page.evaluate(() => window.messages); }
  async got(kind) {
    return until(async () => {
      const messages = await this.messages();
      for (let i = this.taken; i < messages.length; i += 1) if (messages[i][kind]) { this.taken = i + 1; return messages[i][kind]; }
      return undefined;
    }, `the worker hears ${kind}`);
  }
  async take() {
    const { job } = await this.got('availability');
    await this.send({ availability: { jobId: job.id, available: true, participantName: 'Helper' } });
    return this.got('assignment');
  }
  stop() { return this.page.close(); }
}

test('a room gets an agent, which ends with the room', covers({ 'rtc-node': ['agent'] }, async () => {
  const worker = await Worker.start();
  assert.match(worker.id, /^AW_/);
  const ann = new Room();
  await ann.connect(node.url(), token({ room: 'helped', identity: 'ann' }), { autoSubscribe: true, dynacast: false });
  const assignment = await worker.take();
  assert.equal(assignment.job.room.name, 'helped');
  const agent = new Room();
  await agent.connect(node.url(), assignment.token, { autoSubscribe: true, dynacast: false });
  const seen = await until(() => [...ann.remoteParticipants.values()][0], 'ann sees the agent');
  assert.equal(seen.kind, ParticipantKind.AGENT);
  assert.equal(seen.name, 'Helper');
  assert.equal((await rooms.getParticipant('helped', agent.localParticipant.identity)).permission.agent, true);
  await worker.send({ ping: { timestamp: '5' } });
  assert.equal((await worker.got('pong')).lastTimestamp, '5');
  await rooms.deleteRoom('helped');
  assert.equal((await worker.got('termination')).jobId, assignment.job.id);
  await ann.disconnect();
  await agent.disconnect();
  await worker.stop();
}));

test('a named agent comes when it is dispatched', covers({ 'server-sdk': ['api-dispatch'] }, async () => {
  const worker = await Worker.start({ register: { agentName: 'scribe' } });
  const made = await dispatches.createDispatch('minutes', 'scribe', { metadata: 'in English' });
  assert.match(made.id, /^AD_/);
  const assignment = await worker.take();
  assert.equal(assignment.job.metadata, 'in English');
  const [listed] = await dispatches.listDispatch('minutes');
  assert.equal(listed.id, made.id);
  assert.equal(listed.state.jobs[0].state.status, 1, 'running');
  await dispatches.deleteDispatch(made.id, 'minutes');
  assert.equal((await worker.got('termination')).jobId, assignment.job.id);
  assert.deepEqual(await dispatches.listDispatch('minutes'), []);
  await assert.rejects(dispatches.deleteDispatch(made.id, 'minutes'), (error) => error.status === 404);

  await rooms.createRoom({ name: 'begun', agents: [{ agentName: 'scribe', metadata: 'from the start' }] });
  assert.equal((await worker.take()).job.metadata, 'from the start');
  const room = new Room();
  await room.connect(node.url(), token({ room: 'asked', identity: 'ann', claims: { roomConfig: { agents: [{ agentName: 'scribe', metadata: 'from the token' }] } } }), { autoSubscribe: true, dynacast: false });
  assert.equal((await worker.take()).job.metadata, 'from the token');
  await room.disconnect();
  await worker.stop();
}));

test('a job whose worker is gone is taken over, once its agent is gone too', async () => {
  const first = await Worker.start({ register: { agentName: 'nurse' } });
  await dispatches.createDispatch('ward', 'nurse', { metadata: 'night' });
  const assignment = await first.take();
  const agent = new Room();
  await agent.connect(node.url(), assignment.token, { autoSubscribe: true, dynacast: false });
  const second = await Worker.start({ register: { agentName: 'nurse' } });
  await first.stop();
  await new Promise((resolve) => setTimeout(resolve, 5000));
  assert.deepEqual((await second.messages()).filter((m) => m.availability), [], 'the agent goes on without it');
  await agent.disconnect();
  const again = await second.take();
  assert.equal(again.job.id, assignment.job.id);
  assert.equal(again.job.metadata, 'night');
  assert.equal(again.job.state.participantIdentity, assignment.job.state.participantIdentity);
  const [{ state }] = await dispatches.listDispatch('ward');
  assert.equal(state.jobs[0].state.status, 1, 'running');
  assert.equal(await node.metric('meridian_agent_jobs_total', 'result="restarted"'), 1);
  await rooms.deleteRoom('ward');
  assert.equal((await second.got('termination')).jobId, assignment.job.id);
  await second.stop();
});

test('workers come only with the right, where the account permits, and serve their account alone', async () => {
  assert.equal((await Worker.start({ grants: { agent: false } })).state, 'closed');
  assert.equal((await Worker.start({ account: 'uk-only', region: 'us-east' })).state, 'closed');
  const london = await Worker.start({ account: 'uk-only' });
  assert.equal(london.state, 'open');
  const room = new Room();
  await room.connect(node.url(), token({ room: 'theirs', identity: 'ann' }), { autoSubscribe: true, dynacast: false });
  await until(() => rooms.listRooms(['theirs']).then((list) => list.length === 1), 'the room is there');
  assert.deepEqual((await london.messages()).filter((m) => m.availability), []);
  await assert.rejects(new AgentDispatchClient(node.http_url(), 'ukkey', 'uksecret').listDispatch('theirs'), (error) => error.status === 404);
  await room.disconnect();
  await london.stop();
});
