"""docs/integration-reliability.md holds what was found and nothing else; what is counted is what a
topic holds; the network that is taken away is away. No server is started here."""
import copy
import re
import socket
import sys
import types

import pytest

from integration.harness import REPOSITORY, wait_until

sys.path += [str(REPOSITORY / "bench/faults"), str(REPOSITORY / "bench/reliability")]

import fault_page  # noqa: E402
from holdings import Holdings, broke_a_promise, counted_all  # noqa: E402
from network import Relay  # noqa: E402

PAGE = REPOSITORY / "docs" / fault_page.PAGE
SAMPLE = {"at": 0.5, "lag": 5, "delivered": 0, "acknowledged": 10, "rss_mib": 40.0, "disk_mib": 50.0}
RUN = {"fault": "F8", "title": "outage", "amount": 60, "unit": "s", "whole": 600, "rate": 1000,
       "guarantee": "at_least_once", "seed": 7, "commit": "abc", "lost": 0, "duplicated": 0,
       "duplicates_allowed": 0, "sent_again": 0, "twice": 0, "reordered": 0, "records": 9,
       "acknowledged": 41000, "refused": 0, "dead_letters": 0, "kills": 0, "replaced": 0, "in_flight": 16384,
       "connections": 4, "slowest_acknowledgement_ms": 12, "retried": 3, "possible_duplicates": 0,
       "states": [], "details": {"waited_because": "no broker", "lag_messages": 40000},
       "phases": {"caught_up_seconds": 3.5}, "seconds": 80.0, "problem": None,
       "samples": [SAMPLE, SAMPLE | {"at": 10.5, "acknowledged": 20010, "lag": 20005},
                   SAMPLE | {"at": 20.5, "acknowledged": 40010, "lag": 40000, "rss_mib": 95.0},
                   SAMPLE | {"at": 24.5, "acknowledged": 41000, "lag": 100, "delivered": 40900}]}


def run(**changes):
    return {**copy.deepcopy(RUN), **changes}


def made_of(*runs):
    return {"date": "2026-01-02T03:04:05+00:00", "commands": ["./dev bench faults"],
            "machine": {"processor": "a processor", "cores": 2, "memory_gib": 4.0, "kernel": "6.1",
                        "file_system": "ext4",
                        "append_and_fdatasync_4KiB": {"p50_us": 200, "p99_us": 400}},
            "versions": {"Apache Kafka": "4"}, "runs": list(runs)}


def test_the_page_is_that_of_its_results():
    results = sorted((REPOSITORY / "bench/results").glob("*-faults.json"))
    assert PAGE.is_file() == bool(results), "./dev bench faults page writes it"
    if results:
        source = re.search(r"\]\(\.\./(bench/results/[^)]+\.json)\)", PAGE.read_text()).group(1)
        assert PAGE.read_text() == fault_page.rendered(REPOSITORY / source), \
            "./dev bench faults page writes it again"


def test_a_row_says_what_a_run_found():
    page = fault_page.render(made_of(run(), run(lost=3, problem="it broke")), "bench/results/x.json")

    good, bad = [line for line in page.splitlines() if line.startswith("| F8")]
    assert good == ("| F8 outage | 60 of 600 s | 1,708 | 41,000 | 0 | 0 | 0 | 0 | 0 | 0 | 12 | 3.5 | "
                    "holds |")
    assert "| **3** |" in bad and "**fails**" in bad and "**it broke**" in page
    assert "1 of the runs fails" in page
    assert "40,000 messages waited at most" in page and "10,225 records a second" in page
    assert "40 MiB when it began, 95 MiB at most" in page


@pytest.mark.parametrize("change", [
    {"lost": 1}, {"reordered": 1}, {"twice": 1}, {"refused": 1}, {"duplicated": 1},
    {"sent_again": 1}, {"problem": "it could not be stopped"},
    {"kills": 1, "duplicated": 11, "duplicates_allowed": 10},
    {"replaced": 1, "duplicated": 5, "duplicates_allowed": 10, "possible_duplicates": 4}])
def test_a_broken_promise_is_seen(change):
    assert broke_a_promise(run(**change))


def test_repeats_after_a_kill_break_no_promise():
    assert not broke_a_promise(run(kills=1, duplicated=10, duplicates_allowed=10, sent_again=5))
    assert not broke_a_promise(run(replaced=1, duplicated=5, duplicates_allowed=10,
                                   possible_duplicates=5))


def publisher(name, qos, sent, acknowledged):
    return types.SimpleNamespace(client_id=name, qos=qos, sent=sent, acknowledged=acknowledged)


def holdings_of(name, pairs):
    holdings = Holdings()
    for number, message_id in pairs:
        holdings.add(name, number, f"{message_id:032x}")
    return holdings


def test_what_is_counted_is_what_a_topic_holds():
    first = publisher("p1", 1, 8, [0, 1, 2, 3, 6, 7])
    # 3 before 2; 1 again as the same message; 0 again as another one, and that one again.
    holdings = holdings_of("p1", [(0, 10), (1, 11), (3, 13), (2, 12), (1, 11), (0, 20), (0, 20)])

    found = counted_all([first], holdings, {"p1": {7}})

    assert found == {"lost": 1, "duplicated": 2, "sent_again": 1, "twice": 0, "reordered": 1}
    exact = counted_all([publisher("p4", 2, 2, [0])], holdings_of("p4", [(0, 1), (0, 2)]), {})
    assert exact["twice"] == 1 and exact["sent_again"] == 0
    with pytest.raises(AssertionError, match="never sent"):
        counted_all([publisher("p1", 1, 1, [])], holdings, {})


def test_files_of_a_deleted_topic_are_read(tmp_path):
    record = b"\x00\x04p1\x80p1:%d:xxx\x04\x10mqtt.topic\x0eflow/p1\x1emqtt.message_id@%032x\x00"
    (tmp_path / "00.log").write_bytes(b"".join(record % (n, n + 5) for n in range(3)))
    (tmp_path / "03.log").write_bytes(record % (3, 8))
    (tmp_path / "00.index").write_bytes(record % (9, 9))

    holdings = Holdings().read_files([tmp_path])

    assert list(holdings.numbers["p1"]) == [0, 1, 2, 3] and list(holdings.ids["p1"])[3] == 8


@pytest.fixture
def relayed():
    """(relay, a connection through it, its other end)"""
    with socket.create_server(("127.0.0.1", 0)) as target:
        relay = Relay(target.getsockname()[1])
        relay.start()
        with socket.create_connection(("127.0.0.1", relay.port), timeout=30) as client:
            server, _ = target.accept()
            with server:
                server.settimeout(30)
                yield relay, client, server
        relay.end()


def test_a_relay_holds_back_and_goes_on(relayed):
    relay, client, server = relayed
    client.sendall(b"one")
    assert server.recv(9) == b"one"

    with relay:
        client.sendall(b"two")
        wait_until(relay.dropped, "something is held back")
        server.setblocking(False)
        with pytest.raises(BlockingIOError):
            server.recv(9)
        server.settimeout(30)

    assert server.recv(9) == b"two", "what was held back comes when it is over"


def test_a_relay_cuts(relayed):
    relay, client, server = relayed
    client.sendall(b"one")
    assert server.recv(9) == b"one"

    relay.cut()

    for end in (client, server):
        with pytest.raises(ConnectionResetError):
            end.recv(9)
