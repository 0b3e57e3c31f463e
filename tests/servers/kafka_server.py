#!/usr/bin/env python3
"""A real Apache Kafka (KRaft, one process) for the tests and for `./dev run --kafka apache`.

    python3 tests/servers/kafka_server.py run --data DIR [--port 9092]

The jars come from `./dev setup kafka` and lie in the cache; a server's files lie in its directory
and can be started again any number of times, on the same ports. Only `create_topic` and
`topic_end_offsets` need the confluent-kafka package.
"""
from __future__ import annotations

import argparse
import os
import pathlib
import random
import signal
import socket
import string
import struct
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
CLUSTER_ID = "xc4P0QGZR8mAHh8oDejToQ"  # any 22 base64 characters; fixed, so that runs are alike
ARCHIVE = "classes.jsa"  # parsed classes, in the cache beside the jars
EPHEMERAL_PORTS = pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range")
START_ATTEMPTS = 3
READY_SECONDS = 90
STARTED = b"Kafka Server started"

# Metadata request v1, no topics, client id "x": answered with the brokers once the server serves.
METADATA_REQUEST = bytes.fromhex("0000000f 0003 0001 00000007 0001 78 00000000")


def default_cache() -> pathlib.Path:
    return pathlib.Path(os.environ.get("SLUICE_CACHE", REPOSITORY / ".cache"))


