"""Publishers, a task and a topic in Kafka, and what must hold of them afterwards."""
import datetime
import secrets
import time

from integration.harness import read_topic
from integration.ledger import Publisher, check, numbers_of

RATE = 150  # messages per second of one publisher
ACKNOWLEDGED_WITHIN = 6.0  # seconds: less than Kafka is away, generous for a busy machine


class Flow:
    """Two publishers, a task, a topic in Kafka; and what must hold of them afterwards."""

    def __init__(self, server, kafka, topic_config=None, create=True, **sections):
        self.server, self.kafka = server, kafka
        self.topic = f"outage-{secrets.token_hex(4)}"
        if create:
            kafka.create_topic(self.topic, partitions=2, config=topic_config)
        account = server.allow_all("device")
        self.connect()
        server.add_kafka_task("flow", "kafka", ["flow/#"], self.topic, **sections)
        self.publishers = self.make_publishers(username=account.name, password=account.password)

    def connect(self):
        self.server.add_kafka_connection("kafka", self.kafka.bootstrap)

    def make_publishers(self, **account):
        return [Publisher(self.server.mqtt, f"p{qos}", f"flow/p{qos}", qos, rate=RATE, padding=200,
                          **account) for qos in (1, 2)]

    def __enter__(self):
        for publisher in self.publishers:
            publisher.start()
        for publisher in self.publishers:
            publisher.wait_acknowledged(100)
        return self

    def __exit__(self, *_):
        for publisher in self.publishers:
            publisher.stopping.set()
        for publisher in self.publishers:
            publisher.join(30)

    def wait_status(self, status, timeout=60):
        return self.server.wait_task("flow", timeout=timeout, status=status)

    def waits_truthfully(self, begun):
        """The task says `waiting`, why, and since when: not before the outage began."""
        task = self.wait_status("waiting")
        assert task["status_reason"], task
        since = datetime.datetime.fromisoformat(task["since"].replace("Z", "+00:00"))
        assert begun - 1 <= since.timestamp() <= time.time() + 1, task
        return task

    def publish_through(self, seconds):
        """The publishers go on for so long, and notice nothing."""
        before = [len(publisher.acknowledged) for publisher in self.publishers]
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            time.sleep(0.2)
            self.server.task("flow")  # REST answers too
        for publisher, count in zip(self.publishers, before):
            assert publisher.connections == 1, "a publisher was disconnected"
            least = count + int(RATE * seconds / 3)
            if seconds < 2:  # too short for a rate: a busy machine stands still as long
                publisher.wait_acknowledged(least)
            done = len(publisher.acknowledged)
            assert done >= least, f"{publisher.client_id}: {done - count} in {seconds} s"

    def verify(self, records_twice=0):
        """Stops the publishers, waits for the task, and holds Kafka against the ledger."""
        for publisher in self.publishers:
            publisher.finish()
            slowest = max(publisher.latencies)
            assert slowest < ACKNOWLEDGED_WITHIN, f"{publisher.client_id} waited {slowest:.2f} s"
            assert publisher.connections == 1 and not publisher.refused
        self.server.wait_task("flow", timeout=90, status="running", lag_messages=0)
        total = sum(publisher.sent for publisher in self.publishers)
        try:
            records = read_topic(self.kafka.bootstrap, self.topic, count=total, settle=1)
        except AssertionError as error:
            task = self.server.task("flow")
            raise AssertionError(f"{error}; the task: {task}") from error
        ids = [record.header("mqtt.message_id") for record in records]
        twice = len(ids) - len(set(ids))
        assert twice <= records_twice, f"{twice} records are there twice"
        values = [record.value for record in records]
        for publisher in self.publishers:
            check(publisher, numbers_of(publisher.client_id, values), "kafka")
        assert self.server.task("flow")["delivered"] >= total
        return records
