// A restart never undoes an opt-out, a reload takes effect at once, and whoever means to widen says so on record.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { MeridianNode, program } from '../support/node.mjs';
import { token } from '../support/token.mjs';

let node;
before(async () => { node = await MeridianNode.start(); });
after(async () => { await node?.dispose(); });

const EVERYWHERE = 'opted_in: [uk-london, eu-frankfurt, us-east]';
const LONDON = 'opted_in: [uk-london]';
const write = (opted) => {
  const text = readFileSync(node.config, 'utf8').replace(/(id: dev,.*)opted_in: \[[^\]]*\]/, `$1${opted}`);
  writeFileSync(node.config, text);
};
const permitted = async () => {
  const answer = await fetch(`${node.http_url()}/settings/regions?access_token=${token({ account: 'dev', room: 'r', identity: 'ann' })}`);
  return (await answer.json()).regions.map((region) => region.region);
};
const settle = async (wanted) => {
  for (let tries = 0; tries < 100; tries += 1) {
    if ((await permitted()).length === wanted) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.fail(`the set never had ${wanted} regions`);
};
const kill = async () => { node.process.kill('SIGKILL'); await node.exited; };
const meridian = (...args) => spawnSync(program, args, { encoding: 'utf8' });
const confirm = (account = 'dev') => meridian('routing', 'confirm', '--config', node.config, '--data-dir', join(node.folder, 'data'), '--account', account, '--reason', 'a new site');

test('an opt-out by reload holds at once, and after the process was killed', async () => {
  assert.equal((await permitted()).length, 3);
  write(LONDON);
  node.process.kill('SIGHUP');
  await settle(1);
  await kill();
  await node.launch();
  assert.deepEqual(await permitted(), ['uk-london']);
});

test('a configuration that permits more is refused at start until an operator confirms it on record', async () => {
  await kill();
  write(EVERYWHERE);
  const refused = meridian('serve', '--config', node.config, '--data-dir', join(node.folder, 'data'));
  assert.equal(refused.status, 1);
  assert.match(refused.stderr, /account dev: the configuration permits more/);
  assert.match(refused.stderr, /meridian routing confirm/);
  const confirmed = confirm();
  assert.equal(confirmed.status, 0, confirmed.stderr);
  await node.launch();
  assert.equal((await permitted()).length, 3);
  const log = join(node.folder, 'data', 'audit', 'audit-000001.log');
  assert.match(readFileSync(log, 'utf8'), /policy_confirmed/);
  assert.equal(meridian('audit', 'verify', log).status, 0);
});

test('a policy store that is gone, or of another process, is not passed over', async () => {
  assert.match(confirm().stderr, /does another process use it/);
  await kill();
  const store = join(node.folder, 'data', 'policy.db');
  for (const name of [store, `${store}-wal`]) if (existsSync(name)) writeFileSync(name, '');
  const refused = meridian('serve', '--config', node.config, '--data-dir', join(node.folder, 'data'));
  assert.equal(refused.status, 1);
  for (const account of ['dev', 'uk-only']) {
    assert.match(refused.stderr, new RegExp(`account ${account}: .*older than the log`));
    assert.equal(confirm(account).status, 0);
  }
  await node.launch();
});

test('a mistake in a configuration that is reloaded changes nothing', async () => {
  writeFileSync(node.config, `${readFileSync(node.config, 'utf8')}nonsense: 1\n`);
  node.process.kill('SIGHUP');
  for (let tries = 0; tries < 100 && !node.output.includes('config_not_reloaded'); tries += 1) await new Promise((resolve) => setTimeout(resolve, 50));
  assert.match(node.output, /config_not_reloaded.*nonsense/);
  assert.equal((await permitted()).length, 3);
});
