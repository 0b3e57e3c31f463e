"""Single packets, good and bad, byte by byte: chapters 1 to 3 of the standards."""
import pytest

from conformance.frame import (Case, cases, expect_exactly, expect_refused, packet_of, read_bytes,
                               shows)
from integration import raw_mqtt as mqtt
from integration.raw_mqtt import RawClient, packet, text

MALFORMED, PROTOCOL_ERROR, NAME_INVALID, TOO_LARGE = 0x81, 0x82, 0x90, 0x95
EITHER = {MALFORMED, PROTOCOL_ERROR}  # where the standard does not say which


def topic(data):
    return packet_of(mqtt.PUBLISH, 0, text(data), rest=b"x")


def properties(data):
    return packet(mqtt.PUBLISH, 0, text("a") + mqtt.varint(len(data)) + data + b"x")


def filters(*names, flags=2, packet_id=b"\x00\x01", options=b"\x00"):
    return packet_of(mqtt.SUBSCRIBE, flags, packet_id,
                     rest=b"".join(text(name) + options for name in names))


def no_filters(*names, flags=2, packet_id=b"\x00\x01"):
    return packet_of(mqtt.UNSUBSCRIBE, flags, packet_id, rest=b"".join(map(text, names)))


def flagged(packet_type, flags, body, body5=None):
    return {4: packet(packet_type, flags, body),
            5: packet(packet_type, flags, body if body5 is None else body5)}


UTF8 = "4/1.5.3-1 5/1.5.4-1"

