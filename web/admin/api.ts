/** What the page asks of its node; docs/openapi.yaml describes each call. */

export type Role = 'owner' | 'admin' | 'auditor' | 'operator';
export interface Me { name: string; role: Role; account: string | null; signed_in_by: 'oidc' | 'static_token'; expires?: string }
export interface Oidc { issuer: string; client_id: string; authorization_endpoint: string; token_endpoint: string; scope: string }
export interface SignInWays { oidc: Oidc | null; static_token: boolean }
export interface Region { id: string; name: string; jurisdictions: string[]; latitude: number; longitude: number; url: string }
export interface Account {
  id: string; name: string; default_region: string; managed_by: 'file' | 'store'; epoch: number;
  preset: string | null; routing_control: 'chosen' | 'fixed';
}

export interface User { group?: string | null; regions?: string[] | null }
/** What a change may change. */
export interface Terms {
  opted_in: string[];
  signalling_scope: 'permitted_only' | 'any';
  guest_mode: 'host_governs' | 'strict';
  evidence: 'best_effort' | 'required';
  groups: Record<string, string[]>;
  users: Record<string, User>;
  rooms: Record<string, string[]>;
}
export type Lockable = 'opted_in' | 'signalling_scope' | 'guest_mode' | 'overrides' | 'evidence';
export interface Routing extends Terms {
  account: string; epoch: number; digest: string; default_region: string; routing_control: 'chosen' | 'fixed';
  preset: string | null; locked: Lockable[]; actor: string; reason: string; time: string;
}

export interface Preview {
  epoch: number;
  would_move: { room: string; participant: string; from: string; to: string }[];
  would_refuse: { room: string; participant: string; from: string; reason: string }[];
}
export interface Outcome {
  epoch: number; requested_at: string; revoked_at: string | null; dry_at: string | null;
  moved: { room: string; participant: string; from: string; told: boolean }[];
  failed: { room: string; participant: string; from: string; reason: string }[];
  still_sending: { participant: string; datagrams: number; bytes: number }[];
  covered_by_lease: string[];
}
export type Mode = { mode: 'immediate' } | { mode: 'graceful'; seconds: number };

export interface Effective {
  effective: string[]; decision: 'allowed' | 'denied'; region: string | null; reason: string | null;
  steps: { level: string; regions: string[] }[];
}
export interface Transit { region: string; leg: string; kind: string; direction: 'in' | 'out'; packets: number; bytes: number }
export interface Meeting { sid: string; room: string; started: string; participants: { region: string; count: number }[]; transit: Transit[] }
export interface ReportName { sid: string; time: string }
export interface AuditRecord { seq: number; kind: string; time: string; [field: string]: unknown }
export interface Checkpoint { size: number; root: string; note: string }
export interface Verification {
  intact: boolean; lines: number; records: number; head: string; checkpoint: Checkpoint | null; fault?: { line: number; flaw: string };
}

/** The node said no, or could not be asked (`status` 0); the message is for a person. */
export class Refusal extends Error {
  constructor(readonly status: number, readonly code: string, message: string) { super(message); }
}

export const refusal = (error: unknown) =>
  error instanceof Refusal ? error : new Refusal(0, 'failed', error instanceof Error ? error.message : String(error));

async function ask(path: string, init: RequestInit = {}): Promise<Response> {
  let answer: Response;
  try {
    answer = await fetch(path, { ...init, cache: 'no-store' });
  } catch {
    throw new Refusal(0, 'unreachable', 'The server can’t be reached. Check your connection and try again.');
  }
  if (answer.ok) return answer;
  const body = await answer.json().catch(() => ({}));
  throw new Refusal(answer.status, body.error ?? '', body.message ?? `The server said ${answer.status}.`);
}

export const fetchSignInWays = async (): Promise<SignInWays> => (await ask('/v1/sign-in')).json();

/** The calls of one principal. A token that no longer counts is told to `onEnded`, whoever asked. */
export class Api {
  constructor(private readonly token: string, private readonly onEnded: () => void) {}

  me = () => this.json<Me>('/v1/me');
  regions = async () => (await this.json<{ regions: Region[] }>('/v1/regions')).regions;
  accounts = async () => (await this.json<{ accounts: Account[] }>('/v1/accounts')).accounts;
  routing = (account: string) => this.json<Routing>(this.of(account, 'routing'));
  preview = (account: string, epoch: number, change: Partial<Terms>) =>
    this.change<Preview>(account, epoch, '?dry_run=1', { ...change, reason: 'What would happen' });
  apply = (account: string, epoch: number, change: Partial<Terms> & { reason: string }, mode: Mode) =>
    this.change<Outcome>(account, epoch, mode.mode === 'graceful' ? `?mode=graceful&grace=${mode.seconds}s` : '?mode=immediate', change);
  history = async (account: string, before?: number) =>
    (await this.json<{ versions: Routing[] }>(`${this.of(account, 'routing/history')}?limit=20${before ? `&before=${before}` : ''}`)).versions;
  outcome = (account: string, epoch: number) => this.json<Outcome>(this.of(account, `routing/changes/${epoch}`));
  effective = (account: string, join: { group?: string; user?: string; room?: string; region?: string }) =>
    this.json<Effective>(`${this.of(account, 'routing/effective')}?${new URLSearchParams(Object.entries(join).filter(([, value]) => value))}`);
  meetings = async (account: string) => (await this.json<{ meetings: Meeting[] }>(this.of(account, 'meetings'))).meetings;
  reports = async (account: string) => (await this.json<{ reports: ReportName[] }>(`${this.of(account, 'transit-reports')}?limit=100`)).reports;
  reportText = async (account: string, sid: string) =>
    (await this.request(this.of(account, `transit-reports/${encodeURIComponent(sid)}`), { headers: { Accept: 'text/plain' } })).text();
  reportFile = async (account: string, sid: string) =>
    (await this.request(this.of(account, `transit-reports/${encodeURIComponent(sid)}`), { headers: { Accept: 'application/json' } })).blob();
  audit = (account: string, after: number, limit: number) =>
    this.json<{ records: AuditRecord[]; next: number | null }>(`${this.of(account, 'audit')}?after=${after}&limit=${limit}`);
  auditFile = async (account: string) => (await this.request(this.of(account, 'audit/export'))).blob();
  verification = (account: string) => this.json<Verification>(this.of(account, 'audit/verification'));

  private of(account: string, rest: string) { return `/v1/accounts/${encodeURIComponent(account)}/${rest}`; }
  private change<T>(account: string, epoch: number, query: string, body: object) {
    return this.json<T>(this.of(account, 'routing') + query, {
      method: 'PUT', headers: { 'Content-Type': 'application/json', 'If-Match': `"${epoch}"` }, body: JSON.stringify(body),
    });
  }
  private async json<T>(path: string, init?: RequestInit): Promise<T> { return (await this.request(path, init)).json(); }
  private async request(path: string, init: RequestInit = {}) {
    try {
      return await ask(path, { ...init, headers: { ...init.headers, Authorization: `Bearer ${this.token}` } });
    } catch (error) {
      if (error instanceof Refusal && error.status === 401) this.onEnded();
      throw error;
    }
  }
}
