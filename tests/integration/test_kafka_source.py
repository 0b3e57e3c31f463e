"""Records of Kafka become messages here: whole, in order, and none is left out.

Real Apache Kafka.
"""
import os
import secrets
import time

import pytest

from integration.harness import merged, read_topic, wait_until
from integration.kafka_inflow import (Inflow, add_kafka_source, check_inflow, messages, new_topic,
                                      produce, properties_of)
from integration.raw_mqtt import RawClient

KILLS = int(os.environ.get("SLUICE_SOURCE_KILLS", "3"))
pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def server(make_sluice, kafka):
    made = make_sluice()
    made.add_kafka_connection("kafka", kafka.bootstrap)
    return made


def wait_messages(server, topic_filter, count, timeout=60):
    return wait_until(lambda: (lambda found: found if len(found) >= count else None)(
        messages(server, topic_filter)), f"{count} messages of {topic_filter}", timeout)


def test_a_record_becomes_a_message_whole(server, kafka):
    topic = new_topic(kafka)
    binary = bytes(range(256)) * 4
    produce(kafka, topic, [
        (b"meter-1", binary, [("zone", b"north"), ("zone", b"east"), ("mqtt.topic", b"was/here"),
                              ("mqtt.content_type", b"application/json"),
                              ("mqtt.correlation_data", b"\x00\xff"),
                              ("mqtt.response_topic", b"answers/here"), ("user.mqtt.x", b"mine"),
                              ("user.user.y", b"mine too"), ("bytes", b"\xff\xfe")])])

    add_kafka_source(server, "commands", topic, "devices/${key}/${header.zone}/commands")

    (message,) = wait_messages(server, "devices/#", 1)
    assert message["topic"] == "devices/meter-1/east/commands"
    assert message["bytes"] == binary and message["qos"] == 1 and not message["retain"]
    assert message["content_type"] == "application/json"
    assert message["response_topic"] == "answers/here"
    assert message["correlation_data_base64"] == "AP8="
    assert properties_of(message) == [("zone", "north"), ("zone", "east"), ("mqtt.x", "mine"),
                                      ("user.y", "mine too")]
    task = server.wait_task("commands", status="running", lag_messages=0, delivered=1)
    assert task["group"] == "group-kafka-commands" and task["clients"] == ["kafka-commands-0"]
    assert message["client_id"] == "kafka-commands-0"


def test_the_map_decides_what_becomes_of_a_record(server, kafka):
    topic = new_topic(kafka)
    produce(kafka, topic, [(b"a", b'{"t": 21.5, "id": 7}'), (b"b", b'{"t": 3, "id": 8}')])

    add_kafka_source(
        server, "warm", topic, where="payload.t > 20",
        map={"topic": "warm/${payload.id}", "qos": 2, "retain": True,
             "value": {"template": "${key}: ${payload.t}"},
             "properties": [{"name": "from", "value": "${topic}"}]})

    server.wait_task("warm", lag_messages=0, delivered=1, filtered=1)
    (message,) = messages(server, "warm/#")
    assert message["topic"] == "warm/7" and message["bytes"] == b"a: 21.5"
    assert message["qos"] == 2 and message["retain"]
    assert properties_of(message) == [("from", topic)]


def test_start_now_leaves_out_what_is_older_and_nothing_newer(server, kafka):
    topic = new_topic(kafka)
    produce(kafka, topic, [(b"old", b"%d" % number) for number in range(100)])
    add_kafka_source(server, "fresh", topic, source={"start": "now"})
    # Its place in the group is settled before anything is read: while it is away, too.
    wait_until(lambda: committed(kafka, "group-kafka-fresh", topic) == 100, "its place", 60)
    server.act("/tasks/fresh:pause")
    produce(kafka, topic, [(b"new", b"%d" % number) for number in range(50)])
    server.act("/tasks/fresh:start")

    server.wait_task("fresh", lag_messages=0, delivered=50, timeout=60)
    assert {message["topic"] for message in messages(server, "in/#")} == {"in/new"}


def members_of_one_group(make_sluice, kafka, topic, count):
    """Servers whose tasks share the topic, from now on, and have settled who reads what."""
    group = f"shared-{secrets.token_hex(4)}"
    servers = [make_sluice(name=f"member-{number}") for number in range(count)]
    for number, member in enumerate(servers):
        member.add_kafka_connection("kafka", kafka.bootstrap)
        add_kafka_source(member, "flow", topic, f"in/{number}",
                         source={"start": "now", "group": group})
    for member in servers:
        member.wait_task("flow", status="running", timeout=60)
    return group, servers


