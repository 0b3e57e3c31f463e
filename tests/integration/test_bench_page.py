"""docs/benchmarks.md holds what was measured and nothing else. No server is started here."""
import copy
import json
import re
import sys

from integration.harness import REPOSITORY

sys.path.insert(0, str(REPOSITORY / "bench"))

sys.path.insert(0, str(REPOSITORY / "bench/load"))
sys.path.insert(0, str(REPOSITORY / "tests/fuzz"))

import campaign  # noqa: E402
import kafka_speed  # noqa: E402
import page  # noqa: E402
import storms  # noqa: E402
from scenarios import SCENARIOS  # noqa: E402

PAGE = REPOSITORY / "docs/benchmarks.md"
SERVERS = ["sluice, os", "sluice, fsync", "flashmq"]
REPORT = {
    "date": "2026-01-02T03:04:05+00:00", "commit": "0123456789", "cores": "0,1", "realtime": False,
    "machine": {"processor": "a processor", "cores": 2, "memory_gib": 4.0, "kernel": "6.1",
                "file_system": "ext4", "busy_cores_before": 0.0,
                "append_and_fdatasync_4KiB": {"p50_us": 200, "p99_us": 400}},
    "effort": {"runs": 3, "seconds": 3, "warmup": 1, "connections": 10, "offline_messages": 10},
    "servers": {name: {"version": f"version of {name}", "configuration": f"{name} {{PORT}}"}
                for name in SERVERS},
    "results": [],
}


def report(costs, other_cores=0.01):
    """A run of the first scenario; `costs`: CPU per delivery of each server, run by run."""
    made = copy.deepcopy(REPORT)
    for server, values in costs.items():
        made["results"].append({
            "scenario": SCENARIOS[0].name, "server": server, "command": f"load of {server}",
            "runs": [{"server_cpu_us_per_delivery": value, "delivered_per_second": 1000,
                      "other_cores": other_cores, "lost": 0} for value in values]})
    return made


def row_of(markdown):
    return next(line for line in markdown.splitlines() if line.startswith("| 1:1 QoS 0"))


def test_the_page_is_that_of_its_results():
    results = page.measured(REPOSITORY / "bench/results")
    assert PAGE.is_file() == bool(results), "./dev bench page writes it from bench/results"
    if not results:
        return
    source = re.search(r"\]\(\.\./(bench/results/[^)]+\.json)\)", PAGE.read_text()).group(1)
    markdown, charts = page.render(json.loads((REPOSITORY / source).read_text()), source)
    assert PAGE.read_text() == markdown, "./dev bench page writes it again"
    for name, svg in charts.items():
        assert (REPOSITORY / "docs/benchmarks" / name).read_text() == svg, name


def test_ratios_are_between_neighbours_and_judged_by_their_median():
    made = report({"sluice, os": [0.5, 6.0, 0.6], "sluice, fsync": [1.0, 11.0, 1.0],
                   "flashmq": [1.0, 10.0, 1.0]})

    markdown, charts = page.render(made, "bench/results/x.json")

    assert "0.60 (0.50–0.60), ≤ 0.7: met" in row_of(markdown)
    assert "1.00 (1.00–1.10), ≤ 0.8: **missed**" in row_of(markdown)
    assert set(charts) == {"ratio.svg", "cost.svg"}
    assert "flashmq {PORT}" in markdown and "load of flashmq" in markdown


def test_access_control_has_a_table_of_its_own():
    made = report({"sluice, os": [0.5, 0.5], page.WITH_ACCESS: [0.6, 0.7], "flashmq": [1.0, 1.0]})
    made["servers"][page.WITH_ACCESS] = {"version": "v", "configuration": "with access"}

    markdown, _ = page.render(made, "bench/results/x.json")

    table = markdown.split("## With access control on")[1].split("##")[0]
    assert "| 0.500 | 0.650 | 1.30 (1.20–1.40) | 0.65 (0.60–0.70), ≤ 0.7: met |" in table
    header = markdown.split("## CPU per message")[1].split("|---")[0]
    assert page.WITH_ACCESS not in header


def test_a_disturbed_run_is_marked_and_not_judged():
    made = report({"sluice, os": [0.5], "flashmq": [1.0]}, other_cores=0.5)

    row = row_of(page.render(made, "bench/results/x.json")[0])

    assert "†" in row and "0.50" in row and "met" not in row


def test_what_was_lost_or_failed_is_said():
    made = report({"sluice, os": [0.5, 0.5], "flashmq": [1.0, 1.0]})
    made["results"][1]["runs"] = [{**made["results"][1]["runs"][0], "lost": 304},
                                  {"failed": "no server"}]

    row = row_of(page.render(made, "bench/results/x.json")[0])

    assert "1 of 2 runs failed; lost: 304" in row


def test_scenarios_have_names_of_their_own():
    names = [scenario.name for scenario in SCENARIOS]
    assert len(set(names)) == len(names)


def test_the_page_of_storms_is_that_of_its_results():
    results = sorted(storms.RESULTS.glob("*-storms.json"))
    assert storms.PAGE.is_file() == bool(results), "bench/load/storms.py writes it from its results"
    if not results:
        return
    path = results[-1]
    written = storms.render(json.loads(path.read_text()), str(path.relative_to(REPOSITORY)))
    assert storms.PAGE.read_text() == written, "`python3 bench/load/storms.py page` writes it again"


def test_the_page_of_the_way_into_kafka_is_that_of_its_results():
    results = sorted(kafka_speed.RESULTS.glob("*-kafka.json"))
    assert kafka_speed.PAGE.is_file() == bool(results), "kafka_speed.py writes it from its results"
    if not results:
        return
    path = results[-1]
    written = kafka_speed.render(json.loads(path.read_text()), str(path.relative_to(REPOSITORY)))
    assert kafka_speed.PAGE.read_text() == written, "`kafka_speed.py page` writes it again"


def test_the_page_of_fuzzing_is_that_of_its_results():
    results = sorted(campaign.RESULTS.glob("*-fuzz.json"))
    assert campaign.PAGE.is_file() == bool(results), "`./dev fuzz all` writes it from its results"
    if not results:
        return
    path = results[-1]
    written = campaign.render(json.loads(path.read_text()), str(path.relative_to(REPOSITORY)))
    assert campaign.PAGE.read_text() == written, "`tests/fuzz/campaign.py page` writes it again"


def test_what_a_fuzzer_says_is_read_whether_it_found_something_or_not():
    said = ("#2\tINITED cov: 98 ft: 99 corp: 1/1b exec/s: 0 rss: 31Mb\n"
            "#524288\tpulse  cov: 160 ft: 420 corp: 57/1024b lim: 4096 exec/s: 174762 rss: 60Mb\n"
            "stat::number_of_executed_units: 600001\nstat::average_exec_per_sec:     150000\n")
    assert campaign.read_output(said) == {"executions": 600_001, "edges": 160, "features": 420,
                                          "corpus": 57}
    assert campaign.read_output("killed")["executions"] == 0


def test_a_storm_that_costs_too_much_is_said():
    def run(p99_us):
        return {"flow": {"puback_p99_us": 1000, "delivery_p99_us": p99_us}}
    assert storms.judged([run(1000), run(50_000), run(19_000)]) == "met"
    assert storms.judged([run(1000), run(50_000), run(21_000)]) == "**missed**"
    assert storms.judged([run(1000)], others=0.5) == "not judged: disturbed"
