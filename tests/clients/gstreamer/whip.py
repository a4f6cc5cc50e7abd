"""A WHIP publisher from GStreamer: webrtcbin, and RFC 9725 with the standard library.

    python3 whip.py URL TOKEN

Publishes a test picture (VP8) and a tone (Opus). Prints a JSON object a line: the answer's status,
then the connection's states. The line `leave` on standard input sends DELETE and ends.
"""

import json
import sys
import threading
import urllib.error
import urllib.parse
import urllib.request

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstWebRTC", "1.0")
gi.require_version("GstSdp", "1.0")
from gi.repository import GLib, Gst, GstSdp, GstWebRTC  # noqa: E402

PIPELINE = """
webrtcbin name=peer bundle-policy=max-bundle
videotestsrc is-live=true pattern=ball ! video/x-raw,width=320,height=240,framerate=15/1
  ! vp8enc deadline=1 keyframe-max-dist=30 target-bitrate=300000 ! rtpvp8pay pt=96 picture-id-mode=15-bit
  ! application/x-rtp,media=video,encoding-name=VP8,payload=96 ! peer.
audiotestsrc is-live=true freq=440 ! audioconvert ! audioresample ! opusenc ! rtpopuspay pt=111
  ! application/x-rtp,media=audio,encoding-name=OPUS,payload=111 ! peer.
"""
FRAGMENT = "application/trickle-ice-sdpfrag"


def say(**values):
    print(json.dumps(values), flush=True)


def line_of(sdp, name):
    return next(line.split(":", 1)[1] for line in sdp.splitlines() if line.startswith(f"a={name}:"))


class Publisher:
    def __init__(self, url, token):
        self.url, self.token = url, token
        self.session, self.etag = None, None
        self.candidates = []
        self.pipeline = Gst.parse_launch(PIPELINE)
        self.peer = self.pipeline.get_by_name("peer")
        self.peer.connect("on-negotiation-needed", self.on_negotiation_needed)
        self.peer.connect("on-ice-candidate", self.on_candidate)
        self.peer.connect("notify::connection-state", lambda peer, _: say(state=peer.props.connection_state.value_nick))
        self.peer.connect("notify::ice-gathering-state", self.on_gathering)

    def request(self, method, url, body=None, **headers):
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(url, method=method, data=body.encode() if body else None,
                                         headers={"Authorization": f"Bearer {self.token}", **named})
        try:
            with urllib.request.urlopen(request) as response:
                return response.status, response.headers, response.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.headers, error.read().decode()

    def on_negotiation_needed(self, _):
        promise = Gst.Promise.new_with_change_func(self.on_offer, None)
        self.peer.emit("create-offer", None, promise)

    def on_offer(self, promise, _):
        reply = promise.get_reply()  # holds what is taken from it
        offer = reply.get_value("offer")
        self.offer = offer.sdp.as_text()
        self.peer.emit("set-local-description", offer, Gst.Promise.new())
        status, headers, body = self.request("POST", self.url, self.offer, Content_Type="application/sdp")
        say(post=status, location=headers.get("Location"), body=None if status == 201 else body)
        if status != 201:
            loop.quit()
            return
        self.session, self.etag = urllib.parse.urljoin(self.url, headers["Location"]), headers["ETag"]
        self.answer = body
        self.take_answer(body)

    def take_answer(self, text):
        _, message = GstSdp.SDPMessage.new_from_text(text)
        answer = GstWebRTC.WebRTCSessionDescription.new(GstWebRTC.WebRTCSDPType.ANSWER, message)
        self.peer.emit("set-remote-description", answer, Gst.Promise.new())

    def on_candidate(self, _, index, candidate):
        self.candidates.append(candidate)

    def on_gathering(self, peer, _):
        if peer.props.ice_gathering_state != GstWebRTC.WebRTCICEGatheringState.COMPLETE or not self.session:
            return
        body = "\r\n".join([f"a=ice-ufrag:{line_of(self.offer, 'ice-ufrag')}", f"a=ice-pwd:{line_of(self.offer, 'ice-pwd')}", "m=audio 9 UDP/TLS/RTP/SAVPF 0",
                            f"a=mid:{line_of(self.offer, 'mid')}", *(f"a={c}" for c in self.candidates), "a=end-of-candidates", ""])
        status, _, _ = self.request("PATCH", self.session, body, Content_Type=FRAGMENT, If_Match=self.etag)
        say(trickle=status, candidates=len(self.candidates))

    def leave(self):
        status, _, _ = self.request("DELETE", self.session)
        say(delete=status)
        loop.quit()


def listen(publisher):
    for line in sys.stdin:
        if line.strip() == "leave":
            GLib.idle_add(publisher.leave)


Gst.init(None)
loop = GLib.MainLoop()
whip = Publisher(*sys.argv[1:3])
threading.Thread(target=listen, args=(whip,), daemon=True).start()
whip.pipeline.set_state(Gst.State.PLAYING)
loop.run()
whip.pipeline.set_state(Gst.State.NULL)
