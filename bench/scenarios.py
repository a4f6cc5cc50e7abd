#!/usr/bin/env python3
"""Scenarios against a whole node: what it takes for the packets that it forwards, and how long they stay.

Starts build/release/meridian for each row, with one worker unless the row says otherwise, puts
build/release/bench/meridian_load on it, and reads the node's own accounting meanwhile (/proc and /metrics). One table and one JSON file.
Everything goes over loopback, which charges the receiver's side of the kernel to the sender, and the
load client shares the machine: compare rows of one run. docs/benchmarks.md explains the columns.
"""
import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import threading
import time

import servers
import side_by_side

CORES = os.cpu_count() or 1

# scenario: rows of (publishers, subscribers, further flags of meridian_load, workers)
SCENARIOS = {
    "livestream": [(1, n, [], 1) for n in (20, 50, 100)],
    "audio-room": [(10, n, ["--audio"], 1) for n in (20, 50)],
    "meeting": [(4, 4, [], 1), (10, 10, [], 1)],
    # The same stream to each: a packet should cost the same however many get it.
    "cost": [(1, n, ["--video", "--burst", "8", "--fps", "10"], 1) for n in (20, 50, 100, 200, 500, 1000)],
    # One room on every core: the same room on one worker, and spread evenly.
    "large-room": [(1, 80, [], workers) for workers in sorted({1, 2, CORES})],
}


def total(values, pattern):
    return sum(value for name, value in values.items() if re.search(pattern, name))


