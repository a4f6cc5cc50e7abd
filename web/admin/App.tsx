import { useCallback, useEffect, useMemo, useState } from 'react';
import { Api, type Me, Refusal, refusal } from './api';
import { Waiting } from './parts';
import { forgetToken, isReturning, returnFromSignIn, storedToken, storeToken } from './session';
import { Shell } from './Shell';
import { SignIn } from './SignIn';

export function App() {
  const [token, setToken] = useState(storedToken);
  const [problem, setProblem] = useState<Refusal>();
  const [returning, setReturning] = useState(isReturning);
  const [me, setMe] = useState<Me>();

  const begin = useCallback((fresh: string) => { storeToken(fresh); setProblem(undefined); setToken(fresh); }, []);
  const end = useCallback((why?: Refusal) => { forgetToken(); setToken(undefined); setMe(undefined); setProblem(why); }, []);
  const api = useMemo(() => (token === undefined ? undefined : new Api(token, () => end(ENDED))), [token, end]);

  useEffect(() => {
    if (!returning) return;
    returnFromSignIn().then(begin, (error: unknown) => setProblem(refusal(error))).finally(() => setReturning(false));
  }, [returning, begin]);
  useEffect(() => {
    if (token === undefined) return;
    let wanted = true;
    new Api(token, () => {}).me().then((answer) => { if (wanted) setMe(answer); }, (error: unknown) => { if (wanted) end(meRefused(refusal(error))); });
    return () => { wanted = false; };
  }, [token, end]);

  if (returning || (api && !me)) return <main className="card"><Waiting what="Signing in" /></main>;
  if (!api || !me) return <SignIn problem={problem} onToken={begin} />;
  return <Shell api={api} me={me} onSignOut={() => end()} />;
}

const ENDED = new Refusal(401, 'unauthorized', 'Your session is over. Please sign in again; nothing that you had applied is lost.');
const meRefused = (why: Refusal) =>
  (why.status === 401 ? new Refusal(401, why.code, 'The server did not accept this sign-in. It may have run out, or carry no right to administer an account.') : why);
