import { LiveKitRoom, RoomAudioRenderer, useConnectionState, useLocalParticipant, useRoomContext, useStartAudio, useTracks } from '@livekit/components-react';
import { ConnectionQuality, ConnectionState, DisconnectReason, type Participant, type RoomOptions, RoomEvent, Track, VideoPresets, VideoQuality } from 'livekit-client';
import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { fetchPlace, list, type MeetingPlace, Problem } from './api';
import { Chat } from './Chat';
import { Controls } from './Controls';
import { type Choices } from './Preview';
import { Tile } from './Tile';

interface Props {
  token: string; place: MeetingPlace; choices: Choices; room: string;
  onLeft: (why: string) => void; onRefused: (problem: Problem) => void; onMoved: (place: MeetingPlace) => void;
}

const GOODBYES: Partial<Record<DisconnectReason, string>> = {
  [DisconnectReason.CLIENT_INITIATED]: 'See you again.',
  [DisconnectReason.DUPLICATE_IDENTITY]: 'You joined from another window or device, so this one was closed.',
  [DisconnectReason.PARTICIPANT_REMOVED]: 'The host removed you from the meeting.',
  [DisconnectReason.ROOM_DELETED]: 'The host ended the meeting.',
  [DisconnectReason.ROOM_CLOSED]: 'The meeting is over.',
  [DisconnectReason.SERVER_SHUTDOWN]: 'The server is being restarted. You can join again in a moment.',
};

const LOST = 'The connection to the meeting was lost.';
const QUIET_AFTER_RECONNECT_MS = 2500;

export function Meeting({ token, place, choices, room, onLeft, onRefused, onMoved }: Props) {
  const options = useMemo<RoomOptions>(() => ({
    adaptiveStream: true, dynacast: true,
    videoCaptureDefaults: {
      deviceId: choices.cameraId || undefined,
      resolution: (choices.lowData ? VideoPresets.h180 : VideoPresets.h720).resolution,
    },
    audioCaptureDefaults: { deviceId: choices.microphoneId || undefined },
    publishDefaults: { simulcast: !choices.lowData },
  }), [choices]);
  const url = useMemo(() => (place.serving?.url || window.location.origin).replace(/^http/, 'ws'), [place]);
  const leaving = useRef(false);
  const leave = useCallback(() => { leaving.current = true; onLeft(GOODBYES[DisconnectReason.CLIENT_INITIATED] ?? ''); }, [onLeft]);
  const lost = useCallback(() => {
    // The host may have opted this region out meanwhile. The client library does not follow to another address; this page does.
    fetchPlace(token).then(
      (now) => { if (now.serving?.url && now.serving.url !== place.serving?.url) onMoved(now); else onLeft(LOST); },
      () => onLeft(LOST));
  }, [token, place, onLeft, onMoved]);
  const failed = useCallback((error: Error) => {
    if (leaving.current) return;  // left before the connection was there: no mistake
    // A browser hides why a WebSocket was refused, so the node is asked once more in plain HTTP.
    fetchPlace(token).then(
      () => onRefused(new Problem('The connection could not be made', error.message)),
      (why: unknown) => onRefused(why instanceof Problem ? why : new Problem('The connection could not be made', error.message)));
  }, [token, onRefused]);
  return (
    <LiveKitRoom serverUrl={url} token={token} connect options={options} className="meeting" data-lk-theme="none"
      onError={(error) => { if (error.name === 'ConnectionError') failed(error); }}>
      <Inside place={place} choices={choices} room={room} onLeft={onLeft} onLeave={leave} onLost={lost} />
      <RoomAudioRenderer />
    </LiveKitRoom>
  );
}

