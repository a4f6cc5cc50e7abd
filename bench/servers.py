"""The servers that benchmarks measure: each is started in a folder of its own, on loopback, with one
core's worth of threads that forward, and says how meridian_load reaches it."""
import json
import pathlib
import re
import resource
import shutil
import socket
import subprocess
import sys
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
NODE = ROOT / "build/release/meridian"
LOAD = ROOT / "build/release/bench/meridian_load"
START_DEADLINE = 15  # seconds

MERIDIAN_CONFIG = """
regions:
  - {id: bench, name: Bench, jurisdictions: [bench], latitude: 0, longitude: 0, url: "ws://127.0.0.1:%(signalling)d"}
pools:
  - region: bench
    workers: %(workers)d
    people_per_worker: %(people)d
    signalling: ["127.0.0.1:%(signalling)d"]
    participants: 4000
    media: {address: 127.0.0.1, port: %(media)d}
accounts:
  - id: bench
    name: Bench
    default_region: bench
    api_keys: [{key: benchkey, secret: benchsecret}]
limits: {participants_per_room: 2000}
metrics: {listen: "127.0.0.1:%(metrics)d"}
data_dir: %(folder)s/data
log: {level: warning}
shed_load: false
"""


def free_port(kind=socket.SOCK_STREAM):
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def require(*programs):
    """Ends the script when one of them isn't built."""
    for program in programs:
        if not program.exists():
            sys.exit(f"{sys.argv[0]}: {program} is not built, ./dev bench does it")


def results(output):
    """The JSON objects among the lines that a benchmark printed."""
    return [json.loads(line) for line in output.splitlines() if line.startswith("{")]


def raise_open_files():
    """Two sockets for each participant, in the node and in the client."""
    least, most = 8192, resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most if most != resource.RLIM_INFINITY else least, most))


class Server:
    """A process that is measured, and how to reach it."""
    name = "?"
    flags = []
    process = None

    def pid(self):
        return self.process.pid

    def cpu(self):
        """Seconds, of all threads, user and system."""
        threads = pathlib.Path(f"/proc/{self.pid()}/task").glob("*/schedstat")
        return sum(int(thread.read_text().split()[0]) for thread in threads) / 1e9

    def rss(self):
        status = pathlib.Path(f"/proc/{self.pid()}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status).group(1)) * 1024

    def wait_until(self, is_up):
        end = time.monotonic() + START_DEADLINE
        while time.monotonic() < end:
            if self.process.poll() is not None:
                break
            try:
                is_up()
                return
            except OSError:
                time.sleep(0.1)
        self.stop()
        raise RuntimeError(f"{self.name} does not answer")

    def stop(self):
        if self.process:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


class Meridian(Server):
    name = "meridian"

    def __init__(self, folder, workers=1, people=50):
        """`people`: of one room on each worker."""
        ports = {"signalling": free_port(), "metrics": free_port(), "media": free_port(socket.SOCK_DGRAM)}
        config = pathlib.Path(folder) / "bench.yaml"
        config.write_text(MERIDIAN_CONFIG % {"folder": folder, "workers": workers, "people": people, **ports})
        self.flags = ["--url", f"ws://127.0.0.1:{ports['signalling']}", "--api-key", "benchkey", "--api-secret", "benchsecret"]
        self.metrics = f"http://127.0.0.1:{ports['metrics']}/metrics"
        self.process = subprocess.Popen([NODE, "serve", "--config", config], stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        self.wait_until(self.scrape)

    def scrape(self):
        """Everything at /metrics; samples of one name and labels are added up."""
        with urllib.request.urlopen(self.metrics, timeout=2) as page:
            text = page.read().decode()
        values = {}
        for line in text.splitlines():
            if line.startswith("#"):
                continue
            name, _, value = line.rpartition(" ")
            values[name] = values.get(name, 0.0) + float(value)
        return values


# Only what differs from Janus's defaults: no other transports or plugins, nothing logged, no events.
JANUS_CONFIG = """
general: { configs_folder = "%(folder)s", debug_level = 0, log_to_stdout = false, log_to_file = "%(folder)s/janus.log",
           interface = "127.0.0.1"%(loops)s }
media: { ipv6 = false, rtp_port_range = "20000-40000" }
nat: { ice_lite = true }
plugins: { disable = "libjanus_audiobridge.so,libjanus_duktape.so,libjanus_echotest.so,libjanus_lua.so,libjanus_nosip.so,\
libjanus_recordplay.so,libjanus_sip.so,libjanus_streaming.so,libjanus_textroom.so,libjanus_videocall.so,libjanus_voicemail.so" }
transports: { disable = "libjanus_http.so,libjanus_mqtt.so,libjanus_nanomsg.so,libjanus_pfunix.so,libjanus_rabbitmq.so" }
events: { broadcast = false }
"""
JANUS_SOCKETS = """
general: { json = "compact", ws = true, ws_port = %(port)d, ws_ip = "127.0.0.1", wss = false }
admin: { admin_ws = false, admin_wss = false }
"""


class Janus(Server):
    """Debian's Janus with one event loop, which takes the media of all, as one worker of ours does."""
    name = "janus"
    loops = ", event_loops = 1"

    def __init__(self, folder):
        folder, port = pathlib.Path(folder), free_port()
        self.flags = ["--janus", "--url", f"ws://127.0.0.1:{port}"]
        (folder / "janus.jcfg").write_text(JANUS_CONFIG % {"folder": folder, "loops": self.loops})
        (folder / "janus.transport.websockets.jcfg").write_text(JANUS_SOCKETS % {"port": port})
        (folder / "janus.plugin.videoroom.jcfg").write_text("general: { }\n")
        self.process = subprocess.Popen(["janus", "--configs-folder", folder, "--config", folder / "janus.jcfg"],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.wait_until(lambda: socket.create_connection(("127.0.0.1", port), 1).close())

    @staticmethod
    def version():
        """Of the program in PATH; nothing without one."""
        if not shutil.which("janus"):
            return None
        said = subprocess.run(["janus", "--version"], capture_output=True, text=True, check=False)
        found = re.search(r"\(([\d.]+)\)", said.stdout + said.stderr)
        return found.group(1) if found else "?"


class JanusThreads(Janus):
    """As it comes: a thread for each peer connection."""
    name = "janus-threads"
    loops = ""


class Running(Server):
    """Any server with LiveKit's protocol that runs already, started and stopped by somebody else."""

    def __init__(self, name, pid, url, key, secret):
        self.name = name
        self.number = pid
        self.flags = ["--url", url, "--api-key", key, "--api-secret", secret]

    def pid(self):
        return self.number
