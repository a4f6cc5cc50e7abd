// Networks for one test: a namespace for the node with a link of its own for each region, one for
// each client, and between them the internet, a namespace that only routes. Whatever a region sends
// or receives crosses its link, where a packet socket counts it. Needs root; where namespaces cannot
// be made it falls back to loopback networks, and says so.
import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { REGIONS } from './node.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const kPrefix = 'mrdtest';
/** A capture ends by itself after this long, even if the test was killed. */
const kMaxCaptureSeconds = 600;
/** IPv4 alone, so that nothing but what the test sends is on a link. */
const kQuiet = ['net.ipv6.conf.all.disable_ipv6=1', 'net.ipv6.conf.default.disable_ipv6=1'];

const run = (command, ...args) => execFileSync(command, args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: 10_000 }).toString();

/** A child that takes lines and gives lines. */
class LineChild {
  constructor(command, args) {
    this.child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.child.stdin.on('error', () => {});
    this.lines = createInterface({ input: this.child.stdout });
    this.exited = new Promise((resolve) => this.child.on('exit', resolve));
  }
  next() {
    return new Promise((resolve, reject) => {
      const failed = () => reject(new Error(`${this.child.spawnargs.join(' ')} ended`));
      this.lines.once('line', (line) => { this.child.off('exit', failed); resolve(line); });
      this.child.once('exit', failed);
    });
  }
  write(line) { this.child.stdin.write(`${line}\n`); }
  async stop() { this.child.stdin.end(); await this.exited; }
}

/** HTTP from inside a namespace; the part of fetch() that tests use. */
class Fetcher {
  constructor(prefix) {
    const [command, ...args] = [...prefix, process.execPath, join(here, 'fetcher.mjs')];
    this.process = new LineChild(command, args);
    this.pending = new Map();
    this.process.lines.on('line', (line) => { const answer = JSON.parse(line); this.pending.get(answer.id)?.(answer); this.pending.delete(answer.id); });
    this.process.exited.then(() => { for (const resolve of this.pending.values()) resolve({ failure: 'the fetcher ended' }); });
  }
  async fetch(url, options = {}) {
    const id = (this.last = (this.last ?? 0) + 1);
    const answer = await new Promise((resolve) => { this.pending.set(id, resolve); this.process.write(JSON.stringify({ id, url, ...options })); });
    if (answer.failure) throw new Error(answer.failure);
    return { status: answer.status, ok: answer.status < 300, headers: new Headers(answer.headers), text: async () => answer.body, json: async () => JSON.parse(answer.body) };
  }
  stop() { return this.process.stop(); }
}

