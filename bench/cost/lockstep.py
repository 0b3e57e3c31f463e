"""Traffic whose cost does not depend on time: every step waits for the answer to the one before.

A round is one write with so many PUBLISHes (with QoS 0 a last one of QoS 1), then the PUBACKs, then
each subscriber's messages, and with QoS 1 its acknowledgements and an answered PINGREQ. The server
never has two things to do at once: a busy machine changes when it works, not what it does.
"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tests"))

from integration.raw_mqtt import (PINGREQ, PINGRESP, PUBACK, PUBLISH, RawClient,  # noqa: E402
                                  ack_packet, packet, publish_packet)

TOPIC = "plant/7/line/12/temperature"
PAYLOAD = b"x" * 256
MQTT_311 = 4


class Traffic:
    """One kind of traffic: `count` messages in a write, to so many subscribers. What is counted at
    once are `rounds` of it: the fewer messages in each, the more rounds."""

    def __init__(self, name, qos, count, subscribers=1):
        self.name, self.qos, self.count, self.subscribers = name, qos, count, subscribers
        self.rounds = 5 if count > 1 else 24

    @property
    def messages(self):
        return self.rounds * self.count


KINDS = [
    Traffic("QoS 0, 64 in a write, 1 subscriber", 0, 64),
    Traffic("QoS 1, 64 in a write, 1 subscriber", 1, 64),
    Traffic("QoS 1, 64 in a write, nobody subscribed", 1, 64, 0),
    Traffic("QoS 0, one at a time, 1 subscriber", 0, 1),
    Traffic("QoS 1, one at a time, 1 subscriber", 1, 1),
    Traffic("QoS 0, 16 in a write, 10 subscribers", 0, 16, 10),
]


class Lockstep:
    """The clients of one kind of traffic. Close it: the next kind starts with nobody there."""

    def __init__(self, address, kind, patience):
        self.kind = kind
        self.publisher = RawClient(address, MQTT_311, patience)
        self.publisher.connect("publisher", keep_alive=0)
        self.subscribers = []
        for number in range(kind.subscribers):
            client = RawClient(address, MQTT_311, patience)
            client.connect(f"subscriber-{number}", keep_alive=0)
            client.subscribe(TOPIC, qos=kind.qos)
            self.subscribers.append(client)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for client in (self.publisher, *self.subscribers):
            client.disconnect()

    def mark(self):
        """What a counter can see in the server: an UNSUBSCRIBE without effect."""
        self.publisher.unsubscribe("nothing")

    def round(self):
        ids = [self.publisher.new_id() if self.kind.qos else None for _ in range(self.kind.count)]
        packets = [publish_packet(MQTT_311, TOPIC, PAYLOAD, qos=self.kind.qos, packet_id=number)
                   for number in ids]
        if not self.kind.qos:
            # Its PUBACK says that the log has the round: else that would fall into the next one.
            ids = [self.publisher.new_id()]
            packets.append(publish_packet(MQTT_311, "round/end", b"", qos=1, packet_id=ids[0]))
        self.publisher.send(b"".join(packets))
        for number in ids:
            assert self.publisher.expect(PUBACK).packet_id == number
        for client in self.subscribers:
            self._take(client)

    def _take(self, client):
        messages = [client.expect(PUBLISH) for _ in range(self.kind.count)]
        if self.kind.qos:
            acks = b"".join(ack_packet(PUBACK, message.packet_id) for message in messages)
            client.send(acks + packet(PINGREQ, 0, b""))
            client.expect(PINGRESP)
