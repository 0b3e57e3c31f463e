"""Shared subscription groups: made, listed, changed, deleted; and mqtt.groups_must_exist."""
import contextlib
import json

import pytest

from integration import raw_mqtt as mqtt
from integration.harness import merged, wait_until
from integration.raw_mqtt import RawClient

OPEN = {"access": {"enabled": False}}
STRICT = merged(OPEN, {"mqtt": {"groups_must_exist": True}})
NOT_ALLOWED = 0x8F


def subscribe(client, *filters):
    """The whole SUBACK."""
    number = client.new_id()
    client.send(mqtt.subscribe_packet(client.version, number, [(name, 1) for name in filters]))
    return client.expect(mqtt.SUBACK)


@pytest.mark.parametrize("version", [4, 5])
def test_a_group_that_nobody_made_is_refused(make_sluice, version):
    server = make_sluice(STRICT)
    server.create("/groups", {"name": "billing"})
    with RawClient(server.mqtt, version=version) as client:
        client.connect("worker")
        answer = subscribe(client, "$share/billing/orders/#", "$share/other/orders/#", "plain/#")
        refused = NOT_ALLOWED if version == 5 else 0x80
        assert answer.codes == [1, refused, 1]
        if version == 5:
            assert "no such shared subscription group" in answer.one(mqtt.REASON_STRING)
    with RawClient(server.mqtt, version=5) as client:
        client.connect("later")
        assert subscribe(client, "$share/other/x").codes == [NOT_ALLOWED]
        server.create("/groups", {"name": "other"})
        assert subscribe(client, "$share/other/x").codes == [1]
        # By administrators neither.
        refused = server.rest("POST", "/clients/later/subscriptions", {"filter": "$share/third/x"})
        assert (refused.status, refused.body["code"]) == (422, "invalid_document")
        assert "POST /groups" in refused.body["hint"]
    server.stop()


def test_the_switch_changes_while_it_runs_and_leaves_what_is_there(make_sluice):
    server = make_sluice(OPEN)
    with RawClient(server.mqtt) as old, RawClient(server.mqtt) as publisher:
        old.connect("old")
        publisher.connect("publisher")
        assert subscribe(old, "$share/implicit/a").codes == [1]
        server.reload(merged(server.settings, STRICT))
        with RawClient(server.mqtt) as new:
            new.connect("new")
            assert subscribe(new, "$share/implicit/a").codes == [NOT_ALLOWED]
        publisher.publish("a", b"still", qos=1)
        assert old.messages(1)[0].payload == b"still"
    server.stop()


def test_shares_of_a_hash_strategy_move_after_their_latency(make_sluice):
    server = make_sluice(OPEN)
    made = server.create("/groups", {"name": "shares", "strategy": "hash_topic",
                                     "strategy_latency_seconds": 1})
    assert made["strategy_latency_seconds"] == 1
    wrong = server.rest("PATCH", "/groups/shares", {"strategy_latency_seconds": 601})
    assert (wrong.status, wrong.body["fields"][0]["pointer"]) == (422, "/strategy_latency_seconds")
    wrong = server.rest("PATCH", "/groups/shares", {"strategy": "random"})
    assert (wrong.status, wrong.body["fields"][0]["pointer"]) == (422, "/strategy_latency_seconds")
    assert "must be 0 with random" in wrong.body["fields"][0]["detail"]
    server.rest("PATCH", "/groups/shares", {"strategy": "default"}).expect(200)
    server.rest("PATCH", "/groups/shares", {"strategy": "hash_topic"}).expect(200)
    with RawClient(server.mqtt) as one, RawClient(server.mqtt) as two, \
            RawClient(server.mqtt) as publisher:
        one.connect("one", properties=[(mqtt.SESSION_EXPIRY, 3600)])
        two.connect("two", properties=[(mqtt.SESSION_EXPIRY, 3600)])
        publisher.connect("publisher")
        assert subscribe(one, "$share/shares/t/#").codes == [1]
        assert subscribe(two, "$share/shares/t/#").codes == [1]

        def reaches_two():
            for topic in range(8):
                publisher.publish(f"t/{topic}", b"x", qos=1)
            with contextlib.suppress(mqtt.Late):
                return two.receive(0.1)

        wait_until(reaches_two, "the second one has its share")  # not before, as unit tests show
        two.abort()
    server.stop()


