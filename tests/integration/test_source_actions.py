"""What a person can do with a task that brings records in: go back, look ahead, send again.

Real Apache Kafka.
"""
import base64
import datetime
import time

import pytest

from integration.harness import wait_until
from integration.kafka_inflow import add_kafka_source, messages, new_topic, produce
from integration.test_kafka_source import committed, server, wait_messages  # noqa: F401

pytestmark = pytest.mark.timeout(300)


def seek(server, name, start, status=200):  # noqa: F811
    return server.rest("POST", f"/tasks/{name}:seek", {"start": start}).expect(status, 202)


def came(server, topic_filter="in/#"):  # noqa: F811
    return [message["bytes"] for message in messages(server, topic_filter)]


def test_a_task_from_kafka_goes_where_it_is_told(server, kafka):  # noqa: F811
    topic = new_topic(kafka, partitions=2)
    produce(kafka, topic, [(b"k%d" % (number % 8), b"%d" % number) for number in range(20)])
    add_kafka_source(server, "flow", topic)
    wait_messages(server, "in/#", 20)

    seek(server, "flow", "earliest")
    wait_messages(server, "in/#", 40)
    server.wait_task("flow", status="running", lag_messages=0, delivered=40, timeout=60)

    # While it is paused, and what it is told survives a restart.
    server.act("/tasks/flow:pause")
    middle = datetime.datetime.now(datetime.timezone.utc)
    time.sleep(0.05)
    produce(kafka, topic, [(b"k", b"late-%d" % number) for number in range(5)])
    seek(server, "flow", {"time": middle.isoformat().replace("+00:00", "Z")})
    server.restart()
    server.act("/tasks/flow:start")
    wait_messages(server, "in/#", 45)
    task = server.wait_task("flow", status="running", lag_messages=0, timeout=60)
    assert task["delivered"] == 45, "counted on over the restart"
    assert sorted(came(server)[40:]) == [b"late-%d" % number for number in range(5)]

    server.act("/tasks/flow:pause")
    produce(kafka, topic, [(b"k", b"skipped")] * 3)
    seek(server, "flow", "latest")
    server.act("/tasks/flow:start")
    server.wait_task("flow", status="running", lag_messages=0, timeout=60)
    produce(kafka, topic, [(b"k", b"next")])
    wait_messages(server, "in/#", 46)
    assert came(server)[45:] == [b"next"]


def test_a_task_from_kafka_goes_to_an_offset_of_one_partition(server, kafka):  # noqa: F811
    topic = new_topic(kafka, partitions=1)
    produce(kafka, topic, [(b"k", b"%d" % number) for number in range(10)])
    add_kafka_source(server, "flow", topic)
    wait_messages(server, "in/#", 10)

    seek(server, "flow", {"offsets": [{"topic": topic, "partition": 0, "offset": 7}]})
    wait_messages(server, "in/#", 13)
    seek(server, "flow", {"offsets": [{"topic": topic, "partition": 0, "offset": 10_000}]})
    server.wait_task("flow", status="running", lag_messages=0, timeout=60)

    assert came(server)[10:] == [b"7", b"8", b"9"]
    assert committed(kafka, "group-kafka-flow", topic) == 10
    refused = seek(server, "flow", {"position": 3}, status=422)
    assert "offsets" in refused["fields"][0]["detail"], refused


