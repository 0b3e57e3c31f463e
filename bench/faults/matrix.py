"""The faults: F1 to F10 of the matrix that other bridges were tried with, and two of Kafka's own.

A fault is a function of a Trial. It returns what its row has to show beside the counts, and fails
when what it was to do did not happen: such a run counts as broken, never as passed.
"""
import base64
import random
import time
from dataclasses import dataclass, field
from typing import Any, Callable

import kafkas
from integration.harness import wait_until
from network import Filter, can_filter
from servers.kafka_cluster import KafkaCluster
from kafka_trial import PATIENCE

OVERSIZE = 2 << 20
BETWEEN_CUTS = 0.2


@dataclass(frozen=True)
class Fault:
    """One row. Messages flow before it begins, and go on flowing when it is over."""

    key: str
    title: str
    does: Callable[[Any, float], Any]  # (trial, seconds or rounds) -> details
    amount: float  # seconds or rounds of a whole run
    unit: str = "s"
    kafka: Callable[[Any], Any] = kafkas.plain
    rate: float | None = None
    settings: dict = field(default_factory=dict)

    def scaled(self, scale):
        least = 5 if self.unit == "s" else 2
        amount = max(min(least, self.amount), self.amount * scale)
        return amount if self.unit == "s" else round(amount)


def stopped(trial, seconds):
    begun = time.time()
    trial.kafka.stop()
    trial.outage(seconds)
    task = trial.waits_truthfully(begun)
    trial.kafka.start()
    trial.catch_up()
    return {"waited_because": task["status_reason"], "lag_messages": task["lag_messages"]}


def frozen(trial, seconds):
    trial.kafka.freeze()
    try:
        # What is under way in the system's buffers arrives later, not now.
        trial.outage(seconds)
        task = trial.server.task("flow")
    finally:
        trial.kafka.thaw()
    trial.catch_up()
    return {"status": task["status"], "waited_because": task["status_reason"],
            "lag_messages": task["lag_messages"]}


def packets_dropped(trial, seconds):
    network = Filter(trial.kafka.port) if can_filter() else trial.kafka.relay
    with network:
        time.sleep(1)  # for what was answered already
        trial.outage(seconds)
        task, dropped = trial.server.task("flow"), network.dropped()
    assert dropped, "nothing was dropped"
    trial.catch_up()
    return {"by": network.way, "dropped": dropped,
            "status": task["status"], "waited_because": task["status_reason"],
            "lag_messages": task["lag_messages"]}


def killed(trial, rounds):
    """One time in five again while it starts, one in four while Kafka does not answer."""
    chance, starts, frozen_rounds = random.Random(trial.seed), [], 0
    for _ in range(rounds):
        for publisher in trial.publishers:
            publisher.wait_acknowledged(len(publisher.acknowledged) + 1)
        time.sleep(chance.uniform(0.2, 1.5))
        is_frozen = chance.random() < 0.25
        if is_frozen:
            trial.kafka.freeze()
            frozen_rounds += 1
            time.sleep(chance.uniform(0, 1))
        trial.kill_server()
        if chance.random() < 0.2:
            trial.launch_server()
            time.sleep(chance.uniform(0, 0.3))
            trial.kill_server()
        trial.kafka.thaw()
        begun = time.monotonic()
        trial.server.start()
        starts.append(time.monotonic() - begun)
    assert trial.kills >= rounds
    return {"kills": trial.kills, "while_kafka_did_not_answer": frozen_rounds,
            "slowest_start_s": round(max(starts), 1)}


def oversized(trial, _):
    """One message of 2 MiB in the stream of one publisher; the topic takes 1 MiB."""
    large = trial.publishers[0]
    number = large.sent + 200
    usual = large.payload
    payload = b"%s:%d:%s" % (large.client_id.encode(), number, b"x" * OVERSIZE)
    large.payload = lambda each: payload if each == number else usual(each)
    trial.server.wait_task("flow", timeout=PATIENCE, rejected=1)
    for publisher in trial.publishers:
        publisher.wait_acknowledged(len(publisher.acknowledged) + 500, PATIENCE)
    letters = trial.server.get("/tasks/flow/dead-letters")["items"]
    assert len(letters) == 1, f"{len(letters)} dead letters"
    letter = trial.server.get(f"/tasks/flow/dead-letters/{letters[0]['message_id']}")
    assert letter["payload_bytes"] == len(payload) and \
        base64.b64decode(letter["payload"]) == payload, "the dead letter is not the message"
    trial.rejected = {large.client_id: {number}}
    return {"payload_bytes": len(payload), "dead_letter_reason": letter["reason"]}


def topic_deleted(trial, seconds):
    """In the middle of the stream; made again by an operator after a while. What the deleted topic
    held is read from Kafka's own files."""
    begun = time.time()
    trial.kafka.delete_topic(trial.topic)
    folders = wait_until(trial.deleted_folders, "the files of the deleted topic", 60)
    trial.outage(seconds)
    trial.waits_truthfully(begun)
    task = trial.server.wait_task("flow", timeout=60, status="waiting",
                                  status_reason=lambda text: trial.topic in (text or ""))
    trial.before.read_files(folders)
    held = len(trial.before)
    assert held, "nothing was found in the files of the deleted topic"
    trial.kafka.create_topic(trial.topic, partitions=2)
    trial.catch_up()
    return {"waited_because": task["status_reason"], "in_the_deleted_topic": held}