def test_groups_are_shown_with_their_members(make_sluice):
    server = make_sluice(OPEN)
    made = server.create("/groups", {"name": "billing", "description": "Invoices",
                                     "strategy": "sticky"})
    assert made["id"] and made["made"] is True and made["members"] == 0
    with RawClient(server.mqtt) as one, RawClient(server.mqtt) as two:
        one.connect("one")
        two.connect("two")
        for client in (one, two):
            assert subscribe(client, "$share/billing/orders/#").codes == [1]
        subscribe(two, "$share/implicit/+/state")

        shown = {group["name"]: group for group in server.get("/groups")["items"]}
        assert sorted(shown) == ["billing", "implicit"]
        counts = server.get("/groups?limit=1")
        assert (counts["used"], counts["allowed"], len(counts["items"])) == (2, 1000, 1)
        assert shown["billing"]["updated"] == made["updated"]
        assert "updated" not in shown["implicit"]
        assert shown["billing"]["members"] == 2
        assert shown["implicit"]["made"] is False
        assert [group["name"] for group in server.get("/groups?made=true")["items"]] == ["billing"]

        group = server.get(f"/groups/{made['id']}")
        assert group["subscriptions"] == [{
            "filter": "orders/#", "strategy": "sticky", "members": 2, "lag_messages": 0,
            "client_ids": group["subscriptions"][0]["client_ids"]}]
        assert sorted(group["subscriptions"][0]["client_ids"]) == ["one", "two"]
        assert server.get("/groups/implicit")["subscriptions"][0]["filter"] == "+/state"

        server.rest("PATCH", "/groups/billing", {"strategy": "random"}).expect(200)
        wait_until(lambda: server.get("/groups/billing")["subscriptions"][0]["strategy"] ==
                   "random", "the strategy holds")
    server.restart()
    kept = server.get("/groups/billing")
    assert (kept["id"], kept["strategy"]) == (made["id"], "random")
    server.stop()


def test_wrong_groups_are_refused(make_sluice):
    server = make_sluice(OPEN)
    server.create("/groups", {"name": "billing"})
    for document, pointer in (({"name": "a/b"}, "/name"), ({"name": ""}, "/name"),
                              ({"name": "x", "strategy": "luck"}, "/strategy"), ({}, "/name")):
        refused = server.rest("POST", "/groups", document)
        assert refused.status == 422, document
        assert refused.body["fields"][0]["pointer"] == pointer
    assert server.rest("POST", "/groups", {"name": "billing"}).body["code"] == "name_taken"
    renamed = server.rest("PATCH", "/groups/billing", {"name": "other"})
    assert (renamed.status, renamed.body["fields"][0]["pointer"]) == (422, "/name")
    assert server.rest("GET", "/groups/none").status == 404
    assert server.rest("DELETE", "/groups/none").status == 404
    assert server.rest("DELETE", "/groups/billing?force=perhaps").status == 400
    server.stop()


def test_a_group_with_members_is_deleted_by_force_alone(make_sluice):
    server = make_sluice(STRICT)
    server.create("/groups", {"name": "billing"})
    with RawClient(server.mqtt) as member, RawClient(server.mqtt) as publisher:
        member.connect("member", clean=False, properties=[(mqtt.SESSION_EXPIRY, 3600)])
        publisher.connect("publisher")
        assert subscribe(member, "$share/billing/a", "b").codes == [1, 1]
        refused = server.rest("DELETE", "/groups/billing")
        assert (refused.status, refused.body["code"]) == (409, "group_has_members")

        server.delete("/groups/billing?force=true")
        assert server.get("/groups")["items"] == []
        assert publisher.publish("a", b"x", qos=1).reason == 0x10  # no matching subscribers
        publisher.publish("b", b"y", qos=1)
        assert member.messages(1)[0].payload == b"y"
        assert subscribe(member, "$share/billing/a").codes == [NOT_ALLOWED]
    server.kill9()
    server.start()
    filters = [each["filter"] for each in server.get("/clients/member/subscriptions")["items"]]
    assert filters == ["b"]
    server.stop()


def test_the_command_line_makes_lists_and_deletes_them(make_sluice, tmp_path):
    server = make_sluice(STRICT)
    document = tmp_path / "group.json"
    document.write_text(json.dumps({"name": "billing", "strategy": "hash_topic"}))
    server.cli("group", "create", str(document))
    listed = json.loads(server.cli("group", "list", "-o", "json").stdout)
    groups = listed if isinstance(listed, list) else listed["items"]
    assert [(each["name"], each["strategy"]) for each in groups] == [("billing", "hash_topic")]
    with RawClient(server.mqtt) as member:
        member.connect("member")
        assert subscribe(member, "$share/billing/a").codes == [1]
        refused = server.cli("group", "delete", "billing", check=False)
        assert (refused.returncode, "clients in the group: 1" in refused.stderr) == (1, True)
        server.cli("group", "delete", "billing", "--force")
    assert server.rest("GET", "/groups/billing").status == 404
    server.stop()


def test_a_tasks_group_cannot_be_made(make_sluice):
    server = make_sluice(OPEN)
    server.create("/tasks", {
        "name": "flow", "source": {"type": "local", "filters": ["a/#"], "start": "now"},
        "map": {"topic": "x", "value": "raw"}, "sink": {"type": "file", "folder": "flow"}})
    refused = server.rest("POST", "/groups", {"name": "group-file-flow"})
    assert (refused.status, refused.body["code"]) == (409, "group_name_taken")
    server.stop()
