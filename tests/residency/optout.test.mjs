// R3: a region is opted out while meetings run in it. Seen on the region's link, with the unmodified client, where an
// account's signalling may go anywhere and where it may not.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { BedNode } from '../support/bednode.mjs';
import { NetBed, firstAt, heldBack, lastAt, media, packets, packetsSince, summary } from '../support/netbed.mjs';
import { Person, startBrowsers } from '../support/person.mjs';

const CLINIC = ['ann', 'una', 'stu'];
let bed;
let node;
let browsers;
before(async () => {
  bed = await NetBed.make({ clients: [...CLINIC, 'school'] });
  node = await BedNode.start(bed);
  browsers = await startBrowsers(bed, ...CLINIC, 'school');
});
after(async () => {
  await Promise.all(Object.values(browsers ?? {}).map((browser) => browser.stop()));
  await node?.dispose();
  await bed?.remove();
});

const of = (name, where = {}) => ({ kind: media, peer: bed.client(name).isPeer, ...where });
const ofClinic = (where = {}) => ({ kind: media, peer: (one) => CLINIC.some((name) => bed.client(name).isPeer(one)), ...where });
const time = (text) => new Date(text).getTime();

for (const scope of ['any', 'permitted_only']) {
  test(`R3: Virginia is opted out under signalling_scope ${scope}: dry at once, silent soon, everybody back in London`, async (t) => {
    assert.equal((await node.change({ opted_in: ['uk-london', 'us-east'], signalling_scope: scope })).status, 200);
    const capture = await bed.capture();
    const room = `rounds, ${scope}`;
    const join = (name, more) => Person.join(browsers[name], node, { room, identity: name, ...more });
    const follow = scope === 'permitted_only';
    const ann = await join('ann', {});
    const una = await join('una', { at: 'us-east', follow });
    const stu = await join('stu', { at: 'us-east', follow });
    const sound = { account: 'other', publish: { picture: false } };
    const bob = await join('school', { ...sound, identity: 'bob' });
    const eve = await join('school', { ...sound, identity: 'eve', at: 'us-east' });
    await Promise.all([ann.sees([una, stu]), una.sees([ann, stu]), stu.sees([ann, una]), bob.hears(eve), eve.hears(bob)]);
    assert.deepEqual([await una.region(), await stu.region()], ['us-east', 'us-east']);
    // One of them hears nothing any more: his computer stands still, while the node goes on sending to it.
    await capture.flows();  // where addresses don't tell whose packets are whose, he must say so before
    t.after(() => bed.client('stu').signal('SIGCONT'));
    bed.client('stu').signal('SIGSTOP');
    for (const name of ['una', 'stu']) await capture.watch(of(name, { link: 'us-east', direction: 'out', kind: 'rtp' }), 50);
    await capture.watch(of('una', { link: 'us-east', direction: 'in', kind: 'rtp' }), 50);
    const lost = async () => (await Promise.all([bob.received(), eve.received()])).flat().reduce((sum, one) => sum + one.lost, 0);
    const lostBefore = await lost();

    const answer = await node.change({ opted_in: ['uk-london'] });
    const returned = Date.now();
    assert.equal(answer.status, 200, answer.text);
    const [requested, dry] = [time(answer.body.requested_at), time(answer.body.dry_at)];
    assert.ok(dry - requested <= 2000 && dry <= returned, answer.text);
    assert.deepEqual([answer.body.moved.length, answer.body.failed, answer.body.covered_by_lease], [2, [], []], answer.text);

    const isBack = (flows, name) => ['in', 'out'].every((direction) => packets(flows, of(name, { link: 'uk-london', direction, kind: 'rtp' })) > 20);
    await capture.until((flows) => isBack(flows, 'una'), { what: 'una is back in London' });
    await Promise.all([una.sees([ann]), ann.sees([una])]);
    bed.client('stu').signal('SIGCONT');
    const woken = Date.now();
    await capture.until((flows) => isBack(flows, 'stu'), { seconds: 60, what: 'stu is back in London' });
    await stu.sees([ann, una]);
    await ann.isTold({ una: 'uk-london', stu: 'uk-london' });
    assert.deepEqual([await una.mediaAddress(), await stu.mediaAddress()], Array(2).fill(node.place('uk-london').address));
    // Five seconds and more of the other account's sound on the very link: who is silent meanwhile is silent.
    await capture.watch(of('school', { link: 'us-east', direction: 'out', kind: 'rtp' }), 250);
    const flows = await capture.flows({ slots: true });

    const virginia = (name, direction) => of(name, { link: 'us-east', direction });
    const back = (name) => Math.max(...['in', 'out'].map((direction) => firstAt(flows, of(name, { link: 'uk-london', direction, kind: 'rtp' }))));
    const still = ['una', 'stu'].map((name) => packetsSince(flows, virginia(name, 'in'), dry + 10));
    console.log(`${scope}: dry ${dry - requested} ms after the request; last datagram out ${(lastAt(flows, ofClinic({ link: 'us-east', direction: 'out' })) - dry).toFixed(1)} ms from dry_at;`
      + ` in from una until ${(lastAt(flows, virginia('una', 'in')) - requested).toFixed(0)} ms after the request, from stu until ${(lastAt(flows, virginia('stu', 'in')) - woken).toFixed(0)} ms after he woke,`
      + ` ${still} datagrams; back in London: una after ${(back('una') - requested).toFixed(0)} ms, stu ${(back('stu') - woken).toFixed(0)} ms after he woke`);
    console.log('packets by link: clinic', summary(flows, ofClinic()), 'other', summary(flows, of('school')));
    for (const name of ['una', 'stu']) for (const direction of ['in', 'out']) assert.ok(packets(flows, virginia(name, direction)) > 50, `control: ${name} was in Virginia, ${direction}`);
    // 1 ms: what the answer's time was rounded to.
    assert.ok(lastAt(flows, ofClinic({ link: 'us-east', direction: 'out' })) <= dry + 1, 'egress 0 after dry_at');
    assert.ok(lastAt(flows, virginia('una', 'in')) <= requested + 5000, 'ingress 0 within 5 s from a live client');
    assert.ok(lastAt(flows, virginia('stu', 'in')) <= woken + 30_000, 'and within 30 s from one that was stopped');
    assert.ok(back('una') <= requested + 5000, 'back within 5 s');
    assert.ok(back('stu') <= woken + 5000, 'and so is who slept, once awake');
    for (const name of ['ann', 'una', 'stu']) assert.equal(packets(flows, of(name, { link: 'eu-frankfurt' })), 0);
    const now = { link: 'us-east', direction: 'out', kind: 'tcp', peer: bed.client('una').isPeer };
    if (scope === 'any' && bed.kind === 'namespaces') assert.ok(lastAt(flows, now) > back('una'), 'signalling still goes through Virginia');

    // What still came was counted, and is listed with those who sent it.
    const listed = async () => (await node.api('GET', `/v1/accounts/clinic/routing/changes/${answer.body.epoch}`, { token: 'clinic' })).body.still_sending;
    const least = still[0] + still[1];
    const most = ['una', 'stu'].reduce((sum, name) => sum + packetsSince(flows, virginia(name, 'in'), requested - 20), 0);
    let counted;
    for (let tries = 0; tries < 100; tries += 1) {  // workers report once a second
      counted = (await listed()).reduce((sum, one) => sum + one.datagrams, 0);
      if (counted >= least) break;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    assert.ok(counted >= least && counted <= most, `still_sending has ${counted}, the capture saw ${least} after dry_at and ${most} after the request`);

    // The other account did not notice.
    const sending = of('school', { link: 'uk-london', direction: 'in', kind: 'rtp' });
    const hearing = of('school', { link: 'us-east', direction: 'out', kind: 'rtp' });
    const [from, to] = [requested - 1000, Math.min(lastAt(flows, sending), lastAt(flows, hearing))];
    const gaps = [heldBack(flows, sending, hearing, from, to), heldBack(flows, { ...sending, link: 'us-east' }, { ...hearing, link: 'uk-london' }, from, to)];
    const lostSince = (await lost()) - lostBefore;
    console.log(`${scope}: the other account's sound was held back for ${gaps.map((gap) => `${gap.ms} ms (${Math.round(gap.at - requested)} ms from the request)`)} at most, ${lostSince} packets lost, and ${lostBefore} before`);
    assert.ok(gaps.every((gap) => gap.ms <= 100), `gaps of ${gaps.map((gap) => gap.ms)} ms`);
    assert.equal(lostSince, 0);
    await Promise.all([ann, una, stu, bob, eve].map((person) => person.leave()));
    await capture.stop();
  });
}
