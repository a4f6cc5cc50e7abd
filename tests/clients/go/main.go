// A participant on the LiveKit Go SDK (pion), driven by a test over standard input and output.
//
// It sends back what one other participant publishes, as tracks of its own, so that real encoded
// media passes through the SDK both ways. Each line that it writes is a JSON object with `event`;
// the lines that it reads are `say TEXT`, `simulate NAME`, `unpublish` and `leave`.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/livekit/protocol/livekit"
	"github.com/livekit/protocol/logger"
	lksdk "github.com/livekit/server-sdk-go/v2"
	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"
)

type report struct {
	mutex sync.Mutex
	out   *json.Encoder
}

func (r *report) say(event string, fields map[string]any) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	line := map[string]any{"event": event}
	for key, value := range fields {
		line[key] = value
	}
	_ = r.out.Encode(line)
}

type robot struct {
	report *report
	echo   string
	room   *lksdk.Room
	joined chan struct{}
}

// echoTrack publishes a track like the one that was subscribed to and sends its packets on.
func (r *robot) echoTrack(remote *webrtc.TrackRemote, publication *lksdk.RemoteTrackPublication, from *lksdk.RemoteParticipant) {
	kind := remote.Kind().String()
	r.report.say("subscribed", map[string]any{"from": from.Identity(), "kind": kind, "sid": publication.SID(), "mime": remote.Codec().MimeType})
	if from.Identity() != r.echo {
		return
	}
	<-r.joined
	source := livekit.TrackSource_MICROPHONE
	if remote.Kind() == webrtc.RTPCodecTypeVideo {
		source = livekit.TrackSource_CAMERA
	}
	needsKeyFrame := func(packet rtcp.Packet) {
		if _, ok := packet.(*rtcp.PictureLossIndication); ok {
			from.WritePLI(remote.SSRC())
		}
	}
	codec := remote.Codec().RTPCodecCapability
	if strings.EqualFold(codec.MimeType, "audio/red") {
		r.report.say("error", map[string]any{"text": "RED was sent to a client that did not ask for it"})
		return
	}
	local, err := lksdk.NewLocalTrack(codec, lksdk.WithRTCPHandler(needsKeyFrame))
	if err != nil {
		r.report.say("error", map[string]any{"text": err.Error()})
		return
	}
	if _, err = r.room.LocalParticipant.PublishTrack(local, &lksdk.TrackPublicationOptions{Name: kind, Source: source, VideoWidth: 640, VideoHeight: 360}); err != nil {
		r.report.say("error", map[string]any{"text": err.Error()})
		return
	}
	r.report.say("published", map[string]any{"kind": kind})
	if remote.Kind() == webrtc.RTPCodecTypeVideo {
		from.WritePLI(remote.SSRC())
	}
	packets := 0
	for {
		packet, _, err := remote.ReadRTP()
		if err != nil {
			r.report.say("ended", map[string]any{"kind": kind, "packets": packets})
			return
		}
		packets++
		if packets%50 == 0 {
			r.report.say("received", map[string]any{"kind": kind, "packets": packets})
		}
		packet.Extension = false
		packet.Extensions = nil
		_ = local.WriteRTP(packet, nil)
	}
}

func (r *robot) obey(line string) bool {
	verb, rest, _ := strings.Cut(line, " ")
	switch verb {
	case "say":
		if err := r.room.LocalParticipant.PublishDataPacket(lksdk.UserData([]byte(rest)), lksdk.WithDataPublishReliable(true)); err != nil {
			r.report.say("error", map[string]any{"text": err.Error()})
		}
	case "simulate":
		scenarios := map[string]lksdk.SimulateScenario{
			"signal-reconnect": lksdk.SimulateSignalReconnect,
			"speaker-update":   lksdk.SimulateSpeakerUpdate,
			"migration":        lksdk.SimulateMigration,
			"server-leave":     lksdk.SimulateServerLeave,
			"node-failure":     lksdk.SimulateNodeFailure,
			"full-reconnect":   lksdk.SimulateLeaveRequestFullReconnect,
		}
		r.room.Simulate(scenarios[rest])
	case "unpublish":
		for _, publication := range r.room.LocalParticipant.TrackPublications() {
			_ = r.room.LocalParticipant.UnpublishTrack(publication.SID())
		}
	case "leave":
		r.room.Disconnect()
		return false
	}
	return true
}

