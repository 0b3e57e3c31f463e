"""A Kafka that answers everything but one kind of request, for a while."""
import socket
import struct
import threading

import pytest

from integration.kafka_flow import Flow
from servers.kafka_server import ApacheKafka, free_ports, receive_exactly

LIST_OFFSETS, CREATE_TOPICS = 2, 19
pytestmark = pytest.mark.timeout(300)


class Swallower:
    """A way to Kafka on which requests of the kinds in `swallowed` are lost. close() ends it."""

    def __init__(self, port: int, target: int):
        self.target = target
        self.swallowed: set[int] = set()
        self.lost = 0
        self._listener = socket.create_server(("127.0.0.1", port))
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                client.close()
                continue
            for relay, sides in ((self._requests, (client, server)),
                                 (self._answers, (server, client))):
                threading.Thread(target=self._until_closed, args=(relay, *sides),
                                 daemon=True).start()

    @staticmethod
    def _until_closed(relay, source, sink) -> None:
        try:
            relay(source, sink)
        except OSError:
            pass
        for side in (source, sink):
            try:
                side.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def _requests(self, client, server) -> None:
        while True:
            size = receive_exactly(client, 4)
            request = receive_exactly(client, *struct.unpack(">i", size))
            (kind,) = struct.unpack_from(">h", request)
            if kind in self.swallowed:
                self.lost += 1
                continue
            server.sendall(size + request)

    @staticmethod
    def _answers(server, client) -> None:
        while data := server.recv(65536):
            client.sendall(data)


class KafkaBehind(ApacheKafka):
    """One whose clients come by a Swallower on `way`."""

    def __init__(self, directory, way: int):
        super().__init__(directory, settings={
            "auto.create.topics.enable": "false",
            "advertised.listeners": f"PLAINTEXT://127.0.0.1:{way}"})
        self.way = way

    @property
    def bootstrap(self) -> str:
        return f"127.0.0.1:{self.way}"


@pytest.fixture
def way(tmp_path):
    (port,) = free_ports(1)
    kafka = KafkaBehind(tmp_path / "kafka", port)
    swallower = None
    try:
        kafka.start()
        swallower = Swallower(port, kafka.port)
        yield kafka, swallower
    finally:
        if swallower:
            swallower.close()
        kafka.kill9()


def test_a_topic_is_created_at_the_second_try(make_sluice, way):
    """That the first had no answer says nothing about what the cluster can do."""
    kafka, swallower = way
    flow = Flow(make_sluice(), kafka, create=False,
                sink={"create": {"partitions": 2, "replication": 1}})
    swallower.swallowed = {CREATE_TOPICS}
    with flow:
        task = flow.wait_status("waiting")
        assert flow.topic in task["status_reason"] and swallower.lost >= 1, task
        swallower.swallowed = set()
        flow.verify()


def test_an_exact_task_whose_place_cannot_be_asked_for_waits_and_stops(make_sluice, way):
    """A leader that died, as it looks to the client library of Debian 12: it waits for minutes."""
    kafka, swallower = way
    server = make_sluice()
    with Flow(server, kafka, delivery={"guarantee": "exactly_once"}) as flow:
        flow.wait_status("running")
        server.act("/tasks/flow:pause")
        flow.wait_status("paused")
        swallower.swallowed = {LIST_OFFSETS}
        server.act("/tasks/flow:start")
        task = flow.wait_status("waiting", timeout=30)
        assert "__sluice_cursors" in task["status_reason"] and swallower.lost >= 1, task
        server.act("/tasks/flow:pause")
        flow.wait_status("paused", timeout=30)
        swallower.swallowed = set()
        server.act("/tasks/flow:start")
        flow.verify()
