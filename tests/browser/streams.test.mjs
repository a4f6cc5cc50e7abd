// WHIP and WHEP by plain pages in Chromium, and livekit-client in the same rooms.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { covers } from '../support/behaviours.mjs';
import { Browser, eventually } from '../support/browser.mjs';
import { MeridianNode } from '../support/node.mjs';
import { token } from '../support/token.mjs';

let node;
let browser;
before(async () => { node = await MeridianNode.start(); browser = await Browser.start(); });
after(async () => { await browser?.stop(); await node?.dispose(); });

async function stream(kind, room, identity, { simulcast = false, query = '', region = 'uk-london', account = 'dev' } = {}) {
  const page = await browser.tab({ client: 'streams' });
  const answer = await page.evaluate(({ name, ...p }) => window[name](p), { name: kind, url: `${node.http_url(region)}/${kind}/v1${query}`, token: token({ room, identity, account }), simulcast });
  return { page, answer };
}
async function person(room, identity, { publish = false } = {}) {
  const page = await browser.tab();
  await page.evaluate((p) => window.join(p), { url: node.url(), token: token({ room, identity }) });
  if (publish) await page.evaluate((p) => window.publish(p), publish === true ? {} : publish);
  return page;
}
const sees = (page, from) => eventually(page, async (who) => {
  const all = (await window.received()).filter((s) => s.from === who);
  return all.some((s) => s.kind === 'video' && s.frames > 10) && all.some((s) => s.kind === 'audio' && s.energy > 0);
}, from, { what: `pictures and sound from ${from}`, seconds: 40 });
const plays = (page) => eventually(page, async () => {
  const { video, audio } = await window.inbound();
  return video?.frames > 10 && audio?.energy > 0;
}, undefined, { what: 'a player with pictures and sound', seconds: 40 });

describe('an encoder that speaks WHIP', () => {
  let encoder; let viewer; let player;
  test('is seen and heard by livekit-client, with its layers', covers({ page: ['whip'] }, async () => {
    viewer = await person('stage', 'vera');
    encoder = await stream('whip', 'stage', 'encoder', { simulcast: true });
    assert.equal(encoder.answer.status, 201, encoder.answer.body);
    assert.match(encoder.answer.location, /^\/whip\/v1\/PA_\w+$/);
    assert.match(encoder.answer.etag, /^"\w+"$/);
    assert.equal(encoder.answer.link, null, 'no server of anybody else is named');
    assert.match(encoder.answer.body, /^a=rtpmap:\d+ red\/48000\/2\r$/m, 'its sound is taken with the redundancy that Chromium offers');
    await sees(viewer, 'encoder');
    await eventually(encoder.page, async () => (await window.outbound()).filter((s) => s.kind === 'video' && s.packets > 0).length >= 2, undefined, { seconds: 40, what: 'several layers are sent' });
    const tracks = await viewer.evaluate(() => [...window.room.remoteParticipants.values()].find((p) => p.identity === 'encoder').trackPublications.values().map((t) => [t.kind, t.source, t.trackInfo.simulcast]).toArray());
    assert.deepEqual(tracks.sort(), [['audio', 'microphone', false], ['video', 'camera', true]]);
    // The viewer's wish for a lower layer is granted as for any other publisher.
    await viewer.evaluate(() => window.room.remoteParticipants.values().next().value.getTrackPublication('camera').setVideoQuality(0));
    await eventually(viewer, async () => (await window.received()).some((s) => s.kind === 'video' && s.width === 160), undefined, { seconds: 40, what: 'the lowest layer' });
  }));
  test('is played by a page that speaks WHEP', covers({ page: ['whep'] }, async () => {
    player = await stream('whep', 'stage', 'player');
    assert.equal(player.answer.status, 201, player.answer.body);
    await plays(player.page);
    assert.ok(await node.metric('meridian_red_stripped_total') > 0, 'a player that knows no RED is given none');
  }));
  test('trickles, and restarts ICE without a gap, both by PATCH', covers({ page: ['trickle', 'restart'] }, async () => {
    assert.equal((await encoder.page.evaluate(() => window.trickle())).status, 204);
    for (const { page } of [encoder, player]) {
      const first = await page.evaluate(async () => ({ ...(await window.pair()), etag: window.session.etag }));
      assert.equal((await page.evaluate(() => window.ask('PATCH', { type: 'application/trickle-ice-sdpfrag', match: '"another"', body: 'a=mid:0\r\n' }))).status, 412);
      const restarted = await page.evaluate(() => window.restart());
      assert.equal(restarted.status, 200, restarted.body);
      assert.notEqual(restarted.etag, first.etag);
      await eventually(page, async (ufrag) => (await window.pair())?.ufrag !== ufrag, first.ufrag, { what: 'media over the new ICE session' });
    }
    const frames = (await player.page.evaluate(() => window.inbound())).video.frames;
    await eventually(player.page, async (n) => (await window.inbound()).video.frames > n + 30, frames, { what: 'pictures go on', seconds: 40 });
  }));
  test('leaves by DELETE, and with it whoever played nothing else', covers({ page: ['delete'] }, async () => {
    assert.equal((await encoder.page.evaluate(() => window.ask('DELETE'))).status, 200);
    await eventually(viewer, () => window.room.remoteParticipants.size === 0, undefined, { what: 'an empty room' });
    assert.equal((await player.page.evaluate(() => window.ask('DELETE'))).status, 404);
    assert.equal(await node.metric('meridian_stream_sessions'), 0);
    assert.ok(await node.metric('meridian_stream_requests_total', 'protocol="whip",method="PATCH",status="200"') > 0, await node.metrics());
    for (const page of [encoder.page, player.page, viewer]) await page.close();
  }));
});

