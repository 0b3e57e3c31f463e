"""Several workers that share a task, into real Apache Kafka: docs/adr/0054.

Killed at random moments: nothing lost, the order of each publisher kept, repeats within the task's
bound and counted, or none where it writes exactly once (docs/adr/0061). SLUICE_KILL_ROUNDS=100 for the evidence; SLUICE_SEED repeats a run.
"""
import os
import random
import secrets
import time

import pytest

from integration.harness import read_topic
from integration.kafka_flow import Flow
from integration.ledger import Publisher, all_there, check, numbers_of

ROUNDS = int(os.environ.get("SLUICE_KILL_ROUNDS", "5"))
IN_FLIGHT = 400
pytestmark = pytest.mark.timeout(300 + 20 * ROUNDS)


class SharedFlow(Flow):
    """Eight publishers, so that several workers have something to do."""

    def make_publishers(self, **account):
        return [Publisher(self.server.mqtt, f"p{i}", f"flow/p{i}", 1 + i % 2, rate=self.rate,
                          padding=200, **account) for i in range(8)]

    def __init__(self, server, kafka, workers, rate=200, **delivery):
        self.rate = rate
        super().__init__(server, kafka,
                         delivery={"workers": workers, "in_flight": IN_FLIGHT, **delivery})

    def read_all(self):
        """Every stored message is in Kafka, in order; returns how many records are there twice."""
        for publisher in self.publishers:
            publisher.finish()
        self.server.wait_task("flow", timeout=120, status="running", lag_messages=0)
        records = read_topic(self.kafka.bootstrap, self.topic,
                             until=all_there(self.publishers), settle=1, timeout=120)
        values = [record.value for record in records]
        for publisher in self.publishers:
            check(publisher, numbers_of(publisher.client_id, values), "kafka")
        ids = [record.header("mqtt.message_id") for record in records]
        self.stored = len(set(ids))
        return len(ids) - self.stored


@pytest.mark.parametrize("guarantee", ["at_least_once", "exactly_once"])
def test_another_number_of_workers_repeats_nothing(make_sluice, kafka, guarantee):
    server = make_sluice()
    with SharedFlow(server, kafka, workers=4, guarantee=guarantee) as flow:
        for workers in (1, 3, 2, 4):
            server.cli("task", "pause", "flow")
            flow.publish_through(0.3)
            server.rest("PATCH", "/tasks/flow",
                        {"delivery": {"workers": workers}}).expect(200, 202)
            server.cli("task", "start", "flow")
            task = flow.wait_status("running")
            assert task["clients"] == [f"kafka-flow-{n}" for n in range(workers)], task
            flow.publish_through(0.5)
            server.rest("PATCH", "/tasks/flow",  # while it runs
                        {"delivery": {"workers": workers + 1}}).expect(200, 202)
            flow.publish_through(0.5)
        server.restart()
        assert flow.read_all() == 0
    task = server.task("flow")
    assert task["possible_duplicates"] == 0, task
    assert sum(worker["delivered"] for worker in task["workers"]) == task["delivered"]
    # What was sent again after the restart, its PUBACK being lost with it, is another message.
    assert task["delivered"] == flow.stored >= sum(publisher.sent for publisher in flow.publishers)
    assert all(worker["delivered"] for worker in task["workers"]), task


def test_kill_9_with_four_workers(make_sluice, kafka):
    """Repeats are bounded by `in_flight` for each kill, and no more than what is announced."""
    seed = int(os.environ.get("SLUICE_SEED") or secrets.randbits(32))
    print(f"SLUICE_SEED={seed}")
    chance = random.Random(seed)
    server = make_sluice()
    with SharedFlow(server, kafka, workers=4, rate=500) as flow:
        for _ in range(ROUNDS):
            for publisher in flow.publishers:
                publisher.wait_acknowledged(len(publisher.acknowledged) + 1)
            time.sleep(chance.uniform(0, 0.7))
            before = server.task("flow")["possible_duplicates"]
            server.kill9()
            server.start()
            task = server.wait_task("flow", timeout=60, status="running")
            announced = task["possible_duplicates"] - before
            assert announced <= IN_FLIGHT, task
        twice = flow.read_all()
    task = server.task("flow")
    sent = sum(publisher.sent for publisher in flow.publishers)
    print(f"{sent} messages, {ROUNDS} kills, {twice} records twice, "
          f"{task['possible_duplicates']} announced")
    assert twice <= task["possible_duplicates"] <= IN_FLIGHT * ROUNDS, task


def test_kill_9_with_four_workers_that_write_exactly_once(make_sluice, kafka):
    """Their number changes between the kills, and where it may not yet, that is said."""
    seed = int(os.environ.get("SLUICE_SEED") or secrets.randbits(32))
    print(f"SLUICE_SEED={seed}")
    chance = random.Random(seed)
    server = make_sluice()
    with SharedFlow(server, kafka, workers=4, rate=500, guarantee="exactly_once") as flow:
        for number in range(ROUNDS):
            for publisher in flow.publishers:
                publisher.wait_acknowledged(len(publisher.acknowledged) + 1)
            time.sleep(chance.uniform(0, 0.7))
            server.kill9()
            server.start()
            server.wait_task("flow", timeout=60, status="running")
            if number % 2 == 0:
                server.rest("PATCH", "/tasks/flow",
                            {"delivery": {"workers": chance.randint(1, 5)}}).expect(200, 202)
        assert flow.read_all() == 0
    task = server.task("flow")
    print(f"{sum(publisher.sent for publisher in flow.publishers)} messages, {ROUNDS} kills, none twice")
    assert task["possible_duplicates"] == 0, task


def test_exactly_once_keeps_its_workers_while_an_end_is_unknown(make_sluice, kafka):
    server = make_sluice()
    with SharedFlow(server, kafka, workers=3, guarantee="exactly_once",
                    drain_timeout="200ms") as flow:
        flow.publish_through(0.5)
        kafka.stop()
        server.kill9()
        server.start()
        refused = server.rest("PATCH", "/tasks/flow", {"delivery": {"workers": 2}}).expect(409)
        assert "start the task" in refused["detail"], refused
        assert server.task("flow")["delivery"]["workers"] == 3
        kafka.start()
        server.wait_task("flow", timeout=120, status="running")
        server.rest("PATCH", "/tasks/flow", {"delivery": {"workers": 2}}).expect(200, 202)
        assert flow.read_all() == 0
