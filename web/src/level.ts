import { createAudioAnalyser, type LocalAudioTrack } from 'livekit-client';
import { useEffect, useState } from 'react';

/** Loudness of a microphone from 0 to 1, ten times a second. */
export function useLevel(track?: LocalAudioTrack): number {
  const [level, setLevel] = useState(0);
  useEffect(() => {
    if (!track) return;
    const { calculateVolume, cleanup } = createAudioAnalyser(track, { smoothingTimeConstant: 0.5 });
    const timer = window.setInterval(() => setLevel(Math.min(1, calculateVolume())), 100);
    return () => { window.clearInterval(timer); void cleanup(); setLevel(0); };
  }, [track]);
  return level;
}
