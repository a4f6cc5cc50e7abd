// Starts a real node on free ports, with its own data folder, and stops it again.
import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
export const program = process.env.MERIDIAN ?? join(root, 'build', 'release', 'meridian');
export const webRoot = join(root, 'web', 'dist');

export const REGIONS = [
  { id: 'uk-london', name: 'London', tags: ['uk'], latitude: 51.5, longitude: -0.1, address: '127.10.0.1' },
  { id: 'eu-frankfurt', name: 'Frankfurt', tags: ['eu', 'de'], latitude: 50.1, longitude: 8.7, address: '127.20.0.1' },
  { id: 'us-east', name: 'Virginia', tags: ['us'], latitude: 38.9, longitude: -77.4, address: '127.30.0.1' },
];
export const ACCOUNTS = {
  dev: { key: 'devkey', secret: 'secret' },
  'uk-only': { key: 'ukkey', secret: 'uksecret' },
};

/** Tokens of the administration API. The account `clinic` is made by the operator (see createClinic). */
export const ADMINS = [
  { name: 'owner-dev', token: 'owner', role: 'owner', account: 'dev' },
  { name: 'admin-dev', token: 'admin', role: 'admin', account: 'dev' },
  { name: 'auditor-dev', token: 'auditor', role: 'auditor', account: 'dev' },
  { name: 'owner-clinic', token: 'clinic', role: 'owner', account: 'clinic' },
  { name: 'admin-clinic', token: 'clinic-admin', role: 'admin', account: 'clinic' },
  { name: 'auditor-clinic', token: 'clinic-auditor', role: 'auditor', account: 'clinic' },
  { name: 'operator', token: 'operator', role: 'operator' },
];

/** The system may give a port that was let go of once more: no two of a run are the same. */
const given = new Set();
async function freeTcpPort() {
  for (;;) {
    const server = createServer();
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address();
    await new Promise((resolve) => server.close(resolve));
    if (!given.has(port)) {
      given.add(port);
      return port;
    }
  }
}

async function freeUdpPort(address) {
  const socket = createSocket('udp4');
  await new Promise((resolve) => socket.bind(0, address, resolve));
  const { port } = socket.address();
  await new Promise((resolve) => socket.close(resolve));
  return port;
}

export const staticTokens = `  static_tokens:
${ADMINS.map(({ name, token, role, account }) => `    - {name: ${name}, token: ${token}, role: ${role}${account ? `, account: ${account}` : ''}}`).join('\n')}`;

function configuration({ http, media, addresses, metrics, workers, peoplePerWorker, web, admin, webhooks, more, advertised }) {
  const regions = REGIONS.map((r, i) => `  - {id: ${r.id}, name: ${r.name}, jurisdictions: [${r.tags}], latitude: ${r.latitude}, longitude: ${r.longitude}, url: "http://127.0.0.1:${http[i]}"}`);
  const pools = REGIONS.map((r, i) => `  - region: ${r.id}
    workers: ${workers}
    people_per_worker: ${peoplePerWorker}
    signalling: ["127.0.0.1:${http[i]}"]
    media: {address: ${addresses[i]}, ${workers > 1 ? `port_range: [${media[i]}, ${media[i] + workers - 1}]` : `port: ${media[i]}`}${advertised[r.id] ? `, advertised_port: ${advertised[r.id]}` : ''}}`);
  return `regions:
${regions.join('\n')}
pools:
${pools.join('\n')}
accounts:
  - {id: dev, name: Development, default_region: uk-london, opted_in: [uk-london, eu-frankfurt, us-east], api_keys: [{key: devkey, secret: secret}], webhooks: ${JSON.stringify(webhooks.dev ?? [])}}
  - {id: uk-only, name: UK only, default_region: uk-london, opted_in: [uk-london], api_keys: [{key: ukkey, secret: uksecret}], webhooks: ${JSON.stringify(webhooks['uk-only'] ?? [])}}
metrics: {listen: "127.0.0.1:${metrics}"}
web: {root: ${web}, token_endpoint: development}
admin:
${admin}
${more}`;
}

