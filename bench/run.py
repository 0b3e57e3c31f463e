#!/usr/bin/env python3
"""This server beside others, in one run: CPU per message, latency, memory, queues, Kafka.

    ./dev bench --peer flashmq=/path/to/flashmq --peer mosquitto=/path/to/mosquitto
    ./dev bench --quick                  two minutes instead of an hour; nothing is kept in git
    ./dev bench --only "1:1 QoS 0" --runs 3
    ./dev bench page [FILE.json]         docs/benchmarks.md again, from what was measured

Peers on the PATH are taken without --peer. Every measurement has a fresh server on one core and the
load generator on another; the servers take turns within each run, so what disturbs the machine
disturbs all, and a ratio is always between figures of the same minute. Run it on an idle machine:
what others used meanwhile is recorded and shown.
"""
import argparse
import datetime
import json
import os
import pathlib
import subprocess
import sys

import machine
import page
from scenarios import FLOW, FULL, IDLE, KAFKA, OFFLINE, PACED, QUICK, SCENARIOS, load_arguments
from servers import ROOT, SLUICE, allow_many_files, chosen, pinned, running, without_paths

LOAD = ROOT / "build/bench/bench/load/sluice_load"
KAFKA_RUN = ROOT / "bench/load/kafka_end_to_end.py"
RESULTS = ROOT / "bench/results"


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer", action="append", default=[], metavar="NAME=PROGRAM")
    parser.add_argument("--without", action="append", default=[], metavar="NAME",
                        help="a peer that is installed, but not wanted")
    parser.add_argument("--quick", action="store_true",
                        help="one short run; results stay below build/")
    parser.add_argument("--only", action="append", metavar="TEXT",
                        help="scenarios with TEXT in their name, or of the kind TEXT: "
                             f"{FLOW}, {PACED}, {OFFLINE}, {IDLE}, {KAFKA}; kept below build/ too")
    parser.add_argument("--runs", type=int)
    parser.add_argument("--seconds", type=float, help="measured time of one run")
    parser.add_argument("--cores", default="0,1", help="of the server, and of the generator")
    parser.add_argument("--realtime", action="store_true",
                        help="servers and generator go before all others (root): for latency")
    parser.add_argument("--directory", type=pathlib.Path, default=ROOT / "build",
                        help="for the servers' data; a disk, not a tmpfs")
    parser.add_argument("--what", default="all",
                        help="the file's name: bench/results/DATE-WHAT.json")
    arguments = parser.parse_args()
    for program in (LOAD, SLUICE):
        if not program.is_file():
            sys.exit(f"no {program}: ./dev build bench makes it")
    return arguments


def wanted(scenario, only):
    return not only or any(text == scenario.kind or text in scenario.name for text in only)


CACHE = pathlib.Path(os.environ.get("SLUICE_CACHE", ROOT / ".cache"))
PYTHON = CACHE / "venv/bin/python"  # with the Kafka client of the tests, once they are set up


def kafka_is_there():
    return (CACHE / "kafka/lib").is_dir() and PYTHON.is_file()


NOT_ASKED = "of no interest"  # and nobody needs to be told


def applies(scenario, server, effort):
    """Why it makes no sense for this server, or nothing."""
    if server.only_kind not in (None, scenario.kind):
        return NOT_ASKED
    if scenario.kind == KAFKA:
        if server.kind != "sluice":
            return "no task into Kafka"
        return None if "dev" in scenario.load or kafka_is_there() else "./dev setup test"
    if "--group" in scenario.load and not server.has_groups:
        return "no shared subscriptions over MQTT"
    limit = server.queue_limit
    if scenario.kind == OFFLINE and limit and effort.offline_messages > limit:
        return f"keeps {limit:,} messages"
    return None


def command_of(scenario, server, effort, arguments, port="PORT", pid="PID"):
    cores = arguments.cores.split(",")
    if scenario.kind == KAFKA:
        python = PYTHON if PYTHON.is_file() else sys.executable
        return [python, KAFKA_RUN, "--load", LOAD, "--durability", server.durability,
                "--server-core", cores[0], "--other-cores", cores[1], *scenario.load,
                "--seconds", effort.seconds * 2]
    login = ["--username", server.login[0]] if server.login else []
    return [*pinned(cores[1], arguments.realtime), LOAD, "--json", "--port", port, "--pid", pid,
            *login, *load_arguments(scenario, effort)]


