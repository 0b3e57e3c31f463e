"""One server, one kind of fault, many rounds: what became of every acknowledged message.

Publishers and readers are those of tests/integration/ledger.py. One reader is connected whenever
the server is there; one is away with a persistent session, and comes every few rounds to read what
was kept for it. Both have acknowledged subscriptions before the first message is sent, so they
must get all that a publisher saw acknowledged.
"""
import contextlib
import time

from candidates import Process
from disks import Disk
from integration.ledger import Publisher, Subscriber
from tally import Tally

MESSAGES_PER_ROUND = 1500    # of one publisher, at most: bounds the memory of a trial
ROUNDS_BETWEEN_VISITS = 10   # of the reader that is away
QUIET_SECONDS = 3.0          # nothing came for so long: what is missing is waited for later
LAST_QUIET_SECONDS = 35.0    # and now it does not come: some servers repeat after 30 s only
WAIT_SECONDS = 60
KILL = "kill"


class Reader:
    """A persistent session of one client id, over as many connections as it takes."""

    def __init__(self, address, client_id, qos, version, publishers):
        self.make = lambda: Subscriber(address, client_id, ["ledger/#"], qos, version=version,
                                       forgiving=True)
        self.client, self.forgotten, self.problem = self.make(), 0, None
        self.received = self.client.received
        self.tallies = [Tally(each, self.received[each.client_id], qos) for each in publishers]

    def come(self):
        self.client.start()
        if not self.client.subscribed.wait(WAIT_SECONDS):
            raise RuntimeError(f"{self.client.name} cannot subscribe: {self.client.problem}")

    def leave(self):
        """The next come() finds the session again."""
        self.client.stop()
        before, self.client = self.client, self.make()
        self.forgotten += before.forgotten
        self.client.received, self.client.connections = self.received, 1
        self.client.unreleased = before.unreleased
        self.client.subscribed.set()

    def settle(self, quiet):
        """Until all that was acknowledged has come, or nothing came for so many seconds."""
        count, since = -1, time.monotonic()
        while sum(tally.look() for tally in self.tallies):
            now = sum(map(len, self.received.values()))
            if now != count:
                count, since = now, time.monotonic()
            elif time.monotonic() - since > quiet:
                return
            if self.client.problem:
                raise RuntimeError(self.client.problem)
            time.sleep(0.02)

    def found(self):
        counts = [tally.found() for tally in self.tallies]
        return {name: sum(each[name] for each in counts) for name in counts[0]}


class Trial:
    def __init__(self, server, fault, home, chance):
        self.server, self.fault, self.chance, self.home = server, fault, chance, home
        self.disk = None if fault == KILL else Disk(fault, home)
        folder = home / "data" if self.disk is None else self.disk.mount
        folder.mkdir(exist_ok=True)
        self.process = Process(server, home, folder)
        self.publishers = [
            Publisher(self.process.address, f"p{number}-q{qos}-v{version}", f"ledger/p{number}",
                      qos, version=version, padding=100, limit=0, forgiving=True)
            for number, (qos, version) in enumerate(server.clients)]
        qos, version = max(server.clients, key=lambda each: each[0])
        self.readers = {name: Reader(self.process.address, name, qos, version, self.publishers)
                        for name in ("connected", "away")}
        self.starts, self.rounds, self.in_starts = [], 0, 0

    def run(self, rounds):
        """The figures; a server that did not come back, or broke the protocol, ends it early."""
        begun, problem = time.monotonic(), None
        try:
            self._begin()
            for number in range(rounds):
                self._round()
                if number % ROUNDS_BETWEEN_VISITS == ROUNDS_BETWEEN_VISITS - 1 or \
                        number == rounds - 1:
                    self._visit(QUIET_SECONDS if number < rounds - 1 else LAST_QUIET_SECONDS)
        except (RuntimeError, AssertionError) as error:
            problem = str(error).replace(str(self.home), "FOLDER")
        finally:
            self._end()
        return self._figures(time.monotonic() - begun, problem)

    def _begin(self):
        self.process.start()
        for reader in self.readers.values():
            reader.come()
        self.readers["away"].leave()
        for publisher in self.publishers:
            publisher.start()

    def _round(self):
        counts = [len(publisher.acknowledged) + 1 for publisher in self.publishers]
        for publisher in self.publishers:
            publisher.limit = publisher.sent + MESSAGES_PER_ROUND
        for publisher, count in zip(self.publishers, counts):
            publisher.wait_acknowledged(count, WAIT_SECONDS)
        time.sleep(self.chance.uniform(0, 0.5))  # the random moment
        self._fail()
        if self.chance.random() < 0.2:
            self.process.launch()
            time.sleep(self.chance.uniform(0, 0.3))  # and again while it starts
            self._fail()
            self.in_starts += 1
        self.starts.append(self.process.start())
        self.rounds += 1

    def _fail(self):
        if self.disk is None:
            self.process.kill()
            return
        self.disk.cut_and_kill(self.process.child.pid)
        self.process.kill()
        self.disk.remount()

    def _visit(self, quiet):
        """Nobody publishes, and everybody gets what there is for them."""
        for publisher in self.publishers:
            publisher.limit = 0
        for publisher in self.publishers:
            publisher.wait(lambda each=publisher: not each.inflight and not each.repeat,
                           lambda each=publisher: f"{len(each.inflight)} not acknowledged",
                           WAIT_SECONDS)
        self.readers["connected"].settle(quiet)
        away = self.readers["away"]
        away.come()
        away.settle(quiet)
        away.leave()

    def _end(self):
        for client in [*self.publishers, *(reader.client for reader in self.readers.values())]:
            client.stopping.set()
        self.process.kill()
        for client in [*self.publishers, *(reader.client for reader in self.readers.values())]:
            with contextlib.suppress(RuntimeError):  # never started
                client.join(30)
        if self.disk is not None:
            self.disk.end()

    def _figures(self, seconds, problem):
        starts = sorted(self.starts) or [0]
        clients = [*self.publishers, *(reader.client for reader in self.readers.values())]
        forgotten = sum(each.forgotten for each in [*clients, *self.readers.values()])
        return {
            "server": self.server.name, "fault": self.fault, "rounds": self.rounds,
            "again_while_starting": self.in_starts, "seconds": round(seconds, 1),
            "acknowledged": {str(qos): sum(len(each.acknowledged) for each in self.publishers
                                           if each.qos == qos) for qos in (1, 2)},
            "refused": sum(sum(each.refused.values()) for each in self.publishers),
            "readers": {name: reader.found() for name, reader in self.readers.items()},
            "sessions_forgotten": forgotten,
            "start_p50_ms": round(starts[len(starts) // 2] * 1000),
            "start_max_ms": round(starts[-1] * 1000),
            "problem": problem or next((each.problem for each in clients if each.problem), None)}
