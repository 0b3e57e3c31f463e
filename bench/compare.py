#!/usr/bin/env python3
"""QoS 1 through this server and through whatever peers are given, side by side in one run.

    python3 bench/compare.py [--peer flashmq=/path/to/flashmq] [--peer mosquitto=mosquitto]
                             [--runs 3] [--seconds 3] [--only 100:1] [--output FILE.json]

Each run starts a fresh server on core 0; the load generator has core 1. What counts is the
server's CPU time per published message (1:100 delivers each a hundred times): rates of two machines, and of two hours on one machine,
are not to be compared, ratios in one run are. Access control is off, listeners are on loopback,
TCP_NODELAY is on everywhere, payloads have 256 bytes. The other servers keep nothing on disk.
"""
import argparse
import contextlib
import datetime
import json
import os
import pathlib
import platform
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
LOAD = ROOT / "build/bench/bench/load/sluice_load"
SLUICE = ROOT / "build/bench/sluice"

SCENARIOS = {
    "1:1": ["--publishers", 1, "--subscribers", 1],
    "100:1": ["--publishers", 100, "--subscribers", 1, "--window", 16],
    "1:100": ["--publishers", 1, "--subscribers", 100, "--window", 15],
    "100 pairs": ["--publishers", 100, "--subscribers", 100, "--window", 16],
    "100 pairs, one message a write": ["--publishers", 100, "--subscribers", 100, "--window", 8,
                                       "--batch", 1],
    "100:0": ["--publishers", 100, "--window", 64],
}


def sluice(durability):
    def command(folder, port):
        file = folder / "sluice.yaml"
        file.write_text(json.dumps({
            "data": str(folder / "data"), "access": {"enabled": False},
            "listeners": {"tcp": {"type": "mqtt", "bind": f"127.0.0.1:{port}"}},
            "admin": {"bind": "127.0.0.1:0"}, "store": {"durability": durability}}))
        return [SLUICE, "serve", "-c", file]
    return command


def flashmq(program):
    def command(folder, port):
        file = folder / "flashmq.conf"
        file.write_text(f"thread_count 1\nallow_anonymous true\nlog_level warning\n"
                        f"storage_dir {folder}\nlisten {{\n protocol mqtt\n port {port}\n"
                        f" tcp_nodelay true\n}}\n")
        return [program, "--config-file", file]
    return command


def mosquitto(program):
    def command(folder, port):
        file = folder / "mosquitto.conf"
        file.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\nset_tcp_nodelay true\n"
                        "max_queued_messages 0\nmax_inflight_messages 0\n")
        return [program, "-c", file]
    return command


PEERS = {"flashmq": flashmq, "mosquitto": mosquitto}


@contextlib.contextmanager
def running(make_command, parent):
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    folder = pathlib.Path(tempfile.mkdtemp(dir=parent, prefix="compare-"))
    command = ["taskset", "-c", "0", *map(str, make_command(folder, port))]
    with open(folder / "output", "w", encoding="utf-8") as output:
        server = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        wait_for(port, server, folder)
        yield port, server.pid
    finally:
        server.terminate()
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
        shutil.rmtree(folder, ignore_errors=True)


def wait_for(port, server, folder):
    for _ in range(200):
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        if server.poll() is not None:
            break
        time.sleep(0.05)
    sys.exit(f"no server on {port}: {(folder / 'output').read_text()[-2000:]}")


def measure(make_command, scenario, arguments):
    with running(make_command, arguments.directory) as (port, pid):
        command = ["taskset", "-c", "1", LOAD, "--json", "--port", port, "--pid", pid, "--qos", 1,
                   "--size", 256, "--warmup", 1, "--seconds", arguments.seconds,
                   *SCENARIOS[scenario]]
        done = subprocess.run([str(part) for part in command], capture_output=True, text=True,
                              check=False)
    if done.returncode:
        return {"failed": (done.stderr + done.stdout)[-300:]}
    return json.loads(done.stdout)


def version_of(program):
    for flag in ("--version", "-h"):
        done = subprocess.run([program, flag], capture_output=True, text=True, check=False)
        if done.stdout.strip():
            return done.stdout.strip().splitlines()[0]
    return "unknown"


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer", action="append", default=[], metavar="NAME=PROGRAM",
                        help=f"NAME: {', '.join(PEERS)}")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--only", action="append", choices=SCENARIOS, metavar="SCENARIO")
    parser.add_argument("--directory", type=pathlib.Path, default=ROOT / "build",
                        help="for the data; a disk, not a tmpfs")
    parser.add_argument("--output", type=pathlib.Path)
    arguments = parser.parse_args()
    for program in (LOAD, SLUICE):
        if not program.is_file():
            sys.exit(f"no {program}: ./dev build bench makes it")
    return arguments


def main():
    arguments = parse_arguments()
    servers = {"sluice, os": sluice("os"), "sluice, fsync": sluice("fsync")}
    versions = {"sluice": version_of(str(SLUICE))}
    for peer in arguments.peer:
        name, _, program = peer.partition("=")
        if name not in PEERS or not shutil.which(program):
            sys.exit(f"--peer {peer}: not one of {', '.join(PEERS)}, or no such program")
        servers[name] = PEERS[name](program)
        versions[name] = version_of(program)
    results = []
    for scenario in arguments.only or SCENARIOS:
        runs = {name: [] for name in servers}
        for _ in range(arguments.runs):  # in turn: what disturbs the machine disturbs all
            for name, command in servers.items():
                runs[name].append(measure(command, scenario, arguments))
        for name, made in runs.items():
            results.append({"scenario": scenario, "server": name, "runs": made})
            print(row(scenario, name, made), flush=True)
    report = {"date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
              "machine": {"system": platform.platform(), "cores": os.cpu_count()},
              "versions": versions, "runs": arguments.runs, "seconds": arguments.seconds,
              "scenarios": {name: list(map(str, SCENARIOS[name])) for name in SCENARIOS},
              "results": results}
    if arguments.output:
        arguments.output.parent.mkdir(parents=True, exist_ok=True)
        arguments.output.write_text(json.dumps(report, indent=1) + "\n")


def row(scenario, name, runs):
    good = [run for run in runs if "failed" not in run]
    if not good:
        return f"{scenario:32} {name:14} failed: {runs[0]['failed']}"
    median = {key: statistics.median(run[key] for run in good)
              for key in ("published_per_second", "server_cpu_us_per_message",
                          "puback_p50_us", "puback_p99_us")}
    failed = len(runs) - len(good)
    return (f"{scenario:32} {name:14} {median['published_per_second']:>10,.0f}/s "
            f"{median['server_cpu_us_per_message']:>7.2f} us  p50 {median['puback_p50_us']:,.0f} us  "
            f"p99 {median['puback_p99_us']:,.0f} us" + (f"  ({failed} failed)" if failed else ""))


if __name__ == "__main__":
    main()
