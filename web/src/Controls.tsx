import { useLocalParticipant, useMediaDeviceSelect, useRoomContext } from '@livekit/components-react';
import { useEffect, useRef, useState } from 'react';
import { type Choices } from './Preview';
import { deviceTrouble } from './words';

interface Props { choices: Choices; chatOpen: boolean; onChat: () => void; lowData: boolean; onLowData: (on: boolean) => void; onLeave: () => void }

export function Controls({ choices, chatOpen, onChat, lowData, onLowData, onLeave }: Props) {
  const room = useRoomContext();
  const { localParticipant, isCameraEnabled, isMicrophoneEnabled, isScreenShareEnabled } = useLocalParticipant();
  const [trouble, setTrouble] = useState('');
  const started = useRef(false);

  useEffect(() => {
    // Once, as soon as the room is there: what the person chose in the preview.
    const start = () => {
      if (started.current) return;
      started.current = true;
      if (choices.microphone) localParticipant.setMicrophoneEnabled(true).catch((e: unknown) => setTrouble(deviceTrouble(e, 'microphone')));
      if (choices.camera) localParticipant.setCameraEnabled(true).catch((e: unknown) => setTrouble(deviceTrouble(e, 'camera')));
    };
    if (room.state === 'connected') start();
    else room.once('connected', start);
    return () => { room.off('connected', start); };
  }, [room, localParticipant, choices]);

  const attempt = (what: 'camera' | 'microphone' | 'screen', action: Promise<unknown>) => {
    setTrouble('');
    action.catch((error: unknown) => {
      if (what !== 'screen') setTrouble(deviceTrouble(error, what));
      else if (!(error instanceof Error && error.name === 'NotAllowedError')) setTrouble('The screen could not be shared from this browser.');
    });
  };
  return (
    <footer className="controls">
      {trouble && <p className="trouble" role="alert">{trouble}</p>}
      <div className="buttons" role="toolbar" aria-label="Meeting controls">
        <button type="button" aria-pressed={isMicrophoneEnabled} onClick={() => attempt('microphone', localParticipant.setMicrophoneEnabled(!isMicrophoneEnabled))}>
          {isMicrophoneEnabled ? 'Mute' : 'Unmute'}
        </button>
        <button type="button" aria-pressed={isCameraEnabled} onClick={() => attempt('camera', localParticipant.setCameraEnabled(!isCameraEnabled))}>
          {isCameraEnabled ? 'Stop camera' : 'Start camera'}
        </button>
        {'getDisplayMedia' in navigator.mediaDevices && (
          <button type="button" aria-pressed={isScreenShareEnabled} onClick={() => attempt('screen', localParticipant.setScreenShareEnabled(!isScreenShareEnabled))}>
            {isScreenShareEnabled ? 'Stop sharing' : 'Share screen'}
          </button>
        )}
        <button type="button" aria-expanded={chatOpen} aria-controls="chat" onClick={onChat}>Chat</button>
        <details className="more">
          <summary>Settings</summary>
          <div className="panel">
            <DeviceSelect kind="audioinput" name="Microphone" />
            <DeviceSelect kind="videoinput" name="Camera" />
            <label className="switch">
              <input type="checkbox" role="switch" checked={lowData} onChange={(e) => onLowData(e.target.checked)} /> Low data
            </label>
          </div>
        </details>
        <button type="button" className="leave" onClick={() => { onLeave(); void room.disconnect(); }}>Leave</button>
      </div>
    </footer>
  );
}

function DeviceSelect({ kind, name }: { kind: MediaDeviceKind; name: string }) {
  const { devices, activeDeviceId, setActiveMediaDevice } = useMediaDeviceSelect({ kind });
  if (devices.length === 0) return null;
  return (
    <label>{name}
      <select value={activeDeviceId} onChange={(e) => void setActiveMediaDevice(e.target.value)}>
        {devices.map((device) => <option key={device.deviceId} value={device.deviceId}>{device.label || name}</option>)}
      </select>
    </label>
  );
}
