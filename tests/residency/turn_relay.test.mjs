// TURN without TLS: over UDP on the media port, and over TCP on the port for media over TCP. Chromium is told to use nothing but a relay.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { BedNode } from '../support/bednode.mjs';
import { Browser, eventually } from '../support/browser.mjs';
import { NetBed } from '../support/netbed.mjs';

let bed;
const browsers = {};
before(async () => {
  bed = await NetBed.make({ clients: ['ann', 'ben'] });
  if (bed.kind !== 'namespaces') return;
  for (const name of ['ann', 'ben']) browsers[name] = await Browser.start({ client: bed.client(name) });
});
after(async () => {
  for (const browser of Object.values(browsers)) await browser.stop();
  await bed?.remove();
});

for (const [transport, port] of [['udp', 7880], ['tcp', 7881]]) {
  test(`a relay over ${transport}, for one or for two connections`, async (t) => {
    if (bed.kind !== 'namespaces') { t.skip('network namespaces cannot be made here'); return; }
    const node = await BedNode.start(bed, { tcp: 7881, turn: `{${transport}: true}`, clinic: { opted_in: ['uk-london'] } });
    try {
      const pages = {};
      for (const [identity, singlePeerConnection] of [['ann', true], ['ben', false]]) {
        pages[identity] = await browsers[identity].tab();
        await pages[identity].evaluate((p) => window.join(p), { url: node.http_url().replace('http', 'ws'), token: node.token({ room: 'ward', identity }),
          options: { singlePeerConnection }, connect: { rtcConfig: { iceTransportPolicy: 'relay' } } });
        await pages[identity].evaluate(() => window.publishCanvas({ simulcast: false }));
      }
      for (const [name, other] of [['ann', 'ben'], ['ben', 'ann']]) {
        await eventually(pages[name], async (who) => (await window.received()).some((s) => s.from === who && s.kind === 'video' && s.frames > 60), other, { seconds: 60, what: `${name} sees ${other}` });
        const pair = await pages[name].evaluate(() => window.pair());
        t.diagnostic(`${name}: ${JSON.stringify(pair)}`);
        assert.equal(pair.type, 'relay');
        assert.equal(pair.relay, transport);
        assert.equal(pair.url, `turn:${node.place('uk-london').address}:${port}?transport=${transport}`);
      }
      assert.equal(await node.metric('meridian_turn_allocations', 'uk-london'), 3, 'one for each connection');
      for (const page of Object.values(pages)) await page.evaluate(() => window.room.disconnect());
      for (let tries = 0; tries < 100 && await node.metric('meridian_turn_allocations', 'uk-london') > 0; tries += 1) await new Promise((resolve) => setTimeout(resolve, 100));
      assert.equal(await node.metric('meridian_turn_allocations', 'uk-london'), 0, 'whoever leaves has none');
    } finally { await node.dispose(); }
  });
}