/** A running node; `url(region)` is what clients of that region use. */
export class MeridianNode {
  /** `webhooks`: by account; `more`: sections of the configuration that the others don't have. `london`: where the media of that region is, for clients that ignore loopback networks. `advertised`: by region, the media port that clients are told, when it isn't the node's own. `peoplePerWorker`: of one room; unless given, everybody is on another worker than the one before. */
  static async start({ workers = 1, peoplePerWorker = 1, admin = staticTokens, webhooks = {}, more = '', london = REGIONS[0].address, advertised = {} } = {}) {
    const node = new MeridianNode();
    node.folder = mkdtempSync(join(tmpdir(), 'meridian-test-'));
    node.http = [await freeTcpPort(), await freeTcpPort(), await freeTcpPort()];
    node.media = [];
    const addresses = REGIONS.map((region, i) => (i === 0 ? london : region.address));
    for (const address of addresses) node.media.push(await freeUdpPort(address));
    node.metricsPort = await freeTcpPort();
    node.config = join(node.folder, 'config.yaml');
    writeFileSync(node.config, configuration({ http: node.http, media: node.media, addresses, metrics: node.metricsPort, workers, peoplePerWorker, web: webRoot, admin, webhooks, more, advertised }));
    await node.launch();
    return node;
  }

  async launch() {
    this.output = '';
    this.process = spawn(program, ['serve', '--config', this.config, '--data-dir', join(this.folder, 'data')], { stdio: ['ignore', 'pipe', 'pipe'] });
    const keep = (chunk) => { this.output = (this.output + chunk).slice(-200_000); };
    this.process.stdout.on('data', keep);
    this.process.stderr.on('data', keep);
    this.exited = new Promise((resolve) => this.process.on('exit', (code, signal) => resolve({ code, signal })));
    for (let tries = 0; tries < 200; tries += 1) {
      if (await fetch(`${this.http_url()}/readyz`).then((r) => r.ok, () => false)) return;
      if (this.process.exitCode !== null) break;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`the node did not become ready:\n${this.output}`);
  }

  url(region = 'uk-london') { return this.http_url(region).replace('http', 'ws'); }
  http_url(region = 'uk-london') { return `http://127.0.0.1:${this.http[REGIONS.findIndex((r) => r.id === region)]}`; }
  mediaAddress(region) { const i = REGIONS.findIndex((r) => r.id === region); return { address: REGIONS[i].address, port: this.media[i] }; }
  async metrics() { return (await fetch(`http://127.0.0.1:${this.metricsPort}/metrics`)).text(); }
  /** A call of the administration API: {status, headers, text, body (when JSON)}. */
  async api(method, path, { token = 'operator', body, headers = {} } = {}) {
    const response = await fetch(this.http_url() + path, {
      method,
      headers: { ...(token ? { Authorization: `Bearer ${token}` } : {}), ...(body === undefined ? {} : { 'Content-Type': 'application/json' }), ...headers },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await response.text();
    const is_json = response.headers.get('content-type')?.startsWith('application/json');
    return { status: response.status, headers: response.headers, text, body: is_json ? JSON.parse(text) : undefined };
  }
  /** The account `clinic` with all regions opted in, managed by the store; its first API key. */
  async createClinic({ opted_in = REGIONS.map((r) => r.id), ...more } = {}) {
    const created = await this.api('POST', '/v1/accounts', { body: { id: 'clinic', name: 'Clinic', default_region: 'uk-london', opted_in, ...more } });
    if (created.status !== 201) throw new Error(`clinic was not created: ${created.text}`);
    return created.body.key;
  }
  /** Sum of all series of a metric whose labels contain `labels`. */
  async metric(name, labels = '') {
    return (await this.metrics()).split('\n').filter((l) => (l.startsWith(`${name}{`) || l.startsWith(`${name} `)) && l.includes(labels))
      .reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
  }
  residentBytes() {
    return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${this.process.pid}/status`, 'utf8'))[1]) * 1024;
  }

  async stop(signal = 'SIGTERM') {
    this.process.kill(signal);
    return this.exited;
  }
  async dispose() {
    if (this.process.exitCode === null && this.process.signalCode === null) { this.process.kill('SIGKILL'); await this.exited; }
    rmSync(this.folder, { recursive: true, force: true });
  }
}
