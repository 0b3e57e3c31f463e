#!/usr/bin/env python3
"""What lists of very many clients take, and what they cost those who publish: docs/lists.md.

    python3 bench/load/lists.py          measures, writes bench/results/DATE-lists.json and the page
    python3 bench/load/lists.py page     the page again, from the newest result

--clients persistent sessions with a subscription each, as many retained messages, 1,000 shared groups.
Each list is asked for over and over for some seconds, with pages of 1, 100 and 1,000, by one program,
beside a flow of QoS 1 at --rate. Server on core 0, all else on core 1. Durability `os`.
"""
import argparse
import datetime
import http.client
import json
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from integration import raw_mqtt as mqtt  # noqa: E402
from integration.harness import Sluice  # noqa: E402

sys.path.insert(0, str(ROOT / "bench"))  # behind the others: both folders have `servers`
import machine  # noqa: E402

PAGE = ROOT / "docs/lists.md"
RESULTS = ROOT / "bench/results"
LIMITS = (1, 100, 1000)
WARM_UP = 1
GROUPS = 1000

# name, path; `{middle}` is a number in the middle of the clients
LISTS = [
    ("clients", "/clients?"),
    ("clients, one by its id", "/clients?client_id=load-s{middle}"),
    ("clients, a user whom nobody is", "/clients?username=nobody"),
    ("clients, those connected", "/clients?status=connected"),
    ("clients, a part of an id that many have", "/clients?client_id_contains=99"),
    ("clients, a part of an id that none has", "/clients?client_id_contains=nobody"),
    ("subscriptions", "/subscriptions?"),
    ("subscriptions of one client", "/subscriptions?client_id=load-s{middle}"),
    ("subscriptions to a topic, one", "/subscriptions?topic=load/session/{middle}"),
    ("subscriptions to a topic, none", "/subscriptions?topic=nobody/here"),
    ("subscriptions, a beginning that none has", "/subscriptions?filter_prefix=nobody/"),
    ("subscriptions, a group that none is in", "/subscriptions?group=nobody"),
    ("retained", "/retained?"),
    ("retained, one topic", "/retained?filter=kept{middle}/state"),
    ("retained, a filter that matches none", "/retained?filter=%2B/nothing"),
    ("groups", "/groups?"),
    ("groups, a name that none has", "/groups?name=nobody"),
    ("topics", "/topics?"),
    ("messages, a filter that matches none", "/messages?filter=nobody/here"),
    ("events", "/events?"),
]

HEAD = """\
# Lists of very many clients

Written by `bench/load/lists.py` from [{source}](../{source}); no figure is typed by hand.

* {date}, commit `{commit}`; {processor}, {cores} cores, {memory_gib} GiB, Linux {kernel}; others used {busy_cores_before}
  cores before the start.
* Server on core 0, everything else on core 1; `access.enabled: false`, `io_threads: 1`, `store.durability: os`, the rest as it
  is by default.
* {clients:,} persistent sessions that are away, each with one subscription; {clients:,} retained messages, each on a first level of its
  own; {groups:,} shared groups.
* Each list is asked for over and over for {seconds} s by one client, its first page; a time is that of the whole request, JSON read.
* Beside it {publishers} publishers and as many subscribers, QoS 1, {rate:,} messages a second; their times count from when a message was
  due to its PUBACK. Alone: p50 {alone_p50:.2f} ms, p99 {alone_p99:.2f} ms, p99.9 {alone_p999:.2f} ms.

| list | items | page of 1: p50, worst, ms | of 100 | of 1,000 | PUBACK beside it: p50, p99, p99.9, ms |
|---|---|---|---|---|---|
"""


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", nargs="?", choices=["measure", "page"], default="measure")
    parser.add_argument("--clients", type=int, default=100_000)
    parser.add_argument("--rate", type=int, default=1000)
    parser.add_argument("--publishers", type=int, default=10)
    parser.add_argument("--seconds", type=int, default=3, help="of each list")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build/bench",
                        help="with sluice_load")
    return parser.parse_args()


def load(arguments, server, *more):
    command = [arguments.build / "bench/load/sluice_load", "--json", "--port", server.mqtt[1], *more]
    return [str(part) for part in command]


