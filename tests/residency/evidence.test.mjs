// P1 and P2: what a node wrote down about a meeting over two regions is sound, and nothing of it can be changed unseen.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createServer } from 'node:http';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { AudioFrame, AudioSource, dispose, LocalAudioTrack, Room, TrackPublishOptions, TrackSource } from '@livekit/rtc-node';
import { MeridianNode, program } from '../support/node.mjs';
import { token } from '../support/token.mjs';

const verifier = process.env.MERIDIAN_VERIFY ?? join(dirname(program), 'meridian-verify');
const verify = (...args) => spawnSync(verifier, args, { encoding: 'utf8' });
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

let node;
let witness;
const witnessed = [];
before(async () => {
  witness = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => { body += chunk; }).on('end', () => { witnessed.push(body); response.end(); });
  });
  await new Promise((resolve) => witness.listen(0, '127.0.0.1', resolve));
  node = await MeridianNode.start();
});
after(async () => { await node?.dispose(); witness?.close(); await dispose(); });

const data = (...path) => join(node.folder, 'data', ...path);
const log = () => data('audit', 'audit-000001.log');
const lines = () => readFileSync(log(), 'utf8').trimEnd().split('\n');
const publishedKey = () => lines().map((line) => JSON.parse(line).record).find((record) => record.kind === 'key_published').key;
const reportFile = () => { const [name] = readdirSync(data('transit', 'dev')); return data('transit', 'dev', name); };

async function join_room(region, identity) {
  const room = new Room();
  await room.connect(node.url(region), token({ room: 'Mrs Smith, knee', identity, region }), { autoSubscribe: true, dynacast: false });
  const source = new AudioSource(48000, 1);
  const options = new TrackPublishOptions();
  options.source = TrackSource.SOURCE_MICROPHONE;
  await room.localParticipant.publishTrack(LocalAudioTrack.createAudioTrack('voice', source), options);
  return { room, source };
}

async function speak(people, seconds) {
  for (let n = 0; n < seconds * 50; n += 1) {
    const samples = new Int16Array(960);
    for (let i = 0; i < samples.length; i += 1) samples[i] = 8000 * Math.sin((2 * Math.PI * 440 * (n * 960 + i)) / 48000);
    await Promise.all(people.map(({ source }) => source.captureFrame(new AudioFrame(samples, 48000, 1, 960))));
  }
}

test('a meeting over two regions leaves a signed report whose numbers agree', async () => {
  const health = await (await fetch(`${node.http_url()}/healthz`)).text();
  const ann = await join_room('uk-london', 'ann@example.org');
  const ben = await join_room('eu-frankfurt', 'ben@example.org');
  await speak([ann, ben], 5);
  await ann.room.localParticipant.publishData(new TextEncoder().encode('hello'), { reliable: true });
  await sleep(6000);
  const meetings = await node.api('GET', '/v1/accounts/dev/meetings', { token: 'owner' });
  const rows = meetings.body.meetings[0].transit;
  assert.ok(rows.some((row) => row.region === 'eu-frankfurt' && row.leg === 'client' && row.kind === 'rtp' && row.direction === 'in' && row.packets > 100), JSON.stringify(rows));
  assert.ok(rows.some((row) => row.leg === 'relay' && row.direction === 'out' && row.packets > 100));
  assert.ok(rows.some((row) => row.leg === 'data' && row.region === 'eu-frankfurt' && row.direction === 'out' && row.packets > 0));
  await ann.room.disconnect();
  await ben.room.disconnect();
  await sleep(500);
  assert.deepEqual(await node.stop(), { code: 0, signal: null });

  const { report } = JSON.parse(readFileSync(reportFile(), 'utf8'));
  assert.equal(report.status, 'final');
  assert.ok(health.includes(report.config), health);
  assert.deepEqual(report.regions.map((region) => region.region), ['eu-frankfurt', 'uk-london']);
  assert.equal(report.relays.length, 2);
  for (const relay of report.relays) { assert.ok(relay.sent.packets > 100); assert.deepEqual(relay.sent, relay.received); }

  const answer = verify('report', reportFile(), '--key', publishedKey(), '--log', log(), '--text');
  assert.equal(answer.status, 0, answer.stdout + answer.stderr);
  assert.match(answer.stdout, /recorded in line \d+ of the log/);
  assert.match(answer.stdout, /both ends of each relay agree/);
  const own = spawnSync(program, ['transit-report', 'verify', reportFile(), '--key', publishedKey()], { encoding: 'utf8' });
  assert.equal(own.status, 0, own.stderr);
});

test('the log agrees with its checkpoints, and names nobody', () => {
  const answer = verify('log', log(), '--checkpoint', data('audit', 'checkpoints.jsonl'), '--key', publishedKey());
  assert.equal(answer.status, 0, answer.stdout + answer.stderr);
  assert.match(answer.stdout, /chain intact/);
  const text = readFileSync(log(), 'utf8') + readFileSync(reportFile(), 'utf8');
  for (const personal of ['ann@', 'ben@', 'Smith', '127.0.0.1']) assert.ok(!text.includes(personal), personal);
  assert.match(readFileSync(data('people', 'uk-london', 'dev.jsonl'), 'utf8'), /ann@example\.org.*Mrs Smith, knee/);
});

