// R1, R2 and R5: where an account's packets are, on the link of each region, with clients on computers of their own.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { BedNode } from '../support/bednode.mjs';
import { NetBed, bytes, firstAt, lastAt, media, packets, select, summary } from '../support/netbed.mjs';
import { Person, startBrowsers } from '../support/person.mjs';

let bed;
let node;
let browsers;
before(async () => {
  bed = await NetBed.make({ clients: ['surgery', 'school'] });
  node = await BedNode.start(bed, { clinic: { opted_in: ['uk-london'] } });
  browsers = await startBrowsers(bed, 'surgery', 'school');
});
after(async () => {
  await Promise.all(Object.values(browsers ?? {}).map((browser) => browser.stop()));
  await node?.dispose();
  await bed?.remove();
});

const peer = (name) => bed.client(name).isPeer;
const ofClinic = (where = {}) => ({ kind: media, peer: peer('surgery'), ...where });
const ofOther = (where = {}) => ({ kind: media, peer: peer('school'), ...where });
const enter = (name, more) => Person.join(browsers[name], node, { account: name === 'school' ? 'other' : 'clinic', ...more });
const leave = (...people) => Promise.all(people.map((person) => person.leave()));

/** {region kind direction: {packets, bytes}} of clients' legs, as the capture saw them. */
function seenBy(flows, where) {
  const seen = {};
  for (const { link, kind, direction } of select(flows, where)) {
    const one = { ...where, link, direction, kind: ['dtls', 'data'].includes(kind) ? ['dtls', 'data'] : kind };
    seen[`${link} ${kind === 'data' ? 'dtls' : kind} ${direction}`] = { packets: packets(flows, one), bytes: bytes(flows, one) };
  }
  return seen;
}
/** The same, as the node tells it of all meetings of `account` that are not yet over. */
async function toldOf(account) {
  const { body } = await node.api('GET', `/v1/accounts/${account}/meetings`);
  const told = {};
  for (const row of body.meetings.flatMap((meeting) => meeting.transit)) {
    if (row.leg === 'client' && row.packets > 0) told[`${row.region} ${row.kind} ${row.direction}`] = { packets: row.packets, bytes: row.bytes };
  }
  return told;
}
/**
 * Beyond 1%, or two datagrams where there are few. Three people's last words (SCTP's and DTLS's ends) come when their transports
 * are closed already: up to six datagrams that are nobody's any more.
 */
function disagreements(seen, told) {
  const far = (a = 0, b = 0, slack = 0) => Math.abs(a - b) > Math.max(slack, 0.01 * Math.max(a, b));
  const slack = (key) => (key.endsWith('dtls in') ? 6 : 2);
  return [...new Set([...Object.keys(seen), ...Object.keys(told)])]
    .filter((key) => far(seen[key]?.packets, told[key]?.packets, slack(key)) || far(seen[key]?.bytes, told[key]?.bytes, 100 * slack(key)))
    .map((key) => `${key}: seen ${JSON.stringify(seen[key])}, told ${JSON.stringify(told[key])}`);
}

