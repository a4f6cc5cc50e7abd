package main

import (
	"context"
	"time"

	"github.com/livekit/livekit-cli/v2/pkg/provider"
	"github.com/livekit/protocol/livekit"
	lksdk "github.com/livekit/server-sdk-go/v2"
)

// Source of LiveKit's load test: clips that begin anew at their end.
func loopers() []provider.VideoLooper {
	return must(provider.CreateVideoLoopers("medium", "vp8", true))
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func (r *robot) publishSound() {
	looper := must(provider.CreateAudioLooper())
	options := &lksdk.TrackPublicationOptions{Name: "sound", Source: livekit.TrackSource_MICROPHONE}
	var details []lksdk.LocalTrackOptions
	if r.keys != nil {
		details = append(details, lksdk.WithFrameEncryptor(must(lksdk.NewFrameEncryptor(r.keys, lksdk.CodecOpus))))
		options.Encryption = livekit.Encryption_GCM
	}
	track := must(lksdk.NewLocalTrack(looper.Codec(), details...))
	_ = track.StartWrite(looper, nil)
	r.sound = must(r.room.LocalParticipant.PublishTrack(track, options))
}

// publishPicture publishes a clip in each of its sizes, as layers.
func (r *robot) publishPicture() {
	var layers []*lksdk.LocalTrack
	for i, looper := range loopers() {
		layer := must(lksdk.NewLocalTrack(looper.Codec(), lksdk.WithSimulcast("picture", looper.ToLayer(livekit.VideoQuality(i)))))
		_ = layer.StartWrite(looper, nil)
		layers = append(layers, layer)
	}
	options := &lksdk.TrackPublicationOptions{Name: "picture", Source: livekit.TrackSource_CAMERA}
	must(r.room.LocalParticipant.PublishSimulcastTrack(layers, options))
	r.report.say("published", map[string]any{"kind": "video"})
}

// watchRights says what the server lets this participant do, when it changes.
func (r *robot) watchRights(ctx context.Context) {
	may := true
	for ctx.Err() == nil {
		time.Sleep(50 * time.Millisecond)
		if now := r.room.LocalParticipant.Permissions(); now != nil && now.CanPublish != may {
			may = now.CanPublish
			r.report.say("rights", map[string]any{"publish": may})
		}
	}
}
