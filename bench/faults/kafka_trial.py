"""One fault: a flow into a real Kafka, what is done to it, and what became of every message.

Publishers are those of tests/integration/ledger.py. What is there afterwards is judged twice: by
the counts of holdings.py, and by the history checker of the tests.
"""
import contextlib
import pathlib
import re
import threading
import time

from holdings import Holdings, counted_all
from integration import ledger
from integration.harness import Sluice, environment_of, wait_until
from integration.kafka_flow import Flow
from integration.ledger import Publisher
from servers.kafka_security import PASSWORDS

# (QoS, client id): two of these keys go to each of two partitions.
PUBLISHERS = ((1, "p1"), (1, "p6"), (1, "p7"), (2, "p2"))
PAYLOAD_BYTES = 256
PARTITIONS = 2
PATIENCE = 300  # seconds for what must happen some day
HISTORY_UP_TO = 400_000  # messages of one publisher: the checker keeps an entry for each


class Watch(threading.Thread):
    """Looks at the server twice a second: its memory, its disk, and how its task stands."""

    def __init__(self, trial):
        super().__init__(daemon=True)
        self.trial, self.ended = trial, threading.Event()
        self.samples, self.states = [], []
        self.begun = time.monotonic()

    def run(self):
        while not self.ended.wait(0.5):
            # A server that is killed now has neither a process nor an answer.
            with contextlib.suppress(OSError, AssertionError, ValueError):
                self._look()

    def _look(self):
        server = self.trial.server
        task = server.task("flow")
        at = round(time.monotonic() - self.begun, 1)
        files = server.data.rglob("*")
        self.samples.append({
            "at": at, "lag": task["lag_messages"], "delivered": task["delivered"],
            "acknowledged": self.trial.acknowledged(),
            "rss_mib": round(server.rss_bytes() / 2**20, 1),
            "disk_mib": round(sum(blocks(file) for file in files) / 2**20, 1)})
        state = {"status": task["status"], "reason": task["status_reason"] or ""}
        if not self.states or without_numbers(self.states[-1]) != without_numbers(state):
            self.states.append({"at": at} | state)


def without_numbers(state):
    """Of a reason that counts the seconds, one is enough."""
    return state["status"], re.sub(r"\d+", "", state["reason"])


def blocks(file):
    try:
        return file.stat().st_blocks * 512
    except FileNotFoundError:
        return 0