def came_to(servers):
    return sorted(message["bytes"] for member in servers for message in messages(member, "in/#"))


def test_a_partition_that_is_added_is_read_whole_whichever_member_it_goes_to(make_sluice, kafka):
    topic = new_topic(kafka, partitions=1)
    produce(kafka, topic, [(b"old", b"old")] * 10)
    _, servers = members_of_one_group(make_sluice, kafka, topic, 2)  # one of them has no partition

    kafka.add_partitions(topic, 2)
    produce(kafka, topic, [(b"%d" % number, b"new-%03d" % number) for number in range(200)])

    wait_until(lambda: len(came_to(servers)) >= 200, "200 messages", 120)
    assert came_to(servers) == [b"new-%03d" % number for number in range(200)]
    assert all(len(messages(member, "in/#", whole=False)) > 0 for member in servers)


def test_members_that_begin_together_leave_out_what_is_older(make_sluice, kafka):
    topic = new_topic(kafka, partitions=4)
    produce(kafka, topic, [(b"%d" % number, b"old") for number in range(100)])

    group, servers = members_of_one_group(make_sluice, kafka, topic, 2)
    wait_until(lambda: committed(kafka, group, topic) == 100, "its places", 60)
    produce(kafka, topic, [(b"%d" % number, b"new-%03d" % number) for number in range(100)])

    wait_until(lambda: len(came_to(servers)) >= 100, "100 messages", 60)
    assert came_to(servers) == [b"new-%03d" % number for number in range(100)]


def committed(kafka, group, topic):
    """How many records of the topic the group has passed."""
    from confluent_kafka import Consumer, TopicPartition
    consumer = Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": group, "log_level": 0})
    try:
        known = consumer.list_topics(topic, timeout=10).topics[topic].partitions
        places = consumer.committed([TopicPartition(topic, each) for each in known], timeout=10)
        return sum(max(0, place.offset) for place in places)
    finally:
        consumer.close()


def test_a_topic_that_is_not_there_yet_is_waited_for(server, kafka):
    topic = f"later-{secrets.token_hex(4)}"
    add_kafka_source(server, "early", topic)
    task = server.wait_task("early", status="waiting", timeout=60)
    assert "create the topic" in task["status_reason"], task

    kafka.create_topic(topic)
    produce(kafka, topic, [(b"k", b"v")])

    server.wait_task("early", status="running", delivered=1, timeout=60)


def test_bad_records_become_dead_letters_and_hold_up_nobody(make_sluice, kafka):
    server = make_sluice({"mqtt": {"maximum_packet_size": "64KiB"}})
    server.add_kafka_connection("kafka", kafka.bootstrap)
    topic = new_topic(kafka, partitions=1)
    produce(kafka, topic, [(b"good", b"1"), (b"a/+/b", b"wildcard"), (None, b"no key"),
                           (b"big", b"x" * 100_000), (b"\xff", b"not text"), (b"good", b"2")])

    add_kafka_source(server, "mixed", topic)

    task = server.wait_task("mixed", lag_messages=0, delivered=2, rejected=4, dead_letters=4,
                            timeout=60)
    assert task["status"] == "running"
    assert [message["bytes"] for message in messages(server, "in/#")] == [b"1", b"2"]
    letters = server.get("/tasks/mixed/dead-letters")["items"]
    reasons = " | ".join(letter["reason"] for letter in letters)
    assert "must be a topic name" in reasons and "${key}" in reasons, reasons
    assert "mqtt.maximum_packet_size" in reasons and "UTF-8" in reasons, reasons
    assert [letter["client_id"] for letter in letters] == ["", "base64:/w==", "a/+/b", "big"]
    assert letters[0]["topic"] == topic and letters[0]["host"] == f"{topic}-0@2", letters[0]
    wait_until(lambda: committed(kafka, "group-kafka-mixed", topic) == 6, "its place", 30)


def test_rejected_stop_keeps_the_record_and_what_follows_until_somebody_mends_the_task(server, kafka):
    topic = new_topic(kafka, partitions=1)
    produce(kafka, topic, [(b"good", b"1"), (b"a#", b"2"), (b"good", b"3")])
    add_kafka_source(server, "strict", topic, delivery={"rejected": "stop"})
    task = server.wait_task("strict", status="failed", timeout=60)
    assert "must be a topic name" in task["status_reason"], task
    wait_until(lambda: committed(kafka, "group-kafka-strict", topic) == 1, "the good one", 30)

    server.rest("PATCH", "/tasks/strict", {"map": {"topic": "mended"}}).expect(200, 202)

    wait_messages(server, "mended", 2)
    server.wait_task("strict", status="running", lag_messages=0, timeout=60)
    came = [(m["topic"], m["bytes"]) for m in messages(server, "#")]
    assert came == [("in/good", b"1"), ("mended", b"2"), ("mended", b"3")], "none comes twice"