/** What crossed the regions' links since it was started. */
class Capture {
  static async start(bed, prefix, links) {
    const capture = new Capture();
    capture.bed = bed;
    const [command, ...args] = [...prefix, 'python3', join(here, 'link_capture.py'), String(kMaxCaptureSeconds), ...links];
    capture.process = new LineChild(command, args);
    if (await capture.process.next() !== 'ready') throw new Error('the capture did not start');
    return capture;
  }
  /**
   * All flows so far; with `slots` also their packets by time. Throws when the kernel could not keep up: then
   * silence would mean nothing.
   */
  async flows({ slots = false } = {}) {
    await Promise.all(this.bed.clients.map((client) => client.notePorts()));
    const answer = (this.answered ?? Promise.resolve()).then(async () => {
      const line = this.process.next();
      this.process.write(slots ? 'slots' : 'report');
      return JSON.parse(await line);
    });
    this.answered = answer.catch(() => {});  // one question at a time
    const { flows, missed, slot } = await answer;
    if (missed !== 0) throw new Error(`the capture missed ${missed} packets`);
    return flows.map((flow) => ({ ...flow, slot }));
  }
  /** The flows, as soon as `check` is true of them. */
  async until(check, { seconds = 30, what = check.toString() } = {}) {
    const deadline = Date.now() + seconds * 1000;
    for (;;) {
      const flows = await this.flows();
      if (check(flows)) return flows;
      if (Date.now() > deadline) throw new Error(`not seen on the links in ${seconds} s: ${what}; UDP so far ${JSON.stringify(summary(flows))}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  /** Goes on until `count` more packets of `where` have passed: time in which others could have sent, too. */
  async watch(where, count) {
    const before = packets(await this.flows(), where);
    return this.until((flows) => packets(flows, where) >= before + count, { what: `${count} more packets of the positive control` });
  }
  stop() { return this.process.stop(); }
}

const matches = (flow, where) => Object.entries(where).every(([key, value]) => (
  typeof value === 'function' ? value(flow[key]) : Array.isArray(value) ? value.includes(flow[key]) : flow[key] === value));
export const media = (kind) => kind !== 'tcp';
/** Flows whose fields equal (or are among, or satisfy) what `where` names. */
export const select = (flows, where) => flows.filter((flow) => matches(flow, where));
export const packets = (flows, where = {}) => select(flows, where).reduce((sum, flow) => sum + flow.packets, 0);
export const bytes = (flows, where = {}) => select(flows, where).reduce((sum, flow) => sum + flow.bytes, 0);
/** Unix milliseconds of the newest packet; 0 when there is none. */
export const lastAt = (flows, where = {}) => Math.max(0, ...select(flows, where).map((flow) => flow.last * 1000));
/** Unix milliseconds of the first packet; Infinity when there is none. */
export const firstAt = (flows, where = {}) => Math.min(Infinity, ...select(flows, where).map((flow) => flow.first * 1000));

/** Slots in which something of `where` passed, in order, between the Unix milliseconds `from` and `to`, both included. */
function slotsOf(flows, where, from, to) {
  const slots = new Set();
  for (const flow of select(flows, where)) for (const slot of Object.keys(flow.slots)) slots.add(Number(slot));
  const [first, last] = [from, to].map((at) => Math.floor(at / 1000 / flows[0].slot));
  return [first, ...[...slots].filter((slot) => slot > first && slot < last).sort((a, b) => a - b), last];
}
/** Packets of `where` from the Unix milliseconds `from` on, to 10 ms. */
export function packetsSince(flows, where, from) {
  return select(flows, where).reduce((sum, flow) => sum + Object.entries(flow.slots)
    .reduce((count, [slot, some]) => count + ((Number(slot) + 1) * flow.slot * 1000 > from ? some : 0), 0), 0);
}
/**
 * The longest pause of `out` beyond what `into` paused meanwhile, {ms, at}: how long a node that forwards the
 * one to the other held it back, and from when on (Unix milliseconds). Takes flows with slots.
 */
export function heldBack(flows, into, out, from, to) {
  const fed = slotsOf(flows, into, from, to);
  const left = slotsOf(flows, out, from, to);
  const longest = { ms: 0, at: from };
  for (let i = 1; i < left.length; i += 1) {
    const pause = left[i] - left[i - 1];
    let own = 0;
    for (let j = 1; j < fed.length; j += 1) if (fed[j] >= left[i - 1] && fed[j - 1] <= left[i]) own = Math.max(own, fed[j] - fed[j - 1]);
    const ms = Math.round((pause - own) * flows[0].slot * 1000);
    if (ms > longest.ms) Object.assign(longest, { ms, at: left[i - 1] * flows[0].slot * 1000 });
  }
  return longest;
}
/** {link: {direction: packets}} of UDP, for messages. */
export function summary(flows, where = {}) {
  const sums = {};
  for (const flow of select(flows, { kind: media, ...where })) {
    sums[flow.link] ??= { in: 0, out: 0 };
    sums[flow.link][flow.direction] += flow.packets;
  }
  return sums;
}

/** Somebody's own computer: `prefix` runs a command on it, `isPeer` knows its packets. */
class Client {
  constructor(bed, name, namespace, address) {
    Object.assign(this, { bed, name, namespace, address, ports: new Set(), pages: new Set() });
    this.prefix = namespace ? ['ip', 'netns', 'exec', namespace] : [];
  }
  fetch(url, options) { this.fetcher ??= new Fetcher(this.prefix); return this.fetcher.fetch(url, options); }
  /** A program that runs `path` here, for those who can only be told a path. */
  programAt(path) {
    const file = join(this.bed.folder, `${this.name}-${path.split('/').at(-1)}`);
    writeFileSync(file, `#!/bin/sh\necho $$ >> ${this.pidFile}\nexec ${this.prefix.join(' ')} ${path} "$@"\n`);
    chmodSync(file, 0o755);
    return file;
  }
  /** From now on nothing of that protocol leaves this computer; false where that can't be done. */
  forbid(protocol) {
    if (!this.namespace) return false;
    run('ip', '-n', this.namespace, 'rule', 'add', 'from', 'all', 'ipproto', protocol, 'blackhole');
    return true;
  }
  /** From now on nothing leaves this computer but that protocol to that port; false where that can't be done. */
  allowOnly(protocol, port) {
    if (!this.namespace) return false;
    run('ip', '-n', this.namespace, 'rule', 'add', 'pref', '10', 'from', 'all', 'ipproto', protocol, 'dport', String(port), 'lookup', 'main');
    run('ip', '-n', this.namespace, 'rule', 'add', 'pref', '20', 'from', 'all', 'blackhole');
    return true;
  }
  get pidFile() { return join(this.bed.folder, `${this.name}.pids`); }
  /** On loopback all share an address: the ports that `pages` ever had tell whose packets are whose. */
  async notePorts() {
    if (this.namespace) return;
    await Promise.all([...this.pages].map(async (page) => {
      const asleep = new Promise((resolve) => setTimeout(resolve, 500, []));
      for (const port of await Promise.race([page.evaluate(() => window.localPorts()).catch(() => []), asleep])) this.ports.add(port);
    }));
  }
  /** A condition for `peer` of a flow. */
  get isPeer() {
    return (peer) => {
      const [address, port] = peer.split(':');
      return this.namespace ? address === this.address : this.ports.has(Number(port));
    };
  }
  /** Stops (SIGSTOP) or wakes (SIGCONT) everything that runs on this computer. */
  signal(name) {
    for (const pid of this.pids()) process.kill(pid, name);
  }
  pids() {
    if (this.namespace) return run('ip', 'netns', 'pids', this.namespace).split('\n').filter(Boolean).map(Number);
    return readFileSync(this.pidFile, 'utf8').split('\n').filter(Boolean).map(Number).flatMap(withDescendants);
  }
}
function withDescendants(pid) {
  try {
    const children = readdirSync(`/proc/${pid}/task`).flatMap((task) => readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' ').filter(Boolean).map(Number));
    return [pid, ...children.flatMap(withDescendants)];
  } catch { return []; }  // it ended meanwhile
}

export class NetBed {
  /** `clients`: names of computers, each with an address of its own. */
  static async make({ clients = ['ann'] } = {}) {
    const bed = new NetBed();
    bed.folder = mkdtempSync(join(tmpdir(), 'meridian-bed-'));
    bed.captures = [];
    bed.id = `${kPrefix}-${process.pid}`;
    removeStale();
    bed.undo = () => bed.removeSync();
    process.once('exit', bed.undo);
    try {
      if (process.env.NETBED === 'loopback') throw new Error('NETBED=loopback was asked for');
      bed.makeNamespaces(clients);
      bed.kind = 'namespaces';
      console.log(`network bed: namespaces, one link for each of ${REGIONS.map((r) => r.id).join(', ')}, clients ${clients.join(', ')}`);
    } catch (error) {
      bed.removeSync();
      bed.kind = 'loopback';
      bed.folder = mkdtempSync(join(tmpdir(), 'meridian-bed-'));
      bed.clients = clients.map((name) => new Client(bed, name, undefined, '127.0.0.1'));
      bed.operator = new Client(bed, 'operator', undefined, '127.0.0.1');
      console.log(`network bed: LOOPBACK NETWORKS ONLY, namespaces cannot be made here: ${String(error.stderr ?? error.message).trim()}`);
    }
    return bed;
  }

