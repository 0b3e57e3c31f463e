"""Real processes for the tests: a Sluice, its development Kafka, and what one asks them.

    def test_it(sluice, kafka):
        user = sluice.allow_all("meter")            # a user with a policy for everything
        client = connect(sluice.mqtt, user.name, user.password)
        sluice.kill9(); sluice.restart()            # same data, same ports

Everything listens on a port of the system's choice and lives in the test's own directory. Nothing
here waits for time: `wait_until` looks until a thing is so.
"""
from __future__ import annotations

import json
import os
import pathlib
import secrets
import signal
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass, field
from typing import Any, Callable

from servers.kafka_server import answers_metadata, free_ports

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
READY_SECONDS = 60
STOP_SECONDS = 60
# Loopback is never reached through a proxy.
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def sluice_binary() -> pathlib.Path:
    """build/release/sluice, or what SLUICE_BINARY names (a sanitizer's build, an installed one)."""
    named = os.environ.get("SLUICE_BINARY")
    binary = pathlib.Path(named) if named else REPOSITORY / "build" / "release" / "sluice"
    assert binary.is_file(), f"no {binary}: run ./dev build release"
    return binary.absolute()


def environment_of(**more: str | None) -> dict[str, str]:
    """Ours without what only the tests read: the server warns about names it does not know. None
    takes one away."""
    only_tests = ("SLUICE_BINARY", "SLUICE_CACHE", "SLUICE_TEST_")
    ours = {name: value for name, value in os.environ.items() if not name.startswith(only_tests)}
    return {name: value for name, value in {**ours, **more}.items() if value is not None}


def wait_until(claim: Callable[[], Any], what: str, timeout: float = 30,
               every: float = 0.02) -> Any:
    """The first true answer of claim(); fails with `what` when there is none in time."""
    deadline = time.monotonic() + timeout
    while True:
        answer = claim()
        if answer:
            return answer
        if time.monotonic() >= deadline:
            raise AssertionError(f"not within {timeout} s: {what}; last seen: {answer!r}")
        time.sleep(every)


@dataclass(frozen=True)
class Account:
    name: str
    password: str


@dataclass
class Answer:
    """What REST said. `body` is the JSON document, or text where it is none."""

    status: int
    body: Any
    headers: dict[str, str] = field(default_factory=dict)  # names in lower case

    def expect(self, *statuses: int) -> Any:
        assert self.status in statuses, f"{self.status} instead of {statuses}: {self.body}"
        return self.body


