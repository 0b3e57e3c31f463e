"""What a topic holds of each publisher, and how that compares with what they saw acknowledged."""
import collections
import re
import time
from array import array

MESSAGE_ID = "mqtt.message_id"
# In the files of a topic whose records are not compressed: value, then the headers.
STORED = re.compile(rb"(p\d+):(\d+):x*.{0,400}?mqtt\.message_id.([0-9a-f]{32})", re.DOTALL)
LOW_HALF = (1 << 64) - 1


class Holdings:
    """Numbers and ids of messages by publisher, in the order of the partition. Small: 12 bytes each,
    so that an outage of ten minutes fits."""

    def __init__(self):
        self.numbers = collections.defaultdict(lambda: array("I"))
        self.ids = collections.defaultdict(lambda: array("Q"))
        self.partitions = set()  # that hold anything

    def add(self, client_id, number, message_id):
        self.numbers[client_id].append(int(number))
        self.ids[client_id].append(int(message_id, 16) & LOW_HALF)

    def __len__(self):
        return sum(map(len, self.numbers.values()))

    def read(self, bootstrap, topic, timeout=120):
        """Everything that stands in the topic now."""
        from confluent_kafka import (OFFSET_BEGINNING, Consumer, KafkaError, KafkaException,
                                     TopicPartition)

        consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "fault-matrix",
                             "enable.auto.commit": False, "enable.partition.eof": True,
                             "isolation.level": "read_committed", "log_level": 0})
        try:
            partitions = consumer.list_topics(topic, timeout=timeout).topics[topic].partitions
            consumer.assign([TopicPartition(topic, each, OFFSET_BEGINNING) for each in partitions])
            left, deadline = set(partitions), time.monotonic() + timeout
            while left:
                messages = consumer.consume(5000, 0.2)
                if messages:
                    deadline = time.monotonic() + timeout
                elif time.monotonic() > deadline:
                    raise AssertionError(f"{topic} cannot be read to its end: {sorted(left)}")
                for message in messages:
                    if message.error() is None:
                        self._add_record(message)
                    elif message.error().code() == KafkaError._PARTITION_EOF:
                        left.discard(message.partition())
                    elif not message.error().retriable():
                        raise KafkaException(message.error())
        finally:
            consumer.close()
        return self

    def _add_record(self, message):
        client_id, number, _ = message.value().split(b":", 2)
        ids = [value for name, value in message.headers() if name == MESSAGE_ID]
        self.add(client_id.decode(), number, ids[0])
        self.partitions.add(message.partition())

    def read_files(self, folders):
        """The log files of a topic that is deleted: Kafka keeps them for a while."""
        for folder in folders:
            for file in sorted(folder.glob("*.log")):
                for client_id, number, message_id in STORED.findall(file.read_bytes()):
                    self.add(client_id.decode(), number, message_id)
        return self


def counted(publisher, numbers, ids, rejected=()):
    """The counts of one publisher. `rejected`: numbers that became dead letters."""
    first = array("Q", bytes(8 * publisher.sent))  # the id that each number came with first
    more = collections.defaultdict(set)  # further ids of a number: its publisher sent it again
    found = {"lost": 0, "duplicated": 0, "sent_again": 0, "twice": 0, "reordered": 0}
    previous = -1
    for number, message_id in zip(numbers, ids):
        assert number < publisher.sent, f"{publisher.client_id}:{number} was never sent"
        if not first[number]:
            first[number] = message_id
            found["reordered"] += number < previous
            previous = number
        elif message_id == first[number] or message_id in more[number]:
            found["duplicated"] += 1
        else:
            more[number].add(message_id)
            found["sent_again" if publisher.qos == 1 else "twice"] += 1
    found["lost"] = sum(not first[number] for number in publisher.acknowledged
                        if number not in rejected)
    return found


def counted_all(publishers, holdings, rejected):
    """Of all publishers together. `rejected`: client id -> numbers."""
    total = collections.Counter()
    for publisher in publishers:
        total.update(counted(publisher, holdings.numbers[publisher.client_id],
                             holdings.ids[publisher.client_id],
                             rejected.get(publisher.client_id, ())))
    return dict(total)


def broke_a_promise(run):
    """Nothing lost, reordered, or twice; the same record twice only where that is allowed, no oftener,
    and not without the server's own count of what may be; and the fault was what it should be."""
    uncounted = not run["kills"] and run["duplicated"] > (run["possible_duplicates"] or 0)
    return bool(run["problem"] or run["lost"] or run["reordered"] or run["twice"] or run["refused"]
                or run["duplicated"] > run["duplicates_allowed"]
                or uncounted or (run["sent_again"] and not run["kills"]))
