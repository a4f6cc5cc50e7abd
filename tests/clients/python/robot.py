"""A participant on the LiveKit Python SDK, driven by a test over standard input and output.

Publishes a picture and a tone, and counts what it gets. Each line that it writes is a JSON object
with `event`; the lines that it reads are `say TEXT` and `leave`.
"""

import argparse
import asyncio
import json
import math
import sys

from livekit import rtc

WIDTH, HEIGHT, RATE = 640, 360, 48000


def say(event: str, **fields) -> None:
    print(json.dumps({"event": event, **fields}), flush=True)


async def show_picture(source: rtc.VideoSource) -> None:
    shade = 0
    while True:
        shade = (shade + 7) % 256
        pixels = bytes([shade, 255 - shade, 128, 255]) * (WIDTH * HEIGHT)
        source.capture_frame(rtc.VideoFrame(WIDTH, HEIGHT, rtc.VideoBufferType.RGBA, pixels))
        await asyncio.sleep(1 / 15)


async def sound_tone(source: rtc.AudioSource) -> None:
    position = 0
    while True:
        frame = rtc.AudioFrame.create(RATE, 1, RATE // 100)
        samples = memoryview(frame.data).cast("B").cast("h")
        for i in range(len(samples)):
            samples[i] = int(8000 * math.sin(2 * math.pi * 440 * (position + i) / RATE))
        position += len(samples)
        await source.capture_frame(frame)


async def count_video(track: rtc.Track, sender: str) -> None:
    frames = 0
    async for _ in rtc.VideoStream(track):
        frames += 1
        if frames % 20 == 0:
            say("received", kind="video", frames=frames, **{"from": sender})


async def count_audio(track: rtc.Track, sender: str) -> None:
    loud = 0
    async for event in rtc.AudioStream(track):
        loud += any(abs(s) > 500 for s in memoryview(event.frame.data).cast("B").cast("h"))
        if loud == 20:
            say("received", kind="audio", frames=loud, **{"from": sender})


async def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("url")
    arguments.add_argument("token")
    arguments.add_argument("--two", action="store_true", help="a connection for each direction")
    options = arguments.parse_args()
    room = rtc.Room()
    tasks = set()

    def begin(work) -> None:
        task = asyncio.ensure_future(work)
        tasks.add(task)

    @room.on("track_subscribed")
    def on_track(track, publication, participant) -> None:
        is_video = track.kind == rtc.TrackKind.KIND_VIDEO
        begin((count_video if is_video else count_audio)(track, participant.identity))

    @room.on("data_received")
    def on_data(packet) -> None:
        say("data", text=packet.data.decode(), **{"from": packet.participant.identity})

    await room.connect(
        options.url, options.token, rtc.RoomOptions(single_peer_connection=not options.two)
    )
    say("joined", sid=room.local_participant.sid)
    picture, tone = rtc.VideoSource(WIDTH, HEIGHT), rtc.AudioSource(RATE, 1)
    for track, source in (
        (rtc.LocalVideoTrack.create_video_track("picture", picture), rtc.TrackSource.SOURCE_CAMERA),
        (rtc.LocalAudioTrack.create_audio_track("tone", tone), rtc.TrackSource.SOURCE_MICROPHONE),
    ):
        await room.local_participant.publish_track(track, rtc.TrackPublishOptions(source=source))
    begin(show_picture(picture))
    begin(sound_tone(tone))

    commands = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(commands), sys.stdin
    )
    while line := (await commands.readline()).decode().strip():
        verb, _, rest = line.partition(" ")
        if verb == "leave":
            break
        if verb == "say":
            await room.local_participant.publish_data(rest, reliable=True)
    for task in tasks:
        task.cancel()
    await room.disconnect()


asyncio.run(main())