class Process:
    """A program in the background: its output in a file, signals by name."""

    def __init__(self, name: str, directory: pathlib.Path):
        self.name = name
        self.log_file = directory / f"{name}.log"
        self.child: subprocess.Popen | None = None
        self._frozen = False

    def launch(self, command: list[str], environment: dict[str, str]) -> None:
        assert self.child is None, f"{self.name} is running already"
        with open(self.log_file, "ab") as log:
            self.child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                          env=environment, start_new_session=True)

    @property
    def pid(self) -> int:
        assert self.child is not None, f"{self.name} is not running"
        return self.child.pid

    def is_running(self) -> bool:
        return self.child is not None and self.child.poll() is None

    def log_text(self) -> str:
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    def log_tail(self, lines: int = 40) -> str:
        return "\n".join(self.log_text().splitlines()[-lines:])

    def signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def freeze(self) -> None:
        """The process stops answering, its connections stay open."""
        self.signal(signal.SIGSTOP)
        self._frozen = True

    def thaw(self) -> None:
        if self._frozen:
            self.signal(signal.SIGCONT)
            self._frozen = False

    def kill9(self) -> None:
        if self.child is not None:
            self.child.kill()
            self.child.wait()
        self.child, self._frozen = None, False

    def wait_exit(self, timeout: float = STOP_SECONDS) -> int:
        """The exit code of a process about to end; killed, and a failure, if it does not."""
        assert self.child is not None, f"{self.name} is not running"
        try:
            code = self.child.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill9()
            raise AssertionError(
                f"{self.name} did not end within {timeout} s:\n{self.log_tail()}") from None
        self.child = None
        return code

    def stop(self, timeout: float = STOP_SECONDS) -> None:
        """SIGTERM, and the exit code must be 0. No effect when it is not running."""
        if self.child is None:
            return
        self.thaw()
        self.signal(signal.SIGTERM)
        code = self.wait_exit(timeout)
        assert code == 0, f"{self.name} ended with {code}:\n{self.log_tail()}"

    def rss_bytes(self) -> int:
        pages = int(pathlib.Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def cpu_seconds(self) -> float:
        fields = pathlib.Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def merged(base: dict, over: dict) -> dict:
    """`over` wins, mapping by mapping."""
    result = dict(base)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(result.get(key), dict)
        result[key] = merged(result[key], value) if both else value
    return result


class Sluice(Process):
    """A `sluice serve`. Ports are chosen at its first start and kept over restarts.

    `settings` is the settings file as a mapping, on top of loopback and port 0.
    """

    DEFAULTS = {
        "listeners": {"tcp": {"type": "mqtt", "bind": "127.0.0.1:0"}},
        "admin": {"bind": "127.0.0.1:0"},
    }

    def __init__(self, directory: pathlib.Path | str, settings: dict | None = None,
                 environment: dict[str, str | None] | None = None, name: str = "sluice"):
        directory = pathlib.Path(directory)
        directory.mkdir(parents=True, exist_ok=True)
        super().__init__(name, directory)
        self.directory = directory
        self.data = directory / f"{name}-data"
        self.settings = merged(self.DEFAULTS, settings or {})
        self.environment = environment or {}
        self.addresses: dict[str, str] = {}
        self.administrator = Account("admin", secrets.token_urlsafe(12))
        self.token = ""

    # --- its life ---

    def command(self) -> list[str]:
        # JSON is YAML.
        file = self.directory / f"{self.name}.yaml"
        file.write_text(json.dumps(self.settings, indent=2))
        return [str(sluice_binary()), "serve", "-c", str(file), "--data", str(self.data)]

    def start(self, timeout: float = READY_SECONDS) -> "Sluice":
        """Returns when every listener accepts."""
        run = self.data / "run"
        for stale in ("addresses.json", "admin.token"):
            (run / stale).unlink(missing_ok=True)
        self.launch(self.command(), environment_of(**{
            "SLUICE_ADMIN_PASSWORD": self.administrator.password, **self.environment}))
        wait_until(lambda: self._is_ready() or not self.is_running(), "addresses.json", timeout)
        if not self.is_running():
            code = self.wait_exit()
            raise AssertionError(f"{self.name} ended with {code} at start:\n{self.log_tail()}")
        self.token = (run / "admin.token").read_text().strip()
        self._keep_ports()
        return self

    def reload(self, settings: dict, line: str = "settings reloaded") -> None:
        """Writes the settings file again, sends SIGHUP, waits for the log line."""
        before = self.log_text().count(line)
        self.settings = settings
        self.command()
        self.signal(signal.SIGHUP)
        wait_until(lambda: self.log_text().count(line) > before, line)

    def restart(self, timeout: float = READY_SECONDS) -> "Sluice":
        """Stops it cleanly if it runs, then starts it with the same data on the same ports."""
        self.stop()
        return self.start(timeout)

    def _is_ready(self) -> bool:
        try:
            self.addresses = json.loads((self.data / "run" / "addresses.json").read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            return False
        return "admin" in self.addresses and (self.data / "run" / "admin.token").is_file()

    def _keep_ports(self) -> None:
        listeners = {name: {"bind": self.addresses[name]}
                     for name in self.settings["listeners"] if name in self.addresses}
        self.settings = merged(self.settings, {
            "listeners": listeners, "admin": {"bind": self.addresses["admin"]}})

    # --- addresses ---

    def address(self, listener: str) -> tuple[str, int]:
        host, port = self.addresses[listener].rsplit(":", 1)
        return host, int(port)

    @property
    def mqtt(self) -> tuple[str, int]:
        return self.address("tcp")

    @property
    def url(self) -> str:
        return f"http://{self.addresses['admin']}"

    # --- REST ---

    def rest(self, method: str, path: str, body: Any = None, *, token: str | None = None,
             headers: dict[str, str] | None = None, timeout: float = 30) -> Answer:
        """`path` under /api/v1, or from the root when it begins with /api, /health or /metrics.

        `token` "" sends none. A refusal is an Answer, not an exception. Bytes go as they are.
        """
        if not path.startswith(("/api", "/health", "/metrics")):
            path = "/api/v1" + path
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, method=method)
        if data is not None:
            request.add_header("Content-Type", "application/json")
        bearer = self.token if token is None else token
        if bearer:
            request.add_header("Authorization", f"Bearer {bearer}")
        for header, value in (headers or {}).items():
            request.add_header(header, value)
        try:
            with _opener.open(request, timeout=timeout) as response:
                return self._answer(response.status, response.read(), response.headers)
        except urllib.error.HTTPError as error:
            with error:
                return self._answer(error.code, error.read(), error.headers)

    @staticmethod
    def _answer(status: int, raw: bytes, headers: Any) -> Answer:
        text = raw.decode("utf-8", "replace")
        try:
            body = json.loads(text) if text else None
        except ValueError:
            body = text
        return Answer(status, body, {name.lower(): value for name, value in headers.items()})

    def get(self, path: str) -> Any:
        return self.rest("GET", path).expect(200)

    def create(self, path: str, document: dict) -> Any:
        return self.rest("POST", path, document).expect(201)

    def delete(self, path: str) -> None:
        self.rest("DELETE", path).expect(204)

    def act(self, path: str) -> Any:
        """`/tasks/NAME:pause` and the like."""
        return self.rest("POST", path).expect(200, 202)

    def metrics(self) -> dict[str, float]:
        """/metrics by `name{label="value",...}` as it stands there."""
        found = {}
        for line in self.rest("GET", "/metrics").expect(200).splitlines():
            if line and not line.startswith("#"):
                name, value = line.rsplit(" ", 1)
                found[name] = float(value)
        return found

    # --- what tests need first ---

    def add_user(self, user: str, password: str | None = None) -> Account:
        account = Account(user, password or secrets.token_urlsafe(12))
        self.create("/users", {"name": account.name, "password": account.password,
                               "description": "of a test"})
        return account

    def add_policy(self, name: str, **document: Any) -> Any:
        """Allows what `document` says (interface: `operations`, `resources`, `users`, ...)."""
        return self.create("/policies", {"name": name, "description": "of a test",
                                         "effect": "allow", **document})

    def allow_all(self, user: str, password: str | None = None) -> Account:
        """A user who may connect with any client id and publish and subscribe everywhere."""
        account = self.add_user(user, password)
        self.add_policy(f"all-{user}", operations=["connect", "publish", "subscribe"],
                        resources=["#"], users=[user])
        return account

    def add_kafka_connection(self, name: str, bootstrap: str, verify: bool = True,
                             **properties: str) -> Any:
        path = "/connections" if verify else "/connections?verify=false"
        settings: dict[str, Any] = {"bootstrap_servers": bootstrap}
        if properties:
            settings["properties"] = properties
        return self.create(path, {"name": name, "type": "kafka", "description": "of a test",
                                  "settings": settings})

    def add_kafka_task(self, name: str, connection: str, filters: list[str], topic: str,
                       **sections: Any) -> Any:
        """A task as interface.md has it; `sections` are laid over it (map=..., sink=...)."""
        document = {
            "name": name, "description": "of a test", "enabled": True,
            "source": {"type": "local", "filters": filters, "start": "now"},
            "map": {"topic": topic, "key": "${client_id}", "value": "raw", "headers": "all"},
            "sink": {"type": "kafka", "connection": connection},
        }
        return self.create("/tasks", merged(document, sections))

    def task(self, name: str) -> Any:
        return self.get(f"/tasks/{urllib.parse.quote(name, safe='')}")

    def wait_task(self, name: str, timeout: float = 30, **fields: Any) -> Any:
        """The task once each field has its value, or satisfies it if it is a function."""
        def is_so() -> Any:
            task = self.task(name)
            good = all(wanted(task.get(key)) if callable(wanted) else task.get(key) == wanted
                       for key, wanted in fields.items())
            last.append(task)
            return task if good else None
        last: list = []
        try:
            return wait_until(is_so, f"task {name} with {fields}", timeout, every=0.05)
        except AssertionError as error:
            raise AssertionError(f"{error}; the task: {last[-1] if last else None}") from None

    def cli(self, *arguments: str, stdin: str = "", check: bool = True,
            environment: dict[str, str] | None = None) -> subprocess.CompletedProcess:
        """The command line against this server, as the administrator."""
        done = subprocess.run(
            [str(sluice_binary()), *arguments], input=stdin, capture_output=True, text=True,
            timeout=60, check=False, env=environment_of(**{
                "SLUICE_URL": self.url, "SLUICE_TOKEN": self.token, **(environment or {})}))
        assert not check or done.returncode == 0, f"{arguments}: {done.stderr or done.stdout}"
        return done


class KafkaDev(Process):
    """A `sluice kafka-dev`: librdkafka's mock cluster. A restart forgets everything in it."""

    def __init__(self, directory: pathlib.Path | str, name: str = "kafka-dev"):
        directory = pathlib.Path(directory)
        directory.mkdir(parents=True, exist_ok=True)
        super().__init__(name, directory)
        self.port = 0

    @property
    def bootstrap(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self, timeout: float = READY_SECONDS) -> "KafkaDev":
        self.port = self.port or free_ports(1)[0]
        self.launch([str(sluice_binary()), "kafka-dev", "--bind", self.bootstrap], environment_of())
        wait_until(lambda: answers_metadata(self.port) or not self.is_running(),
                   f"kafka-dev on {self.bootstrap}", timeout)
        if not self.is_running():
            code = self.wait_exit()
            raise AssertionError(f"kafka-dev ended with {code} at start:\n{self.log_tail()}")
        return self

    def restart(self) -> "KafkaDev":
        self.stop()
        return self.start()


@dataclass(frozen=True)
class KafkaRecord:
    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes | None]]
    timestamp: int

    def header(self, name: str) -> str | None:
        """The first header of that name as text."""
        return next((None if v is None else v.decode() for n, v in self.headers if n == name), None)


