// proto/ beside the descriptors of the @livekit/protocol that livekit-client 2.23 brings along: what
// is in both must be the same on the wire and in JSON, and what LiveKit has and proto/ has not must
// be in the list below, so that news are seen.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { FieldDescriptorProto_Label as Label, FieldDescriptorProto_Type as Type, FileDescriptorSet } from '@bufbuild/protobuf';

// Cloud features, and what only other services look into.
const LEFT_OUT = new Set([
  'livekit.MetricsBatch.events', 'livekit.MetricsBatch.normalized_timestamp', 'livekit.MetricsBatch.time_series',
  'livekit.WebhookEvent.egress_info', 'livekit.WebhookEvent.ingress_info', 'livekit.WebhookEvent.job',
  'livekit.RoomEgress.participant', 'livekit.RoomEgress.room', 'livekit.RoomEgress.tracks',
]);

const folder = fileURLToPath(new URL('../../proto/', import.meta.url));

function ours() {
  const out = join(tmpdir(), `meridian-proto-${process.pid}.bin`);
  const files = readdirSync(folder).filter((name) => name.endsWith('.proto'));
  execFileSync('protoc', [`--proto_path=${folder}`, `--descriptor_set_out=${out}`, ...files]);
  const messages = new Map();
  const enums = new Map();
  const addEnum = (prefix, type) => enums.set(`${prefix}.${type.name}`, new Map(type.value.map((v) => [v.name, v.number])));
  const add = (prefix, type) => {
    const name = `${prefix}.${type.name}`;
    type.enumType.forEach((inner) => addEnum(name, inner));
    type.nestedType.forEach((inner) => add(name, inner));
    messages.set(name, type);
  };
  for (const file of FileDescriptorSet.fromBinary(readFileSync(out)).file) {
    file.enumType.forEach((type) => addEnum(file.package, type));
    file.messageType.forEach((type) => add(file.package, type));
  }
  return { messages, enums };
}

async function livekits() {
  const client = createRequire(import.meta.url).resolve('livekit-client');
  const path = createRequire(client).resolve('@livekit/protocol');
  const library = await import(pathToFileURL(path));
  const messages = new Map();
  const enums = new Map();
  const addEnum = (type) => enums.set(type.typeName, new Map(type.values.map((v) => [v.name, v.no])));
  const add = (type) => {
    if (messages.has(type.typeName)) return;
    messages.set(type.typeName, type);
    for (const field of type.fields.list()) {
      const value = field.kind === 'map' ? field.V : field;
      if (value.kind === 'message') add(value.T);
      if (value.kind === 'enum') addEnum(value.T);
    }
  };
  const exported = library.default ?? library;
  for (const type of Object.values(exported)) if (type?.typeName && type.fields) add(type);
  return { messages, enums };
}

const scalar = (type) => Type[type].toLowerCase();
const shortened = (name) => name.replace(/^\./, '');

/** One line that says all that the wire and JSON depend on. */
function describeOurs(message, messages, field) {
  const nested = field.type === Type.MESSAGE ? messages.get(shortened(field.typeName)) : undefined;
  let type;
  if (nested?.options?.mapEntry) {
    const [key, value] = nested.field;
    type = `map<${scalar(key.type)}, ${value.typeName ? shortened(value.typeName) : scalar(value.type)}>`;
  } else {
    type = (field.label === Label.REPEATED ? 'repeated ' : '') + (field.typeName ? shortened(field.typeName) : scalar(field.type));
  }
  const oneof = field.oneofIndex !== undefined && !field.proto3Optional ? message.oneofDecl[field.oneofIndex].name : '';
  return `${field.number} ${type} ${oneof}`;
}

function describeTheirs(field) {
  const SCALARS = { 1: 'double', 2: 'float', 3: 'int64', 4: 'uint64', 5: 'int32', 6: 'fixed64', 7: 'fixed32', 8: 'bool', 9: 'string', 12: 'bytes', 13: 'uint32', 15: 'sfixed32', 16: 'sfixed64', 17: 'sint32', 18: 'sint64' };
  const name = (value) => (value.kind === 'scalar' ? SCALARS[value.T] : value.T.typeName);
  const type = field.kind === 'map' ? `map<${SCALARS[field.K]}, ${name(field.V)}>` : (field.repeated ? 'repeated ' : '') + name(field);
  return `${field.no} ${type} ${field.oneof?.name ?? ''}`;
}

test('proto/ is what LiveKit speaks', async () => {
  const mine = ours();
  const theirs = await livekits();
  assert.ok(mine.messages.size > 80 && theirs.messages.size > 200, `${mine.messages.size} and ${theirs.messages.size} messages`);
  const wrong = [];
  const missing = new Set();
  for (const [name, message] of mine.messages) {
    if (message.options?.mapEntry) continue;
    const other = theirs.messages.get(name);
    if (!other) { wrong.push(`${name}: LiveKit has no such message`); continue; }
    const fields = new Map(other.fields.list().map((field) => [field.name, field]));
    for (const field of message.field) {
      const same = fields.get(field.name);
      const here = describeOurs(message, mine.messages, field);
      const there = same ? describeTheirs(same) : 'no such field';
      if (here !== there) wrong.push(`${name}.${field.name}: here ${here}; LiveKit: ${there}`);
      fields.delete(field.name);
    }
    for (const field of fields.keys()) missing.add(`${name}.${field}`);
  }
  for (const [name, values] of mine.enums) {
    const other = theirs.enums.get(name);
    if (!other) { wrong.push(`${name}: LiveKit has no such enum`); continue; }
    for (const [value, number] of values) if (other.get(value) !== number) wrong.push(`${name}.${value}: here ${number}; LiveKit: ${other.get(value)}`);
    for (const value of other.keys()) if (!values.has(value)) missing.add(`${name}.${value}`);
  }
  assert.deepEqual(wrong, []);
  assert.deepEqual([...missing].sort(), [...LEFT_OUT].sort(), 'news in LiveKit\'s protocol: add them to proto/ or to LEFT_OUT');
});