def fill(arguments, server):
    subprocess.run(load(arguments, server, "--pid", server.pid, "--sessions", arguments.clients,
                        "--messages", 1000), check=True, stdout=subprocess.DEVNULL)
    with mqtt.RawClient(server.mqtt) as client:
        client.connect("keeper")
        for first in range(0, GROUPS, 100):
            client.subscribe(*(f"$share/g{number}/kept/group" for number in range(first, first + 100)))
        for first in range(0, arguments.clients, 100):
            for number in range(first, first + 99):
                client.send(mqtt.publish_packet(5, f"kept{number}/state", b"{}", retain=True))
            client.publish(f"kept{first + 99}/state", b"{}", qos=1, retain=True)
        yield client


def start_flow(arguments, server):
    return subprocess.Popen(load(
        arguments, server, "--pid", server.pid, "--qos", 1, "--seconds", arguments.seconds, "--rate",
        arguments.rate, "--publishers", arguments.publishers, "--subscribers",
        arguments.publishers), stdout=subprocess.PIPE, text=True)


def flow_figures(flow):
    figures = json.loads(flow.communicate()[0])
    return {name: figures[f"puback_{name}_us"] / 1000 for name in ("p50", "p99", "p999")}


def ask_over_and_over(server, path, flow):
    """Milliseconds of each request, by the size of the page, as long as the flow goes on."""
    address = server.address("admin")
    connection = http.client.HTTPConnection(*address)
    headers = {"Authorization": "Bearer " + server.token}
    taken, items = {limit: [] for limit in LIMITS}, 0
    while flow.poll() is None:
        for limit in LIMITS:
            begun = time.perf_counter()
            connection.request("GET", f"/api/v1{path}&limit={limit}", headers=headers)
            answer = connection.getresponse()
            document = json.loads(answer.read())
            taken[limit].append((time.perf_counter() - begun) * 1000)
            assert answer.status == 200, document
            items = len(document["items"])
    connection.close()
    return {"items": items, "pages": {
        str(limit): {"requests": len(each), "p50_ms": round(statistics.median(each), 2),
                     "worst_ms": round(max(each), 2)} for limit, each in taken.items()}}


def measure(arguments):
    here = machine.describe(ROOT / "build")
    os.sched_setaffinity(0, {1})
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    results = []
    with tempfile.TemporaryDirectory(dir=ROOT / "build") as folder:
        server = Sluice(pathlib.Path(folder), {
            "access": {"enabled": False}, "io_threads": 1, "store": {"durability": "os"}}).start()
        for task in os.listdir(f"/proc/{server.pid}/task"):
            os.sched_setaffinity(int(task), {0})
        try:
            for _ in fill(arguments, server):  # while the groups are there
                alone = flow_figures(start_flow(arguments, server))
                for name, path in LISTS:
                    flow = start_flow(arguments, server)
                    time.sleep(WARM_UP)
                    asked = ask_over_and_over(server, path.format(middle=arguments.clients // 2), flow)
                    results.append({"name": name, **asked, "flow": flow_figures(flow)})
                    print(json.dumps(results[-1]), flush=True)
        finally:
            server.kill9()
    report = {"date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
              "commit": machine.commit(ROOT), "machine": here, "groups": GROUPS,
              "effort": {name: getattr(arguments, name) for name in
                         ("clients", "rate", "publishers", "seconds")},
              "alone": alone, "results": results}
    path = RESULTS / f"{report['date'][:10]}-lists.json"
    path.write_text(json.dumps(report, indent=1) + "\n")
    return path


def render(report, source):
    text = HEAD.format(source=source, date=report["date"], commit=report["commit"],
                       groups=report["groups"],
                       **{f"alone_{name}": value for name, value in report["alone"].items()},
                       **report["machine"], **report["effort"])
    for result in report["results"]:
        pages = [f"{page['p50_ms']:,.1f}, {page['worst_ms']:,.1f}" for page in result["pages"].values()]
        flow = ", ".join(f"{result['flow'][name]:.2f}" for name in ("p50", "p99", "p999"))
        text += f"| {result['name']} | {result['items']:,} | {' | '.join(pages)} | {flow} |\n"
    return text


if __name__ == "__main__":
    ARGUMENTS = parse_arguments()
    PATH = (max(RESULTS.glob("*-lists.json")) if ARGUMENTS.what == "page" else measure(ARGUMENTS))
    PAGE.write_text(render(json.loads(PATH.read_text()), str(PATH.relative_to(ROOT))))