function Inside({ place, choices, room, onLeft, onLeave, onLost }: Pick<Props, 'place' | 'choices' | 'room' | 'onLeft'> & { onLeave: () => void; onLost: () => void }) {
  const session = useRoomContext();
  useEffect(() => {
    const left = (reason?: DisconnectReason) => {
      const goodbye = reason === undefined ? undefined : GOODBYES[reason];
      if (goodbye) onLeft(goodbye); else onLost();
    };
    session.on(RoomEvent.Disconnected, left);
    return () => { session.off(RoomEvent.Disconnected, left); };
  }, [session, onLeft, onLost]);
  const [lowData, setLowData] = useState(choices.lowData);
  const [chatOpen, setChatOpen] = useState(false);
  useWhatWasMissed();
  useLowData(lowData);
  const tracks = useTracks([{ source: Track.Source.Camera, withPlaceholder: true }, { source: Track.Source.ScreenShare, withPlaceholder: false }]);
  const shared = tracks.filter((track) => track.source === Track.Source.ScreenShare);
  const people = tracks.filter((track) => track.source === Track.Source.Camera);
  const regionName = useCallback((participant: Participant) => {
    const id = participant['participantInfo']?.region ?? '';
    return place.permitted.find((region) => region.id === id)?.name ?? id;
  }, [place]);
  return (
    <>
      <header className="top">
        <h1>{room}</h1>
        <p className="where"><span aria-hidden="true">◍</span> Sound and pictures of this meeting stay in {list(place.permitted)}</p>
      </header>
      <Banner choices={choices} />
      <main className={`stage ${shared.length > 0 ? 'with-share' : ''} ${chatOpen ? 'with-chat' : ''}`}>
        {shared.length > 0 && (
          <ul className="shares" aria-label="Shared screens">
            {shared.map((track) => <Tile key={track.participant.sid + 'share'} track={track} region={regionName(track.participant)} />)}
          </ul>
        )}
        <ul className="people" data-count={people.length} aria-label="People in this meeting">
          {people.map((track) => <Tile key={track.participant.identity} track={track} region={regionName(track.participant)} />)}
        </ul>
        <Chat open={chatOpen} onClose={() => setChatOpen(false)} />
      </main>
      <Controls choices={choices} chatOpen={chatOpen} onChat={() => setChatOpen((open) => !open)} lowData={lowData} onLowData={setLowData} onLeave={onLeave} />
    </>
  );
}

/** For about two seconds after a full reconnect livekit-client 2.23 keeps events to itself, and for good: who comes back in
 * that time, as everybody does after a node's restart, would not be heard. All that lists people or tracks looks again
 * when it is told of the connection's state. */
function useWhatWasMissed() {
  const room = useRoomContext();
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const lookAgain = () => { room.emit(RoomEvent.ConnectionStateChanged, room.state); };
    const reconnected = () => { clearTimeout(timer); timer = setTimeout(lookAgain, QUIET_AFTER_RECONNECT_MS); };
    room.on(RoomEvent.Reconnected, reconnected);
    return () => { clearTimeout(timer); room.off(RoomEvent.Reconnected, reconnected); };
  }, [room]);
}

/** Asks for the smallest picture of everybody while the switch is on. */
function useLowData(on: boolean) {
  const room = useRoomContext();
  useEffect(() => {
    const apply = () => {
      for (const participant of room.remoteParticipants.values()) {
        for (const publication of participant.videoTrackPublications.values()) {
          publication.setVideoQuality(on ? VideoQuality.LOW : VideoQuality.HIGH);
        }
      }
    };
    apply();
    const events = [RoomEvent.TrackSubscribed, RoomEvent.ConnectionStateChanged] as const;
    for (const event of events) room.on(event, apply);
    return () => { for (const event of events) room.off(event, apply); };
  }, [room, on]);
}

/** What a person must know about the connection, in words, one thing at a time. */
function Banner({ choices }: { choices: Choices }) {
  const room = useRoomContext();
  const state = useConnectionState();
  const { localParticipant, lastCameraError, lastMicrophoneError } = useLocalParticipant();
  const { mergedProps, canPlayAudio } = useStartAudio({ room, props: {} });
  const [quality, setQuality] = useState<ConnectionQuality>(localParticipant.connectionQuality);
  useEffect(() => {
    const changed = (next: ConnectionQuality, who: Participant) => { if (who.isLocal) setQuality(next); };
    room.on(RoomEvent.ConnectionQualityChanged, changed);
    return () => { room.off(RoomEvent.ConnectionQualityChanged, changed); };
  }, [room]);
  const text = () => {
    if (state === ConnectionState.Connecting) return 'Joining the meeting…';
    if (state === ConnectionState.Reconnecting || state === ConnectionState.SignalReconnecting) {
      return 'The connection was lost and is coming back. You don’t need to do anything.';
    }
    if (quality === ConnectionQuality.Poor || quality === ConnectionQuality.Lost) {
      return 'Your connection is weak. Turn on low data or turn off your camera if people can’t hear you.';
    }
    if (lastCameraError && choices.camera) return 'Your camera could not be started. People hear you but don’t see you.';
    if (lastMicrophoneError && choices.microphone) return 'Your microphone could not be started. People can’t hear you.';
    return '';
  };
  return (
    <div className="banners">
      <p role="status" className={text() ? 'banner' : 'visually-hidden'}>{text()}</p>
      {state === ConnectionState.Connected && !canPlayAudio && (
        <p className="banner">Your browser keeps the sound off until you allow it.{' '}
          <button type="button" onClick={mergedProps.onClick}>Turn sound on</button>
        </p>
      )}
    </div>
  );
}