# After CONNECT: what closes the connection.
REFUSED = [
    # 1.5: text
    Case("a surrogate", UTF8, topic(b"a\xed\xa0\x80"), MALFORMED),
    Case("the last surrogate", UTF8, topic(b"a\xed\xbf\xbf"), MALFORMED),
    Case("an overlong slash", UTF8, topic(b"a\xc0\xaf"), MALFORMED),
    Case("an overlong letter of three bytes", UTF8, topic(b"\xe0\x81\x81"), MALFORMED),
    Case("above the last character", UTF8, topic(b"\xf4\x90\x80\x80"), MALFORMED),
    Case("a lonely continuation", UTF8, topic(b"a\x80"), MALFORMED),
    Case("a character cut off", UTF8, topic(b"a\xe2\x82"), MALFORMED),
    Case("byte FF", UTF8, topic(b"\xff"), MALFORMED),
    Case("NUL in a topic", "4/1.5.3-2 4/4.7.3-2 5/1.5.4-2 5/4.7.3-2", topic(b"a\x00b"), MALFORMED),
    Case("NUL in a filter", "4/1.5.3-2 4/4.7.3-2 5/1.5.4-2 5/4.7.3-2", filters(b"a\x00b"),
         MALFORMED),
    Case("a filter that is not UTF-8", "4/3.8.3-1 5/3.8.3-1", filters(b"a\xff"), MALFORMED),
    Case("unsubscribe from what is not UTF-8", "4/3.10.3-1 5/3.10.3-1", no_filters(b"a\xff"),
         MALFORMED),
    Case("a user property whose name is not UTF-8", "5/1.5.7-1",
         properties(b"\x26" + text(b"\xff") + text("v")), MALFORMED),
    Case("a user property whose value is not UTF-8", "5/1.5.7-1",
         properties(b"\x26" + text("n") + text(b"\xff")), MALFORMED),
    Case("a user property with NUL", "5/1.5.7-1 5/1.5.4-2",
         properties(b"\x26" + text("n") + text(b"\x00")), MALFORMED),
    Case("a content type that is not UTF-8", "5/3.3.2-19", properties(b"\x03" + text(b"\xff")),
         MALFORMED),
    Case("a response topic that is not UTF-8", "5/3.3.2-13", properties(b"\x08" + text(b"\xff")),
         MALFORMED),
    Case("a response topic with a wildcard", "5/3.3.2-14", properties(b"\x08" + text(b"a/+")),
         {MALFORMED, PROTOCOL_ERROR, NAME_INVALID}),
    # 1.5.5: variable byte integers
    Case("a length of five bytes", "4/4.8.0-1 5/1.5.5-1", b"\x30\xff\xff\xff\xff\x01", MALFORMED),
    Case("a remaining length with a byte too many", "5/1.5.5-1", b"\xc0\x80\x00", MALFORMED),
    Case("a property length with a byte too many", "5/1.5.5-1",
         packet(mqtt.PUBLISH, 0, text("a") + b"\x80\x00x"), MALFORMED),
    Case("a subscription identifier with a byte too many", "5/1.5.5-1",
         packet(mqtt.SUBSCRIBE, 2, b"\x00\x01\x03\x0b\x81\x00" + text("a") + b"\x00"), MALFORMED),
    # 2.1.3: types and flags
    Case("type 0", "4/4.8.0-1 5/4.13.1-1", b"\x00\x00", EITHER),
    Case("flags of PUBACK", "4/2.2.2-2 5/2.1.3-1", packet(mqtt.PUBACK, 1, b"\x00\x01"), MALFORMED),
    Case("flags of PUBREC", "4/2.2.2-2 5/2.1.3-1", packet(mqtt.PUBREC, 2, b"\x00\x01"), MALFORMED),
    Case("flags of PUBREL", "4/3.6.1-1 5/3.6.1-1", packet(mqtt.PUBREL, 0, b"\x00\x01"), MALFORMED),
    Case("flags of PUBCOMP", "4/2.2.2-2 5/2.1.3-1", packet(mqtt.PUBCOMP, 8, b"\x00\x01"),
         MALFORMED),
    Case("flags of SUBSCRIBE", "4/3.8.1-1 5/3.8.1-1", filters("a", flags=0), MALFORMED),
    Case("more flags of SUBSCRIBE", "4/3.8.1-1 5/3.8.1-1", filters("a", flags=10), MALFORMED),
    Case("flags of UNSUBSCRIBE", "4/3.10.1-1 5/3.10.1-1", no_filters("a", flags=3), MALFORMED),
    Case("flags of PINGREQ", "4/2.2.2-1 4/2.2.2-2 5/2.1.3-1", b"\xc1\x00", MALFORMED),
    Case("flags of DISCONNECT", "4/3.14.1-1 5/3.14.1-1", b"\xe4\x00", MALFORMED),
    Case("flags of AUTH", "5/3.15.1-1", b"\xf1\x00", MALFORMED),
    # 2.2.1: packet ids
    Case("PUBLISH with id 0", "4/2.3.1-1 5/4.13.1-1",
         packet_of(mqtt.PUBLISH, 2, text("a") + b"\x00\x00", rest=b"x"), EITHER),
    Case("SUBSCRIBE with id 0", "4/2.3.1-1 5/4.13.1-1", filters("a", packet_id=b"\x00\x00"),
         EITHER),
    Case("UNSUBSCRIBE with id 0", "4/2.3.1-1 5/4.13.1-1", no_filters("a", packet_id=b"\x00\x00"),
         EITHER),
    # 3.1
    Case("CONNECT again", "4/3.1.0-2 5/3.1.0-2",
         {version: mqtt.connect_packet(version, "again") for version in (4, 5)}, PROTOCOL_ERROR),
    # 3.3: PUBLISH
    Case("QoS 3", "4/3.3.1-4 5/3.3.1-4",
         packet_of(mqtt.PUBLISH, 6, text("a") + b"\x00\x01", rest=b"x"), MALFORMED),
    Case("QoS 0 with DUP", "4/3.3.1-2 5/3.3.1-2", packet_of(mqtt.PUBLISH, 8, text("a"), rest=b"x"),
         EITHER),
    Case("no body", "4/3.3.2-1 5/3.3.2-1", b"\x30\x00", MALFORMED),
    Case("a topic longer than the packet", "4/3.3.2-1 5/3.3.2-1", b"\x30\x04\x00\xffab", MALFORMED),
    Case("a topic with plus", "4/3.3.2-2 4/4.7.1-1 5/3.3.2-2 5/4.7.0-1", topic(b"a/+"),
         {MALFORMED, NAME_INVALID}),
    Case("a topic with hash", "4/3.3.2-2 4/4.7.1-1 5/3.3.2-2 5/4.7.0-1", topic(b"a/#"),
         {MALFORMED, NAME_INVALID}),
    Case("an empty topic", "4/4.7.3-1 5/4.7.3-1", topic(b""),
         {MALFORMED, PROTOCOL_ERROR, NAME_INVALID}),
    Case("no packet id with QoS 1", "4/2.3.1-1 5/4.13.1-1", {
        4: packet(mqtt.PUBLISH, 2, text("a")), 5: packet(mqtt.PUBLISH, 2, text("a"))}, MALFORMED),
    Case("topic alias 0", "5/3.3.2-8", properties(b"\x23\x00\x00"), {PROTOCOL_ERROR, 0x94}),
    Case("a topic alias above the maximum", "5/4.13.1-1", properties(b"\x23\xff\xff"),
         {PROTOCOL_ERROR, 0x94}),
    Case("an alias that was never given", "5/4.13.1-1",
         packet(mqtt.PUBLISH, 0, text("") + b"\x03\x23\x00\x01x"), {PROTOCOL_ERROR, 0x94}),
    Case("a subscription identifier from a client", "5/4.13.1-1", properties(b"\x0b\x01"),
         EITHER),
    Case("payload format twice", "5/4.13.1-1", properties(b"\x01\x00\x01\x00"), PROTOCOL_ERROR),
    Case("payload format 2", "5/4.13.1-1", properties(b"\x01\x02"), EITHER),
    Case("message expiry twice", "5/4.13.1-1", properties(b"\x02\0\0\0\x01" * 2), PROTOCOL_ERROR),
    Case("content type twice", "5/4.13.1-1", properties((b"\x03" + text("a")) * 2),
         PROTOCOL_ERROR),
    Case("response topic twice", "5/4.13.1-1", properties((b"\x08" + text("a")) * 2),
         PROTOCOL_ERROR),
    Case("correlation data twice", "5/4.13.1-1", properties((b"\x09" + text("a")) * 2),
         PROTOCOL_ERROR),
    Case("a property that is not there", "5/4.13.1-1", properties(b"\x7e\x00"), EITHER),
    Case("a property of CONNECT", "5/4.13.1-1", properties(b"\x11\0\0\0\x01"), EITHER),
    Case("properties longer than the packet", "5/4.13.1-1",
         packet(mqtt.PUBLISH, 0, text("a") + b"\x7f"), MALFORMED),
    Case("no property length", "5/2.2.2-1", packet(mqtt.PUBLISH, 2, text("a") + b"\x00\x01"),
         MALFORMED),
    # 3.4 to 3.7: acknowledgements
    Case("PUBACK of one byte", "4/4.8.0-1 5/4.13.1-1", b"\x40\x01\x00", MALFORMED),
    Case("PUBACK with a code not its own", "5/3.4.2-1", b"\x40\x03\x00\x01\x42", EITHER),
    Case("PUBREC with a code not its own", "5/3.5.2-1", b"\x50\x03\x00\x01\x92", EITHER),
    Case("PUBREL with a code not its own", "5/3.6.2-1", b"\x62\x03\x00\x01\x10", EITHER),
    Case("PUBCOMP with a code not its own", "5/3.7.2-1", b"\x70\x03\x00\x01\x87", EITHER),
    # 3.8, 3.10: SUBSCRIBE, UNSUBSCRIBE
    Case("SUBSCRIBE without a filter", "4/3.8.3-3 5/3.8.3-2", filters(), EITHER),
    Case("SUBSCRIBE without options", "4/3.8.3-3 5/3.8.3-2",
         packet_of(mqtt.SUBSCRIBE, 2, b"\x00\x01", rest=text("a")), MALFORMED),
    Case("SUBSCRIBE with QoS 3", "4/3.8.3-4 5/4.13.1-1", filters("a", options=b"\x03"), EITHER),
    Case("SUBSCRIBE with reserved bit 6", "4/3.8.3-4 5/3.8.3-5", filters("a", options=b"\x40"),
         MALFORMED),
    Case("SUBSCRIBE with reserved bit 7", "4/3.8.3-4 5/3.8.3-5", filters("a", options=b"\x80"),
         MALFORMED),
    Case("SUBSCRIBE with options of MQTT 5", "4/3.8.3-4", filters("a", options=b"\x04"),
         MALFORMED),
    Case("retain handling 3", "5/4.13.1-1", filters("a", options=b"\x30"), EITHER),
    Case("subscription identifier 0", "5/4.13.1-1",
         packet(mqtt.SUBSCRIBE, 2, b"\x00\x01\x02\x0b\x00" + text("a") + b"\x00"), EITHER),
    Case("subscription identifier twice", "5/4.13.1-1",
         packet(mqtt.SUBSCRIBE, 2, b"\x00\x01\x04\x0b\x01\x0b\x02" + text("a") + b"\x00"),
         PROTOCOL_ERROR),
    Case("no local on a shared subscription", "5/3.8.3-4",
         filters("$share/g/a", options=b"\x04"), PROTOCOL_ERROR),
    Case("UNSUBSCRIBE without a filter", "4/3.10.3-2 5/3.10.3-2", no_filters(), EITHER),
    # what only a server sends
    Case("CONNACK from a client", "4/4.8.0-1 5/4.13.1-1", flagged(2, 0, b"\0\0", b"\0\0\0"),
         EITHER),
    Case("SUBACK from a client", "4/4.8.0-1 5/4.13.1-1",
         flagged(9, 0, b"\0\x01\0", b"\0\x01\0\0"), EITHER),
    Case("UNSUBACK from a client", "4/4.8.0-1 5/4.13.1-1",
         flagged(11, 0, b"\0\x01", b"\0\x01\0\0"), EITHER),
    Case("PINGRESP from a client", "4/4.8.0-1 5/4.13.1-1", b"\xd0\x00", EITHER),
    Case("AUTH without a method", "5/4.12.0-6", b"\xf0\x00", {PROTOCOL_ERROR, 0x8C}),
    Case("AUTH in 3.1.1", "4/4.8.0-1", b"\xf0\x00", 0),
    # 3.12, 3.14
    Case("PINGREQ with a body", "4/4.8.0-1 5/4.13.1-1", b"\xc0\x01\x00", EITHER),
    Case("DISCONNECT with a body", "4/4.8.0-1", b"\xe0\x01\x00", 0),
    Case("DISCONNECT with a code not its own", "5/3.14.2-1", b"\xe0\x01\x10", EITHER),
    Case("larger than the server takes", "4/4.8.0-1 5/4.13.2-1", b"\x30\xff\xff\xff\x7f",
         TOO_LARGE),
]


