"""What becomes of a back-log: how fast it goes out, in which order, and what is shed. Real Kafka."""
import json
import secrets
import time

import pytest

from integration.harness import read_topic, wait_until
from integration.ledger import Publisher, check, numbers_of
from integration.raw_mqtt import PUBLISH, RawClient

pytestmark = pytest.mark.timeout(180)
LATE = 5.5  # seconds: what is older is a back-log


class Backlog:
    """A paused task, one publisher, and a topic of one partition."""

    def __init__(self, server, kafka, delivery, topic_config=None):
        self.server, self.kafka = server, kafka
        self.topic = f"backlog-{secrets.token_hex(4)}"
        kafka.create_topic(self.topic, partitions=1, config=topic_config)
        self.account = server.allow_all("device")
        server.add_kafka_connection("kafka", kafka.bootstrap)
        server.add_kafka_task("flow", "kafka", ["flow/#"], self.topic, delivery=delivery)
        self.pause()
        self.raw = RawClient(server.mqtt)
        self.raw.connect("p", username=self.account.name, password=self.account.password)
        self.next = 0

    def publish(self, count, qos=1, padding=0):
        for number in range(self.next, self.next + count):
            payload = b"%d:%d:" % (qos, number) + b"x" * padding
            answer = self.raw.publish("flow/p", payload, qos=qos)
            assert qos == 0 or answer.reason < 0x80
        self.next += count

    def pause(self):
        self.server.act("/tasks/flow:pause")
        self.server.wait_task("flow", status="paused")

    def start(self):
        self.server.act("/tasks/flow:start")

    def grow_late(self):
        self.server.wait_task("flow", oldest_unsent_age_seconds=lambda age: age > LATE)

    def caught_up(self):
        return self.server.wait_task("flow", timeout=90, status="running", lag_messages=0)

    def records(self, count):
        return read_topic(self.kafka.bootstrap, self.topic, count=count, settle=0.5)

    def arrived(self, count):
        """(QoS, number) of each record."""
        return [tuple(int(part) for part in record.value.split(b":")[:2])
                for record in self.records(count)]


def test_a_back_log_goes_out_at_its_rate_and_what_comes_later_does_not(make_sluice, kafka):
    rate, count = 50, 400
    backlog = Backlog(make_sluice(), kafka, {"drain": {"rate": rate}},
                      {"message.timestamp.type": "LogAppendTime"})
    backlog.publish(count)
    backlog.grow_late()
    backlog.start()
    backlog.caught_up()

    records = backlog.records(count)
    assert [int(record.value.split(b":")[1]) for record in records] == list(range(count))
    # By Kafka's own clock. Eight seconds; a slow start of the producer may squeeze them a little.
    assert records[-1].timestamp - records[0].timestamp > 1000 * count / rate / 2

    backlog.publish(5 * count)  # the task has caught up: nothing holds these back
    backlog.caught_up()
    assert len(backlog.records(6 * count)) == 6 * count


def test_the_oldest_are_shed_and_nothing_else(make_sluice, kafka):
    server = make_sluice()
    delivery = {"backpressure": "shed_oldest", "backlog_bytes": "256KiB"}
    backlog = Backlog(server, kafka, delivery)
    watcher = server.add_user("watcher")
    server.add_policy("watcher", operations=["connect", "subscribe"], users=["watcher"],
                      resources=["$events/#"])
    backlog.publish(1000, padding=1000)
    server.kill9()
    server.start()
    with RawClient(server.mqtt) as reader:
        reader.connect("watcher", username=watcher.name, password=watcher.password)
        reader.subscribe("$events/task/flow/shedding")
        backlog.start()
        task = backlog.caught_up()
        told = json.loads(reader.messages(1)[0].payload)
        assert told["event"] == "task.shedding" and "backlog_bytes" in told["reason"], told

    assert 600 < task["shed"] < 850 and task["lost"] == 0 and task["filtered"] == 0, task
    numbers = [number for _, number in backlog.arrived(1000 - task["shed"])]
    assert numbers == list(range(task["shed"], 1000))
    labels = f'{{task="flow",task_id="{task["id"]}"}}'
    assert server.metrics()[f"sluice_task_shed_total{labels}"] == task["shed"]


def test_only_qos_zero_is_shed(make_sluice, kafka):
    backlog = Backlog(make_sluice(), kafka,
                      {"backpressure": "shed_qos0", "backlog_bytes": "256KiB"})
    for _ in range(40):
        backlog.publish(10, qos=0, padding=1000)
        backlog.publish(15, qos=1, padding=1000)
    backlog.start()
    task = backlog.caught_up()

    assert 200 < task["shed"] < 350 and task["lost"] == 0, task
    arrived = backlog.arrived(1000 - task["shed"])
    kept = [(qos, number) for number in range(1000) for qos in [1 if number % 25 >= 10 else 0]]
    missing = sorted(set(kept) - set(arrived), key=lambda entry: entry[1])
    assert arrived == [entry for entry in kept if entry not in missing]
    assert len(missing) == task["shed"] and all(qos == 0 for qos, _ in missing)
    assert missing[-1][1] < 800  # what is within the bound went, whatever its QoS


FRESH_FIRST = {"order": "none", "drain": "fresh_first", "in_flight": 100}


