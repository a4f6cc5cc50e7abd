#!/usr/bin/env python3
"""Scenarios against a whole node: what it takes for the packets that it forwards, and how long they stay.

Starts build/release/meridian with one worker for each row, puts build/release/bench/meridian_load on
it, and reads the node's own accounting meanwhile (/proc and /metrics). One table and one JSON file.
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
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
NODE = ROOT / "build/release/meridian"
LOAD = ROOT / "build/release/bench/meridian_load"
TICKS = os.sysconf("SC_CLK_TCK")
CONFIG = """
regions:
  - {id: bench, name: Bench, jurisdictions: [bench], latitude: 0, longitude: 0, url: "ws://127.0.0.1:17880"}
pools:
  - region: bench
    workers: 1
    signalling: ["127.0.0.1:17880"]
    media: {address: 127.0.0.1, port: 17900}
accounts:
  - id: bench
    name: Bench
    default_region: bench
    api_keys: [{key: benchkey, secret: benchsecret}]
metrics: {listen: "127.0.0.1:17888"}
data_dir: %s
log: {level: warning}
shed_load: false
"""

# scenario: rows of (publishers, subscribers, further flags of meridian_load)
SCENARIOS = {
    "livestream": [(1, n, []) for n in (20, 50, 100)],
    "audio-room": [(10, n, ["--audio"]) for n in (20, 50)],
    "meeting": [(4, 4, []), (10, 10, [])],
    "cost": [(1, n, ["--video"]) for n in (20, 50, 100, 200)],
}


def scrape():
    with urllib.request.urlopen("http://127.0.0.1:17888/metrics", timeout=2) as page:
        text = page.read().decode()
    values = {}
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        name, _, value = line.rpartition(" ")
        values[name] = values.get(name, 0.0) + float(value)
    return values


def total(values, pattern):
    return sum(value for name, value in values.items() if re.search(pattern, name))


class Node:
    """The process under test, and samples of what it says of itself."""

    def __init__(self, folder):
        config = pathlib.Path(folder) / "bench.yaml"
        config.write_text(CONFIG % (pathlib.Path(folder) / "data"))
        self.process = subprocess.Popen([NODE, "serve", "--config", config], stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        self.samples = []
        self.is_over = False
        for _ in range(100):
            try:
                scrape()
                break
            except OSError:
                time.sleep(0.1)
        else:
            raise RuntimeError("the node does not answer")
        self.rss_at_start = self.rss()

    def cpu(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def rss(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status).group(1)) * 1024

    def watch(self):
        while not self.is_over:
            try:
                self.samples.append((time.monotonic(), self.cpu(), self.rss(), scrape()))
            except (OSError, ValueError):
                pass
            time.sleep(0.5)

    def stop(self):
        self.is_over = True
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()


MEDIA_OUT = r'packets_total\{direction="out",kind="rtp_'


def steady(samples):
    """First and last sample of the longest time in which at least half of the highest rate was sent."""
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
    return samples[best[0]], samples[best[1]]


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


def run_row(scenario, publishers, subscribers, flags, seconds):
    with tempfile.TemporaryDirectory() as folder:
        node = Node(folder)
        watcher = threading.Thread(target=node.watch)
        watcher.start()
        try:
            load = subprocess.run(
                [LOAD, "--url", "ws://127.0.0.1:17880", "--api-key", "benchkey", "--api-secret", "benchsecret",
                 "--publishers", str(publishers), "--subscribers", str(subscribers), "--seconds", str(seconds),
                 *flags], capture_output=True, text=True, timeout=seconds + 120, check=False)
        finally:
            node.stop()
            watcher.join()
    client = next((json.loads(line) for line in load.stdout.splitlines() if line.startswith("{")), {})
    row = {"scenario": scenario, "publishers": publishers, "subscribers": subscribers, "client": client}
    span = steady(node.samples)
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
        "datagrams_per_message": grown(r'packets_total\{direction="out"') / max(grown(r"messages_sent_total"), 1),
        "dwell_ms_p50": percentile(first, last, 0.5),
        "dwell_ms_p99": percentile(first, last, 0.99),
        "kb_per_participant": (rss - node.rss_at_start) / 1024 / (publishers + subscribers),
    })
    return row


COLUMNS = [("packets_per_second", "packets/s", "%.0f"), ("cpu_share", "CPU", "%.2f"), ("us_per_packet", "us/packet", "%.2f"),
           ("gbit_per_cpu_second", "Gbit/s/core", "%.2f"), ("send_calls_per_packet", "sends/packet", "%.3f"),
           ("datagrams_per_message", "dgrams/msg", "%.1f"), ("dwell_ms_p50", "dwell p50", "<%.2f"),
           ("dwell_ms_p99", "dwell p99", "<%.2f"), ("kb_per_participant", "KB/person", "%.0f")]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("scenarios", nargs="*", default=list(SCENARIOS), help=", ".join(SCENARIOS))
    parser.add_argument("--seconds", type=int, default=6)
    parser.add_argument("--json", default=str(ROOT / "build/scenarios.json"))
    options = parser.parse_args()
    for path in (NODE, LOAD):
        if not path.exists():
            sys.exit(f"bench/scenarios.py: {path} is not built, ./dev bench does it")
    rows = []
    print(f"{'scenario':<12}{'publish':>8}{'receive':>8}" + "".join(f"{head:>13}" for _, head, _ in COLUMNS) + f"{'join ms':>9}{'lost':>7}")
    for scenario in options.scenarios:
        for publishers, subscribers, flags in SCENARIOS[scenario]:
            row = run_row(scenario, publishers, subscribers, flags, options.seconds)
            rows.append(row)
            cells = "".join(f"{(form % row[key]) if row.get(key) is not None else '-':>13}" for key, _, form in COLUMNS)
            client = row["client"]
            print(f"{scenario:<12}{publishers:>8}{subscribers:>8}{cells}{client.get('join_ms_median', 0):>9.0f}"
                  f"{client.get('lost', 0):>7}{'  ' + row['error'] if 'error' in row else ''}", flush=True)
    pathlib.Path(options.json).write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
