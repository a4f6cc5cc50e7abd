// The commands for administrators, against a running node.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { MeridianNode, program } from '../support/node.mjs';

let node;
before(async () => { node = await MeridianNode.start(); });
after(async () => { await node?.dispose(); });

/** {code, out, err} of `meridian ARGUMENTS`. */
function run(token, ...args) {
  const env = { ...process.env, MERIDIAN_URL: node.http_url(), MERIDIAN_ADMIN_TOKEN: token };
  return new Promise((resolve) => {
    execFile(program, args, { env }, (error, out, err) => resolve({ code: error?.code ?? 0, out, err }));
  });
}
async function good(token, ...args) {
  const { code, out, err } = await run(token, ...args);
  assert.equal(code, 0, `${args.join(' ')}: ${err}`);
  return out;
}

test('an account is made, and its keys are kept', async () => {
  const made = JSON.parse(await good('operator', 'account', 'create', 'clinic', '--default-region', 'uk-london', '--opted-in', 'eu-frankfurt,us-east', '--name', 'Clinic'));
  assert.equal(made.account.name, 'Clinic');
  assert.ok(made.key.secret.length >= 32);
  assert.deepEqual(JSON.parse(await good('operator', 'account', 'list')).accounts.map((a) => a.id), ['dev', 'uk-only', 'clinic']);
  const { key } = JSON.parse(await good('clinic', 'account', 'create-key', 'clinic'));
  assert.equal(JSON.parse(await good('clinic', 'account', 'rotate-key', 'clinic', key)).key, key);
  await good('clinic', 'account', 'revoke-key', 'clinic', key);
  assert.deepEqual(JSON.parse(await good('clinic', 'account', 'keys', 'clinic')).keys, [{ key: made.key.key }]);
});

test('routing is tried, set, explained and put into DNS', async () => {
  assert.equal(JSON.parse(await good('clinic', 'routing', 'get', 'clinic')).epoch, 1);
  const preview = await good('clinic', 'routing', 'set', 'clinic', '--opt-out', 'us-east', '--reason', 'why', '--dry-run');
  assert.match(preview, /0 would move.*nothing was changed/);
  const outcome = await good('clinic', 'routing', 'set', 'clinic', '--opt-out', 'us-east', '--room', 'ward=uk-london', '--guest-mode', 'strict', '--reason', 'why');
  assert.match(outcome, /epoch 2 is in force/);
  const policy = JSON.parse(await good('clinic', 'routing', 'get', 'clinic'));
  assert.deepEqual([policy.opted_in, policy.rooms, policy.guest_mode, policy.reason], [['eu-frankfurt', 'uk-london'], { ward: ['uk-london'] }, 'strict', 'why']);
  assert.match(await good('clinic', 'routing', 'explain', 'clinic', '--room', 'ward'), /room: uk-london\neffective: uk-london\nallowed: uk-london/);
  assert.match(await good('clinic', 'routing', 'explain', 'clinic', '--arrived-at', 'us-east'), /denied: region_not_allowed/);
  const dns = await good('clinic', 'routing', 'dns', 'clinic', '--name', 'meet.clinic.example');
  assert.match(dns, /^meet\.clinic\.example\. 60 IN A 127\.0\.0\.1 {2}; uk-london$/m);
  assert.ok(!dns.includes('us-east'));
  assert.equal(JSON.parse(await good('clinic', 'routing', 'history', 'clinic')).versions.length, 2);
  await good('clinic', 'routing', 'set', 'clinic', '--room', 'ward=', '--reason', 'over');
  assert.deepEqual(JSON.parse(await good('clinic', 'routing', 'get', 'clinic')).rooms, {});
});

test('opting a region out takes it out of the levels, too', async () => {
  await good('clinic', 'routing', 'set', 'clinic', '--opt-in', 'us-east', '--room', 'ward=uk-london,us-east', '--user', 'ann=uk-london,us-east', '--reason', 'why');
  const { code, err } = await run('clinic', 'routing', 'set', 'clinic', '--opt-out', 'us-east', '--reason', 'why');
  assert.equal(code, 0, err);
  assert.match(err, /also out of the user setting of ann: us-east\nalso out of the room setting of ward: us-east/);
  const policy = JSON.parse(await good('clinic', 'routing', 'get', 'clinic'));
  assert.deepEqual([policy.rooms, policy.users], [{ ward: ['uk-london'] }, { ann: { regions: ['uk-london'] } }]);
});

