import { useState } from 'react';
import { type Effective, type Refusal, refusal } from './api';
import { Trouble } from './parts';
import { type Desk } from './Shell';
import { and, sentence } from './words';

/** Where one join would be, and which level said so. Asks the node, so it is the policy in force, not the draft. */
export function Explain({ api, account, regions, routing, name }: Desk) {
  const [join, setJoin] = useState({ group: '', user: '', room: '', region: '' });
  const [answer, setAnswer] = useState<Effective>();
  const [problem, setProblem] = useState<Refusal>();
  const ask = () => {
    api.effective(account.id, join).then(
      (value) => { setAnswer(value); setProblem(undefined); },
      (error: unknown) => { setAnswer(undefined); setProblem(refusal(error)); });
  };
  const field = (key: 'group' | 'user' | 'room', title: string, known: string[]) => (
    <label>{title}
      <input list={`known-${key}`} value={join[key]} onChange={(event) => setJoin({ ...join, [key]: event.target.value })} />
      <datalist id={`known-${key}`}>{known.map((id) => <option key={id} value={id} />)}</datalist>
    </label>
  );
  return (
    <section className="panel" aria-labelledby="explain">
      <h2 id="explain">Where would a join be?</h2>
      <p className="quiet">Asked of version {routing.epoch}, which is in force; changes that are not applied don’t count.</p>
      <form className="grid" onSubmit={(event) => { event.preventDefault(); ask(); }}>
        {field('group', 'Host’s group', Object.keys(routing.groups))}
        {field('user', 'Host', Object.keys(routing.users))}
        {field('room', 'Room', Object.keys(routing.rooms))}
        <label>Region that is asked for
          <select value={join.region} onChange={(event) => setJoin({ ...join, region: event.target.value })}>
            <option value="">none, the nearest will do</option>
            {regions.map((region) => <option key={region.id} value={region.id}>{region.name}</option>)}
          </select>
        </label>
        <button type="submit">Explain</button>
      </form>
      {problem && <Trouble problem={problem} />}
      <div role="status">
        {answer && (
          <>
            <p className={answer.decision === 'allowed' ? 'fine' : 'warn'}>
              {answer.decision === 'allowed' ? `Served in ${answer.region ? name(answer.region) : and(answer.effective.map(name))}.` : `Refused: ${sentence(answer.reason ?? 'not permitted')}.`}
            </p>
            <ol className="steps">
              {answer.steps.map((step, i) => <li key={i}><b>{sentence(step.level)}</b>: {and(step.regions.map(name)) || 'none'}</li>)}
              <li><b>Together</b>: {and(answer.effective.map(name))}</li>
            </ol>
          </>
        )}
      </div>
    </section>
  );
}
