#!/usr/bin/env python3
"""QoS 1 over TCP, durable, into Kafka: messages per second and what each costs the server.

    python3 bench/load/kafka_end_to_end.py [--publishers 100] [--seconds 10] [--kafka dev|apache]
                                           [--rate 200000] [--headers none|default] [--workers N]
                                           [--guarantee exactly_once]

Starts a server and a Kafka, makes a connection and a task, drives load through sluice_load, and
waits until the task has delivered everything. The server has one core to itself (--server-core);
generator and Kafka share the others. CPU is that of the server's process: broker, store and task.
With --rate the load is paced and PUBACK times count from when a message was due; without, as fast
as --window lets it.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from integration.harness import KafkaDev, Sluice  # noqa: E402
from servers.kafka_server import ApacheKafka  # noqa: E402


# What the command line says -> `map.headers` of the task.
HEADERS = {"default": "all", "none": "none"}


class PinnedSluice(Sluice):
    core = None

    def command(self):
        pin = [] if self.core is None else ["taskset", "-c", str(self.core)]
        return [*pin, *super().command()]


class Watch(threading.Thread):
    """Looks at the server's memory and the task's figures while the load runs."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server, self.ended = server, threading.Event()
        self.most_rss, self.most_lag = 0, 0

    def run(self):
        while not self.ended.wait(0.2):
            self.most_rss = max(self.most_rss, self.server.rss_bytes())
            self.most_lag = max(self.most_lag, self.server.task("bench")["lag_messages"])


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--publishers", type=int, default=100)
    parser.add_argument("--window", type=int, default=64)
    parser.add_argument("--batch", type=int, default=64, help="most messages in one write")
    parser.add_argument("--rate", type=float, default=0,
                        help="messages per second of all publishers; 0: as fast as possible")
    parser.add_argument("--burst", type=int, default=1,
                        help="with --rate: messages of one publisher due together")
    parser.add_argument("--headers", choices=HEADERS, default="default",
                        help="of the record: all that the task has by default, or none")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--durability", choices=["fsync", "os"], default="fsync")
    parser.add_argument("--kafka", choices=["dev", "apache"], default="dev")
    parser.add_argument("--workers", type=int, default=1, help="of the task")
    parser.add_argument("--guarantee", choices=["at_least_once", "exactly_once"],
                        default="at_least_once", help="of the task")
    parser.add_argument("--server-core", default="0", help="one, or several: 0,1")
    parser.add_argument("--other-cores", default="1")
    parser.add_argument("--directory", type=pathlib.Path,
                        help="for the data; a disk, not a tmpfs (default: below build/)")
    parser.add_argument("--load", type=pathlib.Path,
                        default=ROOT / "build/bench/bench/load/sluice_load")
    parser.add_argument("--set", action="append", default=[], metavar="SECTION.NAME=VALUE",
                        help="a further setting of the server")
    return parser.parse_args()


def settings_of(arguments):
    settings = {"access": {"enabled": False}, "store": {"durability": arguments.durability}}
    for entry in arguments.set:
        path, value = entry.split("=", 1)
        *sections, name = path.split(".")
        place = settings
        for section in sections:
            place = place.setdefault(section, {})
        place[name] = json.loads(value) if value[:1].isdigit() and value.isdigit() else value
    return settings


def drive(arguments, server):
    """The load, then the rest of the lag. Everything is measured from the first message to the
    last record that Kafka acknowledged."""
    command = ["taskset", "-c", arguments.other_cores, arguments.load, "--json", "--warmup", "0",
               "--port", server.mqtt[1], "--pid", server.pid, "--publishers", arguments.publishers,
               "--window", arguments.window, "--size", arguments.size, "--qos", 1,
               "--batch", arguments.batch, "--rate", arguments.rate, "--burst", arguments.burst,
               "--seconds", arguments.seconds]
    watch = Watch(server)
    rss_begin, cpu, begun = server.rss_bytes(), server.cpu_seconds(), time.monotonic()
    watch.start()
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True,
                          check=False)
    if done.returncode:
        sys.exit(f"the load failed: {done.stderr}{done.stdout}\n{server.log_tail()}")
    load = json.loads(done.stdout)
    published = time.monotonic() - begun
    server.wait_task("bench", timeout=600, lag_messages=0, delivered=load["sent"])
    seconds, cpu = time.monotonic() - begun, server.cpu_seconds() - cpu
    watch.ended.set()
    watch.join()
    return {"messages": load["sent"],
            "published_per_second": round(load["sent"] / published),
            "into_kafka_per_second": round(load["sent"] / seconds),
            "server_cpu_us_per_message": round(cpu * 1e6 / load["sent"], 3),
            "server_cores": round(cpu / seconds, 2),
            "rate": arguments.rate, "behind_at_the_end": load.get("behind_at_the_end", 0),
            "headers": arguments.headers, "workers": arguments.workers, "guarantee": arguments.guarantee,
            "puback_p50_us": load["puback_p50_us"], "puback_p99_us": load["puback_p99_us"],
            "most_lag_messages": watch.most_lag,
            "rss_mib": [round(value / 2**20, 1)
                        for value in (rss_begin, watch.most_rss, server.rss_bytes())]}


def main():
    arguments = parse_arguments()
    if not arguments.load.is_file():
        sys.exit(f"no {arguments.load}: ./dev build bench makes it")
    parent = arguments.directory or ROOT / "build"
    parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=parent, prefix="kafka-end-to-end-") as folder:
        place = pathlib.Path(folder)
        kafka = KafkaDev(place) if arguments.kafka == "dev" else ApacheKafka(place / "kafka")
        server = PinnedSluice(place, settings_of(arguments))
        server.core = arguments.server_core
        try:
            kafka.start()
            if arguments.kafka == "dev":
                subprocess.run(["taskset", "-a", "-p", "-c", arguments.other_cores,
                                str(kafka.pid)], check=True, capture_output=True)
            else:
                kafka.create_topic("bench", partitions=4)
            server.start()
            server.add_kafka_connection("kafka", kafka.bootstrap)
            server.add_kafka_task("bench", "kafka", ["load/+"], "bench",
                                  map={"headers": HEADERS[arguments.headers]},
                                  delivery={"workers": arguments.workers,
                                            "guarantee": arguments.guarantee})
            server.wait_task("bench", status="running")
            print(json.dumps(drive(arguments, server), indent=1))
            server.stop()
        finally:
            server.kill9()
            kafka.kill9()


if __name__ == "__main__":
    main()
