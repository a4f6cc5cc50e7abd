// Makes docs/clients.md of what a run of the tests recorded (tests/support/behaviours.mjs):
//   node clients/table.mjs RUN            writes it
//   node clients/table.mjs --check RUN    says what it would change, and that is a failure
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { COLUMNS, DEFECTS, LACKS, readRun, rowsOf, SECTIONS } from '../support/behaviours.mjs';

const document = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'docs', 'clients.md');
const isCheck = process.argv[2] === '--check';
const run = readRun(process.argv[isCheck ? 3 : 2]);

const wrong = [];
const notes = [];
const note = (text) => {
  if (!notes.includes(text)) notes.push(text);
  return `[${notes.indexOf(text) + 1}]`;
};

function cell(column, row) {
  if (!rowsOf(column).includes(row)) return '–';
  const lack = LACKS[column.id]?.[row];
  const defect = DEFECTS[column.id]?.[row];
  const seen = run.get(`${column.id} ${row}`);
  if (lack) {
    if (seen) wrong.push(`${column.id}, ${row}: said to be not applicable, but a test ran it`);
    return `n/a ${note(lack)}`;
  }
  if (!seen) {
    wrong.push(`${column.id}, ${row}: no test of this run recorded it`);
    return 'no run';
  }
  if (seen.outcome === 'passed') {
    if (defect) wrong.push(`${column.id}, ${row}: passes, though a defect is named`);
    return 'passed';
  }
  if (!defect || column.isOurs) wrong.push(`${column.id}, ${row}: failed: ${seen.reason}`);
  return `failed ${note(defect ?? seen.reason)}`;
}

function section({ title, of, rows }) {
  const columns = COLUMNS.filter(({ does }) => does.includes(of));
  const lines = [`## ${title}`, '', `| | ${columns.map((c) => `${c.title}${c.version ? ` ${c.version}` : ''}`).join(' | ')} |`, `|---|${columns.map(() => '---|').join('')}`];
  for (const [row, text] of Object.entries(rows)) lines.push(`| ${text} | ${columns.map((column) => cell(column, row)).join(' | ')} |`);
  return lines.join('\n');
}

const sections = SECTIONS.map(section);
const text = `# Clients

What each client was seen to do against a node: \`npm test\` in \`tests/\` runs every cell, and fails where this page says
something else than the run. The other end is livekit-client in Chromium. **n/a**: the client has no means for it, for the
reason that is named; a behaviour is listed only for the clients that it concerns. Chromium, Firefox ESR and GStreamer are
Debian 12's. The Go and Python SDKs and rtc-node run here over one connection (\`/rtc/v1\`) or two (\`/rtc\`) as they do unless told
otherwise; \`tests/clients\` has them the other way round, too. End-to-end encryption of the Go SDK is shown for sound; of pictures
it encrypts H264 and H265 alone.

${sections.join('\n\n')}

## Notes

${notes.map((one, i) => `${i + 1}. ${one}`).join('\n')}
`;

if (isCheck) {
  const lines = new Set(readFileSync(document, 'utf8').split('\n'));
  for (const line of text.split('\n').filter((one) => !lines.has(one))) wrong.push(`docs/clients.md lacks: ${line}`);
} else {
  writeFileSync(document, text);
}
for (const line of wrong) console.error(line);
if (wrong.length > 0) {
  console.error(`docs/clients.md: ${wrong.length} cells or lines are not as they were seen`);
  process.exit(1);
}
console.log(`docs/clients.md agrees with this run: ${run.size} cells`);
