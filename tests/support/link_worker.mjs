// The datagrams of a Link, on a thread of their own so that what else a test does delays none of them.
import { createSocket } from 'node:dgram';
import { parentPort, workerData } from 'node:worker_threads';

/** Numbers in [0, 1) that follow from the seed: mulberry32. */
function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

const most_clients = 16;  // a browser gathers a few candidates
const way = { rate: Infinity, delay: 0, loss: 0, queue: 300, ...workerData.way };
const counts = { passed: 0, lost: 0, overflowed: 0, longest_queue: 0 };
const next = random(workerData.seed);
const clients = new Map();
const front = createSocket('udp4');
let target;

/** One direction towards one client: what was taken leaves the bottleneck at `free`. */
class Bottleneck {
  constructor(deliver) { this.deliver = deliver; this.free = 0; this.waiting = []; }
  take(datagram) {
    const now = performance.now();
    if (next() < way.loss) { counts.lost += 1; return; }
    const begins = Math.max(now, this.free);
    if (begins - now > way.queue) { counts.overflowed += 1; return; }
    counts.longest_queue = Math.max(counts.longest_queue, begins - now);
    this.free = begins + (datagram.length + 28) * 8 / way.rate * 1000;
    this.waiting.push({ due: this.free + way.delay, datagram });
    this.schedule();
  }
  schedule() {
    if (this.timer || this.waiting.length === 0) return;
    this.timer = setTimeout(() => {
      this.timer = undefined;
      const now = performance.now();
      while (this.waiting.length > 0 && this.waiting[0].due <= now) { counts.passed += 1; this.deliver(this.waiting.shift().datagram); }
      this.schedule();
    }, Math.max(0, this.waiting[0].due - performance.now()));
  }
}

function client_of(from) {
  const name = `${from.address}:${from.port}`;
  if (!clients.has(name) && clients.size < most_clients) {
    const back = createSocket('udp4');
    const down = new Bottleneck((datagram) => front.send(datagram, from.port, from.address));
    back.on('message', (datagram) => down.take(datagram));
    clients.set(name, back);
  }
  return clients.get(name);
}

front.on('message', (datagram, from) => {
  if (target) setTimeout(() => client_of(from)?.send(datagram, target.port, target.address), way.delay);
});
front.bind(0, workerData.address, () => parentPort.postMessage({ port: front.address().port }));
parentPort.on('message', ({ to, change, question, end }) => {
  if (to) target = to;
  if (change) Object.assign(way, change);
  if (question) { parentPort.postMessage({ counts: { ...counts } }); Object.assign(counts, { passed: 0, lost: 0, overflowed: 0, longest_queue: 0 }); }
  if (end) { front.close(); for (const socket of clients.values()) socket.close(); parentPort.close(); }
});