class Node(servers.Meridian):
    """The process under test, and samples of what it says of itself."""

    def __init__(self, folder, workers, people):
        super().__init__(folder, workers, -(-people // workers))
        self.samples = []
        self.is_over = False
        self.rss_at_start = self.rss()

    def watch(self):
        while not self.is_over:
            try:
                self.samples.append((time.monotonic(), self.cpu(), self.rss(), self.scrape()))
            except (OSError, ValueError):
                pass
            time.sleep(0.5)

    def stop(self):
        self.is_over = True
        super().stop()


MEDIA_OUT = r'packets_total\{direction="out",kind="rtp_'
DATAGRAMS_OUT = r'packets_total\{direction="out",kind="(?!relay)'
RELAYED_OUT = r'packets_total\{direction="out",kind="relay"'


def steady(samples, warm_up):
    """First and last sample of the longest time in which at least half of the highest rate was sent,
    but for its first seconds, in which people join and estimates of their ways grow."""
    rates = [(b[0], (total(b[3], MEDIA_OUT) - total(a[3], MEDIA_OUT)) / (b[0] - a[0]))
             for a, b in zip(samples, samples[1:])]
    highest = max((rate for _, rate in rates), default=0)
    if highest <= 0:
        return None
    best, start = (0, 0), None
    for index, (_, rate) in enumerate(rates + [(0, 0)]):
        if rate >= highest / 2:
            start = index if start is None else start
        elif start is not None:
            best = max(best, (start, index), key=lambda span: span[1] - span[0])
            start = None
    first, last = best
    while first + 2 < last and samples[first][0] < samples[best[0]][0] + warm_up:
        first += 1
    return samples[first], samples[last]


def percentile(before, after, share):
    """Milliseconds, from the buckets of the time in the node: the upper bound of where it falls."""
    buckets = []
    for name, value in after.items():
        found = re.search(r'forward_latency_seconds_bucket\{.*le="([^"]+)"', name)
        if found:
            buckets.append((float(found.group(1).replace("+Inf", "inf")), value - before.get(name, 0)))
    buckets.sort()
    if not buckets or buckets[-1][1] <= 0:
        return None
    wanted = share * buckets[-1][1]
    bound = next(bound for bound, count in buckets if count >= wanted)
    return bound * 1000


def run_row(scenario, publishers, subscribers, flags, workers, options):
    with tempfile.TemporaryDirectory() as folder:
        node = Node(folder, workers, publishers + subscribers)
        watcher = threading.Thread(target=node.watch)
        watcher.start()
        try:
            load = subprocess.run(
                [servers.LOAD, *node.flags, "--publishers", str(publishers), "--subscribers", str(subscribers), "--seconds", str(options.seconds),
                 "--warm-up", str(options.warm_up), *flags], capture_output=True, text=True,
                timeout=options.seconds + options.warm_up + 120, check=False)
        finally:
            node.stop()
            watcher.join()
    client = next(iter(servers.results(load.stdout)), {})
    row = {"scenario": scenario, "publishers": publishers, "subscribers": subscribers, "workers": workers, "client": client}
    span = steady(node.samples, options.warm_up)
    if span is None:
        row["error"] = (load.stderr or "nothing was forwarded").strip()
        return row
    (t0, cpu0, _, first), (t1, cpu1, rss, last) = span

    def grown(pattern):
        return total(last, pattern) - total(first, pattern)

    forwarded = grown(MEDIA_OUT)
    bits = 8 * grown(r'bytes_total\{direction="out",kind="rtp_')
    row.update({
        "seconds": t1 - t0,
        "packets_per_second": forwarded / (t1 - t0),
        "cpu_share": (cpu1 - cpu0) / (t1 - t0),
        "us_per_packet": 1e6 * (cpu1 - cpu0) / forwarded,
        "packets_per_cpu_second": forwarded / max(cpu1 - cpu0, 1e-9),
        "gbit_per_cpu_second": bits / max(cpu1 - cpu0, 1e-9) / 1e9,
        "send_calls_per_packet": grown(r"send_calls_total") / forwarded,
        "datagrams_per_message": grown(DATAGRAMS_OUT) / max(grown(r"messages_sent_total"), 1),
        "relayed_per_packet": grown(RELAYED_OUT) / forwarded,
        "people": sorted(int(value) for name, value in last.items() if name.startswith("meridian_worker_participants{")),
        "dwell_ms_p50": percentile(first, last, 0.5),
        "dwell_ms_p99": percentile(first, last, 0.99),
        "kb_per_participant": (rss - node.rss_at_start) / 1024 / (publishers + subscribers),
    })
    return row


COLUMNS = [("packets_per_second", "packets/s", "%.0f"), ("cpu_share", "CPU", "%.2f"), ("us_per_packet", "us/packet", "%.2f"),
           ("gbit_per_cpu_second", "Gbit/s/core", "%.2f"), ("send_calls_per_packet", "sends/packet", "%.3f"),
           ("datagrams_per_message", "dgrams/msg", "%.1f"), ("relayed_per_packet", "relayed/pkt", "%.3f"), ("dwell_ms_p50", "dwell p50", "<%.2f"),
           ("dwell_ms_p99", "dwell p99", "<%.2f"), ("kb_per_participant", "KB/person", "%.0f")]


def run_scenarios(options):
    rows = []
    print(f"{'scenario':<12}{'workers':>8}{'publish':>8}{'receive':>8}" + "".join(f"{head:>13}" for _, head, _ in COLUMNS) + f"{'join ms':>9}{'lost':>7}")
    for scenario in options.scenarios or SCENARIOS:
        for publishers, subscribers, flags, workers in SCENARIOS[scenario]:
            row = run_row(scenario, publishers, subscribers, flags, workers, options)
            rows.append(row)
            cells = "".join(f"{(form % row[key]) if row.get(key) is not None else '-':>13}" for key, _, form in COLUMNS)
            client = row["client"]
            print(f"{scenario:<12}{workers:>8}{publishers:>8}{subscribers:>8}{cells}{client.get('join_ms_median', 0):>9.0f}"
                  f"{client.get('lost', 0):>7}{'  ' + row['error'] if 'error' in row else ''}", flush=True)
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("scenarios", nargs="*", choices=[*SCENARIOS, "side-by-side", []],
                        help=", ".join(SCENARIOS) + "; or side-by-side alone", metavar="SCENARIO")
    parser.add_argument("--seconds", type=int, default=6, help="that are measured, of each row and run")
    parser.add_argument("--warm-up", type=int, default=4, help="seconds before those that are measured")
    parser.add_argument("--json", help="build/scenarios.json or build/side-by-side.json unless told")
    beside = parser.add_argument_group("side-by-side")
    beside.add_argument("--rows", nargs="+", choices=side_by_side.ROWS, help="all unless told")
    beside.add_argument("--runs", type=int, default=5, help="of each row and server; the median counts")
    beside.add_argument("--single", action="store_true", help="clients send and read packet by packet")
    beside.add_argument("--threads", action="store_true", help="also Janus with a thread for each connection")
    beside.add_argument("--url", help="of a LiveKit server that runs on this machine, ws://…")
    beside.add_argument("--pid", type=int, help="of its process")
    beside.add_argument("--key", default="devkey")
    beside.add_argument("--secret", default="secret")
    beside.add_argument("--name", default="other")
    options = parser.parse_args()
    servers.raise_open_files()
    servers.require(servers.NODE, servers.LOAD)
    if bool(options.url) != bool(options.pid):
        sys.exit("bench/scenarios.py: --url and --pid belong together")
    is_beside = "side-by-side" in options.scenarios
    if is_beside and len(options.scenarios) > 1:
        sys.exit("bench/scenarios.py: side-by-side runs alone")
    found = side_by_side.run(options) if is_beside else run_scenarios(options)
    file = servers.ROOT / "build" / ("side-by-side.json" if is_beside else "scenarios.json")
    pathlib.Path(options.json or file).write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
