"""The figures of bench/micro/store_bench.cpp that belong to a long log."""
import json
import os
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = ROOT / "build/bench/bench/micro/store_bench"
REPETITIONS = 5
WANTED = "index_topics|find_page|find_unknown"
IN_MILLISECONDS = {"ns": 1e-6, "us": 1e-3, "ms": 1.0, "s": 1e3}


def figures_of(entry):
    found = {"name": entry["run_name"],
             "milliseconds": entry["real_time"] * IN_MILLISECONDS[entry["time_unit"]]}
    if "items_per_second" in entry:
        found["nanoseconds_each"] = 1e9 / entry["items_per_second"]
    return found | {name: entry[name] for name in ("scanned", "found", "calls") if name in entry}


def measure(directory):
    """Nothing where the program was not built."""
    if not PROGRAM.is_file():
        return None
    arguments = [f"--benchmark_filter={WANTED}", f"--benchmark_repetitions={REPETITIONS}"]
    done = subprocess.run(
        [PROGRAM, *arguments, "--benchmark_report_aggregates_only=true", "--benchmark_format=json"],
        capture_output=True, text=True, check=True,
        env={**os.environ, "SLUICE_BENCH_DIR": str(directory)})
    medians = [entry for entry in json.loads(done.stdout)["benchmarks"]
               if entry.get("aggregate_name") == "median"]
    return {"command": " ".join(["store_bench", *arguments]),
            "repetitions": REPETITIONS,
            "log_bytes": next(entry["log"] for entry in medians if "log" in entry),
            "benchmarks": list(map(figures_of, medians))}
