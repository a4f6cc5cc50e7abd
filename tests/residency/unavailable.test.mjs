// R7, in one process: the permitted region is full, then closed. Whoever may be nowhere else is refused, and never elsewhere.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { BedNode } from '../support/bednode.mjs';
import { NetBed, lastAt, media, packets, summary } from '../support/netbed.mjs';
import { Person, startBrowsers } from '../support/person.mjs';

let bed;
let node;
let browsers;
let capture;
before(async () => {
  bed = await NetBed.make({ clients: ['surgery', 'school'] });
  node = await BedNode.start(bed, { clinic: { opted_in: ['uk-london'] }, participants: { 'uk-london': 2 } });
  browsers = await startBrowsers(bed, 'surgery', 'school');
  capture = await bed.capture();
});
after(async () => {
  await Promise.all(Object.values(browsers ?? {}).map((browser) => browser.stop()));
  await node?.dispose();
  await bed?.remove();
});

const ofClinic = (where = {}) => ({ kind: media, peer: bed.client('surgery').isPeer, ...where });
const ofOther = (where = {}) => ({ kind: media, peer: bed.client('school').isPeer, ...where });
const enter = (name, identity) => Person.join(browsers[name], node, { account: name === 'school' ? 'other' : 'clinic', room: 'rounds', identity });
/** What a join of that identity is answered at London's address, and at Virginia's. */
const validate = async (identity, region = 'uk-london') => {
  const answer = await bed.client('surgery').fetch(`${node.http_url(region)}/rtc/v1/validate?access_token=${node.token({ room: 'rounds', identity })}`);
  return { status: answer.status, body: answer.status === 200 ? undefined : await answer.json() };
};
async function isRefused(identity) {
  const { status, body } = await validate(identity);
  assert.deepEqual([status, body.error, body.reason, body.permitted.map((one) => one.region)], [503, 'region_unavailable', 'region_unavailable', ['uk-london']]);
  assert.equal((await validate(identity, 'us-east')).status, 403, 'and elsewhere it is no better');
  const page = await browsers.surgery.tab();
  const failure = await page.evaluate((where) => window.join(where).then(() => 'joined', (error) => `${error.name} ${error.message}`), { url: node.url(), token: node.token({ room: 'rounds', identity }) });
  assert.match(failure, /ConnectionError/);
  await page.context().close();
}
const isNowhereElse = async () => {
  const flows = await capture.flows();
  console.log('packets by link: clinic', summary(flows, ofClinic()), 'other', summary(flows, ofOther()));
  assert.equal(packets(flows, ofClinic({ link: (link) => link !== 'uk-london' })), 0);
};

let ann;
let ben;
let bob;
test('R7: a full region refuses whoever may be nowhere else; whoever may goes to the next one', async () => {
  ann = await enter('surgery', 'ann');
  ben = await enter('surgery', 'ben');
  await Promise.all([ann.sees([ben]), ben.sees([ann])]);
  await isRefused('cat');
  bob = await enter('school', 'bob');
  assert.equal(await bob.region(), 'eu-frankfurt', 'positive control: an account that permits more goes where there is room');
  await capture.watch(ofOther({ link: 'eu-frankfurt', direction: 'in', kind: 'rtp' }), 50);
  assert.equal(packets(await capture.flows(), ofOther({ link: 'uk-london' })), 0);
  await isNowhereElse();

  await ann.leave();
  const cat = await enter('surgery', 'cat');
  await cat.sees([ben]);
  assert.equal(await cat.region(), 'uk-london', 'a place that came free is given');
  await cat.leave();
});

test('R7: a region that closes sends everybody away, takes nobody, and takes them again when it opens', async () => {
  ann = await enter('surgery', 'ann');
  await Promise.all([ann.sees([ben]), ben.sees([ann])]);
  await node.close('uk-london');
  const control = ofOther({ link: 'eu-frankfurt', direction: 'in', kind: 'rtp' });
  await capture.watch(control, 100);  // two seconds
  const last = lastAt(await capture.flows(), ofClinic({ direction: 'out' }));
  await capture.watch(control, 150);
  assert.equal(lastAt(await capture.flows(), ofClinic({ direction: 'out' })), last, 'nothing leaves a closed pool');
  await isRefused('cat');
  const eve = await enter('school', 'eve');
  assert.equal(await eve.region(), 'eu-frankfurt', 'positive control: the other account goes on, and grows');
  await eve.hears(bob);
  await isNowhereElse();

  await node.close();
  await capture.watch(ofClinic({ link: 'uk-london', direction: 'out', kind: 'rtp' }), 100);
  await Promise.all([ann.sees([ben]), ben.sees([ann])]);
  assert.deepEqual([await ann.region(), await ben.region()], ['uk-london', 'uk-london'], 'by themselves, with the unmodified client');
  await isNowhereElse();
  await Promise.all([ann, ben, bob, eve].map((person) => person.leave()));
});
