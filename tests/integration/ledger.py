"""Publishers that write down every acknowledgement, subscribers that write down every message.

Both hold persistent sessions and behave as the standard asks of a client whose server dies under
it: they come back, send again what was not acknowledged, and drop QoS 2 repeats. So whatever is
missing or there twice afterwards is the server's doing.

    with Publisher(address, "p1", topic="ledger/p1", qos=1) as publisher:
        ...kill and restart the server...
        publisher.finish()
    subscriber.wait_for(publisher)
    check(publisher, subscriber.numbers(publisher), "subscriber")

A payload is `publisher:number:padding`; numbers of one publisher count from 0 without a gap.
"""
import collections
import threading
import time

from integration import history
from integration import raw_mqtt as mqtt
from integration.raw_mqtt import RawClient

RETRY_SECONDS = 0.05  # between attempts to reach a server that is not there
EXPIRY = [(mqtt.SESSION_EXPIRY, 24 * 3600)]


class Member(threading.Thread):
    """A client in a thread of its own that reconnects until it is told to stop."""

    def __init__(self, address, client_id, version=5, username=None, password=None,
                 forgiving=False):
        super().__init__(name=client_id, daemon=True)
        self.address, self.client_id, self.version = address, client_id, version
        self.forgiving = forgiving  # a session that the server forgot is counted, and begun anew
        self.forgotten = 0
        self.account = {"username": username, "password": password}
        self.stopping = threading.Event()
        self.problem = None  # what must never happen: shown by stop()
        self.connections = 0
        self.lock = threading.Lock()
        self.raw = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.join(30)

    def run(self):
        while not self.stopping.is_set():
            try:
                self._connect()
                self.serve()
            except (mqtt.Closed, mqtt.Late, OSError):
                self.stopping.wait(RETRY_SECONDS)
            except Exception as error:  # pylint: disable=broad-except
                self.problem = repr(error)
                return
            finally:
                if self.raw:
                    self.raw.abort()

    def _connect(self):
        self.raw = RawClient(self.address, self.version)
        options = {"clean": False, "keep_alive": 30, **self.account}
        if self.version == 5:
            options["properties"] = EXPIRY
        answer = self.raw.connect(self.client_id, **options)
        if answer.reason in (0x88, 0x89) or self.version != 5 and answer.reason == 3:
            raise mqtt.Closed("the server is busy")
        assert answer.reason == 0, f"{self.client_id}: CONNACK {answer.reason:#x}"
        if self.connections and not answer.session_present:
            # CONNACK of a persistent session leaves once its record is durable.
            assert self.forgiving, f"{self.client_id}: the server forgot the session"
            self.forgotten += 1
            self.begin_anew()
        self.connections += 1
        self.connected()

    def begin_anew(self):
        """The client's half of a session that the server has forgotten ends [MQTT-3.2.2-5]."""

    def connected(self):
        """After each CONNACK."""

    def serve(self):
        raise NotImplementedError

    def stop(self):
        self.stopping.set()
        self.join(30)
        assert not self.is_alive(), f"{self.client_id} does not end"
        assert self.problem is None, f"{self.client_id}: {self.problem}"

    def wait(self, claim, what, timeout=60):
        deadline = time.monotonic() + timeout
        while not claim():
            assert self.problem is None, f"{self.client_id}: {self.problem}"
            assert time.monotonic() < deadline, \
                f"{self.client_id}: not within {timeout} s: {what()}"
            time.sleep(0.02)


