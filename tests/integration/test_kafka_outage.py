"""Kafka goes away in every way it can; publishers notice nothing and everything arrives.

Real Apache Kafka. SLUICE_OUTAGE_SECONDS=60 for the evidence.
"""
import base64
import os
import secrets
import time

import pytest

from integration import raw_mqtt as mqtt
from integration.harness import read_topic
from integration.kafka_flow import Flow
from integration.ledger import Publisher, check, numbers_of
from servers.kafka_server import ApacheKafka

OUTAGE = float(os.environ.get("SLUICE_OUTAGE_SECONDS", "8"))
pytestmark = pytest.mark.timeout(300 + 10 * OUTAGE)
RSS_GROWTH = 48 << 20  # over an outage; buffers of the client library included
RSS_REST = 96 << 20  # all that is neither cache nor window: code, index, client library


def test_kafka_stopped(make_sluice, kafka):
    with Flow(make_sluice(), kafka) as flow:
        begun = time.time()
        kafka.stop()
        flow.publish_through(OUTAGE)
        task = flow.waits_truthfully(begun)
        assert task["lag_messages"] > 0 and task["oldest_unsent_age_seconds"] > OUTAGE / 2, task
        kafka.start()
        flow.verify()


def test_kafka_frozen(make_sluice, kafka):
    """Requests may stay unanswered for long: a producer may have to be replaced, and then what was
    in flight may come twice."""
    with Flow(make_sluice(), kafka) as flow:
        kafka.freeze()
        flow.publish_through(OUTAGE)
        kafka.thaw()
        flow.verify(records_twice=2000 if OUTAGE > 20 else 0)


def test_kafka_killed_and_restarted(make_sluice, kafka):
    with Flow(make_sluice(), kafka) as flow:
        begun = time.time()
        kafka.kill9()
        flow.publish_through(OUTAGE / 2)
        flow.waits_truthfully(begun)
        kafka.start()
        flow.publish_through(2)
        kafka.kill9()
        kafka.start()
        flow.verify()


def test_memory_stays_flat_over_an_outage(make_sluice, kafka):
    """What waits for Kafka waits on disk. Large messages, so that memory would show them."""
    server = make_sluice()
    with Flow(server, kafka, sink={"buffer_bytes": 8 << 20}) as flow:
        for publisher in flow.publishers:
            publisher.padding, publisher.rate, publisher.window = b"x" * 20000, None, 20
        flow.publish_through(1)
        kafka.stop()
        flow.wait_status("waiting")
        before, stored = server.rss_bytes(), sum(p.sent for p in flow.publishers)
        for publisher in flow.publishers:
            publisher.wait_acknowledged(len(publisher.acknowledged) + 6000, timeout=200)
        written = (sum(p.sent for p in flow.publishers) - stored) * 20000
        grown = server.rss_bytes() - before
        print(f"{written >> 20} MiB written while Kafka was away, RSS grew {grown >> 20} MiB")
        # The cache is a setting of its own (256 MiB) and may fill.
        assert grown < RSS_GROWTH + min(written, 256 << 20), f"{grown >> 20} MiB"
        for publisher in flow.publishers:
            publisher.limit = 0
        kafka.start()
        flow.verify()


def test_memory_is_bounded_by_cache_and_window(make_sluice, kafka):
    """Many small messages: what is kept for each of them would show."""
    cache, window = 32 << 20, 8 << 20
    server = make_sluice({"store": {"cache_bytes": cache}})
    with Flow(server, kafka, sink={"buffer_bytes": window}) as flow:
        for publisher in flow.publishers:
            publisher.rate, publisher.window = 10_000, 400
        flow.publish_through(1)
        kafka.stop()
        flow.wait_status("waiting")
        before, stored = server.rss_bytes(), sum(p.sent for p in flow.publishers)
        highest, until = before, time.monotonic() + OUTAGE
        while time.monotonic() < until:
            time.sleep(0.1)
            highest = max(highest, server.rss_bytes())
        count = sum(p.sent for p in flow.publishers) - stored
        print(f"{count} messages while Kafka was away, RSS {before >> 20} MiB, "
              f"at most {highest >> 20} MiB")
        kafka.start()
        for publisher in flow.publishers:
            publisher.finish()
        server.wait_task("flow", timeout=120, status="running", lag_messages=0)
        # Too many to read them all.
        assert sum(kafka.topic_end_offsets(flow.topic).values()) == sum(
            publisher.sent for publisher in flow.publishers)
        assert count > 200 * OUTAGE and highest < cache + window + RSS_REST, highest >> 20