def figures_of(command, environment=None):
    """What a measurement printed; {"failed": why} when it did not end well."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True,
                          check=False, env={**os.environ, "SLUICE_BINARY": str(SLUICE),
                                            **(environment or {})})
    try:
        found = json.loads(done.stdout)
    except ValueError:
        return {"failed": (done.stderr + done.stdout).strip()[-300:]}
    # A server that loses or refuses is shown with what it lost, not left out.
    return found if done.returncode in (0, 1) else {"failed": done.stderr[-300:]}


def measure(scenario, server, effort, arguments):
    if scenario.kind == KAFKA:
        return figures_of(command_of(scenario, server, effort, arguments))
    pin = pinned(arguments.cores.split(",")[0], arguments.realtime)
    try:
        with running(server, pin, arguments.directory) as (port, pid):
            password = {"SLUICE_LOAD_PASSWORD": server.login[1]} if server.login else {}
            return figures_of(command_of(scenario, server, effort, arguments, port, pid), password)
    except RuntimeError as error:
        return {"failed": str(error)}


def measure_all(servers, effort, arguments):
    results, seen = [], {}
    for scenario in SCENARIOS:
        if not wanted(scenario, arguments.only):
            continue
        missing = {server.name: applies(scenario, server, effort) for server in servers}
        taking_part = [server for server in servers if not missing[server.name]]
        for name, why in missing.items():
            if why not in (None, NOT_ASKED) and (scenario.kind != KAFKA or name.startswith("sluice")):
                print(f"{scenario.name:48} {name:14} not measured: {why}")
        # Fill and drain of one queue are two figures of one measurement.
        same = (scenario.kind, scenario.load)
        if same in seen:
            runs = seen[same]
        else:
            runs = {server.name: [] for server in taking_part}
            for _ in range(effort.runs):
                for server in taking_part:
                    runs[server.name].append(measure(scenario, server, effort, arguments))
            seen[same] = runs
        for server in taking_part:
            command = command_of(scenario, server, effort, arguments)
            results.append({"scenario": scenario.name, "server": server.name,
                            "command": " ".join(without_paths(command)),
                            "runs": runs[server.name]})
            print(page.line(scenario, server.name, runs[server.name]), flush=True)
    return results


def effort_of(arguments):
    chosen_effort = QUICK if arguments.quick else FULL
    values = {**vars(chosen_effort)}
    if arguments.runs:
        values["runs"] = arguments.runs
    if arguments.seconds:
        values["seconds"] = arguments.seconds
    return type(chosen_effort)(**values)


def main():
    if sys.argv[1:2] == ["page"]:
        page.write(pathlib.Path(sys.argv[2]) if sys.argv[2:] else page.newest(RESULTS))
        return
    arguments = parse_arguments()
    allow_many_files()
    arguments.directory.mkdir(parents=True, exist_ok=True)
    servers, effort = chosen(arguments.peer, arguments.without), effort_of(arguments)
    about = machine.describe(arguments.directory)
    print(f"servers: {', '.join(server.name for server in servers)}; others use "
          f"{about['busy_cores_before']} cores", flush=True)
    busy = about["busy_cores_before"] > page.DISTURBED_CORES
    if busy:
        print("this machine is busy: take the figures for nothing but a check that it works")
    now = datetime.datetime.now(datetime.timezone.utc)
    report = {"date": now.isoformat(timespec="seconds"), "commit": machine.commit(ROOT),
              "machine": about, "effort": vars(effort), "cores": arguments.cores,
              "realtime": arguments.realtime,
              "servers": {server.name: {"version": server.version(),
                                        "configuration": server.configuration()}
                          for server in servers},
              "results": measure_all(servers, effort, arguments)}
    kept = not (arguments.quick or arguments.only or busy)
    where = RESULTS if kept else ROOT / "build/bench/results"
    where.mkdir(parents=True, exist_ok=True)
    file = where / f"{now:%Y-%m-%d}-{arguments.what}.json"
    file.write_text(json.dumps(report, indent=1) + "\n")
    print(f"\n{file.relative_to(ROOT)}")
    page.write(file, ROOT / "docs" if kept else ROOT / "build/bench/page")


if __name__ == "__main__":
    main()
