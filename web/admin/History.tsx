import { useCallback, useState } from 'react';
import { type Outcome, type Refusal, refusal, type Routing } from './api';
import { useLoad } from './hooks';
import { Heading, Trouble, Waiting } from './parts';
import { OutcomeDetails } from './Review';
import { type Desk } from './Shell';
import { differences, termsOf } from './terms';
import { and, time } from './words';

const PAGE = 20;

export function History({ desk }: { desk: Desk }) {
  const { api, account } = desk;
  const first = useLoad(useCallback(() => api.history(account.id), [api, account.id]));
  const [older, setOlder] = useState<Routing[]>([]);
  const [problem, setProblem] = useState<Refusal>();
  const versions = [...(first.value ?? []), ...older];
  const [lastPage, setLastPage] = useState(false);
  const more = () => {
    const oldest = versions.at(-1)?.epoch;
    api.history(account.id, oldest).then(
      (page) => { setOlder((before) => [...before, ...page]); setLastPage(page.length < PAGE); setProblem(undefined); },
      (error: unknown) => setProblem(refusal(error)));
  };
  const hasMore = !lastPage && versions.length > 0 && versions.length % PAGE === 0;
  return (
    <>
      <Heading>History</Heading>
      <p className="lead">Every version of the routing policy, newest first. Versions never change; each is named by the digest of its content.</p>
      {first.problem && <Trouble problem={first.problem} onRetry={first.reload} />}
      {!first.value && !first.problem && <Waiting what="Loading" />}
      <ol className="versions" reversed>
        {versions.map((version, i) => <Version key={version.epoch} desk={desk} version={version} before={versions[i + 1]} isOldest={!hasMore && i === versions.length - 1} />)}
      </ol>
      {problem && <Trouble problem={problem} />}
      {hasMore && <button type="button" onClick={more}>Older versions</button>}
    </>
  );
}

function Version({ desk, version, before, isOldest }: { desk: Desk; version: Routing; before?: Routing; isOldest: boolean }) {
  const { api, account, name, routing } = desk;
  const [outcome, setOutcome] = useState<Outcome>();
  const [problem, setProblem] = useState<Refusal>();
  const changes = before ? differences(termsOf(before), termsOf(version), name) : [];
  const removed = before ? before.opted_in.filter((id) => !version.opted_in.includes(id)) : [];
  const show = () => {
    api.outcome(account.id, version.epoch).then(setOutcome, (error: unknown) => setProblem(refusal(error)));
  };
  return (
    <li className="panel" value={version.epoch}>
      <h2>Version {version.epoch}{version.epoch === routing.epoch && <span className="tag">in force</span>}</h2>
      <p><time dateTime={version.time}>{time(version.time)}</time>, by <b>{version.actor || 'the configuration'}</b>{version.reason && <>: “{version.reason}”</>}</p>
      {changes.length > 0 && <ul>{changes.map(({ text }) => <li key={text}>{text}</li>)}</ul>}
      {isOldest && <p>Media in {and([...new Set([version.default_region, ...version.opted_in])].map(name))}.</p>}
      <p className="quiet digest">Digest <code>{version.digest}</code></p>
      {!isOldest && !outcome && !problem && <button type="button" className="small" onClick={show}>What it did to meetings<span className="visually-hidden"> (version {version.epoch})</span></button>}
      <div role="status">
        {outcome && <OutcomeDetails desk={desk} outcome={outcome} regions={removed} />}
        {problem && <p>{problem.status === 404 ? 'What it did is no longer kept here; the audit trail has it.' : problem.message}</p>}
      </div>
    </li>
  );
}