  makeNamespaces(clients) {
    const internet = `${this.id}-net`;
    const node = `${this.id}-node`;
    this.internet = internet;
    for (const namespace of [internet, node]) {
      run('ip', 'netns', 'add', namespace);
      for (const setting of kQuiet) run('ip', 'netns', 'exec', namespace, 'sysctl', '-qw', setting);
      run('ip', '-n', namespace, 'link', 'set', 'lo', 'up');
    }
    run('ip', 'netns', 'exec', internet, 'sysctl', '-qw', 'net.ipv4.ip_forward=1');
    // Which link a region's packets take is what is tested: only the socket's device may decide it,
    // for UDP. Answers of listeners (TCP) leave where they came from, by the source address.
    this.places = REGIONS.map((region, i) => {
      const device = `link${i}`;
      const [own, gateway] = [`10.${10 * (i + 1)}.0.1`, `10.${10 * (i + 1)}.0.254`];
      this.connect(internet, `to-${device}`, gateway, node, device, own);
      run('ip', '-n', node, 'route', 'add', 'default', 'via', gateway, 'dev', device, 'metric', String(100 + i));
      run('ip', '-n', node, 'route', 'add', 'default', 'via', gateway, 'dev', device, 'table', String(100 + i));
      run('ip', '-n', node, 'rule', 'add', 'from', own, 'ipproto', 'tcp', 'lookup', String(100 + i));
      return { region: region.id, address: own, device, link: `to-${device}` };
    });
    this.operator = new Client(this, 'operator', node, '127.0.0.1');
    this.clients = clients.map((name, i) => {
      const namespace = `${this.id}-${name}`;
      run('ip', 'netns', 'add', namespace);
      for (const setting of kQuiet) run('ip', 'netns', 'exec', namespace, 'sysctl', '-qw', setting);
      run('ip', '-n', namespace, 'link', 'set', 'lo', 'up');
      this.connect(internet, `to-c${i}`, `10.1.${i}.254`, namespace, 'eth0', `10.1.${i}.1`);
      run('ip', '-n', namespace, 'route', 'add', 'default', 'via', `10.1.${i}.254`);
      return new Client(this, name, namespace, `10.1.${i}.1`);
    });
  }
  connect(one, oneDevice, oneAddress, other, otherDevice, otherAddress) {
    run('ip', '-n', one, 'link', 'add', oneDevice, 'type', 'veth', 'peer', 'name', otherDevice, 'netns', other);
    for (const [namespace, device, address] of [[one, oneDevice, oneAddress], [other, otherDevice, otherAddress]]) {
      run('ip', '-n', namespace, 'address', 'add', `${address}/24`, 'dev', device);
      // Bursts (UDP_SEGMENT) are cut before the capture sees them, which counts datagrams.
      run('ip', '-n', namespace, 'link', 'set', device, 'gso_max_segs', '1', 'up');
    }
  }

