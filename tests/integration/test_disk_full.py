"""No space left: publishers are told, readers are served, and it ends when there is space again."""
import os
import subprocess

import pytest

from integration import raw_mqtt as mqtt
from integration.harness import wait_until
from integration.raw_mqtt import RawClient

SIZE = 160 << 20
EXPIRY = [(mqtt.SESSION_EXPIRY, 3600)]

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="mounting a file system needs root")


class Ballast:
    """A file that takes the space the test wants gone."""

    def __init__(self, directory):
        self.path = directory / "ballast"

    def fill(self, leave=0):
        state = os.statvfs(self.path.parent)
        size = state.f_bavail * state.f_frsize - leave
        with open(self.path, "ab") as file:
            os.posix_fallocate(file.fileno(), file.tell(), size)

    def drop(self):
        self.path.unlink()


@pytest.fixture
def disk(tmp_path):
    mount = tmp_path / "disk"
    mount.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", mount], check=True)
    yield mount
    subprocess.run(["umount", "-l", mount], check=False)


@pytest.fixture
def full(disk, sluice_on):
    """A server with a small disk of its own, and the ballast to fill it."""
    server = sluice_on(disk / "data", {"access": {"enabled": False},
                                       "store": {"segment_bytes": "4MiB"}})
    server.ballast = Ballast(disk)
    return server


def publish_until_refused(server, version):
    """Returns the PUBACK that says no, or nothing when the connection was closed instead."""
    with RawClient(server.mqtt, version, timeout=20) as raw:
        assert raw.connect(f"writer-{version}").reason == 0
        server.ballast.fill()
        for _ in range(SIZE // 10000):
            try:
                answer = raw.publish("other", b"x" * 10000, qos=1)
            except (mqtt.Closed, OSError):
                return None
            if answer.reason >= 0x80:
                return answer
    raise AssertionError("the disk did not become full")


def test_a_full_disk_refuses_writers_and_serves_readers(full):
    server = full
    with RawClient(server.mqtt) as reader, RawClient(server.mqtt) as writer:
        reader.connect("reader", clean=False, properties=EXPIRY)
        reader.subscribe("mine", qos=1)
        reader.disconnect()
        writer.connect("early")
        for number in range(100):
            assert writer.publish("mine", str(number), qos=1).reason < 0x80

    refusal = publish_until_refused(server, 5)

    assert refusal is not None and refusal.reason == 0x97, refusal
    assert publish_until_closed(server)
    answer = server.rest("GET", "/health/ready")
    assert answer.status == 503 and "space" in str(answer.body).lower(), answer
    assert server.rest("GET", "/health/live").status == 200
    with RawClient(server.mqtt) as reader:
        assert reader.connect("reader", clean=False, properties=EXPIRY).session_present
        assert [int(m.payload) for m in reader.messages(100)] == list(range(100))
        reader.disconnect()

    server.ballast.drop()

    wait_until(lambda: server.rest("GET", "/health/ready").status == 200, "ready again")
    with RawClient(server.mqtt) as writer, RawClient(server.mqtt) as reader:
        writer.connect("late")
        wait_until(lambda: writer.publish("mine", b"100", qos=1).reason < 0x80, "accepted again")
        assert writer.publish("mine", b"101", qos=2).reason < 0x80
        reader.connect("reader", clean=False, properties=EXPIRY)
        payloads = [int(message.payload) for message in reader.messages(2)]
        assert payloads == [100, 101], "what was acknowledged before came again, or was lost"
    server.restart()
    with RawClient(server.mqtt) as writer:
        writer.connect("after")
        assert writer.publish("mine", b"102", qos=1).reason < 0x80


def publish_until_closed(server):
    """3.1.1 has no way to say no: no acknowledgement, and the connection is closed."""
    for qos in (1, 2):
        with RawClient(server.mqtt, 4) as raw:
            raw.connect(f"old-{qos}")
            raw.send(mqtt.publish_packet(4, "other", b"x" * 10000, qos=qos, packet_id=1))
            assert raw.expect_closed() == []
    return True


def test_qos_2_is_refused_with_a_reason_on_a_full_disk(full):
    server = full
    assert publish_until_refused(server, 5) is not None
    with RawClient(server.mqtt) as raw:
        raw.connect("two")
        answer = raw.publish("other", b"x" * 10000, qos=2)
        assert (answer.type, answer.reason) == (mqtt.PUBREC, 0x97)
    server.ballast.drop()
    wait_until(lambda: server.rest("GET", "/health/ready").status == 200, "ready again")


def test_nothing_acknowledged_before_is_lost_when_it_dies_with_a_full_disk(full):
    server = full
    with RawClient(server.mqtt) as reader:
        reader.connect("reader", clean=False, properties=EXPIRY)
        reader.subscribe("mine", qos=1)
        reader.disconnect()
    acknowledged = 0
    with RawClient(server.mqtt, timeout=20) as writer:
        writer.connect("writer")
        server.ballast.fill()
        while writer.publish("mine", b"%d:" % acknowledged + b"x" * 5000, qos=1).reason < 0x80:
            acknowledged += 1
    server.kill9()
    server.ballast.drop()
    server.start()

    with RawClient(server.mqtt) as reader:
        assert reader.connect("reader", clean=False, properties=EXPIRY).session_present
        found = reader.messages(acknowledged)
        assert [int(m.payload.split(b":")[0]) for m in found] == list(range(acknowledged))
        # The one whose writing found the disk full was refused; with QoS 1 it may come all the same.
        try:
            reader.expect_silence()
        except AssertionError as error:
            assert f"payload=b'{acknowledged}:" in str(error), error


def fill_up(server):
    """Returns with a server that refuses messages."""
    assert publish_until_refused(server, 5) is not None


def dying(server, name, payload):
    raw = RawClient(server.mqtt)
    assert raw.connect(name, will={"topic": "wills", "payload": payload, "qos": 1}).reason == 0
    return raw


def watch(server):
    reader = RawClient(server.mqtt, timeout=60)
    assert reader.connect("reader", clean=False, properties=EXPIRY).reason == 0
    return reader


def test_a_will_that_the_full_disk_refuses_comes_later(full):
    server = full
    with watch(server) as reader:
        reader.subscribe("wills", qos=1)
        clients = [dying(server, f"c{number}", b"%d" % number) for number in range(20)]
        fill_up(server)
        for client in clients:
            client.abort()
        wait_until(lambda: server.metrics()["sluice_connections"] == 1, "only the reader is there")
        server.ballast.drop()

        assert sorted(int(message.payload) for message in reader.messages(20)) == list(range(20))
        reader.expect_silence()


def test_a_refused_will_survives_the_process(full):
    """Its client came back with another will, which took the place of its record."""
    server = full
    with watch(server) as reader:
        reader.subscribe("wills", qos=1)
        reader.disconnect()
    first = dying(server, "c", b"first")
    fill_up(server)
    first.abort()
    wait_until(lambda: server.metrics()["sluice_connections"] == 0, "it is gone")
    second = dying(server, "c", b"second")
    server.kill9()
    server.ballast.drop()
    server.start()
    second.abort()
    with watch(server) as reader:
        assert [message.payload for message in reader.messages(1)] == [b"first"]
