"""Messages of an outside MQTT server come in, and messages from here go there: none is left out.

The outside server is another process of this program, which the conformance tests hold to the
standard.
"""
import os
import secrets
import time

import pytest

from integration import raw_mqtt as mqtt
from integration.certificates import Authority
from integration.harness import merged, wait_until
from integration.kafka_inflow import messages, properties_of
from integration.late_answers import LateAnswers
from integration.ledger import Publisher, check, numbers_of
from integration.raw_mqtt import RawClient

KILLS = int(os.environ.get("SLUICE_SOURCE_KILLS", "3"))
pytestmark = pytest.mark.timeout(300)


class Bridge:
    """Two servers, and at each an account for the other one's tasks and for publishers."""

    def __init__(self, make_sluice, version="5"):
        self.here = make_sluice(name="here")
        self.there = make_sluice(name="there")
        self.account = self.there.allow_all("bridge")
        self.own = self.here.allow_all("device")
        host, port = self.there.mqtt
        self.settings = {"host": host, "port": port, "version": version,
                         "username": self.account.name, "password": self.account.password}
        self.here.create("/connections", {"name": "there", "type": "mqtt",
                                          "settings": self.settings})

    def add_source(self, **sections):
        document = {"name": "in", "sink": {"type": "local"}, "map": {"topic": "in/${topic}"},
                    "source": {"type": "mqtt", "connection": "there", "filters": ["flow/#"]}}
        self.here.create("/tasks", merged(document, sections))
        self.here.wait_task("in", status="running")  # it is subscribed

    def add_sink(self, **sections):
        document = {"name": "out", "source": {"type": "local", "filters": ["flow/#"]},
                    "map": {"topic": "out/${topic}"},
                    "sink": {"type": "mqtt", "connection": "there"}}
        self.here.create("/tasks", merged(document, sections))
        self.here.wait_task("out", status="running")

    @staticmethod
    def publisher(server, account, **options):
        return Publisher(server.mqtt, "p1", "flow/p1", 1, rate=400, padding=100,
                         username=account.name, password=account.password, **options)


def came(server, topic_filter, publisher):
    """What the log of the server has of the publisher, repeats taken out; and how many there were.

    What comes again comes in order: check() has the firsts."""
    numbers = numbers_of(publisher.client_id,
                         [message["bytes"] for message in messages(server, topic_filter, whole=False)])
    firsts = list(dict.fromkeys(numbers))
    check(publisher, firsts, "the other log")
    return len(numbers) - len(firsts)


def wait_all(server, topic_filter, publisher):
    wait_until(lambda: len(set(numbers_of(publisher.client_id, [
        message["bytes"] for message in messages(server, topic_filter, whole=False)]))) >=
               publisher.sent, f"{publisher.sent} messages", 60)


@pytest.mark.parametrize("version, shared", [("5", True), ("5", False), ("3.1.1", True)])
def test_nothing_that_comes_is_lost_when_this_server_is_killed(make_sluice, version, shared):
    bridge = Bridge(make_sluice, version)
    bridge.add_source(source={"shared": shared})
    with bridge.publisher(bridge.there, bridge.account) as publisher:
        for _ in range(KILLS):
            publisher.wait_acknowledged(len(publisher.acknowledged) + 200)
            time.sleep(secrets.randbelow(300) / 1000)
            bridge.here.kill9()
            publisher.wait_acknowledged(len(publisher.acknowledged) + 100)
            bridge.here.start()
            bridge.here.wait_task("in", status="running", delivered=lambda n: n > 0, timeout=60)
        publisher.finish()
    wait_all(bridge.here, "in/#", publisher)
    twice = came(bridge.here, "in/#", publisher)
    print(f"{publisher.sent} messages, {KILLS} kills, {twice} came twice")
    assert twice <= KILLS * 1024, "more than may be on their way"


def test_the_other_server_goes_away_and_comes_back(make_sluice):
    bridge = Bridge(make_sluice)
    bridge.add_source()
    bridge.add_sink(map={"topic": "back/${client_id}"}, source={"filters": ["own/#"]})
    with bridge.publisher(bridge.there, bridge.account) as publisher:
        publisher.wait_acknowledged(200)
        bridge.there.kill9()
        for name in ("in", "out"):
            task = bridge.here.wait_task(name, status="waiting", timeout=60)
            assert "127.0.0.1" in task["status_reason"], task
        bridge.there.start()
        publisher.wait_acknowledged(len(publisher.acknowledged) + 200, timeout=120)
        publisher.finish()
    bridge.here.wait_task("out", status="running", timeout=120)
    wait_all(bridge.here, "in/#", publisher)
    came(bridge.here, "in/#", publisher)