def certificate_replaced(trial, seconds):
    begun = time.time()
    trial.kafka.stop()
    trial.kafka.replace_certificate()
    trial.kafka.start()
    trial.outage(seconds)
    trial.waits_truthfully(begun)
    task = trial.server.wait_task("flow", timeout=60, status="waiting",
                                  status_reason=lambda text: "certificate" in (text or ""))
    edited, trial.replaced = time.monotonic(), 1
    # It first waits `drain_timeout` for what is in flight.
    trial.server.rest("PATCH", "/connections/kafka", {"settings": {
        "ca_pem": trial.kafka.ca_pem}}, timeout=PATIENCE).expect(200)
    taken = time.monotonic() - edited
    trial.catch_up()
    return {"waited_because": task["status_reason"], "edit_took_s": round(taken, 1)}


def connection_cut(trial, rounds):
    relay = trial.kafka.relay
    before = relay.accepted
    for _ in range(rounds):
        trial.wait_for_records(every=BETWEEN_CUTS)
        accepted = relay.accepted
        relay.cut()
        # Delivered counts late: the next records may be from before the cut.
        wait_until(lambda: relay.accepted > accepted, "connected again", PATIENCE)
    trial.wait_for_records(every=BETWEEN_CUTS)
    trial.catch_up()
    again = relay.accepted - before
    assert again >= rounds, f"{again} connections after {rounds} cuts"
    return {"cuts": rounds, "connections_made": again}


def connection_edited(trial, rounds):
    """Each edit restarts the task with another client id, while the messages flow."""
    relay = trial.kafka.relay
    before = relay.accepted
    for number in range(rounds):
        trial.wait_for_records()
        trial.server.rest("PATCH", "/connections/kafka", {
            "settings": {"properties": {"client.id": f"edit-{number}"}}}).expect(200)
    trial.catch_up()
    again = relay.accepted - before
    assert again >= rounds, f"{again} connections after {rounds} edits"
    return {"edits": rounds, "connections_made": again}


def leader_changed(trial, rounds):
    """The leader of one partition, then of the other, is killed; it comes back before the next."""
    cluster, changes = trial.kafka, []
    for number in range(rounds):
        partition = number % 2
        cluster.await_in_sync(trial.topic)
        leader = cluster.leader_of(trial.topic, partition)
        cluster.node(leader).kill9()
        follower = cluster.leader_of(trial.topic, partition)
        assert follower != leader
        trial.publish_for(2)
        trial.wait_for_records()
        trial.catch_up()
        changes.append({"partition": partition, "from": leader, "to": follower})
        cluster.start()
    cluster.await_in_sync(trial.topic)
    return {"changes": changes}


def disk_full(trial, seconds):
    """Kafka's disk fills up under the messages. It gives up; there is room again, and it is started
    again."""
    kafka = trial.kafka
    begun = time.time()
    kafka.fill()
    wait_until(kafka.says_that_it_is_full, "Kafka's disk is full", PATIENCE)
    wait_until(lambda: kafka.process.poll() is not None, "Kafka has given up", PATIENCE)
    trial.outage(seconds)
    task = trial.waits_truthfully(begun)
    kafka.make_room()
    kafka.kill9()
    kafka.start()
    trial.catch_up()
    return {"waited_because": task["status_reason"], "disk_mib": kafka.SIZE >> 20}


MATRIX = [
    Fault("F1", "Kafka stopped", stopped, 60),
    Fault("F2", "Kafka frozen (SIGSTOP)", frozen, 180),
    Fault("F3", "packets to and from Kafka dropped", packets_dropped, 300,
          kafka=kafkas.whose_packets_can_be_dropped),
    Fault("F5", "server killed (kill -9), its bridge with it (F4)", killed, 20, "kills", rate=5000),
    Fault("F6", "one message of 2 MiB among normal ones", oversized, 1, "message",
          settings={"mqtt": {"maximum_packet_size": "4MiB"}}),
    Fault("F7", "target topic deleted", topic_deleted, 30),
    Fault("F8", "outage at 10,000 messages a second", stopped, 600, rate=10_000),
    Fault("F9", "Kafka's certificate replaced", certificate_replaced, 30,
          kafka=kafkas.KafkaWithCertificate),
    Fault("F10", "every connection to Kafka cut", connection_cut, 100, "cuts",
          kafka=kafkas.RelayedKafka),
    Fault("F10e", "connection edited, task restarted", connection_edited, 100, "edits",
          kafka=kafkas.RelayedKafka),
    Fault("leader", "leader of three brokers killed", leader_changed, 6, "kills",
          kafka=KafkaCluster),
    Fault("disk", "Kafka's disk full", disk_full, 30, kafka=kafkas.KafkaOnSmallDisk),
]
