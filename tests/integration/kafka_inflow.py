"""Records in Kafka, a task that brings them in, and what must hold of the log here afterwards."""
import base64
import collections
import secrets
import threading
import time

from confluent_kafka import Producer

from integration.harness import merged


def add_kafka_source(server, name, topic, target="in/${key}", **sections):
    """A task from a topic of the connection `kafka` into the log."""
    document = {
        "name": name,
        "source": {"type": "kafka", "connection": "kafka", "topics": [topic], "start": "earliest"},
        "map": {"topic": target},
        "sink": {"type": "local"},
    }
    return server.create("/tasks", merged(document, sections))


def messages(server, topic_filter, whole=True):
    """All that the log holds of a filter, oldest first, payloads decoded; not `whole`: perhaps
    their beginnings alone."""
    found, page = [], None
    while True:
        path = f"/messages?order=oldest&limit=1000&filter={topic_filter.replace('#', '%23')}"
        answer = server.get(path + (f"&page={page}" if page else ""))
        for item in answer["items"]:
            assert not (whole and item["truncated"]), item
            item["bytes"] = base64.b64decode(item["payload_base64"])
            found.append(item)
        page = answer["next"]
        if not page:
            return found


def properties_of(message):
    """User properties as pairs, without the server's own note of the way."""
    return [(each["name"], each["value"]) for each in message["user_properties"]
            if each["name"] != "sluice-origins"]


def produce(kafka, topic, records):
    """Each of `records` is (key, value) or (key, value, headers); acknowledged when it returns."""
    errors = []
    producer = Producer({"bootstrap.servers": kafka.bootstrap, "log_level": 0,
                         "enable.idempotence": True})
    for key, value, *headers in records:
        producer.produce(topic, value, key=key, headers=headers[0] if headers else None,
                         on_delivery=lambda error, _: errors.append(error))
    assert producer.flush(30) == 0
    assert not any(errors), errors


class Inflow(threading.Thread):
    """A producer that writes numbered records of some keys and knows what Kafka acknowledged."""

    def __init__(self, kafka, topic, keys=4, rate=2000):
        super().__init__(daemon=True)
        self.topic, self.keys, self.rate = topic, keys, rate
        self.producer = Producer({"bootstrap.servers": kafka.bootstrap, "log_level": 0,
                                  "enable.idempotence": True, "linger.ms": 5})
        self.acknowledged = collections.Counter()  # by key: so many, from 0 without a gap
        self.failed = []
        self.stopping = threading.Event()

    def run(self):
        number = 0
        begun = time.monotonic()
        while not self.stopping.is_set():
            key = b"k%d" % (number % self.keys)
            self.producer.produce(self.topic, b"%d" % (number // self.keys), key=key,
                                  on_delivery=self._note)
            number += 1
            self.producer.poll(0)
            ahead = number / self.rate - (time.monotonic() - begun)
            if ahead > 0:
                time.sleep(ahead)
        self.producer.flush(60)

    def _note(self, error, record):
        if error:
            self.failed.append(error)
        else:
            self.acknowledged[record.key().decode()] += 1

    def finish(self):
        self.stopping.set()
        self.join(90)
        assert not self.failed and not self.is_alive(), self.failed[:3]
        return sum(self.acknowledged.values())


def check_inflow(inflow, found):
    """Nothing is missing, and without repeats each key is in order. Returns how many came twice."""
    numbers = collections.defaultdict(list)
    for message in found:
        numbers[message["topic"].rsplit("/", 1)[1]].append(int(message["bytes"]))
    twice = 0
    for key, count in inflow.acknowledged.items():
        came = numbers[key]
        missing = set(range(count)) - set(came)
        assert not missing, f"{key}: {len(missing)} of {count} are missing: {sorted(missing)[:5]}"
        firsts = list(dict.fromkeys(came))
        assert firsts == sorted(firsts), f"{key}: not in order"
        # What comes again after a crash comes in order, too: from its beginning to where it was.
        runs = [i for i in range(1, len(came)) if came[i] < came[i - 1]]
        twice += len(came) - len(firsts)
        assert len(runs) <= twice, f"{key}: {runs}"
    return twice


def new_topic(kafka, partitions=2, config=None):
    name = f"in-{secrets.token_hex(4)}"
    kafka.create_topic(name, partitions=partitions, config=config)
    return name
