import { useId, useState } from 'react';
import { type User } from './api';
import { Explain } from './Explain';
import { Heading, RegionChoice } from './parts';
import { type Desk } from './Shell';
import { parentOfUser } from './terms';

const FILTER_FROM = 8;

/** Sets that are narrower than the account's: for a group or user that hosts, and for a room by its name. */
export function Levels(desk: Desk) {
  const { regions, routing, draft, change, lock } = desk;
  const locked = lock('overrides');
  const common = { regions, locked: routing.default_region, disabled: locked !== undefined };
  return (
    <>
      <Heading>Levels</Heading>
      <p className="lead">Each level only narrows what the account permits. A meeting must fit its host’s group, its host, and its room.</p>
      {locked && <p className="reason">{locked}</p>}
      <Level title="Groups" one="Group" names={Object.keys(draft.groups)} disabled={common.disabled}
        onAdd={(key) => change({ groups: { ...draft.groups, [key]: draft.opted_in } })}
        onRemove={(key) => change({ groups: without(draft.groups, key) })}
        row={(key) => (
          <RegionChoice {...common} label={`Regions of the group ${key}`} chosen={draft.groups[key]} allowed={draft.opted_in}
            onChange={(chosen) => change({ groups: { ...draft.groups, [key]: chosen } })} />
        )} />
      <Level title="Users" one="User" names={Object.keys(draft.users)} disabled={common.disabled}
        onAdd={(key) => change({ users: { ...draft.users, [key]: { regions: draft.opted_in } } })}
        onRemove={(key) => change({ users: without(draft.users, key) })}
        row={(key) => (
          <UserRow id={key} user={draft.users[key]} desk={desk} disabled={common.disabled}
            onChange={(user) => change({ users: { ...draft.users, [key]: user } })} />
        )} />
      <Level title="Rooms" one="Room" names={Object.keys(draft.rooms)} disabled={common.disabled}
        onAdd={(key) => change({ rooms: { ...draft.rooms, [key]: draft.opted_in } })}
        onRemove={(key) => change({ rooms: without(draft.rooms, key) })}
        row={(key) => (
          <RegionChoice {...common} label={`Regions of the room ${key}`} chosen={draft.rooms[key]} allowed={draft.opted_in}
            onChange={(chosen) => change({ rooms: { ...draft.rooms, [key]: chosen } })} />
        )} />
      <Explain {...desk} />
    </>
  );
}

function without<T>(entries: Record<string, T>, key: string): Record<string, T> {
  return Object.fromEntries(Object.entries(entries).filter(([other]) => other !== key));
}

function Level({ title, one, names, disabled, onAdd, onRemove, row }: {
  title: string; one: string; names: string[]; disabled: boolean; onAdd: (key: string) => void; onRemove: (key: string) => void; row: (key: string) => React.ReactNode;
}) {
  const id = useId();
  const [fresh, setFresh] = useState('');
  const [filter, setFilter] = useState('');
  const key = fresh.trim();
  const known = names.includes(key);
  const shown = names.filter((entry) => entry.toLowerCase().includes(filter.toLowerCase())).sort((a, b) => a.localeCompare(b));
  return (
    <section className="panel level-of" aria-labelledby={id}>
      <h2 id={id}>{title}</h2>
      {names.length > FILTER_FROM && (
        <label>Find in {names.length} {title.toLowerCase()}<input type="search" value={filter} onChange={(event) => setFilter(event.target.value)} /></label>
      )}
      {names.length === 0 && <p className="quiet">None: the account’s regions apply.</p>}
      <ul className="entries">
        {shown.map((entry) => (
          <li key={entry}>
            <h3>{entry}</h3>
            {row(entry)}
            {!disabled && <button type="button" className="small" onClick={() => onRemove(entry)}>Remove<span className="visually-hidden"> {one.toLowerCase()} {entry}</span></button>}
          </li>
        ))}
      </ul>
      {!disabled && (
        <form className="row" onSubmit={(event) => { event.preventDefault(); if (key && !known) { onAdd(key); setFresh(''); setFilter(''); } }}>
          <label className="grow">{one} to limit<input required maxLength={256} value={fresh} onChange={(event) => setFresh(event.target.value)} aria-describedby={known ? `${id}-known` : undefined} /></label>
          <button type="submit" disabled={known}>Add</button>
          {known && <p id={`${id}-known`} className="quiet" role="status">“{key}” is in the list already.</p>}
        </form>
      )}
    </section>
  );
}

function UserRow({ id, user, desk, disabled, onChange }: { id: string; user: User; desk: Desk; disabled: boolean; onChange: (user: User) => void }) {
  const { regions, routing, draft } = desk;
  const groups = [...new Set([...Object.keys(draft.groups), ...(user.group ? [user.group] : [])])];
  const parent = parentOfUser(draft, user);
  return (
    <div className="user">
      <label>Group
        <select aria-label={`Group of ${id}`} value={user.group ?? ''} disabled={disabled}
          onChange={(event) => onChange({ ...user, group: event.target.value || null })}>
          <option value="">none</option>
          {groups.map((group) => <option key={group}>{group}</option>)}
        </select>
      </label>
      <label className="switch">
        <input type="checkbox" checked={Boolean(user.regions)} disabled={disabled} onChange={(event) => onChange({ ...user, regions: event.target.checked ? parent : null })} />
        Own limit
      </label>
      {user.regions && (
        <RegionChoice label={`Regions of the user ${id}`} regions={regions} locked={routing.default_region} chosen={user.regions} allowed={parent}
          disabled={disabled} onChange={(chosen) => onChange({ ...user, regions: chosen })} />
      )}
    </div>
  );
}