class Trial(Flow):
    """What a fault of matrix.py works with, and its figures."""

    def __init__(self, folder: pathlib.Path, kafka, *, rate, guarantee, seed, settings):
        server = Sluice(folder, settings)
        self.rate, self.seed = rate, seed
        self.kills = self.replaced = 0  # servers; producers, while Kafka did not answer
        self.phases = {}  # name -> seconds
        self.before = Holdings()  # what is in no topic any more, but was
        self.rejected = {}  # client id -> numbers that became dead letters
        try:
            super().__init__(server.start(), kafka, delivery={"guarantee": guarantee},
                             sink={"compression": "none"})
        except BaseException:
            server.kill9()
            raise
        self.window = self.server.task("flow")["delivery"]["in_flight"]
        self.watch = Watch(self)

    def connect(self):
        if not hasattr(self.kafka, "ca_pem"):
            bootstrap = getattr(self.kafka, "for_the_server", self.kafka.bootstrap)
            self.server.add_kafka_connection("kafka", bootstrap)
            return
        self.server.create("/connections", {"name": "kafka", "type": "kafka", "settings": {
            "bootstrap_servers": self.kafka.sasl_ssl, "security_protocol": "SASL_SSL",
            "sasl_mechanism": "PLAIN", "username": "admin", "password": PASSWORDS["admin"],
            "ca_pem": self.kafka.ca_pem}})

    def make_publishers(self, **account):
        rate = self.rate / len(PUBLISHERS)
        padding = PAYLOAD_BYTES - len("p1:1000000:")
        return [Publisher(self.server.mqtt, client_id, f"flow/{client_id}", qos, rate=rate,
                          window=min(1000, max(50, round(rate / 5))), padding=padding, **account)
                for qos, client_id in PUBLISHERS]

    def acknowledged(self):
        return sum(len(publisher.acknowledged) for publisher in self.publishers)

    def delivered(self):
        return self.server.task("flow")["delivered"]

    # --- what faults are made of ---

    def publish_for(self, seconds):
        """The publishers notice nothing: each stays connected and is acknowledged."""
        before = [len(publisher.acknowledged) for publisher in self.publishers]
        time.sleep(seconds)
        for publisher, count in zip(self.publishers, before):
            assert publisher.problem is None, f"{publisher.client_id}: {publisher.problem}"
            done = len(publisher.acknowledged) - count
            assert done > publisher.rate * seconds / 4, \
                f"{publisher.client_id}: {done} acknowledged in {seconds:g} s"

    def outage(self, seconds):
        """Kafka is away: in the second half of the time nothing is delivered, and all waits."""
        self.publish_for(seconds / 2)
        delivered, acknowledged = self.delivered(), self.acknowledged()
        self.publish_for(seconds / 2)
        moved = self.delivered() - delivered
        assert not moved, f"{moved} records were delivered: Kafka was not away"
        lag, published = self.server.task("flow")["lag_messages"], \
            self.acknowledged() - acknowledged
        assert lag >= published / 2, f"{lag} wait, {published} were published: Kafka was not away"

    def catch_up(self):
        """Publishers go on; returns when no more waits than a second brings."""
        begun, lag = time.monotonic(), self.server.task("flow")["lag_messages"]
        wait_until(lambda: self.server.task("flow")["lag_messages"] <= self.rate,
                   "the task has caught up", PATIENCE + lag / 1000, every=0.1)
        self.phases["caught_up_seconds"] = round(time.monotonic() - begun, 1)

    def wait_for_records(self, every=0.05):
        """Kafka acknowledges some that it has not acknowledged before."""
        delivered = self.delivered()
        wait_until(lambda: self.delivered() > delivered, "records flow again", PATIENCE, every)

    @contextlib.contextmanager
    def timed(self, phase):
        begun = time.monotonic()
        yield
        self.phases[phase] = round(time.monotonic() - begun, 1)

    def kill_server(self):
        self.server.kill9()
        self.kills += 1

    def launch_server(self):
        """Does not wait until it is there."""
        self.server.launch(self.server.command(), environment_of(
            SLUICE_ADMIN_PASSWORD=self.server.administrator.password))

    def deleted_folders(self):
        """Where Kafka keeps the files of the topic that was deleted, once it has put all aside."""
        found = sorted((self.kafka.directory / "log").glob(f"{self.topic}-*-delete"))
        return found if len(found) == PARTITIONS else None

    # --- from its beginning to its figures ---

    def run(self, fault):
        """The figures; a problem is one of them."""
        begun, found, problem = time.monotonic(), {}, None
        self.watch.start()
        try:
            with self:
                self.publish_for(2)
                self.wait_for_records()
                found["details"] = fault(self)
                time.sleep(1)
                self._settle()
            self.watch.ended.set()
            found |= self._found()
        except (AssertionError, RuntimeError, OSError) as error:
            problem = f"{type(error).__name__}: {error}".replace(
                str(self.server.directory), "FOLDER")[:2000]
        finally:
            self.watch.ended.set()
            self.watch.join()
        return self.nothing() | self._figures() | found | {
            "problem": problem, "phases": self.phases,
            "seconds": round(time.monotonic() - begun, 1)}

    def _settle(self):
        with self.timed("settled_seconds"):
            for publisher in self.publishers:
                publisher.finish(PATIENCE)
            self.server.wait_task("flow", timeout=PATIENCE + self.acknowledged() / 1000,
                                  status="running", lag_messages=0)
        time.sleep(1)  # what comes twice has its chance

    def _found(self):
        holdings = self.before.read(self.kafka.bootstrap, self.topic)
        assert len(holdings.partitions) == PARTITIONS, "a partition had nothing to do"
        for publisher in self.publishers:
            if publisher.sent <= HISTORY_UP_TO and not self.rejected:
                ledger.check(publisher, list(holdings.numbers[publisher.client_id]), "kafka")
        return counted_all(self.publishers, holdings, self.rejected) | {"records": len(holdings)}

    @staticmethod
    def nothing():
        """The figures of a run that did not even begin."""
        counts = ("lost", "duplicated", "sent_again", "twice", "reordered", "records",
                  "acknowledged", "refused", "dead_letters", "kills", "replaced", "in_flight", "connections",
                  "slowest_acknowledgement_ms", "seconds")
        return {name: 0 for name in counts} | {
            "retried": None, "possible_duplicates": None, "states": [], "samples": [],
            "details": {}, "phases": {}, "problem": None}

    def _figures(self):
        task = {}
        with contextlib.suppress(OSError, AssertionError):
            task = self.server.task("flow")
        publishers = self.publishers
        slowest = max(max(publisher.latencies, default=0) for publisher in publishers)
        return {
            "acknowledged": self.acknowledged(),
            "refused": sum(sum(publisher.refused.values()) for publisher in publishers),
            "dead_letters": sum(map(len, self.rejected.values())), "kills": self.kills,
            "replaced": self.replaced, "in_flight": self.window,
            "connections": sum(publisher.connections for publisher in publishers),
            "slowest_acknowledgement_ms": round(slowest * 1000),
            "retried": task.get("retried"), "possible_duplicates": task.get("possible_duplicates"),
            "states": [state for state in self.watch.states if state["status"] != "running"][:20],
            "samples": self.watch.samples}
