"""Delayed messages, strategies of shared groups and other servers, over the wire."""
import json
import signal
import time

import pytest

from integration import raw_mqtt as mqtt
from integration.harness import Sluice, wait_until
from integration.raw_mqtt import RawClient

SERVER_REFERENCE = 0x1C


@pytest.fixture
def server(tmp_path):
    made = Sluice(tmp_path / "server", {"access": {"enabled": False}})
    try:
        yield made.start()
    finally:
        made.kill9()


def reload(server, **mqtt_settings):
    """New settings, in effect when this returns."""
    server.settings = {**server.settings, "mqtt": mqtt_settings}
    server.command()  # writes the file
    before = server.log_file.read_text().count("settings reloaded")
    server.child.send_signal(signal.SIGHUP)
    wait_until(lambda: server.log_file.read_text().count("settings reloaded") > before,
               "settings reloaded")


def member(server, name):
    client = RawClient(server.mqtt)
    client.connect(name, properties=[(mqtt.SESSION_EXPIRY, 60)], clean=False)
    assert client.subscribe("$share/g/t/+", qos=1) == [1]
    return client


def test_a_delayed_message_outlives_kill_9_and_comes_once(server):
    with RawClient(server.mqtt) as client:
        client.connect("reader", properties=[(mqtt.SESSION_EXPIRY, 60)])
        client.subscribe("later/#", qos=1)
        sent = time.time()
        assert client.publish("$delayed/4/later/a", b"soon", qos=1, retain=True).reason == 0
        assert client.publish("$delayed/600/later/b", b"not yet", qos=2).reason == 0
        client.expect_silence()
    server.kill9()
    server.start()
    with RawClient(server.mqtt) as client:
        client.connect("reader", clean=False, properties=[(mqtt.SESSION_EXPIRY, 60)])
        message = client.messages(1, timeout=15)[0]
        assert (message.topic, message.payload) == ("later/a", b"soon")
        assert time.time() - sent >= 4
        client.expect_silence()
    server.restart()
    with RawClient(server.mqtt) as client:
        client.connect("reader", clean=False, properties=[(mqtt.SESSION_EXPIRY, 60)])
        client.expect_silence()
        client.subscribe("later/a", qos=0)
        assert client.messages(1)[0].payload == b"soon"  # it is retained since its release
    stored = json.loads(server.cli("message", "list", "-o", "json").stdout)["items"]
    assert [entry["topic"] for entry in stored] == ["later/a"]


def test_a_strategy_changes_while_members_are_connected(server):
    with member(server, "one") as one, member(server, "two") as two, \
            RawClient(server.mqtt) as publisher:
        publisher.connect("publisher")
        for number in range(4):
            publisher.publish("t/same", str(number), qos=1)
        assert [len(each.messages(2)) for each in (one, two)] == [2, 2]

        reload(server, group_strategy="hash_topic")
        for number in range(60):
            publisher.publish(f"t/{number % 6}", str(number), qos=1)
        topics = []
        for each in (one, two):
            found = set()
            try:
                while True:
                    message = each.messages(1, timeout=0.5)[0]
                    found.add(message.topic)
            except mqtt.Late:
                topics.append(found)
        assert not topics[0] & topics[1]
        assert len(topics[0] | topics[1]) == 6


def test_clients_are_sent_to_another_server_and_come_back(server):
    with RawClient(server.mqtt) as client:
        client.connect("c", properties=[(mqtt.SESSION_EXPIRY, 600)])
        client.subscribe("t", qos=1)
        with RawClient(server.mqtt, 4) as old:
            old.connect("old")
            done = server.cli("client", "drain", "--to", "other.example.org:1883", "-o", "json")
            assert json.loads(done.stdout) == {"clients": 2}
            assert old.expect_closed() == []
        farewell = client.expect(mqtt.DISCONNECT)
        assert farewell.reason == 0x9C
        assert farewell.one(SERVER_REFERENCE) == "other.example.org:1883"

    reload(server, redirect_to="other.example.org:1883", redirect_permanently=True)
    with RawClient(server.mqtt) as client:
        answer = client.connect("c", clean=False)
        assert answer.reason == 0x9D
        assert answer.one(SERVER_REFERENCE) == "other.example.org:1883"
        assert client.expect_closed() == []

    reload(server)
    with RawClient(server.mqtt) as client:
        answer = client.connect("c", clean=False)
        assert (answer.reason, answer.session_present) == (0, True)


@pytest.mark.parametrize("option", ["--per-second=0", "--nonsense"])
def test_a_drain_that_cannot_be_is_refused(server, option):
    assert server.cli("client", "drain", option, check=False).returncode != 0
