// A bad network in userspace, between clients and a node: a bottleneck with a queue, delay and random loss.
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

export class Link {
  /**
   * Takes datagrams at `address`, on a free port (`link.port`), once to() says for whom. `way`: {rate in bit/s, delay in ms each
   * way, loss 0 to 1, queue in ms}; rate, loss and queue are those towards the clients. The same seed loses the same packets of
   * the same sequence of datagrams.
   */
  static async start({ address, seed = 1, way = {} }) {
    const link = new Link();
    link.address = address;
    link.worker = new Worker(new URL('link_worker.mjs', import.meta.url), { workerData: { address, seed, way } });
    const [{ port }] = await once(link.worker, 'message');
    link.port = port;
    return link;
  }
  to({ address, port }) { this.worker.postMessage({ to: { address, port } }); }
  change(way) { this.worker.postMessage({ change: way }); }
  /** What happened since the last call: {passed, lost, overflowed, longest_queue in ms}. */
  async counts() {
    this.worker.postMessage({ question: true });
    const [{ counts }] = await once(this.worker, 'message');
    return counts;
  }
  async stop() {
    this.worker.postMessage({ end: true });
    await once(this.worker, 'exit');
  }
}
