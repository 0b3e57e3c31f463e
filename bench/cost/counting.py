"""Counts what programs do: instructions under callgrind, system calls under strace.

A counter sees the windows of a run from outside: callgrind writes a part of its profile each time
the program enters a given function (`mark`), strace says when each call began. What was counted in
the cheapest of several windows is what the work costs; the others have a timer's work in them.
"""
import collections
import pathlib
import re
import shutil
import subprocess
import time

from integration.harness import Sluice, sluice_binary
from lockstep import KINDS, Lockstep

CODEC_TIMES = 1000  # how often codec_cost does each
WINDOWS = 12        # of each kind of traffic; the cheapest counts
PATIENCE = 60       # seconds for one answer: a busy machine under callgrind is slow
MARK = "sluice::mqtt::decode_unsubscribe*"  # what Lockstep.mark() makes the server call
SETTINGS = {"access": {"enabled": False}, "io_threads": 1}


def require(program):
    if not shutil.which(program):
        raise SystemExit(f"no {program}: ./dev setup test installs it")


class Watched(Sluice):
    """A server that runs below a counting program."""

    def __init__(self, folder, watcher):
        super().__init__(folder, SETTINGS)
        self.watcher = watcher

    def command(self):
        return [*self.watcher, *super().command()]


def callgrind(folder, mark):
    return ["valgrind", "--tool=callgrind", f"--callgrind-out-file={folder}/profile",
            f"--dump-before={mark}"]


def parts_of(folder):
    """The parts of a profile in their order; the last, without a mark behind it, is not one."""
    numbered = {int(path.suffix[1:]): path for path in folder.glob("profile.*")}
    return [numbered[number] for number in sorted(numbered)]


def instructions_in(part):
    return int(re.search(r"^totals: (\d+)", part.read_text(), re.MULTILINE).group(1))


COST = re.compile(r"^[+\-*]?\d* \d+$")  # a place and what was spent there


def functions_in(part):
    """Instructions of each function itself in a part of a profile, the dearest first."""
    names, spent, function, of_a_call = {}, collections.Counter(), None, False
    for line in part.read_text().splitlines():
        if line.startswith("fn="):
            number, _, name = line[3:].partition(" ")
            function = names.setdefault(number, name)
        elif line.startswith(("cfn=", "calls=")):
            if line.startswith("cfn=") and " " in line:
                number, _, name = line[4:].partition(" ")
                names.setdefault(number, name)
            of_a_call = line.startswith("calls=")
        elif COST.match(line):
            if not of_a_call:  # else what the called function spent
                spent[function] += int(line.rsplit(" ", 1)[1])
            of_a_call = False
    return spent.most_common()


def codec_program():
    program = sluice_binary().parent / "bench/cost/codec_cost"
    if not program.is_file():
        raise SystemExit(f"no {program}: ./dev build release makes it")
    return program


def codec_instructions(folder):
    """{operation: (instructions each, the part of the profile)}"""
    require("valgrind")
    folder.mkdir()
    done = subprocess.run([*callgrind(folder, "begin_operation"), codec_program()],
                          capture_output=True, text=True, check=True)
    operations = [line.split(" ", 1) for line in done.stdout.splitlines()]
    parts = parts_of(folder)[1:]  # the first is the program's start
    assert len(parts) == len(operations), f"{len(parts)} parts, {len(operations)} operations"
    assert all(int(times) == CODEC_TIMES for times, _ in operations)
    return {name: (instructions_in(part) / CODEC_TIMES, part)
            for (_, name), part in zip(operations, parts)}


def traffic_instructions(folder):
    """{kind: (instructions per message of the whole server, the part of the profile)}"""
    require("valgrind")
    server = Watched(folder, callgrind(folder, MARK))
    try:
        server.start(PATIENCE)
        for kind in KINDS:
            with Lockstep(server.mqtt, kind, PATIENCE) as clients:
                clients.round()
                for _ in range(WINDOWS):
                    clients.mark()
                    for _ in range(kind.rounds):
                        clients.round()
                clients.mark()
        server.stop()
    finally:
        server.kill9()
    parts, found = parts_of(folder), {}
    marks = len(KINDS) * (WINDOWS + 1)
    assert len(parts) == marks, f"{len(parts)} parts for {marks} marks: is {MARK} inlined?"
    for number, kind in enumerate(KINDS):
        first = number * (WINDOWS + 1) + 1  # the part before is what led to the first mark
        cheapest = min(parts[first:first + WINDOWS], key=instructions_in)
        found[kind.name] = (instructions_in(cheapest) / kind.messages, cheapest)
    return found


# One line of strace: thread, time, call, what its first argument is if it is a descriptor.
CALL = re.compile(r"^\d+ +(\d+\.\d+) (\w+)\((?:\d+<([^>]*)>)?")


def is_transfer(descriptor):
    """Sockets and files: how often they are called does not depend on who waits for whom."""
    return bool(descriptor) and (descriptor.startswith("/") or "socket:" in descriptor)


class Calls:
    """System calls of one window by name; those on sockets and files apart from the rest, which
    wait, wake and get memory."""

    def __init__(self):
        self.transfers, self.others = collections.Counter(), collections.Counter()

    def add(self, name, descriptor):
        (self.transfers if is_transfer(descriptor) else self.others)[name] += 1


def traffic_calls(folder):
    """{kind: (transfers per message, other calls per message, the window's Calls)}"""
    require("strace")
    trace = folder / "trace"
    # -D: the server is our child, not strace's, so that signals reach it.
    server = Watched(folder, ["strace", "-D", "-f", "-y", "-ttt", "-s", "0", "-o", str(trace)])
    windows = []
    try:
        server.start(PATIENCE)
        for kind in KINDS:
            with Lockstep(server.mqtt, kind, PATIENCE) as clients:
                clients.round()
                for _ in range(WINDOWS):
                    begin = time.time()
                    for _ in range(kind.rounds):
                        clients.round()
                    windows.append((kind, begin, time.time(), Calls()))
        server.stop()
    finally:
        server.kill9()
    assign(complete(trace), windows)
    return {kind.name: cheapest(kind, [window[3] for window in windows if window[0] is kind])
            for kind in KINDS}


def complete(trace: pathlib.Path, seconds=20):
    """strace is not our child: it writes its last lines a moment after the server's end."""
    deadline = time.monotonic() + seconds
    while "+++ exited" not in (lines := trace.read_text(errors="replace"))[-200:]:
        if time.monotonic() > deadline:
            raise AssertionError(f"strace did not finish {trace}")
        time.sleep(0.05)
    return lines.splitlines()


def assign(lines, windows):
    at = 0
    for line in lines:
        found = CALL.match(line)
        if not found:
            continue  # a signal, an exit, the second half of a call
        began = float(found.group(1))
        while at < len(windows) and began > windows[at][2]:
            at += 1
        if at < len(windows) and began >= windows[at][1]:
            windows[at][3].add(found.group(2), found.group(3))


def cheapest(kind, windows):
    messages = kind.messages
    transfers = min(window.transfers.total() for window in windows)
    best = min(windows, key=lambda window: window.others.total())
    return transfers / messages, best.others.total() / messages, best
