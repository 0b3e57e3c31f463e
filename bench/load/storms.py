#!/usr/bin/env python3
"""What storms of new clients cost those that are connected: bench/results and docs/storms.md.

    python3 bench/load/storms.py          measures, writes bench/results/DATE-storms.json and the page
    python3 bench/load/storms.py page     the page again, from the newest result

A flow of QoS 1 at --rate goes on over plain TCP. Two seconds into it come, each in a run of its own,
--clients TLS handshakes that begin at the same moment (P-256, RSA 2048), or --connects clients a
second for --storm seconds without TLS, each of which logs in and leaves. Server on core 0, all else on
core 1, where those who come have a lower priority than the flow: devices have processors of their own. Durability `os`: what a disk takes is not the question.
"""
import argparse
import datetime
import json
import multiprocessing
import os
import pathlib
import resource
import selectors
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from integration import raw_mqtt as mqtt  # noqa: E402
from integration.certificates import Authority  # noqa: E402
from integration.harness import Sluice  # noqa: E402

sys.path.insert(0, str(ROOT / "bench"))  # behind the others: both folders have `servers`
import machine  # noqa: E402

PAGE = ROOT / "docs/storms.md"
RESULTS = ROOT / "bench/results"
MOST_P99_MS = 20   # of the flow beside a storm
DISTURBED = 0.15   # cores that others used beside the flow alone: no evidence
WARM_UP = 1        # of the generator
BEFORE = 2         # seconds of the flow before the storm

HEAD = """\
# Storms of new clients

Written by `bench/load/storms.py` from [{source}](../{source}); no figure is typed by hand.

* {date}, commit `{commit}`; {runs} runs of each, in turns; medians, with the lowest and the highest behind.
* {processor}, {cores} cores, {memory_gib} GiB, Linux {kernel}; others used {busy_cores_before} cores before the start and {others}
  beside the flow alone.
* Server on core 0, generators on core 1; `access.enabled: false`, `io_threads: 1`, `store.durability: os`, one `mqtts`
  listener with the certificate that the row names, the rest as it is by default.
* The flow: {publishers} publishers and as many subscribers, QoS 1, {rate:,} messages a second over plain TCP, 256 bytes. Times
  count from when a message was due: to the publisher's PUBACK, and to the subscriber.
* TLS: {clients:,} connections, made before, begin their handshakes at the same moment, each a whole one, and then log in.
* Connects: {connects:,} clients a second for {storm} s, whatever becomes of those before; each connects, logs in and leaves.
  A client's time counts from when it was due to its CONNACK.

"""


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", nargs="?", choices=["measure", "page"], default="measure")
    parser.add_argument("--clients", type=int, default=1000)
    parser.add_argument("--connects", type=int, default=10_000)
    parser.add_argument("--storm", type=int, default=10, help="seconds of connects")
    parser.add_argument("--rate", type=int, default=1000)
    parser.add_argument("--publishers", type=int, default=10)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build/bench",
                        help="with sluice_load")
    return parser.parse_args()


def load_command(arguments, server, *more):
    command = [arguments.build / "bench/load/sluice_load", "--json", "--port", server.mqtt[1], *more]
    return [str(part) for part in command]


def start_flow(arguments, server, seconds):
    return subprocess.Popen(load_command(
        arguments, server, "--pid", server.pid, "--qos", 1, "--seconds", seconds, "--rate",
        arguments.rate, "--publishers", arguments.publishers, "--subscribers",
        arguments.publishers), stdout=subprocess.PIPE, text=True)


def handshakes(address, authority, count):
    """Seconds from the first ClientHello to the last CONNACK; the connections stay a while."""
    context = ssl.create_default_context(cafile=authority)
    selector = selectors.DefaultSelector()
    plain = [socket.create_connection(address) for _ in range(count)]
    left = {}
    for number, each in enumerate(plain):
        each.setblocking(False)
        wrapped = context.wrap_socket(each, do_handshake_on_connect=False,
                                      server_hostname="localhost")
        left[wrapped] = f"storm-{number}"
        selector.register(wrapped, selectors.EVENT_READ)
    asked, open_ones = set(), []
    began = time.monotonic()

    def go_on(client):
        try:
            if client not in asked:
                client.do_handshake()
                client.sendall(mqtt.connect_packet(5, left[client]))
                asked.add(client)
            if client.recv(1000):
                selector.unregister(client)
                del left[client]
                open_ones.append(client)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            pass

    for client in list(left):
        go_on(client)
    while left:
        for key, _ in selector.select(30):
            go_on(key.fileobj)
    took = time.monotonic() - began
    time.sleep(2)
    return {"served": len(open_ones), "seconds": round(took, 3)}


def quiet(*_):
    return {}


def tls_storm(arguments, server, authority):
    with multiprocessing.Pool(1, os.nice, (19,)) as pool:
        return pool.apply(handshakes, (server.address("tls"), str(authority.certificate),
                                       arguments.clients))


def connect_storm(arguments, server, _):
    done = subprocess.run(["nice", "-n", "10",
                           *load_command(arguments, server, "--connects", arguments.connects,
                                         "--seconds", arguments.storm)],
                          stdout=subprocess.PIPE, text=True, check=False)
    return json.loads(done.stdout)


# name, certificate, what happens beside the flow
STORMS = [("alone", "EC", quiet), ("TLS, P-256", "EC", tls_storm), ("TLS, RSA 2048", "RSA", tls_storm),
          ("connects", "EC", connect_storm)]