def test_fresh_ones_go_first_and_a_kill_loses_nothing(make_sluice, kafka):
    """New messages overtake the back-log; the server is killed while it goes out."""
    server = make_sluice()
    backlog = Backlog(server, kafka, FRESH_FIRST)
    old, fresh = 20_000, 200
    publish_many(server, backlog, old)
    backlog.grow_late()
    kafka.stop()
    backlog.start()
    server.wait_task("flow", status="waiting")  # it has begun with the back-log
    backlog.publish(fresh)
    kafka.start()
    server.wait_task("flow", timeout=90, delivered=lambda count: count > 300)
    server.kill9()
    server.start()
    backlog.caught_up()

    arrived = [number for _, number in backlog.arrived(old + fresh)]
    assert set(arrived) == set(range(old + fresh))
    # In flight when it was killed: at most so many go twice.
    assert len(arrived) - len(set(arrived)) <= FRESH_FIRST["in_flight"]
    last_fresh = max(arrived.index(number) for number in range(old, old + fresh))
    assert last_fresh < 1000, "they waited for the back-log"
    task = server.task("flow")
    assert task["lost"] == 0 and task["lag_messages"] == 0, task


def publish_many(server, backlog, count):
    """As `backlog.publish`, without waiting for each."""
    with Publisher(server.mqtt, "many", "flow/many", 1, limit=count, window=500,
                   payload=lambda number: b"1:%d:" % number, username=backlog.account.name,
                   password=backlog.account.password) as publisher:
        publisher.wait_acknowledged(count)
        publisher.stop()
    backlog.next = count


def test_order_and_fresh_first_do_not_go_together(make_sluice, kafka):
    backlog = Backlog(make_sluice(), kafka, {})
    task = backlog.server.task("flow")
    answer = backlog.server.rest("PATCH", "/tasks/flow", {"delivery": {"drain": "fresh_first"}})
    assert answer.status == 422, answer
    assert "order_needs_in_order" in str(answer.body), answer
    assert backlog.server.task("flow")["delivery"] == task["delivery"]


def wait_held(server, count):
    wait_until(lambda: server.metrics()["sluice_clients_waiting_for_room"] == count,
               f"{count} clients are held back")


def test_who_leaves_while_it_is_held_back_is_noticed_at_once(make_sluice, kafka):
    """What it had sent is taken, its will comes, and REST is refused: Kafka is still away."""
    server = make_sluice()
    backlog = Backlog(server, kafka, {"backpressure": "block", "backlog_bytes": "64KiB",
                                      "drain_timeout": "1s"})
    account = {"username": backlog.account.name, "password": backlog.account.password}
    backlog.start()
    server.wait_task("flow", status="running")
    kafka.stop()
    with RawClient(server.mqtt) as watcher:
        watcher.connect("watcher", **account)
        watcher.subscribe("wills/#", qos=1)
        leaver = RawClient(server.mqtt)
        leaver.connect("leaver", will={"topic": "wills/leaver", "payload": "gone"}, **account)
        sent = 0
        while server.metrics()["sluice_clients_waiting_for_room"] == 0:
            leaver.publish("flow/leaver", b"x" * 1000)
            sent += 1
            assert sent < 5000
        for _ in range(20):  # not read yet
            leaver.publish("flow/leaver", b"x" * 1000)
        refused = server.rest("POST", "/messages", {"topic": "flow/rest", "payload": "x"})
        assert refused.expect(503)["code"] == "overloaded"
        leaver.abort()
        assert watcher.expect(PUBLISH).payload == b"gone"
        wait_held(server, 0)
    kafka.start()
    assert len(backlog.records(sent + 20)) == sent + 20


def settled(publishers):
    """What each has sent, once what was taken before they were held is acknowledged, too."""
    sent = []

    def stays():
        before, sent[:] = list(sent), [publisher.sent for publisher in publishers]
        time.sleep(0.5)
        return sent == before
    wait_until(stays, "they send no more")
    return sent


def test_publishers_wait_while_the_task_has_no_room(make_sluice, kafka):
    """They are read no further, whatever their QoS; others notice nothing, and nothing is lost."""
    server = make_sluice()
    backlog = Backlog(server, kafka, {"backpressure": "block", "backlog_bytes": "256KiB",
                                      "drain_timeout": "1s"})
    account = {"username": backlog.account.name, "password": backlog.account.password}
    backlog.start()
    server.wait_task("flow", status="running")
    kafka.stop()
    flow = [Publisher(server.mqtt, f"p{qos}", f"flow/p{qos}", qos, window=20, padding=1000,
                      **account) for qos in (1, 2)]
    with flow[0], flow[1]:
        server.wait_task("flow", lag_messages=lambda lag: lag > 200)
        wait_held(server, 2)
        sent = settled(flow)
        with Publisher(server.mqtt, "other", "elsewhere", 1, limit=2000, **account) as other:
            other.wait_acknowledged(2000)
            other.stop()
        assert [publisher.sent for publisher in flow] == sent
        held = server.task("flow")
        assert held["lag_messages"] < 300 and held["shed"] == 0, held

        kafka.start()
        for publisher, before in zip(flow, sent):
            publisher.wait_acknowledged(before + 500)
        kafka.stop()
        wait_held(server, 2)
        backlog.pause()  # nobody waits for a task that does not run
        for publisher in flow:
            publisher.wait_acknowledged(len(publisher.acknowledged) + 500)
            publisher.finish()
        kafka.start()
        backlog.start()
        backlog.caught_up()
    for publisher in flow:
        assert publisher.connections == 1, "it was disconnected"
    total = sum(publisher.sent for publisher in flow)
    values = [record.value for record in backlog.records(total)]
    for publisher in flow:
        check(publisher, numbers_of(publisher.client_id, values), "kafka")
