"""A participant on the LiveKit Python SDK, driven by a test over standard input and output.

Publishes a picture and a tone, and counts what it gets. Each line that it writes is a JSON object
with `event`; tests/support/robot.mjs says which lines it reads.
"""

import argparse
import asyncio
import json
import math
import sys

from livekit import rtc

WIDTH, HEIGHT, RATE = 960, 540, 48000


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
    async for event in rtc.VideoStream(track):
        frames += 1
        if frames % 20 == 0:
            say("received", kind="video", frames=frames, width=event.frame.width, **{"from": sender})


async def count_audio(track: rtc.Track, sender: str) -> None:
    loud = 0
    async for event in rtc.AudioStream(track):
        loud += any(abs(s) > 500 for s in memoryview(event.frame.data).cast("B").cast("h"))
        if loud and loud % 20 == 0:
            say("received", kind="audio", frames=loud, **{"from": sender})


def kind_of(publication) -> str:
    return "video" if publication.kind == rtc.TrackKind.KIND_VIDEO else "audio"


class Robot:
    def __init__(self) -> None:
        self.room = rtc.Room()
        self.tasks = set()
        self.published = {}
        self.data_track = None

    def begin(self, work) -> None:
        task = asyncio.ensure_future(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def listen(self) -> None:
        room = self.room

        def tell(event, fields) -> None:
            room.on(event, lambda *what: say(*fields(*what)[:1], **fields(*what)[1]))

        tell("participant_connected", lambda p: ("connected", {"identity": p.identity}))
        tell("participant_disconnected", lambda p: ("left", {"identity": p.identity}))
        tell("track_muted", lambda p, t: ("muted", {"from": p.identity}))
        tell("track_unmuted", lambda p, t: ("unmuted", {"from": p.identity}))
        tell("track_unpublished", lambda t, p: ("unpublished", {"from": p.identity, "kind": kind_of(t)}))
        tell("track_unsubscribed", lambda _, t, p: ("unsubscribed", {"from": p.identity, "kind": kind_of(t)}))
        tell("local_track_subscribed", lambda t: ("local-track-subscribed", {}))
        tell("active_speakers_changed", lambda all: ("speakers", {"identities": [p.identity for p in all]}))
        tell("connection_quality_changed", lambda p, q: ("quality", {"identity": p.identity}))
        tell("participant_permissions_changed", lambda p, r: ("rights", {"publish": r.can_publish}))
        tell("reconnecting", lambda: ("reconnecting", {}))
        tell("reconnected", lambda: ("reconnected", {}))
        tell("token_refreshed", lambda: ("refreshed", {}))
        tell("disconnected", lambda reason: ("disconnected", {"reason": rtc.DisconnectReason.Name(reason)}))
        for event in ("participant_attributes_changed", "participant_metadata_changed", "participant_name_changed"):
            room.on(event, lambda *what: self.say_people())
        room.on("track_subscribed", self.on_track)
        room.on("data_received", self.on_data)
        room.on("data_track_published", lambda track: self.begin(self.read_frames(track)))
        room.register_text_stream_handler("chat", lambda reader, who: self.begin(self.read_text(reader, who)))
        room.register_byte_stream_handler("files", lambda reader, who: self.begin(self.read_bytes(reader, who)))

    def say_people(self) -> None:
        for p in self.room.remote_participants.values():
            say("person", identity=p.identity, name=p.name, metadata=p.metadata, attributes=dict(p.attributes))

    def on_track(self, track, publication, participant) -> None:
        kind = kind_of(publication)
        say("subscribed", kind=kind, **{"from": participant.identity})
        self.begin((count_video if kind == "video" else count_audio)(track, participant.identity))

    def on_data(self, packet) -> None:
        is_lossy = packet.kind == rtc.DataPacketKind.KIND_LOSSY
        say("data", text=packet.data.decode(), lossy=is_lossy, **{"from": packet.participant.identity if packet.participant else ""})

    async def read_text(self, reader, who) -> None:
        say("text", text=await reader.read_all(), **{"from": who})

    async def read_bytes(self, reader, who) -> None:
        say("bytes", text=b"".join([chunk async for chunk in reader]).decode(), **{"from": who})

    async def read_frames(self, track) -> None:
        count = 0
        async for frame in track.subscribe():
            count += 1
            say("frame", text=bytes(frame.payload).decode(), count=count)

    async def join(self, url: str, token: str, options: rtc.RoomOptions) -> None:
        try:
            await self.room.connect(url, token, options)
        except rtc.ConnectError as error:
            say("refused", text=str(error))
            sys.exit(1)
        local = self.room.local_participant
        local.register_rpc_method("repeat", self.answer)
        others = [p.identity for p in self.room.remote_participants.values()]
        say("joined", sid=local.sid, others=others)

    async def answer(self, call: rtc.RpcInvocationData) -> str:
        return f"heard {call.payload}"

    async def publish_picture(self) -> None:
        source = rtc.VideoSource(WIDTH, HEIGHT)
        track = rtc.LocalVideoTrack.create_video_track("picture", source)
        options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_CAMERA, simulcast=True)
        self.published["picture"] = await self.room.local_participant.publish_track(track, options)
        self.begin(show_picture(source))

    async def publish(self) -> None:
        await self.publish_picture()
        source = rtc.AudioSource(RATE, 1)
        track = rtc.LocalAudioTrack.create_audio_track("tone", source)
        options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
        self.published["tone"] = await self.room.local_participant.publish_track(track, options)
        self.begin(sound_tone(source))

    def pictures(self):
        for participant in self.room.remote_participants.values():
            yield from (t for t in participant.track_publications.values() if kind_of(t) == "video")

    async def say_stats(self) -> None:
        stats = (await self.room.get_rtc_stats()).publisher_stats
        layers = [
            {"rid": one.outbound_rtp.outbound.rid, "packets": one.outbound_rtp.sent.packets_sent}
            for one in stats
            if one.HasField("outbound_rtp") and one.outbound_rtp.stream.kind == "video"
        ]
        ufrags = [one.transport.transport.ice_local_username_fragment for one in stats if one.HasField("transport")]
        say("stats", layers=layers, ufrag=ufrags[0] if ufrags else None)

    async def send_frames(self, name: str) -> None:
        self.data_track = await self.room.local_participant.publish_data_track(name=name)
        while self.data_track:
            self.data_track.try_push(rtc.DataTrackFrame(payload=name.encode()))
            await asyncio.sleep(0.05)

    async def stop_frames(self) -> None:
        track, self.data_track = self.data_track, None
        await track.unpublish()

    async def call(self, rest: str) -> None:
        who, _, payload = rest.partition(" ")
        text = await self.room.local_participant.perform_rpc(destination_identity=who, method="repeat", payload=payload)
        say("answer", text=text)

    async def change(self, rest: str) -> None:
        local, change = self.room.local_participant, json.loads(rest)
        await local.set_name(change["name"])
        await local.set_metadata(change["metadata"])
        await local.set_attributes(change["attributes"])

    async def obey(self, verb: str, rest: str) -> None:
        local = self.room.local_participant
        match verb:
            case "say" | "lossy":
                await local.publish_data(rest, reliable=verb == "say")
            case "publish":
                await self.publish()
                say("published")
            case "publish-picture":
                await self.publish_picture()
                say("published", kind="video")
            case "unpublish-picture":
                await local.unpublish_track(self.published["picture"].sid)
                say("unpublished-own")
            case "mute":
                self.published["tone"].track.mute()
            case "unmute":
                self.published["tone"].track.unmute()
            case "text":
                await local.send_text(rest, topic="chat")
            case "bytes":
                await local.send_bytes(rest.encode(), topic="files", name="a file")
            case "call":
                self.begin(self.call(rest))
            case "change":
                await self.change(rest)
            case "subscribe" | "unsubscribe":
                for publication in self.pictures():
                    publication.set_subscribed(verb == "subscribe")
            case "quality":
                low, high = rtc.VideoQuality.VIDEO_QUALITY_LOW, rtc.VideoQuality.VIDEO_QUALITY_HIGH
                for publication in self.pictures():
                    publication.set_video_quality(low if rest == "low" else high)
            case "permit" | "forbid":
                local.set_track_subscription_permissions(allow_all_participants=verb == "permit")
            case "simulate":
                await self.room.simulate_scenario(rtc.SimulateScenarioKind.SIMULATE_FULL_RECONNECT)
            case "frames":
                self.begin(self.send_frames(rest))
            case "no-frames":
                await self.stop_frames()
            case "stats":
                await self.say_stats()


