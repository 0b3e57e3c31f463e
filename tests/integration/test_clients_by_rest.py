"""What an administrator sees of one client and does with it, and with retained messages."""
import json
import urllib.parse

import pytest

from integration import raw_mqtt as mqtt
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
        client.connect(AWKWARD, will=will, keep_alive=77, **LONG)
        client.subscribe("a/#", qos=1)
        client.subscribe("$share/g/b", qos=2)

        shown = server.get(one(AWKWARD))

        assert (shown["client_id"], shown["status"]) == (AWKWARD, "connected")
        assert (shown["protocol"], shown["keep_alive_seconds"]) == ("5.0", 77)
        assert shown["session_expiry_seconds"] == 3600
        assert shown["will"] == {"topic": "gone/meter", "qos": 1, "retain": True,
                                 "payload_bytes": 3, "delay_seconds": 0}
        assert [(s["filter"], s["qos"], s.get("group")) for s in shown["subscriptions"]] == [
            ("$share/g/b", 2, "g"), ("a/#", 1, None)]
        assert shown["certificate"] is None
        listed = server.get("/clients")["items"][0]
        assert (listed["protocol"], listed["certificate_serial"]) == ("5.0", None)
        assert listed["created"] == shown["created"]
    with RawClient(server.mqtt, version=4) as old:
        old.connect("old")
        assert server.get(one("old"))["protocol"] == "3.1.1"
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
