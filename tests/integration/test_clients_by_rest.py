"""What an administrator sees of one client and does with it, and with retained messages."""
import json
import urllib.parse

import pytest

from integration import raw_mqtt as mqtt
from integration.harness import wait_until
from integration.raw_mqtt import RawClient

OPEN = {"access": {"enabled": False}}
LONG = {"properties": [(mqtt.SESSION_EXPIRY, 3600)]}
AWKWARD = "plant/7:disconnect ü"  # a client id is what the client says


def one(name):
    return "/clients/" + urllib.parse.quote(name, safe="")


@pytest.fixture
def server(make_sluice):
    return make_sluice(OPEN)


def test_one_client_is_shown_whole(server):
    will = {"topic": "gone/meter", "payload": b"bye", "qos": 1, "retain": True}
    with RawClient(server.mqtt) as client:
        said = [(mqtt.SESSION_EXPIRY, 3600), (mqtt.MAXIMUM_PACKET_SIZE, 70_000),
                (mqtt.TOPIC_ALIAS_MAXIMUM, 3), (mqtt.USER_PROPERTY, ("site", "north"))]
        client.connect(AWKWARD, will=will, keep_alive=77, properties=said)
        client.subscribe("a/#", qos=1)
        client.subscribe("$share/g/b", qos=2)

        shown = server.get(one(AWKWARD))

        assert (shown["client_id"], shown["status"]) == (AWKWARD, "connected")
        assert (shown["protocol"], shown["keep_alive_seconds"]) == ("5.0", 77)
        assert shown["session_expiry_seconds"] == 3600
        assert shown["clean_start"] is True
        assert shown["connect_properties"] == {
            "session_expiry_interval": 3600, "maximum_packet_size": 70_000,
            "topic_alias_maximum": 3, "user_properties": [{"name": "site", "value": "north"}]}
        assert shown["will"] == {"topic": "gone/meter", "qos": 1, "retain": True,
                                 "payload_bytes": 3, "delay_seconds": 0}
        assert [(s["filter"], s["qos"], s.get("group")) for s in shown["subscriptions"]] == [
            ("$share/g/b", 2, "g"), ("a/#", 1, None)]
        assert shown["certificate"] is None
        short = server.get(one(AWKWARD) + "?subscriptions=false")
        assert "subscriptions" not in short and short["subscription_count"] == 2
        wrong = server.rest("GET", one(AWKWARD) + "?subscriptions=no")
        assert (wrong.status, wrong.body["code"]) == (400, "invalid_parameter")
        listed = server.get("/clients")["items"][0]
        assert (listed["protocol"], listed["certificate_serial"]) == ("5.0", None)
        assert listed["created"] == shown["created"]
    with RawClient(server.mqtt, version=4) as old:
        old.connect("old")
        assert server.get(one("old"))["protocol"] == "3.1.1"
        assert server.get(one("old"))["connect_properties"] == {}
    refusal = server.rest("GET", one("nobody"))
    assert (refusal.status, refusal.body["code"]) == (404, "not_found")


def test_a_client_is_disconnected_and_keeps_its_session(server):
    will = {"topic": "gone/meter", "payload": b"bye", "qos": 1, "retain": False}
    with RawClient(server.mqtt) as watcher, RawClient(server.mqtt) as client:
        watcher.connect("watcher")
        watcher.subscribe("gone/#", qos=1)
        client.connect(AWKWARD, will=will, **LONG)
        client.subscribe("a/#", qos=1)

        answer = server.rest("POST", one(AWKWARD) + ":disconnect")

        assert answer.expect(200)["status"] == "disconnected"
        assert client.expect(mqtt.DISCONNECT).reason == 0x98
        client.expect_closed()
        assert [m.payload for m in watcher.messages(1)] == [b"bye"]
    again = server.rest("POST", one(AWKWARD) + ":disconnect")
    assert (again.status, again.body["code"]) == (409, "wrong_state")
    assert "block rule" in again.body["hint"]
    with RawClient(server.mqtt) as publisher:
        publisher.connect("publisher")
        publisher.publish("a/1", b"kept", qos=1)
    with RawClient(server.mqtt) as client:
        assert client.connect(AWKWARD, clean=False, **LONG).session_present
        assert [m.payload for m in client.messages(1)] == [b"kept"]


