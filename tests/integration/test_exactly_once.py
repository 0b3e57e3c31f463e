"""Tasks that write exactly once, into real Apache Kafka: docs/adr/0041.

Whatever is killed, who reads `read_committed` finds each message once, in order per publisher.
SLUICE_KILL_ROUNDS=100 for the evidence; SLUICE_SEED repeats a run.
"""
import contextlib
import os
import random
import secrets
import shutil
import time

import pytest

from integration.harness import read_topic
from integration.kafka_flow import Flow
from integration.ledger import Publisher, all_there, check, numbers_of
from integration.test_kafka_outage import TINY, silent_kafka, tiny_and_fast  # noqa: F401

ROUNDS = int(os.environ.get("SLUICE_KILL_ROUNDS", "10"))
OUTAGE = float(os.environ.get("SLUICE_OUTAGE_SECONDS", "8"))
EXACT = {"guarantee": "exactly_once"}
pytestmark = pytest.mark.timeout(300 + 10 * OUTAGE + 20 * ROUNDS)


def exact_flow(server, kafka, *arguments, delivery=None, **sections):
    return Flow(server, kafka, *arguments, delivery=EXACT | (delivery or {}), **sections)


def read_once(flow, publishers=None):
    """Each stored message is there once, all that was acknowledged, in order; returns the records."""
    publishers = publishers or flow.publishers
    records = read_topic(flow.kafka.bootstrap, flow.topic, until=all_there(publishers), settle=2,
                         timeout=300)
    ids = [record.header("mqtt.message_id") for record in records]
    assert len(ids) == len(set(ids)), f"{len(ids) - len(set(ids))} records are there twice"
    values = [record.value for record in records]
    for publisher in publishers:
        check(publisher, numbers_of(publisher.client_id, values), "kafka",
              exactly_once=publisher.qos == 2)
    return records


def test_a_flow_arrives_once(make_sluice, kafka):
    with exact_flow(make_sluice(), kafka) as flow:
        flow.publish_through(2)
        flow.verify()
    task = flow.server.task("flow")
    assert task["retried"] == 0 and task["possible_duplicates"] == 0, task


def test_pause_start_and_restart(make_sluice, kafka):
    server = make_sluice()
    with exact_flow(server, kafka) as flow:
        for _ in range(3):
            server.act("/tasks/flow:pause")
            flow.wait_status("paused")
            flow.publish_through(0.5)
            server.act("/tasks/flow:start")
            flow.wait_status("running")
            flow.publish_through(0.5)
        flow.verify()
    server.restart()
    server.wait_task("flow", timeout=60, status="running", lag_messages=0)
    read_once(flow)


def test_kill_9_repeats_nothing(make_sluice, kafka):
    """The server at random moments, one time in five again while it starts; Kafka one time in ten."""
    seed = int(os.environ.get("SLUICE_SEED") or secrets.randbits(32))
    print(f"SLUICE_SEED={seed}")
    chance, kills = random.Random(seed), 0
    server = make_sluice()
    with exact_flow(server, kafka) as flow:
        for publisher in flow.publishers:
            publisher.rate = 2000
        for _ in range(ROUNDS):
            for publisher in flow.publishers:
                publisher.wait_acknowledged(len(publisher.acknowledged) + 1)
            time.sleep(chance.uniform(0, 0.7))
            is_kafka_killed = chance.random() < 0.1
            if is_kafka_killed:
                kafka.kill9()
            server.kill9()
            kills += 1
            if chance.random() < 0.2:
                server.launch(server.command(), dict(os.environ))
                time.sleep(chance.uniform(0, 0.3))
                server.kill9()
                kills += 1
            if is_kafka_killed:
                kafka.start()
            server.start()
        for publisher in flow.publishers:
            publisher.finish()
    server.wait_task("flow", timeout=120, status="running", lag_messages=0)
    records = read_once(flow)
    print(f"{len(records)} messages, {kills} kills, none twice")
    assert server.task("flow")["possible_duplicates"] == 0


@contextlib.contextmanager
def outage_of(kafka, kind):
    {"stopped": kafka.stop, "killed": kafka.kill9, "frozen": kafka.freeze}[kind]()
    yield
    (kafka.thaw if kind == "frozen" else kafka.start)()


@pytest.mark.parametrize("kind", ["stopped", "killed", "frozen"])
def test_kafka_away(make_sluice, kafka, kind):
    with exact_flow(make_sluice(), kafka) as flow:
        begun = time.time()
        with outage_of(kafka, kind):
            flow.publish_through(OUTAGE)
            if kind != "frozen":
                flow.waits_truthfully(begun)
        flow.publish_through(1)
        flow.verify()


def test_the_server_is_killed_while_kafka_is_away(make_sluice, kafka):
    server = make_sluice()
    with exact_flow(server, kafka) as flow:
        kafka.freeze()
        for publisher in flow.publishers:
            publisher.wait_acknowledged(len(publisher.acknowledged) + 100)
        server.kill9()
        kafka.thaw()
        server.start()
        for publisher in flow.publishers:
            publisher.finish()
    server.wait_task("flow", timeout=120, status="running", lag_messages=0)
    read_once(flow)


def test_a_stop_does_not_wait_for_a_kafka_that_is_away(make_sluice, kafka):
    server = make_sluice()
    with exact_flow(server, kafka, delivery={"drain_timeout": "1s"}) as flow:
        kafka.freeze()
        flow.publish_through(1)
        begun = time.monotonic()
        server.act("/tasks/flow:pause")
        flow.wait_status("paused")
        assert time.monotonic() - begun < 20
        kafka.thaw()
        server.act("/tasks/flow:start")
        flow.verify()


