// A way to a node that a test can cut: TCP through a port of its own.
import { connect, createServer } from 'node:net';

export class Cut {
  /** To the port of the node that `url` names. */
  static async start(url) {
    const cut = new Cut();
    const port = Number(new URL(url).port);
    cut.sockets = new Set();
    cut.server = createServer((near) => {
      const far = connect(port, '127.0.0.1');
      for (const [one, other] of [[near, far], [far, near]]) {
        cut.sockets.add(one);
        one.on('error', () => {}).on('close', () => { cut.sockets.delete(one); other.destroy(); });
        one.pipe(other);
      }
    });
    await new Promise((resolve) => cut.server.listen(0, '127.0.0.1', resolve));
    cut.url = `ws://127.0.0.1:${cut.server.address().port}`;
    return cut;
  }
  /** Every connection that is there ends at once; new ones are let through. */
  now() { for (const socket of this.sockets) socket.destroy(); }
  async stop() {
    this.now();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
