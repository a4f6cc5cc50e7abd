// WHIP and WHEP on pion alone, without an SDK (RFC 9725): `streams whip URL TOKEN` publishes a picture
// (VP8) and a tone, `streams whep URL TOKEN` plays. Each line that it writes is a
// JSON object; the lines that it reads are `restart` (ICE) and `leave`.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/livekit/livekit-cli/v2/pkg/provider"
	"github.com/pion/webrtc/v4"
)

var output sync.Mutex

func say(fields map[string]any) {
	output.Lock()
	defer output.Unlock()
	_ = json.NewEncoder(os.Stdout).Encode(fields)
}

func must[T any](value T, err error) T {
	if err != nil {
		say(map[string]any{"error": err.Error()})
		os.Exit(1)
	}
	return value
}

type session struct {
	peer       *webrtc.PeerConnection
	url, token string
	etag       string
	answer     string
	candidates []string
}

func (s *session) ask(method, address, kind, match, body string) (*http.Response, string) {
	request := must(http.NewRequest(method, address, strings.NewReader(body)))
	request.Header.Set("Authorization", "Bearer "+s.token)
	if kind != "" {
		request.Header.Set("Content-Type", kind)
	}
	if match != "" {
		request.Header.Set("If-Match", match)
	}
	response := must(http.DefaultClient.Do(request))
	defer response.Body.Close()
	return response, string(must(io.ReadAll(response.Body)))
}

const fragmentType = "application/trickle-ice-sdpfrag"

func valueOf(sdp, name string) string {
	return regexp.MustCompile(`(?m)^a=` + name + `:(.*?)\r?$`).FindStringSubmatch(sdp)[1]
}

func credentials(sdp string) string {
	return fmt.Sprintf("a=ice-ufrag:%s\r\na=ice-pwd:%s\r\n", valueOf(sdp, "ice-ufrag"), valueOf(sdp, "ice-pwd"))
}

// send writes the samples of a looper to a track until the process ends.
func send(track *webrtc.TrackLocalStaticSample, from provider.Looper) {
	for {
		sample := must(from.NextSample(context.Background()))
		_ = track.WriteSample(sample)
		time.Sleep(sample.Duration)
	}
}

func (s *session) publish() {
	audio := must(provider.CreateAudioLooper())
	sound := must(webrtc.NewTrackLocalStaticSample(audio.Codec(), "sound", "pion"))
	must(s.peer.AddTransceiverFromTrack(sound, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly}))
	go send(sound, audio)
	video := must(provider.CreateVideoLoopers("medium", "vp8", false))[0]
	picture := must(webrtc.NewTrackLocalStaticSample(video.Codec(), "picture", "pion"))
	must(s.peer.AddTransceiverFromTrack(picture, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly}))
	go send(picture, video)
}

func (s *session) play() {
	for _, kind := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeAudio, webrtc.RTPCodecTypeVideo} {
		must(s.peer.AddTransceiverFromKind(kind, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}))
	}
	s.peer.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		for packets := 1; ; packets++ {
			if _, _, err := track.ReadRTP(); err != nil {
				return
			}
			if packets%25 == 0 {
				say(map[string]any{"received": track.Kind().String(), "packets": packets, "mime": track.Codec().MimeType})
			}
		}
	})
}

// begin posts an offer without candidates and trickles them afterwards.
func (s *session) begin() {
	offer := must(s.peer.CreateOffer(nil))
	gathered := webrtc.GatheringCompletePromise(s.peer)
	if err := s.peer.SetLocalDescription(offer); err != nil {
		must(0, err)
	}
	response, body := s.ask(http.MethodPost, s.url, "application/sdp", "", offer.SDP)
	say(map[string]any{"post": response.StatusCode})
	if response.StatusCode != http.StatusCreated {
		must(0, fmt.Errorf("%s", body))
	}
	location := must(url.Parse(response.Header.Get("Location")))
	s.url, s.etag, s.answer = must(url.Parse(s.url)).ResolveReference(location).String(), response.Header.Get("ETag"), body
	s.take(body)
	<-gathered
	fragment := credentials(offer.SDP) + "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n"
	for _, candidate := range s.candidates {
		fragment += "a=" + candidate + "\r\n"
	}
	response, _ = s.ask(http.MethodPatch, s.url, fragmentType, s.etag, fragment+"a=end-of-candidates\r\n")
	say(map[string]any{"trickle": response.StatusCode, "candidates": len(s.candidates)})
}

func (s *session) take(sdp string) {
	if err := s.peer.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: sdp}); err != nil {
		must(0, err)
	}
}

// restart is RFC 9725 section 4.3.2: the answer is the old one with the credentials of the fragment.
func (s *session) restart() {
	offer := must(s.peer.CreateOffer(&webrtc.OfferOptions{ICERestart: true}))
	if err := s.peer.SetLocalDescription(offer); err != nil {
		must(0, err)
	}
	response, body := s.ask(http.MethodPatch, s.url, fragmentType, "*", credentials(offer.SDP))
	if response.StatusCode == http.StatusOK {
		s.etag = response.Header.Get("ETag")
		for _, name := range []string{"ice-ufrag", "ice-pwd"} {
			s.answer = regexp.MustCompile(`a=`+name+`:[^\r\n]*`).ReplaceAllString(s.answer, "a="+name+":"+valueOf(body, name))
		}
		s.take(s.answer)
	}
	say(map[string]any{"restart": response.StatusCode})
}

func main() {
	s := &session{peer: must(webrtc.NewPeerConnection(webrtc.Configuration{})), url: os.Args[2], token: os.Args[3]}
	s.peer.OnICECandidate(func(candidate *webrtc.ICECandidate) {
		if candidate != nil {
			s.candidates = append(s.candidates, candidate.ToJSON().Candidate)
		}
	})
	s.peer.OnICEConnectionStateChange(func(state webrtc.ICEConnectionState) { say(map[string]any{"ice": state.String()}) })
	s.peer.OnConnectionStateChange(func(state webrtc.PeerConnectionState) { say(map[string]any{"state": state.String()}) })
	if os.Args[1] == "whip" {
		s.publish()
	} else {
		s.play()
	}
	s.begin()
	input := bufio.NewScanner(os.Stdin)
	for input.Scan() {
		switch strings.TrimSpace(input.Text()) {
		case "restart":
			s.restart()
		case "leave":
			response, _ := s.ask(http.MethodDelete, s.url, "", "", "")
			say(map[string]any{"delete": response.StatusCode})
			return
		}
	}
}
