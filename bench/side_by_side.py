"""The same media through Meridian and through other servers, in turn and in one run.

meridian_load sends and receives, and reads the server's CPU time (user and system, all threads) over
exactly the seconds in which it counts what arrives. Of each row several runs are made, one server
after the other in each, and the medians are compared.
"""
import contextlib
import statistics
import subprocess
import tempfile

import servers

# A frame is a burst of eight packets of 1200 bytes. With more subscribers fewer frames come, so that
# all packets together stay within what one loop of every server carries.
MOST_PACKETS = 38_400


def video(subscribers):
    rate = min(30, MOST_PACKETS / 8 / subscribers)
    return ["--publishers", "1", "--video", "--burst", "8", "--fps", f"{rate:g}"]


def audio(publishers):
    return ["--publishers", str(publishers), "--audio"]


# row: subscribers, what meridian_load sends, and how many times less CPU is the goal
ROWS = {
    "video-50": (50, video(50), None),
    "video-100": (100, video(100), 10),
    "video-200": (200, video(200), None),
    "video-500": (500, video(500), None),
    "video-1000": (1000, video(1000), None),
    "audio-100": (100, audio(1), 8),
    "audio-4x100": (100, audio(4), 8),
}


def measure(server, subscribers, flags, options):
    """What meridian_load found, or an error."""
    flags = flags + (["--single"] if options.single else [])
    command = [servers.LOAD, *server.flags, "--subscribers", str(subscribers), "--process", str(server.pid()),
               "--warm-up", str(options.warm_up), "--seconds", str(options.seconds), *flags]
    limit = options.seconds + options.warm_up + 90 + subscribers * 0.05
    try:
        load = subprocess.run(command, capture_output=True, text=True, timeout=limit, check=False)
    except subprocess.TimeoutExpired:
        return {"error": f"not done within {limit:.0f} s"}
    found = next(iter(servers.results(load.stdout)), {})
    if load.returncode != 0 or not found.get("packets"):
        found["error"] = load.stderr.strip().splitlines()[-1] if load.stderr.strip() else "nothing arrived"
    return found


def started(kind):
    """A new server in a folder of its own for each run, but for one that is somebody else's."""
    if isinstance(kind, servers.Server):
        return contextlib.nullcontext(kind)

    @contextlib.contextmanager
    def fresh():
        with tempfile.TemporaryDirectory() as folder:
            server = kind(folder)
            try:
                yield server
            finally:
                server.stop()
    return fresh()


def summary(runs, subscribers):
    good = [run for run in runs if "error" not in run]
    if not good:
        return {"error": runs[-1]["error"], "runs": runs}
    middle = {key: statistics.median(run[key] for run in good)
              for key in ("us_per_packet", "delay_ms_p50", "delay_ms_p99", "client_cpu_share", "join_ms_median")}
    expected = sum(run["sent"] for run in good) * subscribers
    return {**middle, "least": min(run["us_per_packet"] for run in good),
            "most": max(run["us_per_packet"] for run in good),
            "cpu_share": statistics.median(run["server_cpu_us"] / 1e6 / run["seconds"] for run in good),
            "packets_per_second": statistics.median(run["packets"] / run["seconds"] for run in good),
            "delivered": sum(run["packets"] for run in good) / max(expected, 1),
            "lost": sum(run["lost"] for run in good), "violations": sum(run["violations"] for run in good),
            "srtp_profile": good[0]["srtp_profile"], "good_runs": len(good), "runs": runs}


HEAD = (f"{'row':<13}{'server':<15}{'us/packet':>10}{'least..most':>16}{'CPU':>7}{'packets/s':>11}{'arrived':>9}"
        f"{'delay p50':>11}{'p99 ms':>8}{'client':>8}{'ratio':>8}")


def line(row, name, found, ratio, goal):
    if "error" in found:
        return f"{row:<13}{name:<15}{found['error']}"
    spread = f"{found['least']:.2f}..{found['most']:.2f}"
    versus = "" if ratio is None else f"{ratio:.1f}x"
    note = "" if ratio is None or goal is None else f"  goal {goal}: {'met' if ratio >= goal else 'missed'}"
    return (f"{row:<13}{name:<15}{found['us_per_packet']:>10.2f}{spread:>16}{found['cpu_share']:>7.3f}"
            f"{found['packets_per_second']:>11.0f}{found['delivered']:>9.1%}{found['delay_ms_p50']:>11.2f}"
            f"{found['delay_ms_p99']:>8.1f}{found['client_cpu_share']:>8.2f}{versus:>8}{note}")


def peers(options):
    """The servers beside ours, and what to say of those that aren't there."""
    found = []
    version = servers.Janus.version()
    if version is None:
        print("Janus is not installed: `apt-get install janus` puts it into the comparison")
    else:
        print(f"janus {version}, VideoRoom, event_loops = 1" +
              ("; janus-threads: the same as it comes, a thread for each connection" if options.threads else ""))
        found += [servers.Janus] + ([servers.JanusThreads] if options.threads else [])
    if options.url:
        found.append(servers.Running(options.name, options.pid, options.url, options.key, options.secret))
        print(f"{options.name}: as it runs at {options.url}, process {options.pid}")
    return found


def run(options):
    kinds = [servers.Meridian] + peers(options)
    results = {}
    print(HEAD)
    for row in options.rows or ROWS:
        subscribers, flags, goal = ROWS[row]
        runs = {kind.name: [] for kind in kinds}
        for _ in range(options.runs):
            for kind in kinds:
                with started(kind) as server:
                    runs[kind.name].append(measure(server, subscribers, flags, options))
        results[row] = {name: summary(found, subscribers) for name, found in runs.items()}
        ours = results[row]["meridian"].get("us_per_packet")
        for name, found in results[row].items():
            theirs = found.get("us_per_packet")
            ratio = theirs / ours if ours and theirs and name != "meridian" else None
            found["ratio"] = ratio
            print(line(row, name, found, ratio, goal if name == "janus" else None), flush=True)
    return results
