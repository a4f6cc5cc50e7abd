/**
 * Signing in: the authorization code flow with PKCE (RFC 7636) at the operator's OpenID provider, or a static
 * token on a development node. The token lives in this tab only and is gone with it.
 */
import { type Oidc, Refusal } from './api';

const TOKEN = 'meridian-admin-token';
const PENDING = 'meridian-admin-sign-in';
interface Pending { state: string; nonce: string; verifier: string; hash: string; oidc: Oidc }

export const storedToken = () => sessionStorage.getItem(TOKEN) ?? undefined;
export const storeToken = (token: string) => sessionStorage.setItem(TOKEN, token);
export const forgetToken = () => sessionStorage.removeItem(TOKEN);

const base64url = (bytes: Uint8Array) => btoa(String.fromCharCode(...bytes)).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');
const random = () => base64url(crypto.getRandomValues(new Uint8Array(32)));
const redirectUri = () => `${window.location.origin}/admin`;

/** Leaves for the provider's page. */
export async function leaveToSignIn(oidc: Oidc) {
  if (!window.isSecureContext) throw new Refusal(0, 'insecure', 'Sign-in needs a page opened by https. Ask whoever runs this server.');
  const pending: Pending = { state: random(), nonce: random(), verifier: random(), hash: window.location.hash, oidc };
  sessionStorage.setItem(PENDING, JSON.stringify(pending));
  const challenge = base64url(new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(pending.verifier))));
  const url = new URL(oidc.authorization_endpoint);
  for (const [name, value] of Object.entries({
    response_type: 'code', client_id: oidc.client_id, redirect_uri: redirectUri(), scope: oidc.scope, state: pending.state,
    nonce: pending.nonce, code_challenge: challenge, code_challenge_method: 'S256',
  })) url.searchParams.set(name, value);
  window.location.assign(url);
}

/** Whether this page was opened by the provider's answer. */
export const isReturning = () => /[?&](code|error)=/.test(window.location.search);

let redeeming: Promise<string> | undefined;
/** The ID token for the provider's answer in this page's address. A code counts once, so a second call gets the first one's result. */
export const returnFromSignIn = () => (redeeming ??= redeem());

async function redeem(): Promise<string> {
  const answer = new URLSearchParams(window.location.search);
  const pending: Pending | null = JSON.parse(sessionStorage.getItem(PENDING) ?? 'null');
  sessionStorage.removeItem(PENDING);
  // The code must not stay in the address bar or the history.
  window.history.replaceState(null, '', `/admin${pending?.hash ?? ''}`);
  if (!pending || answer.get('state') !== pending.state) {
    throw new Refusal(0, 'state', 'This sign-in was not begun in this tab. Please sign in again.');
  }
  const code = answer.get('code');
  if (!code) {
    throw new Refusal(0, 'refused', answer.get('error_description') ?? `The sign-in service said: ${answer.get('error') ?? 'nothing'}.`);
  }
  const response = await fetch(pending.oidc.token_endpoint, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'authorization_code', code, redirect_uri: redirectUri(), client_id: pending.oidc.client_id, code_verifier: pending.verifier,
    }),
  }).catch(() => undefined);
  const token = response?.ok ? (await response.json().catch(() => ({}))).id_token : undefined;
  if (typeof token !== 'string') throw new Refusal(0, 'refused', 'The sign-in service did not accept the answer that it gave. Please sign in again.');
  if (claims(token).nonce !== pending.nonce) throw new Refusal(0, 'nonce', 'The sign-in service answered another request. Please sign in again.');
  return token;
}

/** Read without verifying: the node verifies. */
function claims(token: string): Record<string, unknown> {
  try {
    return JSON.parse(atob(token.split('.')[1].replace(/-/g, '+').replace(/_/g, '/')));
  } catch {
    return {};
  }
}
