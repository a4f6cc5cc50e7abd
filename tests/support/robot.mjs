// A participant on rtc-node, the LiveKit Go or Python SDK, on aiortc, pion or GStreamer (tests/clients), as a child process.
//
// Those on an SDK read these lines: `publish` (sound, and a picture in layers), `publish-picture`, `unpublish-picture`, `mute`, `unmute`,
// `say TEXT`, `lossy TEXT`, `text TEXT`, `bytes TEXT`, `call WHO TEXT` (the method `repeat`), `change JSON` (name, metadata, attributes),
// `subscribe`, `unsubscribe` and `quality low|high` (of all pictures), `permit`, `forbid`, `frames NAME` and `no-frames` (a data track),
// `simulate NAME`, `stats` and `leave`.
import { execFileSync, spawn } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const source = join(here, '..', 'clients', 'go');
const cache = join(here, '..', '..', '.cache');
const goRobot = join(cache, 'go-robot');
const goStreams = join(cache, 'go-streams');

/** Go of this machine, or the one that `./dev setup` took from PyPI. */
function goProgram() {
  const own = join(cache, 'go', 'go', 'bin', 'go');
  return existsSync(own) ? own : 'go';
}

/** Builds a program of tests/clients/go; a second time is quick. */
function build(program, folder, ...options) {
  mkdirSync(cache, { recursive: true });
  execFileSync(goProgram(), ['build', ...options, '-o', program, folder], { cwd: source, stdio: ['ignore', 'ignore', 'inherit'] });
}
/** The same with livekit-cli's publishers, and clips for them (clips.py says why). */
function buildWithClips(program, folder) {
  const cli = join(cache, 'livekit-cli');
  const module = join(cache, 'with-clips.mod');
  const from = execFileSync(goProgram(), ['list', '-m', '-f', '{{.Dir}}', 'github.com/livekit/livekit-cli/v2'], { cwd: source, encoding: 'utf8' }).trim();
  if (!existsSync(join(cli, 'go.mod')) || !readFileSync(join(cli, 'go.mod')).equals(readFileSync(join(from, 'go.mod')))) {
    rmSync(cli, { recursive: true, force: true });
    execFileSync('/usr/bin/python3', [join(here, '..', 'clients', 'gstreamer', 'clips.py'), from, cli], { stdio: ['ignore', 'ignore', 'pipe'] });
  }
  copyFileSync(join(source, 'go.mod'), module);
  copyFileSync(join(source, 'go.sum'), module.replace('.mod', '.sum'));
  execFileSync(goProgram(), ['mod', 'edit', '-replace', `github.com/livekit/livekit-cli/v2=${cli}`, module]);
  build(program, folder, '-modfile', module);
}
export const buildGoRobot = () => buildWithClips(goRobot, '.');
export const buildGoStreams = () => buildWithClips(goStreams, './streams');
export function buildGoLoad() {
  const program = join(cache, 'go-load');
  buildWithClips(program, './load');
  return program;
}

/** Builds the program of that folder beside it; where it is. */
export function buildGoProgram(name) {
  mkdirSync(cache, { recursive: true });
  const program = join(cache, `go-${name}`);
  execFileSync(goProgram(), ['build', '-o', program, `./${name}`], { cwd: source, stdio: ['ignore', 'ignore', 'inherit'] });
  return program;
}

export class Robot {
  /** On the Go SDK: sends back what `echo` publishes. */
  static go({ url, token, echo = '', one = false, key }) {
    return new Robot(goRobot, ['-url', url, '-token', token, '-echo', echo, ...(one ? ['-one'] : []), ...(key ? ['-key', key] : [])]);
  }
  /** On the Python SDK: publishes a picture and a tone unless it is quiet. */
  static python({ url, token, two = false, quiet = false, key }) {
    return Robot.#python('robot.py', [url, token, ...(two ? ['--two'] : []), ...(quiet ? ['--quiet'] : []), ...(key ? ['--key', key] : [])]);
  }
  static node({ url, token, key }) { return new Robot(process.execPath, [join(here, '..', 'clients', 'node', 'robot.mjs'), url, token, ...(key ? [key] : [])]); }
  /** aiortc, by WHIP or WHEP. */
  static aiortc({ kind, url, token }) { return Robot.#python('streams.py', [kind, url, token]); }
  /** pion, by WHIP or WHEP. */
  static pion({ kind, url, token }) { return new Robot(goStreams, [kind, url, token]); }
  static #python(script, words) {
    const path = [join(cache, 'python'), process.env.PYTHONPATH].filter(Boolean).join(':');
    return new Robot('python3', [join(here, '..', 'clients', 'python', script), ...words], { PYTHONPATH: path });
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