def options_of(arguments) -> rtc.RoomOptions:
    options = rtc.RoomOptions(single_peer_connection=not arguments.two, dynacast=True)
    if arguments.key:
        keys = rtc.KeyProviderOptions(shared_key=arguments.key.encode())
        options.encryption = rtc.E2EEOptions(key_provider_options=keys)
    return options


async def main() -> None:
    words = argparse.ArgumentParser()
    words.add_argument("url")
    words.add_argument("token")
    words.add_argument("--two", action="store_true", help="a connection for each direction")
    words.add_argument("--quiet", action="store_true", help="publishes nothing by itself")
    words.add_argument("--key", help="for end-to-end encryption")
    arguments = words.parse_args()
    robot = Robot()
    robot.listen()
    await robot.join(arguments.url, arguments.token, options_of(arguments))
    if not arguments.quiet:
        await robot.publish()

    commands = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(commands), sys.stdin
    )
    while line := (await commands.readline()).decode().strip():
        verb, _, rest = line.partition(" ")
        if verb == "leave":
            break
        try:
            await robot.obey(verb, rest)
        except Exception as error:  # whatever it is, the test reads it
            say("error", text=f"{verb}: {error!r}")
    for task in list(robot.tasks):
        task.cancel()
    await robot.room.disconnect()


asyncio.run(main())
