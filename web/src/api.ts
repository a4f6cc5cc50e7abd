/** What the page asks of its node. Only this origin is ever asked, but for a permitted region's own. */

export interface Region { id: string; name: string; url: string }
export interface MeetingPlace { permitted: Region[]; serving?: Region }
export interface Invitation { room?: string; name?: string; account?: string; token?: string; region?: string }

/** Something that went wrong, said for a person; `regions` are where the meeting may be joined. */
export class Problem extends Error {
  constructor(readonly title: string, message: string, readonly regions: Region[] = []) { super(message); }
}

/** A link is `/?room=…` where the node makes tokens itself, or `/#token=…` from an application. */
export function readInvitation(location: Location): Invitation {
  const query = new URLSearchParams(location.search);
  const fragment = new URLSearchParams(location.hash.replace(/^#/, ''));
  const get = (key: string) => fragment.get(key) ?? query.get(key) ?? undefined;
  return { room: get('room'), name: get('name'), account: get('account'), token: fragment.get('token') ?? undefined, region: get('region') };
}

/** The room that a token is for, read without verifying it: the node does that. */
export function roomOfToken(token: string): string | undefined {
  try {
    const body = token.split('.')[1].replace(/-/g, '+').replace(/_/g, '/');
    return JSON.parse(atob(body))?.video?.room;
  } catch {
    return undefined;
  }
}

export async function fetchToken(invitation: Invitation, room: string, name: string): Promise<string> {
  const query = invitation.account ? `?account=${encodeURIComponent(invitation.account)}` : '';
  const answer = await ask(`/meridian/v1/token${query}`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ room_name: room, participant_name: name }),
  });
  if (answer.status === 404) {
    throw new Problem('This link is not complete', 'It names a meeting but carries no invitation. Ask the host for a new link.');
  }
  if (!answer.ok) throw new Problem('The meeting could not be opened', await reason(answer));
  return (await answer.json()).participant_token as string;
}

/**
 * Where this meeting's media may go, and which region would serve this person. A region that the host has not
 * opted into refuses and names those that are; they are asked in turn, so that the link works wherever it was opened.
 */
export async function fetchPlace(token: string, region?: string): Promise<MeetingPlace> {
  const query = region ? `?region=${encodeURIComponent(region)}` : '';
  const here = await askPlace('', query, token);
  if (!(here instanceof Problem)) return here;
  for (const permitted of here.regions) {
    const there = await askPlace(originOf(permitted.url), '', token).catch(() => here);
    if (!(there instanceof Problem)) return { ...there, serving: there.serving ?? permitted };
  }
  throw here;
}

/** One node's answer; a Problem with regions when the meeting is to be joined through those. */
async function askPlace(origin: string, query: string, token: string): Promise<MeetingPlace | Problem> {
  const answer = await ask(`${origin}/meridian/v1/meeting${query}`, { headers: { Authorization: `Bearer ${token}` } });
  const body = await answer.json().catch(() => ({}));
  const permitted = regions(body.permitted);
  if (answer.status === 403 && body.error === 'region_not_allowed') {
    return new Problem('This meeting can’t be joined through this address',
      `Its host keeps it in ${list(permitted)}. Join there instead:`, permitted);
  }
  if (answer.status === 503) {
    throw new Problem('The meeting’s region is not available right now',
      `Its host keeps it in ${list(permitted)}, and nothing is free there. It is never moved elsewhere. Try again in a few minutes.`);
  }
  if (answer.status === 401) {
    throw new Problem('This link does not work', 'It is wrong or has run out. Ask the host for a new one.');
  }
  if (!answer.ok) throw new Problem('The meeting could not be opened', body.message ?? `The server said ${answer.status}.`);
  return { permitted, serving: body.serving ? regions([body.serving])[0] : undefined };
}

const originOf = (url: string) => { try { return new URL(url.replace(/^ws/, 'http')).origin; } catch { return ''; } };

export const list = (places: Region[]) =>
  new Intl.ListFormat('en', { type: 'disjunction' }).format(places.map((place) => place.name)) || 'regions of its own choice';

function regions(raw: unknown): Region[] {
  if (!Array.isArray(raw)) return [];
  return raw.map((place) => ({ id: place.region ?? place.id, name: place.name ?? place.region ?? place.id, url: place.url ?? '' }));
}

async function ask(path: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(path, init);
  } catch {
    throw new Problem('The server can’t be reached', 'Check your connection and try again.');
  }
}

async function reason(answer: Response): Promise<string> {
  const body = await answer.json().catch(() => undefined);
  return body?.message ?? `The server said ${answer.status}.`;
}
