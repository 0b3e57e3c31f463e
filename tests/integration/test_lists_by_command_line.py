"""`sluice NOUN list --contains TEXT --sort FIELD`: asked of the server, shown in its order."""
import json

import pytest


def listed(server, noun, *arguments):
    """The names in JSON, which are those of the table, in the same order."""
    answer = json.loads(server.cli(noun, "list", *arguments, "-o", "json").stdout)
    names = [item["name"] for item in answer["items"]]
    table = server.cli(noun, "list", *arguments).stdout.splitlines()
    assert [line.split()[0] for line in table] == ["NAME", *names]
    return names


def test_tasks_go_by_what_waits(sluice):
    for name, messages in (("pump-1", 1), ("lamp", 3), ("pump-2", 6)):
        sluice.create("/tasks", {
            "name": name, "enabled": False, "source": {"type": "local", "filters": [f"{name}/#"]},
            "map": {"topic": "t"}, "sink": {"type": "file", "folder": name}})
        for number in range(messages):
            sluice.create("/messages", {"topic": f"{name}/{number}", "payload": "x"})
    assert listed(sluice, "task") == ["lamp", "pump-1", "pump-2"]
    assert listed(sluice, "task", "--sort", "lag_messages") == ["pump-1", "lamp", "pump-2"]
    assert listed(sluice, "task", "--sort", "-lag_messages") == ["pump-2", "lamp", "pump-1"]
    assert listed(sluice, "task", "--sort=-lag_messages", "--contains", "pump") == [
        "pump-2", "pump-1"]


def test_connections_go_downwards(sluice):
    for name in ("b", "c", "a"):
        sluice.create("/connections?verify=false", {
            "name": name, "type": "kafka", "settings": {"bootstrap_servers": "127.0.0.1:1"}})
    assert listed(sluice, "connection") == ["a", "b", "c"]
    assert listed(sluice, "connection", "--sort", "-name") == ["c", "b", "a"]
    assert listed(sluice, "connection", "--sort", "created") == ["b", "c", "a"]


def test_groups_go_by_when_they_were_made(sluice):
    for name in ("workers-2", "billing", "workers-1"):
        sluice.create("/groups", {"name": name})
    assert listed(sluice, "group", "--contains", "work", "--sort", "-created") == [
        "workers-1", "workers-2"]


def test_users_are_found_by_a_part_of_the_name(sluice):
    for name in ("plant-1.pump", "plant-2.pump", "lamp", "PUMP"):
        sluice.add_user(name, "secret-enough")
    assert listed(sluice, "user", "--contains", "pump") == ["plant-1.pump", "plant-2.pump"]
    assert listed(sluice, "user", "--contains", "-2.") == ["plant-2.pump"]
    assert listed(sluice, "user", "--contains", "nowhere") == []


@pytest.mark.parametrize("noun", ["task", "connection", "group"])
def test_the_server_says_which_fields_there_are(sluice, noun):
    refused = sluice.cli(noun, "list", "--sort", "in_flight", check=False)
    assert refused.returncode == 1 and refused.stdout == ""
    assert "sort must be one of these" in refused.stderr and "created" in refused.stderr
