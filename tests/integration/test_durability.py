"""Acknowledged means durable: real processes, killed at random moments, and a ledger of every
PUBACK and PUBCOMP.

SLUICE_KILL_ROUNDS=100 for the evidence; SLUICE_SEED repeats a run.
"""
import contextlib
import os
import random
import secrets
import time

import pytest

from integration import raw_mqtt as mqtt
from integration.harness import read_topic, wait_until
from integration.ledger import Publisher, Subscriber, check, numbers_of
from integration.raw_mqtt import RawClient

ROUNDS = int(os.environ.get("SLUICE_KILL_ROUNDS", "10"))
LIMIT_PER_ROUND = 1500  # messages of one publisher in one round: bounds the test's own memory
IN_FLIGHT = 200  # the task's window: what one kill may send to Kafka twice


def seeded():
    seed = int(os.environ.get("SLUICE_SEED") or secrets.randbits(32))
    print(f"SLUICE_SEED={seed}")
    return random.Random(seed)


def progress(publishers, by, timeout=60):
    """Each publisher gets `by` more acknowledgements, and then at most LIMIT_PER_ROUND."""
    for publisher in publishers:
        publisher.limit = publisher.sent + LIMIT_PER_ROUND
    for publisher, wanted in [(each, len(each.acknowledged) + by) for each in publishers]:
        publisher.wait_acknowledged(wanted, timeout)


class Kills:
    """Where Kafka's partitions ended at each kill, and how many duplicates the server that was
    killed had announced."""

    def __init__(self, kafka, topic):
        self.kafka, self.topic = kafka, topic
        self.ends, self.announced = [], []

    def note(self, announced):
        """After a kill, before the next start."""
        self.announced.append(announced)
        ends = self.kafka.topic_end_offsets(self.topic)
        while True:  # what the dead server sent may still be on its way into the log
            time.sleep(0.05)
            before, ends = ends, self.kafka.topic_end_offsets(self.topic)
            if before == ends:
                self.ends.append(ends)
                return

    def duplicates(self, records):
        """How many records came another time, by the run of the server that sent them."""
        counts, seen = [0] * (len(self.ends) + 1), set()
        for record in records:  # in order within a partition, and a message keeps to one
            run = sum(ends[record.partition] <= record.offset for ends in self.ends)
            message_id = record.header("mqtt.message_id")
            counts[run] += message_id in seen
            seen.add(message_id)
        return counts


def announced_duplicates(server):
    """Of this run of the server: what the task shows is of all its runs."""
    task = server.wait_task("ledger", status=lambda status: status != "paused")
    name = f'sluice_task_possible_duplicates_total{{task="ledger",task_id="{task["id"]}"}}'
    return int(server.metrics()[name])


def kill_at_random(server, chance, publishers, kills):
    """One round: some messages go through, kill -9 at some moment, and it comes back. One time in
    five it is killed again while it recovers."""
    progress(publishers, 1)
    announced = announced_duplicates(server)
    time.sleep(chance.uniform(0, 0.7))  # the random moment
    server.kill9()
    kills.note(announced)
    if chance.random() < 0.2:
        server.launch(server.command(), dict(os.environ))
        time.sleep(chance.uniform(0, 0.3))
        server.kill9()
        kills.note(IN_FLIGHT)  # nobody could ask it
    server.start()