class Publisher(Member):
    """Publishes without a pause, up to `window` at once, or `rate` per second.

    `acknowledged` holds the numbers in the order of their PUBACK or PUBCOMP, `latencies` how long
    each took from its first sending. `refused` counts acknowledgements that say no: that message
    is sent again later, so its order is no longer the publisher's. `payload` makes the payload of
    a number where the usual one will not do.
    """

    def __init__(self, address, client_id, topic, qos, *, window=50, rate=None, padding=32,
                 limit=None, payload=None, **options):
        super().__init__(address, client_id, **options)
        self.topic, self.qos, self.window, self.rate = topic, qos, window, rate
        self.padding, self.limit = b"x" * padding, limit
        self.payload = payload or self.payload_of_number
        self.sent = 0  # numbers given out
        self.acknowledged, self.latencies = [], []
        self.refused = collections.Counter()
        self.repeat = collections.deque()  # numbers refused
        self.finishing = threading.Event()
        self.inflight = {}  # packet id -> [number, time of first sending, released]
        self.packet_id = 0
        self.begun = None

    def finish(self, timeout=120):
        """No new messages; returns when each of those sent is acknowledged."""
        self.finishing.set()
        self.wait(lambda: not self.inflight and not self.repeat,
                  lambda: f"{len(self.inflight)} of {self.sent} are not acknowledged", timeout)
        self.stop()

    def wait_acknowledged(self, count, timeout=60):
        self.wait(lambda: len(self.acknowledged) >= count,
                  lambda: f"{len(self.acknowledged)} of {count} acknowledged", timeout)

    def payload_of_number(self, number):
        return b"%s:%d:%s" % (self.client_id.encode(), number, self.padding)

    def begin_anew(self):
        """What was released is neither acknowledged nor sent again: its fate is not known."""
        self.inflight = {packet_id: entry for packet_id, entry in self.inflight.items()
                         if not entry[2]}

    def connected(self):
        out = b""
        for packet_id, (number, _, released) in self.inflight.items():  # in order [MQTT-4.6.0-1]
            out += (mqtt.ack_packet(mqtt.PUBREL, packet_id) if released
                    else self._publish(packet_id, number, dup=True))
        self.raw.send(out)

    def serve(self):
        while not self.stopping.is_set():
            self._fill()
            try:
                self._take(self.raw.receive(0.02 if self._may_send() else 0.2))
                while True:
                    self._take(self.raw.receive(0))
            except mqtt.Late:
                continue
        self.raw.disconnect()

    def _publish(self, packet_id, number, dup=False):
        return mqtt.publish_packet(self.version, self.topic, self.payload(number), qos=self.qos,
                                   packet_id=packet_id, dup=dup)

    def _may_send(self):
        if self.repeat:
            return True
        if self.finishing.is_set() or (self.limit is not None and self.sent >= self.limit):
            return False
        if self.rate is None:
            return True
        now = time.monotonic()
        self.begun = self.begun or now
        return self.sent < (now - self.begun) * self.rate

    def _fill(self):
        out = b""
        while len(self.inflight) < self.window and self._may_send():
            if self.repeat:
                number = self.repeat.popleft()
            else:
                number, self.sent = self.sent, self.sent + 1
            self.packet_id = self.packet_id % 65535 + 1
            self.inflight[self.packet_id] = [number, time.monotonic(), False]
            out += self._publish(self.packet_id, number)
        if out:
            self.raw.send(out)

    def _take(self, received):
        if received.type == mqtt.DISCONNECT:
            return
        entry = self.inflight.get(received.packet_id)
        assert entry is not None, f"an acknowledgement of nothing: {received}"
        if received.type == mqtt.PUBREC and received.reason < 0x80:
            assert self.qos == 2
            entry[2] = True
            self.raw.send(mqtt.ack_packet(mqtt.PUBREL, received.packet_id))
            return
        del self.inflight[received.packet_id]
        if received.reason >= 0x80 and not (entry[2] and received.reason == 0x92):
            self.refused[received.reason] += 1
            self.repeat.append(entry[0])
            self.stopping.wait(RETRY_SECONDS)
            return
        assert received.type == (mqtt.PUBACK if self.qos == 1 else mqtt.PUBCOMP), str(received)
        # PUBCOMP 0x92: the one before was lost with its connection, the exchange is complete.
        self.latencies.append(time.monotonic() - entry[1])
        self.acknowledged.append(entry[0])


