import { useCallback, useState } from 'react';
import { type Refusal, refusal } from './api';
import { saveFile, useLoad } from './hooks';
import { Heading, Trouble, Waiting } from './parts';
import { type Desk } from './Shell';
import { time } from './words';

export function Reports({ desk, sid }: { desk: Desk; sid?: string }) {
  const { api, account } = desk;
  const home = `#/${encodeURIComponent(account.id)}/reports`;
  const reports = useLoad(useCallback(() => api.reports(account.id), [api, account.id]));
  if (sid) return <><p><a href={home}>All reports</a></p><Report desk={desk} sid={sid} /></>;
  return (
    <>
      <Heading>Transit reports</Heading>
      <p className="lead">One for each meeting that is over: which regions its media passed, and how much. Signed, so that it can be checked without this server.</p>
      {reports.problem && <Trouble problem={reports.problem} onRetry={reports.reload} />}
      {!reports.value && !reports.problem && <Waiting what="Loading" />}
      {reports.value?.length === 0 && <p>No meeting has ended yet.</p>}
      <ul className="plain-list">
        {reports.value?.map((report) => (
          <li key={report.sid}><a href={`${home}/${encodeURIComponent(report.sid)}`}>{time(report.time)}</a> <code>{report.sid}</code></li>
        ))}
      </ul>
    </>
  );
}

function Report({ desk: { api, account }, sid }: { desk: Desk; sid: string }) {
  const text = useLoad(useCallback(() => api.reportText(account.id, sid), [api, account.id, sid]));
  const [problem, setProblem] = useState<Refusal>();
  const save = () => {
    setProblem(undefined);
    api.reportFile(account.id, sid).then((file) => saveFile(file, `transit-${sid}.json`), (error: unknown) => setProblem(refusal(error)));
  };
  return (
    <>
      <Heading>Transit report</Heading>
      {text.problem && <Trouble problem={text.problem} onRetry={text.reload} />}
      {!text.value && !text.problem && <Waiting what="Loading" />}
      {text.value && (
        <>
          <pre className="panel report" tabIndex={0} aria-label="Report">{text.value}</pre>
          <p className="row"><button type="button" onClick={save}>Save the signed report</button></p>
          <p className="quiet"><code>meridian transit-report verify</code> checks it with the public key only.</p>
        </>
      )}
      {problem && <Trouble problem={problem} />}
    </>
  );
}
