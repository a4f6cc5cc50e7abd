#!/usr/bin/env python3
"""How long packets stay in a worker at half and at four fifths of a core, and how much later they arrive than through a bare echo.

Runs build/release/bench/meridian_bench_dwell twice. As root, and with the ideal forwarder's folder at hand (MERIDIAN_FLOOR), the first part
sends to a device that drops everything, in a network namespace; otherwise to sockets on loopback, as the second part always does. Two tables
and build/dwell.json; docs/benchmarks.md explains the columns.
"""
import argparse
import json
import os
import subprocess
import sys

import floor
import servers

BENCH = servers.ROOT / "build/release/bench/meridian_bench_dwell"


def measure(prefix, part, flags):
    done = subprocess.run([*prefix, BENCH, part, *flags], stdout=subprocess.PIPE, text=True, timeout=300, check=True)
    return servers.results(done.stdout)


def measure_dwell(flags):
    if not floor.is_at_hand():
        print("without root and MERIDIAN_FLOOR: on loopback", file=sys.stderr)
        return measure([], "dwell", flags)
    with floor.network():
        return measure(floor.INSIDE, "dwell", [*flags, "--to", floor.NOWHERE])


def print_dwell(rows):
    print("time in the worker, from the kernel's stamp to the return of the send call, ms")
    print(f"{'rooms':>6}{'subscribers':>13}{'load':>6}{'measured':>10}{'Mpkt/s':>8}{'frames/s':>10}{'p50':>8}{'p90':>8}{'p99':>8}{'p99.9':>8}")
    for row in rows:
        times = "".join(f"{row[key] / 1000:>8.2f}" for key in ("p50_us", "p90_us", "p99_us", "p999_us"))
        print(f"{row['rooms']:>6}{row['subscribers']:>13}{row['load']:>6.1f}{row['share']:>10.2f}{row['packets_per_second'] / 1e6:>8.2f}"
              f"{row['frames_per_second']:>10.0f}{times}")
        if row["lost"] or row["strayed"]:
            print(f"  void: {row['lost']} datagrams lost, {row['strayed']} subscribers whose numbers moved")


def print_echo(rows):
    print("\nfrom before the publisher's send call to the subscriber's socket, ms")
    print(f"{'rooms':>6}{'subscribers':>13}{'frames/s':>10}{'worker busy':>13}{'node p50':>10}{'p99':>8}{'echo p50':>10}{'p99':>8}{'later p50':>11}{'p99':>8}")
    for row in rows:
        node, echo = ([row[f"{way}_{part}_us"] / 1000 for part in ("p50", "p99")] for way in ("node", "echo"))
        print(f"{row['rooms']:>6}{row['subscribers']:>13}{row['frames_per_second']:>10.0f}{row['worker_share']:>13.2f}{node[0]:>10.2f}{node[1]:>8.2f}"
              f"{echo[0]:>10.2f}{echo[1]:>8.2f}{node[0] - echo[0]:>11.2f}{node[1] - echo[1]:>8.2f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=4, help="that are measured, of each row")
    parser.add_argument("--realtime", action="store_true", help="worker and echo before all else on the machine, where others use it; needs root")
    options = parser.parse_args()
    servers.require(BENCH)
    flags = ["--seconds", str(options.seconds), *(["--realtime"] if options.realtime else [])]
    print(f"load of the machine before: {os.getloadavg()[0]:.1f}")
    dwell = measure_dwell(flags)
    print_dwell(dwell)
    echo = measure([], "echo", flags)
    print_echo(echo)
    (servers.ROOT / "build/dwell.json").write_text(json.dumps({"dwell": dwell, "echo": echo}, indent=1))


if __name__ == "__main__":
    main()
