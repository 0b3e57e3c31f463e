"""Dead letters go to a topic besides, in Kafka or MQTT: none is left out, and nobody waits for it."""
import secrets

import pytest

from integration import raw_mqtt as mqtt
from integration.harness import merged, read_topic, wait_until
from integration.kafka_inflow import add_kafka_source, messages, produce
from integration.ledger import Publisher, numbers_of
from integration.raw_mqtt import RawClient

pytestmark = pytest.mark.timeout(120)

BAD = b"\x00\xff no JSON"


def add_task(server, copy, **sections):
    """Into a file; of what is published under `flow` only JSON with a `kind` can go."""
    return server.create("/tasks", merged({
        "name": "flow", "source": {"filters": ["flow/#"]}, "map": {"topic": "${payload.kind}"},
        "sink": {"type": "file", "folder": "out"}, "delivery": {"dead_letter_copy": copy}}, sections))


def publish(server, payloads, **options):
    with RawClient(server.mqtt) as raw:
        raw.connect("p", username=server.account.name, password=server.account.password)
        for payload in payloads:
            assert raw.publish("flow/p", payload, qos=1, **options).reason < 0x80


def wait_copies(server, timeout=30, **wanted):
    """Until `dead_letter_copies` has these."""
    return server.wait_task("flow", timeout=timeout, dead_letter_copies=lambda copies: all(
        value(copies[key]) if callable(value) else copies[key] == value
        for key, value in wanted.items()))["dead_letter_copies"]


def all_letters(server):
    found, page = [], ""
    while page is not None:
        answer = server.get(f"/tasks/flow/dead-letters?limit=1000{page and '&page=' + page}")
        found += answer["items"]
        page = answer["next"]
    return found


def user_properties(message):
    return {each["name"]: each["value"] for each in message["user_properties"]}


@pytest.fixture
def server(sluice):
    sluice.account = sluice.allow_all("device")
    return sluice


def check_headers(record, letter, task):
    for name in ("class", "reason", "first_rejected_at", "rejected_at", "message_id", "timestamp",
                 "topic", "client_id"):
        assert record.header(f"dead_letter.{name}") == letter[name], name
    assert record.header("dead_letter.task") == task["name"]
    assert record.header("dead_letter.position") == str(letter["position"])
    assert record.header("dead_letter.attempts") == str(letter["attempts"])
    assert record.header("sluice-origins") == ">" + task["id"]


def test_a_copy_in_kafka_has_the_message_whole_and_why(server, kafka_dev):
    server.add_kafka_connection("kafka", kafka_dev.bootstrap)
    add_task(server, {"type": "kafka", "connection": "kafka", "topic": "letters.${topic[0]}"})
    publish(server, [BAD], properties=[(mqtt.USER_PROPERTY, ("zone", "1")),
                                       (mqtt.USER_PROPERTY, ("zone", "2")),
                                       (mqtt.CONTENT_TYPE, "text/x")])
    wait_copies(server, copied=1, waiting=0)
    (record,) = read_topic(kafka_dev.bootstrap, "letters.flow", count=1)
    (letter,) = server.get("/tasks/flow/dead-letters")["items"]
    assert record.value == BAD and record.key == b"p"
    check_headers(record, letter, server.task("flow"))
    assert [value for name, value in record.headers if name == "zone"] == [b"1", b"2"]
    assert record.header("mqtt.content_type") == "text/x"
    metric = f'{{task="flow",task_id="{server.task("flow")["id"]}"}}'
    assert server.metrics()[f"sluice_task_dead_letters_copied_total{metric}"] == 1
    assert server.metrics()[f"sluice_task_dead_letter_copies_waiting{metric}"] == 0


def test_real_kafka_is_away_and_nobody_waits_for_it(server, kafka):
    topic = f"copies-{secrets.token_hex(4)}"
    kafka.create_topic(topic, 2, {"max.message.bytes": "3000"})
    server.add_kafka_connection("kafka", kafka.bootstrap)
    add_task(server, {"type": "kafka", "connection": "kafka", "topic": topic})
    publish(server, [b"%d" % number for number in range(50)])
    wait_copies(server, copied=50, waiting=0)

    kafka.kill9()
    publish(server, [b"%d" % number for number in range(50, 80)])
    publish(server, [b'{"kind": "good"}'] * 20)
    copies = wait_copies(server, waiting=30, status_reason=lambda reason: reason != "")
    task = server.wait_task("flow", delivered=20, status="running", lag_messages=0)
    assert task["dead_letters"] == 80, task
    server.kill9()
    kafka.start()
    server.start()
    wait_copies(server, waiting=0, status_reason="", timeout=90)

    records = read_topic(kafka.bootstrap, topic, count=80, settle=0.5)
    values = [record.value for record in records]
    assert sorted(set(values)) == sorted(b"%d" % number for number in range(80)), copies
    print(f"{len(values) - 80} came twice")
    letters = {letter["message_id"]: letter
               for letter in server.get("/tasks/flow/dead-letters?limit=1000")["items"]}
    assert len(letters) == 80
    for record in records:
        check_headers(record, letters[record.header("dead_letter.message_id")], task)


def test_one_that_kafka_refuses_holds_up_no_other(server, kafka):
    topic = f"copies-{secrets.token_hex(4)}"
    kafka.create_topic(topic, 1, {"max.message.bytes": "3000"})
    server.add_kafka_connection("kafka", kafka.bootstrap)
    add_task(server, {"type": "kafka", "connection": "kafka", "topic": topic})
    publish(server, [b"1", b"x" * 5000, b"2"])

    copies = wait_copies(server, copied=2, waiting=1, refused=1)
    assert "max.message.bytes" in copies["last_error"], copies
    kafka.set_topic_config(topic, {"max.message.bytes": "100000"})
    server.act("/tasks/flow:pause")
    server.act("/tasks/flow:start")
    wait_copies(server, waiting=0, refused=0)
    assert sorted(len(record.value) for record in read_topic(kafka.bootstrap, topic, count=3)) == [
        1, 1, 5000]


