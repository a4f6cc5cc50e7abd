import { isTrackReference, type TrackReferenceOrPlaceholder, useIsMuted, useIsSpeaking, VideoTrack } from '@livekit/components-react';
import { Track } from 'livekit-client';

/** One person or one shared screen, with the region whose node serves that person. */
export function Tile({ track, region }: { track: TrackReferenceOrPlaceholder; region: string }) {
  const { participant } = track;
  const speaking = useIsSpeaking(participant);
  const silent = useIsMuted({ participant, source: Track.Source.Microphone });
  const share = track.source === Track.Source.ScreenShare;
  const pictured = isTrackReference(track) && !track.publication.isMuted;
  const name = participant.name || participant.identity;
  const own = participant.isLocal ? ' (you)' : '';
  return (
    <li className={`tile ${speaking && !share ? 'speaking' : ''} ${share ? 'share' : ''}`} data-identity={participant.identity} data-region={region}>
      {pictured
        ? <VideoTrack trackRef={track} className={participant.isLocal && !share ? 'own' : ''} aria-label={share ? `Screen of ${name}` : `Camera of ${name}`} />
        : <div className="initials" aria-hidden="true">{name.trim().slice(0, 2).toUpperCase()}</div>}
      <div className="label">
        <span className="name">{share ? `Screen of ${name}` : name + own}</span>
        {!share && <span className="state">{silent ? 'muted' : speaking ? 'speaking' : ''}</span>}
        {region && <span className="region">Served from {region}</span>}
      </div>
    </li>
  );
}
