"""Bad input is refused with the right words, costs no memory and disturbs nobody."""
import socket
import struct

import pytest

from integration import raw_mqtt as mqtt
from integration.raw_mqtt import RawClient, packet, text

MALFORMED, PROTOCOL_ERROR, TOPIC_NAME_INVALID, TOO_LARGE = 0x81, 0x82, 0x90, 0x95
UNSUPPORTED_VERSION, CLIENT_ID_INVALID, FILTER_INVALID = 0x84, 0x85, 0x8F


def publish(body, flags=0):
    return packet(mqtt.PUBLISH, flags, body)


# name, bytes after CONNECT, the reason codes that MQTT 5 allows for it
AFTER_CONNECT = [
    ("type 0", b"\x00\x00", {MALFORMED, PROTOCOL_ERROR}),
    ("flags of PINGREQ", b"\xc1\x00", {MALFORMED}),  # [MQTT-2.1.3-1]
    ("flags of SUBSCRIBE", packet(8, 0, b"\x00\x01\x00" + text("a") + b"\x00"), {MALFORMED}),
    ("flags of PUBREL", packet(6, 0, b"\x00\x01"), {MALFORMED}),  # [MQTT-3.6.1-1]
    ("length of five bytes", b"\x30\xff\xff\xff\xff\x01", {MALFORMED}),  # [MQTT-1.5.5-1]
    ("QoS 3", publish(text("a") + b"\x00\x01\x00x", 6), {MALFORMED}),  # [MQTT-3.3.1-4]
    ("packet id 0", publish(text("a") + b"\x00\x00\x00x", 2), {MALFORMED, PROTOCOL_ERROR}),
    ("topic longer than the packet", publish(b"\x00\xffab"), {MALFORMED}),
    ("PUBLISH without a body", publish(b""), {MALFORMED}),
    ("wildcard in a topic name", publish(text("a/+") + b"\x00x"), {MALFORMED, TOPIC_NAME_INVALID}),
    ("no topic and no alias", publish(text("") + b"\x00x"),
     {MALFORMED, PROTOCOL_ERROR, TOPIC_NAME_INVALID}),
    ("topic is not UTF-8", publish(text(b"a\xff") + b"\x00x"), {MALFORMED}),  # [MQTT-1.5.4-1]
    ("a surrogate in a topic", publish(text(b"a\xed\xa0\x80") + b"\x00x"), {MALFORMED}),
    ("U+0000 in a topic", publish(text(b"a\x00b") + b"\x00x"), {MALFORMED, TOPIC_NAME_INVALID}),
    ("an overlong character", publish(text(b"a\xc0\xaf") + b"\x00x"), {MALFORMED}),
    ("properties longer than the packet", publish(text("a") + b"\x7f"), {MALFORMED}),
    ("unknown property", publish(text("a") + b"\x02\x7e\x00x"), {MALFORMED, PROTOCOL_ERROR}),
    ("property of another packet", publish(text("a") + b"\x05\x11\x00\x00\x00\x01x"),
     {MALFORMED, PROTOCOL_ERROR}),
    ("property twice", publish(text("a") + b"\x04\x01\x00\x01\x00x"), {MALFORMED, PROTOCOL_ERROR}),
    ("payload format 2", publish(text("a") + b"\x02\x01\x02x"), {MALFORMED, PROTOCOL_ERROR}),
    ("subscription identifier from a client", publish(text("a") + b"\x02\x0b\x01x"),
     {MALFORMED, PROTOCOL_ERROR}),  # [MQTT-3.3.4-6]
    ("SUBSCRIBE without a filter", packet(8, 2, b"\x00\x01\x00"),
     {MALFORMED, PROTOCOL_ERROR}),  # [MQTT-3.8.3-2]
    ("SUBSCRIBE with packet id 0", packet(8, 2, b"\x00\x00\x00" + text("a") + b"\x00"),
     {MALFORMED, PROTOCOL_ERROR}),
    ("SUBSCRIBE with QoS 3", packet(8, 2, b"\x00\x01\x00" + text("a") + b"\x03"),
     {MALFORMED, PROTOCOL_ERROR}),
    ("SUBSCRIBE with reserved bits", packet(8, 2, b"\x00\x01\x00" + text("a") + b"\x40"),
     {MALFORMED, PROTOCOL_ERROR}),  # [MQTT-3.8.3-5]
    ("retain handling 3", packet(8, 2, b"\x00\x01\x00" + text("a") + b"\x30"),
     {MALFORMED, PROTOCOL_ERROR}),
    ("subscription identifier 0", packet(8, 2, b"\x00\x01\x02\x0b\x00" + text("a") + b"\x00"),
     {MALFORMED, PROTOCOL_ERROR}),
    ("UNSUBSCRIBE without a filter", packet(10, 2, b"\x00\x01\x00"),
     {MALFORMED, PROTOCOL_ERROR}),  # [MQTT-3.10.3-2]
    ("CONNECT again", mqtt.connect_packet(5, "again"), {PROTOCOL_ERROR}),  # [MQTT-3.1.0-2]
    ("CONNACK from a client", b"\x20\x03\x00\x00\x00", {MALFORMED, PROTOCOL_ERROR}),
    ("SUBACK from a client", b"\x90\x04\x00\x01\x00\x00", {MALFORMED, PROTOCOL_ERROR}),
    ("PINGRESP from a client", b"\xd0\x00", {MALFORMED, PROTOCOL_ERROR}),
    ("AUTH without a method", b"\xf0\x00", {PROTOCOL_ERROR, 0x8C}),
    ("PUBACK with an unknown reason", b"\x40\x03\x00\x01\x42", {MALFORMED, PROTOCOL_ERROR}),
    ("PUBACK of one byte", b"\x40\x01\x00", {MALFORMED}),
    ("larger than allowed", b"\x30\xff\xff\xff\x7f", {TOO_LARGE}),
]


