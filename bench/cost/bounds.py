#!/usr/bin/env python3
"""What messages and clients may cost: counted, and held against the bounds in bounds.json.

    ./dev bench bounds                   measure and compare
    ./dev bench bounds --show TEXT       where it goes, for what has TEXT in its name
    ./dev bench bounds --record          write what was measured as the new bounds

Counted, not timed: the same on a slow and on a busy machine. A server of the release build is
driven over loopback by rounds that each wait for the one before (lockstep.py), under callgrind for
instructions in user space and under strace for system calls. It syncs, as by default. What is
counted includes the round's own PINGREQ, or with QoS 0 the QoS 1 message at the end of its write.
Memory is what the server's allocator has given out for each of many clients (memory.py).

A change that costs more than the margin fails the test. Then either make it cheaper, or record the
new bounds in the same commit and say there what the cost buys.
"""
import argparse
import json
import pathlib
import platform
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tests"))

import counting  # noqa: E402
import memory  # noqa: E402

FILE = pathlib.Path(__file__).with_name("bounds.json")
# What waits, wakes and gets memory depends on which thread was first: a call or two per round.
MARGINS = {"instructions of the codec": 5, "instructions per message": 5,
           "socket and file calls per message": 5, "other system calls per message": 50,
           "allocated bytes": 5}


def measure(folder):
    """(figures by section and name, what shows where they come from by section and name)"""
    folder = pathlib.Path(folder)
    figures, details = {}, {}

    def put(section, found):
        figures[section] = {name: round(entry[0], 3) for name, entry in found.items()}
        details[section] = {name: entry[1] for name, entry in found.items()}

    put("instructions of the codec", counting.codec_instructions(folder / "codec"))
    put("instructions per message", counting.traffic_instructions(folder / "traffic"))
    calls = counting.traffic_calls(folder / "calls")
    put("socket and file calls per message",
        {name: (entry[0], entry[2].transfers) for name, entry in calls.items()})
    put("other system calls per message",
        {name: (entry[1], entry[2].others) for name, entry in calls.items()})
    put("allocated bytes",
        {name: (each, None) for name, each in memory.allocations(folder / "memory").items()})
    return figures, details


def recorded():
    return json.loads(FILE.read_text())


def differences(figures, bounds):
    """(what got dearer than its margin allows, what got cheaper by as much): lines for a reader."""
    dearer, cheaper = [], []
    for section, found in figures.items():
        margin = MARGINS[section]
        for name in sorted(set(found) | set(bounds[section])):
            now, before = found.get(name), bounds[section].get(name)
            if now is None or before is None:
                dearer.append(f"{section}: '{name}' is {'not measured' if now is None else 'new'}; "
                              "--record")
                continue
            change = (now / before - 1) * 100 if before else 100.0 * bool(now)
            line = f"{section}: '{name}' {before:,} -> {now:,} ({change:+.1f} %)"
            if change > margin:
                dearer.append(f"{line}, allowed +{margin} %")
            elif change < -margin:
                cheaper.append(line)
    return dearer, cheaper


def explain(dearer):
    return "\n".join([
        "dearer than recorded in bench/cost/bounds.json:", *(f"  {line}" for line in dearer),
        "./dev bench bounds --show NAME says where it goes, here and on the commit before; if the "
        "cost is worth it: ./dev bench bounds --record, and say why in the commit"])


def supported():
    """Why the bounds do not hold here, or nothing."""
    if platform.machine() != "x86_64":
        return f"the bounds are recorded on x86_64, this is {platform.machine()}"
    return None


def table(figures, bounds):
    for section, found in figures.items():
        print(f"{section} (margin {MARGINS[section]} %)")
        for name, now in found.items():
            before = bounds.get(section, {}).get(name)
            change = f"{(now / before - 1) * 100:+7.1f} %" if before else "    new"
            print(f"  {name:52} {now:>12,.3f} {change}")


def show(details, wanted, most=30):
    messages = {kind.name: kind.messages for kind in counting.KINDS}
    for section, found in details.items():
        for name, detail in found.items():
            if wanted.lower() not in name.lower() or detail is None:
                continue
            print(f"\n--- {section}: {name}")
            if isinstance(detail, pathlib.Path):
                functions = counting.functions_in(detail)
                everything = sum(spent for _, spent in functions)
                for function, spent in functions[:most]:
                    each = spent / messages.get(name, counting.CODEC_TIMES)
                    print(f"  {each:>9.1f} {spent / everything:>5.1%} {function[:120]}")
            else:
                for call, times in detail.most_common():
                    print(f"  {times / messages[name]:>9.3f} {call}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--record", action="store_true", help="write bounds.json")
    parser.add_argument("--show", metavar="TEXT", help="functions and calls behind the figures")
    arguments = parser.parse_args()
    if supported():
        sys.exit(supported())
    build = counting.sluice_binary().parent
    with tempfile.TemporaryDirectory(dir=build, prefix="bounds-") as place:
        figures, details = measure(place)
        if arguments.show is not None:
            show(details, arguments.show)
            return
    if arguments.record:
        FILE.write_text(json.dumps(figures, indent=1) + "\n")
    bounds = recorded() if FILE.is_file() else {}
    table(figures, bounds)
    dearer, cheaper = differences(figures, bounds)
    if cheaper:
        print("cheaper than recorded; --record keeps the gain:\n  " + "\n  ".join(cheaper))
    if dearer:
        sys.exit(explain(dearer))


if __name__ == "__main__":
    main()