func main() {
	url := flag.String("url", "", "of the node")
	token := flag.String("token", "", "to join with")
	echo := flag.String("echo", "", "identity whose tracks are sent back")
	one := flag.Bool("one", false, "over one connection")
	flag.Parse()
	logger.InitFromConfig(&logger.Config{Level: "warn"}, "robot")

	r := &robot{report: &report{out: json.NewEncoder(os.Stdout)}, echo: *echo, joined: make(chan struct{})}
	callback := lksdk.NewRoomCallback()
	callback.OnDisconnectedWithReason = func(reason lksdk.DisconnectionReason) {
		r.report.say("disconnected", map[string]any{"reason": string(reason)})
	}
	callback.OnReconnecting = func() { r.report.say("reconnecting", nil) }
	callback.OnReconnected = func() { r.report.say("reconnected", nil) }
	callback.OnParticipantConnected = func(p *lksdk.RemoteParticipant) {
		r.report.say("connected", map[string]any{"identity": p.Identity()})
	}
	callback.OnParticipantDisconnected = func(p *lksdk.RemoteParticipant) {
		r.report.say("left", map[string]any{"identity": p.Identity()})
	}
	callback.OnActiveSpeakersChanged = func(speakers []lksdk.Participant) {
		names := []string{}
		for _, speaker := range speakers {
			names = append(names, speaker.Identity())
		}
		r.report.say("speakers", map[string]any{"identities": names})
	}
	callback.OnLocalTrackSubscribed = func(publication *lksdk.LocalTrackPublication, _ *lksdk.LocalParticipant) {
		r.report.say("local-track-subscribed", map[string]any{"sid": publication.SID()})
	}
	callback.OnTrackSubscribed = func(track *webrtc.TrackRemote, publication *lksdk.RemoteTrackPublication, from *lksdk.RemoteParticipant) {
		go r.echoTrack(track, publication, from)
	}
	callback.OnTrackUnpublished = func(publication *lksdk.RemoteTrackPublication, from *lksdk.RemoteParticipant) {
		r.report.say("unpublished", map[string]any{"from": from.Identity(), "sid": publication.SID()})
	}
	callback.OnTrackMuted = func(publication lksdk.TrackPublication, p lksdk.Participant) {
		r.report.say("muted", map[string]any{"from": p.Identity(), "sid": publication.SID()})
	}
	callback.OnMetadataChanged = func(_ string, p lksdk.Participant) {
		r.report.say("metadata", map[string]any{"from": p.Identity(), "metadata": p.Metadata()})
	}
	callback.OnDataPacket = func(data lksdk.DataPacket, params lksdk.DataReceiveParams) {
		if user, ok := data.(*lksdk.UserDataPacket); ok {
			r.report.say("data", map[string]any{"from": params.SenderIdentity, "text": string(user.Payload)})
		}
	}
	options := []lksdk.ConnectOption{lksdk.WithConnectTimeout(20 * time.Second)}
	if *one {
		options = append(options, lksdk.WithSinglePeerConnection())
	}
	room, err := lksdk.ConnectToRoomWithToken(*url, *token, callback, options...)
	if err != nil {
		r.report.say("refused", map[string]any{"text": err.Error()})
		os.Exit(1)
	}
	r.room = room
	close(r.joined)
	r.report.say("joined", map[string]any{"sid": room.LocalParticipant.SID(), "room": room.SID()})

	input := bufio.NewScanner(os.Stdin)
	for input.Scan() {
		if !r.obey(input.Text()) {
			break
		}
	}
	room.Disconnect()
}