test('an account is not made with regions that its preset or plan excludes', async () => {
  const fixed = await run('operator', 'account', 'create', 'basic', '--default-region', 'uk-london', '--opted-in', 'us-east', '--fixed');
  assert.match(fixed.err, /409.*routing_fixed/);
});

test('people are found and forgotten', async () => {
  const { epoch } = JSON.parse(await good('clinic', 'routing', 'get', 'clinic'));
  const found = JSON.parse(await good('clinic', 'people', 'find', 'clinic', '--identity', 'owner-clinic')).people;
  assert.equal(found.at(-1).pseudonym, `epoch-${epoch}`);
  await good('clinic', 'people', 'forget', 'clinic', `epoch-${epoch}`);
  assert.deepEqual(JSON.parse(await good('clinic', 'people', 'find', 'clinic', '--pseudonym', `epoch-${epoch}`)).people, []);
  assert.match((await run('operator', 'people', 'find', 'clinic', '--identity', 'x')).err, /403/);
});

test('evidence is fetched into a file that verifies', async () => {
  const file = join(node.folder, 'clinic.log');
  await good('clinic', 'audit', 'export', 'clinic', '--out', file);
  assert.match(readFileSync(file, 'utf8'), /"reason":"putRouting"/);
  assert.match(await good('clinic', 'audit', 'verify', file), /chain intact/);
  const [keys, notes] = ['keys', 'checkpoints.jsonl'].map((name) => join(node.folder, name));
  await good('clinic', 'audit', 'keys', '--out', keys);
  await good('clinic', 'audit', 'checkpoints', '--out', notes);
  const verified = await new Promise((resolve) => {
    execFile(`${program}-verify`, ['log', file, '--checkpoint', notes, '--key', keys], (error, out, err) => resolve({ code: error?.code ?? 0, out, err }));
  });
  assert.equal(verified.code, 0, verified.out + verified.err);
  assert.deepEqual(JSON.parse(await good('clinic', 'transit-report', 'list', 'clinic')), { reports: [] });
});

test('a refusal is a sentence and an exit code', async () => {
  for (const [token, args, words] of [
    ['clinic', ['routing', 'set', 'clinic', '--opt-out', 'uk-london', '--reason', 'r'], /409.*default_region_locked/],
    ['clinic', ['routing', 'set', 'clinic', '--opt-out', 'mars', '--reason', 'r'], /mars isn't opted in/],
    ['operator', ['routing', 'set', 'clinic', '--opt-in', 'us-east', '--reason', 'r'], /403.*operator_cannot_widen/],
    ['owner', ['routing', 'set', 'dev', '--opt-out', 'us-east', '--reason', 'r'], /409.*managed_by_file/],
    ['clinic', ['transit-report', 'get', 'clinic', 'RM_none'], /404.*not_found/],
    ['wrong', ['account', 'list'], /401.*unauthorized/],
    ['', ['account', 'list'], /MERIDIAN_ADMIN_TOKEN/],
  ]) {
    const { code, err } = await run(token, ...args);
    assert.equal(code, 1, args.join(' '));
    assert.match(err, words);
  }
});

test('a LiveKit configuration becomes one of ours', async () => {
  const theirs = join(node.folder, 'livekit.yaml');
  writeFileSync(theirs, 'port: 7880\nregion: home\nkeys: {APIkey: a-secret-of-more-than-thirty-two-characters}\nredis: {address: "localhost:6379"}\nrtc: {udp_port: 7882, node_ip: 192.0.2.1}\nroom: {max_participants: 20}\n');
  const { code, out, err } = await run('', 'import', theirs);
  assert.equal(code, 0, err);
  assert.match(err, /livekit\.yaml: redis: /);
  const ours = join(node.folder, 'imported.yaml');
  writeFileSync(ours, out);
  await good('', 'check-config', ours);
  assert.equal((await run('', 'import', join(node.folder, 'none.yaml'))).code, 1);
});