test('a player sees and hears somebody with livekit-client', async () => {
  const page = await person('talk', 'ann', { publish: { red: true } });
  const other = await person('talk', 'ben', { publish: true });
  await sees(page, 'ben');
  const player = await stream('whep', 'talk', 'player', { query: '?participant=ann' });
  assert.equal(player.answer.status, 201, player.answer.body);
  await plays(player.page);
  assert.ok(await node.metric('meridian_red_stripped_total') > 0, 'a player is given no RED');
  await eventually(page, () => [...window.room.remoteParticipants.values()].some((p) => p.identity === 'player'));
  assert.equal((await player.page.evaluate(() => window.ask('DELETE'))).status, 200);
  await eventually(page, () => ![...window.room.remoteParticipants.values()].some((p) => p.identity === 'player'));
  for (const one of [page, other, player.page]) await one.close();
});

test('an encoder that is simply gone leaves when its consent has expired', async () => {
  const viewer = await person('gone', 'vera');
  const encoder = await stream('whip', 'gone', 'encoder');
  await sees(viewer, 'encoder');
  await encoder.page.close();
  await eventually(viewer, () => window.room.remoteParticipants.size === 0, undefined, { seconds: 60, what: 'the encoder left' });
  await viewer.close();
});

test('a page learns why it is refused', async () => {
  const wrong = await browser.tab({ client: 'streams' });
  const refused = await wrong.evaluate((p) => window.whip(p), { url: `${node.http_url()}/whip/v1`, token: 'nonsense' });
  assert.equal(refused.status, 401);
  const elsewhere = await stream('whip', 'stage', 'encoder', { account: 'uk-only', region: 'us-east' });
  assert.equal(elsewhere.answer.status, 403);
  const why = JSON.parse(elsewhere.answer.body);
  assert.equal(why.error, 'region_not_allowed');
  assert.deepEqual(why.permitted.map((r) => r.region), ['uk-london']);
  const early = await stream('whep', 'nothing yet', 'player');
  assert.equal(early.answer.status, 409);
  for (const { page } of [{ page: wrong }, elsewhere, early]) await page.close();
});
