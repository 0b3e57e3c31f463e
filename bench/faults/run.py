#!/usr/bin/env python3
"""What becomes of every message when Kafka, the network or the server fails in the middle of it.

    ./dev bench faults                     the whole matrix, about 45 minutes
    ./dev bench faults --quick             a tenth of every duration and count
    ./dev bench faults --only F1,F4 --scale 0.2 --times 3
    ./dev bench faults --only F8 --into bench/results/DATE-faults.json
    ./dev bench faults page [FILE.json]    docs/integration-reliability.md again

Each fault has a server and a real Apache Kafka of its own. F3 drops packets by iptables as root, by a
relay of its own otherwise; the full disk needs root. A run that could not do what it says is broken.
Exit code 1: a run was broken, or a promise was.
"""
import argparse
import datetime
import json
import pathlib
import secrets
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from servers.kafka_server import default_cache  # noqa: E402

# Not before: bench has a `servers` of its own.
sys.path += [str(ROOT / "bench/reliability"), str(ROOT / "bench")]

import fault_page  # noqa: E402
import kafkas  # noqa: E402
import machine  # noqa: E402
from holdings import broke_a_promise  # noqa: E402
from integration.harness import sluice_binary  # noqa: E402
from matrix import MATRIX  # noqa: E402
from kafka_trial import Trial  # noqa: E402

RESULTS = ROOT / "bench/results"
SAME = {"F4": "F5"}  # bridge and server are one process
CURVE_POINTS, POINTS = 96, 16  # of the run whose memory is shown over time, and of others
QUICK = 0.1


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", action="append", default=[], metavar="KEY,KEY",
                        help=", ".join(fault.key for fault in MATRIX))
    parser.add_argument("--quick", action="store_true", help=f"--scale {QUICK}")
    parser.add_argument("--scale", type=float, help="of every duration and count; 1")
    parser.add_argument("--times", type=int, default=1, help="each fault so often")
    parser.add_argument("--rate", type=float, default=1000,
                        help="messages a second of all publishers; F5 and F8 have their own")
    parser.add_argument("--guarantee", choices=["at_least_once", "exactly_once"],
                        default="at_least_once")
    parser.add_argument("--seed", type=int, default=None, help="of the random moments")
    parser.add_argument("--directory", type=pathlib.Path, default=ROOT / "build",
                        help="for the data; a disk, not a tmpfs")
    parser.add_argument("--into", type=pathlib.Path,
                        help="adds to the runs in this file instead of beginning another")
    parser.add_argument("--replace", action="store_true",
                        help="with --into: in place of its runs of the same faults")
    arguments = parser.parse_args()
    arguments.scale = arguments.scale or (QUICK if arguments.quick else 1)
    wanted = {SAME.get(key, key) for text in arguments.only for key in text.split(",")}
    unknown = wanted - {fault.key for fault in MATRIX}
    if unknown:
        parser.error(f"no fault {', '.join(sorted(unknown))}")
    arguments.faults = [fault for fault in MATRIX if not wanted or fault.key in wanted]
    return arguments


def run_fault(fault, arguments, seed):
    home = pathlib.Path(tempfile.mkdtemp(dir=arguments.directory, prefix="faults-"))
    amount, kafka, trial = fault.scaled(arguments.scale), None, None
    row = {"fault": fault.key, "title": fault.title, "amount": amount, "unit": fault.unit,
           "whole": fault.amount, "rate": fault.rate or arguments.rate,
           "guarantee": arguments.guarantee, "seed": seed, "commit": machine.commit(ROOT)}
    try:
        kafka = fault.kafka(home / "kafka")
        kafka.start()
        trial = Trial(home, kafka, rate=row["rate"], guarantee=arguments.guarantee, seed=seed,
                      settings=fault.settings)
        figures = trial.run(lambda each: fault.does(each, amount))
    except (AssertionError, RuntimeError) as error:  # it did not get so far as to begin
        figures = Trial.nothing() | {"problem": str(error).replace(str(home), "FOLDER")}
    finally:
        if trial:
            trial.server.kill9()
        if kafka:
            getattr(kafka, "end", kafka.kill9)()
    if figures["problem"]:
        print(f"what is left of {fault.key}: {home}", file=sys.stderr)
    else:
        shutil.rmtree(home, ignore_errors=True)
    row |= figures
    row["duplicates_allowed"] = 0 if arguments.guarantee == "exactly_once" else (
        (row["kills"] + row["replaced"]) * row["in_flight"])
    row["samples"] = thinned(row["samples"], CURVE_POINTS if fault.key == fault_page.CURVE else POINTS)
    return row


def thinned(samples, points):
    """Of each piece of time the sample with the most memory."""
    if len(samples) <= points:
        return samples
    every = len(samples) / points
    return [max(samples[int(at * every):int((at + 1) * every)], key=lambda each: each["rss_mib"])
            for at in range(points)]


def versions():
    def first_line(*command):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return ((done.stdout or done.stderr).splitlines() or ["unknown"])[0]
    return {"sluice": first_line(str(sluice_binary()), "--version"),
            "Apache Kafka": kafkas.version(default_cache() / "kafka"),
            "Java": first_line("java", "-version"),
            "librdkafka": first_line("dpkg-query", "-W", "-f", "${Version}", "librdkafka1")}


def file_of(arguments):
    """The file and what it holds already. Only the whole matrix is kept among the results."""
    if arguments.into and arguments.into.is_file():
        return arguments.into, json.loads(arguments.into.read_text())
    now = datetime.datetime.now(datetime.timezone.utc)
    is_whole = arguments.scale == 1 and not arguments.only
    kept = RESULTS if is_whole else ROOT / "build/bench/results"
    kept.mkdir(parents=True, exist_ok=True)
    return arguments.into or kept / f"{now:%Y-%m-%d}-faults.json", {
        "date": now.isoformat(timespec="seconds"), "machine": machine.describe(arguments.directory),
        "versions": versions(), "commands": [], "runs": []}


def main():
    if sys.argv[1:2] == ["page"]:
        fault_page.write(pathlib.Path(sys.argv[2]) if sys.argv[2:] else None)
        return 0
    arguments = parse_arguments()
    arguments.directory.mkdir(parents=True, exist_ok=True)
    file, report = file_of(arguments)
    report["commands"].append(" ".join(["./dev bench faults", *sys.argv[1:]]))
    if arguments.replace:
        again = {(fault.key, arguments.guarantee) for fault in arguments.faults}
        report["runs"] = [run for run in report["runs"]
                          if (run["fault"], run["guarantee"]) not in again]
    broken = False
    for fault in arguments.faults:
        for _ in range(arguments.times):
            seed = arguments.seed if arguments.seed is not None else secrets.randbits(32)
            row = run_fault(fault, arguments, seed)
            report["runs"].append(row)
            file.write_text(json.dumps(report, indent=1) + "\n")
            print(fault_page.line(row), flush=True)
            broken = broke_a_promise(row) or broken
    print(file)
    if file.resolve().is_relative_to(RESULTS):
        fault_page.write(file)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
