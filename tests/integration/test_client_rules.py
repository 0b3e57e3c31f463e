"""Block rules, subscriptions that the server makes, point to point: by REST and the command line."""
import json
import time
from urllib.parse import quote

import pytest

from integration import raw_mqtt as mqtt
from integration.harness import Sluice, wait_until
from integration.raw_mqtt import RawClient

BANNED, ADMINISTRATIVE_ACTION = 0x8A, 0x98


@pytest.fixture
def server(tmp_path):
    made = Sluice(tmp_path / "server", {"access": {"enabled": False},
                                        "mqtt": {"point_to_point": True}})
    try:
        yield made.start()
    finally:
        made.kill9()


def connect(server, name, version=5, **options):
    raw = RawClient(server.mqtt, version)
    return raw, raw.connect(name, **options).reason


def names(answer):
    return [item["name"] for item in answer.expect(200)["items"]]


def test_a_block_rule_holds_at_once_until_it_is_lifted(server):
    raw, _ = connect(server, "meter-1")
    old, _ = connect(server, "meter-2", 4)
    rule = server.create("/block-rules", {"name": "meters", "type": "client_id", "value": "meter-*",
                                          "except": ["meter-9"]})
    assert rule["until"] is None
    assert raw.expect(mqtt.DISCONNECT).reason == ADMINISTRATIVE_ACTION  # 0x8A is CONNACK's alone
    assert old.expect_closed() == []
    for version, code in ((5, BANNED), (4, 5)):
        raw, reason = connect(server, "meter-3", version)
        assert reason == code
        raw.abort()
    refused = server.get("/block-rules/meters/refusals")
    assert refused["refused"] == 2 and refused["last"]
    assert server.rest("GET", "/block-rules/others/refusals").status == 404
    raw, reason = connect(server, "meter-9")
    assert reason == 0
    raw.disconnect()

    server.kill9()
    server.start()
    assert connect(server, "meter-3")[1] == BANNED
    soon = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 5))
    changed = server.rest("PATCH", "/block-rules/meters", {"until": soon, "description": "a while"})
    assert changed.expect(200)["value"] == "meter-*"
    assert connect(server, "meter-3")[1] == BANNED
    wait_until(lambda: connect(server, "meter-3")[1] == 0, "the rule has ended")
    assert names(server.rest("GET", "/block-rules?type=client_id")) == ["meters"]
    stale = server.rest("DELETE", "/block-rules/meters", headers={"If-Match": '"other"'})
    assert stale.status == 412
    server.rest("DELETE", "/block-rules/meters").expect(204)
    assert names(server.rest("GET", "/block-rules")) == []
    assert server.rest("GET", "/block-rules/meters").status == 404


def test_a_bad_rule_says_what_is_wrong_with_it(server):
    answer = server.rest("POST", "/block-rules", {"name": "net", "type": "address", "value": "x",
                                                  "until": "soon", "foo": 1})
    assert {field["pointer"] for field in answer.expect(422)["fields"]} == {"/until", "/foo"}
    answer = server.rest("POST", "/auto-subscriptions", {"name": "abc", "filters": ["a/#/b"]})
    assert answer.expect(422)["fields"][0]["pointer"] == "/filters/0"


def test_a_client_is_subscribed_and_unsubscribed_for(server):
    path = "/clients/c/subscriptions"
    assert server.rest("POST", path, {"filter": "plant/+"}).status == 404
    with RawClient(server.mqtt) as publisher, RawClient(server.mqtt) as raw:
        publisher.connect("publisher")
        publisher.publish("plant/kept", b"kept", qos=1, retain=True)
        raw.connect("c", properties=[(mqtt.SESSION_EXPIRY, 60)])
        made = server.rest("POST", path, {"filter": "plant/+", "qos": 1})
        assert made.expect(201)["qos"] == 1
        assert made.headers["location"] == "/api/v1/clients/c/subscriptions/plant%2F%2B"
        assert raw.messages(1)[0].payload == b"kept"
        assert publisher.publish("plant/a", b"1", qos=1).reason == 0
        assert raw.messages(1)[0].topic == "plant/a"
        assert server.rest("POST", path, {"filter": "a/#/b"}).expect(422)["fields"][0]["pointer"] \
            == "/filter"
        raw.abort()
        server.rest("POST", path, {"filter": "other/#", "qos": 2}).expect(201)  # while it is away
        assert names(server.rest("GET", path)) == ["+/p2p/c", "other/#", "plant/+"]
        publisher.publish("other/b", b"2", qos=2)
    server.kill9()  # what was answered is kept
    server.start()
    with RawClient(server.mqtt) as raw:
        assert raw.connect("c", clean=False, properties=[(mqtt.SESSION_EXPIRY, 60)]).session_present
        assert raw.messages(1)[0].topic == "other/b"
        one = path + "/" + quote("other/#", safe="")
        server.rest("DELETE", one).expect(204)
        assert server.rest("DELETE", one).status == 404
        with RawClient(server.mqtt) as publisher:
            publisher.connect("publisher")
            publisher.publish("other/b", b"3", qos=1)
            publisher.publish("plant/b", b"4", qos=1)
        assert raw.messages(1)[0].payload == b"4"


