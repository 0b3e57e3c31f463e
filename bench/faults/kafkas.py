"""The Kafkas of the matrix: behind a relay, on a small disk, one that keeps deleted topics."""
import os
import pathlib
import subprocess

from network import Relay, can_filter
from servers.kafka_security import SecureKafka, make_certificate
from servers.kafka_server import ApacheKafka, free_ports

# What an operator makes is there, nothing else is; the files of a deleted topic stay for an hour.
STRICT = {"auto.create.topics.enable": "false", "log.segment.delete.delay.ms": "3600000"}


def plain(folder):
    return ApacheKafka(folder, settings=dict(STRICT))


class RelayedKafka(ApacheKafka):
    """Its second listener is reached through a relay alone; the first is the test's own way in."""

    def __init__(self, folder):
        super().__init__(folder)
        (self.inner_port,) = free_ports(1)
        self.relay = Relay(self.inner_port)
        self.relay.start()

    @property
    def for_the_server(self):
        return f"127.0.0.1:{self.relay.port}"

    def _write_settings(self):
        ours = f"PLAINTEXT://127.0.0.1:{self.port}"
        self.settings = dict(STRICT) | {
            "listeners": f"{ours},RELAYED://127.0.0.1:{self.inner_port},"
                         f"CONTROLLER://127.0.0.1:{self.controller_port}",
            "advertised.listeners": f"{ours},RELAYED://{self.for_the_server}",
            "listener.security.protocol.map":
                "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,RELAYED:PLAINTEXT"}
        super()._write_settings()

    def end(self):
        self.kill9()
        self.relay.end()


def whose_packets_can_be_dropped(folder):
    return plain(folder) if can_filter() else RelayedKafka(folder)


class KafkaWithCertificate(SecureKafka):
    """Its certificate can be replaced by one that nobody has heard of."""

    def replace_certificate(self):
        certificate, key = make_certificate(self.directory, "replaced")
        (self.directory / "server.pem").write_text(key.read_text() + certificate.read_text())
        self.ca_pem = certificate.read_text()


class KafkaOnSmallDisk(ApacheKafka):
    """Its log lies on a file system of its own that can be filled. Needs root."""

    SIZE, SPARE = 96 << 20, 3 << 20

    def __init__(self, folder):
        super().__init__(folder, settings=dict(STRICT))
        if os.geteuid() != 0:
            raise RuntimeError("a full disk needs a file system of its own: run this as root")
        self.mount = self.directory / "log"
        self.mount.mkdir(parents=True)
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={self.SIZE}", "none",
                               self.mount], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"no file system can be mounted here: {done.stderr.strip()}")
        self.filler = self.mount / "filler"

    def fill(self):
        """All of the disk but the spare; the messages do the rest."""
        system = os.statvfs(self.mount)
        size = system.f_bavail * system.f_frsize - self.SPARE
        with open(self.filler, "wb") as file:
            os.posix_fallocate(file.fileno(), 0, size)

    def make_room(self):
        self.filler.unlink()

    def says_that_it_is_full(self):
        return "No space left on device" in self.log_file.read_text(errors="replace")

    def end(self):
        self.kill9()
        subprocess.run(["umount", "-l", self.mount], check=False, capture_output=True)


def version(cache_folder: pathlib.Path):
    """Of the Kafka that was fetched, by the name of its jar."""
    found = sorted((cache_folder / "lib").glob("kafka_2.13-*.jar"))
    return found[0].stem.split("-", 1)[1] if found else "unknown"
