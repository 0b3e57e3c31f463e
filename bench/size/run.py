#!/usr/bin/env python3
"""The store at size: what a message costs, how long a start takes and what memory it needs, when
the log holds a million messages, when it holds many more, and when it is 10 GiB long.

    ./dev bench size                       10,000,000 messages
    ./dev bench size --messages 100000000  about 20 GB of disk

A real server makes the directory and a session with a subscription to everything; sluice_size
appends through the store, as a server's worker would, and ends as a killed process does; then the
real server starts on what is there, with nothing of it in the system's cache, the session reads, and
messages are looked for over the REST API (questions.py). At last it starts without its view.
"""
import argparse
import datetime
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "bench"), str(ROOT / "bench/reliability"), str(ROOT / "tests"),
                str(ROOT / "bench/size")]

import machine  # noqa: E402
import micro  # noqa: E402
import questions  # noqa: E402
import report as page  # noqa: E402
from candidates import Process, Sluice  # noqa: E402
from integration import raw_mqtt as mqtt  # noqa: E402
from integration.raw_mqtt import RawClient  # noqa: E402

RESULTS = ROOT / "bench/results"
PROGRAM = pathlib.Path(os.environ.get("SLUICE_SIZE_BINARY",
                                      ROOT / "build/release/bench/size/sluice_size"))
SMALL, LARGE = 32, 1024  # bytes of payload
BYTES_BESIDE = 100       # of a record besides its payload, about
READ = 100_000           # messages, from each end of the queue
RARE = 1_000             # messages of a first level of their own
NEAR = 20_000            # messages that a session finds in the cache
UNDER_WAY = 500          # of them at most before a PUBACK
REBUILD_SECONDS = 1_800  # at most, without the view
SESSION = {"clean": False, "properties": [(mqtt.SESSION_EXPIRY, 7 * 24 * 3600)]}


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--messages", type=int, default=10_000_000)
    parser.add_argument("--gib", type=float, default=10, help="of the long log")
    parser.add_argument("--os", action="store_true", help="durability os instead of fsync")
    parser.add_argument("--only", choices=["million", "messages", "gib", "micro"])
    parser.add_argument("--directory", type=pathlib.Path, default=ROOT / "build")
    parser.add_argument("--into", type=pathlib.Path, help="adds to this file")
    return parser.parse_args()


def program(*arguments):
    done = subprocess.run([str(PROGRAM), *map(str, arguments)], capture_output=True, text=True,
                          check=False)
    if done.returncode not in (0, -signal.SIGKILL):
        sys.exit(f"sluice_size: {done.stderr}")
    return json.loads(done.stdout)


def rss_bytes(pid):
    return int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf(
        "SC_PAGE_SIZE")


def forget_cached(folder):
    """What a machine that was just switched on has in its cache of these files: nothing."""
    for path in folder.rglob("*"):
        if path.is_file():
            with open(path, "rb") as file:
                os.fdatasync(file.fileno())
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def make_session(process):
    process.start()
    with RawClient(process.address) as client:
        assert client.connect("away", **SESSION).reason == 0
        assert client.subscribe("#", qos=1) == [1]
        client.disconnect()
    process.child.terminate()
    process.child.wait()


def started(process, folder, **patience):
    """The figures of one start after a kill."""
    forget_cached(folder)
    said = process.output.stat().st_size
    seconds = process.start(**patience)
    with open(process.output, "rb") as output:
        output.seek(said)
        replayed = re.search(rb'replayed_bytes"?[=:] ?(\d+)', output.read())
    return {"seconds": round(seconds, 3), "rss_bytes": rss_bytes(process.child.pid),
            "replayed_bytes": int(replayed.group(1)) if replayed else None}


def session_reads(process, count=10_000):
    """The session comes back to all that was kept for it."""
    with RawClient(process.address) as client:
        begun = time.monotonic()
        assert client.connect("away", **SESSION).session_present, "the session is gone"
        client.messages(1)
        first = time.monotonic() - begun
        client.messages(count - 1)
        took = time.monotonic() - begun
        client.disconnect()
    return {"first_ms": round(first * 1e3, 2), "read": count, "seconds": round(took, 3),
            "rss_bytes": rss_bytes(process.child.pid)}


def hits_and_misses(server):
    return [server.metric(f"sluice_cache_{what}_total") for what in ("hits", "misses")]