@pytest.fixture
def strict_kafka(tmp_path):
    """A Kafka that makes no topic by itself."""
    server = ApacheKafka(tmp_path / "kafka", settings={"auto.create.topics.enable": "false"})
    try:
        yield server.start()
    finally:
        server.kill9()


def test_a_missing_topic(make_sluice, strict_kafka):
    server = make_sluice()
    flow = Flow(server, strict_kafka, create=False)
    begun = time.time()
    with flow:
        flow.publish_through(OUTAGE)
        task = flow.waits_truthfully(begun)
        assert flow.topic in task["status_reason"], task
        strict_kafka.create_topic(flow.topic, partitions=2)
        flow.verify()


def test_a_task_may_create_its_topic(make_sluice, strict_kafka):
    server = make_sluice()
    create = {"partitions": 3, "replication": 1, "retention_ms": 3600000}
    with Flow(server, strict_kafka, create=False, sink={"create": create}) as flow:
        flow.publish_through(1)
        flow.verify()
        assert sorted(strict_kafka.topic_end_offsets(flow.topic)) == [0, 1, 2]


def test_an_oversized_record_becomes_a_dead_letter(make_sluice, kafka):
    server = make_sluice()
    with Flow(server, kafka, topic_config={"max.message.bytes": "2000"}) as flow:
        account = flow.publishers[0].account
        payload = b"\x00\xff" + b"big:" * 2000
        with Publisher(server.mqtt, "big", "flow/big", 1, limit=1,
                       payload=lambda number: payload, **account) as big:
            big.wait_acknowledged(1)
            big.stop()

        server.wait_task("flow", rejected=1)
        flow.publish_through(1)

        listed = server.get("/tasks/flow/dead-letters")["items"]
        assert len(listed) == 1, listed
        letter = listed[0]
        assert letter["topic"] == "flow/big" and letter["client_id"] == "big"
        assert base64.b64decode(letter["payload"]) == payload
        assert "size" in letter["reason"].lower() or "large" in letter["reason"].lower(), letter
        records = flow.verify()
        assert not [record for record in records if record.value == payload]
        # Still there after a restart.
        server.kill9()
        server.start()
        assert server.get("/tasks/flow/dead-letters")["items"][0] == letter


def test_a_rejected_message_does_not_stop_its_own_publisher(make_sluice, kafka):
    """One publisher, every tenth message too large: the others arrive, in order."""
    server = make_sluice()
    kafka.create_topic(topic := f"mixed-{secrets.token_hex(4)}",
                       config={"max.message.bytes": "2000"})
    account = server.allow_all("device")
    server.add_kafka_connection("kafka", kafka.bootstrap)
    server.add_kafka_task("flow", "kafka", ["flow/#"], topic)

    def payload(number):
        return b"mixed:%d:%s" % (number, b"x" * (5000 if number % 10 == 5 else 50))

    with Publisher(server.mqtt, "mixed", "flow/mixed", 1, limit=300, payload=payload,
                   username=account.name, password=account.password) as publisher:
        publisher.wait_acknowledged(300)
        publisher.stop()

    server.wait_task("flow", rejected=30, lag_messages=0)
    records = read_topic(kafka.bootstrap, topic, count=270, settle=0.5)
    numbers = numbers_of("mixed", [record.value for record in records])
    assert numbers == [number for number in range(300) if number % 10 != 5]
    letters = server.get("/tasks/flow/dead-letters?limit=1000")["items"]
    assert len(letters) == 30
    first = server.get("/tasks/flow/dead-letters?limit=20")
    second = server.get(f"/tasks/flow/dead-letters?limit=20&page={first['next']}")
    assert [entry["message_id"] for entry in first["items"] + second["items"]] == [
        entry["message_id"] for entry in letters]


