package main

import (
	"encoding/binary"
	"strconv"
	"strings"
	"sync"

	lksdk "github.com/livekit/server-sdk-go/v2"
	"github.com/livekit/server-sdk-go/v2/e2ee"
	"github.com/pion/interceptor"
	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
	"github.com/pion/webrtc/v4"
)

// sent counts the packets of each layer that goes out.
type sent struct {
	interceptor.NoOp
	mutex   sync.Mutex
	packets map[uint32]int
}

func (s *sent) NewInterceptor(string) (interceptor.Interceptor, error) { return s, nil }

func (s *sent) BindLocalStream(info *interceptor.StreamInfo, next interceptor.RTPWriter) interceptor.RTPWriter {
	if !strings.HasPrefix(strings.ToLower(info.MimeType), "video/") {
		return next
	}
	return interceptor.RTPWriterFunc(func(header *rtp.Header, payload []byte, attributes interceptor.Attributes) (int, error) {
		s.mutex.Lock()
		s.packets[header.SSRC]++
		s.mutex.Unlock()
		return next.Write(header, payload, attributes)
	})
}

func (s *sent) layers() []map[string]any {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	var all []map[string]any
	for ssrc, packets := range s.packets {
		all = append(all, map[string]any{"rid": strconv.Itoa(int(ssrc)), "packets": packets})
	}
	return all
}

// widthOf is the width that the first packet of a key frame names, otherwise 0 (RFC 6386, 9.1).
func widthOf(payload []byte) int {
	var packet codecs.VP8Packet
	frame, err := packet.Unmarshal(payload)
	if err != nil || packet.S != 1 || packet.PID != 0 || len(frame) < 10 || frame[0]&1 != 0 {
		return 0
	}
	return int(binary.LittleEndian.Uint16(frame[6:8]) & 0x3fff)
}

// watch counts what comes of a track.
func (r *robot) watch(track *webrtc.TrackRemote, from *lksdk.RemoteParticipant) {
	kind := track.Kind().String()
	width := 0
	for packets := 1; ; packets++ {
		packet, _, err := track.ReadRTP()
		if err != nil {
			return
		}
		if now := widthOf(packet.Payload); kind == "video" && now != 0 {
			width = now
		}
		if packets%20 == 0 {
			r.report.say("received", map[string]any{"kind": kind, "from": from.Identity(), "packets": packets, "width": width})
		}
	}
}

// watchSecret counts the frames of an encrypted sound that the key opens.
func (r *robot) watchSecret(track *webrtc.TrackRemote, from *lksdk.RemoteParticipant) {
	frames := e2ee.NewTrackDecryptor(track, must(lksdk.NewFrameDecryptor(r.keys, lksdk.CodecOpus, r.room.SifTrailer())))
	for count := 0; ; {
		sample, err := frames.ReadSample()
		if err != nil {
			r.report.say("error", map[string]any{"text": err.Error()})
			return
		}
		if sample == nil {
			continue
		}
		count++
		if count%20 == 0 {
			r.report.say("received", map[string]any{"kind": "audio", "from": from.Identity(), "packets": count})
		}
	}
}