@pytest.fixture
def watcher(broker, topic):
    """Somebody else on the same server, whom nothing of this may disturb."""
    with RawClient(broker.address) as raw:
        raw.connect(broker.unique())
        raw.subscribe(topic, qos=1)
        yield raw
        raw.publish(topic, b"still here", qos=1)
        assert raw.messages(1)[0].payload == b"still here"


@pytest.mark.parametrize("data,codes", [pytest.param(data, codes, id=name.replace(" ", "-"))
                                        for name, data, codes in AFTER_CONNECT])
def test_mqtt_5_says_what_was_wrong(broker, watcher, data, codes):
    del watcher
    with RawClient(broker.address) as raw:
        raw.connect(broker.unique())

        raw.send(data)

        packets = raw.expect_closed()
        assert [entry.type for entry in packets] == [mqtt.DISCONNECT], [str(p) for p in packets]
        assert packets[0].reason in codes, hex(packets[0].reason)


OLD = ["type 0", "flags of PINGREQ", "length of five bytes", "QoS 3", "packet id 0",
       "topic longer than the packet", "PUBLISH without a body", "CONNECT again",
       "PINGRESP from a client", "larger than allowed"]


@pytest.mark.parametrize("name", OLD)
def test_mqtt_3_1_1_is_closed(broker, watcher, name):
    del watcher
    data = next(data for known, data, _ in AFTER_CONNECT if known == name)
    with RawClient(broker.address, 4) as raw:
        raw.connect(broker.unique())

        raw.send(data)

        assert raw.expect_closed() == []  # [MQTT-4.8.0-1]


def connect_body(name=text("MQTT"), level=5, flags=2, keep=b"\x00\x3c", props=b"\x00",
                 tail=text("id")):
    return packet(mqtt.CONNECT, 0, name + bytes([level, flags]) + keep + props + tail)


