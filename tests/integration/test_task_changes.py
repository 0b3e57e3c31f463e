"""Connections and tasks are changed while publishers go on: nothing is lost, nothing comes twice,
the order stays. Real Apache Kafka."""
import json
import secrets
import threading
import time

import pytest

from integration.harness import read_topic
from integration.ledger import Publisher, check, numbers_of
from integration.raw_mqtt import RawClient
from servers.kafka_security import PASSWORDS

pytestmark = pytest.mark.timeout(180)
IN_FLIGHT = 500  # so many may come twice when the server is killed


class Flow:
    """One publisher through a task into topics that nobody else uses."""

    def __init__(self, server, kafka, settings=None, topics=1):
        self.server, self.kafka = server, kafka
        self.topics = [f"change-{secrets.token_hex(4)}" for _ in range(topics)]
        for topic in self.topics:
            kafka.create_topic(topic, 2)
        account = server.allow_all("device")
        server.create("/connections", {
            "name": "kafka", "type": "kafka",
            "settings": settings or {"bootstrap_servers": kafka.bootstrap}})
        server.add_kafka_task("flow", "kafka", ["flow/#"], self.topics[0],
                              delivery={"in_flight": IN_FLIGHT})
        self.publisher = Publisher(server.mqtt, "p", "flow/p", 1, rate=800, username=account.name,
                                   password=account.password)

    def __enter__(self):
        self.publisher.start()
        self.publisher.wait_acknowledged(200)
        return self

    def __exit__(self, *_):
        self.publisher.stopping.set()
        self.publisher.join(30)

    def go_on(self, messages=300):
        self.publisher.wait_acknowledged(len(self.publisher.acknowledged) + messages)

    def patch(self, path, body, status=(200, 202)):
        return self.server.rest("PATCH", path, body, timeout=90).expect(*status)

    def numbers(self, task="flow"):
        """Of the records of each topic, once the task is done."""
        self.publisher.finish()
        self.server.wait_task(task, timeout=60, status="running", lag_messages=0)
        found = []
        for topic in self.topics:
            records = read_topic(self.kafka.bootstrap, topic, count=0, settle=1)
            found.append(numbers_of("p", [record.value for record in records]))
        return found

    def expect_once(self, task="flow", twice=0):
        found = [number for numbers in self.numbers(task) for number in numbers]
        assert check(self.publisher, found, "kafka") <= twice
        assert self.publisher.connections == 1 or twice


def test_credentials_are_rotated_while_messages_flow(make_sluice, secure_kafka):
    kafka = secure_kafka
    settings = {"bootstrap_servers": kafka.sasl_ssl, "security_protocol": "SASL_SSL",
                "sasl_mechanism": "PLAIN", "username": "admin", "password": PASSWORDS["admin"],
                "ca_pem": kafka.ca_pem}
    server = make_sluice()
    with Flow(server, kafka, settings) as flow:
        path = "/connections/kafka?topic=" + flow.topics[0]
        new = {"settings": {"username": "bob", "password": PASSWORDS["bob"]}}
        refused = flow.patch(path, new, [422])
        assert refused["detail"].startswith("topic: "), refused
        flow.go_on()
        kafka.allow("bob", flow.topics[0], "WRITE", "DESCRIBE")
        changed = flow.patch(path, new)
        assert changed["settings"]["password"] == "***" and changed["status"] == "healthy"
        flow.go_on()
        flow.expect_once()
    assert PASSWORDS["bob"] not in server.log_text()


def test_a_task_is_changed_while_it_runs(make_sluice, kafka):
    server = make_sluice()
    with Flow(server, kafka, topics=2) as flow:
        old = server.rest("GET", "/tasks/flow").headers["etag"]
        flow.patch("/tasks/flow", {"map": {"topic": flow.topics[1]}, "name": "renamed",
                                   "sink": {"compression": "zstd"}})
        stale = server.rest("PATCH", "/tasks/renamed", {"description": "late"},
                            headers={"If-Match": old})
        assert stale.status == 412, stale
        flow.go_on()
        flow.patch("/connections/kafka", {"name": "elsewhere", "description": "renamed, too"})
        flow.go_on()
        before, after = flow.numbers("renamed")
        assert before and after and max(before) < min(after)
        assert check(flow.publisher, before + after, "kafka") == 0
    task = server.task("renamed")
    assert task["group"] == "group-elsewhere-renamed" and task["clients"] == ["elsewhere-renamed-0"]
    assert task["delivered"] == len(before) + len(after), task
    in_use = server.rest("DELETE", "/connections/elsewhere")
    assert in_use.status == 409 and "`renamed`" in in_use.body["detail"], in_use


