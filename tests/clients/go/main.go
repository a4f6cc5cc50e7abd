// A participant on the LiveKit Go SDK (pion), driven by a test over standard input and output.
//
// It sends back what one other participant publishes, as tracks of its own, or, told to `publish`, clips in
// layers. Each line that it writes is a JSON object with `event`; tests/support/robot.mjs says which lines it reads.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"os"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/livekit/protocol/livekit"
	"github.com/livekit/protocol/logger"
	lksdk "github.com/livekit/server-sdk-go/v2"
	"github.com/livekit/server-sdk-go/v2/e2ee"
	"github.com/pion/interceptor"
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
	sent   *sent
	keys   *e2ee.ExternalKeyProvider // nil: nothing is encrypted end to end
	sound  *lksdk.LocalTrackPublication
}

// echoTrack publishes a track like the one that was subscribed to and sends its packets on.
func (r *robot) echoTrack(remote *webrtc.TrackRemote, publication *lksdk.RemoteTrackPublication, from *lksdk.RemoteParticipant) {
	kind := remote.Kind().String()
	r.report.say("subscribed", map[string]any{"from": from.Identity(), "kind": kind, "sid": publication.SID(), "mime": remote.Codec().MimeType})
	<-r.joined
	if r.echo == "" {
		if r.keys != nil && kind == "audio" {
			r.watchSecret(remote, from)
		} else {
			r.watch(remote, from)
		}
		return
	}
	if from.Identity() != r.echo {
		return
	}
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
	case "publish":
		r.publishSound()
		if r.keys == nil {
			r.publishPicture()
		} else {
			r.report.say("published", nil)
		}
	case "publish-picture":
		r.publishPicture()
	case "unpublish-picture":
		// Its number is another one after a reconnect.
		if picture := r.room.LocalParticipant.GetTrackPublication(livekit.TrackSource_CAMERA); picture != nil {
			_ = r.room.LocalParticipant.UnpublishTrack(picture.SID())
		}
		r.report.say("unpublished-own", nil)
	case "unpublish":
		for _, publication := range r.room.LocalParticipant.TrackPublications() {
			_ = r.room.LocalParticipant.UnpublishTrack(publication.SID())
		}
	case "leave":
		r.room.Disconnect()
		return false
	default:
		return r.obeyMore(verb, rest)
	}
	return true
}

func (r *robot) obeyMore(verb, rest string) bool {
	local := r.room.LocalParticipant
	switch verb {
	case "lossy":
		_ = local.PublishDataPacket(lksdk.UserData([]byte(rest)), lksdk.WithDataPublishReliable(false))
	case "text":
		local.SendText(rest, lksdk.StreamTextOptions{Topic: "chat"})
	case "bytes":
		name := "a file"
		writer := local.StreamBytes(lksdk.StreamBytesOptions{Topic: "files", FileName: &name})
		done := func() { writer.Close() }
		writer.Write([]byte(rest), &done)
	case "call":
		who, payload, _ := strings.Cut(rest, " ")
		go r.call(who, payload)
	case "mute", "unmute":
		r.sound.SetMuted(verb == "mute")
	case "change":
		var change struct {
			Name, Metadata string
			Attributes     map[string]string
		}
		_ = json.Unmarshal([]byte(rest), &change)
		local.SetName(change.Name)
		local.SetMetadata(change.Metadata)
		local.SetAttributes(change.Attributes)
	case "subscribe", "unsubscribe", "quality":
		r.setSubscriptions(verb, rest)
	case "permit", "forbid":
		local.SetSubscriptionPermission(&livekit.SubscriptionPermission{AllParticipants: verb == "permit"})
	case "stats":
		sdp := local.GetPublisherPeerConnection().CurrentLocalDescription().SDP
		r.report.say("stats", map[string]any{"ufrag": regexp.MustCompile(`a=ice-ufrag:(\S+)`).FindStringSubmatch(sdp)[1], "layers": r.sent.layers()})
	default:
		r.report.say("error", map[string]any{"text": "unknown: " + verb})
	}
	return true
}

func (r *robot) call(who, payload string) {
	answer, err := r.room.LocalParticipant.PerformRpc(lksdk.PerformRpcParams{DestinationIdentity: who, Method: "repeat", Payload: payload})
	if err != nil {
		r.report.say("error", map[string]any{"text": err.Error()})
		return
	}
	r.report.say("answer", map[string]any{"text": *answer})
}

// setSubscriptions subscribes to, or asks for a layer of, every picture that there is.
func (r *robot) setSubscriptions(verb, rest string) {
	for _, participant := range r.room.GetRemoteParticipants() {
		for _, publication := range participant.TrackPublications() {
			remote, ok := publication.(*lksdk.RemoteTrackPublication)
			if !ok || remote.Kind() != lksdk.TrackKindVideo {
				continue
			}
			switch {
			case verb != "quality":
				_ = remote.SetSubscribed(verb == "subscribe")
			case rest == "low":
				_ = remote.SetVideoQuality(livekit.VideoQuality_LOW)
			default:
				_ = remote.SetVideoQuality(livekit.VideoQuality_HIGH)
			}
		}
	}
}

