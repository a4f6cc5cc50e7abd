// A stand-in for a node's administration API, with docs/openapi.yaml's shapes, for what a real node does not
// show on demand: a preset's locks, a log that was changed, a client that goes on sending, a lost race. It
// serves the built page under the node's own content security policy.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { webRoot } from './node.mjs';
import { OpenIdProvider } from './openid_provider.mjs';

const types = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' };
const REGIONS = [
  ['uk-london', 'London', ['uk'], 51.5, -0.1], ['eu-frankfurt', 'Frankfurt', ['eu', 'de'], 50.1, 8.7], ['us-east', 'Virginia', ['us'], 38.9, -77.4],
  ['us-west', 'Oregon', ['us'], 45.8, -119.7], ['ap-sydney', 'Sydney', ['au'], -33.9, 151.2], ['in-mumbai', 'Mumbai', ['in'], 19.1, 72.9],
].map(([id, name, jurisdictions, latitude, longitude]) => ({ id, name, jurisdictions, latitude, longitude, url: `wss://${id}.meet.example` }));
const digest = (text) => createHash('sha256').update(text).digest('hex');
const TOKENS = {
  owner: { name: 'Olive Owner', role: 'owner', account: 'dev' },
  auditor: { name: 'Aud Itor', role: 'auditor', account: 'dev' },
  operator: { name: 'Opal Operator', role: 'operator', account: null },
};

function version(account, part, before = {}) {
  const next = {
    account, epoch: (before.epoch ?? 0) + 1, default_region: 'uk-london', opted_in: ['uk-london'], signalling_scope: 'permitted_only', guest_mode: 'host_governs',
    evidence: 'best_effort', routing_control: 'chosen', preset: null, locked: [], groups: {}, users: {}, rooms: {}, ...before, ...part, time: new Date().toISOString(),
  };
  next.epoch = (before.epoch ?? 0) + 1;
  delete next.digest;
  return { ...next, digest: digest(JSON.stringify(next)) };
}

const transit = () => [
  ['uk-london', 'client', 'rtp', 1840, 1_912_345, 5210, 5_404_004], ['uk-london', 'client', 'rtcp', 96, 8_900, 120, 11_020], ['uk-london', 'client', 'stun', 40, 4_400, 40, 3_600],
  ['uk-london', 'client', 'dtls', 9, 4_812, 9, 5_104], ['uk-london', 'relay', 'rtp', 1720, 1_804_001, 1840, 1_912_345], ['uk-london', 'data', 'data', 12, 1_120, 24, 2_240],
  ['us-east', 'client', 'rtp', 1720, 1_804_001, 3560, 3_700_210], ['us-east', 'client', 'rtcp', 60, 5_100, 74, 6_130], ['us-east', 'relay', 'rtp', 1840, 1_912_345, 1720, 1_804_001],
].flatMap(([region, leg, kind, ip, ib, op, ob]) => [
  { region, leg, kind, direction: 'in', packets: ip, bytes: ib }, { region, leg, kind, direction: 'out', packets: op, bytes: ob }]);

