"""`$SYS/#` and `$events/#`: who may read them, what they say, and that a task can."""
import json
import time

import pytest

from integration.harness import read_topic, wait_until
from integration.raw_mqtt import Late, RawClient
from integration.test_http_sink import EVERYWHERE, Receiver


@pytest.fixture
def watcher(sluice):
    """May read the server's topics; another policy says `#`, which does not name them."""
    account = sluice.add_user("watcher")
    sluice.add_policy("watcher", operations=["connect", "subscribe"], users=["watcher"],
                      resources=["#", "$events/#", "$SYS/broker/#"])
    return {"username": account.name, "password": account.password}


def events(raw, count):
    return [(message.topic, json.loads(message.payload)) for message in raw.messages(count)]


def test_only_a_policy_that_names_them_opens_them(sluice, watcher):
    account = sluice.allow_all("meter")
    with RawClient(sluice.mqtt) as raw, RawClient(sluice.mqtt, 4) as old:
        raw.connect("meter", username=account.name, password=account.password)
        old.connect("old", username=account.name, password=account.password)
        names = ("$events/#", "$SYS/#", "$share/g/$events/client/connected")
        assert raw.subscribe(*names) == [0x87] * 3
        assert old.subscribe(*names) == [0x80] * 3
        with RawClient(sluice.mqtt) as reader:
            reader.connect("reader", **watcher)
            assert reader.subscribe("$events/client/+", "$SYS/broker/uptime") == [0, 0]
            assert reader.subscribe("$SYS/#") == [0x87]  # more than its policy names


def test_the_life_of_a_client_is_told(sluice, watcher):
    with RawClient(sluice.mqtt) as reader:
        reader.connect("reader", **watcher)
        reader.subscribe("#", qos=1)
        reader.expect_silence()
        reader.subscribe("$events/client/+")
        with RawClient(sluice.mqtt) as client:
            client.connect("c", keep_alive=33, **watcher)
            topic, told = events(reader, 1)[0]
            assert topic == "$events/client/connected"
            assert {**told, "timestamp": 0, "connected_at": 0} == {
                "event": "client.connected", "clientid": "c", "username": "watcher",
                "peername": "127.0.0.1", "node": "sluice-1", "timestamp": 0, "clean_start": True,
                "connected_at": 0, "keepalive": 33, "proto_ver": 5, "expiry_interval": 0}
            assert abs(told["timestamp"] / 1000 - time.time()) < 60
            client.disconnect()
        topic, told = events(reader, 1)[0]
        assert (topic, told["reason"]) == ("$events/client/disconnected", "normal_disconnection")
        with RawClient(sluice.mqtt) as client:
            client.connect("c", **watcher)
            with RawClient(sluice.mqtt) as other:
                other.connect("c", **watcher)
                reasons = [told.get("reason") for _, told in events(reader, 3)]
        assert reasons == [None, "session_taken_over", None]


def test_statistics_come_at_once_and_cost_nothing_before(sluice, watcher):
    def stored():
        sluice.create("/messages", {"topic": "x", "payload": ""})  # what was before is durable
        return len(sluice.rest("GET", "/messages?filter=%24SYS/%23").expect(200)["items"])

    with RawClient(sluice.mqtt) as reader:
        reader.connect("reader", **watcher)
        assert stored() == 0
        reader.subscribe("$SYS/broker/clients/connected", "$SYS/broker/version")
        found = {message.topic: json.loads(message.payload) for message in reader.messages(2)}
        assert found["$SYS/broker/clients/connected"] == 1
        assert found["$SYS/broker/version"]
        assert stored() == 2  # nobody asked for the others


def test_a_task_carries_events_into_kafka(sluice, watcher, kafka_dev):
    sluice.add_kafka_connection("kafka", kafka_dev.bootstrap)
    sluice.add_kafka_task("watch", "kafka", ["$events/client/#"], "clients")
    for name in ("one", "two"):
        with RawClient(sluice.mqtt) as client:
            client.connect(name, **watcher)
            client.disconnect()

    records = read_topic(kafka_dev.bootstrap, "clients", 4)

    told = [(record.key, json.loads(record.value)["event"]) for record in records]
    for name in (b"one", b"two"):  # the key is the client that it is about: in order for each
        assert [event for key, event in told if key == name] == ["client.connected",
                                                                 "client.disconnected"]


def test_the_states_of_a_task_are_told_but_not_to_itself(sluice, watcher):
    def task(name, *filters):
        return {"name": name, "source": {"filters": list(filters)}, "map": {"topic": "t"},
                "sink": {"type": "file", "folder": name}}

    with RawClient(sluice.mqtt) as reader:
        reader.connect("reader", **watcher)
        reader.subscribe("$events/task/#")
        sluice.create("/tasks", task("watch", "$events/task/#"))
        sluice.wait_task("watch", status="running")
        sluice.create("/tasks", task("other", "flow/#"))
        sluice.wait_task("other", status="running")
        sluice.act("/tasks/other:pause")
        told = events(reader, 5)
        assert [topic for topic, _ in told] == [f"$events/task/{state}" for state in (
            "watch/starting", "watch/running", "other/starting", "other/running", "other/paused")]
        assert told[0][1]["task_id"] == sluice.task("watch")["id"]
        assert {**told[4][1], "task_id": "", "timestamp": 0} == {
            "event": "task.paused", "task": "other", "task_id": "", "state": "paused",
            "reason": "", "node": "sluice-1", "timestamp": 0}
        sluice.wait_task("watch", delivered=3)
        assert sluice.task("watch")["rejected"] == 0


def arriving(reader, seconds):
    """The topics of what comes within the time."""
    topics, end = [], time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        try:
            topics.append(reader.receive(left).topic)
        except Late:
            break
    return topics


def test_two_tasks_that_carry_each_others_events_do_not_go_on_for_ever(make_sluice):
    """Each is refused every other time, which changes its state, which is the other's next
    message."""
    server = make_sluice({"access": {"enabled": False}, **EVERYWHERE})
    receivers = [Receiver(), Receiver()]

    def every_other_time(receiver):
        return lambda _: (503 if len(receiver.requests) % 2 else 200, {}, b"")

    try:
        with RawClient(server.mqtt) as reader:
            reader.connect("watcher")
            reader.subscribe("$events/task/#")
            for index, receiver in enumerate(receivers):
                receiver.answer = every_other_time(receiver)
                server.create("/connections?verify=false", {
                    "name": f"web{index}", "type": "http",
                    "settings": {"url": f"http://127.0.0.1:{receiver.port}/in"}})
                server.create("/tasks", {
                    "name": f"task{index}", "source": {"filters": ["$events/#"]},
                    "map": {"topic": "t"},
                    "delivery": {"retry": {"initial": "1ms", "maximum": "1ms"}},
                    "sink": {"type": "http", "connection": f"web{index}"}})
            # They do go on: there is something to bound.
            wait_until(lambda: server.metrics()["sluice_events_dropped_total"] > 0,
                       "the tasks to have told more than they may")
            begin = time.monotonic()
            told = arriving(reader, 6)
            seconds = time.monotonic() - begin
            assert len(told) <= 2 * 20 + 2 * (seconds / 5 + 1), len(told)
            for index in range(2):
                server.act(f"/tasks/task{index}:pause")
            last = []
            wait_until(lambda: last.extend(arriving(reader, 1)) or
                       {f"$events/task/task{index}/paused" for index in range(2)} <= set(last),
                       "the newest states", 60)
    finally:
        for receiver in receivers:
            receiver.close()
