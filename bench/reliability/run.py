#!/usr/bin/env python3
"""What becomes of acknowledged messages when a server is killed, or its machine loses power.

    ./dev bench reliability --peer flashmq=/path/to/flashmq
    ./dev bench reliability --full                       1,000 kills, 100 power cuts on ext4 and xfs
    ./dev bench reliability --only "fsync xfs" --cuts 40 --into bench/results/DATE-reliability.json
    ./dev bench reliability page [FILE.json]             docs/reliability.md again

Peers on the PATH are taken without --peer. A power cut is a file system of its own, on a loop
device, that is shut down without its own log being written while the server is killed. It needs
root, and fails where nothing can be mounted. Exit code 1: this server broke a promise.
"""
import argparse
import datetime
import json
import pathlib
import random
import secrets
import shutil
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "bench"), str(ROOT / "tests")]

import machine  # noqa: E402
import report as page  # noqa: E402
from candidates import SLUICE, candidates  # noqa: E402
from disks import demand_mounting  # noqa: E402
from tally import broke_a_promise  # noqa: E402
from trial import KILL, Trial  # noqa: E402

RESULTS = ROOT / "bench/results"
FAULTS = (KILL, "ext4", "xfs")
PEERS_SHARE = 5  # a peer gets so many times fewer rounds


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer", action="append", default=[], metavar="NAME=PROGRAM")
    parser.add_argument("--without", action="append", default=[], metavar="NAME")
    parser.add_argument("--full", action="store_true", help="1,000 kills and 100 power cuts")
    parser.add_argument("--kills", type=int, help="of this server; 100")
    parser.add_argument("--cuts", type=int, help="of this server, on each file system; 20")
    parser.add_argument("--only", action="append", metavar="TEXT",
                        help="trials with all words of TEXT in `SERVER FAULT`; the faults are "
                             + ", ".join(FAULTS))
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--directory", type=pathlib.Path, default=ROOT / "build",
                        help="for the servers' data; a disk, not a tmpfs")
    parser.add_argument("--into", type=pathlib.Path,
                        help="adds to the trials in this file instead of beginning another")
    arguments = parser.parse_args()
    arguments.kills = arguments.kills or (1000 if arguments.full else 100)
    arguments.cuts = arguments.cuts or (100 if arguments.full else 20)
    return arguments


def wanted(server, fault, only):
    words = f"{server.name} {fault}"
    return not only or any(all(part in words for part in text.split()) for text in only)


def rounds_of(server, fault, arguments):
    rounds = arguments.kills if fault == KILL else arguments.cuts
    return rounds if server.kind == "sluice" else max(1, rounds // PEERS_SHARE)


def run_trial(server, fault, arguments, seed):
    home = pathlib.Path(tempfile.mkdtemp(dir=arguments.directory, prefix="reliability-"))
    try:
        trial = Trial(server, fault, home, random.Random(f"{seed} {server.name} {fault}"))
        return trial.run(rounds_of(server, fault, arguments))
    finally:
        shutil.rmtree(home, ignore_errors=True)


def file_of(arguments, seed):
    """The file and what it holds already."""
    if arguments.into and arguments.into.is_file():
        return arguments.into, json.loads(arguments.into.read_text())
    now = datetime.datetime.now(datetime.timezone.utc)
    kept = RESULTS if not arguments.only or arguments.into else ROOT / "build/bench/results"
    kept.mkdir(parents=True, exist_ok=True)
    return arguments.into or kept / f"{now:%Y-%m-%d}-reliability.json", {
        "date": now.isoformat(timespec="seconds"), "machine": machine.describe(arguments.directory),
        "seed": seed, "servers": {}, "trials": []}


def main():
    if sys.argv[1:2] == ["page"]:
        page.write(pathlib.Path(sys.argv[2]) if sys.argv[2:] else None)
        return 0
    arguments = parse_arguments()
    arguments.directory.mkdir(parents=True, exist_ok=True)
    seed = arguments.seed if arguments.seed is not None else secrets.randbits(32)
    chosen = [(server, fault) for server in candidates(arguments.peer, arguments.without)
              for fault in FAULTS if wanted(server, fault, arguments.only)]
    if any(server.kind == "sluice" for server, _ in chosen) and not SLUICE.is_file():
        sys.exit(f"no {SLUICE}: ./dev build release makes it")
    kinds = sorted({fault for _, fault in chosen if fault != KILL})
    demand_mounting(arguments.directory, kinds)
    file, found = file_of(arguments, seed)
    print(f"seed {seed}", flush=True)
    broken = False
    for server, fault in chosen:
        figures = run_trial(server, fault, arguments, seed)
        figures.update(commit=machine.commit(ROOT), seed=seed)
        found["servers"][server.name] = {"version": server.version(),
                                         "configuration": server.configuration()}
        found["trials"].append(figures)
        file.write_text(json.dumps(found, indent=1) + "\n")
        print(page.line(figures), flush=True)
        broken = bool(broke_a_promise(server.promises, figures)) or broken
    print(file)
    if file.resolve().is_relative_to(RESULTS):
        page.write(file)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