test('P1: one byte, one record, the order, the end: each change is found where it is', () => {
  const all = lines();
  const changed = join(node.folder, 'changed.log');
  const check = (edited) => {
    writeFileSync(changed, edited.map((line) => `${line}\n`).join(''));
    return verify('log', changed, '--checkpoint', data('audit', 'checkpoints.jsonl'), '--key', publishedKey());
  };
  assert.equal(check(all).status, 0);
  const at = all.findIndex((line) => line.includes('permit_granted'));
  const flipped = check(all.with(at, all[at].replace('permit_granted', 'permit_gransed')));
  assert.equal(flipped.status, 1);
  assert.match(flipped.stdout, new RegExp(`^line ${at + 1}: `));
  const removed = check(all.toSpliced(at, 1));
  assert.equal(removed.status, 1);
  assert.match(removed.stdout, new RegExp(`^line ${at + 1}: `));
  const reordered = check(all.with(at, all[at + 1]).with(at + 1, all[at]));
  assert.equal(reordered.status, 1);
  assert.match(reordered.stdout, new RegExp(`^line ${at + 1}: `));
  const truncated = check(all.slice(0, -2));
  assert.equal(truncated.status, 1);
  assert.match(truncated.stdout, new RegExp(`^line ${all.length - 2}: truncated`));
});

test('P1: a log that was written anew contradicts the one that was shown before', () => {
  const fork = join(node.folder, 'fork.log');
  writeFileSync(fork, lines().toSpliced(4, 1).map((line) => `${line}\n`).join(''));
  const answer = verify('fork', log(), fork);
  assert.equal(answer.status, 1);
  assert.match(answer.stdout, /differ from line 5 on/);
  assert.equal(verify('fork', log(), log()).status, 0);
});

test('P2: a changed report is refused, and a record can be proved with a checkpoint alone', () => {
  const changed = join(node.folder, 'report.json');
  writeFileSync(changed, readFileSync(reportFile(), 'utf8').replace('"status":"final"', '"status":"running"'));
  assert.equal(verify('report', changed, '--key', publishedKey()).status, 1);
  const line = lines().findIndex((text) => text.includes('transit_report')) + 1;
  const proof = verify('prove', log(), '--line', String(line), '--checkpoint', data('audit', 'checkpoints.jsonl'));
  assert.equal(proof.status, 0, proof.stderr);
  const file = join(node.folder, 'proof.json');
  writeFileSync(file, proof.stdout);
  assert.equal(verify('proof', file, '--key', publishedKey()).status, 0);
  writeFileSync(file, proof.stdout.replace('transit_report', 'transit_repors'));
  assert.equal(verify('proof', file, '--key', publishedKey()).status, 1);
});

test('somebody is forgotten on request, a new key takes over, witnesses hear of it, and the chain holds', async () => {
  const key = publishedKey();
  const rotated = spawnSync(program, ['audit', 'rotate-key', '--config', node.config, '--data-dir', data()], { encoding: 'utf8' });
  assert.equal(rotated.status, 0, rotated.stderr);
  writeFileSync(node.config, `${readFileSync(node.config, 'utf8')}audit: {witnesses: ["http://127.0.0.1:${witness.address().port}/"]}\n`);
  await node.launch();
  const { pseudonym } = JSON.parse(readFileSync(data('people', 'uk-london', 'dev.jsonl'), 'utf8').split('\n').find((row) => row.includes('ann@')));
  assert.equal((await node.api('DELETE', `/v1/accounts/dev/people/${pseudonym}`, { token: 'owner' })).status, 204);
  assert.equal((await node.api('DELETE', `/v1/accounts/dev/people/${pseudonym}`, { token: 'owner' })).status, 404);
  assert.ok(!readFileSync(data('people', 'uk-london', 'dev.jsonl'), 'utf8').includes('ann@'));
  const checked = await node.api('GET', '/v1/accounts/dev/audit/verification', { token: 'owner' });
  assert.equal(checked.body.intact, true, checked.text);
  for (let tries = 0; tries < 100 && witnessed.length === 0; tries += 1) await sleep(50);
  await node.stop();
  assert.ok(lines().some((line) => line.includes('person_erased') && line.includes(pseudonym)));
  // The auditor knows the first key only; it vouches for the second.
  const answer = verify('log', log(), '--checkpoint', data('audit', 'checkpoints.jsonl'), '--key', key);
  assert.equal(answer.status, 0, answer.stdout + answer.stderr);
  assert.equal(answer.stdout.match(/trusted key/g).length, 2);
  const note = join(node.folder, 'witnessed.txt');
  writeFileSync(note, witnessed[0]);
  assert.equal(verify('log', log(), '--checkpoint', note, '--key', key).status, 0);
});
