// Somebody in a meeting on a NetBed: a tab of the browser on their computer, with the unmodified livekit-client.
import { Browser, eventually } from './browser.mjs';

/** Browsers on computers of a bed, one each, by the computer's name. */
export async function startBrowsers(bed, ...names) {
  const started = await Promise.all(names.map(async (name) => [name, Object.assign(await Browser.start({ client: bed.client(name) }), { client: bed.client(name) })]));
  return Object.fromEntries(started);
}

export class Person {
  /**
   * Joins at the node's address in region `at` and publishes (`publish`: {sound, picture}). With `follow` the application
   * joins anew where the host's account now permits it when the client gave up.
   */
  static async join(browser, node, { account = 'clinic', room, identity, at = 'uk-london', publish = {}, follow = false }) {
    const person = new Person();
    Object.assign(person, { identity, client: browser.client, page: await browser.tab(), token: node.token({ account, room, identity }) });
    person.client.pages.add(person.page);
    await person.page.evaluate((where) => window.join(where), { url: node.url(at), token: person.token });
    if (follow) await person.page.evaluate((where) => window.follow(where), { url: node.url(at), token: person.token });
    await person.page.evaluate((what) => window.publish(what), publish);
    return person;
  }
  eventually(check, argument, options) { return eventually(this.page, check, argument, options); }
  /** Until `count` pictures of each of `others` were decoded, and their sound came. */
  sees(others, { count = 10, seconds = 40 } = {}) {
    return this.eventually(async ({ names, least }) => {
      const all = await window.received();
      return names.every((name) => all.some((one) => one.from === name && one.kind === 'video' && one.frames >= least) && all.some((one) => one.from === name && one.kind === 'audio' && one.packets >= least));
    }, { names: others.map((other) => other.identity), least: count }, { seconds, what: `${this.identity} gets sound and pictures of ${others.map((other) => other.identity)}` });
  }
  hears(other, { count = 25, seconds = 40 } = {}) {
    return this.eventually(async ({ name, least }) => (await window.received()).some((one) => one.from === name && one.kind === 'audio' && one.packets >= least),
      { name: other.identity, least: count }, { seconds, what: `${this.identity} hears ${other.identity}` });
  }
  /** Until this person is told that others are served from these regions, {identity: region}. */
  isTold(regions) {
    return this.eventually((wanted) => Object.entries(wanted).every(([who, region]) => window.room.remoteParticipants.get(who)?.participantInfo?.region === region),
      regions, { what: `${this.identity} is told ${JSON.stringify(regions)}` });
  }
  region() { return this.page.evaluate(() => window.region()); }
  /** The address of the node that this person's media goes to. */
  async mediaAddress() { return (await this.page.evaluate(() => window.pair())).remote.split(':')[0]; }
  received() { return this.page.evaluate(() => window.received()); }
  async leave() {
    await this.client.notePorts();
    this.client.pages.delete(this.page);
    await this.page.evaluate(() => window.room.disconnect()).catch(() => {});
    await this.page.context().close();
  }
}
