#!/usr/bin/env python3
"""One room on one core and on two, beside the ideal forwarder once and twice at the same time.

Runs build/release/bench/meridian_bench_two_cores. With the ideal forwarder at hand (the folder MERIDIAN_FLOOR) and as root, both send to a
device that drops everything, in a network namespace; otherwise ours alone sends to sockets on loopback. A table and
build/two-cores.json; docs/benchmarks.md explains the columns.
"""
import argparse
import contextlib
import json
import os
import pathlib
import re
import subprocess
import sys
import time

import floor
import servers

BENCH = servers.ROOT / "build/release/bench/meridian_bench_two_cores"
BUILT = pathlib.Path(os.environ.get("OUT", "/tmp/meridian-limits"))
BURST = 8


def build_ideal():
    """As the ideal forwarder's own run.sh does; False when it can't be."""
    if (BUILT / "fwd").exists():
        return True
    BUILT.mkdir(parents=True, exist_ok=True)
    built = subprocess.run(["g++", "-O3", "-march=native", "-std=c++17", "-w", floor.FOLDER / "bench_forward.cpp", "-o", BUILT / "fwd",
                            "-lsrtp2", "-lIPSec_MB", "-lcrypto"], check=False)
    return built.returncode == 0


def start_ideal(subscribers, core, repetitions):
    return subprocess.Popen(
        [*floor.INSIDE, "taskset", "-c", str(core), "env", f"REPS={repetitions}", BUILT / "fwd", "imb", "gso", floor.NOWHERE, str(subscribers), "1200",
         str(BURST)], stdout=subprocess.PIPE, text=True)


def ideal(subscribers, cores, repetitions):
    """Of the ideal forwarder on each of the cores at once: microseconds for each packet, and packets a second by the clock."""
    runs = [start_ideal(subscribers, core, repetitions) for core in cores]
    outputs = [run.communicate(timeout=120)[0] for run in runs]
    return [float(re.search(r"min +([\d.]+) us/fwd", output).group(1)) for output in outputs]


def wall_rate(subscribers, cores):
    """Packets a second by the clock, its own publisher included; what it takes to start is not in it."""
    turns = max(1, 40000 // (subscribers * BURST))
    few, many = 5, 55
    times = []
    for repetitions in (few, many):
        start = time.monotonic()
        ideal(subscribers, cores, repetitions)
        times.append(time.monotonic() - start)
    return len(cores) * (many - few) * turns * subscribers * BURST / (times[1] - times[0])


def measure_ideal(subscribers, runs):
    once = min(ideal(subscribers, [0], 9)[0] for _ in range(runs))
    twice = min((ideal(subscribers // 2, [0, 1], 9) for _ in range(runs)), key=sum)
    return {
        "us": once,
        "us_twice": twice,
        "scale_cpu": sum(1 / us for us in twice) * once,
        "packets_per_second": max(wall_rate(subscribers, [0]) for _ in range(runs)),
        "packets_per_second_twice": max(wall_rate(subscribers // 2, [0, 1]) for _ in range(runs)),
    }


def ours(prefix, flags):
    done = subprocess.run([*prefix, BENCH, *flags], stdout=subprocess.PIPE, text=True, timeout=300, check=True)
    return servers.results(done.stdout)


def row_of(subscribers, found, best):
    one, two = found
    row = {"subscribers": subscribers, "one": one, "two": two,
           "scale_cpu": one["busiest_us"] / two["busiest_us"],
           # Only where both were as busy as they can be: one client may send 5000 packets a second.
           "scale_wall": two["packets_per_second"] / one["packets_per_second"] if min(one["busiest_share"], two["busiest_share"]) > 0.9 else None}
    if best:
        best["scale_wall"] = best["packets_per_second_twice"] / best["packets_per_second"]
        row |= {"ideal": best, "ratio_cpu": row["scale_cpu"] / best["scale_cpu"],
                "ratio_wall": row["scale_wall"] and row["scale_wall"] / best["scale_wall"]}
    return row


def cell(value):
    return f"{'-' if value is None else format(value, '.2f'):>7}"


def table(rows):
    print(f"{'':>12}|{'one worker':^20}|{'two workers':^38}|{'scale':^14}|{'ideal: us':^24}|{'scale':^14}|{'ours / ideal':^14}")
    print(f"{'subscribers':>12}|{'us/packet':>10}{'Mpkt/s':>10}|{'us/packet':>10}{'busiest us':>11}{'Mpkt/s':>8}{'dgr/msg':>9}|{'CPU':>7}{'clock':>7}|"
          f"{'once':>8}{'twice':>16}|{'CPU':>7}{'clock':>7}|{'CPU':>7}{'clock':>7}")
    for row in rows:
        one, two, best = row["one"], row["two"], row.get("ideal")
        line = (f"{row['subscribers']:>12}|{one['us_per_packet']:>10.3f}{one['packets_per_second'] / 1e6:>10.2f}|{two['us_per_packet']:>10.3f}"
                f"{two['busiest_us']:>11.3f}{two['packets_per_second'] / 1e6:>8.2f}{two['datagrams_per_message']:>9.1f}|{row['scale_cpu']:>7.2f}"
                f"{cell(row['scale_wall'])}|")
        if best:
            twice = " + ".join(f"{us:.3f}" for us in best["us_twice"])
            line += (f"{best['us']:>8.3f}{twice:>16}|{best['scale_cpu']:>7.2f}{best['scale_wall']:>7.2f}|{row['ratio_cpu']:>7.2f}"
                     f"{cell(row['ratio_wall'])}")
        print(line)
        lost = one["lost"] + two["lost"]
        if lost:
            print(f"{'':>12}| {lost} datagrams were lost: what isn't CPU time is void")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--subscribers", nargs="+", type=int, default=[100, 200, 500, 1000], help="of each row; even")
    parser.add_argument("--runs", type=int, default=3, help="of each, of which the best counts")
    options = parser.parse_args()
    servers.require(BENCH)
    if any(count < 2 or count % 2 for count in options.subscribers):
        sys.exit("bench/two_cores.py: half of the subscribers are on each worker: even numbers only")
    if (os.cpu_count() or 1) < 2:
        sys.exit("bench/two_cores.py: there is only one core")
    has_ideal = floor.is_at_hand() and build_ideal()
    if not has_ideal:
        print("without the ideal forwarder (MERIDIAN_FLOOR, and root): ours alone, on loopback", file=sys.stderr)
    print(f"load of the machine before: {os.getloadavg()[0]:.1f}")
    rows = []
    with floor.network() if has_ideal else contextlib.nullcontext():
        for subscribers in options.subscribers:
            flags = ["--subscribers", str(subscribers), "--runs", str(options.runs)]
            best = measure_ideal(subscribers, options.runs) if has_ideal else None
            found = ours(floor.INSIDE, [*flags, "--to", floor.NOWHERE]) if has_ideal else ours([], flags)
            rows.append(row_of(subscribers, found, best))
    table(rows)
    (servers.ROOT / "build/two-cores.json").write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
