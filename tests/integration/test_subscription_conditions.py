"""`$where` on SUBSCRIBE, by clients of the wire and by the command line."""
import json
import subprocess

import pytest

from integration import raw_mqtt as mqtt
from integration.harness import Sluice, wait_until
from integration.raw_mqtt import RawClient

USER_PROPERTY, REASON_STRING = 0x26, 0x1F
BAD_CONDITION, QUOTA_EXCEEDED = 0x83, 0x97
HOT = "payload.temperature > 20 AND site = 'north'"


@pytest.fixture
def server(tmp_path):
    made = Sluice(tmp_path / "server", {"access": {"enabled": False}})
    try:
        yield made.start()
    finally:
        made.kill9()


def where(text):
    return [(USER_PROPERTY, ("$where", text))]


def reader(server, name, clean=True):
    client = RawClient(server.mqtt)
    client.connect(name, clean=clean, properties=[(mqtt.SESSION_EXPIRY, 600)])
    return client


def publish(server, *temperatures, retain=False):
    with RawClient(server.mqtt) as publisher:
        publisher.connect("publisher")
        for temperature in temperatures:
            publisher.publish(f"plant/{temperature}/t", json.dumps({"temperature": temperature}).encode(),
                              qos=1, retain=retain,
                              properties=[(USER_PROPERTY, ("site", "north"))])


def temperatures(messages):
    return [json.loads(message.payload)["temperature"] for message in messages]


def test_a_condition_outlives_kill_9_and_an_absence(server):
    publish(server, 5, 25, retain=True)
    client = reader(server, "r")
    assert client.subscribe("plant/#", qos=1, properties=where(HOT)) == [1]
    assert temperatures(client.messages(1)) == [25]
    publish(server, 10, 30)
    assert temperatures(client.messages(1)) == [30]
    client.expect_silence()
    client.abort()
    publish(server, *range(21))
    server.kill9()
    server.start()
    publish(server, 11, 31)
    client = reader(server, "r", clean=False)
    assert temperatures(client.messages(1)) == [31]
    publish(server, 12, 32)
    assert temperatures(client.messages(1)) == [32]
    shown = json.loads(server.cli("subscription", "list", "r", "-o", "json").stdout)
    assert [item["where"] for item in shown["items"]] == [HOT]
    assert client.subscribe("plant/#", qos=1, properties=[]) == [1]
    assert temperatures(client.messages(2)) == [25, 5]  # retained, in the order of their topics
    publish(server, 1)
    assert temperatures(client.messages(1)) == [1]


def test_costly_conditions_of_many_hold_up_nobody_else(server):
    """What they have to do takes hundreds of turns of the loop: a PING is answered in between."""
    clients, messages = 100, 60
    filters = ["plant/1", "plant/+", "plant/#", "+/1", "+/+"]
    readers, seen_in_between = [], False
    try:
        for number in range(clients):
            readers.append(reader(server, f"r{number}"))
            for place, name in enumerate(filters):  # all different: each has to be asked
                text = f"payload LIKE '%aab%aab' OR qty = {number * 10 + place} OR payload LIKE 'a%'"
                assert readers[-1].subscribe(name, qos=1, properties=where(text)) == [1]
        with RawClient(server.mqtt) as publisher, RawClient(server.mqtt) as canary:
            publisher.connect("publisher")
            canary.connect("canary")
            for sent in range(messages, 4 * messages, messages):
                publisher.send(b"".join(mqtt.publish_packet(5, "plant/1", b"a" * 1500 + b"b", qos=1,
                                                            packet_id=sent + number)
                                        for number in range(messages)))
                canary.expect_silence()  # PINGREQ, PINGRESP
                metrics = server.metrics()
                if metrics["sluice_messages_sent_total"] < clients * sent:
                    seen_in_between = True
                for client in readers:
                    assert len(client.messages(messages, timeout=120)) == messages
        assert seen_in_between
        assert server.metrics()["sluice_condition_turns_spent_total"] > 100
        for client in readers:
            client.expect_silence()
    finally:
        for client in readers:
            client.abort()


def test_the_memory_of_conditions_is_bounded(tmp_path):
    made = Sluice(tmp_path / "server", {"access": {"enabled": False},
                                        "mqtt": {"conditions_bytes": "16KiB"}})
    try:
        server = made.start()
        with reader(server, "r") as client:
            codes = []
            while QUOTA_EXCEEDED not in codes:
                text = f"payload.a{len(codes)} IN ({', '.join(map(str, range(100)))})"
                client.send(mqtt.subscribe_packet(5, 9, [(f"c/{len(codes)}", 1)], where(text)))
                answer = client.expect(mqtt.SUBACK)
                codes += answer.codes
            assert len(codes) > 1
            assert "mqtt.conditions_bytes" in answer.one(REASON_STRING)
            refused = server.rest("POST", "/clients/r/subscriptions", {"filter": "d", "where": text})
            assert refused.status == 409 and refused.body["code"] == "limit_reached", refused
            metrics = server.metrics()
            assert 0 < metrics["sluice_conditions_bytes"] <= 16 << 10
            assert metrics["sluice_conditions_refused_total"] == 2
            assert client.subscribe("plain", qos=1) == [1]
    finally:
        made.kill9()


def test_a_bad_condition_is_answered_with_what_was_expected(server):
    with reader(server, "r") as client:
        client.send(mqtt.subscribe_packet(5, 9, [("a/#", 1), ("b/#", 0)], where("payload.a >")))
        answer = client.expect(mqtt.SUBACK)
        assert answer.codes == [BAD_CONDITION, BAD_CONDITION]
        assert answer.one(REASON_STRING).startswith("$where: line 1, column 12: expected a value")
        for number in range(20):
            assert client.subscribe(f"c/{number}", properties=where(HOT)) == [0]
        assert client.subscribe("c/20", properties=where(HOT)) == [QUOTA_EXCEEDED]
        answer = server.rest("POST", "/clients/r/subscriptions", {"filter": "d", "where": "("})
        assert answer.expect(422)["fields"][0]["pointer"] == "/where"


def test_members_of_a_group_get_what_they_accept_and_the_rest_is_counted(server):
    dropped = 'sluice_messages_dropped_total{reason="no_member_accepts"}'
    with reader(server, "cold") as cold, reader(server, "hot") as hot:
        cold.subscribe("$share/g/plant/#", qos=1, properties=where("payload.temperature < 10"))
        server.cli("subscription", "add", "hot", "$share/g/plant/#", "--where", HOT)
        publish(server, 1, 30, 15, 2, 31)
        assert temperatures(cold.messages(2)) == [1, 2]
        assert temperatures(hot.messages(2)) == [30, 31]
        wait_until(lambda: server.metrics().get(dropped) == 1, "counted")


def test_a_foreign_client_subscribes_with_a_condition(server):
    host, port = server.mqtt
    command = ["mosquitto_sub", "-h", host, "-p", str(port), "-V", "5", "-i", "foreign", "-W", "20",
               "-t", "plant/#", "-q", "1", "-C", "1", "-D", "subscribe", "user-property", "$where",
               HOT]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as client:
        wait_until(lambda: server.rest("GET", "/clients/foreign/subscriptions").status == 200
                   and server.get("/clients/foreign/subscriptions")["items"], "subscribed")
        publish(server, 3, 33)
        assert json.loads(client.communicate(timeout=20)[0])["temperature"] == 33