def test_nothing_is_lost_when_the_server_is_killed(server, kafka):
    """kill -9 at moments of no choice: all arrives, in order by key; what may come twice does so
    only after a kill, and is bounded by what was not committed yet."""
    topic = new_topic(kafka, partitions=3)
    add_kafka_source(server, "flow", topic)
    inflow = Inflow(kafka, topic)
    inflow.start()
    def wait_for_500_more():
        before = server.task("flow")["delivered"]  # counted on over the kills
        server.wait_task("flow", status="running", delivered=lambda n: n > before + 500, timeout=60)
    for _ in range(KILLS):
        wait_for_500_more()
        time.sleep(0.2 + secrets.randbelow(500) / 1000)
        server.kill9()
        server.start()
    wait_for_500_more()
    total = inflow.finish()
    server.wait_task("flow", status="running", lag_messages=0, timeout=60)

    found = wait_messages(server, "in/#", total)
    twice = check_inflow(inflow, found)
    print(f"{total} records, {KILLS} kills, {twice} came twice")
    assert twice <= KILLS * 4096


def test_kafka_goes_away_and_comes_back(server, kafka):
    topic = new_topic(kafka, partitions=2)
    add_kafka_source(server, "flow", topic)
    produce(kafka, topic, [(b"k0", b"%d" % number) for number in range(500)])
    server.wait_task("flow", status="running", delivered=500, timeout=60)

    kafka.kill9()
    task = server.wait_task("flow", status="waiting", timeout=60)
    assert "Kafka" in task["status_reason"], task
    kafka.start()
    produce(kafka, topic, [(b"k0", b"%d" % number) for number in range(500, 1000)])

    server.wait_task("flow", status="running", lag_messages=0, timeout=120,
                     delivered=lambda n: n >= 1000)
    firsts = list(dict.fromkeys(int(message["bytes"]) for message in messages(server, "in/#")))
    assert firsts == list(range(1000))


def test_two_opposite_tasks_do_not_circle(server, kafka):
    topic = new_topic(kafka, partitions=1)
    account = server.allow_all("device")
    server.add_kafka_task("out", "kafka", ["loop/#"], topic, map={"headers": "none"})
    add_kafka_source(server, "back", topic, "loop/${key}")
    server.wait_task("back", status="running", timeout=60)
    with RawClient(server.mqtt) as raw:
        raw.connect("c1", username=account.name, password=account.password)
        for number in range(10):
            raw.publish("loop/c1", b"%d" % number, qos=1)

    task = server.wait_task("back", looped=10, delivered=10, lag_messages=0, timeout=60)
    server.wait_task("out", delivered=20, lag_messages=0)
    time.sleep(1)  # what circles would go on
    assert server.task("back")["looped"] == 10 and server.task("out")["delivered"] == 20, task
    name = f'sluice_task_looped_total{{task="back",task_id="{task["id"]}"}}'
    assert server.metrics()[name] == 10
    assert len(read_topic(kafka.bootstrap, topic, count=20, settle=0.5)) == 20


@pytest.mark.parametrize("change, pointer", [
    ({"source": {"topics": ["^a.*"]}}, "/source/topics/0"),
    ({"source": {"start": {"position": 3}}}, "/source/start"),
    ({"source": {"connection": "nobody"}}, "/source/connection"),
    ({"source": {"filters": ["a"]}}, "/source/filters"),
    ({"map": {"topic": "a/${client_id}"}}, "/map/topic"),
    ({"map": {"key": "x"}}, "/map/key"),
    ({"map": {"qos": 3}}, "/map/qos"),
    ({"map": {"properties": [{"name": "sluice-origins", "value": ""}]}}, "/map/properties/0/name"),
    ({"sink": {"type": "kafka", "connection": "kafka"}}, "/sink/type"),
    ({"delivery": {"guarantee": "exactly_once"}}, "/delivery/guarantee"),
    ({"delivery": {"maximum_age": "1h"}}, "/delivery/maximum_age"),
])
def test_what_a_source_cannot_be_is_refused_by_name(server, change, pointer):
    document = {"name": "wrong", "map": {"topic": "a"}, "sink": {"type": "local"},
                "source": {"type": "kafka", "connection": "kafka", "topics": ["t"]}}
    problem = server.rest("POST", "/tasks", merged(document, change)).expect(422)
    assert pointer in [field["pointer"] for field in problem["fields"]], problem
