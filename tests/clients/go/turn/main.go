// A TURN client (pion) that asks for other peers than the node. It takes a URL's address and credentials,
// allocates over TLS, TCP or UDP, and prints one JSON line for each thing that it asked for.
package main

import (
	"crypto/tls"
	"encoding/json"
	"flag"
	"net"
	"os"
	"strings"

	"github.com/pion/logging"
	"github.com/pion/turn/v5"
)

type line struct {
	Asked   string `json:"asked"`
	Granted string `json:"granted,omitempty"`
	Refused string `json:"refused,omitempty"`
}

func dial(transport, address string) (net.PacketConn, error) {
	switch transport {
	case "tls":
		// What is tested is whom the server relays to, not who it is.
		connection, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			return nil, err
		}
		return turn.NewSTUNConn(connection), nil
	case "tcp":
		connection, err := net.Dial("tcp", address)
		if err != nil {
			return nil, err
		}
		return turn.NewSTUNConn(connection), nil
	default:
		return net.ListenPacket("udp4", "0.0.0.0:0")
	}
}

func main() {
	transport := flag.String("transport", "tls", "tls, tcp or udp")
	address := flag.String("address", "", "HOST:PORT of the server")
	username := flag.String("username", "", "")
	password := flag.String("password", "", "")
	peers := flag.String("peers", "", "HOST:PORT,… to ask for")
	flag.Parse()
	out := json.NewEncoder(os.Stdout)
	say := func(asked, granted string, err error) bool {
		result := line{Asked: asked, Granted: granted}
		if err != nil {
			result.Refused = err.Error()
		}
		_ = out.Encode(result)
		return err == nil
	}

	connection, err := dial(*transport, *address)
	if !say("connect", *address, err) {
		return
	}
	client, err := turn.NewClient(&turn.ClientConfig{
		TURNServerAddr: *address, Conn: connection, Username: *username, Password: *password, Realm: "meridian",
		LoggerFactory: logging.NewDefaultLoggerFactory(),
	})
	if !say("client", "", err) {
		return
	}
	defer client.Close()
	if !say("listen", "", client.Listen()) {
		return
	}
	relay, err := client.Allocate()
	if err != nil {
		say("allocate", "", err)
		return
	}
	say("allocate", relay.LocalAddr().String(), nil)
	for _, peer := range strings.Split(*peers, ",") {
		to, err := net.ResolveUDPAddr("udp", peer)
		if err == nil {
			err = client.CreatePermission(to)
		}
		say(peer, "permission", err)
	}
	say("close", "", relay.Close())
}
