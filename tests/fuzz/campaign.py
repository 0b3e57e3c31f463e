"""Every fuzzer in turns until so many inputs were tried; docs/fuzzing.md from what came of it.

`./dev fuzz all` builds the fuzzers and starts it. What was counted is written after each turn, so
that an interrupted campaign keeps what it has done, and `--go-on` goes on with it.
"""
import argparse
import concurrent.futures
import datetime
import json
import os
import pathlib
import re
import subprocess
import sys
import threading

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bench"))
import machine  # noqa: E402

FUZZERS = ROOT / "tests/fuzz"
PAGE = ROOT / "docs/fuzzing.md"
RESULTS = ROOT / "bench/results"
MEMORY_LIMIT_MB = 2048  # of one fuzzer; more is a finding
INPUT_LIMIT_SECONDS = 25  # of one input; more is a finding
GRACE_SECONDS = 300  # beyond its turn, for the corpus that is read first

NO_TURN = {"executions": 0, "seconds": 0, "edges": 0, "corpus": 0, "findings": []}

EXECUTED = re.compile(r"^stat::number_of_executed_units:\s+(\d+)", re.MULTILINE)
COVERED = re.compile(r"\bcov: (\d+) ft: (\d+) corp: (\d+)/")

HEAD = """\
# Fuzzing

Written by `tests/fuzz/campaign.py` from [{source}](../{source}); no figure is typed by hand.

* Begun {date}, commit `{commit}`, {processor}, {cores} cores; libFuzzer of clang, AddressSanitizer and
  UndefinedBehaviorSanitizer; at most {memory} MiB and {input_limit} s for an input.
* Every fuzzer of [tests/fuzz](../tests/fuzz) had the same number of turns, which begin with the corpus in the
  repository and whatever the turns before had found; those that came later had fewer, or none. A finding is an input that crashes,
  leaks, takes too long or too much memory, or breaks what the fuzzer holds against it; once it is mended its like stands
  in the corpus.
* CI replays each corpus and goes on from it for a few seconds more; `./dev fuzz NAME SECONDS` runs one,
  `./dev fuzz all` all of them.

| fuzzer | inputs tried | seconds | inputs a second | edges reached | corpus | findings |
|---|---|---|---|---|---|---|
"""


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", nargs="?", choices=["run", "page"], default="run")
    parser.add_argument("--executions", type=int, default=100_000_000, help="of all fuzzers together")
    parser.add_argument("--turn", type=int, default=60, help="seconds of one fuzzer at a time")
    parser.add_argument("--go-on", action="store_true", help="with the newest results")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build/fuzz")
    parser.add_argument("--corpora", type=pathlib.Path, default=ROOT / ".cache/fuzz",
                        help="where what was found is kept")
    return parser.parse_args()


def sources():
    return sorted(FUZZERS.glob("*/*_fuzz.cpp"))


def read_output(text):
    """What libFuzzer says at its end, whether it found something or not."""
    executed, covered = EXECUTED.findall(text), COVERED.findall(text)
    edges, features, corpus = map(int, covered[-1]) if covered else (0, 0, 0)
    return {"executions": int(executed[-1]) if executed else 0, "edges": edges, "features": features,
            "corpus": corpus}


def run_turn(source, arguments):
    name = source.stem.removesuffix("_fuzz")
    program = arguments.build / source.relative_to(ROOT).with_suffix("")
    kept = arguments.corpora / name
    found = arguments.corpora / f"{name}-findings"
    for folder in (kept, found):
        folder.mkdir(parents=True, exist_ok=True)
    before = set(found.iterdir())
    began = datetime.datetime.now()
    command = [program, f"-max_total_time={arguments.turn}", f"-artifact_prefix={found}/",
               f"-rss_limit_mb={MEMORY_LIMIT_MB}", f"-timeout={INPUT_LIMIT_SECONDS}",
               "-print_final_stats=1", kept, source.parent / "corpus" / name]
    try:
        done = subprocess.run(command, capture_output=True, check=False,
                              timeout=arguments.turn + GRACE_SECONDS)
    except subprocess.TimeoutExpired:  # somebody had stopped it, or the machine slept
        return name, read_output("") | {"seconds": 0, "findings": []}
    output = done.stderr.decode(errors="replace")
    turn = read_output(output)
    turn["seconds"] = (datetime.datetime.now() - began).total_seconds()
    turn["findings"] = sorted(path.name for path in set(found.iterdir()) - before)
    if done.returncode and not turn["findings"]:
        turn["findings"] = [f"exit code {done.returncode}"]
    if turn["findings"]:
        (found / f"{turn['findings'][0]}.log").write_text(output)
    return name, turn


def add(total, turn):
    for figure in ("executions", "seconds"):
        total[figure] = total.get(figure, 0) + turn[figure]
    for figure in ("edges", "features", "corpus"):
        total[figure] = max(total.get(figure, 0), turn[figure])
    total["findings"] = total.get("findings", []) + turn["findings"]


def executions(report):
    return sum(each["executions"] for each in report["fuzzers"].values())


def run(arguments):
    report = {"date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
              "commit": machine.commit(ROOT), "machine": machine.describe(ROOT / "build"),
              "fuzzers": {}}
    path = RESULTS / f"{report['date'][:10]}-fuzz.json"
    if arguments.go_on:
        path = newest()
        report = json.loads(path.read_text())
    lock = threading.Lock()

    def take_turn(source):
        name, turn = run_turn(source, arguments)
        with lock:
            add(report["fuzzers"].setdefault(name, {}), turn)
            path.write_text(json.dumps(report, indent=1) + "\n")
            print(f"{executions(report):>12,}  {name}: {turn['executions']:,} {turn['findings'] or ''}",
                  flush=True)

    while executions(report) < arguments.executions:
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(take_turn, sources()))
    return path


def render(report, source):
    lines = []
    fuzzers = {source.stem.removesuffix("_fuzz"): NO_TURN for source in sources()}
    for name, each in sorted((fuzzers | report["fuzzers"]).items()):
        rate = each["executions"] / max(each["seconds"], 1)
        lines.append(f"| `{name}` | {each['executions']:,} | {each['seconds']:,.0f} | {rate:,.0f} "
                     f"| {each['edges']:,} | {each['corpus']:,} | {len(each['findings'])} |")
    seconds = sum(each["seconds"] for each in report["fuzzers"].values())
    findings = sum(len(each["findings"]) for each in report["fuzzers"].values())
    lines.append(f"| **all** | **{executions(report):,}** | {seconds:,.0f} | | | | {findings} |")
    head = HEAD.format(source=source, date=report["date"], commit=report["commit"],
                       memory=MEMORY_LIMIT_MB, input_limit=INPUT_LIMIT_SECONDS,
                       processor=report["machine"]["processor"], cores=report["machine"]["cores"])
    return head + "\n".join(lines) + "\n"


def newest():
    return max(RESULTS.glob("*-fuzz.json"))


def write_page(path):
    PAGE.write_text(render(json.loads(path.read_text()), str(path.relative_to(ROOT))))


if __name__ == "__main__":
    ARGUMENTS = parse_arguments()
    write_page(newest() if ARGUMENTS.what == "page" else run(ARGUMENTS))