test('R1: an account that permits London alone is on no other link; another account is; both reports agree with the capture', async () => {
  const capture = await bed.capture();
  const clinic = [];
  const other = [];
  for (const identity of ['ann', 'ben', 'cat']) clinic.push(await enter('surgery', { room: 'same name', identity }));
  for (const [identity, at] of [['bob', 'uk-london'], ['eve', 'us-east'], ['fay', 'eu-frankfurt']]) other.push(await enter('school', { room: 'same name', identity, at }));
  for (const meeting of [clinic, other]) for (const person of meeting) await person.sees(meeting.filter((one) => one !== person));
  const span = (flows) => { const sound = ofClinic({ kind: 'rtp', direction: 'in' }); return lastAt(flows, sound) - firstAt(flows, sound); };
  await capture.until((flows) => span(flows) >= 20_000, { seconds: 60, what: '20 s of media' });

  let flows = await capture.flows();
  console.log('packets by link: clinic', summary(flows, ofClinic()), 'other', summary(flows, ofOther()));
  for (const direction of ['in', 'out']) {
    for (const kind of ['rtp', 'rtcp', 'stun', 'dtls']) {
      assert.ok(packets(flows, ofClinic({ link: 'uk-london', direction, kind })) > 0, `clinic's ${kind} ${direction} of London`);
      for (const link of ['uk-london', 'us-east', 'eu-frankfurt']) assert.ok(packets(flows, ofOther({ link, direction, kind })) > 0, `positive control: other's ${kind} ${direction} of ${link}`);
    }
    assert.ok(packets(flows, ofClinic({ link: 'uk-london', direction, kind: 'rtp' })) > 3000, 'three who publish for 20 s');
  }
  const elsewhere = (link) => link !== 'uk-london';
  assert.equal(packets(flows, { link: elsewhere, peer: peer('surgery') }), 0, 'not a packet of clinic elsewhere, TCP included');
  const ours = node.places.map(({ address, port }) => `${address}:${port}`);
  assert.deepEqual(select(flows, { kind: media, own: ours, peer: (one) => !peer('surgery')(one) && !peer('school')(one) }), [], 'every datagram is somebody\'s');

  await leave(...clinic, ...other);
  for (const [account, whose] of [['clinic', ofClinic], ['other', ofOther]]) {
    let far;
    for (let tries = 0; tries < 100 && far?.length !== 0; tries += 1) {  // last numbers come when a transport is closed
      await new Promise((resolve) => setTimeout(resolve, 100));
      flows = await capture.flows();
      far = disagreements(seenBy(flows, whose()), await toldOf(account));
    }
    assert.deepEqual(far, [], `the report of ${account}`);
  }
  await capture.stop();
});

test('R2: the default region can be dropped at no level, and no level widens; the denials are on record', async () => {
  const { etag } = await node.routing();
  assert.equal((await node.change({ opted_in: ['uk-london', 'us-east'], groups: { ward: ['uk-london'] } }, { etag })).status, 200, 'positive control: what narrows is taken');
  const capture = await bed.capture();
  const una = await enter('surgery', { room: 'rounds', identity: 'una', at: 'us-east', follow: true });
  const ann = await enter('surgery', { room: 'rounds', identity: 'ann' });
  await ann.sees([una]);
  const before = await node.routing();
  const refused = [
    [409, { opted_in: ['us-east'] }], [409, { opted_in: [] }],
    [409, { groups: { ward: ['us-east'] } }], [409, { users: { 'dr@clinic.example': { regions: ['us-east'] } } }], [409, { rooms: { rounds: ['us-east'] } }],
    [422, { groups: { ward: ['uk-london', 'eu-frankfurt'] } }], [422, { users: { 'dr@clinic.example': { regions: ['uk-london', 'eu-frankfurt'] } } }],
    [422, { rooms: { rounds: ['uk-london', 'us-east', 'eu-frankfurt'] } }],
  ];
  for (const [status, change] of refused) {
    const answer = await node.change(change, { etag: before.etag });
    assert.equal(answer.status, status, `${JSON.stringify(change)}: ${answer.text}`);
    assert.equal(answer.body.error, status === 409 ? 'default_region_locked' : 'override_outside_parent');
  }
  const now = await node.routing();
  assert.deepEqual([now.epoch, now.digest, now.opted_in], [before.epoch, before.digest, ['uk-london', 'us-east']]);
  const regions = await bed.client('surgery').fetch(`${node.http_url()}/settings/regions`, { headers: { Authorization: `Bearer ${una.token}` } });
  assert.deepEqual((await regions.json()).regions.map((region) => region.region), ['uk-london', 'us-east']);
  const { records } = (await node.api('GET', '/v1/accounts/clinic/audit?limit=500', { token: 'clinic' })).body;
  const denials = records.filter((record) => record.kind === 'admin_action' && record.reason === 'putRouting' && record.status >= 400);
  const counted = (status) => denials.filter((record) => record.status === status).reduce((sum, record) => sum + (record.count ?? 1), 0);
  assert.deepEqual([counted(409), counted(422)], [5, 3], JSON.stringify(denials));
  // Nobody was moved: una is still in Virginia, and her media goes on.
  await capture.watch(ofClinic({ link: 'us-east', direction: 'out', kind: 'rtp' }), 50);
  assert.equal(await una.region(), 'us-east');

  // Positive control: the room's own level, when it is a valid one, does hold.
  assert.equal((await node.change({ rooms: { rounds: ['uk-london'] } })).status, 200);
  await capture.watch(ofClinic({ link: 'uk-london', direction: 'out', kind: 'rtp' }), 50);
  const ended = lastAt(await capture.flows(), ofClinic({ link: 'us-east', direction: 'out' }));
  await capture.watch(ofClinic({ link: 'uk-london', direction: 'out', kind: 'rtp' }), 100);
  assert.equal(lastAt(await capture.flows(), ofClinic({ link: 'us-east', direction: 'out' })), ended, 'the room left Virginia');
  await leave(una, ann);
  await capture.stop();
});