def read_topic(bootstrap: str, topic: str, count: int | None = None,
               until: Callable[[list[KafkaRecord]], bool] | None = None, settle: float = 0,
               timeout: float = 60) -> list[KafkaRecord]:
    """The records of a topic from its beginning, in the order of each partition.

    Returns when there are `count` and each partition was read to its end, or when `until(records)`
    holds. With `settle` it then goes on for so many seconds, so that a duplicate has its chance.
    """
    from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, TopicPartition

    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": f"read-{secrets.token_hex(4)}",
                         "enable.auto.commit": False, "auto.offset.reset": "earliest",
                         "isolation.level": "read_committed", "enable.partition.eof": True,
                         "log_level": 0})
    records: list[KafkaRecord] = []
    ended: set[int] = set()

    def partitions() -> list[int]:
        found = consumer.list_topics(topic, timeout=10).topics.get(topic)
        return sorted(found.partitions) if found and not found.error else []

    def is_done() -> bool:
        if until:
            return until(records)
        return len(records) >= (count or 0) and ended >= set(assigned)

    try:
        assigned = wait_until(partitions, f"the topic {topic} in Kafka", timeout)
        consumer.assign([TopicPartition(topic, each, OFFSET_BEGINNING) for each in assigned])
        deadline, settled = time.monotonic() + timeout, None
        while settled is None or time.monotonic() < settled:
            for message in consumer.consume(1000, 0.1):
                if message.error() is None:
                    records.append(KafkaRecord(
                        topic, message.partition(), message.offset(), message.key(),
                        message.value(), list(message.headers() or []), message.timestamp()[1]))
                elif message.error().code() == KafkaError._PARTITION_EOF:
                    ended.add(message.partition())
                elif message.error().code() not in (KafkaError._TRANSPORT,
                                                    KafkaError._ALL_BROKERS_DOWN):
                    raise AssertionError(f"reading {topic}: {message.error()}")
            if settled is None and is_done():
                settled = time.monotonic() + settle
            elif settled is None and time.monotonic() >= deadline:
                read = {each: sum(record.partition == each for record in records)
                        for each in assigned}
                offsets = {each: consumer.get_watermark_offsets(TopicPartition(topic, each),
                                                                timeout=10) for each in assigned}
                raise AssertionError(f"{len(records)} records in {topic} after {timeout} s, "
                                     f"wanted {'more' if until else count}; read {read}, at their "
                                     f"ends {sorted(ended)}, Kafka has {offsets}")
        return records
    finally:
        consumer.close()
