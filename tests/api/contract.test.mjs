// docs/openapi.yaml against a running node: every operation is called for each of its kinds of caller,
// and every status and body is one that the description has.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import Ajv from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { parse } from 'yaml';
import { MeridianNode } from '../support/node.mjs';

const description = parse(readFileSync(join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'docs', 'openapi.yaml'), 'utf8'));
const ajv = new Ajv({ strict: false, allErrors: true });
addFormats(ajv);
ajv.addSchema(description, 'openapi');

// WHIP and WHEP stand in it, too: tests/browser/streams.test.mjs.
const operations = Object.entries(description.paths).filter(([path]) => path.startsWith('/v1/')).flatMap(([path, item]) =>
  ['get', 'put', 'post', 'delete'].filter((method) => item[method])
    .map((method) => ({ path, method, pointer: `/paths/${path.replaceAll('/', '~1')}/${method}`, ...item[method] })));
const byId = Object.fromEntries(operations.map((operation) => [operation.operationId, operation]));
const TOKENS = { owner: 'clinic', admin: 'clinic-admin', auditor: 'clinic-auditor', operator: 'operator' };
/** `operationId status` that this run has seen. */
const seen = new Set();
let node;
let key;

function responseOf(operation, status) {
  const response = operation.responses[status];
  if (!response?.$ref) return [response, `${operation.pointer}/responses/${status}`];
  const pointer = response.$ref.slice(1);
  return [pointer.split('/').slice(1).reduce((at, name) => at[name], description), pointer];
}

/** Calls an operation and holds the answer to the description. */
async function call(operationId, { token = TOKENS.owner, parameters = {}, query = '', body, headers } = {}) {
  const operation = byId[operationId];
  const values = { account: 'clinic', key: key.key, sid: 'RM_none', epoch: '1', pseudonym: 'PS_none', ...parameters };
  const path = operation.path.replaceAll(/\{(\w+)\}/g, (_, name) => encodeURIComponent(values[name]));
  const answer = await node.api(operation.method.toUpperCase(), path + query, { token, body, headers });
  const what = `${operation.method} ${path}${query} -> ${answer.status} ${answer.text.slice(0, 400)}`;
  const [response, pointer] = responseOf(operation, answer.status);
  assert.ok(response, `a status that the description doesn't have: ${what}`);
  const type = answer.headers.get('content-type')?.split(';')[0];
  if (response.content) {
    assert.ok(response.content[type], `content type ${type}: ${what}`);
    if (type === 'application/json') {
      const validate = ajv.getSchema(`openapi#${pointer}/content/application~1json/schema`);
      assert.ok(validate(answer.body), `${what}\n${ajv.errorsText(validate.errors)}`);
    }
  } else {
    assert.equal(answer.text, '', what);
  }
  assert.equal(answer.headers.get('cache-control'), 'no-store');
  seen.add(`${operationId} ${answer.status}`);
  return answer;
}

before(async () => { node = await MeridianNode.start(); key = await node.createClinic(); });
after(async () => { await node?.dispose(); });

test('every operation answers each role as the description says', async () => {
  for (const operation of operations) {
    for (const [role, token] of Object.entries(TOKENS)) {
      if (operation.operationId === 'revokeKey' && operation['x-roles'].includes(role)) continue; // later
      const answer = await call(operation.operationId, { token, body: operation.requestBody ? {} : undefined });
      const isAllowed = operation['x-roles'].includes(role) || operation['x-roles'].includes('public');
      assert.equal(answer.status === 403, !isAllowed, `${operation.operationId} as ${role}: ${answer.status}`);
      assert.notEqual(answer.status, 401);
    }
    const nobody = await call(operation.operationId, { token: '', body: operation.requestBody ? {} : undefined });
    assert.equal(nobody.status === 401, !operation['x-roles'].includes('public'), operation.operationId);
    if (operation.path.includes('{account}')) {
      const foreign = await call(operation.operationId, { token: 'owner', body: operation.requestBody ? {} : undefined });
      assert.equal(foreign.status, 404, `${operation.operationId} of another account`);
    }
  }
});