@pytest.mark.timeout(300 + 20 * ROUNDS)
def test_kill_9_loses_nothing_acknowledged(make_sluice, kafka):
    chance = seeded()
    server = make_sluice()
    account = server.allow_all("ledger")
    who = {"username": account.name, "password": account.password}
    topic = f"ledger-{secrets.token_hex(4)}"
    kafka.create_topic(topic, partitions=3)
    server.add_kafka_connection("kafka", kafka.bootstrap)
    server.add_kafka_task("ledger", "kafka", ["ledger/#"], topic,
                          delivery={"in_flight": IN_FLIGHT})
    kills = Kills(kafka, topic)
    publishers = [Publisher(server.mqtt, f"p{number}-q{qos}-v{version}", f"ledger/p{number}", qos,
                            version=version, **who)
                  for number, (qos, version) in enumerate([(1, 5), (1, 4), (2, 5), (2, 4)])]
    subscribers = [Subscriber(server.mqtt, f"s-q{qos}-v{version}", ["ledger/#"], qos,
                              version=version, **who) for qos, version in [(1, 5), (2, 5), (2, 4)]]
    for subscriber in subscribers:
        subscriber.start()
        assert subscriber.subscribed.wait(30), subscriber.problem
    for publisher in publishers:
        publisher.start()

    for _ in range(ROUNDS):
        kill_at_random(server, chance, publishers, kills)
    progress(publishers, 1)
    for publisher in publishers:
        publisher.finish()

    problems, repeats = [], {}
    for subscriber in subscribers:
        for publisher in publishers:
            with noted(problems):
                subscriber.wait_for(publisher, 10 if problems else 120)
    with noted(problems):
        server.wait_task("ledger", timeout=120, lag_messages=0)
    kills.announced.append(announced_duplicates(server))
    let_repeats_come(server, who)
    for subscriber in subscribers:
        subscriber.stop()
    for subscriber in subscribers:
        for publisher in publishers:
            with noted(problems):
                repeats[subscriber.client_id, publisher.client_id] = check(
                    publisher, subscriber.numbers(publisher), subscriber.client_id,
                    exactly_once=min(subscriber.qos, publisher.qos) == 2)
    written = sum(kafka.topic_end_offsets(topic).values())
    records = read_topic(kafka.bootstrap, topic, count=written, settle=1, timeout=120)
    for publisher in publishers:
        with noted(problems):
            repeats["kafka", publisher.client_id] = check(
                publisher, numbers_of(publisher.client_id, [r.value for r in records]), "kafka")
    doubled = kills.duplicates(records)
    total = sum(publisher.sent for publisher in publishers)
    print(f"{total} messages, {len(kills.ends)} kills, repeats: {repeats}; records that came again "
          f"to Kafka, of those announced: {list(zip(doubled, kills.announced))}")
    assert not problems, "\n".join(problems)
    assert doubled[0] == 0 and max(kills.announced) <= IN_FLIGHT
    for count, announced in zip(doubled, kills.announced):
        assert count <= announced, f"{count} records came again, {announced} were announced"


@contextlib.contextmanager
def noted(problems):
    """Goes on after a failure, so that it is seen who else has lost the same."""
    try:
        yield
    except AssertionError as error:
        problems.append(str(error))


def let_repeats_come(server, who):
    """A message that is sent after everything and arrives has everything before it: then whatever
    the server still meant to repeat has been repeated."""
    with RawClient(server.mqtt) as last, RawClient(server.mqtt) as sender:
        assert last.connect("last", **who).reason == 0
        assert last.subscribe("ledger/last", qos=2) == [2]
        assert sender.connect("sender", **who).reason == 0
        for qos in (1, 2):
            sender.publish("ledger/last", b"last:0:", qos=qos)
        last.messages(2)


def test_what_a_session_owes_survives_kill_9(make_sluice):
    """Subscriptions, queued messages and both halves of QoS 2, without a random moment."""
    server = make_sluice({"access": {"enabled": False}})
    expiry = {"clean": False, "properties": [(mqtt.SESSION_EXPIRY, 3600)]}
    with RawClient(server.mqtt) as away, RawClient(server.mqtt) as busy, \
            RawClient(server.mqtt) as publisher:
        away.connect("away", **expiry)
        away.subscribe("a/+", qos=2, properties=[(mqtt.SUBSCRIPTION_ID, 9)])
        away.disconnect()
        busy.connect("busy", **expiry)
        busy.subscribe("b", qos=2)
        publisher.connect("publisher", **expiry)
        for number in range(10):
            publisher.publish("a/1", str(number), qos=2)
        publisher.publish("kept", b"kept", qos=1, retain=True)
        publisher.publish("b", b"half", qos=2)
        first = busy.messages(1, acknowledge=False)[0]
        busy.send(mqtt.ack_packet(mqtt.PUBREC, first.packet_id))
        busy.expect(mqtt.PUBREL)
        publisher.send(mqtt.publish_packet(5, "a/1", b"10", qos=2, packet_id=777))
        assert publisher.expect(mqtt.PUBREC).packet_id == 777
        server.kill9()

    server.start()

    with RawClient(server.mqtt) as away, RawClient(server.mqtt) as busy, \
            RawClient(server.mqtt) as publisher:
        assert publisher.connect("publisher", **expiry).session_present
        publisher.send(mqtt.publish_packet(5, "a/1", b"10", qos=2, packet_id=777, dup=True))
        assert publisher.expect(mqtt.PUBREC).packet_id == 777
        publisher.send(mqtt.ack_packet(mqtt.PUBREL, 777))
        assert publisher.expect(mqtt.PUBCOMP).reason == 0
        assert away.connect("away", **expiry).session_present
        publisher.publish("a/2", b"11", qos=2)
        found = away.messages(12)
        assert [int(message.payload) for message in found] == list(range(12))
        assert {tuple(message.all(mqtt.SUBSCRIPTION_ID)) for message in found} == {(9,)}
        away.expect_silence()
        assert busy.connect("busy", **expiry).session_present
        assert busy.expect(mqtt.PUBREL).packet_id == first.packet_id
        busy.send(mqtt.ack_packet(mqtt.PUBCOMP, first.packet_id))
        busy.expect_silence()
        busy.subscribe("kept")
        assert busy.messages(1)[0].payload == b"kept"