# Small records, of which Kafka would take thousands in one batch if the topic's limit allowed it.
TINY = {"headers": [{"name": "mqtt.message_id", "value": "${message_id}"}]}


def tiny_and_fast(flow):
    for publisher in flow.publishers:
        publisher.padding, publisher.rate, publisher.window = b"x" * 5, None, 300
    return flow


@pytest.mark.parametrize("limit", [1000, 300])
def test_a_topic_that_takes_only_small_batches(make_sluice, kafka, limit):
    """`max.message.bytes` bounds a whole batch: what fits alone must not suffer for its company."""
    config = {"max.message.bytes": str(limit)}
    with tiny_and_fast(Flow(make_sluice(), kafka, config, map=TINY)) as flow:
        flow.publish_through(1)
        flow.verify()
    task = flow.server.task("flow")
    assert task["rejected"] == 0 and task["retried"] == 0, task


def test_a_limit_that_is_lowered_while_records_are_under_way(make_sluice, kafka):
    with tiny_and_fast(Flow(make_sluice(), kafka, map=TINY)) as flow:
        flow.publish_through(0.5)
        kafka.set_topic_config(flow.topic, {"max.message.bytes": "300"})
        flow.publish_through(1)
        flow.verify()
    task = flow.server.task("flow")
    assert task["rejected"] == 0 and task["retried"] > 0, task


@pytest.fixture
def silent_kafka(tmp_path):
    """A Kafka with access control, which the test uses to hide a topic's limit."""
    server = ApacheKafka(tmp_path / "kafka", settings={
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "allow.everyone.if.no.acl.found": "true"})
    try:
        yield server.start()
    finally:
        server.kill9()


def test_a_limit_that_may_not_be_read(make_sluice, silent_kafka):
    """Refused batches go again in halves; only what is refused alone becomes a dead letter, and its
    neighbours keep their order."""
    server = make_sluice()
    flow = Flow(server, silent_kafka, {"max.message.bytes": "1000"}, map=TINY)
    silent_kafka.deny_describe_configs(flow.topic)
    mixed = flow.publishers[0]
    mixed.payload = lambda number: b"p1:%d:%s" % (
        number, b"x" * (3000 if number in (40, 700, 701) else 5))
    with tiny_and_fast(flow):
        flow.publish_through(1)
        for publisher in flow.publishers:
            publisher.finish()
        server.wait_task("flow", timeout=90, lag_messages=0, rejected=3)
        total = sum(publisher.sent for publisher in flow.publishers)
        records = read_topic(silent_kafka.bootstrap, flow.topic, count=total - 3, settle=1)
        values = [record.value for record in records]
        assert numbers_of("p1", values) == [
            number for number in range(mixed.sent) if number not in (40, 700, 701)]
        assert numbers_of("p2", values) == list(range(flow.publishers[1].sent))
        letters = server.get("/tasks/flow/dead-letters")["items"]
        assert [letter["payload_bytes"] for letter in letters] == [3006, 3007, 3007]


def test_a_record_larger_than_the_default_where_the_limit_may_not_be_read(make_sluice,
                                                                          silent_kafka):
    """Kafka's default limit is only a guess then: the broker decides."""
    server = make_sluice({"mqtt": {"maximum_packet_size": "4MiB"}})
    flow = Flow(server, silent_kafka, {"max.message.bytes": "3000000"})
    silent_kafka.deny_describe_configs(flow.topic)
    with flow:
        large = flow.publishers[0]
        large.padding, large.limit = b"x" * 2_000_000, large.sent + 3
        large.wait_acknowledged(large.limit)
        flow.verify()
    assert server.task("flow")["rejected"] == 0


def test_pause_and_start_lose_and_repeat_nothing(make_sluice, kafka):
    server = make_sluice()
    with Flow(server, kafka) as flow:
        for _ in range(3):
            server.act("/tasks/flow:pause")
            flow.wait_status("paused")
            flow.publish_through(0.5)
            assert server.task("flow")["lag_messages"] > 0
            server.act("/tasks/flow:start")
            flow.wait_status("running")
            flow.publish_through(0.5)
        flow.verify()


