"""What clients saw, and the judgement of it.

A history is a list of events, or a file with one JSON object a line:

    {"event":"publish","client":"p","sequence":1,"topic":"t/1","qos":1}   sent for the first time
    {"event":"acknowledged","client":"p","sequence":1}    PUBACK or PUBCOMP without an error
    {"event":"refused","client":"p","sequence":1}         with one: sent again later, or never
    {"event":"subscribed","consumer":"s","topic":"t/#","qos":1,"group":true}   SUBACK has come
    {"event":"unsubscribed","consumer":"s","topic":"t/#"} asked for
    {"event":"asked","consumer":"s","topic":"t/#","qos":0}  for another QoS
    {"event":"delivered","consumer":"s","client":"p","sequence":1,"qos":1,"offset":7,"group":true}
    {"event":"cursor","consumer":"s","offset":7}          the consumer's cursor was seen there
    {"event":"broken","client":"p","consumer":"s"}        a connection ended: QoS 1 may repeat
    {"event":"killed"}                                    the server
    {"event":"end"}                                       all is quiet: what was to come has come

`check` returns the first violation as (rule, sentence), or None. The rules are those of
tests/support/history.cpp, which judges the simulation; tests/history has histories that both must
judge alike. docs/design/simulation.md tells what each rule means.
"""
import json


def load(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file if line.strip()]


def matches(topic_filter, topic):
    """MQTT 5.0 4.7."""
    wanted, levels = topic_filter.split("/"), topic.split("/")
    if topic.startswith("$") and wanted[0] in ("#", "+"):
        return False
    for index, level in enumerate(wanted):
        if level == "#":
            return True
        if index == len(levels) or level not in ("+", levels[index]):
            return False
    return len(wanted) == len(levels)


class Consumer:
    """A session, a group, or a task."""

    def __init__(self):
        self.is_group = False
        self.filters = {}  # filter -> [[since, until]] with QoS above 0
        self.changed = {}  # filter -> (when its QoS became another one, which)
        self.received = {}  # message -> [times, QoS]
        self.last = {}  # (publisher, QoS) -> sequence
        self.offsets = {}  # offset -> message
        self.highest_offset = self.cursor = self.broken_at = 0


class Message:
    """One PUBLISH, as its publisher knows it."""

    def __init__(self, topic, qos, at):
        self.topic, self.qos, self.at = topic, qos, at
        self.acknowledged_at = None
        self.was_refused = False


class Violation(Exception):
    """Of a rule."""


