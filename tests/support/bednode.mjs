// A real node on a NetBed: each region's media bound to the device of its link. Two accounts, `clinic`,
// made through the API, whose regions a test sets and changes, and `other`, which uses all regions and is
// what silence is compared with.
import { createHmac } from 'node:crypto';
import { spawn, spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MeridianNode, REGIONS, program, staticTokens, webRoot } from './node.mjs';

export const ALL = REGIONS.map((region) => region.id);
const OTHER = { key: 'otherkey', secret: 'a secret of the others, of 32 bytes or more' };

async function freePort(address) {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, address, resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  const socket = createSocket('udp4');
  await new Promise((resolve, reject) => { socket.on('error', reject); socket.bind(port, address, resolve); });
  await new Promise((resolve) => socket.close(resolve));
  return port;
}

/**
 * The node comes before everything else on this machine, where that may be asked for: a gap in what it sends is then its own, and
 * not that of browsers and compilers that wait for a core.
 */
const kFirst = ['chrt', '--rr', '1'];
const first = spawnSync(kFirst[0], [...kFirst.slice(1), 'true']).status === 0 ? kFirst : [];

const encode = (value) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
export class BedNode extends MeridianNode {
  /** `clinic`: {opted_in, signalling_scope…} of that account; `participants`: {region: limit of its pool}; `closed`: regions; `tcp`: port for media over TCP;
   * `tls`: {certificate, key} of the listeners, on port 443 and with TURN; `turn`: that of each pool instead. */
  static async start(bed, { clinic = {}, participants = {}, closed = [], tcp, tls, turn = tls ? '{tls: true}' : '' } = {}) {
    const node = new BedNode();
    node.bed = bed;
    node.folder = mkdtempSync(join(tmpdir(), 'meridian-test-'));
    node.config = join(node.folder, 'config.yaml');
    node.places = [];
    for (const [i, region] of REGIONS.entries()) {
      const address = bed.places?.[i].address ?? region.address;
      const media = bed.places ? 7880 : await freePort(address);
      // Browsers refuse candidates with port 443 of private networks.
      node.places.push({ ...region, address, device: bed.places?.[i].device, port: tls ? 443 : media, media });
    }
    Object.assign(node, { participants, closed, tcp, tls, turn });
    node.metricsPort = await freePort('127.0.0.1');
    node.write();
    await node.launch();
    node.keys = { clinic: await node.createClinic(clinic), other: OTHER };
    return node;
  }
  write() {
    writeFileSync(this.config, `regions:
${this.places.map((p) => `  - {id: ${p.id}, name: ${p.name}, jurisdictions: [${p.tags}], latitude: ${p.latitude}, longitude: ${p.longitude}, url: "${this.http_url(p.id)}"}`).join('\n')}
pools:
${this.places.map((p) => `  - region: ${p.id}
    participants: ${this.participants[p.id] ?? 1000}
    closed: ${this.closed.includes(p.id)}
    signalling: ["${p.address}:${p.port}"]
    media: {address: ${p.address}, port: ${p.media}${p.device ? `, bind_device: ${p.device}` : ''}${this.tcp ? `, tcp_port: ${this.tcp}` : ''}}${this.turn ? `\n    turn: ${this.turn}` : ''}`).join('\n')}
accounts:
  - {id: other, default_region: uk-london, opted_in: [${ALL}], api_keys: [{key: ${OTHER.key}, secret: "${OTHER.secret}"}]}
metrics: {listen: "127.0.0.1:${this.metricsPort}"}
${this.tls ? `listen: {tls: {certificate: ${this.tls.certificate}, key: ${this.tls.key}}}\n` : ''}web: {root: ${webRoot}, token_endpoint: development}
admin:
${staticTokens}
`);
  }
  async launch() {
    this.output = '';
    const [command, ...args] = [...this.bed.operator.prefix, ...first, program, 'serve', '--config', this.config, '--data-dir', join(this.folder, 'data')];
    this.process = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    const keep = (chunk) => { this.output = (this.output + chunk).slice(-200_000); };
    this.process.stdout.on('data', keep);
    this.process.stderr.on('data', keep);
    this.exited = new Promise((resolve) => this.process.on('exit', (code, signal) => resolve({ code, signal })));
    for (let tries = 0; tries < 200; tries += 1) {
      if (await this.fetch(`${this.http_url()}/readyz`).then((r) => r.ok, () => false)) return;
      if (this.process.exitCode !== null) break;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`the node did not become ready:\n${this.output}`);
  }
  /** Closes these pools and opens the others, as an operator does: in the file, which is then read again. */
  async close(...regions) {
    const changes = () => this.output.split('config_reloaded').length;
    const before = changes();
    this.closed = regions;
    this.write();
    this.process.kill('SIGHUP');
    for (let tries = 0; tries < 400 && changes() === before; tries += 1) await new Promise((resolve) => setTimeout(resolve, 25));
    if (changes() === before) throw new Error(`the configuration was not read again:\n${this.output}`);
  }
  /** A join token of one of the two accounts. */
  token({ account = 'clinic', room = 'room', identity, grants = {}, claims = {} }) {
    const { key, secret } = this.keys[account];
    const now = Math.floor(Date.now() / 1000);
    const body = { iss: key, sub: identity, name: identity, nbf: now - 5, exp: now + 3600, video: { roomJoin: true, room, ...grants }, ...claims };
    const signed = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode(body)}`;
    return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
  }
  /** The clinic's routing and its ETag. */
  async routing() {
    const { body, headers } = await this.api('GET', '/v1/accounts/clinic/routing', { token: 'clinic' });
    return { ...body, etag: headers.get('etag') };
  }
  /** A change of the clinic's routing by its owner; `query` such as `?dry_run=1`. */
  async change(changes, { query = '', etag, token = 'clinic' } = {}) {
    return this.api('PUT', `/v1/accounts/clinic/routing${query}`, {
      token, body: { reason: 'a test', ...changes }, headers: { 'If-Match': etag ?? (await this.routing()).etag },
    });
  }
  place(region) { return this.places.find((p) => p.id === region); }
  http_url(region = 'uk-london') { const { address, port } = this.place(region); return `http${this.tls ? 's' : ''}://${address}:${port}`; }
  mediaAddress(region) { const { address, media } = this.place(region); return { address, port: media }; }
  /** As the operator, on the node's own computer. */
  fetch(url, options) { return this.bed.operator.fetch(url, options); }
  async api(method, path, { token = 'operator', body, headers = {} } = {}) {
    const response = await this.fetch(this.http_url() + path, {
      method,
      headers: { ...(token ? { Authorization: `Bearer ${token}` } : {}), ...(body === undefined ? {} : { 'Content-Type': 'application/json' }), ...headers },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await response.text();
    const is_json = response.headers.get('content-type')?.startsWith('application/json');
    return { status: response.status, headers: response.headers, text, body: is_json ? JSON.parse(text) : undefined };
  }
  async metrics() { return (await this.fetch(`http://127.0.0.1:${this.metricsPort}/metrics`)).text(); }
  async dispose() {
    if (this.process.exitCode === null && this.process.signalCode === null) { this.process.kill('SIGKILL'); await this.exited; }
    rmSync(this.folder, { recursive: true, force: true });
  }
}
