"""Retention with the real process: the log stays within its bound, what is live survives, a held
task loses nothing, one that is overtaken says so, and a full disk recovers."""
import os
import secrets
import shutil
import subprocess

import pytest

from integration import raw_mqtt as mqtt
from integration.harness import read_topic, wait_until
from integration.ledger import Publisher
from integration.raw_mqtt import RawClient

MIB = 1 << 20
EXPIRY = [(mqtt.SESSION_EXPIRY, 3600)]
pytestmark = pytest.mark.timeout(240)


def settings(**retention):
    return {"access": {"enabled": False}, "mqtt": {"maximum_packet_size": "128KiB"},
            "store": {"segment_bytes": "1MiB", "cache_bytes": "1MiB", "retention": retention}}


def disk_bytes(server):
    total = 0
    for file in (server.data / "log").iterdir():
        try:
            total += file.stat().st_blocks * 512
        except FileNotFoundError:  # retention was faster
            pass
    return total


def log_bytes(server):
    return server.metrics()["sluice_log_bytes"]


class Traffic(Publisher):
    """Fills the log with messages that nobody reads."""

    def __init__(self, server, client_id="filler", topic="filler"):
        super().__init__(server.mqtt, client_id, topic, 1, window=200, padding=4000)

    def fill(self, size):
        self.wait_acknowledged(len(self.acknowledged) + size // 4000)


def test_the_log_stays_within_its_bound_and_what_is_live_survives(tmp_path, sluice_on):
    server = sluice_on(tmp_path / "data", settings(bytes="8MiB"))
    with RawClient(server.mqtt) as raw:
        raw.connect("keeper", clean=False, properties=EXPIRY)
        raw.subscribe("kept/#", qos=1)
        raw.disconnect()
    with RawClient(server.mqtt) as raw:
        raw.connect("writer")
        for number in range(50):
            assert raw.publish(f"retained/{number}", b"%d" % number, qos=1,
                               retain=True).reason < 0x80
    sizes, memory = [], []
    with Traffic(server) as traffic:
        for _ in range(10):
            traffic.fill(12 * MIB)
            sizes.append(disk_bytes(server))
            memory.append(server.rss_bytes())
            # Files go behind the publishers' back: a busy machine may be one file late.
            wait_until(lambda: log_bytes(server) <= 8 * MIB + 4 * MIB, "the log within its bound",
                       timeout=10)
        server.kill9()
        shutil.rmtree(server.data / "view")  # built again from the files that are left
        server.start()
        traffic.fill(4 * MIB)
        traffic.finish()
    assert server.metrics()["sluice_log_deleted_segments_total"] > 0
    assert max(sizes) < 24 * MIB, sizes  # with the file that is made ready
    assert memory[-1] < memory[2] + 24 * MIB, memory
    with RawClient(server.mqtt) as raw:
        assert raw.connect("keeper", clean=False, properties=EXPIRY).session_present
        with RawClient(server.mqtt) as writer:
            writer.connect("late")
            assert writer.publish("kept/1", b"after", qos=1).reason == 0
        assert raw.messages(1)[0].payload == b"after"
        raw.subscribe("retained/#", qos=0)
        found = {message.topic: message.payload for message in raw.messages(50)}
        assert found == {f"retained/{number}": b"%d" % number for number in range(50)}


def held_task(server, kafka, count):
    """A task whose Kafka is away, and so many messages that it has to deliver."""
    name = f"held-{secrets.token_hex(4)}"
    server.add_kafka_connection("kafka", kafka.bootstrap, verify=False)
    server.add_kafka_task(name, "kafka", ["held/#"], name, map={"headers": "none"},
                          sink={"buffer_bytes": MIB})
    publish_held(server, 0, count)
    return name


def publish_held(server, begin, end, padding=0):
    with RawClient(server.mqtt) as raw:
        raw.connect("held")
        for number in range(begin, end):
            payload = b"%d:" % number + b"x" * padding
            assert raw.publish("held/1", payload, qos=1).reason < 0x80


def numbers_in(kafka, name, count):
    records = read_topic(kafka.bootstrap, name, count=count, settle=0.5)
    return [int(record.value.split(b":")[0]) for record in records]


def test_a_held_task_loses_nothing_and_then_lets_go(tmp_path, sluice_on, kafka_dev):
    server = sluice_on(tmp_path / "data", settings(bytes="4MiB", hold={"tasks": "100MiB"}))
    kafka_dev.stop()
    name = held_task(server, kafka_dev, 200)
    with Traffic(server) as traffic:
        traffic.fill(20 * MIB)
        server.kill9()
        server.start()
        traffic.fill(10 * MIB)
        traffic.finish()
    assert log_bytes(server) > 30 * MIB
    held = server.metrics()["sluice_log_held_for_tasks_bytes"]
    assert held > 20 * MIB

    kafka_dev.start()

    server.wait_task(name, delivered=lambda count: count > 0, lag_messages=0)
    assert sorted(set(numbers_in(kafka_dev, name, 200))) == list(range(200))
    assert server.task(name)["lost"] == 0
    with Traffic(server, "second") as traffic:
        traffic.fill(2 * MIB)
        traffic.finish()
    wait_until(lambda: log_bytes(server) <= 8 * MIB, "the task lets go of the log")


def test_a_task_that_is_overtaken_says_how_much_it_lost(tmp_path, sluice_on, kafka_dev):
    server = sluice_on(tmp_path / "data", settings(bytes="4MiB", hold={"tasks": "2MiB"}))
    kafka_dev.stop()
    name = held_task(server, kafka_dev, 0)
    publish_held(server, 0, 1500, padding=2000)  # more than its buffer holds
    with Traffic(server) as traffic:
        traffic.fill(20 * MIB)
        traffic.finish()
    lost = server.wait_task(name, lost=lambda count: count > 0)["lost"]
    assert "retention overtook a task" in server.log_text()

    kafka_dev.start()

    server.wait_task(name, delivered=1500 - lost)
    assert len(set(numbers_in(kafka_dev, name, 1500 - lost))) == 1500 - lost
    found = [value for metric, value in server.metrics().items()
             if metric.startswith("sluice_task_lost_total") and name in metric]
    assert found == [lost]


@pytest.fixture
def disk(tmp_path):
    mount = tmp_path / "disk"
    mount.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=160m", "tmpfs", mount], check=True)
    yield mount
    subprocess.run(["umount", "-l", mount], check=False)


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a file system needs root")
def test_a_full_disk_recovers_because_retention_frees_space(disk, sluice_on, kafka_dev):
    server = sluice_on(disk / "data", settings(bytes="8MiB"))
    kafka_dev.stop()
    name = held_task(server, kafka_dev, 100)
    acknowledged = fill_until_refused(server)
    assert acknowledged * 50_000 > 60 * MIB  # it was held back, beyond the bound
    assert server.rest("GET", "/health/ready").status == 503

    kafka_dev.start()

    server.wait_task(name, timeout=60, delivered=100)
    wait_until(lambda: server.rest("GET", "/health/ready").status == 200, "space again", 60)
    publish_held(server, 100, 110)
    server.wait_task(name, delivered=110)
    assert sorted(numbers_in(kafka_dev, name, 110)) == list(range(110))
    assert log_bytes(server) <= 16 * MIB


def fill_until_refused(server):
    with RawClient(server.mqtt, timeout=30) as raw:
        raw.connect("filler")
        for count in range(10_000):
            if raw.publish("other", b"x" * 50_000, qos=1).reason >= 0x80:
                return count
    raise AssertionError("the disk did not become full")