def test_an_address_is_corrected_while_kafka_is_away(make_sluice, kafka):
    """Nobody waits for what cannot be delivered: here that would take ten minutes."""
    with Flow(make_sluice(), kafka) as flow:
        flow.patch("/tasks/flow", {"delivery": {"drain_timeout": "10m"}})
        flow.go_on()
        kafka.stop()
        flow.server.wait_task("flow", status="waiting", in_flight=lambda count: count > 0)
        flow.patch("/connections/kafka?verify=false",
                   {"settings": {"bootstrap_servers": "127.0.0.1:1"}})
        flow.go_on()
        kafka.start()
        flow.server.wait_task("flow", status="waiting")
        flow.patch("/connections/kafka", {"settings": {"bootstrap_servers": kafka.bootstrap}})
        flow.go_on()
        flow.expect_once(twice=IN_FLIGHT)


def test_killed_in_the_middle_of_a_change(make_sluice, kafka):
    """Afterwards the task has one document or the other, and goes on where it stopped."""
    server = make_sluice()
    with Flow(server, kafka, topics=2) as flow:
        for round_ in range(2):
            asking = threading.Thread(target=lambda target=flow.topics[(round_ + 1) % 2]:
                                      _ignore(server, target))
            asking.start()
            time.sleep(secrets.randbelow(30) / 1000)
            server.kill9()
            asking.join()
            server.start()
            assert server.task("flow")["map"]["topic"] in flow.topics
            flow.go_on(100)
        flow.publisher.finish()
        server.wait_task("flow", timeout=60, status="running", lag_messages=0)
        found = {number for numbers in flow.numbers() for number in numbers}
        assert set(flow.publisher.acknowledged) <= found


def _ignore(server, topic):
    try:
        server.rest("PATCH", "/tasks/flow", {"map": {"topic": topic}}, timeout=30)
    except OSError:
        pass


def test_what_overlapping_filters_share_waits_once(sluice):
    """Where one covers the other; `a/+` and `+/b` cover each other in part alone."""
    device = sluice.allow_all("device")
    for name, filters in (("covered", ["a/b", "a/#", "a/+"]), ("crossed", ["a/+", "+/b"])):
        sluice.create("/tasks", {"name": name, "enabled": False, "source": {"filters": filters},
                                 "map": {"topic": "t"}, "sink": {"type": "file", "folder": name}})
    with RawClient(sluice.mqtt) as raw:
        raw.connect("d", username=device.name, password=device.password)
        for topic in ["a/b"] * 5 + ["a/c"]:
            assert raw.publish(topic, b"x", qos=1).reason == 0
    assert sluice.task("covered")["lag_messages"] == 6
    assert sluice.task("crossed")["lag_messages"] == 11
    label = f'{{task="covered",task_id="{sluice.task("covered")["id"]}"}}'
    assert sluice.metrics()["sluice_task_lag_messages" + label] == 6
    sluice.kill9()
    sluice.start()
    assert sluice.task("covered")["lag_messages"] == 6
    for name in ("covered", "crossed"):
        sluice.act(f"/tasks/{name}:start")
        sluice.wait_task(name, lag_messages=0, delivered=6)


def test_copies_and_the_command_line(sluice, kafka, tmp_path):
    topic = f"copy-{secrets.token_hex(4)}"
    kafka.create_topic(topic)
    sluice.add_kafka_connection("kafka", kafka.bootstrap)
    sluice.add_kafka_task("flow", "kafka", ["flow/#"], topic)
    patch = tmp_path / "patch.json"

    sluice.cli("task", "copy", "flow", "again")
    assert sluice.task("again")["status"] == "paused"
    patch.write_text(json.dumps({"description": "changed"}))
    sluice.cli("task", "update", "again", "-f", str(patch))
    assert sluice.task("again")["description"] == "changed"
    sluice.cli("connection", "update", "kafka", "-f", str(patch), "--topic", topic)
    assert sluice.get("/connections/kafka")["description"] == "changed"
    wrong = sluice.cli("connection", "update", "kafka", "-f", str(patch), "--topic", "no/topic",
                       check=False)
    assert wrong.returncode == 1 and "letters, digits" in wrong.stderr, wrong.stderr
    for place in ("earliest", "now", "2026-01-01T00:00:00Z", "1"):
        sluice.cli("task", "seek", "flow", "--to", place)
    assert sluice.cli("task", "seek", "flow", "--to", "soon", check=False).returncode == 1
