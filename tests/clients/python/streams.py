"""WHIP and WHEP on aiortc, an implementation of WebRTC in Python (RFC 9725).

    python3 streams.py whip|whep URL TOKEN

Publishes a picture (VP8) and a tone (Opus), or plays. Prints a JSON object a line; the line
`leave` on standard input sends DELETE and ends. aiortc gathers before it offers and cannot restart ICE.
"""

import asyncio
import fractions
import json
import math
import struct
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

import av
from aiortc import AudioStreamTrack, RTCPeerConnection, RTCSessionDescription, VideoStreamTrack
from aiortc.mediastreams import MediaStreamError

RATE, SAMPLES = 48000, 960


def say(**values) -> None:
    print(json.dumps(values), flush=True)


class Picture(VideoStreamTrack):
    shade = 0

    async def recv(self):
        pts, time_base = await self.next_timestamp()
        self.shade = (self.shade + 7) % 256
        frame = av.VideoFrame(320, 240, "yuv420p")
        for plane in frame.planes:
            plane.update(bytes([self.shade]) * plane.buffer_size)
        frame.pts, frame.time_base = pts, time_base
        return frame


class Tone(AudioStreamTrack):
    position, begun = 0, None

    async def recv(self):
        self.begun = self.begun or time.time()
        await asyncio.sleep(max(0.0, self.begun + self.position / RATE - time.time()))
        angles = (2 * math.pi * 440 * (self.position + i) / RATE for i in range(SAMPLES))
        frame = av.AudioFrame(format="s16", layout="mono", samples=SAMPLES)
        frame.planes[0].update(struct.pack(f"<{SAMPLES}h", *(int(8000 * math.sin(a)) for a in angles)))
        frame.pts, frame.sample_rate = self.position, RATE
        frame.time_base = fractions.Fraction(1, RATE)
        self.position += SAMPLES
        return frame


async def count(track) -> None:
    frames = 0
    while True:
        try:
            frame = await track.recv()
        except MediaStreamError:
            return
        frames += track.kind == "video" or any(b for b in bytes(frame.planes[0])[:64])
        if frames and frames % 20 == 0:
            say(received=track.kind, frames=frames)


def request(method, url, token, body=None, **headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    asked = urllib.request.Request(
        url,
        method=method,
        data=body.encode() if body else None,
        headers={"Authorization": f"Bearer {token}", **named},
    )
    try:
        with urllib.request.urlopen(asked) as response:
            return response.status, response.headers, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read().decode()


async def main() -> None:
    what, url, token = sys.argv[1:4]
    peer = RTCPeerConnection()
    tasks = []
    peer.on("connectionstatechange", lambda: say(state=peer.connectionState))
    peer.on("track", lambda track: tasks.append(asyncio.ensure_future(count(track))))
    if what == "whip":
        for track in (Tone(), Picture()):
            peer.addTransceiver(track, direction="sendonly")
    else:
        for kind in ("audio", "video"):
            peer.addTransceiver(kind, direction="recvonly")
    await peer.setLocalDescription(await peer.createOffer())
    status, headers, body = await asyncio.to_thread(
        request, "POST", url, token, peer.localDescription.sdp, Content_Type="application/sdp"
    )
    say(post=status, body=None if status == 201 else body)
    if status != 201:
        return
    await peer.setRemoteDescription(RTCSessionDescription(sdp=body, type="answer"))
    commands = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(commands), sys.stdin
    )
    while line := await commands.readline():
        if line.strip() == b"leave":
            break
    session = urllib.parse.urljoin(url, headers["Location"])
    say(delete=(await asyncio.to_thread(request, "DELETE", session, token))[0])
    await peer.close()


asyncio.run(main())
