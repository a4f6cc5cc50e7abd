"""livekit-cli's publishers with clips, which its module on the Go proxy has only as pointers of Git LFS.

    python3 clips.py MODULE FOLDER

FOLDER becomes a module with the packages of MODULE that its load test is made of, and a clip for each
pointer in pkg/provider/resources (picture_HEIGHT_KBPS.ivf or .h264, sound.ogg), made here.
"""

import pathlib
import re
import shutil
import struct
import sys

import gi

gi.require_version("Gst", "1.0")
from gi.repository import Gst  # noqa: E402

FPS = {180: 15, 360: 20, 720: 30}
SECONDS = 2


def encoded(pipeline: str) -> list:
    """What comes out of a pipeline, buffer by buffer."""
    running = Gst.parse_launch(f"{pipeline} ! appsink name=out sync=false")
    running.set_state(Gst.State.PLAYING)
    out, buffers = running.get_by_name("out"), []
    while sample := out.emit("pull-sample"):
        buffer = sample.get_buffer()
        buffers.append(buffer.extract_dup(0, buffer.get_size()))
    running.set_state(Gst.State.NULL)
    return buffers


def picture(width: int, height: int, fps: int, encoder: str) -> list:
    return encoded(
        f"videotestsrc pattern=zone-plate kx2=20 ky2=20 kt=1 num-buffers={fps * SECONDS} "
        f"! video/x-raw,format=I420,width={width},height={height},framerate={fps}/1 ! {encoder}"
    )


def clip(name: str) -> bytes:
    if name.endswith(".ogg"):
        source = f"audiotestsrc freq=440 num-buffers={SECONDS * 50} samplesperbuffer=960"
        return b"".join(encoded(f"{source} ! audio/x-raw,rate=48000,channels=2 ! opusenc ! oggmux max-page-delay=1"))  # a packet a page
    portrait, size, kbps = re.fullmatch(r"\w+_(p?)(\d+)_(\d+)\.\w+", name).groups()
    short = int(size)
    width, height = (short, short * 4 // 3) if portrait else (short * 16 // 9, short)
    fps = FPS.get(short, 30)
    if name.endswith(".h264"):
        encoder = f"openh264enc rate-control=bitrate bitrate={int(kbps) * 1000} gop-size={fps} ! video/x-h264,stream-format=byte-stream"
        return b"".join(picture(width, height, fps, encoder))
    encoder = f"vp8enc deadline=1 cpu-used=8 keyframe-max-dist={fps} target-bitrate={int(kbps) * 1000}"
    frames = picture(width, height, fps, encoder)
    head = struct.pack("<4sHH4sHHIIII", b"DKIF", 0, 32, b"VP80", width, height, fps, 1, len(frames), 0)
    return head + b"".join(struct.pack("<IQ", len(f), n) + f for n, f in enumerate(frames))


def main() -> None:
    Gst.init(None)
    module, folder = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    for name in ("loadtester", "provider", "util"):
        shutil.copytree(module / "pkg" / name, folder / "pkg" / name, copy_function=shutil.copyfile)
    for made in [folder, *folder.rglob("*")]:
        made.chmod(0o755 if made.is_dir() else 0o644)
    for pointer in (folder / "pkg/provider/resources").iterdir():
        if pointer.suffix != ".md":
            pointer.write_bytes(clip(pointer.name))
    shutil.copyfile(module / "go.mod", folder / "go.mod")  # last: with it, the module is complete


if __name__ == "__main__":
    main()