def test_policies_bound_what_a_client_is_subscribed_to(sluice):
    account = sluice.add_user("meter")
    sluice.add_policy("meter", operations=["connect", "subscribe"], resources=["open/#"],
                      users=["meter"])
    sluice.create("/auto-subscriptions", {"name": "both", "users": ["met*"],
                                          "filters": ["open/${client_id}", "secret/${username}"]})
    with RawClient(sluice.mqtt) as raw:
        raw.connect("c", username=account.name, password=account.password)
        answer = sluice.rest("POST", "/clients/c/subscriptions", {"filter": "secret/#"})
        assert answer.expect(403)["code"] == "not_allowed"
        assert names(sluice.rest("GET", "/clients/c/subscriptions")) == ["open/c"]


def test_mail_waits_for_its_addressee_and_reaches_nobody_else(server):
    expiry = {"properties": [(mqtt.SESSION_EXPIRY, 60)]}
    with RawClient(server.mqtt) as watcher, RawClient(server.mqtt) as publisher:
        watcher.connect("watcher")
        watcher.subscribe("#", qos=1)
        publisher.connect("publisher")
        client, _ = connect(server, "c", **expiry)
        client.abort()
        assert publisher.publish("plant/p2p/c", b"1", qos=2).reason == 0
        assert publisher.publish("plant/p2p/absent", b"2", qos=1).reason == 0x10
        answer = server.rest("POST", "/messages", {"topic": "plant/p2p/c", "payload": "3", "qos": 2})
        answer.expect(201)
        server.kill9()
    server.start()
    with RawClient(server.mqtt) as client:
        client.connect("c", clean=False, **expiry)
        assert [m.payload for m in client.messages(2)] == [b"1", b"3"]


def test_mail_reaches_nobody_who_subscribed_before_it_was_mail(tmp_path):
    expiry = {"properties": [(mqtt.SESSION_EXPIRY, 60)]}

    def server_with(point_to_point):
        return Sluice(tmp_path / "server", {"access": {"enabled": False},
                                            "mqtt": {"point_to_point": point_to_point}})
    before = server_with(False)
    try:
        before.start()
        for name, topic in (("spy", "+/p2p/c"), ("member", "$share/g/+/p2p/c")):
            with RawClient(before.mqtt) as raw:
                raw.connect(name, **expiry)
                assert raw.subscribe(topic, qos=1) == [1]
        with RawClient(before.mqtt) as raw:
            raw.connect("p")
            raw.publish("plant/p2p/c", b"old", qos=1, retain=True)
    finally:
        before.kill9()
    server = server_with(True)
    try:
        server.start()
        with RawClient(server.mqtt) as client, RawClient(server.mqtt) as publisher:
            client.connect("c", **expiry)
            publisher.connect("p")
            publisher.publish("plant/p2p/c", b"mail", qos=1)
            assert [m.payload for m in client.messages(1)] == [b"mail"]
            publisher.publish("open/spy", b"open", qos=1)
        for name in ("spy", "member"):
            with RawClient(server.mqtt) as raw:
                raw.connect(name, clean=False, **expiry)
                raw.subscribe("plant/#", qos=1)  # what is retained would come now
                raw.subscribe("open/#", qos=1)
                raw.publish("open/end", b"end", qos=1)
                assert [m.payload for m in raw.messages(1)] == [b"end"]
        with RawClient(server.mqtt) as raw:
            raw.connect("p")
            raw.publish("plant/p2p/c", b"", qos=1, retain=True)
    finally:
        server.kill9()
    after = server_with(False)
    try:
        after.start()
        with RawClient(after.mqtt) as raw:
            raw.connect("reader")
            raw.subscribe("plant/#", qos=1)
            raw.publish("plant/end", b"end", qos=1)
            assert [m.payload for m in raw.messages(1)] == [b"end"]
    finally:
        after.kill9()