def free_ports(count: int) -> list[int]:
    """Ports nobody listens on at this moment; held together, so that they differ.

    They lie below those that the system gives to connections and to whoever asks for any port, so
    that they are still free after a server was down for a while. Of tests that run side by side
    (pytest-xdist: gw0, gw1) one gets the even ones, the other the odd ones.
    """
    first_given = int(EPHEMERAL_PORTS.read_text(encoding="ascii").split()[0])
    begin = max(first_given - 16384, 1024)
    parity = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]) % 2
    candidates = [port for port in range(begin, first_given) if port % 2 == parity]
    random.shuffle(candidates)
    sockets = []
    try:
        for port in candidates:
            if len(sockets) == count:
                break
            candidate = socket.socket()
            sockets.append(candidate)
            try:
                candidate.bind(("127.0.0.1", port))
            except OSError:
                sockets.pop().close()
        if len(sockets) < count:
            raise RuntimeError(f"no {count} free ports from {begin} to {first_given}")
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def receive_exactly(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        part = connection.recv(size - len(data))
        if not part:
            raise ConnectionError("closed")
        data += part
    return data


def answers_metadata(port: int, timeout: float = 1.0) -> bool:
    """Whether a Kafka on this port knows at least one broker: itself."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=timeout) as connection:
            connection.settimeout(timeout)
            connection.sendall(METADATA_REQUEST)
            (size,) = struct.unpack(">i", receive_exactly(connection, 4))
            _, brokers = struct.unpack(">ii", receive_exactly(connection, min(size, 8)))
            return brokers >= 1
    except (OSError, struct.error):
        return False


class ApacheKafka:
    """One server process. The ports are chosen at the first start and kept from then on."""

    replication = 1  # of the topics that are made here

    def __init__(self, directory: pathlib.Path | str, cache: pathlib.Path | str | None = None,
                 port: int = 0, settings: dict[str, str] | None = None, heap: str = "160m",
                 write_archive: pathlib.Path | None = None):
        self.directory = pathlib.Path(directory).absolute()
        self.cache = pathlib.Path(cache or default_cache()).absolute() / "kafka"
        self.wanted_port = port
        self.settings = settings or {}
        self.heap = heap
        self.write_archive = write_archive
        self.port = 0
        self.controller_port = 0
        self.process: subprocess.Popen | None = None
        self.frozen = False

    # --- what a test uses ---

    @property
    def bootstrap(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self.process is not None, "Kafka is not running"
        return self.process.pid

    @property
    def log_file(self) -> pathlib.Path:
        return self.directory / "server.log"

    def start(self) -> "ApacheKafka":
        """Returns when the server answers; formats the directory the first time."""
        assert self.process is None, "Kafka is running already"
        if not (self.cache / "lib").is_dir():
            raise RuntimeError(f"no Kafka in {self.cache}: run ./dev setup kafka")
        self.directory.mkdir(parents=True, exist_ok=True)
        remembered = self.directory / "port"
        is_new = not remembered.exists()
        self.port = self.wanted_port or self.port or (
            free_ports(1)[0] if is_new else int(remembered.read_text()))
        for _ in range(START_ATTEMPTS):
            # Nobody outside knows the controller's port: a new one each time.
            (self.controller_port,) = free_ports(1)
            self._write_settings()
            if not (self.directory / "log" / "meta.properties").exists():
                self._format()
            if self._launch():
                remembered.write_text(str(self.port))
                return self
            # Somebody took a port between our look and the server's bind?
            if not self._could_not_bind(""):
                break
            if self._could_not_bind(f"127.0.0.1:{self.port}"):
                if self.wanted_port or not is_new:
                    break
                (self.port,) = free_ports(1)
        raise RuntimeError(f"Kafka did not start; the end of {self.log_file}:\n{self.tail()}")

    def stop(self, timeout: float = 60) -> None:
        """A clean stop (SIGTERM); kills it when that takes too long, and says so."""
        if self.process is None:
            return
        self.thaw()
        self.process.terminate()
        try:
            self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill9()
            raise RuntimeError(f"Kafka did not stop within {timeout} s; killed") from None
        self.process = None

    def kill9(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
        self.process, self.frozen = None, False

    def freeze(self) -> None:
        """The process stops answering, its connections stay open."""
        os.kill(self.pid, signal.SIGSTOP)
        self.frozen = True

    def thaw(self) -> None:
        if self.frozen:
            os.kill(self.pid, signal.SIGCONT)
            self.frozen = False

    def restart(self) -> None:
        """Clean stop if it runs, then a start on the same ports with the same data."""
        self.stop()
        self.start()

    def create_topic(self, name: str, partitions: int = 1, config: dict[str, str] | None = None,
                     timeout: float = 30) -> None:
        from confluent_kafka.admin import AdminClient, NewTopic

        admin = AdminClient({"bootstrap.servers": self.bootstrap})
        topic = NewTopic(name, num_partitions=partitions, replication_factor=self.replication,
                         config=config or {})
        admin.create_topics([topic])[name].result(timeout)
        self._await_leaders(admin, name, partitions, timeout)

    def add_partitions(self, name: str, total: int, timeout: float = 30) -> None:
        from confluent_kafka.admin import AdminClient, NewPartitions

        admin = AdminClient({"bootstrap.servers": self.bootstrap})
        admin.create_partitions([NewPartitions(name, total)])[name].result(timeout)
        self._await_leaders(admin, name, total, timeout)

    def set_topic_config(self, name: str, config: dict[str, str], timeout: float = 30) -> None:
        from confluent_kafka.admin import (AdminClient, AlterConfigOpType, ConfigEntry,
                                           ConfigResource)

        admin = AdminClient({"bootstrap.servers": self.bootstrap})
        entries = [ConfigEntry(key, value, incremental_operation=AlterConfigOpType.SET)
                   for key, value in config.items()]
        resource = ConfigResource(ConfigResource.Type.TOPIC, name, incremental_configs=entries)
        admin.incremental_alter_configs([resource])[resource].result(timeout)

    def deny_describe_configs(self, topic: str, timeout: float = 30) -> None:
        """Everybody may use the topic but not ask for its settings. Needs an authorizer."""
        from confluent_kafka.admin import (AclBinding, AclOperation, AclPermissionType, AdminClient,
                                           ResourcePatternType, ResourceType)

        def binding(operation, permission):
            return AclBinding(ResourceType.TOPIC, topic, ResourcePatternType.LITERAL, "User:*", "*",
                              operation, permission)

        admin = AdminClient({"bootstrap.servers": self.bootstrap})
        bindings = [binding(AclOperation.ALL, AclPermissionType.ALLOW),
                    binding(AclOperation.DESCRIBE_CONFIGS, AclPermissionType.DENY)]
        for future in admin.create_acls(bindings).values():
            future.result(timeout)

    def delete_topic(self, name: str, timeout: float = 30) -> None:
        from confluent_kafka.admin import AdminClient

        admin = AdminClient({"bootstrap.servers": self.bootstrap})
        admin.delete_topics([name])[name].result(timeout)

    def topic_end_offsets(self, name: str, timeout: float = 10) -> dict[int, int]:
        """How many records each partition has been given."""
        from confluent_kafka import Consumer, TopicPartition

        consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": "offsets"})
        try:
            topic = consumer.list_topics(name, timeout=timeout).topics[name]
            return {p: consumer.get_watermark_offsets(TopicPartition(name, p), timeout=timeout)[1]
                    for p in topic.partitions}
        finally:
            consumer.close()

    def tail(self, lines: int = 40) -> str:
        if not self.log_file.exists():
            return "(no log)"
        return "\n".join(self.log_file.read_text(errors="replace").splitlines()[-lines:])

    def __enter__(self) -> "ApacheKafka":
        return self.start()

    def __exit__(self, *_) -> None:
        self.stop()

    # --- how it is done ---

    def _write_settings(self) -> None:
        template = string.Template((HERE / "kafka" / "server.properties").read_text())
        text = template.substitute(port=self.port, controller_port=self.controller_port,
                                   directory=self.directory)
        text += "".join(f"{name}={value}\n" for name, value in self.settings.items())
        (self.directory / "server.properties").write_text(text)

    def _java(self, *arguments: str) -> list[str]:
        return ["java", "-Xms64m", f"-Xmx{self.heap}", "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1", *arguments]

    @property
    def _class_path(self) -> str:
        return str(self.cache / "lib" / "*")

    def _format(self) -> None:
        done = subprocess.run(
            self._java("-cp", self._class_path, "kafka.tools.StorageTool", "format",
                       "-t", CLUSTER_ID, "-c", str(self.directory / "server.properties")),
            capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"formatting Kafka's directory failed:\n{done.stdout}{done.stderr}")

    def _launch(self) -> bool:
        # A missing archive is no error.
        archive = (f"-XX:ArchiveClassesAtExit={self.write_archive}" if self.write_archive
                   else f"-XX:SharedArchiveFile={self.cache / ARCHIVE}")
        arguments = self._java(
            archive, "-Xshare:auto",
            f"-Dlog4j2.configurationFile={HERE / 'kafka' / 'log4j2.yaml'}",
            "-cp", self._class_path, "kafka.Kafka", str(self.directory / "server.properties"))
        self._log_begins = self.log_file.stat().st_size if self.log_file.exists() else 0
        with open(self.log_file, "ab") as log:
            # Its own session: a Ctrl-C in the terminal is for its owner to pass on, in order.
            self.process = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log, start_new_session=True)
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            # Its own word too: on a taken port it is the other server that answers.
            if answers_metadata(self.port) and STARTED in self._log_of_this_start():
                return True
            time.sleep(0.02)
        self.kill9()
        return False

    def _log_of_this_start(self) -> bytes:
        with open(self.log_file, "rb") as log:
            log.seek(self._log_begins)
            return log.read()

    def _could_not_bind(self, address: str) -> bool:
        return f"failed to bind to {address}".encode() in self._log_of_this_start()

    @staticmethod
    def _await_leaders(admin, name: str, partitions: int, timeout: float) -> None:
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            topic = admin.list_topics(name, timeout=timeout).topics.get(name)
            if topic and len(topic.partitions) == partitions and all(
                    p.leader >= 0 for p in topic.partitions.values()):
                return
            time.sleep(0.02)
        raise RuntimeError(f"the topic {name} has no leader after {timeout} s")


def make_archive(cache: pathlib.Path | str | None = None) -> None:
    """Writes the class-data archive that shortens every later start by 1.5 s; once per cache."""
    archive = pathlib.Path(cache or default_cache()).absolute() / "kafka" / ARCHIVE
    if archive.exists():
        return
    fresh = archive.with_suffix(f".{os.getpid()}")
    with tempfile.TemporaryDirectory() as folder:
        ApacheKafka(folder, cache, write_archive=fresh).start().stop()
    fresh.rename(archive)


def run(arguments: argparse.Namespace) -> int:
    """Foreground: until SIGTERM or SIGINT, or until the server dies."""
    server = ApacheKafka(arguments.data, port=arguments.port)

    def leave(*_):
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, leave)
    try:
        server.start()
        print(f"Apache Kafka is ready on {server.bootstrap}", flush=True)
        return server.process.wait() if server.process else 1
    except KeyboardInterrupt:
        server.stop()
        return 0
    except RuntimeError as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        server.kill9()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    runs = commands.add_parser("run", help="run one in the foreground")
    runs.add_argument("--data", required=True, help="the server's directory, kept between runs")
    runs.add_argument("--port", type=int, default=9092)
    commands.add_parser("archive", help="write the class-data archive into the cache")
    arguments = parser.parse_args()
    if arguments.command == "archive":
        make_archive()
        return 0
    return run(arguments)


if __name__ == "__main__":
    sys.exit(main())
