// Makes HTTP requests for another process, from the network namespace in which this one runs.
// One JSON request a line on standard input, {id, url, method, headers, body}; one answer a line.
import { createInterface } from 'node:readline';

const answer = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);
createInterface({ input: process.stdin }).on('line', async (line) => {
  const { id, url, ...options } = JSON.parse(line);
  try {
    const response = await fetch(url, { ...options, signal: AbortSignal.timeout(60_000) });
    answer({ id, status: response.status, headers: Object.fromEntries(response.headers), body: await response.text() });
  } catch (error) {
    answer({ id, failure: `${url}: ${error.cause?.message ?? error.message}` });
  }
}).on('close', () => process.exit(0));
