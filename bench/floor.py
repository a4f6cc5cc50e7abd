"""The ideal forwarder's folder (MERIDIAN_FLOOR), and its way to nowhere: an ifb device in a network namespace, which drops everything like an
ideal network card. Needs root."""
import contextlib
import os
import pathlib
import subprocess

import servers

FOLDER = pathlib.Path(os.environ.get("MERIDIAN_FLOOR", servers.ROOT.parent / "shared/floor"))
# In front of a program that is to send there, and the address that it sends to.
INSIDE = ["ip", "netns", "exec", "lim"]
NOWHERE = "10.77.0.9"


def is_at_hand():
    return os.geteuid() == 0 and (FOLDER / "netns_up.sh").exists()


@contextlib.contextmanager
def network():
    def run(program):
        subprocess.run([FOLDER / program], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)

    run("netns_up.sh")
    try:
        yield
    finally:
        run("netns_down.sh")
