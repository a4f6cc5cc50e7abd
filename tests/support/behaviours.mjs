// Which client was seen to do what: the columns and rows of docs/clients.md, and how a test records a cell.
// tests/clients/table.mjs makes the document of what a run recorded.
import { appendFileSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Version of the lines that a run writes: {version, column, row, outcome: 'passed' | 'failed', reason}. */
const kVersion = 1;
/** Where they go, for `npm test` to make the table of; without it nothing is recorded. */
const kFile = 'MERIDIAN_BEHAVIOURS';

const here = dirname(fileURLToPath(import.meta.url));
const npm = (name) => JSON.parse(readFileSync(join(here, '..', 'node_modules', name, 'package.json'), 'utf8')).version;
const stated = (file, pattern) => pattern.exec(readFileSync(join(here, '..', 'clients', file), 'utf8'))[1];

/**
 * `does`: which rows apply. `isOurs`: a failure here is a failure of the node, whatever the reason; elsewhere
 * a defect of the client is named below.
 */
export const COLUMNS = [
  { id: 'v1', title: 'livekit-client, `/rtc/v1`, Chromium', version: npm('livekit-client'), does: ['participant', 'codecs'], isOurs: true },
  { id: 'v0', title: 'livekit-client, `/rtc`, Chromium', version: npm('livekit-client'), does: ['participant', 'codecs'], isOurs: true },
  { id: 'firefox-v1', title: 'livekit-client, `/rtc/v1`, Firefox ESR', version: npm('livekit-client'), does: ['participant'] },
  { id: 'firefox-v0', title: 'livekit-client, `/rtc`, Firefox ESR', version: npm('livekit-client'), does: ['participant'] },
  { id: 'old', title: 'livekit-client of 2024, Chromium', version: npm('livekit-client-2.6'), does: ['participant'], isOurs: true },
  { id: 'rtc-node', title: '`@livekit/rtc-node`', version: npm('@livekit/rtc-node'), does: ['participant', 'agent'], isOurs: true },
  { id: 'go', title: 'Go SDK', version: stated('go/go.mod', /server-sdk-go\/v2 v(\S+)/), does: ['participant'], isOurs: true },
  { id: 'python', title: 'Python SDK', version: stated('python/requirements.txt', /livekit==(\S+)/), does: ['participant'], isOurs: true },
  { id: 'server-sdk', title: '`livekit-server-sdk`', version: npm('livekit-server-sdk'), does: ['server'], isOurs: true },
  { id: 'page', title: 'WHIP and WHEP by a page in Chromium', does: ['stream'], isOurs: true },
  { id: 'aiortc', title: 'aiortc', version: stated('python/requirements.txt', /aiortc==(\S+)/), does: ['stream'] },
  { id: 'pion', title: 'pion', version: stated('go/go.mod', /pion\/webrtc\/v4 v(\S+)/), does: ['stream'] },
  { id: 'gstreamer', title: 'GStreamer', does: ['stream'] },
];

export const SECTIONS = [
  { title: 'Coming and going', of: 'participant', rows: {
    join: 'joins; sees who is there, and is seen',
    refused: 'is told why a token is refused',
    refresh: 'takes the token that is refreshed',
    leave: 'leaves, which others see at once',
    removed: 'is removed, and told so with the reason',
  } },
  { title: 'Media', of: 'participant', rows: {
    'publish-audio': 'publishes sound, which Chromium hears',
    'publish-video': 'publishes a picture, which Chromium decodes',
    simulcast: 'publishes layers, of which a subscriber gets the one that it asks for',
    'subscribe-audio': 'hears Chromium',
    'subscribe-video': 'sees Chromium',
    quality: 'asks for a lower layer of a picture, and gets it',
    dynacast: 'stops the layers that nobody watches, and begins them again',
    told: 'is told that its track has a subscriber',
    mute: 'mutes and unmutes, which others see',
    'sees-mute': 'sees that others mute and unmute',
    unpublish: 'takes a track away and publishes it again',
    'sees-unpublish': 'sees that others take a track away',
    subscription: 'unsubscribes and subscribes again',
    permits: 'permits and forbids others to subscribe to its tracks',
    e2ee: 'is encrypted end to end, with a key that the node has not',
  } },
  { title: 'Codecs in Chromium', of: 'codecs', rows: {
    vp8: 'publishes VP8, and decodes it',
    h264: 'publishes H264, and decodes it',
    vp9: 'publishes VP9, and decodes it',
    av1: 'publishes AV1, and decodes it',
    stereo: 'publishes sound in stereo, and hears both channels, also who comes later',
  } },
  { title: 'Data', of: 'participant', rows: {
    reliable: 'sends and gets reliable data',
    lossy: 'sends and gets lossy data',
    text: 'sends and gets text streams',
    bytes: 'sends and gets byte streams',
    rpc: 'calls a method of others, and answers',
    'data-track': 'sends and gets data tracks',
  } },
  { title: 'People', of: 'participant', rows: {
    attributes: 'changes its name, metadata and attributes, which others see',
    'sees-attributes': 'sees that others change theirs',
    rights: 'loses a right by the server API, and is told so',
    speakers: 'is told who speaks',
    'connection-quality': 'is told how good its connection is',
  } },
  { title: 'Connections that break', of: 'participant', rows: {
    resume: 'resumes when its socket is lost, as the same participant',
    'ice-restart': 'restarts ICE with it, and media go on',
    reconnect: 'joins anew when the server asks for it, with its tracks',
  } },
  { title: 'Agents', of: 'agent', rows: { agent: 'joins as an agent with the token of a job' } },
  { title: 'WHIP and WHEP', of: 'stream', rows: {
    whip: 'publishes',
    trickle: 'trickles candidates by PATCH',
    restart: 'restarts ICE by PATCH, and media go on',
    delete: 'ends by DELETE',
    whep: 'plays',
  } },
  { title: 'Server API', of: 'server', rows: {
    'api-rooms': 'creates, lists and deletes rooms',
    'api-participants': 'lists, gets, updates and removes participants',
    'api-tracks': 'mutes tracks, sets subscriptions and permissions',
    'api-data': 'sends data, to all and to some',
    'api-move': 'moves participants to another room',
    'api-forward': 'forwards participants to another room',
    'api-dispatch': 'dispatches agents, lists and deletes dispatches',
    'api-refusals': 'is refused with Twirp\'s codes: without rights, in another account, in an excluded region',
    'api-absent': 'is told of egress, ingress and SIP that there are none',
    webhooks: 'verifies the webhooks that it receives',
  } },
];
export const rowsOf = ({ does }) => SECTIONS.filter(({ of }) => does.includes(of)).flatMap(({ rows }) => Object.keys(rows));

/** What a client has no means for. */
export const LACKS = {
  old: { text: 'it knows no streams', bytes: 'it knows no streams', 'data-track': 'it knows no data tracks' },
  'rtc-node': {
    quality: 'the SDK has no call for it', mute: 'the SDK has no call for it', permits: 'the SDK has no call for it', 'data-track': 'the SDK has no call for it',
    rights: 'the SDK has no event for it',
  },
  go: { 'data-track': 'the SDK has no call for it' },
  aiortc: { trickle: 'aiortc does not trickle', restart: 'aiortc does not restart ICE' },
  gstreamer: { restart: 'webrtcbin does not restart ICE', whep: 'only the publisher is tested' },
};

/** What fails for a defect of the client's own, {column: {row: text with a link or a trace}}. */
export const DEFECTS = {};

const known = new Map(COLUMNS.map((column) => [column.id, new Set(rowsOf(column))]));

/** One cell as this run has seen it. */
export function record(column, row, outcome, reason = '') {
  if (!known.get(column)?.has(row)) throw new Error(`no such cell: ${column}, ${row}`);
  if (process.env[kFile]) appendFileSync(process.env[kFile], `${JSON.stringify({ version: kVersion, column, row, outcome, reason })}\n`);
}

/** The body of a test that shows these behaviours, {column: [row...]}; it passes and fails as the body does. */
export function covers(cells, body) {
  const all = Object.entries(cells).flatMap(([column, rows]) => rows.map((row) => [column, row]));
  return async (...context) => {
    try {
      await body(...context);
    } catch (error) {
      for (const [column, row] of all) record(column, row, 'failed', error.message.split('\n')[0]);
      throw error;
    }
    for (const [column, row] of all) record(column, row, 'passed');
  };
}

/** What the lines of a run say, {'column row': {outcome, reason}}: a cell that failed once has failed. */
export function readRun(file) {
  const cells = new Map();
  for (const line of readFileSync(file, 'utf8').split('\n').filter(Boolean)) {
    const { version, column, row, outcome, reason } = JSON.parse(line);
    if (version !== kVersion) throw new Error(`a line of version ${version}, not ${kVersion}: ${line}`);
    const key = `${column} ${row}`;
    if (outcome === 'failed' || !cells.has(key)) cells.set(key, { outcome, reason });
  }
  return cells;
}