def test_a_clean_restart_repeats_nothing(make_sluice, kafka):
    server = make_sluice()
    flow = Flow(server, kafka)
    with flow:
        pass  # publishers stop with what they have in flight
    server.restart()
    server.wait_task("flow", timeout=60, status="running", lag_messages=0)
    wanted = sum(len(publisher.acknowledged) for publisher in flow.publishers)
    records = read_topic(kafka.bootstrap, flow.topic, count=wanted, settle=1)
    ids = [record.header("mqtt.message_id") for record in records]
    assert len(ids) == len(set(ids))
    for publisher in flow.publishers:
        check(publisher, numbers_of(publisher.client_id, [r.value for r in records]), "kafka",
              exactly_once=publisher.qos == 2)


def test_the_record_has_everything(make_sluice, kafka):
    """interface.md §5, once from end to end."""
    server = make_sluice({"node": {"name": "node-7"}})
    kafka.create_topic(topic := f"record-{secrets.token_hex(4)}")
    account = server.allow_all("meter")
    server.add_kafka_connection("kafka", kafka.bootstrap)
    server.add_kafka_task("flow", "kafka", ["plant/+/data"], topic)
    before = time.time()
    with mqtt.RawClient(server.mqtt) as raw:
        raw.connect("meter-1", username=account.name, password=account.password)
        raw.send(mqtt.publish_packet(5, "plant/a/data", b"\x00\xff", qos=1, packet_id=500,
                                     retain=True, properties=[
            (mqtt.PAYLOAD_FORMAT, 0), (mqtt.MESSAGE_EXPIRY, 1000), (mqtt.CONTENT_TYPE, "a/b"),
            (mqtt.RESPONSE_TOPIC, "answer"), (mqtt.CORRELATION_DATA, b"\x01\x00\xfe"),
            (mqtt.USER_PROPERTY, ("z", "1")), (mqtt.USER_PROPERTY, ("a", "")),
            (mqtt.USER_PROPERTY, ("z", "2")), (mqtt.USER_PROPERTY, ("mqtt.topic", "forged")),
            (mqtt.USER_PROPERTY, ("user.x", "y"))]))
        assert raw.expect(mqtt.PUBACK).packet_id == 500
        raw.publish("plant/a/b/data", b"not of the task", qos=1)
        raw.publish("plant/b/data", b"", qos=0)

    plain, empty = read_topic(kafka.bootstrap, topic, count=2, settle=0.5)

    assert (plain.key, plain.value) == (b"meter-1", b"\x00\xff")
    assert before - 1 < plain.timestamp / 1000 < time.time() + 1
    assert [pair for pair in plain.headers if not pair[0].startswith("mqtt.")] == [
        ("z", b"1"), ("a", b""), ("z", b"2"), ("user.mqtt.topic", b"forged"),
        ("user.user.x", b"y")]
    names = [name for name, _ in plain.headers]
    mine = {name: value for name, value in plain.headers if name.startswith("mqtt.")}
    assert len([name for name in names if name.startswith("mqtt.")]) == len(mine)
    message_id = mine.pop("mqtt.message_id").decode()
    assert len(message_id) == 32 and int(message_id, 16)
    assert int(mine.pop("mqtt.timestamp")) == plain.timestamp
    assert 990 < int(mine.pop("mqtt.message_expiry")) <= 1000
    assert mine == {
        "mqtt.topic": b"plant/a/data", "mqtt.qos": b"1", "mqtt.retain": b"true",
        "mqtt.dup": b"false", "mqtt.packet_id": b"500", "mqtt.client_id": b"meter-1",
        "mqtt.host": b"127.0.0.1", "mqtt.username": b"meter", "mqtt.content_type": b"a/b",
        "mqtt.response_topic": b"answer", "mqtt.correlation_data": b"\x01\x00\xfe",
        "mqtt.payload_format": b"0"}
    assert empty.value == b"" and empty.header("mqtt.packet_id") is None
    assert empty.header("mqtt.topic") == "plant/b/data"
    assert empty.header("mqtt.message_id") > message_id
