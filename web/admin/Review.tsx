import { type ReactNode, useCallback, useEffect, useRef, useState } from 'react';
import { type Mode, type Outcome, type Preview, Refusal, refusal } from './api';
import { useLoad } from './hooks';
import { Trouble, Waiting } from './parts';
import { type Desk } from './Shell';
import { changeOf, type Difference, termsOf } from './terms';
import { and, bytes, count, number, sentence, span, time } from './words';

interface Props { desk: Desk; changes: Difference[]; onStale: () => void; onApplied: () => void; onClose: () => void }
type Stage = { at: 'asking'; problem?: Refusal } | { at: 'applying' } | { at: 'done'; outcome: Outcome; regions: string[] };

/** The last look before a change, the change, and what came of it. */
export function Review({ desk, changes, onStale, onApplied, onClose }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [stage, setStage] = useState<Stage>({ at: 'asking' });
  useEffect(() => { if (dialog.current && !dialog.current.open) dialog.current.showModal(); }, []);
  const apply = async (reason: string, mode: Mode) => {
    const { api, account, routing, draft } = desk;
    setStage({ at: 'applying' });
    try {
      const outcome = await api.apply(account.id, routing.epoch, { ...changeOf(termsOf(routing), draft), reason }, mode);
      setStage({ at: 'done', outcome, regions: routing.opted_in.filter((id) => !draft.opted_in.includes(id)) });
      onApplied();
    } catch (error) {
      const problem = refusal(error);
      if (problem.status === 412) {
        onStale();
        setStage({ at: 'asking', problem: new Refusal(412, problem.code, 'Somebody else changed the routing in between. Your changes were laid over the newest version: look at them again.') });
      } else {
        setStage({ at: 'asking', problem });
      }
    }
  };
  return (
    <dialog ref={dialog} aria-labelledby="review-title" onClose={onClose} onCancel={(event) => { if (stage.at === 'applying') event.preventDefault(); }}>
      {stage.at === 'done'
        ? <Done desk={desk} {...stage} onClose={() => dialog.current?.close()} />
        : <Ask desk={desk} changes={changes} stage={stage} onApply={apply} onBack={() => dialog.current?.close()} />}
    </dialog>
  );
}

function Ask({ desk, changes, stage, onApply, onBack }: {
  desk: Desk; changes: Difference[]; stage: Exclude<Stage, { at: 'done' }>; onApply: (reason: string, mode: Mode) => void; onBack: () => void;
}) {
  const { api, account, routing, draft } = desk;
  const [reason, setReason] = useState('');
  const [graceful, setGraceful] = useState(false);
  const [seconds, setSeconds] = useState(30);
  const preview = useLoad(useCallback(() => api.preview(account.id, routing.epoch, changeOf(termsOf(routing), draft)), [api, account.id, routing, draft]));
  const applying = stage.at === 'applying';
  return (
    <form onSubmit={(event) => { event.preventDefault(); onApply(reason.trim(), graceful ? { mode: 'graceful', seconds } : { mode: 'immediate' }); }}>
      <h2 id="review-title" tabIndex={-1} autoFocus>Review before applying</h2>
      {stage.at === 'asking' && stage.problem && <Trouble problem={stage.problem} />}
      <h3>What changes</h3>
      <ul>{changes.map(({ text }) => <li key={text}>{text}</li>)}</ul>
      <h3>What happens to meetings that run now</h3>
      {preview.value ? <Forecast desk={desk} preview={preview.value} />
        : preview.problem ? <Trouble problem={preview.problem} onRetry={preview.reload} /> : <Waiting what="Asking the server" />}
      <label>Reason, for the history and the audit log
        <input required maxLength={256} value={reason} onChange={(event) => setReason(event.target.value)} disabled={applying} />
      </label>
      <fieldset disabled={applying}>
        <legend>How</legend>
        <label className="radio"><input type="radio" name="mode" checked={!graceful} onChange={() => setGraceful(false)} />
          <span><span className="choice-title">At once</span> <span className="quiet">Media stops in the regions that go; people reconnect by themselves within seconds.</span></span></label>
        <label className="radio"><input type="radio" name="mode" checked={graceful} onChange={() => setGraceful(true)} />
          <span><span className="choice-title">Move people first</span> <span className="quiet">The regions go when everybody has moved, at the latest when the time is up.</span></span></label>
        {graceful && <label>Seconds to move<input type="number" required min={1} max={600} value={seconds} onChange={(event) => setSeconds(event.target.valueAsNumber || 1)} /></label>}
      </fieldset>
      <div className="row end">
        <button type="button" onClick={onBack} disabled={applying}>Back</button>
        <button type="submit" className="primary" disabled={applying || !preview.value || changes.length === 0}>{applying ? 'Applying…' : 'Apply'}</button>
      </div>
      <p role="status" className="quiet">{applying && (graceful ? 'People are being moved. This takes as long as you allowed.' : 'Waiting until nothing leaves the regions any more.')}</p>
    </form>
  );
}

