// A participant on the LiveKit Go or Python SDK or on GStreamer (tests/clients), as a child process.
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const source = join(here, '..', 'clients', 'go');
const cache = join(here, '..', '..', '.cache');
const goRobot = join(cache, 'go-robot');

/** Go of this machine, or the one that `./dev setup` took from PyPI. */
function goProgram() {
  const own = join(cache, 'go', 'go', 'bin', 'go');
  return existsSync(own) ? own : 'go';
}

/** Builds the participant; a second time is quick. */
export function buildGoRobot() {
  mkdirSync(cache, { recursive: true });
  execFileSync(goProgram(), ['build', '-o', goRobot, '.'], { cwd: source, stdio: ['ignore', 'ignore', 'inherit'] });
}

export class Robot {
  /** On the Go SDK: sends back what `echo` publishes. */
  static go({ url, token, echo = '', one = false }) {
    return new Robot(goRobot, ['-url', url, '-token', token, '-echo', echo, ...(one ? ['-one'] : [])]);
  }
  /** On the Python SDK: publishes a picture and a tone. */
  static python({ url, token, two = false }) {
    const path = [join(cache, 'python'), process.env.PYTHONPATH].filter(Boolean).join(':');
    return new Robot('python3', [join(here, '..', 'clients', 'python', 'robot.py'), url, token, ...(two ? ['--two'] : [])], { PYTHONPATH: path });
  }
  /** GStreamer's webrtcbin, which publishes by WHIP; on Debian's Python, whose bindings these are. */
  static gstreamer({ url, token }) {
    return new Robot('/usr/bin/python3', [join(here, '..', 'clients', 'gstreamer', 'whip.py'), url, token]);
  }
  constructor(program, words, environment = {}) {
    this.events = [];
    this.process = spawn(program, words, { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ...environment } });
    this.log = '';
    this.process.stderr.on('data', (chunk) => { this.log = (this.log + chunk).slice(-20_000); });
    createInterface({ input: this.process.stdout }).on('line', (line) => this.events.push(JSON.parse(line)));
    this.exited = new Promise((resolve) => this.process.on('exit', resolve));
  }
  tell(line) { this.process.stdin.write(`${line}\n`); }
  /** The first event, from the `from`th on, that `matches`. */
  async event(matches, { seconds = 30, from = 0, what = matches.toString() } = {}) {
    for (let tries = 0; tries < seconds * 20; tries += 1) {
      const found = this.events.slice(from).find(matches);
      if (found) return found;
      if (this.process.exitCode !== null) break;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`the participant did not say: ${what}\n${this.events.slice(-30).map((e) => JSON.stringify(e)).join('\n')}\n${this.log}`);
  }
  async leave() {
    if (this.process.exitCode === null) this.tell('leave');
    const timer = setTimeout(() => this.process.kill('SIGKILL'), 10_000);
    await this.exited;
    clearTimeout(timer);
  }
}
