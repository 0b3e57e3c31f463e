"""The servers of the tests do what the tests think they do."""
import time

import pytest
from confluent_kafka import KafkaException, Producer

from integration.harness import read_topic, wait_until
from servers.kafka_server import ApacheKafka, answers_metadata, free_ports


def produce(kafka, topic, values):
    errors = []
    # A leader that is named before its log is there refuses the first batch: idempotence keeps the
    # order when that one goes again.
    producer = Producer({"bootstrap.servers": kafka.bootstrap, "log_level": 0,
                         "enable.idempotence": True})
    for value in values:
        producer.produce(topic, value, key=b"one", headers=[("h", b"1"), ("h", b"2")],
                         on_delivery=lambda error, _: errors.append(error))
    assert producer.flush(30) == 0
    return [error for error in errors if error]


def test_kafka_keeps_what_it_acknowledged_over_kill_and_restart(kafka):
    kafka.create_topic("kept", partitions=3)
    values = [b"value %d" % number for number in range(1000)]
    assert produce(kafka, "kept", values) == []
    port = kafka.port

    kafka.kill9()
    assert not answers_metadata(port)
    kafka.start()

    assert kafka.port == port
    records = read_topic(kafka.bootstrap, "kept", count=1000, settle=0.2)
    found = [record.value for record in records]
    assert len(found) == 1000 and set(found) == set(values), (
        f"{len(found)} records, {len(set(values) - set(found))} of the values are not there")
    moved = [(record.partition, record.offset, record.value)
             for record, value in zip(records, values) if record.value != value]
    assert not moved, f"{len(moved)} not in order, the first are {moved[:3]}"
    assert records[0].headers == [("h", b"1"), ("h", b"2")]
    assert sum(kafka.topic_end_offsets("kept").values()) == 1000


def test_a_frozen_kafka_answers_nobody_until_it_is_thawed(kafka):
    kafka.freeze()
    assert not answers_metadata(kafka.port, timeout=0.3)

    kafka.thaw()
    wait_until(lambda: answers_metadata(kafka.port), "an answer", timeout=10)


def test_a_topic_is_made_with_its_limit(kafka):
    kafka.create_topic("small", config={"max.message.bytes": "1000"})

    assert produce(kafka, "small", [b"x" * 900]) == []
    assert [error.name() for error in produce(kafka, "small", [b"x" * 2000])] == [
        "MSG_SIZE_TOO_LARGE"]
    with pytest.raises(KafkaException):
        kafka.create_topic("small")


def test_kafka_says_why_it_did_not_start(tmp_path):
    port, _ = free_ports(2)
    with ApacheKafka(tmp_path / "first", port=port):
        with pytest.raises(RuntimeError, match="BindException|in use"):
            ApacheKafka(tmp_path / "second", port=port).start()


def test_wait_until_gives_the_answer_or_says_what_was_missing():
    begin = time.monotonic()
    assert wait_until(lambda: time.monotonic() - begin > 0.05, "a while") is True
    with pytest.raises(AssertionError, match="not within 0.1 s: pigs fly"):
        wait_until(lambda: None, "pigs fly", timeout=0.1)