def test_what_a_record_becomes_is_shown_before_anything_is_saved(server):  # noqa: F811
    document = {"name": "commands", "where": "payload.t > 20",
                "source": {"type": "kafka", "connection": "kafka", "topics": ["commands"]},
                "map": {"topic": "devices/${key}", "qos": 2, "retain": True, "jq": "{t}"},
                "sink": {"type": "local"}}

    def preview(key, payload, **more):
        message = {"topic": "commands", "client_id": key, "payload": payload} | more
        return server.rest("POST", "/tasks:preview",
                           {"task": document, "message": message}).expect(200)

    good = preview("m1", '{"t": 21, "x": 1}',
                   user_properties={"mqtt.content_type": "a/b", "zone": "north"})
    assert good["ok"] and good["where"] == "true", good
    message = good["message"]
    assert (message["topic"], message["qos"], message["retain"]) == ("devices/m1", 2, True)
    assert base64.b64decode(message["payload_base64"]) == b'{"t":21}'
    assert message["properties"]["content_type"] == "a/b", message
    assert {"name": "zone", "value": "north"} in message["properties"]["user"], message
    assert message["client_id"] == "kafka-commands-0"

    filtered = preview("m1", '{"t": 3}')
    assert not filtered["ok"] and filtered["error"]["becomes"] == "filtered", filtered
    bad = preview("a/+", '{"t": 21}')
    assert bad["error"]["becomes"] == "dead_letter", bad
    assert "must be a topic name" in bad["error"]["detail"], bad


def test_letters_of_a_source_are_sent_again(server, kafka):  # noqa: F811
    topic = new_topic(kafka, partitions=1)
    produce(kafka, topic, [(b"a/+/b", b"wildcard"), (b"\xff\xfe", b"binary"), (b"good", b"1"),
                           (b"x#", b"again")])
    add_kafka_source(server, "flow", topic)
    server.wait_task("flow", lag_messages=0, delivered=1, dead_letters=3, timeout=60)

    # By the document as it is: still bad.
    report = server.rest("POST", "/tasks/flow/dead-letters:redrive", {"all": True}).expect(200)
    assert (report["redriven"], report["refused"], report["left"]) == (0, 3, 3), report
    server.rest("PATCH", "/tasks/flow", {"map": {"topic": "mended"}}).expect(200, 202)
    letters = server.get("/tasks/flow/dead-letters")["items"]
    first = letters[0]["message_id"]
    report = server.rest("POST", "/tasks/flow/dead-letters:redrive",
                         {"message_ids": [first]}).expect(200)
    assert (report["redriven"], report["left"]) == (1, 2), report
    report = server.rest("POST", "/tasks/flow/dead-letters:redrive", {"all": True}).expect(200)

    assert report["ok"] and report["left"] == 0, report
    assert sorted(came(server, "mended")) == [b"again", b"binary", b"wildcard"]
    assert server.task("flow")["dead_letters"] == 0


def test_counters_go_on_and_the_lag_is_unknown_at_first(server, kafka):  # noqa: F811
    topic = new_topic(kafka, partitions=1)
    produce(kafka, topic, [(b"good", b"1"), (b"#", b"2"), (b"good", b"3")])
    add_kafka_source(server, "flow", topic)
    wait_until(lambda: committed(kafka, "group-kafka-flow", topic) == 3, "its place", 60)
    server.wait_task("flow", lag_messages=0, delivered=2, rejected=1, timeout=60)
    kafka.stop()
    server.restart()

    task = server.task("flow")
    assert task["delivered"] == 2 and task["rejected"] == 1, task
    assert task["lag_messages"] is None and task["lag_bytes"] is None, task
    kafka.start()
    produce(kafka, topic, [(b"good", b"4")])
    server.wait_task("flow", status="running", lag_messages=0, delivered=3, rejected=1, timeout=90)
    time.sleep(1)  # totals are written every 100 ms
    server.create("/messages", {"topic": "other"})  # and with this one they are durable
    server.kill9()
    server.start()
    assert server.task("flow")["delivered"] == 3


@pytest.mark.parametrize("topic", ["a/#", "a/+/${key}", "$SYS/a"])
def test_a_topic_that_no_message_can_have_is_refused(server, topic):  # noqa: F811
    problem = server.rest("POST", "/tasks", {
        "name": "in", "source": {"type": "kafka", "connection": "kafka", "topics": ["t"]},
        "map": {"topic": topic}, "sink": {"type": "local"}}).expect(422)
    assert [field["pointer"] for field in problem["fields"]] == ["/map/topic"], problem
