// Headless Firefox ESR with the unmodified livekit-client, on the same harness pages as Chromium.
import puppeteer from 'puppeteer-core';
import { serveHarness } from './browser.mjs';

/** Fake devices, no questions, and ICE also on loopback networks, which Firefox leaves out by itself. */
const kPreferences = {
  'media.navigator.streams.fake': true,
  'media.navigator.permission.disabled': true,
  'media.autoplay.default': 0,
  'media.autoplay.blocking_policy': 0,
  'media.peerconnection.ice.loopback': true,
  'media.peerconnection.ice.obfuscate_host_addresses': false,
  'media.peerconnection.ice.proxy_only': false,
  // A tab that is not looked at goes on like one that is.
  'dom.min_background_timeout_value': 4,
  'dom.timeout.enable_budget_timer_throttling': false,
  'dom.timeout.background_throttling_max_budget': -1,
};

/** Firefox's agent loses a tab now and then while it opens it, since the browsing context that it waits for is replaced: nobody had that tab yet. */
async function openPage(context) {
  for (let tries = 1; ; tries += 1) {
    try {
      return await context.newPage();
    } catch (error) {
      if (tries === 3 || !error.message.includes('DiscardedBrowsingContextError')) throw error;
    }
  }
}

export class Firefox {
  static async start() {
    const browser = new Firefox();
    browser.server = await serveHarness();
    browser.origin = `http://127.0.0.1:${browser.server.address().port}`;
    browser.firefox = await puppeteer.launch({ browser: 'firefox', executablePath: process.env.FIREFOX ?? '/usr/bin/firefox-esr', headless: true, extraPrefsFirefox: kPreferences });
    return browser;
  }
  /** A tab of its own profile with the harness loaded. */
  async tab({ client = '' } = {}) {
    const context = await this.firefox.createBrowserContext();
    const page = await openPage(context);
    page.log = [];
    page.on('console', (message) => page.log.push(message.text()));
    page.on('pageerror', (error) => page.log.push(`error: ${error.message}`));
    await page.goto(`${this.origin}/${client}`);
    return page;
  }
  async stop() {
    await this.firefox.close();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