@pytest.mark.parametrize("connected", [True, False], ids=["connected", "away"])
def test_a_session_is_ended_for_good(server, connected):
    with RawClient(server.mqtt) as client:
        client.connect("meter", **LONG)
        client.subscribe("a/#", qos=1)
        if not connected:
            client.abort()

        server.delete(one("meter"))

        if connected:
            assert client.expect(mqtt.DISCONNECT).reason == 0x98
    server.kill9()
    server.start()
    assert server.rest("GET", one("meter")).status == 404
    assert server.rest("DELETE", one("meter")).status == 404
    with RawClient(server.mqtt) as client:
        assert not client.connect("meter", clean=False, **LONG).session_present


def test_retained_messages_are_listed_shown_and_forgotten(server):
    topics = ["a/1", "a/2", "a/3", "b:x/ü", "$own/x"]
    with RawClient(server.mqtt) as client:
        client.connect("publisher")
        for topic in topics[:-1]:
            client.publish(topic, topic.encode(), qos=1, retain=True)

    first = server.get("/retained?filter=a/%2B&limit=2")
    rest = server.get(f"/retained?filter=a/%2B&limit=2&page={first['next']}")
    assert [m["topic"] for m in first["items"] + rest["items"]] == ["a/1", "a/2", "a/3"]
    assert rest["next"] is None
    assert [m["topic"] for m in server.get("/retained")["items"]] == topics[:-1]
    assert server.rest("GET", "/retained?filter=a/%23/b").status == 400
    awkward = "/retained/" + urllib.parse.quote("b:x/ü", safe="")
    assert server.get(awkward)["payload"] == "b:x/ü"

    with RawClient(server.mqtt) as watcher:
        watcher.connect("watcher")
        watcher.subscribe("b:x/#", qos=1)
        assert [m.payload for m in watcher.messages(1)] == ["b:x/ü".encode()]
        server.delete(awkward)
        watcher.publish("b:x/end", b"end", qos=1)
        assert [m.payload for m in watcher.messages(1)] == [b"end"]  # nothing was sent for it
    server.kill9()
    server.start()
    assert server.rest("GET", awkward).body["code"] == "not_found"
    assert server.rest("DELETE", awkward).status == 404
    assert [m["topic"] for m in server.get("/retained")["items"]] == topics[:3]


def test_the_command_line_does_the_same(server):
    with RawClient(server.mqtt) as client:
        client.connect("meter", **LONG)
        client.publish("a", b"1", qos=1, retain=True)
        assert json.loads(server.cli("client", "show", "meter", "-o", "json").stdout)[
            "client_id"] == "meter"
        server.cli("client", "disconnect", "meter")
        assert client.expect(mqtt.DISCONNECT).reason == 0x98
    server.cli("client", "delete", "meter")
    assert "no client with a session" in server.cli("client", "show", "meter", check=False).stderr
    assert "a " in server.cli("retained", "list").stdout
    server.cli("retained", "delete", "a")
    assert json.loads(server.cli("retained", "list", "-o", "json").stdout)["items"] == []


def test_subscriptions_show_what_was_said_what_is_in_flight_and_what_waits(server):
    said = [(mqtt.SUBSCRIPTION_ID, 7), (mqtt.USER_PROPERTY, ("for", "billing")),
            (mqtt.USER_PROPERTY, ("$where", "$qos = 1"))]
    window = [(mqtt.SESSION_EXPIRY, 3600), (mqtt.RECEIVE_MAXIMUM, 3)]
    with RawClient(server.mqtt) as client, RawClient(server.mqtt) as sender:
        client.connect("meter", properties=window)
        client.subscribe("a/#", qos=1, properties=said)
        client.subscribe("$share/g/b", qos=1)
        sender.connect("sender")
        for topic in ("b", "a/1", "a/2", "a/3", "b", "a/4"):
            sender.publish(topic, b"x", qos=1)
        client.messages(3, acknowledge=False)

        def shown():
            return {item["filter"]: item
                    for item in server.get(one("meter") + "/subscriptions")["items"]}

        def counts():
            return [(name, item["in_flight"], item["lag_messages"])
                    for name, item in sorted(shown().items())]

        assert shown()["a/#"] == {
            "filter": "a/#", "name": "a/#", "qos": 1, "no_local": False,
            "retain_as_published": False, "retain_handling": 0, "identifier": 7,
            "where": "$qos = 1", "user_properties": [{"name": "for", "value": "billing"}],
            "in_flight": 2, "lag_messages": 2}
        assert counts() == [("$share/g/b", 1, 1), ("a/#", 2, 2)]
        whole = server.get(one("meter"))
        assert [(s["in_flight"], s["lag_messages"]) for s in whole["subscriptions"]] == [
            (1, 1), (2, 2)]
        table = server.cli("subscription", "list", "meter").stdout.splitlines()
        assert table[0].split()[3:5] == ["IN_FLIGHT", "LAG_MESSAGES"]
        client.abort()
        # What the group gave is the group's again; what is the client's own is read from the log.
        wait_until(lambda: counts() == [("$share/g/b", 0, 2), ("a/#", 2, 2)], "counted while away")
    server.kill9()
    server.start()
    after = shown()["a/#"]
    assert after["user_properties"] == [{"name": "for", "value": "billing"}]
    assert (after["identifier"], after["where"]) == (7, "$qos = 1")
    assert after["in_flight"] + after["lag_messages"] == 4