def test_a_message_comes_as_it_was_published(make_sluice):
    bridge = Bridge(make_sluice)
    bridge.add_source(source={"shared": False})
    with RawClient(bridge.there.mqtt) as raw:
        raw.connect("p", username=bridge.account.name, password=bridge.account.password)
        raw.publish("flow/x", b"\x00\xff", qos=2, retain=True, properties=[
            (mqtt.USER_PROPERTY, ("zone", "1")), (mqtt.USER_PROPERTY, ("zone", "2")),
            (mqtt.CONTENT_TYPE, "text/x"), (mqtt.USER_PROPERTY, ("mqtt.own", "3"))])

    bridge.here.wait_task("in", delivered=1)
    (message,) = messages(bridge.here, "in/#")
    assert message["topic"] == "in/flow/x" and message["bytes"] == b"\x00\xff"
    assert message["retain"] and message["qos"] == 1 and message["content_type"] == "text/x"
    assert properties_of(message) == [("zone", "1"), ("zone", "2"), ("mqtt.own", "3")]


@pytest.mark.parametrize("version", ["5", "3.1.1"])
def test_nothing_that_goes_out_is_lost_whoever_is_killed(make_sluice, version):
    bridge = Bridge(make_sluice, version)
    bridge.add_sink()
    with bridge.publisher(bridge.here, bridge.own) as publisher:
        for server in [bridge.here, bridge.there] * max(1, KILLS // 2):
            publisher.wait_acknowledged(len(publisher.acknowledged) + 200)
            server.kill9()
            time.sleep(0.3)
            server.start()
        publisher.wait_acknowledged(len(publisher.acknowledged) + 100, timeout=120)
        publisher.finish()
    bridge.here.wait_task("out", status="running", lag_messages=0, timeout=120)
    twice = came(bridge.there, "out/#", publisher)
    print(f"{publisher.sent} messages, {twice} arrived twice")


def test_a_message_goes_out_as_it_was_published(make_sluice):
    bridge = Bridge(make_sluice)
    bridge.add_sink()
    with RawClient(bridge.here.mqtt) as raw:
        raw.connect("p", username=bridge.own.name, password=bridge.own.password)
        raw.publish("flow/x", b"\x00\xff", qos=1, retain=True, properties=[
            (mqtt.USER_PROPERTY, ("mqtt.own", "1")), (mqtt.CONTENT_TYPE, "text/x"),
            (mqtt.CORRELATION_DATA, b"\x01\xfe")])

    bridge.here.wait_task("out", delivered=1, lag_messages=0)
    (message,) = messages(bridge.there, "out/#")
    assert message["topic"] == "out/flow/x" and message["bytes"] == b"\x00\xff"
    assert message["qos"] == 1 and message["retain"] and message["content_type"] == "text/x"
    assert message["correlation_data_base64"] == "Af4="
    assert properties_of(message) == [("mqtt.own", "1")]


def test_what_the_other_server_refuses_is_a_dead_letter(make_sluice):
    bridge = Bridge(make_sluice)
    bridge.there.create("/policies", {"name": "not-there", "effect": "deny",
                                      "operations": ["publish"], "resources": ["out/flow/bad"]})
    bridge.add_sink()
    with RawClient(bridge.here.mqtt) as raw:
        raw.connect("p", username=bridge.own.name, password=bridge.own.password)
        for topic in ("flow/1", "flow/bad", "flow/2"):
            raw.publish(topic, b"x", qos=1)

    bridge.here.wait_task("out", delivered=2, rejected=1, dead_letters=1, lag_messages=0)
    (letter,) = bridge.here.get("/tasks/out/dead-letters")["items"]
    assert letter["topic"] == "flow/bad" and "not_authorized" in letter["reason"], letter
    assert [message["topic"] for message in messages(bridge.there, "out/#")] == [
        "out/flow/1", "out/flow/2"]


def test_a_back_log_goes_out_once_the_other_server_has_answered(make_sluice):
    """A connection that is made after the task has looked for it, as over a long way."""
    bridge = Bridge(make_sluice)
    late = LateAnswers(bridge.there.mqtt, 0.5)
    bridge.here.create("/connections", {
        "name": "late", "type": "mqtt",
        "settings": {**bridge.settings, "host": "127.0.0.1", "port": late.port}})
    bridge.add_sink(sink={"connection": "late"})
    bridge.here.act("/tasks/out:pause")
    bridge.here.wait_task("out", status="paused")
    with RawClient(bridge.here.mqtt) as client:
        client.connect("device", username=bridge.own.name, password=bridge.own.password)
        for number in range(10):
            client.publish("flow/a", str(number).encode(), qos=1)

    bridge.here.act("/tasks/out:start")

    bridge.here.wait_task("out", delivered=10, status="running")
    assert len(messages(bridge.there, "out/#", whole=False)) == 10
    late.close()


def test_origins_without_room_for_one_more_are_rejected(make_sluice):
    bridge = Bridge(make_sluice)
    bridge.add_source()
    with RawClient(bridge.there.mqtt) as client:
        client.connect("device", username=bridge.account.name, password=bridge.account.password)
        client.publish("flow/evil", b"x", qos=1,
                       properties=[(mqtt.USER_PROPERTY, ("sluice-origins", "x" * 65530))])
        client.publish("flow/good", b"y", qos=1)

    task = bridge.here.wait_task("in", delivered=1, rejected=1)
    assert "sluice-origins: is too long" in task["last_error"], task
    assert [each["topic"] for each in messages(bridge.here, "in/#", whole=False)] == ["in/flow/good"]


def test_two_opposite_tasks_do_not_circle(make_sluice):
    bridge = Bridge(make_sluice)
    bridge.add_source(source={"shared": False}, map={"topic": "${topic}"})
    bridge.add_sink(map={"topic": "${topic}", "headers": "none"})
    with RawClient(bridge.here.mqtt) as raw:
        raw.connect("p", username=bridge.own.name, password=bridge.own.password)
        for number in range(5):
            raw.publish("flow/x", b"%d" % number, qos=1)

    bridge.here.wait_task("in", delivered=5, timeout=60)
    bridge.here.wait_task("out", delivered=5, looped=5, lag_messages=0)
    time.sleep(1)  # what circles would go on
    assert bridge.here.task("in")["looped"] == 0 and bridge.here.task("in")["delivered"] == 5
    assert len(messages(bridge.there, "flow/#")) == 5


def add_sink_back(bridge, version="5"):
    host, port = bridge.here.mqtt
    bridge.there.create("/connections", {"name": "back", "type": "mqtt", "settings": {
        "host": host, "port": port, "version": version,
        "username": bridge.own.name, "password": bridge.own.password}})
    bridge.there.create("/tasks", {
        "name": "back", "source": {"type": "local", "filters": ["flow/#"]},
        "map": {"topic": "${topic}", "headers": "none"},
        "sink": {"type": "mqtt", "connection": "back"}})
    bridge.there.wait_task("back", status="running")


def test_two_sinks_that_face_each_other_do_not_circle(make_sluice):
    bridge = Bridge(make_sluice)
    bridge.add_sink(map={"topic": "${topic}"})
    add_sink_back(bridge)
    with RawClient(bridge.here.mqtt) as raw:
        raw.connect("p", username=bridge.own.name, password=bridge.own.password)
        for number in range(5):
            raw.publish("flow/x", b"%d" % number, qos=1)
    with RawClient(bridge.there.mqtt) as raw:
        raw.connect("p", username=bridge.account.name, password=bridge.account.password)
        raw.publish("flow/y", b"y", qos=1, properties=[(mqtt.USER_PROPERTY, ("zone", "1"))])

    bridge.here.wait_task("out", delivered=6, looped=5, lag_messages=0, timeout=60)
    bridge.there.wait_task("back", delivered=6, looped=1, lag_messages=0, timeout=60)
    time.sleep(1)  # what circles would go on
    task = bridge.here.task("out")
    assert task["delivered"] == 6 and task["looped"] == 5, task
    name = f'sluice_task_looped_total{{task="out",task_id="{task["id"]}"}}'
    assert bridge.here.metrics()[name] == 5
    # Each comes back once to where it was published.
    assert len(messages(bridge.here, "flow/#")) == 11 and len(messages(bridge.there, "flow/#")) == 7
    (y, *_) = messages(bridge.here, "flow/y")
    assert properties_of(y) == []  # `none` leaves out all but where it came from
    assert any(each["name"] == "sluice-origins" for each in y["user_properties"])


def test_a_sink_of_mqtt_3_says_that_it_cannot_stop_circles(make_sluice):
    bridge = Bridge(make_sluice, version="3.1.1")
    bridge.add_sink()
    assert "they go round for ever" in bridge.here.log_file.read_text()


def test_both_ways_over_tls(make_sluice, tmp_path):
    authority = Authority(tmp_path / "authority")
    pair = authority.issue("server")
    there = make_sluice({"access": {"enabled": False}, "listeners": {"tls": {
        "type": "mqtts", "bind": "127.0.0.1:0", "enabled": True,
        "certificate": str(pair.certificate), "key": str(pair.key)}}}, name="there")
    here = make_sluice({"access": {"enabled": False}}, name="here")
    host, port = there.address("tls")
    settings = {"host": host, "port": port, "tls": True}
    unknown = here.rest("POST", "/connections:verify", {
        "name": "there", "type": "mqtt", "settings": settings}).expect(200)
    assert not unknown["ok"] and unknown["steps"][-1]["name"] == "connect", unknown
    here.create("/connections", {"name": "there", "type": "mqtt", "settings": {
        **settings, "ca_pem": authority.certificate.read_text()}})
    here.create("/tasks", {
        "name": "in", "sink": {"type": "local"}, "map": {"topic": "in/${topic}"},
        "source": {"type": "mqtt", "connection": "there", "filters": ["flow/#"]}})
    here.wait_task("in", status="running")
    here.create("/tasks", {
        "name": "out", "source": {"type": "local", "filters": ["own/#"]},
        "map": {"topic": "flow/${client_id}"}, "sink": {"type": "mqtt", "connection": "there"}})

    with Publisher(here.mqtt, "p1", "own/p1", 1, padding=20_000) as publisher:
        publisher.wait_acknowledged(300)
        publisher.finish()

    here.wait_task("out", status="running", lag_messages=0)
    wait_all(here, "in/#", publisher)
    assert came(here, "in/#", publisher) == 0


def test_a_wrong_password_is_told_before_anything_is_saved(make_sluice):
    bridge = Bridge(make_sluice)
    wrong = {"name": "wrong", "type": "mqtt",
             "settings": {**bridge.settings, "password": "not it"}}
    told = bridge.here.rest("POST", "/connections:verify", wrong).expect(200)
    assert not told["ok"] and [step["name"] for step in told["steps"]] == [
        "connect", "authenticate"], told
    assert "bad_user_name_or_password" in told["steps"][1]["detail"], told
    bridge.here.rest("POST", "/connections", wrong).expect(422)

    bridge.here.create("/connections?verify=false", wrong)
    bridge.here.create("/tasks", {
        "name": "lost", "sink": {"type": "local"}, "map": {"topic": "${topic}"},
        "source": {"type": "mqtt", "connection": "wrong", "filters": ["a"]}})
    task = bridge.here.wait_task("lost", status="waiting")
    assert "check username and password" in task["status_reason"], task


@pytest.mark.parametrize("change, pointer", [
    ({"source": {"filters": ["a/#/b"]}}, "/source/filters/0"),
    ({"source": {"filters": ["$share/g/a"]}}, "/source/filters/0"),
    ({"source": {"group": "a/b"}}, "/source/group"),
    ({"source": {"acknowledge": "never"}}, "/source/acknowledge"),
    ({"source": {"qos": 2}}, "/source/qos"),
    ({"map": {"topic": "${client_id}"}}, "/map/topic"),
    ({"map": {"topic": "${key}"}}, "/map/topic"),
])
def test_what_a_source_cannot_be_is_refused_by_name(sluice, change, pointer):
    sluice.create("/connections?verify=false", {
        "name": "there", "type": "mqtt", "settings": {"host": "127.0.0.1"}})
    document = {"name": "wrong", "map": {"topic": "a"}, "sink": {"type": "local"},
                "source": {"type": "mqtt", "connection": "there", "filters": ["a"]}}
    problem = sluice.rest("POST", "/tasks", merged(document, change)).expect(422)
    assert pointer in [field["pointer"] for field in problem["fields"]], problem
