"""A real file system is shut down under the server: everything not synced is forgotten."""
import os
import pathlib
import random
import secrets
import shutil
import subprocess
import time

import pytest

from integration.harness import wait_until
from integration.ledger import Publisher, Subscriber, check

ROUNDS = int(os.environ.get("SLUICE_POWER_CUT_ROUNDS", "3"))
SIZE = 600 << 20

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="mounting a file system needs root")


def run(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True,
                          check=False, timeout=60)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"


class FileSystem:
    """An xfs in a file, mounted; `cut` is the power cut, `remount` the machine that comes back."""

    def __init__(self, directory: pathlib.Path):
        missing = [tool for tool in ("mkfs.xfs", "xfs_io", "mount") if not shutil.which(tool)]
        assert not missing, f"missing {missing}: ./dev setup installs xfsprogs"
        self.image, self.mount = directory / "disk.img", directory / "disk"
        self.mount.mkdir()
        with open(self.image, "wb") as image:
            image.truncate(SIZE)
        run("mkfs.xfs", "-q", self.image)
        self.attach()

    def attach(self):
        run("mount", "-o", "loop", self.image, self.mount)

    def cut(self):
        """Without -f: not even the file system's own log is written."""
        run("xfs_io", "-x", "-c", "shutdown", self.mount)

    def detach(self):
        run("umount", self.mount)

    def remount(self):
        self.detach()
        self.attach()


@pytest.fixture
def disk(tmp_path):
    file_system = FileSystem(tmp_path)
    yield file_system
    subprocess.run(["umount", "-l", file_system.mount], check=False, capture_output=True)


def test_the_power_cut_forgets_what_was_not_synced(disk):
    """The tool does what the next test needs of it."""
    kept, lost = disk.mount / "kept", disk.mount / "lost"
    with open(kept, "wb", buffering=0) as file:
        file.write(b"x" * 100_000)
        os.fsync(file.fileno())
        file.write(b"y" * 100_000)
        lost.write_bytes(b"z" * 100_000)
        disk.cut()
        with pytest.raises(OSError):
            file.write(b"w" * 100_000)
            os.fsync(file.fileno())

    disk.remount()

    assert kept.read_bytes().rstrip(b"\0") == b"x" * 100_000
    assert not lost.exists() or lost.read_bytes() != b"z" * 100_000


@pytest.mark.timeout(300 + 30 * ROUNDS)
def test_everything_acknowledged_survives_a_power_cut(disk, sluice_on):
    seed = int(os.environ.get("SLUICE_SEED") or secrets.randbits(32))
    print(f"SLUICE_SEED={seed}")
    chance = random.Random(seed)
    settings = {"access": {"enabled": False}, "store": {"segment_bytes": "4MiB"}}
    server = sluice_on(disk.mount / "data", settings)
    publishers = [Publisher(server.mqtt, f"p{qos}v{version}", f"cut/p{qos}v{version}", qos,
                            version=version, padding=500)
                  for qos, version in [(1, 5), (1, 4), (2, 5)]]
    subscribers = [Subscriber(server.mqtt, f"s{qos}", ["cut/#"], qos) for qos in (1, 2)]
    for subscriber in subscribers:
        subscriber.start()
        assert subscriber.subscribed.wait(30), subscriber.problem
    for publisher in publishers:
        publisher.start()

    for _ in range(ROUNDS):
        # Without a limit: a server nobody writes to cannot know that its disk is gone.
        counts = [len(publisher.acknowledged) + 50 for publisher in publishers]
        for publisher, count in zip(publishers, counts):
            publisher.wait_acknowledged(count)
        time.sleep(chance.uniform(0, 0.5))  # the random moment
        disk.cut()
        wait_until(lambda: stops_acknowledging(server, publishers), "no more acknowledgements")
        server.kill9()
        disk.remount()
        server.start()

    for publisher, count in zip(publishers, [len(p.acknowledged) + 1 for p in publishers]):
        publisher.wait_acknowledged(count)
    for publisher in publishers:
        publisher.finish()
    for subscriber in subscribers:
        for publisher in publishers:
            subscriber.wait_for(publisher)
    for subscriber in subscribers:
        subscriber.stop()
    for subscriber in subscribers:
        for publisher in publishers:
            check(publisher, subscriber.numbers(publisher), subscriber.client_id,
                  exactly_once=min(subscriber.qos, publisher.qos) == 2)
    print({publisher.client_id: len(publisher.acknowledged) for publisher in publishers})
    server.stop()


def stops_acknowledging(server, publishers):
    """Health says so, and no publisher gets one more acknowledgement."""
    if not server.is_running():
        return True  # a server that ends instead is as honest
    answer = server.rest("GET", "/health/ready")
    if answer.status != 503:
        return False
    assert answer.body["reasons"], answer.body
    before = [len(publisher.acknowledged) for publisher in publishers]
    time.sleep(0.2)
    return before == [len(publisher.acknowledged) for publisher in publishers]