  client(name) { return this.clients.find((client) => client.name === name); }
  /** A capture of every region's link, or of the regions' addresses on `lo`. */
  async capture() {
    const links = this.kind === 'namespaces' ? this.places.map((p) => `${p.region}=${p.link}`) : REGIONS.map((r) => `${r.id}=lo/${r.address}`);
    const capture = await Capture.start(this, this.internet ? ['ip', 'netns', 'exec', this.internet] : [], links);
    this.captures.push(capture);
    return capture;
  }
  async remove() {
    await Promise.all(this.captures.map((capture) => capture.stop()));
    for (const client of [...this.clients, this.operator]) await client.fetcher?.stop();
    process.removeListener('exit', this.undo);
    this.removeSync();
  }
  removeSync() {
    for (const namespace of namespaces(`${this.id}-`)) removeNamespace(namespace);
    this.internet = this.places = undefined;
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function namespaces(prefix) {
  try { return readdirSync('/run/netns').filter((name) => name.startsWith(prefix)); } catch { return []; }
}
function removeNamespace(name) {
  try {
    for (const pid of run('ip', 'netns', 'pids', name).split('\n').filter(Boolean)) process.kill(Number(pid), 'SIGKILL');
  } catch { /* it ended meanwhile */ }
  try { run('ip', 'netns', 'del', name); } catch { /* removed by somebody else */ }
}
/** What a killed test left behind: namespaces named after a process that is no more. */
function removeStale() {
  for (const name of namespaces(`${kPrefix}-`)) {
    const pid = name.split('-')[1];
    try { readFileSync(`/proc/${pid}/stat`); } catch { removeNamespace(name); }
  }
}