function Forecast({ desk: { name }, preview: { would_move: moves, would_refuse: refusals } }: { desk: Desk; preview: Preview }) {
  if (moves.length === 0 && refusals.length === 0) return <p className="fine">Nobody is affected: no running meeting uses what changes.</p>;
  return (
    <>
      {moves.length > 0 && <List summary={`${count(moves.length, 'person', 'people')} would be moved`} open={moves.length <= 5}>
        {moves.map((one) => <li key={one.room + one.participant}><b>{one.participant}</b> in “{one.room}”: {name(one.from)} → {name(one.to)}</li>)}
      </List>}
      {refusals.length > 0 && <List summary={`${count(refusals.length, 'person', 'people')} could not stay`} open bad>
        {refusals.map((one) => <li key={one.room + one.participant}><b>{one.participant}</b> in “{one.room}”, now in {name(one.from)}: {sentence(one.reason)}</li>)}
      </List>}
    </>
  );
}

/** A list that may be long; on a small screen closed unless short. */
function List({ summary, open, bad, children }: { summary: string; open: boolean; bad?: boolean; children: ReactNode }) {
  return <details open={open} className={bad ? 'list bad' : 'list'}><summary>{summary}</summary><ul>{children}</ul></details>;
}

function Done({ desk, outcome, regions, onClose }: { desk: Desk; outcome: Outcome; regions: string[]; onClose: () => void }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), []);
  return (
    <div>
      <h2 id="review-title" tabIndex={-1} ref={heading}>Version {outcome.epoch} is in force</h2>
      <OutcomeDetails desk={desk} outcome={outcome} regions={regions} />
      <div className="row end"><button type="button" className="primary" onClick={onClose}>Done</button></div>
    </div>
  );
}

/** What became of a change; `regions` are those that it took away, when that is known. */
export function OutcomeDetails({ desk: { name }, outcome, regions }: { desk: Desk; outcome: Outcome; regions: string[] }) {
  const { requested_at, revoked_at, dry_at, moved, failed, still_sending, covered_by_lease } = outcome;
  const untold = moved.filter((one) => !one.told);
  return (
    <>
      {dry_at
        ? <p className="fine">{regions.length > 0 ? `No datagram of this account leaves ${and(regions.map(name))} any more` : 'Everything that had to stop has stopped'}, since {time(dry_at)}: {span(requested_at, dry_at)} after it was asked for.</p>
        : revoked_at === null ? <p className="warn" role="status">People are still being moved. The regions go when they have, at the latest when the time is up.</p>
          : <p className="warn">Not every part of the server has answered yet.</p>}
      {covered_by_lease.length > 0 && <p className="warn">Without an answer, {and(covered_by_lease.map(name))} stops by itself when its lease ends, within seconds.</p>}
      {revoked_at && <p className="quiet">Permits were revoked at {time(revoked_at)}, {span(requested_at, revoked_at)} after the request.</p>}
      {moved.length > 0 && <List summary={`${count(moved.length, 'person was', 'people were')} told to reconnect`} open={moved.length <= 5}>
        {moved.map((one) => <li key={one.room + one.participant}><b>{one.participant}</b> in “{one.room}”, from {name(one.from)}{!one.told && ' (could not be told, finds out by itself)'}</li>)}
      </List>}
      {untold.length > 0 && <p className="quiet">{count(untold.length, 'person', 'people')} could not be told and will reconnect when the connection fails.</p>}
      {still_sending.length > 0 && <List summary={`${count(still_sending.length, 'client')} still sent; it was dropped unread`} open={still_sending.length <= 5}>
        {still_sending.map((one) => <li key={one.participant}><b>{one.participant}</b>: {number(one.datagrams)} datagrams, {bytes(one.bytes)}</li>)}
      </List>}
      {failed.length > 0 && <List summary={`${count(failed.length, 'person', 'people')} can’t come back now`} open bad>
        {failed.map((one) => <li key={one.room + one.participant}><b>{one.participant}</b> in “{one.room}”, was in {name(one.from)}: {sentence(one.reason)}</li>)}
      </List>}
      {moved.length === 0 && still_sending.length === 0 && failed.length === 0 && dry_at && <p>No meeting was disturbed.</p>}
    </>
  );
}