func (r *robot) registerHandlers(room *lksdk.Room) {
	_ = room.RegisterRpcMethod("repeat", func(data lksdk.RpcInvocationData) (string, error) { return "heard " + data.Payload, nil })
	_ = room.RegisterTextStreamHandler("chat", func(reader *lksdk.TextStreamReader, from string) {
		go func() { r.report.say("text", map[string]any{"from": from, "text": reader.ReadAll()}) }()
	})
	_ = room.RegisterByteStreamHandler("files", func(reader *lksdk.ByteStreamReader, from string) {
		go func() { r.report.say("bytes", map[string]any{"from": from, "text": string(reader.ReadAll())}) }()
	})
}

func (r *robot) sayPerson(p lksdk.Participant) {
	r.report.say("person", map[string]any{"identity": p.Identity(), "name": p.Name(), "metadata": p.Metadata(), "attributes": p.Attributes()})
}

func main() {
	url := flag.String("url", "", "of the node")
	token := flag.String("token", "", "to join with")
	echo := flag.String("echo", "", "identity whose tracks are sent back")
	one := flag.Bool("one", false, "over one connection")
	level := flag.String("log", "warn", "least level of what is logged")
	key := flag.String("key", "", "passphrase for end-to-end encryption")
	flag.Parse()
	logger.InitFromConfig(&logger.Config{Level: *level}, "robot")

	r := &robot{report: &report{out: json.NewEncoder(os.Stdout)}, echo: *echo, joined: make(chan struct{}), sent: &sent{packets: map[uint32]int{}}}
	callback := lksdk.NewRoomCallback()
	callback.OnDisconnectedWithReason = func(lksdk.DisconnectionReason) {
		r.report.say("disconnected", map[string]any{"reason": r.room.DisconnectReason().String()})
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
		r.report.say("unpublished", map[string]any{"from": from.Identity(), "sid": publication.SID(), "kind": string(publication.Kind())})
	}
	callback.OnTrackUnsubscribed = func(track *webrtc.TrackRemote, _ *lksdk.RemoteTrackPublication, from *lksdk.RemoteParticipant) {
		r.report.say("unsubscribed", map[string]any{"from": from.Identity(), "kind": track.Kind().String()})
	}
	callback.OnTrackUnmuted = func(publication lksdk.TrackPublication, p lksdk.Participant) {
		r.report.say("unmuted", map[string]any{"from": p.Identity(), "sid": publication.SID()})
	}
	callback.OnAttributesChanged = func(_ map[string]string, p lksdk.Participant) { r.sayPerson(p) }
	callback.OnConnectionQualityChanged = func(_ *livekit.ConnectionQualityInfo, p lksdk.Participant) {
		r.report.say("quality", map[string]any{"identity": p.Identity()})
	}
	callback.OnTrackMuted = func(publication lksdk.TrackPublication, p lksdk.Participant) {
		r.report.say("muted", map[string]any{"from": p.Identity(), "sid": publication.SID()})
	}
	callback.OnMetadataChanged = func(_ string, p lksdk.Participant) {
		r.sayPerson(p)
	}
	callback.OnDataPacket = func(data lksdk.DataPacket, params lksdk.DataReceiveParams) {
		if user, ok := data.(*lksdk.UserDataPacket); ok {
			r.report.say("data", map[string]any{"from": params.SenderIdentity, "text": string(user.Payload)})
		}
	}
	options := []lksdk.ConnectOption{
		lksdk.WithConnectTimeout(20 * time.Second),
		lksdk.WithInterceptors([]interceptor.Factory{r.sent}), lksdk.WithIncludeDefaultInterceptors(true),
	}
	if *key != "" {
		r.keys = e2ee.NewExternalKeyProvider()
		_ = r.keys.SetKeyFromPassphrase(*key, 0)
		options = append(options, lksdk.WithDataEncryption(&lksdk.EncryptionOptions{KeyProvider: r.keys}))
	}
	if *one {
		options = append(options, lksdk.WithSinglePeerConnection())
	}
	room := lksdk.NewRoom(callback)
	r.room = room
	r.registerHandlers(room)
	if err := room.JoinWithToken(*url, *token, options...); err != nil {
		r.report.say("refused", map[string]any{"text": err.Error()})
		os.Exit(1)
	}
	others := []string{}
	for _, participant := range room.GetRemoteParticipants() {
		others = append(others, participant.Identity())
	}
	r.report.say("joined", map[string]any{"sid": room.LocalParticipant.SID(), "room": room.SID(), "others": others})
	close(r.joined)
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	go r.watchRights(ctx)

	input := bufio.NewScanner(os.Stdin)
	for input.Scan() {
		if !r.obey(input.Text()) {
			break
		}
	}
	room.Disconnect()
}