@pytest.mark.parametrize("version,send,answer", cases(REFUSED))
def test_refused(client, version, send, answer):
    raw = client(version)
    raw.send(send)
    expect_refused(raw, answer)


# After CONNECT: the exact answer, and nothing behind it.
ANSWERED = [
    Case("ping", "4/3.12.4-1 5/3.12.4-1", b"\xc0\x00", b"\xd0\x00"),
    Case("subscribe", "4/3.8.4-1 4/3.8.4-2 4/2.3.1-7 5/3.8.4-1 5/3.8.4-2 5/2.2.1-6",
         filters("answered/a", packet_id=b"\x12\x34", options=b"\x02"),
         {4: b"\x90\x03\x12\x34\x02", 5: b"\x90\x04\x12\x34\x00\x02"}),
    Case("several filters", "4/3.8.4-4 4/3.8.4-5 4/3.9.3-1 5/3.8.4-5 5/3.8.4-6 5/3.9.3-1",
         packet_of(mqtt.SUBSCRIBE, 2, b"\x00\x02",
                   rest=text("answered/a") + b"\x02" + text("answered/b") + b"\x00" +
                   text("answered/c") + b"\x01"),
         {4: b"\x90\x05\x00\x02\x02\x00\x01", 5: b"\x90\x06\x00\x02\x00\x02\x00\x01"}),
    Case("a filter that is refused among others",
         "4/3.8.4-5 4/3.9.3-2 4/4.7.1-2 5/3.8.4-7 5/3.9.3-2 5/4.7.1-1",
         packet_of(mqtt.SUBSCRIBE, 2, b"\x00\x02",
                   rest=text("answered/a") + b"\x02" + text("answered/#/b") + b"\x00" +
                   text("answered/c") + b"\x01"),
         {4: b"\x90\x05\x00\x02\x02\x80\x01", 5: b"\x90\x06\x00\x02\x00\x02\x8f\x01"}),
    Case("hash behind a letter", "4/4.7.1-2 5/4.7.1-1", filters("a#"),
         {4: b"\x90\x03\x00\x01\x80", 5: b"\x90\x04\x00\x01\x00\x8f"}),
    Case("plus behind a letter", "4/4.7.1-3 5/4.7.1-2", filters("a+"),
         {4: b"\x90\x03\x00\x01\x80", 5: b"\x90\x04\x00\x01\x00\x8f"}),
    Case("plus before a letter", "4/4.7.1-3 5/4.7.1-2", filters("a/+b/c"),
         {4: b"\x90\x03\x00\x01\x80", 5: b"\x90\x04\x00\x01\x00\x8f"}),
    Case("an empty filter", "4/4.7.3-1 5/4.7.3-1", filters(""),
         {4: b"\x90\x03\x00\x01\x80", 5: b"\x90\x04\x00\x01\x00\x8f"}),
    Case("a group without a name", "5/4.8.2-1", filters("$share//a"), b"\x90\x04\x00\x01\x00\x8f"),
    Case("a group without a filter", "5/4.8.2-2", filters("$share/g"),
         b"\x90\x04\x00\x01\x00\x8f"),
    Case("a group with an empty filter", "5/4.8.2-2", filters("$share/g/"),
         b"\x90\x04\x00\x01\x00\x8f"),
    Case("a group with plus", "5/4.8.2-2", filters("$share/g+/a"), b"\x90\x04\x00\x01\x00\x8f"),
    Case("a group with hash", "5/4.8.2-2", filters("$share/#/a"), b"\x90\x04\x00\x01\x00\x8f"),
    Case("unsubscribe from nothing", "4/3.10.4-4 4/3.10.4-5 4/2.3.1-7 5/3.10.4-4 5/3.10.4-5 "
         "5/2.2.1-6", no_filters("none", packet_id=b"\x43\x21"),
         {4: b"\xb0\x02\x43\x21", 5: b"\xb0\x04\x43\x21\x00\x11"}),
    Case("unsubscribe from several", "4/3.10.4-6 5/3.10.4-6 5/3.11.3-1 5/3.11.3-2",
         no_filters("none", "nothing", packet_id=b"\x00\x09"),
         {4: b"\xb0\x02\x00\x09", 5: b"\xb0\x05\x00\x09\x00\x11\x11"}),
    Case("QoS 1", "4/3.3.4-1 4/2.3.1-6 4/4.3.2-2 5/3.3.4-1 5/2.2.1-5 5/4.3.2-4 5/3.4.2-1",
         packet_of(mqtt.PUBLISH, 2, text("answered") + b"\x11\x22", rest=b"x"),
         {4: b"\x40\x02\x11\x22", 5: b"\x40\x03\x11\x22\x10"}),
    Case("QoS 2", "4/3.3.4-1 4/2.3.1-6 4/4.3.3-2 5/3.3.4-1 5/2.2.1-5 5/4.3.3-8 5/3.5.2-1",
         packet_of(mqtt.PUBLISH, 4, text("answered") + b"\x11\x22", rest=b"x"),
         {4: b"\x50\x02\x11\x22", 5: b"\x50\x03\x11\x22\x10"}),
    Case("QoS 2 to its end", "4/4.3.3-2 5/4.3.3-11 5/2.2.1-5 5/3.7.2-1",
         {version: packet_of(mqtt.PUBLISH, 4, text("answered") + b"\x11\x22", rest=b"x")[version] +
          b"\x62\x02\x11\x22" for version in (4, 5)},
         {4: b"\x50\x02\x11\x22\x70\x02\x11\x22", 5: b"\x50\x03\x11\x22\x10\x70\x02\x11\x22"}),
    Case("PUBREL of an unknown id", "4/4.3.3-2 5/4.3.3-11 5/3.7.2-1", b"\x62\x02\x0f\xff",
         {4: b"\x70\x02\x0f\xff", 5: b"\x70\x03\x0f\xff\x92"}),
    Case("PUBREC of an unknown id", "5/3.6.2-1", b"\x50\x02\x0f\xff", b"\x62\x03\x0f\xff\x92"),
    Case("PUBACK of an unknown id", "4/2.3.1-6 5/3.4.2-1", b"\x40\x02\x0f\xff", b""),
    Case("QoS 0", "4/2.3.1-5 4/3.3.4-1 5/2.2.1-2 5/3.3.4-1", topic(b"answered"), b""),
    Case("U+FFFE and private characters", "4/1.5.3-1 5/1.5.4-1",
         topic("answered/\ufffe\U000f0001\U0010ffff".encode()), b""),
    Case("acknowledgement with code and no properties", "5/3.4.2-1 5/2.2.2-1",
         b"\x40\x03\x0f\xff\x00", b""),
    Case("acknowledgement with a reason string", "5/3.4.2-1",
         packet(mqtt.PUBACK, 0, b"\x0f\xff\x80" + mqtt.encode_properties([(0x1F, "why")])), b""),
    Case("two packets in one write", "4/7.1.1-1 5/4.2.0-1", b"\xc0\x00\xc0\x00",
         b"\xd0\x00\xd0\x00"),
]


