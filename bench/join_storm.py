#!/usr/bin/env python3
"""A meeting that goes on while hundreds join another one on the same worker.

Starts build/release/meridian with one worker and runs build/release/bench/meridian_load in one room, once undisturbed and once while a second
meridian_load joins another room as fast as it can. One table and build/join-storm.json; docs/benchmarks.md explains the columns.
"""
import argparse
import json
import pathlib
import subprocess
import tempfile
import threading

import servers

WARM_UP = 4  # seconds until the estimates of everybody's way have grown


def load(node, room, flags, limit):
    command = [servers.LOAD, *node.flags, "--room", room, *flags]
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=limit, check=False)
    found = next(iter(servers.results(done.stdout)), {})
    if done.returncode != 0 or not found:
        found["error"] = done.stderr.strip() or "nothing was measured"
    return found


def meeting(node, options):
    flags = ["--publishers", 1, "--subscribers", options.watching, "--burst", 8, "--video", "--warm-up", WARM_UP, "--seconds", options.seconds]
    return load(node, "calm", flags, options.seconds + 60)


def storm(node, options, found):
    flags = ["--publishers", 2, "--subscribers", options.joining - 2, "--audio", "--seconds", 1]
    found.update(load(node, "storm", flags, 120))


def measure(options, is_stormy):
    with tempfile.TemporaryDirectory() as folder:
        node = servers.Meridian(folder)
        try:
            joined = {}
            later = threading.Timer(WARM_UP + 1.5, storm, (node, options, joined))
            if is_stormy:
                later.start()
            calm = meeting(node, options)
            if is_stormy:
                later.join()
            values = node.scrape()
        finally:
            node.stop()
    refused = sum(count for name, count in values.items() if name.startswith("meridian_drops_total") and "handshakes_full" in name)
    return {"calm": calm, "storm": joined, "handshakes_refused": refused}


def row(name, found):
    calm, joined = found["calm"], found["storm"]
    for part in (calm, joined):
        if "error" in part:
            print(f"{name:<12}{part['error']}")
            return
    joins = f"{joined['connected']:>8}{joined['connected'] / joined['join_seconds']:>9.0f}{joined['join_ms_median']:>10.0f}{joined['join_ms_max']:>9.0f}" \
        if joined else f"{'-':>8}{'-':>9}{'-':>10}{'-':>9}"
    print(f"{name:<12}{calm['delay_ms_p50']:>11.2f}{calm['delay_ms_p99']:>9.2f}{calm['lost']:>7}{calm['freezes']:>9}{joins}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--joining", type=int, default=200)
    parser.add_argument("--watching", type=int, default=20)
    parser.add_argument("--seconds", type=int, default=6, help="that are measured of the meeting")
    parser.add_argument("--json", default=servers.ROOT / "build/join-storm.json")
    options = parser.parse_args()
    servers.require(servers.NODE, servers.LOAD)
    servers.raise_open_files()
    print(f"{'':<12}{'delay p50':>11}{'p99 ms':>9}{'lost':>7}{'freezes':>9}{'joined':>8}{'a second':>9}{'median ms':>10}{'slowest':>9}")
    found = {}
    for name, is_stormy in (("calm", False), ("join storm", True)):
        found[name] = measure(options, is_stormy)
        row(name, found[name])
    pathlib.Path(options.json).write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
