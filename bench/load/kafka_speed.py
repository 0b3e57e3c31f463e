#!/usr/bin/env python3
"""What the way into Kafka costs and how long it takes: bench/results and docs/integration-speed.md.

    python3 bench/load/kafka_speed.py          measures, writes bench/results/DATE-kafka.json and the page
    python3 bench/load/kafka_speed.py page     the page again, from the newest result

QoS 1, 256 bytes, 100 publishers, durable by fsync. Costs: as fast as possible, without a task and with
one into the mock that comes with the server, or into Apache Kafka (kafka_end_to_end.py). Latency: paced, into Apache
Kafka, from when a message was due to the time that Kafka gave its record when it appended it.
"""
import argparse
import datetime
import json
import pathlib
import statistics
import struct
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))
sys.path.insert(0, str(ROOT / "bench/load"))

from integration.harness import read_topic  # noqa: E402
from kafka_end_to_end import PinnedSluice  # noqa: E402
from servers.kafka_server import ApacheKafka  # noqa: E402

sys.path.insert(0, str(ROOT / "bench"))  # behind the others: both folders have `servers`
import machine  # noqa: E402

PAGE = ROOT / "docs/integration-speed.md"
RESULTS = ROOT / "bench/results"
SERVER_CORE, OTHER_CORES = "0", "1"
WARM_UP = 2  # seconds of a paced run that are not counted

# name, arguments of kafka_end_to_end.py; none: no task at all
COSTS = [
    ("no task", None),
    ("kafka-dev, key, no headers", ["--kafka", "dev", "--headers", "none"]),
    ("kafka-dev, the default document", ["--kafka", "dev"]),
    ("Apache Kafka, key, no headers", ["--kafka", "apache", "--headers", "none"]),
    ("Apache Kafka, the default document", ["--kafka", "apache"]),
]
# row, figure, bound, whether that is the most, of what
TARGETS = [
    ("kafka-dev, key, no headers", "rate", 500_000, False, "messages a second"),
    ("kafka-dev, key, no headers", "over", 0.7, True, "us over no task"),
    ("kafka-dev, the default document", "over", 1.5, True, "us over no task"),
    ("Apache Kafka, key, no headers", "cost", 2.5, True, "us in all"),
    ("Apache Kafka, key, no headers", "rate", 400_000, False, "messages a second"),
]
LINGERS = (0, 5)
MOST_MS = {0: {"p50": 2, "p99": 6}}  # by linger

HEAD = """\
# The way into Kafka: what it costs, how long it takes

Written by `bench/load/kafka_speed.py` from [{source}](../{source}); no figure is typed by hand.

* {date}, commit `{commit}`; {runs} runs of {seconds:g} s each, in turns; medians, with the lowest and the highest behind.
* {processor}, {cores} cores, {memory_gib} GiB, Linux {kernel}; others used {busy_cores_before} cores before the start.
* Server on core 0; generator and Kafka on core 1. `access.enabled: false`, `store.durability: fsync`, the rest as it is by default.
  100 publishers, QoS 1, 256 bytes, MQTT 3.1.1; one task with one worker, at least once.
* **CPU** is that of the server's process, user and system: broker, log and task, until the last record was acknowledged by Kafka.
* `kafka-dev` is the mock that comes with the server: it speaks the protocol and keeps nothing.

## What a message costs

| | CPU, us a message | over no task, us | messages a second |
|---|---|---|---|
"""
LATENCY_HEAD = """
## From due to appended

{rate:,} messages a second into Apache Kafka, `linger_ms` as in the row, the default document; from when a message was due to
its record's `LogAppendTime`, to the end of that millisecond. The first {warm_up} s of a run are not counted.

| linger_ms | p50, ms | p99, ms | p99.9, ms | |
|---|---|---|---|---|
"""


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", nargs="?", choices=["measure", "page"], default="measure")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--rate", type=int, default=10_000, help="of the paced runs")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build/bench",
                        help="with sluice_load")
    return parser.parse_args()


def load(arguments, server, *more, seconds=None):
    done = subprocess.run([str(part) for part in (
        "taskset", "-c", OTHER_CORES, arguments.build / "bench/load/sluice_load", "--json",
        "--warmup", 0, "--port", server.mqtt[1], "--pid", server.pid, "--publishers", 100,
        "--size", 256, "--qos", 1, "--seconds", seconds or arguments.seconds, *more)],
        capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"the load failed: {done.stderr}{done.stdout}\n{server.log_tail()}")
    return json.loads(done.stdout)


def server_in(place):
    server = PinnedSluice(place, {"access": {"enabled": False}, "store": {"durability": "fsync"}})
    server.core = SERVER_CORE
    return server


def ingest(arguments, place):
    server = server_in(place).start()
    try:
        cpu, begun = server.cpu_seconds(), time.monotonic()
        sent = load(arguments, server, "--window", 64, "--batch", 64)["sent"]
        seconds, cpu = time.monotonic() - begun, server.cpu_seconds() - cpu
        return {"cost": cpu * 1e6 / sent, "rate": sent / seconds}
    finally:
        server.kill9()