def run_once(arguments, folder, authority, algorithm, storm):
    pair = authority.issue(algorithm.lower() + folder.name, algorithm=algorithm)
    server = Sluice(folder, {
        "access": {"enabled": False}, "io_threads": 1, "store": {"durability": "os"},
        "listeners": {"tls": {"type": "mqtts", "bind": "127.0.0.1:0", "enabled": True,
                              "certificate": str(pair.certificate), "key": str(pair.key)}}}).start()
    for task in os.listdir(f"/proc/{server.pid}/task"):
        os.sched_setaffinity(int(task), {0})
    try:
        seconds = BEFORE + 2 + (arguments.storm if storm is connect_storm else 4)
        flow = start_flow(arguments, server, seconds)
        time.sleep(WARM_UP + BEFORE)
        came = storm(arguments, server, authority)
        return {"flow": json.loads(flow.communicate()[0]), "storm": came}
    finally:
        server.kill9()


def measure(arguments):
    here = machine.describe(ROOT / "build")
    os.sched_setaffinity(0, {1})
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    results = {name: [] for name, *_ in STORMS}
    with tempfile.TemporaryDirectory(dir=ROOT / "build") as folder:
        folder = pathlib.Path(folder)
        authority = Authority(folder / "authority")
        for number in range(arguments.runs):
            for place, (name, algorithm, storm) in enumerate(STORMS):
                results[name].append(run_once(arguments, folder / f"{number}-{place}", authority,
                                              algorithm, storm))
                print(name, json.dumps(results[name][-1]), flush=True)
    report = {"date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
              "commit": machine.commit(ROOT), "machine": here,
              "effort": {name: getattr(arguments, name) for name in
                         ("clients", "connects", "storm", "rate", "publishers", "runs")},
              "results": results}
    path = RESULTS / f"{report['date'][:10]}-storms.json"
    path.write_text(json.dumps(report, indent=1) + "\n")
    return path


def spread(runs, part, figure, scale=1.0, digits=1):
    values = [run[part][figure] / scale for run in runs]
    texts = [f"{value:,.{digits}f}" for value in (statistics.median(values), min(values), max(values))]
    return f"{texts[0]} ({texts[1]}–{texts[2]})"


def used_by_others(results):
    return statistics.median(run["flow"]["other_cores"] for run in results["alone"])


def judged(runs, others=0.0):
    if others > DISTURBED:
        return "not judged: disturbed"
    worst = max(statistics.median(run["flow"][figure] for run in runs) / 1000
                for figure in ("puback_p99_us", "delivery_p99_us"))
    return "met" if worst < MOST_P99_MS else "**missed**"


def flow_table(results):
    lines = ["## The clients that are connected", "",
             f"Target: p99 below {MOST_P99_MS} ms beside a storm; nothing lost.", "",
             "| beside the flow | PUBACK p50, ms | PUBACK p99, ms | delivery p50, ms | delivery p99, ms "
             "| lost | p99 below " f"{MOST_P99_MS} ms |", "|---|---|---|---|---|---|---|"]
    for name, runs in results.items():
        figures = [spread(runs, "flow", figure, 1000, 2) for figure in
                   ("puback_p50_us", "puback_p99_us", "delivery_p50_us", "delivery_p99_us")]
        lost = sum(run["flow"]["lost"] for run in runs)
        lines.append(f"| {name} | {' | '.join(figures)} | {lost} "
                     f"| {judged(runs, used_by_others(results))} |")
    return lines


def storm_tables(results, effort):
    lines = ["", "## Those that come", "",
             f"| {effort['clients']:,} at once | logged in | seconds until the last one |", "|---|---|---|"]
    for name, runs in results.items():
        if name.startswith("TLS"):
            lines.append(f"| {name} | {spread(runs, 'storm', 'served', digits=0)} "
                         f"| {spread(runs, 'storm', 'seconds', digits=2)} |")
    runs = results["connects"]
    lines += ["", f"| {effort['connects']:,} a second | |", "|---|---|"]
    for what, figure, scale, digits in (
            ("came", "connects", 1, 0), ("logged in", "served", 1, 0),
            ("refused with a CONNACK", "refused", 1, 0), ("without an answer", "unanswered", 1, 0),
            ("failed otherwise", "failed", 1, 0), ("logged in, a second", "served_per_second", 1, 0),
            ("most under way at one time", "most_under_way", 1, 0),
            ("CONNACK p50, ms", "connack_p50_us", 1000, 2),
            ("CONNACK p99, ms", "connack_p99_us", 1000, 2),
            ("CONNACK, the longest, ms", "connack_longest_us", 1000, 1)):
        lines.append(f"| {what} | {spread(runs, 'storm', figure, scale, digits)} |")
    return lines


def render(report, source):
    head = HEAD.format(source=source, date=report["date"], commit=report["commit"],
                       others=used_by_others(report["results"]), **report["machine"],
                       **report["effort"])
    return head + "\n".join(flow_table(report["results"]) +
                            storm_tables(report["results"], report["effort"])) + "\n"


def newest():
    return max(RESULTS.glob("*-storms.json"))


def write_page(path):
    PAGE.write_text(render(json.loads(path.read_text()), str(path.relative_to(ROOT))))


if __name__ == "__main__":
    ARGUMENTS = parse_arguments()
    write_page(newest() if ARGUMENTS.what == "page" else measure(ARGUMENTS))
