/** A draft of a routing policy: what it comes to, and how it differs, in words. No state, no network. */
import { type Lockable, type Role, type Routing, type Terms, type User } from './api';
import { and } from './words';

export const termsOf = (routing: Routing): Terms => {
  const { opted_in, signalling_scope, guest_mode, evidence, groups, users, rooms } = routing;
  return { opted_in, signalling_scope, guest_mode, evidence, groups, users, rooms };
};

const both = (some: string[], others: string[]) => some.filter((id) => others.includes(id));
const sameSet = (a: string[], b: string[]) => a.length === b.length && a.every((id) => b.includes(id));

/** What a user inherits: the group's regions, or the account's. */
export const parentOfUser = (terms: Terms, user: User) => (user.group && terms.groups[user.group]) || terms.opted_in;

/**
 * The draft without what can't be: an override names only regions that its parent has. The node refuses
 * such a change instead of trimming it, so the page says what follows from opting a region out.
 */
export function settled(draft: Terms): Terms {
  const level = (sets: Record<string, string[]>) =>
    Object.fromEntries(Object.entries(sets).map(([name, regions]) => [name, both(regions, draft.opted_in)]));
  const groups = level(draft.groups);
  const users = Object.fromEntries(Object.entries(draft.users).map(([name, user]) =>
    [name, user.regions ? { ...user, regions: both(user.regions, parentOfUser({ ...draft, groups }, user)) } : user]));
  return { ...draft, groups, users, rooms: level(draft.rooms) };
}

export interface Difference { text: string; widens: boolean }

/** Every difference, one sentence each. */
export function differences(before: Terms, after: Terms, name: (region: string) => string): Difference[] {
  const found: Difference[] = [];
  const say = (text: string, widens = false) => found.push({ text, widens });
  for (const id of before.opted_in) if (!after.opted_in.includes(id)) say(`${name(id)} is opted out: no media or data of the account passes there.`);
  for (const id of after.opted_in) if (!before.opted_in.includes(id)) say(`${name(id)} is opted in: meetings may use it.`, true);
  for (const field of ['signalling_scope', 'guest_mode', 'evidence'] as const) {
    if (before[field] !== after[field]) say(`${SETTINGS[field].title}: ${SETTINGS[field].choices[after[field]].title}.`, after[field] === SETTINGS[field].loose);
  }
  const regions = (ids: string[]) => and(ids.map(name)) || 'the default region only';
  for (const [level, word] of [['groups', 'Group'], ['rooms', 'Room']] as const) {
    for (const key of new Set([...Object.keys(before[level]), ...Object.keys(after[level])])) {
      const [old, now] = [before[level][key], after[level][key]];
      if (!now) say(`${word} “${key}” is no longer limited.`, true);
      else if (!old || !sameSet(old, now)) say(`${word} “${key}” may use ${regions(now)}.`, old?.length < now.length);
    }
  }
  for (const key of new Set([...Object.keys(before.users), ...Object.keys(after.users)])) {
    const [old, now] = [before.users[key], after.users[key]];
    if (!now) { say(`User “${key}” is no longer listed.`, true); continue; }
    if ((old?.group ?? '') !== (now.group ?? '')) say(now.group ? `User “${key}” is in the group “${now.group}”.` : `User “${key}” is in no group.`, true);
    if (!sameSet(old?.regions ?? ['*'], now.regions ?? ['*'])) {
      say(now.regions ? `User “${key}” may use ${regions(now.regions)}.` : `User “${key}” is no longer limited.`, !now.regions);
    }
  }
  return found;
}

/** Only the fields that differ, as the node wants them. */
export function changeOf(before: Terms, after: Terms): Partial<Terms> {
  const differs = (Object.keys(after) as (keyof Terms)[]).filter((field) =>
    (field === 'opted_in' ? !sameSet(before.opted_in, after.opted_in) : JSON.stringify(before[field]) !== JSON.stringify(after[field])));
  return Object.fromEntries(differs.map((field) => [field, after[field]]));
}

/** A draft that was made from `base`, laid over a newer version. */
export function rebased(base: Terms, draft: Terms, newer: Terms): Terms {
  const added = draft.opted_in.filter((id) => !base.opted_in.includes(id));
  const removed = base.opted_in.filter((id) => !draft.opted_in.includes(id));
  const change = changeOf(base, draft);
  return { ...newer, ...change, opted_in: [...new Set([...newer.opted_in, ...added])].filter((id) => !removed.includes(id)) };
}

type Choice = { title: string; text: string };
interface Setting { title: string; loose: string; choices: Record<string, Choice> }
export const SETTINGS: Record<'signalling_scope' | 'guest_mode' | 'evidence', Setting> = {
  signalling_scope: {
    title: 'Signalling', loose: 'any',
    choices: {
      permitted_only: { title: 'permitted regions only', text: 'Even the connection that sets a meeting up goes to permitted regions only.' },
      any: { title: 'any region', text: 'A meeting may be set up through any region. Sound, pictures and data stay in the permitted ones.' },
    },
  },
  guest_mode: {
    title: 'Guests', loose: 'host_governs',
    choices: {
      host_governs: { title: 'this account’s regions apply', text: 'Guests of other accounts are served where this account permits.' },
      strict: { title: 'their own account’s regions, too', text: 'Guests are served only where this account and their own both permit.' },
    },
  },
  evidence: {
    title: 'Evidence', loose: 'best_effort',
    choices: {
      best_effort: { title: 'meetings go on without it', text: 'When the audit log can’t be written, records wait and meetings go on.' },
      required: { title: 'no meeting without it', text: 'When the audit log can’t be written, no new meeting begins.' },
    },
  },
};

/** Why somebody can't change a part of this policy; undefined when they can. */
export function lockOf(routing: Routing, part: Lockable, role: Role, managedByFile: boolean): string | undefined {
  if (role === 'auditor') return 'Auditors may look, not change.';
  if (managedByFile) return 'This account is kept in the server’s configuration file and changes there.';
  if (routing.routing_control === 'fixed') return 'The plan of this account does not include choosing regions.';
  if (routing.locked.includes(part)) return routing.preset ? `Locked by the preset “${routing.preset}”.` : 'Locked for this account.';
  return undefined;
}
