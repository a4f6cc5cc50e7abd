// LiveKit's own load test (tests/clients/go/load): 4 publishers of pictures in layers and 20 subscribers, for a minute. Every track
// comes, its report counts no packet lost, and the node has dropped none. It wants a machine of its own: `npm run load`.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { after, before, test } from 'node:test';
import { MeridianNode } from '../support/node.mjs';
import { buildGoLoad } from '../support/robot.mjs';

const kPublishers = 4;
const kSubscribers = 20;
const kSeconds = 60;

let node;
let program;
before(async () => { program = buildGoLoad(); node = await MeridianNode.start(); });
after(async () => { await node?.dispose(); });

/** Everything that the node counts of what it did not pass on, {series: count}. */
async function dropped() {
  const lines = (await node.metrics()).split('\n').filter((line) => /^meridian_\w*(drops|dropped|lost|sends_refused)\w*[ {]/.test(line));
  return Object.fromEntries(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]));
}

test('4 publishers and 20 subscribers for a minute', async () => {
  const tester = spawn(program, ['-url', node.url(), '-api-key', 'devkey', '-api-secret', 'secret', '-room', 'load', '-video-publishers', kPublishers, '-subscribers', kSubscribers,
    '-num-per-second', '10', '-duration', `${kSeconds}s`].map(String), { stdio: ['ignore', 'pipe', 'pipe'] });
  let report = '';
  for (const stream of [tester.stdout, tester.stderr]) stream.on('data', (chunk) => { report += chunk; });
  const exited = new Promise((resolve) => tester.on('exit', resolve));
  const until = async (text, seconds) => {
    for (let tries = 0; tries < seconds * 20 && !report.includes(text); tries += 1) await new Promise((resolve) => setTimeout(resolve, 50));
    assert.ok(report.includes(text), `in ${seconds} s the load test did not say ${text}:\n${report}`);
  };
  try {
    await until('Finished connecting', 30);
    // What comes before an answer, or after a leave, is not loss.
    await new Promise((resolve) => setTimeout(resolve, 1000));
    const before = await dropped();
    await new Promise((resolve) => setTimeout(resolve, (kSeconds - 2) * 1000));
    const now = await dropped();
    assert.deepEqual(Object.entries(now).filter(([series, count]) => count !== before[series]).map(([series, count]) => `${series} ${count - before[series]}`), []);
    await exited;
    const [, tracks, loss, errors] = /Total\s*│\s*(\d+\/\d+)\s*│[^│]*│\s*([^│]*?)\s*│\s*(\d+)/.exec(report) ?? [];
    assert.deepEqual({ tracks, loss, errors }, { tracks: `${kPublishers * kSubscribers}/${kPublishers * kSubscribers}`, loss: '0 (0%)', errors: '0' }, report);
  } finally {
    tester.kill('SIGKILL');
  }
});
