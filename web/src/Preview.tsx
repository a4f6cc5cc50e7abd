import { createLocalTracks, type LocalAudioTrack, type LocalVideoTrack, Track, VideoPresets } from 'livekit-client';
import { useCallback, useEffect, useId, useRef, useState } from 'react';
import { type Invitation, type Problem } from './api';
import { useLevel } from './level';
import { deviceTrouble } from './words';

export interface Choices { name: string; camera: boolean; microphone: boolean; cameraId: string; microphoneId: string; lowData: boolean }

interface Props { invitation: Invitation; room: string; problem?: Problem; busy: boolean; onJoin: (choices: Choices, room: string) => void }

/** Name, devices and a look at oneself before anybody else sees or hears anything. */
export function Preview({ invitation, room, problem, busy, onJoin }: Props) {
  const [choices, setChoices] = useState<Choices>({
    name: invitation.name ?? '', camera: true, microphone: true, cameraId: '', microphoneId: '', lowData: false,
  });
  const [meeting, setMeeting] = useState(room);
  const change = (part: Partial<Choices>) => setChoices((before) => ({ ...before, ...part }));
  const video = useDevice('camera', choices.camera, choices.cameraId);
  const audio = useDevice('microphone', choices.microphone, choices.microphoneId);
  const fixedName = invitation.token !== undefined;
  const alert = useRef<HTMLDivElement>(null);
  useEffect(() => { if (problem) alert.current?.focus(); }, [problem]);

  return (
    <main className="preview">
      <header><h1>{room ? <>Join “{room}”</> : 'Join a meeting'}</h1></header>
      {problem && (
        <div className="alert" role="alert" tabIndex={-1} ref={alert}>
          <h2>{problem.title}</h2>
          <p>{problem.message}</p>
          {problem.regions.length > 0 && (
            <ul>{problem.regions.map((place) => <li key={place.id}><a href={elsewhere(place.url)}>{place.name}</a></li>)}</ul>
          )}
        </div>
      )}
      <section className="mirror" aria-label="How others will see you">
        <Mirror track={video.track as LocalVideoTrack | undefined} on={choices.camera} />
        <Level track={audio.track as LocalAudioTrack | undefined} on={choices.microphone} />
      </section>
      <form onSubmit={(event) => { event.preventDefault(); video.stop(); audio.stop(); onJoin(choices, meeting.trim()); }}>
        {!room && (
          <label>Meeting<input required maxLength={100} value={meeting} onChange={(e) => setMeeting(e.target.value)} /></label>
        )}
        {!fixedName && (
          <label>Your name
            <input required maxLength={100} autoComplete="name" value={choices.name} onChange={(e) => change({ name: e.target.value })} />
          </label>
        )}
        <DeviceChoice what="camera" state={video} on={choices.camera} chosen={choices.cameraId}
          onToggle={(camera) => change({ camera })} onChoose={(cameraId) => change({ cameraId })} />
        <DeviceChoice what="microphone" state={audio} on={choices.microphone} chosen={choices.microphoneId}
          onToggle={(microphone) => change({ microphone })} onChoose={(microphoneId) => change({ microphoneId })} />
        <label className="switch">
          <input type="checkbox" role="switch" checked={choices.lowData} onChange={(e) => change({ lowData: e.target.checked })} />
          Low data: small pictures, for a slow or costly connection
        </label>
        <button type="submit" className="primary" disabled={busy}>{busy ? 'Joining…' : 'Join'}</button>
      </form>
    </main>
  );
}

function elsewhere(url: string) {
  const target = new URL(url.replace(/^ws/, 'http'), window.location.href);
  target.search = window.location.search;
  target.hash = window.location.hash;
  return target.href;
}

interface DeviceState { track?: LocalVideoTrack | LocalAudioTrack; trouble?: string; devices: MediaDeviceInfo[]; stop: () => void }

function useDevice(what: 'camera' | 'microphone', on: boolean, id: string): DeviceState {
  const [state, setState] = useState<Omit<DeviceState, 'stop'>>({ devices: [] });
  const current = useRef<LocalVideoTrack | LocalAudioTrack>(undefined);
  useEffect(() => {
    let wanted = true;
    const stop = () => { current.current?.stop(); current.current = undefined; };
    if (!on) return;
    const constraint = id ? { deviceId: id } : true;
    createLocalTracks(what === 'camera'
      ? { video: { ...(id ? { deviceId: id } : {}), resolution: VideoPresets.h540.resolution }, audio: false }
      : { audio: constraint, video: false })
      .then(async ([track]) => {
        if (!wanted) { track.stop(); return; }
        current.current = track as LocalVideoTrack | LocalAudioTrack;
        const kind = what === 'camera' ? 'videoinput' : 'audioinput';
        const devices = (await navigator.mediaDevices.enumerateDevices()).filter((device) => device.kind === kind && device.deviceId);
        if (wanted) setState({ track: current.current, devices });
      })
      .catch((error: unknown) => { if (wanted) setState({ trouble: deviceTrouble(error, what), devices: [] }); });
    return () => { wanted = false; stop(); };
  }, [what, on, id]);
  const stop = useCallback(() => { current.current?.stop(); }, []);
  return { devices: state.devices, track: on ? state.track : undefined, trouble: on ? state.trouble : undefined, stop };
}

function DeviceChoice({ what, state, on, chosen, onToggle, onChoose }: {
  what: 'camera' | 'microphone'; state: DeviceState; on: boolean; chosen: string;
  onToggle: (on: boolean) => void; onChoose: (id: string) => void;
}) {
  const id = useId();
  const name = what === 'camera' ? 'Camera' : 'Microphone';
  return (
    <fieldset>
      <legend>{name}</legend>
      <label className="switch">
        <input type="checkbox" role="switch" checked={on} onChange={(e) => onToggle(e.target.checked)} />
        Join with {what} on
      </label>
      {on && state.devices.length > 0 && (
        <>
          <label className="visually-hidden" htmlFor={id}>{name} to use</label>
          <select id={id} value={chosen || state.devices[0].deviceId} onChange={(e) => onChoose(e.target.value)}>
            {state.devices.map((device) => <option key={device.deviceId} value={device.deviceId}>{device.label || name}</option>)}
          </select>
        </>
      )}
      {on && state.trouble && <p className="trouble" role="status">{state.trouble}</p>}
    </fieldset>
  );
}

function Mirror({ track, on }: { track?: LocalVideoTrack; on: boolean }) {
  const element = useRef<HTMLVideoElement>(null);
  useEffect(() => {
    const target = element.current;
    if (!track || !target || track.kind !== Track.Kind.Video) return;
    track.attach(target);
    return () => { track.detach(target); };
  }, [track]);
  return (
    <div className="picture">
      <video ref={element} muted playsInline className={track ? 'own' : 'own hidden'} aria-label="Your camera" />
      {!track && <p>{on ? 'Waiting for your camera…' : 'Your camera is off'}</p>}
    </div>
  );
}

function Level({ track, on }: { track?: LocalAudioTrack; on: boolean }) {
  const level = useLevel(track);
  return (
    <div className="level">
      <span id="level-name">Microphone level</span>
      <meter aria-labelledby="level-name" min={0} max={1} value={on ? level : 0} />
    </div>
  );
}
