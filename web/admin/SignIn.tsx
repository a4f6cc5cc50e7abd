import { useCallback, useState } from 'react';
import { fetchSignInWays, refusal, type Oidc, type Refusal } from './api';
import { useLoad } from './hooks';
import { Heading, Trouble, Waiting } from './parts';
import { leaveToSignIn } from './session';

export function SignIn({ problem, onToken }: { problem?: Refusal; onToken: (token: string) => void }) {
  const ways = useLoad(useCallback(() => fetchSignInWays(), []));
  const [token, setToken] = useState('');
  const [failed, setFailed] = useState<Refusal>();
  const shown = failed ?? problem;
  const begin = (oidc: Oidc) => { leaveToSignIn(oidc).catch((error: unknown) => setFailed(refusal(error))); };
  const none = ways.value && !ways.value.oidc && !ways.value.static_token;
  return (
    <main className="card sign-in">
      <Heading>Data routing</Heading>
      <p>Choose the regions where an account’s meetings may be in transit, and see the evidence that they stayed there.</p>
      {shown && <Trouble problem={shown} />}
      {ways.problem && <Trouble problem={ways.problem} onRetry={ways.reload} />}
      {!ways.value && !ways.problem && <Waiting what="Asking how to sign in" />}
      {none && <p>This server has no way to sign in yet. Its operator sets one in the configuration, under <code>admin</code>.</p>}
      {ways.value?.oidc && (
        <p><button type="button" className="primary" onClick={() => begin(ways.value!.oidc!)}>Sign in with {host(ways.value.oidc.issuer)}</button></p>
      )}
      {ways.value?.static_token && (
        <form onSubmit={(event) => { event.preventDefault(); onToken(token.trim()); }}>
          <label>Development token
            <input type="password" required autoComplete="off" spellCheck={false} value={token} onChange={(event) => setToken(event.target.value)} />
          </label>
          <button type="submit" className={ways.value.oidc ? '' : 'primary'}>Sign in</button>
          <p className="quiet">This is a development server: whoever has the token may sign in.</p>
        </form>
      )}
    </main>
  );
}

const host = (issuer: string) => { try { return new URL(issuer).host; } catch { return issuer; } };