class Checker:
    """Judges a history as it goes on."""

    def __init__(self):
        self.now = self.killed_at = 0
        self.broken_at = {}
        self.sent, self.consumers = {}, {}

    def consumer(self, name):
        return self.consumers.setdefault(name, Consumer())

    def add(self, event):
        self.now += 1
        getattr(self, "on_" + event["event"])(event)

    def on_publish(self, event):
        self.sent.setdefault((event["client"], event["sequence"]),
                             Message(event["topic"], event["qos"], self.now))

    def on_acknowledged(self, event):
        sent = self.sent[event["client"], event["sequence"]]
        sent.acknowledged_at = sent.acknowledged_at or self.now

    def on_refused(self, event):
        self.sent[event["client"], event["sequence"]].was_refused = True

    def _note_qos(self, event, qos):
        changed = self.consumer(event["consumer"]).changed
        if changed.get(event["topic"], (0, 0))[1] != qos:
            changed[event["topic"]] = self.now, qos

    def on_subscribed(self, event):
        self._note_qos(event, event["qos"])
        consumer = self.consumer(event["consumer"])
        consumer.is_group = event.get("group", False)
        periods = consumer.filters.setdefault(event["topic"], [])
        if event["qos"] > 0 and not (periods and periods[-1][1] is None):
            periods.append([self.now, None])

    def on_unsubscribed(self, event):
        self._note_qos(event, 0)
        self.consumer(event["consumer"]).filters.pop(event["topic"], None)

    def on_asked(self, event):
        # Nobody knows which QoS holds until the answer comes.
        self.consumer(event["consumer"]).changed[event["topic"]] = float("inf"), -1
        if event["qos"] > 0:
            return
        # What is published from here on need not come.
        for period in self.consumer(event["consumer"]).filters.get(event["topic"], [])[-1:]:
            period[1] = period[1] or self.now

    def on_killed(self, _):
        self.killed_at = self.now

    def on_broken(self, event):
        if "client" in event:
            self.broken_at[event["client"]] = self.now
        if "consumer" in event:
            self.consumer(event["consumer"]).broken_at = self.now

    def on_cursor(self, event):
        consumer = self.consumer(event["consumer"])
        if event["offset"] < consumer.cursor:
            raise Violation("cursor", f"{event['consumer']}'s cursor went back from "
                                      f"{consumer.cursor} to {event['offset']}")
        consumer.cursor = event["offset"]

    def on_delivered(self, event):
        message = event["client"], event["sequence"]
        name = f"{event['client']}:{event['sequence']}"
        sent = self.sent.get(message)
        if sent is None:
            raise Violation("invented", f"{event['consumer']} got {name}, which nobody sent")
        consumer = self.consumer(event["consumer"])
        consumer.is_group = consumer.is_group or event.get("group", False)
        received = consumer.received.setdefault(message, [0, event["qos"]])
        received[0] += 1
        self._judge_offset(event, consumer, message, received[0] == 1)
        if received[0] > 1:
            self._judge_repeat(event, sent, received, consumer)
            return
        # What it was sent again of may be all that was stored since the consumer subscribed.
        if sent.was_refused or consumer.is_group or not self._is_ordered(sent, consumer):
            return
        last = consumer.last.get((event["client"], event["qos"]), 0)
        if event["sequence"] < last:
            raise Violation("order", f"{event['consumer']} got {name} after number {last}")
        consumer.last[event["client"], event["qos"]] = event["sequence"]

    def _judge_repeat(self, event, sent, received, consumer):
        what = f"{event['consumer']} got {event['client']}:{event['sequence']} {received[0]} times"
        # A publisher sends QoS 1 again when it does not know, and after a refusal.
        sent_again = (sent.was_refused or self.killed_at > sent.at
                      or self.broken_at.get(event["client"], 0) > sent.at)
        if sent.qos == 1 and sent_again:
            return
        if sent.qos == received[1] == event["qos"] == 2:
            raise Violation("twice", what + ", of QoS 2")
        if self.killed_at <= sent.at and consumer.broken_at <= sent.at:
            raise Violation("twice", what + ", and nothing had broken")

    @staticmethod
    def _is_due(sent, consumer):
        # Of one that was acknowledged later the server may have received it after the end.
        acknowledged_at = sent.acknowledged_at or float("inf")
        return any(since < sent.at and (until is None or acknowledged_at < until)
                   and matches(topic_filter, sent.topic)
                   for topic_filter, periods in consumer.filters.items()
                   for since, until in periods)

    @classmethod
    def _is_ordered(cls, sent, consumer):
        # [MQTT-4.6.0-6] is of one QoS: after a kill what was sent with another one before comes
        # with the newest, and may be behind what had that one already.
        return cls._is_due(sent, consumer) and not any(
            at >= sent.at and matches(topic_filter, sent.topic)
            for topic_filter, (at, _) in consumer.changed.items())

    @staticmethod
    def _judge_offset(event, consumer, message, is_first):
        offset = event.get("offset", 0)
        if not offset:
            return
        if consumer.offsets.setdefault(offset, message) != message:
            raise Violation("offset", f"offset {offset} is of two messages")
        if not is_first:
            return
        # What comes for the first time at or before the cursor was passed without being delivered.
        if offset <= consumer.cursor:
            raise Violation("cursor", f"{event['consumer']}'s cursor at {consumer.cursor} had "
                                      f"passed offset {offset}")
        if consumer.is_group:
            return
        if offset < consumer.highest_offset:
            raise Violation("offset", f"{event['consumer']} went back from offset "
                                      f"{consumer.highest_offset} to {offset}")
        consumer.highest_offset = offset

    def on_end(self, _):
        for (client, sequence), sent in self.sent.items():
            for name, consumer in self.consumers.items():
                is_due = sent.acknowledged_at and self._is_due(sent, consumer)
                if is_due and (client, sequence) not in consumer.received:
                    raise Violation("lost", f"{name} never got {client}:{sequence}, which was "
                                            "acknowledged")


def check(events):
    checker = Checker()
    for event in events:
        try:
            checker.add(event)
        except Violation as violation:
            return violation.args
    return None
