// Headless Chromium with the unmodified livekit-client, driven through a small harness page.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { dirname, extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const here = dirname(fileURLToPath(import.meta.url));
const files = {
  '/': join(here, 'harness.html'),
  '/2.6': join(here, 'harness-2.6.html'),
  '/streams': join(here, 'streams.html'),
  '/streams.js': join(here, 'streams.js'),
  '/harness.js': join(here, 'harness.js'),
  '/e2ee-tap.mjs': join(here, 'e2ee-tap.mjs'),
  '/e2ee-tap-streams.mjs': join(here, 'e2ee-tap-streams.mjs'),
  '/livekit-client.js': join(here, '..', 'node_modules', 'livekit-client', 'dist', 'livekit-client.umd.js'),
  '/livekit-client-2.6.js': join(here, '..', 'node_modules', 'livekit-client-2.6', 'dist', 'livekit-client.umd.js'),
  '/e2ee.worker.mjs': join(here, '..', 'node_modules', 'livekit-client', 'dist', 'livekit-client.e2ee.worker.mjs'),
  '/e2ee-2.6.worker.mjs': join(here, '..', 'node_modules', 'livekit-client-2.6', 'dist', 'livekit-client.e2ee.worker.mjs'),
};
const types = { '.js': 'text/javascript', '.mjs': 'text/javascript', '.html': 'text/html' };

/** A server of the harness pages on a port of its own. */
export async function serveHarness() {
  const server = createServer((request, response) => {
    const file = files[normalize(request.url.split('?')[0])];
    if (!file) { response.writeHead(404).end(); return; }
    response.writeHead(200, { 'Content-Type': types[extname(file)] }).end(readFileSync(file));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

export class Browser {
  /** `client`: the computer of a NetBed on which it runs, this one unless given; `trust`: SHA-256 digests of public keys, in base64, to trust for TLS. */
  static async start({ client, trust = [] } = {}) {
    const browser = new Browser();
    if (client) {
      browser.origin = 'http://127.0.0.1:9';  // never asked: the pages are given to it by the test
    } else {
      browser.server = await serveHarness();
      browser.origin = `http://127.0.0.1:${browser.server.address().port}`;
    }
    const executable = process.env.CHROMIUM ?? '/usr/bin/chromium';
    browser.chromium = await chromium.launch({
      executablePath: client?.programAt(executable) ?? executable, headless: true,
      args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync',
        '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream', '--allow-loopback-in-peer-connection',
        '--autoplay-policy=no-user-gesture-required', '--disable-features=WebRtcHideLocalIpsWithMdns,LocalNetworkAccessChecks',
        ...(trust.length > 0 ? [`--ignore-certificate-errors-spki-list=${trust.join(',')}`] : [])],
    });
    return browser;
  }
  /** A tab of its own profile with the harness loaded; `client`: '2.6' for that older livekit-client, 'streams' for none. */
  async tab({ client = '' } = {}) {
    const context = await this.chromium.newContext({ permissions: ['camera', 'microphone'] });
    if (!this.server) {
      await context.route(`${this.origin}/**`, (route) => {
        const file = files[new URL(route.request().url()).pathname];
        return file ? route.fulfill({ contentType: types[extname(file)], body: readFileSync(file) }) : route.fulfill({ status: 404 });
      });
    }
    const page = await context.newPage();
    page.log = [];
    page.on('console', (message) => page.log.push(message.text()));
    page.on('pageerror', (error) => page.log.push(`error: ${error.message}`));
    page.sockets = [];
    page.on('websocket', (socket) => page.sockets.push(new URL(socket.url()).pathname));
    await page.goto(`${this.origin}/${client}`);
    return page;
  }
  async stop() {
    await this.chromium.close();
    if (this.server) await new Promise((resolve) => this.server.close(resolve));
  }
}

/** Polls `check` (in the page, with `argument`) until it is true; says what was last seen otherwise. */
export async function eventually(page, check, argument, { seconds = 20, what = check.toString() } = {}) {
  // Not page.waitForFunction: it takes the promise of an asynchronous check for a yes.
  const deadline = Date.now() + seconds * 1000;
  while (Date.now() < deadline) {
    if (await page.evaluate(check, argument).catch(() => false)) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const seen = await page.evaluate(() => window.describe?.()).catch(() => undefined);
  throw new Error(`did not happen in ${seconds} s: ${what}\n${JSON.stringify(seen, null, 1)}\n${page.log.slice(-30).join('\n')}`);
}
