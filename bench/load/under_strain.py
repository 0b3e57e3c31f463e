#!/usr/bin/env python3
"""What a slow disk and a reader far behind cost those who publish.

    python3 bench/load/under_strain.py                    both, each beside the same without it
    python3 bench/load/under_strain.py --only slow-disk --syncs 300

slow-disk    QoS 1 into a server whose syncs take so long that there are at most --syncs a second
             (slow_sync.cpp, preloaded), as fast as it goes. Latency may rise to a few syncs, the
             rate may not fall: 100 publishers have --window messages each under way.
far-behind   publishers at --rate; then the same while a session reads what it missed (--missed
             messages). Neither their rate nor their PUBACKs may suffer.

A machine that does nothing else, please: generator, server and reader share its cores.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from integration.harness import Sluice  # noqa: E402
from integration.raw_mqtt import RawClient  # noqa: E402

FIGURES = ("published_per_second", "puback_p50_us", "puback_p99_us", "puback_p999_us",
           "server_cpu_us_per_message", "behind_at_the_end")
MQTT_311 = 4


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=["slow-disk", "far-behind"])
    parser.add_argument("--syncs", type=int, default=300, help="a second, at most")
    parser.add_argument("--publishers", type=int, default=100)
    parser.add_argument("--window", type=int, default=1024)
    parser.add_argument("--rate", type=int, default=20_000)
    parser.add_argument("--missed", type=int, default=500_000)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build/bench",
                        help="with sluice_load and libslow_sync.so")
    return parser.parse_args()


def run_load(arguments, server, *more):
    command = [arguments.build / "bench/load/sluice_load", "--json", "--port", server.mqtt[1],
               "--pid", server.pid, "--qos", 1, "--seconds", arguments.seconds, *more]
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True,
                          check=False)
    if done.returncode not in (0, 1):
        sys.exit(done.stderr)
    return json.loads(done.stdout)


def show(name, found):
    figures = ", ".join(f"{figure} {found[figure]:,}" for figure in FIGURES if figure in found)
    print(f"{name:28} {figures}", flush=True)


def slow_disk(arguments, folder):
    for name, delay in (("disk as it is", 0), ("slow disk", 1_000_000 // arguments.syncs)):
        environment = {"LD_PRELOAD": str(arguments.build / "bench/load/libslow_sync.so"),
                       "SLOW_SYNC_US": str(delay)}
        server = Sluice(folder / name.replace(" ", "-"), {"access": {"enabled": False}},
                        environment)
        server.start()
        try:
            show(name, run_load(arguments, server, "--publishers", arguments.publishers,
                                "--window", arguments.window, "--batch", 64))
        finally:
            server.kill9()


class Reader(threading.Thread):
    """The session comes back and takes what it missed, acknowledging as it goes."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server, self.read, self.ended = server, 0, threading.Event()

    def run(self):
        with RawClient(self.server.mqtt, MQTT_311, 60) as client:
            client.connect("far-behind", clean=False)
            while not self.ended.is_set():
                self.read += len(client.messages(200))


def far_behind(arguments, folder):
    server = Sluice(folder / "far-behind", {"access": {"enabled": False}}).start()
    paced = ("--publishers", 10, "--rate", arguments.rate)
    try:
        with RawClient(server.mqtt, MQTT_311, 60) as client:
            client.connect("far-behind", clean=False)
            client.subscribe("load/#", qos=1)
        run_load(arguments, server, "--publishers", 10, "--messages", arguments.missed)
        show("nobody reads", run_load(arguments, server, *paced))
        reader = Reader(server)
        reader.start()
        time.sleep(0.5)
        begun, before = time.monotonic(), reader.read
        found = run_load(arguments, server, *paced)
        rate = (reader.read - before) / (time.monotonic() - begun)
        reader.ended.set()
        show("a reader is far behind", found)
        print(f"{'':28} it read {rate:,.0f} messages a second")
    finally:
        server.kill9()


def main():
    arguments = parse_arguments()
    os.environ.setdefault("SLUICE_BINARY", str(arguments.build / "sluice"))
    with tempfile.TemporaryDirectory(dir=ROOT / "build", prefix="strain-") as folder:
        if arguments.only != "far-behind":
            slow_disk(arguments, pathlib.Path(folder))
        if arguments.only != "slow-disk":
            far_behind(arguments, pathlib.Path(folder))


if __name__ == "__main__":
    main()
