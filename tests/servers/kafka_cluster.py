"""Three real Apache Kafka brokers, each broker and controller, as three processes on loopback.

    with KafkaCluster(directory) as cluster:
        cluster.create_topic("t", partitions=2)      # replication 3, two in-sync replicas at least
        cluster.node(cluster.leader_of("t", 0)).kill9()

Any two of them serve.
"""
from __future__ import annotations

import concurrent.futures
import pathlib
import time

from servers.kafka_server import ApacheKafka, free_ports

SIZE = 3


class ClusterNode(ApacheKafka):
    """One of them. Its controller's port is known to the others, so it stays."""

    replication = SIZE

    def __init__(self, directory, number: int, port: int, controllers: list[int], cache=None):
        super().__init__(directory, cache, port=port)
        self.number, self.controllers = number, controllers

    def _write_settings(self) -> None:
        self.controller_port = self.controllers[self.number - 1]
        voters = ",".join(f"{number}@127.0.0.1:{port}"
                          for number, port in enumerate(self.controllers, 1))
        self.settings = {
            "node.id": str(self.number), "controller.quorum.voters": voters,
            "default.replication.factor": str(SIZE), "min.insync.replicas": "2",
            "offsets.topic.replication.factor": str(SIZE),
            "transaction.state.log.replication.factor": str(SIZE),
            "transaction.state.log.min.isr": "2"}
        super()._write_settings()


class KafkaCluster:
    """What a test uses of an ApacheKafka, of three."""

    def __init__(self, directory: pathlib.Path | str, cache=None):
        ports = free_ports(2 * SIZE)
        self.nodes = [ClusterNode(pathlib.Path(directory) / str(number), number, ports[number - 1],
                                  ports[SIZE:], cache) for number in range(1, SIZE + 1)]

    @property
    def bootstrap(self) -> str:
        return ",".join(node.bootstrap for node in self.nodes)

    def node(self, number: int) -> ClusterNode:
        return self.nodes[number - 1]

    def start(self) -> "KafkaCluster":
        """All at once: one alone has no quorum and waits for the others."""
        with concurrent.futures.ThreadPoolExecutor(SIZE) as pool:
            for started in [pool.submit(node.start) for node in self.nodes if not node.process]:
                started.result()
        return self

    def stop(self) -> None:
        """Killed: the last of three that stop finds no quorum to take leave of."""
        self.kill9()

    def kill9(self) -> None:
        for node in self.nodes:
            node.kill9()

    def __enter__(self) -> "KafkaCluster":
        return self.start()

    def __exit__(self, *_) -> None:
        self.kill9()

    def create_topic(self, name: str, partitions: int = 1, config: dict[str, str] | None = None,
                     timeout: float = 60) -> None:
        self.await_brokers(timeout)
        self._anyone().create_topic(name, partitions, config, timeout)

    def await_brokers(self, timeout: float = 60) -> None:
        """Until the controller knows all three."""
        self._await(lambda: len(self._metadata().brokers) == SIZE, "three brokers", timeout)

    def leader_of(self, topic: str, partition: int, timeout: float = 60) -> int:
        """The broker that leads it; waits while there is none, or one that does not run."""
        def leader():
            found = self._metadata(topic).topics[topic].partitions.get(partition)
            number = found.leader if found else -1
            return number if number > 0 and self.node(number).process else None
        return self._await(leader, f"a leader of {topic} {partition}", timeout)

    def await_in_sync(self, topic: str, timeout: float = 120) -> None:
        """Until every partition has all its replicas."""
        self._await(lambda: all(len(each.isrs) == SIZE for each in
                                self._metadata(topic).topics[topic].partitions.values()),
                    f"all replicas of {topic}", timeout)

    def _anyone(self) -> ClusterNode:
        return next(node for node in self.nodes if node.process)

    def _metadata(self, topic: str | None = None):
        from confluent_kafka.admin import AdminClient

        running = ",".join(node.bootstrap for node in self.nodes if node.process)
        return AdminClient({"bootstrap.servers": running, "log_level": 0}).list_topics(
            topic, timeout=10)

    @staticmethod
    def _await(claim, what: str, timeout: float):
        from confluent_kafka import KafkaException

        deadline, answer = time.monotonic() + timeout, None
        while time.monotonic() < deadline:
            try:
                answer = claim()
            except KafkaException:
                answer = None
            if answer:
                return answer
            time.sleep(0.05)
        raise RuntimeError(f"the cluster: not within {timeout} s: {what}")
