"""The file sink on a real server: what was acknowledged stands in its lines, also after kills."""
import json
import re

import pytest

from integration.ledger import Publisher, check, numbers_of

pytestmark = pytest.mark.timeout(120)
IN_FLIGHT = 300  # so many may come twice for each kill


def make_task(server, **sink):
    return server.create("/tasks", {
        "name": "files", "source": {"type": "local", "filters": ["flow/#"]},
        "map": {"topic": "${topic[0]}"}, "delivery": {"in_flight": IN_FLIGHT, "retry": {"maximum": "300ms"}},
        "sink": {"type": "file", "folder": "out", **sink}})


def files(server):
    return sorted((server.data / "files" / "out").iterdir())


def lines(server):
    return [json.loads(line) for path in files(server) for line in path.read_text().splitlines()]


def test_nothing_is_lost_when_the_server_is_killed(make_sluice):
    server = make_sluice()
    account = server.allow_all("device")
    make_task(server, rotate_bytes="16KiB")
    publisher = Publisher(server.mqtt, "p", "flow/p", 1, rate=1500, username=account.name,
                          password=account.password)
    with publisher:
        for _ in range(3):
            publisher.wait_acknowledged(len(publisher.acknowledged) + 600)
            server.kill9()
            # What a kill in the middle of a write leaves.
            for path in files(server):
                if path.suffix == ".part":
                    with open(path, "ab") as torn:
                        torn.write(b'{"half a li')
            server.start()
        publisher.wait_acknowledged(len(publisher.acknowledged) + 300)
        publisher.finish()
    server.wait_task("files", status="running", lag_messages=0)
    server.stop()

    found = lines(server)
    numbers = numbers_of("p", [line["value"].encode() for line in found])
    assert check(publisher, numbers, "files") <= 3 * IN_FLIGHT
    assert {line["key"] for line in found} == {"p"} and {line["topic"] for line in found} == {"flow"}
    assert all(re.fullmatch(r"records-[0-9TZ.]+-\d+\.jsonl", path.name) for path in files(server))
    assert len(files(server)) > 3


def test_a_folder_is_a_name_below_the_data_directory(sluice):
    for folder in ("../out", "/tmp/out", "a/b", "..", ""):
        answer = sluice.rest("POST", "/tasks", {
            "name": "files", "source": {"filters": ["flow/#"]}, "map": {"topic": "t"},
            "sink": {"type": "file", "folder": folder}})
        assert answer.status == 422, (folder, answer)
        assert answer.body["fields"][0]["pointer"] == "/sink/folder", answer
    assert not (sluice.data / "files").exists()


def test_a_full_folder_makes_the_task_wait(sluice):
    account = sluice.allow_all("device")
    make_task(sluice, rotate_bytes="4KiB", maximum_bytes="8KiB")
    publisher = Publisher(sluice.mqtt, "p", "flow/p", 1, rate=500, username=account.name,
                          password=account.password)
    with publisher:
        waiting = sluice.wait_task("files", status="waiting")
        assert "take files away" in waiting["status_reason"], waiting
        publisher.wait_acknowledged(len(publisher.acknowledged) + 50)
        publisher.finish()
    seen = []
    while sluice.task("files")["lag_messages"]:
        for path in files(sluice):
            if path.suffix == ".jsonl":
                seen += [json.loads(line) for line in path.read_text().splitlines()]
                path.unlink()
        sluice.wait_task("files", status=lambda status: status in ("waiting", "running"))
    sluice.stop()
    seen += lines(sluice)
    assert check(publisher, numbers_of("p", [line["value"].encode() for line in seen]), "files") == 0