class Subscriber(Member):
    """Reads everything that matches its filters and writes down the numbers of each publisher."""

    def __init__(self, address, client_id, filters, qos, **options):
        super().__init__(address, client_id, **options)
        self.filters, self.qos = filters, qos
        self.received = collections.defaultdict(list)  # publisher -> numbers in order of arrival
        self.repeats = 0  # with the DUP flag
        self.unreleased = set()  # QoS 2 packet ids that were received and not yet released
        self.subscribed = threading.Event()

    def begin_anew(self):
        self.unreleased.clear()
        self.subscribed.clear()

    def connected(self):
        if not self.subscribed.is_set():
            codes = self.raw.subscribe(*self.filters, qos=self.qos)
            assert all(code == self.qos for code in codes), f"SUBACK {codes}"
            self.subscribed.set()

    def serve(self):
        while not self.stopping.is_set():
            out = bytearray()
            try:
                out += self._take(self.raw.receive(0.2))
                while len(out) < 2000:
                    out += self._take(self.raw.receive(0))
            except mqtt.Late:
                pass
            if out:
                self.raw.send(out)
            else:
                self.raw.send(mqtt.packet(mqtt.PINGREQ, 0, b""))
        self.raw.disconnect()

    def _take(self, received):
        if received.type == mqtt.PUBREL:
            self.unreleased.discard(received.packet_id)
            return mqtt.ack_packet(mqtt.PUBCOMP, received.packet_id)
        if received.type != mqtt.PUBLISH:
            return b""
        self.repeats += received.dup
        if received.qos == 2:
            if received.packet_id not in self.unreleased:
                self.unreleased.add(received.packet_id)
                self._record(received)
            return mqtt.ack_packet(mqtt.PUBREC, received.packet_id)
        self._record(received)
        return mqtt.ack_packet(mqtt.PUBACK, received.packet_id) if received.qos else b""

    def _record(self, received):
        client_id, number, _ = received.payload.split(b":", 2)
        self.received[client_id.decode()].append(int(number))

    def numbers(self, publisher):
        return list(self.received[publisher.client_id])

    def wait_for(self, publisher, timeout=120):
        """Until each message that the publisher has acknowledged was received."""
        wanted = set(publisher.acknowledged)
        numbers = self.received[publisher.client_id]
        self.wait(lambda: len(numbers) >= len(wanted) and wanted <= set(numbers),
                  lambda: missing_text(publisher, self.numbers(publisher)), timeout)


def numbers_of(client_id, payloads):
    prefix = client_id.encode() + b":"
    return [int(payload.split(b":", 2)[1]) for payload in payloads if payload.startswith(prefix)]


def all_there(publishers):
    """Says of records, of which more come, whether all that was acknowledged is there."""
    missing = {publisher.client_id: set(publisher.acknowledged) for publisher in publishers}
    looked_at = 0

    def is_all_there(records):
        nonlocal looked_at
        values = [record.value for record in records[looked_at:]]
        looked_at = len(records)
        for client_id, numbers in missing.items():
            numbers.difference_update(numbers_of(client_id, values))
        return not any(missing.values())
    return is_all_there


def first_times(numbers):
    """Without repeats: each number where it came first."""
    return list(dict.fromkeys(numbers))


def missing_text(publisher, numbers):
    missing = sorted(set(publisher.acknowledged) - set(numbers))
    return (f"{len(missing)} of {len(publisher.acknowledged)} acknowledged messages of "
            f"{publisher.client_id} are missing, e.g. {missing[:10]}")


def history_of(publisher, numbers, exactly_once=False):
    """What the publisher and one reader saw, over kills of the server, as history.py judges it."""
    name, qos = publisher.client_id, 2 if exactly_once else 1
    message = [{"client": name, "sequence": number} for number in range(publisher.sent)]
    events = [{"event": "subscribed", "consumer": "reader", "topic": publisher.topic, "qos": qos}]
    events += [{"event": "publish", "topic": publisher.topic, "qos": qos, **of} for of in message]
    events += [{"event": "acknowledged", **message[number]} for number in publisher.acknowledged]
    if publisher.refused:  # sent again later: their order is no longer the publisher's
        events += [{"event": "refused", **of} for of in message]
    events.append({"event": "killed"})
    events += [{"event": "delivered", "consumer": "reader", "client": name, "sequence": number,
                "qos": qos} for number in numbers]
    return events + [{"event": "end"}]


def check(publisher, numbers, where, exactly_once=False):
    """Nothing acknowledged is missing, the order is the publisher's, and what may not be twice is
    not. Returns how many came twice."""
    violation = history.check(history_of(publisher, numbers, exactly_once))
    more = "; " + missing_text(publisher, numbers) if violation and violation[0] == "lost" else ""
    assert violation is None, f"{where}: {violation[0]}: {violation[1]}{more}"
    return len(numbers) - len(first_times(numbers))