def test_sessions_catch_up_from_the_log_while_others_publish(make_sluice):
    """After a restart nothing is in memory: a session reads files until it has reached the tail,
    and what comes at that very moment must not fall between the two."""
    server = make_sluice({"access": {"enabled": False}})
    publishers = [Publisher(server.mqtt, f"p{number}", f"t/{number}", 1, window=20, rate=400)
                  for number in range(2)]
    subscribers = [Subscriber(server.mqtt, f"s{number}", ["t/#"], 1) for number in range(12)]
    for subscriber in subscribers:
        subscriber.start()
        assert subscriber.subscribed.wait(30), subscriber.problem
    for publisher in publishers:
        publisher.start()

    for _ in range(6):
        for publisher in publishers:
            publisher.wait_acknowledged(len(publisher.acknowledged) + 100)
        server.kill9()
        server.start()
    for publisher in publishers:
        publisher.wait_acknowledged(len(publisher.acknowledged) + 100)
        publisher.finish()

    problems = []
    for subscriber in subscribers:
        for publisher in publishers:
            with noted(problems):
                subscriber.wait_for(publisher, 5 if problems else 30)
        with noted(problems):
            subscriber.stop()
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize("durability", ["fsync", "os"])
def test_a_clean_stop_keeps_everything(make_sluice, durability):
    server = make_sluice({"access": {"enabled": False}, "store": {"durability": durability}})
    with Subscriber(server.mqtt, "subscriber", ["t/#"], 1) as subscriber:
        assert subscriber.subscribed.wait(30)
        subscriber.stop()
    with Publisher(server.mqtt, "publisher", "t/1", 1) as publisher:
        for _ in range(3):
            progress([publisher], 200)
            server.restart()
        publisher.finish()

    with Subscriber(server.mqtt, "subscriber", ["t/#"], 1) as subscriber:
        subscriber.connections = 1  # the session must be there
        subscriber.wait_for(publisher)
        subscriber.stop()

    check(publisher, subscriber.numbers(publisher), "subscriber")


def test_wills_of_killed_connections_are_published_after_the_restart(make_sluice):
    """30 s after it: design.md §4. The client that comes back keeps its will to itself."""
    server = make_sluice({"access": {"enabled": False}})
    expiry = {"clean": False, "properties": [(mqtt.SESSION_EXPIRY, 3600)]}
    with RawClient(server.mqtt) as watcher, RawClient(server.mqtt) as gone, \
            RawClient(server.mqtt) as back:
        watcher.connect("watcher", **expiry)
        watcher.subscribe("wills/#", qos=1)
        for raw, name in ((gone, "gone"), (back, "back")):
            raw.connect(name, will={"topic": f"wills/{name}", "payload": b"x", "qos": 1}, **expiry)
        server.kill9()
    server.start()
    started = time.monotonic()

    with RawClient(server.mqtt) as watcher, RawClient(server.mqtt) as back:
        watcher.connect("watcher", **expiry)
        back.connect("back", **expiry)
        message = watcher.messages(1, timeout=60)[0]

        assert message.topic == "wills/gone"
        assert time.monotonic() - started > 20
        watcher.expect_silence()


def test_a_second_server_on_the_same_data_is_refused(make_sluice, tmp_path):
    server = make_sluice()
    second = type(server)(tmp_path / "second")
    second.data = server.data
    second.launch(second.command(), dict(os.environ))

    code = second.wait_exit(20)

    assert code == 1
    assert str(server.pid) in second.log_text(), second.log_text()
    wait_until(lambda: server.rest("GET", "/health/ready").status == 200, "the first still serves")