@pytest.mark.parametrize("kind", ["local", "mqtt"])
def test_copies_to_this_server_are_not_lost_with_it_and_do_not_circle(server, kind):
    """Under the very filter that the task reads; the server is killed while they go."""
    copy = {"type": kind, "topic": "flow/letters"}
    if kind == "mqtt":
        host, port = server.mqtt
        server.create("/connections", {"name": "itself", "type": "mqtt", "settings": {
            "host": host, "port": port,
            "username": server.account.name, "password": server.account.password}})
        copy["connection"] = "itself"
    add_task(server, copy)
    publisher = Publisher(server.mqtt, "p1", "flow/p1", 1, rate=400, padding=50,
                          username=server.account.name, password=server.account.password)
    with publisher:
        for _ in range(3):
            publisher.wait_acknowledged(len(publisher.acknowledged) + 100)
            server.kill9()
            server.start()
        publisher.wait_acknowledged(len(publisher.acknowledged) + 100)
        publisher.finish()
    server.wait_task("flow", status="running", lag_messages=0, timeout=60)
    wait_copies(server, waiting=0)

    task = server.wait_task("flow", lag_messages=0)
    found = messages(server, "flow/letters", whole=False)
    numbers = numbers_of("p1", [message["bytes"] for message in found])
    assert set(publisher.acknowledged) <= set(numbers)
    letters = [letter["message_id"] for letter in all_letters(server)]
    copies = [user_properties(message)["dead_letter.message_id"] for message in found]
    assert set(copies) == set(letters) and len(letters) == task["dead_letters"]
    print(f"{len(letters)} letters, {len(copies) - len(letters)} came twice")
    assert not [message for message in found if message["retain"]]
    one = user_properties(found[0])
    assert one["dead_letter.class"] == "unmapped" and one["dead_letter.topic"] == "flow/p1", one
    # Each came back once to the task, which let it pass.
    wait_until(lambda: server.task("flow")["looped"] >= len(copies), "all that came back")
    assert server.task("flow")["dead_letters"] == len(letters)


def test_what_comes_in_from_kafka_has_copies_too(server, kafka_dev):
    server.add_kafka_connection("kafka", kafka_dev.bootstrap)
    add_kafka_source(server, "flow", "commands", target="in/${payload.kind}", delivery={
        "dead_letter_copy": {"type": "kafka", "connection": "kafka", "topic": "commands"}})
    keys = [b"\xff\x00%d" % number for number in range(40)]  # no text, and short
    produce(kafka_dev, "commands", [*((key, BAD, [("zone", b"1")]) for key in keys),
                                    (b"k", b'{"kind": "a"}')])
    wait_copies(server, copied=40, waiting=0)
    # The copies came back, and are no letters again.
    server.wait_task("flow", delivered=1, looped=40)
    records = read_topic(kafka_dev.bootstrap, "commands", count=81, settle=0.5)
    copies = [record for record in records if record.header("dead_letter.task") == "flow"]
    assert sorted(copy.key for copy in copies) == sorted(keys)
    assert all(copy.value == BAD and copy.header("zone") == "1" for copy in copies)
    assert server.task("flow")["dead_letters"] == 40


def test_wrong_ones_say_what_is_right(server):
    host, port = server.mqtt
    server.create("/connections?verify=false", {
        "name": "old", "type": "mqtt", "settings": {"host": host, "port": port, "version": "3.1.1"}})
    for copy, pointer in (({"type": "http", "topic": "t"}, "/type"),
                          ({"type": "kafka", "topic": "t"}, "/connection"),
                          ({"type": "mqtt", "topic": "t", "connection": "old"}, "/connection"),
                          ({"type": "local", "topic": "a/#"}, "/topic")):
        problem = server.rest("POST", "/tasks", {
            "name": "flow", "source": {"filters": ["flow/#"]}, "map": {"topic": "t"},
            "sink": {"type": "file", "folder": "out"},
            "delivery": {"dead_letter_copy": copy}}).expect(422)
        assert [field["pointer"] for field in problem["fields"]] == [
            "/delivery/dead_letter_copy" + pointer], problem


def test_a_connection_that_copies_go_over_stays_one_that_can_take_them(server):
    host, port = server.mqtt
    server.create("/connections?verify=false", {
        "name": "plant", "type": "mqtt", "settings": {"host": host, "port": port}})
    server.create("/tasks", {
        "name": "flow", "enabled": False, "source": {"filters": ["flow/#"]}, "map": {"topic": "t"},
        "sink": {"type": "file", "folder": "out"},
        "delivery": {"dead_letter_copy": {"type": "mqtt", "connection": "plant", "topic": "t"}}})
    problem = server.rest("PATCH", "/connections/plant?verify=false",
                          {"settings": {"version": "3.1.1"}}).expect(422)
    assert problem["fields"][0]["pointer"] == "/settings"
    assert "task flow copies its dead letters over it" in problem["fields"][0]["detail"]
    server.rest("PATCH", "/tasks/flow", {"delivery": {"dead_letter_copy": None}}).expect(200)
    server.rest("PATCH", "/connections/plant?verify=false",
                {"settings": {"version": "3.1.1"}}).expect(200)