def cost(arguments, more):
    with tempfile.TemporaryDirectory(dir=ROOT / "build", prefix="kafka-speed-") as place:
        if more is None:
            return ingest(arguments, pathlib.Path(place))
    done = subprocess.run([sys.executable, str(ROOT / "bench/load/kafka_end_to_end.py"), *more,
                           "--seconds", str(arguments.seconds), "--server-core", SERVER_CORE,
                           "--other-cores", OTHER_CORES], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr[-2000:])
    found = json.loads(done.stdout)
    return {"cost": found["server_cpu_us_per_message"], "rate": found["into_kafka_per_second"]}


def quantiles(values):
    values = sorted(values)
    return {name: round(values[min(len(values) - 1, int(len(values) * share))], 2)
            for name, share in (("p50", 0.5), ("p99", 0.99), ("p999", 0.999))}


def latency(arguments, linger):
    """Milliseconds; the stamp at the beginning of each payload is when it was due (sluice_load)."""
    with tempfile.TemporaryDirectory(dir=ROOT / "build", prefix="kafka-speed-") as folder:
        place = pathlib.Path(folder)
        kafka = ApacheKafka(place / "kafka")
        server = server_in(place)
        try:
            kafka.start()
            kafka.create_topic("bench", partitions=4,
                               config={"message.timestamp.type": "LogAppendTime"})
            server.start()
            server.add_kafka_connection("kafka", kafka.bootstrap)
            server.add_kafka_task("bench", "kafka", ["load/+"], "bench", sink={"linger_ms": linger})
            server.wait_task("bench", status="running")
            wall_minus_steady = time.time_ns() - time.monotonic_ns()
            sent = load(arguments, server, "--rate", arguments.rate, "--window", 65535,
                        seconds=arguments.seconds + WARM_UP)["sent"]
            server.wait_task("bench", timeout=60, lag_messages=0, delivered=sent)
            records = read_topic(kafka.bootstrap, "bench", count=sent)
        finally:
            server.kill9()
            kafka.kill9()
    due = [struct.unpack_from("<Q", record.value)[0] for record in records]
    counted = min(due) + WARM_UP * 10**9
    return quantiles([record.timestamp + 1 - (at + wall_minus_steady) / 1e6
                      for record, at in zip(records, due) if at >= counted])


def measure(arguments):
    here = machine.describe(ROOT / "build")
    costs = {name: [] for name, _ in COSTS}
    latencies = {str(linger): [] for linger in LINGERS}
    for _ in range(arguments.runs):
        for name, more in COSTS:
            costs[name].append(cost(arguments, more))
            print(name, json.dumps(costs[name][-1]), flush=True)
        for linger in LINGERS:
            latencies[str(linger)].append(latency(arguments, linger))
            print("linger", linger, json.dumps(latencies[str(linger)][-1]), flush=True)
    report = {"date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
              "commit": machine.commit(ROOT), "machine": here,
              "effort": {name: getattr(arguments, name) for name in ("runs", "seconds", "rate")},
              "costs": costs, "latencies": latencies}
    path = RESULTS / f"{report['date'][:10]}-kafka.json"
    path.write_text(json.dumps(report, indent=1) + "\n")
    return path


def spread(values, digits):
    texts = [f"{value:,.{digits}f}" for value in (statistics.median(values), min(values), max(values))]
    return f"{texts[0]} ({texts[1]}–{texts[2]})"


def figures(costs, name):
    """By run; `over` its neighbour without a task."""
    return {"cost": [run["cost"] for run in costs[name]],
            "over": [run["cost"] - alone["cost"]
                     for run, alone in zip(costs[name], costs["no task"])],
            "rate": [run["rate"] for run in costs[name]]}


def judged(value, bound, is_most):
    return "met" if (value <= bound if is_most else value >= bound) else "**missed**"


def render(report, source):
    costs, effort = report["costs"], report["effort"]
    lines = []
    for name, _ in COSTS:
        found = figures(costs, name)
        over = "" if name == "no task" else spread(found["over"], 2)
        lines.append(f"| {name} | {spread(found['cost'], 2)} | {over} | {spread(found['rate'], 0)} |")
    lines += ["", "| target | | |", "|---|---|---|"]
    for name, figure, bound, is_most, unit in TARGETS:
        value = statistics.median(figures(costs, name)[figure])
        shown = f"{value:,.0f}" if figure == "rate" else f"{value:.2f}"
        lines.append(f"| {name}: {'≤' if is_most else '≥'} {bound:,} {unit} | {shown} "
                     f"| {judged(value, bound, is_most)} |")
    out = HEAD.format(source=source, date=report["date"], commit=report["commit"],
                      **report["machine"], **effort) + "\n".join(lines) + "\n"
    out += LATENCY_HEAD.format(rate=effort["rate"], warm_up=WARM_UP)
    for linger, runs in report["latencies"].items():
        by_name = {name: [run[name] for run in runs] for name in ("p50", "p99", "p999")}
        verdicts = [f"{name} ≤ {bound} ms: {judged(statistics.median(by_name[name]), bound, True)}"
                    for name, bound in MOST_MS.get(int(linger), {}).items()]
        out += (f"| {linger} | " + " | ".join(spread(values, 2) for values in by_name.values()) +
                f" | {'; '.join(verdicts)} |\n")
    return out


def newest():
    return max(RESULTS.glob("*-kafka.json"))


def write_page(path):
    PAGE.write_text(render(json.loads(path.read_text()), str(path.relative_to(ROOT))))


if __name__ == "__main__":
    ARGUMENTS = parse_arguments()
    write_page(newest() if ARGUMENTS.what == "page" else measure(ARGUMENTS))
