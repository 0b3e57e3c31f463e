"""What a peer can make grow has a limit, and reaching it harms nobody else."""
import socket

import pytest

from integration import raw_mqtt as mqtt
from integration.harness import Sluice, wait_until
from integration.raw_mqtt import RawClient

OPEN = {"access": {"enabled": False}}


class FewDescriptors(Sluice):
    limit = 400

    def command(self):
        return ["prlimit", f"--nofile={self.limit}:{self.limit}", *super().command()]


@pytest.fixture
def few_descriptors(tmp_path):
    server = FewDescriptors(tmp_path, {**OPEN, "store": {"segment_bytes": "4MiB"}})
    yield server.start()
    server.kill9()


def test_idle_connections_leave_the_log_its_descriptors(few_descriptors):
    """New segments are opened while clients hold all the descriptors that they can get."""
    server = few_descriptors
    idle = []
    with RawClient(server.mqtt) as publisher:
        publisher.connect("publisher")
        try:
            for _ in range(server.limit + 100):
                idle.append(socket.create_connection(server.mqtt, timeout=10))
            for number in range(80):  # several segments
                assert publisher.publish("a/b", b"x" * 250_000, qos=1).reason in (0, 0x10), number
        finally:
            for connection in idle:
                connection.close()
    assert server.rest("GET", "/health/ready").status == 200
    wait_until(lambda: connects(server), "clients are accepted again")
    server.stop()


def connects(server):
    try:
        with RawClient(server.mqtt, timeout=2) as client:
            return client.connect("later").reason == 0
    except (mqtt.Closed, mqtt.Late, OSError):
        return False


def test_a_client_that_never_reads_is_read_no_further(make_sluice):
    """Answers that nobody takes are bounded; whoever takes them in the end gets every one."""
    server = make_sluice(OPEN)
    with RawClient(server.mqtt, version=4, timeout=60) as greedy, RawClient(server.mqtt) as other:
        greedy.connect("greedy", keep_alive=0)
        other.connect("other")
        before = server.rss_bytes()
        piece = mqtt.packet(12, 0, b"") * 50_000  # PINGREQ
        sent = send_until_stuck(greedy.socket, piece, most=400 << 20)
        grown = server.rss_bytes() - before
        assert other.publish("a/b", b"x", qos=1).reason in (0, 0x10)
        assert sent < 400 << 20, "the server read on and on"
        assert grown < 32 << 20, f"RSS grew by {grown >> 20} MiB"
        assert server.metrics()["sluice_answers_not_taken_total"] >= 1

        greedy.socket.settimeout(60)
        answered = 0  # bytes: a PINGRESP is as long as a PINGREQ
        while answered < sent:
            part = greedy.socket.recv(1 << 20)
            assert part, "closed"
            answered += len(part)
    server.stop()


def send_until_stuck(connection, piece, most):
    connection.settimeout(3)
    sent = 0
    while sent < most:
        try:
            connection.sendall(piece)
        except TimeoutError:
            break
        sent += len(piece)
    return sent


def test_retained_messages_of_qos_0_all_come_however_much_one_send_takes(make_sluice):
    """Nothing that the client acknowledges tells the server that there is room again."""
    server = make_sluice(OPEN)
    count, payload = 60, bytes(100_000)
    with RawClient(server.mqtt) as publisher:
        publisher.connect("publisher")
        for number in range(count):
            publisher.publish(f"much/{number}", payload, qos=1, retain=True)
    with RawClient(server.mqtt) as reader:
        reader.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        reader.connect("reader")
        for _ in range(5):
            reader.subscribe("much/+", qos=0)
            found = reader.messages(count)
            assert [len(each.payload) for each in found] == [100_000] * count