test('accounts are provisioned by the operator, with their default region for good', async () => {
  assert.equal((await call('createAccount', { token: TOKENS.operator, body: { id: 'school', default_region: 'eu-frankfurt', reason: 'contract' } })).status, 201);
  assert.equal((await call('createAccount', { token: TOKENS.operator, body: { id: 'school', default_region: 'eu-frankfurt' } })).status, 409);
  assert.equal((await call('createAccount', { token: TOKENS.operator, body: { id: 'x', default_region: 'mars' } })).status, 422);
  const accounts = (await call('listAccounts', { token: TOKENS.operator })).body.accounts.map((a) => a.id);
  assert.deepEqual(accounts, ['dev', 'uk-only', 'clinic', 'school']);
  assert.deepEqual((await call('listAccounts')).body.accounts.map((a) => a.id), ['clinic']);
});

test('the policy is read, tried, changed and explained', async () => {
  const present = await call('getRouting');
  const etag = present.headers.get('etag');
  const change = { opted_in: ['uk-london', 'eu-frankfurt'], rooms: { ward: ['uk-london'] }, reason: 'contract' };
  assert.equal((await call('putRouting', { body: change })).status, 428);
  assert.equal((await call('putRouting', { body: change, headers: { 'If-Match': '"999"' } })).status, 412);
  const headers = { 'If-Match': etag };
  for (const [status, error, body] of [
    [409, 'default_region_locked', { opted_in: ['us-east'], reason: 'r' }],
    [422, 'override_outside_parent', { opted_in: ['uk-london'], rooms: { ward: ['uk-london', 'us-east'] }, reason: 'r' }],
    [422, 'unknown_region', { opted_in: ['uk-london', 'mars'], reason: 'r' }],
    [400, 'bad_request', { opted_in: ['uk-london'] }],
  ]) {
    const answer = await call('putRouting', { body, headers });
    assert.deepEqual([answer.status, answer.body.error], [status, error]);
  }
  const preview = await call('putRouting', { query: '?dry_run=1', body: change, headers });
  assert.deepEqual(preview.body.would_move, []);
  assert.equal((await call('getRouting')).headers.get('etag'), etag, 'a dry run changes nothing');

  const began = Date.now();
  const changed = await call('putRouting', { body: change, headers });
  assert.ok(Date.now() - began < 2500, 'dry within two seconds');
  assert.ok(changed.body.dry_at, changed.text);
  assert.deepEqual(changed.body.covered_by_lease, []);
  const { epoch } = changed.body;
  assert.equal((await call('getRoutingChange', { parameters: { epoch } })).body.epoch, epoch);
  assert.equal((await call('getRouting')).body.reason, 'contract');
  const versions = (await call('getRoutingHistory')).body.versions;
  assert.deepEqual(versions.map((v) => [v.epoch, v.actor]), [[epoch, 'owner-clinic'], [epoch - 1, 'operator']]);

  const ward = (await call('getEffectiveRouting', { query: '?room=ward' })).body;
  assert.deepEqual([ward.effective, ward.decision, ward.region], [['uk-london'], 'allowed', 'uk-london']);
  const refused = (await call('getEffectiveRouting', { query: '?arrived_at=us-east' })).body;
  assert.deepEqual([refused.decision, refused.reason, refused.region], ['denied', 'region_not_allowed', null]);
  assert.equal((await call('getEffectiveRouting', { query: '?region=mars' })).status, 422);

  const widening = await call('putRouting', { token: TOKENS.operator, body: { opted_in: ['uk-london', 'eu-frankfurt', 'us-east'], reason: 'r' }, headers: { 'If-Match': `"${epoch}"` } });
  assert.deepEqual([widening.status, widening.body.error], [403, 'operator_cannot_widen']);
  const filed = await call('putRouting', { token: 'owner', parameters: { account: 'dev' }, body: { opted_in: ['uk-london'], reason: 'r' }, headers: { 'If-Match': '"1"' } });
  assert.deepEqual([filed.status, filed.body.error], [409, 'managed_by_file']);
  assert.ok((await call('getDns', { query: '?name=meet.clinic.example' })).body.records.every((r) => r.region !== 'us-east'));
});

test('a participant sees the regions that a join may use, nearest first', async () => {
  const { text } = await node.api('POST', '/meridian/v1/token?account=uk-only', { token: '', body: {} });
  const regions = (await call('getRegions', { token: JSON.parse(text).participant_token, query: '?latitude=40&longitude=-75' })).body.regions;
  assert.deepEqual(regions.map((r) => r.id), ['uk-london']);
  assert.deepEqual((await call('getRegions', { query: '?latitude=40&longitude=-75' })).body.regions.map((r) => r.id), ['us-east', 'uk-london', 'eu-frankfurt']);
  assert.equal((await call('getRegions', { query: '?latitude=91&longitude=0' })).status, 400);
});