export class AdminFixture {
  static async start() {
    const fixture = new AdminFixture();
    fixture.regions = REGIONS;
    fixture.fault = undefined;          // what the verification says of the log
    fixture.beforeChange = undefined;   // runs before the next change is looked at, once
    fixture.still = [];                 // still_sending of the next outcome
    fixture.slow = 0;                   // milliseconds that a change takes
    fixture.asked = [];
    fixture.outcomes = new Map();
    const dev = version('dev', { opted_in: ['uk-london', 'us-east', 'eu-frankfurt', 'ap-sydney'], actor: 'configuration', reason: 'provisioned',
      groups: { staff: ['uk-london', 'eu-frankfurt', 'us-east'], pupils: ['uk-london'] }, users: { 'ann@school.example': { group: 'staff', regions: ['uk-london', 'us-east'] }, 'ben@school.example': { group: 'pupils' } }, rooms: { 'board meeting': ['uk-london', 'us-east'] } });
    fixture.versions = {
      dev: [dev],
      clinic: [version('clinic', { preset: 'health', guest_mode: 'strict', evidence: 'required', locked: ['opted_in', 'signalling_scope', 'guest_mode', 'evidence', 'overrides'], actor: 'operator', reason: 'preset' })],
      filed: [version('filed', { opted_in: ['uk-london', 'eu-frankfurt'], actor: 'configuration', reason: 'config.yaml' })],
      free: [version('free', { routing_control: 'fixed', actor: 'operator', reason: 'free plan' })],
    };
    fixture.server = createServer((request, response) => { void fixture.#answer(request, response); });
    await new Promise((resolve) => fixture.server.listen(0, '127.0.0.1', resolve));
    fixture.provider = await OpenIdProvider.start();
    fixture.url = `http://127.0.0.1:${fixture.server.address().port}`;
    fixture.issuer = fixture.provider.issuer;
    return fixture;
  }
  async stop() {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
    await this.provider.stop();
  }
  routing(account) { return this.versions[account].at(-1); }
  change(account, part) { this.versions[account].push(version(account, part, this.routing(account))); }

  async #answer(request, response) {
    const url = new URL(request.url, this.url);
    if (!url.pathname.startsWith('/v1/')) { this.#file(url, response); return; }
    let body = '';
    for await (const chunk of request) body += chunk;
    this.asked.push(`${request.method} ${request.url}`);
    const { status, value, headers = {} } = await this.#api(request, url, body ? JSON.parse(body) : undefined);
    const isText = typeof value === 'string';
    response.writeHead(status, { 'Content-Type': isText ? 'text/plain; charset=utf-8' : 'application/json', ...headers }).end(isText ? value : JSON.stringify(value));
  }
  #file(url, response) {
    const path = normalize(url.pathname === '/admin' ? '/admin/index.html' : url.pathname);
    try {
      const content = readFileSync(join(webRoot, path));
      response.writeHead(200, { 'Content-Type': types[extname(path)] ?? 'application/octet-stream',
        'Content-Security-Policy': `default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self' data: blob:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; connect-src 'self' ${new URL(this.provider.token_endpoint).origin}` }).end(content);
    } catch {
      response.writeHead(404).end();
    }
  }
  async #api(request, url, body) {
    const ok = (value, headers) => ({ status: 200, value, headers });
    const no = (status, error, message) => ({ status, value: { error, message } });
    if (url.pathname === '/v1/sign-in') {
      return ok({ static_token: true, oidc: { issuer: this.issuer, client_id: 'meridian-admin', authorization_endpoint: `${this.issuer}/authorize`, token_endpoint: this.provider.token_endpoint, scope: 'openid' } });
    }
    const bearer = request.headers.authorization?.replace('Bearer ', '') ?? '';
    const me = TOKENS[bearer] ?? (this.provider.signed(bearer) ? TOKENS.owner : undefined);
    if (!me || this.isEnded) return no(401, 'unauthorized', 'No token that counts.');
    if (url.pathname === '/v1/me') return ok({ ...me, signed_in_by: TOKENS[bearer] ? 'static_token' : 'oidc' });
    if (url.pathname === '/v1/regions') return ok({ regions: this.regions });
    const describe = (id) => ({ id, name: { dev: 'Riverside School', clinic: 'Hill Clinic' }[id] ?? id, default_region: 'uk-london', managed_by: id === 'filed' ? 'file' : 'store', epoch: this.routing(id).epoch, preset: this.routing(id).preset, routing_control: this.routing(id).routing_control });
    if (url.pathname === '/v1/accounts') return ok({ accounts: Object.keys(this.versions).filter((id) => !me.account || id === me.account).map(describe) });
    const [, account, rest] = /^\/v1\/accounts\/([^/]+)\/(.*)$/.exec(url.pathname) ?? [];
    if (!this.versions[account] || (me.account && me.account !== account)) return no(404, 'not_found', 'There is no such account.');
    const now = this.routing(account);
    if (rest === 'routing' && request.method === 'GET') return ok(now, { ETag: `"${now.epoch}"` });
    if (rest === 'routing') return this.#put(me, account, request, url, body, ok, no);
    if (rest === 'routing/history') {
      const before = Number(url.searchParams.get('before') ?? Infinity);
      return ok({ versions: this.versions[account].filter((one) => one.epoch < before).reverse().slice(0, Number(url.searchParams.get('limit'))) });
    }
    if (rest.startsWith('routing/changes/')) {
      const outcome = this.outcomes.get(Number(rest.split('/').at(-1)));
      return outcome ? ok(outcome) : no(404, 'not_found', 'No longer kept.');
    }
    if (rest === 'routing/effective') {
      const room = now.rooms[url.searchParams.get('room')];
      const steps = [{ level: 'account', regions: now.opted_in }, ...(room ? [{ level: 'room', regions: room }] : [])];
      const effective = steps.at(-1).regions;
      const region = url.searchParams.get('region');
      const denied = region && !effective.includes(region);
      return ok({ effective, steps, decision: denied ? 'denied' : 'allowed', region: denied ? null : region ?? now.default_region, reason: denied ? 'region_not_allowed' : null });
    }
    if (rest === 'meetings') return ok({ meetings: account === 'dev' ? [{ sid: 'RM_8c21f0a97d', room: 'Year 9 physics', started: new Date(Date.now() - 1_200_000).toISOString(), participants: [{ region: 'uk-london', count: 2 }, { region: 'us-east', count: 1 }], transit: transit() }] : [] });
    if (rest === 'transit-reports') return ok({ reports: [{ sid: 'RM_8c21f0a97d', time: '2026-11-22T21:10:04Z' }, { sid: 'RM_77aa019bd2', time: '2026-11-21T09:00:41Z' }] });
    if (rest.startsWith('transit-reports/')) {
      return request.headers.accept === 'text/plain' ? ok('Transit report of meeting RM_8c21f0a97d\n\n  London     in 3.7 MB   out 7.3 MB\n  Virginia   in 3.7 MB   out 5.5 MB\n\nRelays agree: what left one region arrived in the other.\n') : ok({ sid: rest.split('/')[1], signature: 'x' });
    }
    if (rest === 'audit') {
      const after = Number(url.searchParams.get('after'));
      const kinds = ['PermitGranted', 'PermitDenied', 'AdminAction', 'PolicyChanged', 'PermitRevoked'];
      const records = Array.from({ length: 120 }, (_, i) => ({ seq: i + 1, kind: kinds[i % 5], time: new Date(Date.UTC(2026, 10, 22, 20, i % 60, 7)).toISOString(), region: REGIONS[i % 3].id, epoch: 1, room: 'RM_8c21f0a97d', ...(i % 5 === 1 ? { reason: 'region_not_allowed', count: 3 } : {}), digest: digest(String(i)) }));
      return ok({ records: records.slice(after, after + Number(url.searchParams.get('limit'))), next: null });
    }
    if (rest === 'audit/export') return ok('{"line":1}\n');
    if (rest === 'audit/verification') {
      return ok({ intact: !this.fault, lines: 4312, records: 120, head: digest('head'), checkpoint: { size: 4300, root: digest('root'), note: 'note' }, ...(this.fault ? { fault: this.fault } : {}) });
    }
    return no(404, 'not_found', 'No such thing.');
  }
  async #put(me, account, request, url, body, ok, no) {
    if (me.role === 'auditor') return no(403, 'forbidden', 'An auditor may not.');
    const match = request.headers['if-match'];
    const isDry = url.searchParams.get('dry_run') === '1';
    if (!isDry) { this.beforeChange?.(); this.beforeChange = undefined; }
    const now = this.routing(account);
    if (match === undefined) return no(428, 'precondition_required', 'Send If-Match.');
    if (match !== `"${now.epoch}"`) return no(412, 'stale_epoch', 'Somebody else changed it.');
    const { reason, ...part } = body;
    const next = { ...now, ...part };
    if (!next.opted_in.includes('uk-london')) return no(409, 'default_region_locked', 'The default region can’t go.');
    for (const [name, set] of Object.entries({ ...next.groups, ...next.rooms })) {
      if (set.some((id) => !next.opted_in.includes(id))) return no(422, 'override_outside_parent', `“${name}” names a region that the account does not have.`);
    }
    const removed = now.opted_in.filter((id) => !next.opted_in.includes(id));
    const people = removed.includes('us-east') ? [{ room: 'Year 9 physics', participant: 'una', from: 'us-east' }] : [];
    if (isDry) return ok({ epoch: now.epoch + 1, would_move: people.map((one) => ({ ...one, to: 'uk-london' })), would_refuse: people.map((one) => ({ ...one, participant: 'guest of Hill Clinic', reason: 'guest_region_not_allowed' })) });
    await new Promise((resolve) => setTimeout(resolve, this.slow));
    this.change(account, { ...part, reason, actor: me.name });
    const at = Date.now();
    const outcome = { epoch: now.epoch + 1, requested_at: new Date(at - 430).toISOString(), revoked_at: new Date(at - 425).toISOString(), dry_at: new Date(at).toISOString(), moved: people.map((one) => ({ ...one, told: true })), failed: [], still_sending: this.still, covered_by_lease: [] };
    this.outcomes.set(outcome.epoch, outcome);
    return ok(outcome, { ETag: `"${outcome.epoch}"` });
  }
}