@pytest.mark.parametrize("version,send,answer", cases(ANSWERED))
def test_answered(client, version, send, answer):
    raw = client(version)
    raw.send(send)
    expect_exactly(raw, answer)


@pytest.mark.parametrize("version,send,answer", cases(ANSWERED))
def test_answered_byte_by_byte(client, version, send, answer):
    """However a stream is cut: one byte to a segment."""
    raw = client(version)
    for at in range(len(send)):
        raw.send(send[at:at + 1])
    expect_exactly(raw, answer)


# --- the first packet ----------------------------------------------------------------------------

def connect(level, flags=2, *, name=text("MQTT"), keep=b"\x00\x3c", props=b"\x00", tail=text("id")):
    return packet(mqtt.CONNECT, 0, name + bytes([level, flags]) + keep +
                  (props if level == 5 else b"") + tail)


def connects(flags=2, tail=text("id"), tail5=None, **more):
    return {4: connect(4, flags, tail=tail, **more),
            5: connect(5, flags, tail=tail if tail5 is None else tail5, **more)}


def will(will_topic=text("w"), payload=text("x")):
    return {"tail": text("id") + will_topic + payload,
            "tail5": text("id") + b"\x00" + will_topic + payload}


def props(data):
    return connect(5, props=mqtt.varint(len(data)) + data)


