import { useCallback, useState } from 'react';
import { type AuditRecord, type Refusal, refusal, type Verification } from './api';
import { saveFile, useLoad } from './hooks';
import { Heading, Trouble, Waiting } from './parts';
import { type Desk } from './Shell';
import { count, number, plain, sentence, time } from './words';

const PAGE = 50;

export function Audit({ desk }: { desk: Desk }) {
  const { api, account } = desk;
  const check = useLoad(useCallback(() => api.verification(account.id), [api, account.id]));
  const [problem, setProblem] = useState<Refusal>();
  const save = () => {
    setProblem(undefined);
    api.auditFile(account.id).then((file) => saveFile(file, `audit-${account.id}.ndjson`), (error: unknown) => setProblem(refusal(error)));
  };
  return (
    <>
      <Heading>Audit trail</Heading>
      {check.value ? <State value={check.value} /> : check.problem ? <Trouble problem={check.problem} /> : <Waiting what="Verifying the whole log" />}
      <p className="row">
        <button type="button" onClick={check.reload}>Verify again</button>
        <button type="button" onClick={save}>Save for the verifier</button>
      </p>
      {problem && <Trouble problem={problem} />}
      <p className="quiet">Don’t take this page’s word for it: save the log and check it yourself with <code>meridian-verify</code>, which needs the file and the public keys only.</p>
      {check.value && <Records key={check.value.records} desk={desk} total={check.value.records} />}
    </>
  );
}

function State({ value: { intact, lines, records, head, checkpoint, fault } }: { value: Verification }) {
  return (
    <section className={`panel verdict ${intact ? 'fine' : 'warn'}`} aria-label="Verification" role="status">
      <p className="verdict-line">{intact ? 'The log is intact' : 'The log was changed'}</p>
      <p>{intact ? `All ${number(lines)} lines were verified just now: each follows from the one before it.`
        : fault ? `Line ${number(fault.line)} is at fault: ${plain(fault.flaw)}.` : 'The place can’t be told.'}</p>
      <dl>
        <dt>Records of this account</dt><dd>{number(records)}</dd>
        <dt>Head</dt><dd><code>{head}</code></dd>
        <dt>Newest signed checkpoint</dt>
        <dd>{checkpoint ? <>{count(checkpoint.size, 'line')}, root <code>{checkpoint.root}</code></> : 'none yet; one is made every minute'}</dd>
      </dl>
    </section>
  );
}

/** Newest first, though the node gives them oldest first: pages are asked for from the end. */
function Records({ desk: { api, account, name }, total }: { desk: Desk; total: number }) {
  const [from, setFrom] = useState(Math.max(0, total - PAGE));
  const page = useLoad(useCallback(() => api.audit(account.id, from, PAGE), [api, account.id, from]));
  const records = page.value?.records.toReversed();
  return (
    <section aria-labelledby="records">
      <h2 id="records">Records</h2>
      {page.problem && <Trouble problem={page.problem} onRetry={page.reload} />}
      {records?.length === 0 && <p className="quiet">None yet.</p>}
      <ol className="records" reversed>
        {records?.map((record) => (
          <li key={record.seq} value={record.seq}>
            <span className="quiet seq">{record.seq}</span> <time dateTime={record.time}>{time(record.time)}</time>{' '}
            <b>{sentence(record.kind)}</b> <span>{details(record, name)}</span>
          </li>
        ))}
      </ol>
      {total > PAGE && (
        <p className="row">
          <button type="button" disabled={from === 0} onClick={() => setFrom(Math.max(0, from - PAGE))}>Older</button>
          <button type="button" disabled={from + PAGE >= total} onClick={() => setFrom(Math.min(Math.max(0, total - PAGE), from + PAGE))}>Newer</button>
        </p>
      )}
    </section>
  );
}

const HIDDEN = new Set(['seq', 'kind', 'time', 'account', 'node', 'v', 'time_ns']);
const details = (record: AuditRecord, name: Desk['name']) =>
  Object.entries(record).filter(([field]) => !HIDDEN.has(field)).map(([field, value]) => {
    const text = field === 'region' ? name(String(value)) : field === 'reason' ? plain(String(value)) : typeof value === 'object' ? JSON.stringify(value) : String(value);
    return `${plain(field)} ${text.length > 20 && /^[0-9a-f]+$/.test(text) ? `${text.slice(0, 12)}…` : text}`;
  }).join(' · ');