def near_session_reads(process, data):
    """One that was away for a moment only: what it missed is in the cache."""
    server = questions.Administration(data)
    before = hits_and_misses(server)
    with RawClient(process.address) as client, RawClient(process.address) as publisher:
        assert client.connect("near", **SESSION).reason == 0
        assert client.subscribe("near", qos=1) == [1]
        client.disconnect()
        assert publisher.connect("publisher").reason == 0
        for _ in range(0, NEAR, UNDER_WAY):
            for _ in range(UNDER_WAY):
                publisher.send(mqtt.publish_packet(5, "near", b"x" * SMALL, qos=1,
                                                   packet_id=publisher.new_id()))
            for _ in range(UNDER_WAY):
                assert publisher.receive().type == mqtt.PUBACK
    with RawClient(process.address) as client:
        assert client.connect("near", **SESSION).session_present
        client.messages(NEAR)
        client.disconnect()
    hits, misses = (now - then for now, then in zip(hits_and_misses(server), before))
    return {"read": NEAR, "hits": int(hits), "misses": int(misses)}


def without_view(process, data):
    """The view and all indexes in it are made again from the log."""
    shutil.rmtree(data / "view")
    found = started(process, data, patience=REBUILD_SECONDS)
    again = questions.asked(questions.Administration(data), 2 * RARE, filter=questions.RARE)
    assert again["messages"] == RARE, f"{again['messages']} of {RARE} rare messages"
    process.kill()
    return found


def measure(messages, payload, durability, directory):
    home = pathlib.Path(tempfile.mkdtemp(dir=directory, prefix="size-"))
    data = home / "data"
    try:
        process = Process(Sluice(durability), home, home)
        make_session(process)
        of_queue = ("--data", data, "--payload", payload)
        found = {"payload_bytes": payload, "durability": durability,
                 "fill": program("fill", *of_queue, "--messages", messages, "--newest", READ,
                                 "--rare", RARE, *(["--os"] if durability == "os" else []))}
        found["start"] = started(process, data)
        administration = questions.Administration(data)
        found["session"] = session_reads(process)
        found["session"]["hits"], found["session"]["misses"] = map(
            int, hits_and_misses(administration))
        found["questions"] = questions.ask_all(data, RARE, lambda: forget_cached(data / "log"))
        found["rss_after_questions_bytes"] = rss_bytes(process.child.pid)
        found["near"] = near_session_reads(process, data)
        process.kill()
        found["start_again"] = started(process, data)
        process.kill()
        read = ("read", *of_queue, "--messages", min(READ, messages))
        forget_cached(data)
        found["oldest"] = program(*read)
        forget_cached(data)
        found["newest"] = program(*read, "--after", found["fill"]["newest_after"])
        found["view_bytes"] = sum(path.stat().st_size for path in (data / "view").iterdir())
        found["start_without_view"] = without_view(process, data)
        return found
    finally:
        shutil.rmtree(home, ignore_errors=True)


def file_of(arguments):
    if arguments.into and arguments.into.is_file():
        return arguments.into, json.loads(arguments.into.read_text())
    now = datetime.datetime.now(datetime.timezone.utc)
    RESULTS.mkdir(parents=True, exist_ok=True)
    return arguments.into or RESULTS / f"{now:%Y-%m-%d}-size.json", {
        "date": now.isoformat(timespec="seconds"), "machine": machine.describe(arguments.directory),
        "results": []}


def main():
    arguments = parse_arguments()
    arguments.directory.mkdir(parents=True, exist_ok=True)
    file, found = file_of(arguments)
    long_log = int(arguments.gib * 2**30 / (LARGE + BYTES_BESIDE))
    cases = {"million": (1_000_000, SMALL), "messages": (arguments.messages, SMALL),
             "gib": (long_log, LARGE)}
    for name, (messages, payload) in cases.items():
        if arguments.only in (None, name):
            figures = measure(messages, payload, "os" if arguments.os else "fsync",
                              arguments.directory)
            figures["commit"] = machine.commit(ROOT)
            found["results"].append(figures)
            file.write_text(json.dumps(found, indent=1) + "\n")
            print(json.dumps(figures), flush=True)
    if found_micro := arguments.only in (None, "micro") and micro.measure(arguments.directory):
        found["micro"] = found_micro
        file.write_text(json.dumps(found, indent=1) + "\n")
    print(file)
    if file.resolve().is_relative_to(RESULTS):
        page.write()


if __name__ == "__main__":
    main()
