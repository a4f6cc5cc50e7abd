// LiveKit's own load test, as `lk load-test` runs it, from the module of livekit-cli: the command itself has dependencies
// that no test needs. Its report goes to standard output.
package main

import (
	"context"
	"flag"
	"log"
	"time"

	"github.com/livekit/livekit-cli/v2/pkg/loadtester"
	"github.com/livekit/protocol/logger"
)

func main() {
	url := flag.String("url", "", "of the node")
	key := flag.String("api-key", "", "of an account")
	secret := flag.String("api-secret", "", "of that key")
	room := flag.String("room", "", "to meet in")
	publishers := flag.Int("video-publishers", 1, "how many")
	subscribers := flag.Int("subscribers", 1, "how many")
	resolution := flag.String("video-resolution", "high", "high, medium or low")
	codec := flag.String("video-codec", "h264", "h264 or vp8")
	perSecond := flag.Float64("num-per-second", 5, "how many join in a second")
	duration := flag.Duration("duration", 15*time.Second, "after the last one joined")
	flag.Parse()
	logger.InitFromConfig(&logger.Config{Level: "error"}, "load")

	params := loadtester.Params{
		VideoPublishers: *publishers,
		Subscribers:     *subscribers,
		VideoResolution: *resolution,
		VideoCodec:      *codec,
		Duration:        *duration,
		NumPerSecond:    *perSecond,
		Simulcast:       true,
		TesterParams: loadtester.TesterParams{
			URL: *url, APIKey: *key, APISecret: *secret, Room: *room, Layout: loadtester.LayoutSpeaker,
		},
	}
	if err := loadtester.NewLoadTest(params).Run(context.Background()); err != nil {
		log.Fatal(err)
	}
}
