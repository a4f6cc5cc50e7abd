import { useCallback, useEffect, useMemo, useState } from 'react';
import { type Account, type Api, type Me, type Region, type Routing, type Terms } from './api';
import { Audit } from './Audit';
import { History } from './History';
import { useLoad, useRoute } from './hooks';
import { Levels } from './Levels';
import { Meetings } from './Meetings';
import { Heading, Trouble, Waiting } from './parts';
import { Regions } from './Regions';
import { Reports } from './Reports';
import { Review } from './Review';
import { differences, lockOf, rebased, settled, termsOf } from './terms';
import { count, namesOf } from './words';

const VIEWS = { regions: 'Regions', levels: 'Levels', meetings: 'Meetings', history: 'History', audit: 'Audit', reports: 'Reports' };
type View = keyof typeof VIEWS;

/** What every view of an account is given. */
export interface Desk {
  api: Api; me: Me; account: Account; regions: Region[]; name: (region: string) => string;
  routing: Routing; draft: Terms; change: (part: Partial<Terms>) => void;
  lock: (part: Parameters<typeof lockOf>[1]) => string | undefined;
}

export function Shell({ api, me, onSignOut }: { api: Api; me: Me; onSignOut: () => void }) {
  const accounts = useLoad(useCallback(() => api.accounts(), [api]));
  const regions = useLoad(useCallback(() => api.regions(), [api]));
  const [wanted, view, id] = useRoute();
  const account = accounts.value?.find((one) => one.id === (me.account ?? wanted)) ?? accounts.value?.[0];
  const shown: View = view in VIEWS ? view as View : 'regions';
  useEffect(() => { document.title = `${VIEWS[shown]}${account ? ` of ${account.name || account.id}` : ''} – Meridian`; }, [shown, account]);
  const problem = accounts.problem ?? regions.problem;
  return (
    <>
      <a className="skip" href="#content" onClick={(event) => { event.preventDefault(); document.querySelector<HTMLElement>('#content h1')?.focus(); }}>To the content</a>
      <header className="bar">
        <p className="brand"><img src="/icon.svg" alt="" width="28" height="28" />Meridian</p>
        {account && accounts.value && accounts.value.length > 1 ? (
          <label className="account">Account
            <select value={account.id} onChange={(event) => { window.location.hash = `#/${encodeURIComponent(event.target.value)}/${shown}`; }}>
              {accounts.value.map((one) => <option key={one.id} value={one.id}>{one.name || one.id}</option>)}
            </select>
          </label>
        ) : account && <p className="account">{account.name || account.id}</p>}
        <p className="who"><span>{me.name}</span> <span className="tag">{me.role}</span></p>
        <button type="button" onClick={onSignOut}>Sign out</button>
      </header>
      {account && (
        <nav aria-label="Views">
          <ul>{Object.entries(VIEWS).map(([key, title]) => (
            <li key={key}><a href={`#/${encodeURIComponent(account.id)}/${key}`} aria-current={key === shown ? 'page' : undefined}>{title}</a></li>
          ))}</ul>
        </nav>
      )}
      <main id="content">
        {problem && <Trouble problem={problem} onRetry={() => { accounts.reload(); regions.reload(); }} />}
        {!problem && !(accounts.value && regions.value) && <Waiting what="Loading" />}
        {accounts.value?.length === 0 && <><Heading>No account yet</Heading><p>Create one with <code>meridian account create</code>.</p></>}
        {account && regions.value && (
          <AccountDesk key={account.id} api={api} me={me} account={account} regions={regions.value} view={shown} id={id} />
        )}
      </main>
    </>
  );
}

function AccountDesk({ api, me, account, regions, view, id }: Pick<Desk, 'api' | 'me' | 'account' | 'regions'> & { view: View; id?: string }) {
  const loaded = useLoad(useCallback(() => api.routing(account.id), [api, account.id]));
  const [work, setWork] = useState<{ base: Routing; draft: Terms }>();
  const [reviewing, setReviewing] = useState(false);
  const name = useMemo(() => namesOf(regions), [regions]);
  const routing = loaded.value;

  // A newer version than the draft was made from: the draft is laid over it, and reviewed again.
  const draft = useMemo(() => {
    if (!routing) return undefined;
    if (!work) return termsOf(routing);
    return work.base.epoch === routing.epoch ? work.draft : rebased(termsOf(work.base), work.draft, termsOf(routing));
  }, [routing, work]);
  const after = useMemo(() => draft && settled(draft), [draft]);
  const changes = useMemo(() => (routing && after ? differences(termsOf(routing), after, name) : []), [routing, after, name]);
  const dirty = changes.length > 0;
  useEffect(() => {
    if (!dirty) return;
    const ask = (event: BeforeUnloadEvent) => event.preventDefault();
    window.addEventListener('beforeunload', ask);
    return () => window.removeEventListener('beforeunload', ask);
  }, [dirty]);

  if (!routing || !draft || !after) {
    return loaded.problem ? <Trouble problem={loaded.problem} onRetry={loaded.reload} /> : <Waiting what="Loading the routing policy" />;
  }
  const desk: Desk = {
    api, me, account, regions, name, routing, draft: after,
    change: (part) => setWork({ base: routing, draft: { ...draft, ...part } }),
    lock: (part) => lockOf(routing, part, me.role, account.managed_by === 'file'),
  };
  const discard = () => { setWork(undefined); setReviewing(false); };
  return (
    <>
      {view === 'regions' && <Regions {...desk} />}
      {view === 'levels' && <Levels {...desk} />}
      {view === 'meetings' && <Meetings key={id} desk={desk} sid={id} />}
      {view === 'history' && <History key={routing.epoch} desk={desk} />}
      {view === 'audit' && <Audit desk={desk} />}
      {view === 'reports' && <Reports key={id} desk={desk} sid={id} />}
      <section className="pending" aria-label="Changes not applied" hidden={!dirty}>
        <p role="status">{dirty && `${count(changes.length, 'change')} not applied yet`}</p>
        <button type="button" onClick={discard}>Discard</button>
        <button type="button" className="primary" onClick={() => setReviewing(true)}>Review and apply</button>
      </section>
      {reviewing && (
        <Review desk={desk} changes={changes} onStale={loaded.reload} onApplied={() => { setWork(undefined); loaded.reload(); }} onClose={() => setReviewing(false)} />
      )}
    </>
  );
}
