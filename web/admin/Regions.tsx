import { useMemo, useState } from 'react';
import { type Region } from './api';
import { type Desk } from './Shell';
import { Heading } from './parts';
import { SETTINGS } from './terms';
import { and, count, plain } from './words';
import { Legend, type Place, type Standing, WorldMap } from './WorldMap';

export function Regions({ account, regions, routing, draft, change, lock, me, name }: Desk) {
  const [pointed, setPointed] = useState<string>();
  const locked = lock('opted_in');
  const standing = useMemo(() => (id: string): Standing =>
    (id === routing.default_region ? 'default' : draft.opted_in.includes(id) ? 'in' : 'out'), [routing, draft]);
  const places = useMemo<(Place & Region)[]>(() => regions.map((region) => ({
    ...region, standing: standing(region.id), changed: routing.opted_in.includes(region.id) !== draft.opted_in.includes(region.id),
  })), [regions, standing, routing, draft]);
  const used = places.filter((place) => place.standing !== 'out').map((place) => place.name);
  const turn = (id: string, on: boolean) =>
    change({ opted_in: on ? [...draft.opted_in, id] : draft.opted_in.filter((other) => other !== id) });
  return (
    <>
      <Heading>Regions</Heading>
      <p className="lead">Meetings of {account.name || account.id} are in transit in {and(used)}, and nowhere else.</p>
      <Standings routing={routing} managedByFile={account.managed_by === 'file'} />
      <div className="atlas">
        <figure>
          <WorldMap places={places} pointed={pointed} label={`Map of the regions. In use: ${and(used)}.`} />
          <figcaption><Legend changed={places.some((place) => place.changed)} /></figcaption>
        </figure>
        <section aria-labelledby="switches">
          <h2 id="switches">Where media may pass</h2>
          {locked && <p className="reason">{locked}</p>}
          <ul className="switches">
            {places.map(({ id, name: title, jurisdictions, changed }) => {
              const isDefault = id === routing.default_region;
              const widens = me.role === 'operator' && !routing.opted_in.includes(id) && !draft.opted_in.includes(id);
              const why = isDefault ? 'Default region: chosen when the account was made. It can’t be opted out.'
                : widens && !locked ? 'The operator can opt out, but only the account can opt in.' : undefined;
              const on = isDefault || draft.opted_in.includes(id);
              return (
                <li key={id} onMouseEnter={() => setPointed(id)} onMouseLeave={() => setPointed(undefined)} onFocus={() => setPointed(id)} onBlur={() => setPointed(undefined)}>
                  <label className="toggle">
                    <input type="checkbox" role="switch" checked={on} disabled={isDefault || widens || locked !== undefined}
                      aria-describedby={why || changed ? `why-${id}` : undefined} onChange={(event) => turn(id, event.target.checked)} />
                    <span className="name">{title}</span> <span className="quiet">{jurisdictions.map((code) => code.toUpperCase()).join(', ')}</span>
                    <span className="state" aria-hidden="true">{on ? 'on' : 'off'}</span>
                  </label>
                  {(why || changed) && <p id={`why-${id}`} className="quiet">{why ?? `Was ${routing.opted_in.includes(id) ? 'on' : 'off'}; not applied yet.`}</p>}
                </li>
              );
            })}
          </ul>
        </section>
      </div>
      <div className="settings">
        {(['signalling_scope', 'guest_mode', 'evidence'] as const).map((field) => <Setting key={field} field={field} {...{ routing, draft, change, lock, me }} />)}
      </div>
      <p className="quiet">Version {routing.epoch}. Narrower sets for groups, users and rooms: {count(Object.keys(draft.groups).length + Object.keys(draft.users).length + Object.keys(draft.rooms).length, 'entry', 'entries')} under{' '}
        <a href={`#/${encodeURIComponent(account.id)}/levels`}>Levels</a>. New regions start opted out. Default: {name(routing.default_region)}.</p>
    </>
  );
}

function Standings({ routing, managedByFile }: { routing: Desk['routing']; managedByFile: boolean }) {
  const lines = [
    routing.preset && `The preset “${routing.preset}” is in force${routing.locked.length ? `; it locks ${and(routing.locked.map(plain))}` : ''}.`,
    routing.routing_control === 'fixed' && 'The plan of this account does not include choosing regions.',
    managedByFile && 'This account is kept in the server’s configuration file: it is shown here and changed there.',
  ].filter(Boolean);
  return lines.length > 0 && <ul className="standings">{lines.map((line) => <li key={String(line)}>{line}</li>)}</ul>;
}

function Setting({ field, routing, draft, change, lock, me }: { field: keyof typeof SETTINGS } & Pick<Desk, 'routing' | 'draft' | 'change' | 'lock' | 'me'>) {
  const locked = lock(field);
  const { title, choices, loose } = SETTINGS[field];
  return (
    <fieldset>
      <legend>{title}</legend>
      {Object.entries(choices).map(([value, choice]) => (
        <label className="radio" key={value}>
          <input type="radio" name={field} checked={draft[field] === value} onChange={() => change({ [field]: value })}
            disabled={locked !== undefined || (me.role === 'operator' && value === loose && routing[field] !== value)} />
          <span><span className="choice-title">{choice.title}</span> <span className="quiet">{choice.text}</span></span>
        </label>
      ))}
      {locked && <p className="reason">{locked}</p>}
    </fieldset>
  );
}