def test_clients_are_found_by_a_part_of_their_id(server):
    for name in ("plant-1/pump", "plant-2/pump", "office/lamp", "PUMP"):
        with RawClient(server.mqtt) as client:
            client.connect(name, **LONG)
            client.disconnect()

    def found(query):
        return [item["client_id"] for item in server.get("/clients?" + query)["items"]]

    assert found("client_id_contains=pump") == ["plant-1/pump", "plant-2/pump"]
    assert found("client_id_contains=-2%2F") == ["plant-2/pump"]
    assert found("client_id_contains=pump&status=connected") == []
    assert found("client_id_contains=nowhere") == []
    first = server.get("/clients?client_id_contains=p&limit=2")
    assert [item["client_id"] for item in first["items"]] == ["office/lamp", "plant-1/pump"]
    assert found(f"client_id_contains=p&page={first['next']}") == ["plant-2/pump"]
    table = server.cli("client", "list", "--contains", "PUMP").stdout.splitlines()
    assert [line.split()[0] for line in table] == ["CLIENT_ID", "PUMP"]


def test_what_a_client_did_is_traced(server):
    server.rest("PUT", "/tracing", {"client_ids": ["meter"]}).expect(200)
    with RawClient(server.mqtt) as client, RawClient(server.mqtt) as other:
        other.connect("other")
        client.connect("meter", **LONG)
        client.subscribe("to/meter", qos=1)
        client.publish("from/meter", b"1", qos=1)
        other.publish("to/meter", b"2", qos=1)
        other.publish("elsewhere", b"3", qos=1)
        client.messages(1)

        def trace():
            return [(item["event"], item["topic"], item["publisher"])
                    for item in server.get(one("meter") + "/trace")["items"]]

        wait_until(lambda: len(trace()) == 3, "the acknowledgement is noted")
        assert trace() == [("acknowledged", "to/meter", "other"), ("sent", "to/meter", "other"),
                           ("received", "from/meter", "meter")]
        whole = server.get(one("meter") + "/trace?limit=2")
        assert whole["traced"] is True and whole["since"]
        rest = server.get(one("meter") + f"/trace?limit=2&page={whole['next']}")
        assert [item["event"] for item in rest["items"]] == ["received"] and rest["next"] is None
        ids = [int(item["id"]) for item in whole["items"] + rest["items"]]
        assert ids == sorted(set(ids), reverse=True)
        message = server.get("/messages/" + rest["items"][0]["message_id"])
        assert message["payload"] == "1"
        lines = server.cli("client", "trace", "meter").stdout.splitlines()
        assert len(lines) == 4 and "from/meter" in lines[3]
    # Its own acknowledgements are not the other's.
    assert [item["event"] for item in server.get(one("other") + "/trace")["items"]] == []
    nobody = server.get(one("nobody") + "/trace")
    assert (nobody["items"], nobody["traced"]) == ([], False)


def test_what_waits_is_told_by_filter(server):
    with RawClient(server.mqtt) as client:
        client.connect("sleeper", **LONG)
        client.subscribe("a/#", "b", qos=1)
        client.subscribe("c", qos=0)
        client.disconnect()
    with RawClient(server.mqtt) as sender:
        sender.connect("sender")
        for topic in ("a/1", "a/2", "a/3", "b", "c"):
            sender.publish(topic, b"x", qos=1)
    shown = server.get(one("sleeper"))
    assert shown["lag_messages"] == 4
    assert [(s["filter"], s["lag_messages"]) for s in shown["subscriptions"]] == [
        ("a/#", 3), ("b", 1), ("c", 0)]
