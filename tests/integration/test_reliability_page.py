"""docs/reliability.md holds what was found and nothing else; what a trial counts is what happened.
No server is started here."""
import copy
import re
import sys

import pytest

from integration.harness import REPOSITORY
from integration.ledger import Publisher

sys.path.insert(0, str(REPOSITORY / "bench/reliability"))

import report  # noqa: E402
from tally import Tally, broke_a_promise  # noqa: E402

PAGE = REPOSITORY / "docs/reliability.md"
NOTHING = {"lost": 0, "repeated": 0, "twice": 0, "reordered": 0}
TRIAL = {"server": "sluice, fsync", "fault": "kill", "rounds": 10, "again_while_starting": 2,
         "seconds": 9.5, "acknowledged": {"1": 1000, "2": 500}, "refused": 0,
         "readers": {"connected": dict(NOTHING), "away": dict(NOTHING)}, "sessions_forgotten": 0,
         "start_p50_ms": 100, "start_max_ms": 300, "problem": None, "commit": "abc", "seed": 7}


def trial(**changes):
    return {**copy.deepcopy(TRIAL), **changes}


def made_of(*trials):
    return {"date": "2026-01-02T03:04:05+00:00",
            "machine": {"processor": "a processor", "cores": 2, "memory_gib": 4.0, "kernel": "6.1",
                        "file_system": "ext4",
                        "append_and_fdatasync_4KiB": {"p50_us": 200, "p99_us": 400}},
            "servers": {each["server"]: {"version": "1", "configuration": "{PORT}"}
                        for each in trials},
            "trials": list(trials)}


def test_the_page_is_that_of_its_results():
    results = sorted((REPOSITORY / "bench/results").glob("*-reliability.json"))
    assert PAGE.is_file() == bool(results), "./dev bench reliability page writes it"
    if results:
        source = re.search(r"\]\(\.\./(bench/results/[^)]+\.json)\)", PAGE.read_text()).group(1)
        assert PAGE.read_text() == report.rendered(REPOSITORY / source), \
            "./dev bench reliability page writes it again"


def test_trials_of_one_kind_are_added_up():
    second = trial(rounds=5, start_max_ms=900, problem="it did not start")
    second["readers"]["away"]["lost"] = 3

    page = report.render(made_of(trial(), second, trial(fault="xfs")), "bench/results/x.json")

    rows = [line for line in page.splitlines() if line.startswith("| sluice, fsync")]
    assert rows[0].startswith("| sluice, fsync | 15 | 2,000 | 1,000 | 0 | **3** | 0 | 0 | 0 | 0 ")
    assert "100 / 900" in rows[0] and rows[1].startswith("| sluice, fsync | 10 |")
    assert "it did not start" in page


def test_the_store_at_size_has_a_row_for_each_log():
    read = {"read": 10, "open_seconds": 1, "read_us": 2.5, "first_ms": 1}
    answer = {"question": "by id", "messages": 1, "scanned_bytes": 3 << 20, "requests": 2,
              "ms": 7.25, "again_median_ms": 1.5, "again_most_ms": 2.5}
    asked = {"answers": [answer], "states": {"oldest": "passed"},
             "unknown": {"names": 5, "median_ms": 4, "most_ms": 9, "mean_scanned_bytes": 1 << 20,
                         "most_scanned_bytes": 2 << 20, "most_requests": 1}}
    size = {"date": "d", "machine": made_of(trial())["machine"], "results": [
        {"payload_bytes": 32, "durability": "fsync", "commit": "abc", "view_bytes": 3 << 20,
         "fill": {"messages": 1000000, "log_bytes": 3 << 29, "append_us": 2, "append_cpu_us": 1},
         "start": {"seconds": 0.5, "replayed_bytes": 7 << 20, "rss_bytes": 90 << 20},
         "start_again": {"seconds": 0.25}, "oldest": read, "newest": read,
         "session": {"first_ms": 12.2, "hits": 0, "misses": 4}, "questions": asked,
         "near": {"read": 8, "hits": 6, "misses": 2}, "rss_after_questions_bytes": 95 << 20,
         "start_without_view": {"seconds": 33.3}}]}

    page = report.render(made_of(trial()), "bench/results/x.json", size, "bench/results/y.json")

    size["results"].append(copy.deepcopy(size["results"][0]))
    size["results"][1]["fill"]["log_bytes"] = 10 << 30
    slow = report.render(made_of(trial()), "bench/results/x.json", size, "bench/results/y.json")
    assert "| 10.0 | 1.00 / 2.00 | 0.50, < 5: met |" in slow
    assert ("| 1,000,000 of 32 B, fsync | 1.5 | 1.00 / 2.00 | 0.50 | 0.25 | 33.3 | 7 | 90 | 12 | "
            "2.50 | 2.50 | 3 |") in page
    assert "| by id | 7.2 / 1.5 | 2.5 | 1 | 3.0 | 2 |" in page
    assert "0.0% of 4 messages" in page and "75.0% of 8 for one" in page
    assert "| by id | 7.2 / 1.5 | 7.2 / 1.5 | 2.5 |" in slow, "a column for each log"


@pytest.mark.parametrize("change", [
    {"problem": "it did not start"}, {"sessions_forgotten": 1},
    {"readers": {"connected": {**NOTHING, "lost": 1}, "away": NOTHING}},
    {"readers": {"connected": NOTHING, "away": {**NOTHING, "twice": 1}}},
    {"readers": {"connected": {**NOTHING, "reordered": 1}, "away": NOTHING}}])
def test_a_broken_promise_is_seen(change):
    assert broke_a_promise({"kill"}, trial(**change))
    assert broke_a_promise({"kill", "ext4"}, trial(fault="ext4", **change))
    assert not broke_a_promise({"kill"}, trial(fault="xfs", **change))


def test_repeats_of_qos_1_and_a_refusal_break_no_promise():
    repeated = {"connected": {**NOTHING, "repeated": 9}, "away": NOTHING}
    assert not broke_a_promise({"kill"}, trial(readers=repeated))
    assert not broke_a_promise({"kill"}, trial(refused=1))
    lost = {"connected": {**NOTHING, "lost": 1}, "away": NOTHING}
    assert broke_a_promise({"kill"}, trial(refused=1, readers=lost))


def test_a_tally_finds_what_is_there_to_find():
    publisher = Publisher(("127.0.0.1", 1), "p", "t", 2)
    numbers = [0, 1, 3, 2]
    tally = Tally(publisher, numbers, 2)
    publisher.acknowledged = [0, 1, 2]
    assert tally.look() == 0
    publisher.acknowledged += [4, 5]
    assert tally.look() == 2
    numbers += [5, 5]

    assert tally.found() == {"lost": 1, "repeated": 0, "twice": 1, "reordered": 1}
    assert Tally(publisher, numbers, 1).found()["repeated"] == 1