test('a key shows its secret once, and no longer works when revoked', async () => {
  const made = (await call('createKey')).body;
  assert.ok(!(await call('listKeys')).text.includes(made.secret));
  assert.notEqual((await call('rotateKey', { parameters: { key: made.key } })).body.secret, made.secret);
  const rotated = (await call('rotateKey', { parameters: { key: made.key }, query: '?overlap=3600' })).body;
  assert.ok(Date.parse(rotated.previous_until) > Date.now());
  assert.ok((await call('listKeys')).body.keys.some((k) => k.previous_until === rotated.previous_until));
  assert.equal((await call('rotateKey', { parameters: { key: made.key }, query: '?overlap=604801' })).status, 400);
  assert.equal((await call('revokeKey', { parameters: { key: made.key } })).status, 204);
  assert.equal((await call('revokeKey', { parameters: { key: made.key } })).status, 404);
});

test('what was called stands in the account\'s audit log, which verifies', async () => {
  const first = (await call('getAudit', { token: TOKENS.auditor, query: '?limit=2' })).body;
  assert.equal(first.records.length, 2);
  const all = (await call('getAudit', { query: '?limit=1000' })).body;
  const calls = all.records.filter((r) => r.kind === 'admin_action').map((r) => `${r.actor} ${r.reason} ${r.status}`);
  for (const expected of ['operator createAccount 201', 'owner putRouting 200', 'operator putRouting 403', 'auditor putRouting 403', 'owner revokeKey 204']) {
    assert.ok(calls.includes(expected), `${expected} in ${calls}`);
  }
  const next = (await call('getAudit', { query: `?limit=2&after=${first.next}` })).body;
  assert.equal(next.records[0].seq, first.records[1].seq + 1);
  const verification = (await call('getAuditVerification')).body;
  assert.equal(verification.intact, true, JSON.stringify(verification));
  assert.ok(verification.records >= all.records.length);
  const log = await call('exportAudit');
  const lines = log.text.trimEnd().split('\n').map((line) => JSON.parse(line));
  assert.ok(lines.every((line) => !line.record || line.record.account === 'clinic'), 'nobody else\'s records');
  assert.ok(lines.some((line) => !line.record) && lines.some((line) => line.record));
  assert.ok(!log.text.includes(key.secret));
});

test('who made a policy can be looked up by the owner, and forgotten', async () => {
  const { epoch } = (await call('getRouting')).body;
  const pseudonym = `epoch-${epoch}`;
  let row;
  for (const deadline = Date.now() + 10_000; !row && Date.now() < deadline;) {  // it is written behind the answer
    [row] = (await call('findPeople', { query: `?pseudonym=${pseudonym}` })).body.people;
  }
  assert.equal(row.identity, 'owner-clinic');
  assert.ok((await call('findPeople', { query: '?identity=owner-clinic' })).body.people.length >= 1);
  const records = (await call('getAudit', { query: '?limit=1000' })).body.records;
  assert.equal(row.commitment, records.find((r) => r.kind === 'policy_changed' && r.epoch === epoch).commitment);
  assert.equal((await call('erasePerson', { parameters: { pseudonym } })).status, 204);
  assert.deepEqual((await call('findPeople', { query: '?identity=owner-clinic' })).body.people, []);
  const { versions } = (await call('getRoutingHistory')).body;
  assert.ok(versions.every((v) => v.actor !== 'owner-clinic'));
  assert.equal((await call('getAuditVerification')).body.intact, true);
});

test('every path takes only its methods', async () => {
  for (const operation of operations) {
    const path = operation.path.replaceAll(/\{\w+\}/g, 'x');
    const answer = await node.api('PATCH', path);
    assert.equal(answer.status, 405, path);
    assert.ok(answer.headers.get('allow').includes(operation.method.toUpperCase()));
  }
  assert.equal((await node.api('GET', '/v1/none')).status, 404);
});

test('every operation was seen to work', () => {
  const needsMeetings = ['getMeetingTransit', 'getTransitReport'];
  for (const { operationId, responses } of operations) {
    const ok = Object.keys(responses).filter((status) => status < 300);
    assert.ok(needsMeetings.includes(operationId) || ok.some((status) => seen.has(`${operationId} ${status}`)), operationId);
  }
});