FORM = "4/3.1.4-1 5/3.1.4-1"  # closed without an answer, or in MQTT 5 with one that fits
BAD = {MALFORMED, PROTOCOL_ERROR}

# The answer is the exact bytes before the end of the stream, or the codes that CONNACK may have.
FIRST = [
    Case("PINGREQ first", "4/3.1.0-1 5/3.1.0-1", b"\xc0\x00", b""),
    Case("PUBLISH first", "4/3.1.0-1 5/3.1.0-1", b"\x30\x05\x00\x01a\x00x", b""),
    Case("DISCONNECT first", "4/3.1.0-1 5/3.1.0-1 5/3.14.0-1", b"\xe0\x00", b""),
    Case("AUTH first", "5/3.1.0-1", b"\xf0\x00", b""),
    Case("HTTP", "4/3.1.0-1 5/3.1.0-1", b"GET / HTTP/1.1\r\n\r\n", b""),
    Case("flags of CONNECT", "4/2.2.2-2 5/2.1.3-1", {
        4: b"\x11" + connect(4)[1:], 5: b"\x11" + connect(5)[1:]}, b""),
    Case("another name", "4/3.1.2-1 5/3.1.2-1", connects(name=text("MQTTX")), {0x84, 0x01}),
    Case("a name in small letters", "4/3.1.2-1 5/3.1.2-1", connects(name=text("mqtt")),
         {0x84, 0x01}),
    Case("an empty name", "4/3.1.2-1 5/3.1.2-1", connects(name=text("")), {0x84, 0x01}),
    Case("the reserved flag", "4/3.1.2-3 5/3.1.2-3", connects(flags=3), BAD),
    Case("will QoS 3", "4/3.1.2-14 5/3.1.2-12", connects(flags=0x1E, **will()), BAD),
    Case("will QoS without a will", "4/3.1.2-13 4/3.1.2-11 5/3.1.2-11", connects(flags=0x0A), BAD),
    Case("will retain without a will", "4/3.1.2-15 4/3.1.2-11 5/3.1.2-13", connects(flags=0x22),
         BAD),
    Case("a will without its fields", "4/3.1.2-9 5/3.1.2-9", connects(flags=6), BAD),
    Case("a will without its payload", "4/3.1.2-9 5/3.1.2-9",
         connects(flags=6, tail=text("id") + text("w"), tail5=text("id") + b"\x00" + text("w")),
         BAD),
    Case("will fields without the flag", "4/3.1.2-11 5/3.1.4-1", connects(flags=2, **will()), BAD),
    Case("a user name without the flag", "4/3.1.2-18 5/3.1.2-16",
         connects(tail=text("id") + text("user")), BAD),
    Case("the flag without a user name", "4/3.1.2-19 5/3.1.2-17", connects(flags=0x82), BAD),
    Case("a password without the flag", "4/3.1.2-20 5/3.1.2-18",
         connects(flags=0x82, tail=text("id") + text("user") + text("secret")), BAD),
    Case("the flag without a password", "4/3.1.2-21 5/3.1.2-19",
         connects(flags=0xC2, tail=text("id") + text("user")), BAD),
    Case("a password without a user name", "4/3.1.2-22",
         connect(4, 0x42, tail=text("id") + text("secret")), b""),
    Case("no client id", "4/3.1.3-3 5/3.1.3-3", connects(tail=b""), BAD),
    Case("a client id that is not UTF-8", "4/3.1.3-4 5/3.1.3-4", connects(tail=text(b"\xff")),
         {*BAD, 0x85, 0x02}),
    Case("a client id with NUL", "4/1.5.3-2 5/1.5.4-2 5/3.1.3-8", connects(tail=text(b"a\x00")),
         {*BAD, 0x85, 0x02}),
    Case("a will topic that is not UTF-8", "4/3.1.3-10 5/3.1.3-11",
         connects(flags=6, **will(text(b"\xff"))), {*BAD, NAME_INVALID}),
    Case("a will topic with a wildcard", "4/4.7.1-1 4/3.2.2-6 5/4.7.0-1",
         connects(flags=6, **will(text("a/#"))), {*BAD, NAME_INVALID}),
    Case("an empty will topic", "4/4.7.3-1 5/4.7.3-1", connects(flags=6, **will(text(""))),
         {*BAD, NAME_INVALID}),
    Case("a user name that is not UTF-8", "4/3.1.3-11 5/3.1.3-12",
         connects(flags=0x82, tail=text("id") + text(b"\xc0\x80")), BAD),
    Case("a tail", FORM, connects(tail=text("id") + b"more"), BAD),
    Case("shorter than it says", FORM, connects(tail=b"\x00\x10id"), BAD),
    Case("an empty CONNECT", FORM, b"\x10\x00", b""),
    Case("receive maximum 0", "5/3.1.4-1", props(b"\x21\0\0"), BAD),
    Case("maximum packet size 0", "5/3.1.4-1", props(b"\x27\0\0\0\0"), BAD),
    Case("request problem information 2", "5/3.1.4-1", props(b"\x17\x02"), BAD),
    Case("request response information 2", "5/3.1.4-1", props(b"\x19\x02"), BAD),
    Case("session expiry twice", "5/3.1.4-1", props(b"\x11\0\0\0\x01" * 2), BAD),
    Case("receive maximum twice", "5/3.1.4-1", props(b"\x21\0\x01" * 2), BAD),
    Case("topic alias maximum twice", "5/3.1.4-1", props(b"\x22\0\x01" * 2), BAD),
    Case("maximum packet size twice", "5/3.1.4-1", props(b"\x27\0\0\x01\0" * 2), BAD),
    Case("authentication data without a method", "5/3.1.4-1", props(b"\x16" + text("x")), BAD),
    Case("a property of PUBLISH", "5/3.1.4-1", props(b"\x01\x00"), BAD),
    Case("an authentication method of nobody", "5/4.12.0-1", props(b"\x15" + text("NONE-1")),
         {0x8C, 0x87}),
    Case("a will delay among the properties of CONNECT", "5/3.1.4-1", props(b"\x18\0\0\0\x01"),
         BAD),
]


@pytest.mark.parametrize("version,send,answer", cases(FIRST))
def test_first_packet_refused(broker, version, send, answer):
    with RawClient(broker.address, version) as raw:
        raw.send(send)
        packets = raw.expect_closed()
    assert len(packets) <= 1
    if answer == b"" or version == 4 and answer != {0x84, 0x01}:  # [MQTT-3.1.4-1]: without CONNACK
        assert packets == [], [str(entry) for entry in packets]
    for entry in packets:
        assert entry.type == mqtt.CONNACK and entry.reason in answer, str(entry)
        assert not entry.session_present  # [MQTT-3.2.2-6]


@shows("4/3.1.2-2 5/3.1.2-2")
@pytest.mark.parametrize("level", [0, 2, 6, 0x84, 255])
def test_a_level_that_is_not_served(broker, level):
    with RawClient(broker.address) as raw:
        raw.send(connect(level))
        # In the words of MQTT 5, or in those of 3.1.1.
        assert read_bytes(raw, 2) in (b"\x20\x03", b"\x20\x02")
        assert read_bytes(raw, 2) in (b"\x00\x84", b"\x00\x01")