def test_the_command_line_knows_these_nouns(server, tmp_path):
    def run(*words):
        return json.loads(server.cli(*words, "-o", "json").stdout or "null")

    rule = tmp_path / "rule.json"
    rule.write_text(json.dumps({"name": "mallory", "type": "user", "value": "mallory"}))
    assert run("block-rule", "create", str(rule))["name"] == "mallory"
    rule.write_text(json.dumps({"description": "again"}))
    assert run("block-rule", "update", "mallory", "-f", str(rule))["description"] == "again"
    assert "mallory" in server.cli("block-rule", "list").stdout
    server.cli("block-rule", "delete", "mallory")
    rule.write_text(json.dumps({"name": "commands", "filters": ["to/%c"], "qos": 2}))
    assert run("auto-subscription", "create", str(rule))["filters"] == ["to/%c"]
    with RawClient(server.mqtt) as raw:
        raw.connect("c")
        assert run("subscription", "add", "c", "plant/#", "--qos", "0")["qos"] == 0
        found = run("subscription", "list", "c")["items"]
        assert [(each["filter"], each["qos"]) for each in found] == [
            ("+/p2p/c", 2), ("plant/#", 0), ("to/c", 2)]
        server.cli("subscription", "remove", "c", "plant/#")
        assert len(run("subscription", "list", "c")["items"]) == 2


def test_a_rule_adds_to_messages_before_anybody_reads_them(server):
    user_property, response_topic, expiry = 0x26, 0x08, 0x02
    rule = {"name": "who", "topics": ["plant/#"], "message_expiry_interval": 3600,
            "response_topic": "answers/${client_id}",
            "user_properties": {"publisher": "${client_id}@${host}"}}
    server.cli("enrichment-rule", "create", "-", stdin=json.dumps(rule))
    with RawClient(server.mqtt) as reader, RawClient(server.mqtt, 4) as old, \
            RawClient(server.mqtt) as new:
        reader.connect("reader", properties=[(mqtt.SESSION_EXPIRY, 600)])
        reader.subscribe("#", qos=1)
        old.connect("old")
        new.connect("new")
        old.publish("plant/old", b"1", qos=1)
        new.publish("plant/new", b"2", qos=2, retain=True,
                    properties=[(user_property, ("publisher", "a lie")), (user_property, ("line", "7")),
                                (response_topic, "mine")])
        new.publish("other", b"3", qos=1)
        first, second, third = reader.messages(3)
        assert first.all(user_property) == [("publisher", "old@127.0.0.1")]
        assert 3590 <= first.one(expiry) <= 3600
        assert second.all(user_property) == [("line", "7"), ("publisher", "new@127.0.0.1")]
        assert second.one(response_topic) == "answers/new"
        assert third.properties == []
    server.kill9()
    server.start()
    with RawClient(server.mqtt) as reader:
        reader.connect("other")
        reader.subscribe("plant/#", qos=1)
        assert ("publisher", "new@127.0.0.1") in reader.messages(1)[0].all(user_property)
        with RawClient(server.mqtt) as new:
            new.connect("again")
            new.publish("plant/again", b"", qos=1)
            assert reader.messages(1)[0].one(response_topic) == "answers/again"
            changed = server.rest("PATCH", "/enrichment-rules/who", {"enabled": False})
            assert changed.expect(200)["priority"] == 100
            new.publish("plant/again", b"", qos=1)
            assert reader.messages(1)[0].properties == []
    assert names(server.rest("GET", "/enrichment-rules")) == ["who"]
    bad = server.rest("POST", "/enrichment-rules", {"name": "bad", "response_topic": "a/#"})
    assert [field["pointer"] for field in bad.expect(422)["fields"]] == ["/response_topic"]
    shared = server.rest("POST", "/enrichment-rules", {
        "name": "shared", "topics": ["$share/g/plant/#"], "correlation_data": "c"}).expect(422)
    assert shared["fields"][0]["pointer"] == "/topics/0"
    assert "without $share/{group}/" in shared["fields"][0]["detail"]
    for number in range(19):
        server.create("/enrichment-rules", {"name": f"rule-{number}", "correlation_data": "c"})
    full = server.rest("POST", "/enrichment-rules",
                       {"name": "one-more", "correlation_data": "c"}).expect(409)
    assert full["code"] == "limit_reached" and full["detail"].startswith("there are 20 enrichment")
    assert full["hint"].startswith("delete one that is not used")
    server.rest("DELETE", "/enrichment-rules/who").expect(204)