def test_an_oversized_record_becomes_a_dead_letter(make_sluice, kafka):
    flow = exact_flow(make_sluice(), kafka, {"max.message.bytes": "2000"})
    large = flow.publishers[0]
    large.payload = lambda number: b"p1:%d:%s" % (
        number, b"x" * (5000 if number % 50 == 49 else 50))
    with flow:
        flow.publish_through(1)
        for publisher in flow.publishers:
            publisher.finish()
        refused = [number for number in range(large.sent) if number % 50 == 49]
        flow.server.wait_task("flow", timeout=90, lag_messages=0, rejected=len(refused))
        values = [r.value for r in read_once(flow, flow.publishers[1:])]
        assert numbers_of("p1", values) == [n for n in range(large.sent) if n % 50 != 49]


def test_what_only_the_broker_refuses_is_found(make_sluice, silent_kafka):  # noqa: F811
    """The transaction that a refused record aborts goes again without it."""
    server = make_sluice()
    flow = exact_flow(server, silent_kafka, {"max.message.bytes": "1000"}, map=TINY)
    silent_kafka.deny_describe_configs(flow.topic)
    mixed = flow.publishers[0]
    refused = (40, 700, 701)
    mixed.payload = lambda number: b"p1:%d:%s" % (
        number, b"x" * (3000 if number in refused else 5))
    with tiny_and_fast(flow):
        flow.publish_through(1)
        for publisher in flow.publishers:
            publisher.finish()
        server.wait_task("flow", timeout=90, lag_messages=0, rejected=3)
        values = [r.value for r in read_once(flow, flow.publishers[1:])]
        assert numbers_of("p1", values) == [n for n in range(mixed.sent) if n not in refused]
        assert server.task("flow")["retried"] > 0


def seek(server, start):
    server.rest("POST", "/tasks/flow:seek", {"start": start}).expect(200, 202)


def publish_some(flow, client_id, count):
    with Publisher(flow.server.mqtt, client_id, f"flow/{client_id}", 1, limit=count,
                   **flow.publishers[0].account) as publisher:
        publisher.wait_acknowledged(count)
        publisher.stop()


def test_a_seek_goes_back_and_counts_from_there(make_sluice, kafka):
    server = make_sluice()
    flow = exact_flow(server, kafka)
    publish_some(flow, "before", 50)
    server.wait_task("flow", timeout=60, status="running", lag_messages=0)
    seek(server, "earliest")
    server.kill9()  # Kafka has heard nothing of it
    server.start()
    server.act("/tasks/flow:start")
    server.wait_task("flow", timeout=60, status="running", lag_messages=0)
    assert len(read_topic(kafka.bootstrap, flow.topic, count=100, settle=1)) == 100
    server.kill9()
    server.start()
    publish_some(flow, "after", 10)
    server.wait_task("flow", timeout=60, status="running", lag_messages=0)
    assert len(read_topic(kafka.bootstrap, flow.topic, count=110, settle=1)) == 110


def test_another_log_is_noticed(make_sluice, kafka, tmp_path):
    """An older copy of the data: Kafka knows a place that this log never had."""
    server = make_sluice()
    flow = exact_flow(server, kafka)
    publish_some(flow, "one", 50)
    server.wait_task("flow", timeout=60, status="running", lag_messages=0)
    server.stop()
    shutil.copytree(server.data, tmp_path / "copy")
    server.start()
    publish_some(flow, "two", 50)
    server.wait_task("flow", timeout=60, status="running", lag_messages=0)
    server.stop()
    shutil.rmtree(server.data)
    shutil.copytree(tmp_path / "copy", server.data)
    server.start()
    publish_some(flow, "three", 200)
    task = server.wait_task("flow", timeout=60, status="failed")
    assert "seek" in task["status_reason"], task
    seek(server, "earliest")
    server.act("/tasks/flow:start")
    server.wait_task("flow", timeout=60, status="running", lag_messages=0)
    records = read_topic(kafka.bootstrap, flow.topic, until=lambda records: len(
        numbers_of("three", [r.value for r in records])) >= 200)
    assert numbers_of("three", [record.value for record in records]) == list(range(200))


def test_a_topic_that_would_forget_is_refused(make_sluice, tmp_path):
    from servers.kafka_server import ApacheKafka
    with ApacheKafka(tmp_path / "kafka") as kafka:
        kafka.create_topic("__sluice_cursors", config={"cleanup.policy": "delete"})
        server = make_sluice()
        flow = exact_flow(server, kafka)
        publish_some(flow, "one", 5)
        task = server.wait_task("flow", timeout=60, status="waiting")
        assert "cleanup.policy" in task["status_reason"], task
        kafka.set_topic_config("__sluice_cursors", {"cleanup.policy": "compact"})
        server.wait_task("flow", timeout=60, status="running", lag_messages=0)
        assert len(read_topic(kafka.bootstrap, flow.topic, count=5, settle=0.5)) == 5


def test_sinks_that_cannot_say_so(make_sluice):
    server = make_sluice()
    refused = server.rest("POST", "/tasks", {
        "name": "file", "source": {"type": "local", "filters": ["a/#"]},
        "map": {"topic": "a"}, "sink": {"type": "file", "folder": "out"}, "delivery": EXACT}).expect(422)
    assert "/delivery/guarantee" in [field["pointer"] for field in refused["fields"]], refused
