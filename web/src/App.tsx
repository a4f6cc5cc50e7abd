import { useCallback, useEffect, useMemo, useState } from 'react';
import { fetchPlace, fetchToken, Problem, readInvitation, roomOfToken, type MeetingPlace } from './api';
import { Meeting } from './Meeting';
import { Preview, type Choices } from './Preview';

type Stage =
  | { at: 'preview' }
  | { at: 'meeting'; token: string; place: MeetingPlace; choices: Choices }
  | { at: 'left'; why: string };

export function App() {
  const invitation = useMemo(() => readInvitation(window.location), []);
  const [room, setRoom] = useState(() => (invitation.token ? roomOfToken(invitation.token) : invitation.room) ?? '');
  const [stage, setStage] = useState<Stage>({ at: 'preview' });
  const [problem, setProblem] = useState<Problem>();
  const [busy, setBusy] = useState(false);

  const badToken = invitation.token !== undefined && roomOfToken(invitation.token) === undefined;

  useEffect(() => {
    document.title = stage.at === 'meeting' ? `${room} – Meridian` : 'Meridian';
  }, [stage, room]);

  const join = useCallback(async (choices: Choices, chosenRoom: string) => {
    setBusy(true);
    setProblem(undefined);
    try {
      const token = invitation.token ?? await fetchToken(invitation, chosenRoom, choices.name);
      const place = await fetchPlace(token, invitation.region);
      setRoom(chosenRoom);
      setStage({ at: 'meeting', token, place, choices });
    } catch (error) {
      setProblem(error instanceof Problem ? error : new Problem('The meeting could not be opened', String(error)));
    } finally {
      setBusy(false);
    }
  }, [invitation]);

  const left = useCallback((why: string) => setStage({ at: 'left', why }), []);
  const refused = useCallback((refusal: Problem) => { setProblem(refusal); setStage({ at: 'preview' }); }, []);
  const moved = useCallback((place: MeetingPlace) => setStage((before) => (before.at === 'meeting' ? { ...before, place } : before)), []);

  if (badToken) {
    return <Notice title="This link does not work" text="It was cut off or changed on its way. Ask the host for a new one." />;
  }
  if (stage.at === 'meeting') {
    return <Meeting key={stage.place.serving?.url} {...stage} room={room} onLeft={left} onRefused={refused} onMoved={moved} />;
  }
  if (stage.at === 'left') {
    return (
      <Notice title="You left the meeting" text={stage.why}>
        <button type="button" className="primary" onClick={() => setStage({ at: 'preview' })}>Join again</button>
      </Notice>
    );
  }
  return <Preview invitation={invitation} room={room} problem={problem} busy={busy} onJoin={join} />;
}

function Notice({ title, text, children }: { title: string; text: string; children?: React.ReactNode }) {
  return (
    <main className="card">
      <h1 tabIndex={-1} ref={(heading) => heading?.focus()}>{title}</h1>
      <p>{text}</p>
      {children}
    </main>
  );
}
