import { useCallback, useEffect, useState } from 'react';
import { type Refusal, refusal } from './api';

interface Loaded<T> { value?: T; problem?: Refusal; reload: () => void }

/** What `load` gives, asked for again by reload() and every `seconds` while somebody looks. `load` must be stable. */
export function useLoad<T>(load: () => Promise<T>, seconds = 0): Loaded<T> {
  const [state, setState] = useState<{ value?: T; problem?: Refusal }>({});
  const [round, setRound] = useState(0);
  useEffect(() => {
    let wanted = true;
    const run = () => load().then(
      (value) => { if (wanted) setState({ value }); },
      (error: unknown) => { if (wanted) setState((before) => ({ ...before, problem: refusal(error) })); });
    void run();
    const timer = seconds > 0 ? setInterval(() => { if (!document.hidden) void run(); }, seconds * 1000) : undefined;
    return () => { wanted = false; clearInterval(timer); };
  }, [load, seconds, round]);
  const reload = useCallback(() => setRound((before) => before + 1), []);
  return { ...state, reload };
}

/** The parts of `#/account/view/id`. */
export function useRoute(): string[] {
  const [hash, setHash] = useState(window.location.hash);
  useEffect(() => {
    const changed = () => setHash(window.location.hash);
    window.addEventListener('hashchange', changed);
    return () => window.removeEventListener('hashchange', changed);
  }, []);
  return hash.replace(/^#\/?/, '').split('/').map((part) => { try { return decodeURIComponent(part); } catch { return part; } });
}

/** Saves what the node sent to a file of the person's. */
export function saveFile(content: Blob, name: string) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