# name, bytes, the reason codes of a CONNACK; a close without one is allowed for all but the version
FIRST_PACKETS = [
    ("not CONNECT", packet(mqtt.PINGREQ, 0, b""), set()),  # [MQTT-3.1.0-1]
    ("PUBLISH first", publish(text("a") + b"\x00x"), set()),
    ("HTTP", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", set()),
    ("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", set()),
    ("another protocol", connect_body(name=text("MQTTX")), {MALFORMED, UNSUPPORTED_VERSION}),
    ("reserved flag", connect_body(flags=3), {MALFORMED, PROTOCOL_ERROR}),  # [MQTT-3.1.2-3]
    ("will QoS without a will", connect_body(flags=0x0A), {MALFORMED, PROTOCOL_ERROR}),
    ("will QoS 3", connect_body(flags=0x1E, tail=text("id") + b"\x00" + text("w") + text("")),
     {MALFORMED, PROTOCOL_ERROR}),
    ("client id is not UTF-8", connect_body(tail=text(b"\xff\xfe")),
     {MALFORMED, CLIENT_ID_INVALID}),
    ("receive maximum 0", connect_body(props=b"\x03\x21\x00\x00"), {MALFORMED, PROTOCOL_ERROR}),
    ("maximum packet size 0", connect_body(props=b"\x05\x27\x00\x00\x00\x00"),
     {MALFORMED, PROTOCOL_ERROR}),
    ("session expiry twice", connect_body(props=b"\x0a" + b"\x11\x00\x00\x00\x01" * 2),
     {MALFORMED, PROTOCOL_ERROR}),
    ("a tail", connect_body(tail=text("id") + b"more"), {MALFORMED}),
    ("shorter than it says", connect_body(tail=b"\x00\x10id"), {MALFORMED}),
    ("wildcard in the will topic",
     connect_body(flags=6, tail=text("id") + b"\x00" + text("a/#") + text("x")),
     {MALFORMED, TOPIC_NAME_INVALID, PROTOCOL_ERROR}),
]


@pytest.mark.parametrize("data,codes", [pytest.param(data, codes, id=name.replace(" ", "-"))
                                        for name, data, codes in FIRST_PACKETS])
def test_a_bad_first_packet_is_closed(broker, watcher, data, codes):
    del watcher
    with RawClient(broker.address) as raw:
        raw.send(data)

        packets = raw.expect_closed()

        assert len(packets) <= 1
        for entry in packets:
            assert entry.type in (mqtt.CONNACK, mqtt.DISCONNECT)
            assert entry.reason in codes, f"{entry}"


@pytest.mark.parametrize("level,answer", [(6, 0x84), (2, 0x84), (0, 0x84)])
def test_an_unknown_version_is_told(broker, level, answer):
    with RawClient(broker.address) as raw:
        raw.send(connect_body(level=level))
        packets = raw.expect_closed()
        # In the words of MQTT 5, or in those of 3.1.1 (1). [MQTT-3.1.2-2]
        assert [entry.type for entry in packets] == [mqtt.CONNACK]
        assert packets[0].reason in (answer, 1)


def test_a_connection_that_never_says_connect_is_closed(broker):
    with RawClient(broker.address) as raw:
        assert raw.expect_closed(60) == []


def test_a_filter_out_of_place_is_refused_alone(broker):
    """Others in the same SUBSCRIBE are served, or the whole is malformed: [MQTT-4.7.1-1], -2."""
    with RawClient(broker.address) as raw:
        raw.connect(broker.unique())
        raw.send(mqtt.subscribe_packet(5, 1, [("a/#/b", 0), ("good", 0), ("a+", 0)]))
        answer = raw.receive()
        if answer.type == mqtt.SUBACK:
            assert answer.codes == [FILTER_INVALID, 0, FILTER_INVALID]
        else:
            assert answer.type == mqtt.DISCONNECT and answer.reason in (MALFORMED, FILTER_INVALID)


def test_clients_may_not_write_the_servers_topics(broker):
    if broker.server is None:
        pytest.skip("a rule of this server")
    with RawClient(broker.address) as raw, RawClient(broker.address, 4) as old:
        raw.connect(broker.unique())
        old.connect(broker.unique())
        for name in ("$SYS/x", "$events/task/x/failed", "$other"):
            assert raw.publish(name, b"x", qos=1).reason in (0x87, TOPIC_NAME_INVALID)


def test_garbage_costs_no_memory(make_sluice):
    server = make_sluice({"access": {"enabled": False}})

    def attack(times):
        for number in range(times):
            with socket.create_connection(server.mqtt, timeout=10) as raw:
                case = number % 4
                if case == 0:  # claims 1 MiB and sends none of it
                    raw.sendall(b"\x10\x80\x80\x40" + text("MQTT"))
                elif case == 1:  # claims 256 MiB
                    raw.sendall(b"\x10\xff\xff\xff\x7f" + text("MQTT"))
                elif case == 2:
                    raw.sendall(struct.pack(">Q", number * 0x9E3779B97F4A7C15 % 2**64) * 64)
                else:  # a good CONNECT, then a PUBLISH that never comes whole
                    raw.sendall(mqtt.connect_packet(5, f"c{number}") + b"\x30\x80\x80\x40\x00\x01a")

    attack(400)
    before = server.rss_bytes()
    attack(2000)
    grown = server.rss_bytes() - before
    assert grown < 16 << 20, f"RSS grew by {grown >> 10} KiB"


def test_waiting_for_a_large_packet_takes_no_memory_for_it(make_sluice):
    """Limits are checked before memory is taken: 500 connections that announce 1 MB each."""
    server = make_sluice({"access": {"enabled": False}})
    opened = []
    try:
        for number in range(50):  # warm
            opened.append(RawClient(server.mqtt))
            opened[-1].connect(f"warm{number}")
        before = server.rss_bytes()
        for number in range(500):
            raw = RawClient(server.mqtt)
            opened.append(raw)
            raw.connect(f"c{number}")
            raw.send(b"\x30" + mqtt.varint(1_000_000) + b"\x00\x01a\x00" + b"x" * 100)
        opened[0].expect_silence()
        grown = server.rss_bytes() - before
    finally:
        for raw in opened:
            raw.abort()
    assert grown < 64 << 20, f"RSS grew by {grown >> 20} MiB: announced, not sent"