test('R5: somebody who can only think of Virginia is refused there, told where to go, and served from London', async () => {
  assert.equal((await node.change({ opted_in: ['uk-london'], groups: {}, users: {}, rooms: {} })).status, 200);
  const capture = await bed.capture();
  const denied = () => node.metric('meridian_refusals_total', 'reason="region_not_allowed"');
  const deniedBefore = await denied();
  const page = await browsers.surgery.tab();
  const token = node.token({ room: 'travel', identity: 'una' });
  const failure = await page.evaluate((where) => window.join(where).then(() => 'joined', (error) => `${error.name} ${error.message}`), { url: node.url('us-east'), token });
  assert.match(failure, /ConnectionError/);
  await page.context().close();
  // The refusal says where the meeting may be joined, also for a client that asks in plain HTTP.
  const refusal = await bed.client('surgery').fetch(`${node.http_url('us-east')}/rtc/v1/validate?access_token=${token}`);
  const { error, permitted } = await refusal.json();
  assert.deepEqual([refusal.status, error, permitted.map((one) => one.region)], [403, 'region_not_allowed', ['uk-london']]);
  assert.equal(permitted[0].url, node.http_url('uk-london'));
  assert.ok(await denied() > deniedBefore, 'the denial is counted');
  const { records } = (await node.api('GET', '/v1/accounts/clinic/audit?limit=500', { token: 'clinic' })).body;
  assert.ok(records.some((record) => record.kind === 'permit_denied' && record.region === 'us-east' && record.reason === 'region_not_allowed'), 'and on record');

  const una = await enter('surgery', { room: 'travel', identity: 'una' });
  const ann = await enter('surgery', { room: 'travel', identity: 'ann' });
  const eve = await enter('school', { room: 'travel', identity: 'eve', at: 'us-east' });
  const bob = await enter('school', { room: 'travel', identity: 'bob', at: 'us-east' });
  await Promise.all([una.sees([ann]), ann.sees([una]), eve.sees([bob])]);
  assert.deepEqual([await una.region(), await eve.region()], ['uk-london', 'us-east']);
  const flows = await capture.watch(ofOther({ link: 'us-east', direction: 'out', kind: 'rtp' }), 200);
  console.log('packets by link: clinic', summary(flows, ofClinic()), 'other', summary(flows, ofOther()));
  assert.ok(packets(flows, { link: 'us-east', peer: peer('surgery'), kind: 'tcp' }) > 0 || bed.kind === 'loopback', 'the refused signalling went over the link');
  assert.equal(packets(flows, ofClinic({ link: (link) => link !== 'uk-london' })), 0);
  assert.ok(packets(flows, ofClinic({ link: 'uk-london', direction: 'out', kind: 'rtp' })) > 50);
  for (const direction of ['in', 'out']) assert.ok(packets(flows, ofOther({ link: 'us-east', direction, kind: 'rtp' })) > 50, 'positive control');
  await leave(una, ann, eve, bob);
  await capture.stop();
});
