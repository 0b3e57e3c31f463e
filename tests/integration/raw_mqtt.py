"""MQTT on a plain socket: exact bytes out, decoded packets in. For what a client library hides.

Blocking, one socket, no thread. Nothing is acknowledged by itself.
"""
import collections
import socket
import struct
import time
from dataclasses import dataclass, field

CONNECT, CONNACK, PUBLISH, PUBACK, PUBREC, PUBREL, PUBCOMP, SUBSCRIBE, SUBACK, UNSUBSCRIBE, \
    UNSUBACK, PINGREQ, PINGRESP, DISCONNECT, AUTH = range(1, 16)
NAMES = {1: "CONNECT", 2: "CONNACK", 3: "PUBLISH", 4: "PUBACK", 5: "PUBREC", 6: "PUBREL",
         7: "PUBCOMP", 8: "SUBSCRIBE", 9: "SUBACK", 10: "UNSUBSCRIBE", 11: "UNSUBACK",
         12: "PINGREQ", 13: "PINGRESP", 14: "DISCONNECT", 15: "AUTH"}

# Property identifier -> kind.
PROPERTY_KINDS = {
    0x01: "byte", 0x02: "four", 0x03: "text", 0x08: "text", 0x09: "bytes", 0x0B: "varint",
    0x11: "four", 0x12: "text", 0x13: "two", 0x15: "text", 0x16: "bytes", 0x17: "byte",
    0x18: "four", 0x19: "byte", 0x1A: "text", 0x1C: "text", 0x1F: "text", 0x21: "two",
    0x22: "two", 0x23: "two", 0x24: "byte", 0x25: "byte", 0x26: "pair", 0x27: "four",
    0x28: "byte", 0x29: "byte", 0x2A: "byte"}
PAYLOAD_FORMAT, MESSAGE_EXPIRY, CONTENT_TYPE, RESPONSE_TOPIC, CORRELATION_DATA = 1, 2, 3, 8, 9
SUBSCRIPTION_ID, SESSION_EXPIRY, ASSIGNED_CLIENT_ID, SERVER_KEEP_ALIVE = 0x0B, 0x11, 0x12, 0x13
AUTHENTICATION_METHOD, AUTHENTICATION_DATA, REQUEST_PROBLEM_INFORMATION = 0x15, 0x16, 0x17
WILL_DELAY, REASON_STRING, RECEIVE_MAXIMUM, TOPIC_ALIAS_MAXIMUM = 0x18, 0x1F, 0x21, 0x22
TOPIC_ALIAS, MAXIMUM_QOS, USER_PROPERTY, MAXIMUM_PACKET_SIZE = 0x23, 0x24, 0x26, 0x27


class Closed(Exception):
    """The other side closed the connection."""


class Late(Exception):
    """Nothing came within the time."""


# --- writing -------------------------------------------------------------------------------------

def varint(number):
    out = bytearray()
    while True:
        number, low = number >> 7, number & 0x7F
        out.append(low | (0x80 if number else 0))
        if not number:
            return bytes(out)


def text(value):
    data = value.encode() if isinstance(value, str) else value
    return struct.pack(">H", len(data)) + data


def packet(packet_type, flags, body):
    return bytes([packet_type << 4 | flags]) + varint(len(body)) + body


def encode_properties(pairs):
    """pairs: [(identifier, value)], in order, repeats allowed; a user property's is (k, v)."""
    out = bytearray()
    for identifier, value in pairs or []:
        out += varint(identifier)
        kind = PROPERTY_KINDS[identifier]
        if kind == "byte":
            out.append(value)
        elif kind == "two":
            out += struct.pack(">H", value)
        elif kind == "four":
            out += struct.pack(">I", value)
        elif kind == "varint":
            out += varint(value)
        elif kind == "pair":
            out += text(value[0]) + text(value[1])
        else:
            out += text(value)
    return varint(len(out)) + bytes(out)


def _props(version, pairs):
    return encode_properties(pairs) if version == 5 else b""


def connect_packet(version, client_id, *, clean=True, keep_alive=60, username=None, password=None,
                   will=None, properties=None):
    """will: dict with topic, payload, qos, retain, properties."""
    flags = 0x02 if clean else 0
    name = b"MQIsdp" if version == 3 else b"MQTT"
    tail = text(client_id)
    if will is not None:
        flags |= 0x04 | will.get("qos", 0) << 3 | (0x20 if will.get("retain") else 0)
        tail += _props(version, will.get("properties"))
        tail += text(will["topic"]) + text(will["payload"])
    if username is not None:
        flags |= 0x80
        tail += text(username)
    if password is not None:
        flags |= 0x40
        tail += text(password)
    body = (text(name) + bytes([version, flags]) + struct.pack(">H", keep_alive) +
            _props(version, properties) + tail)
    return packet(CONNECT, 0, body)


def publish_packet(version, topic, payload=b"", *, qos=0, packet_id=None, retain=False, dup=False,
                   properties=None):
    data = payload.encode() if isinstance(payload, str) else payload
    body = text(topic)
    if packet_id is not None:
        body += struct.pack(">H", packet_id)
    body += _props(version, properties) + data
    return packet(PUBLISH, (8 if dup else 0) | qos << 1 | (1 if retain else 0), body)


def ack_packet(packet_type, packet_id, reason=None, properties=None):
    body = struct.pack(">H", packet_id)
    if reason is not None:
        body += bytes([reason])
        if properties is not None:
            body += encode_properties(properties)
    return packet(packet_type, 2 if packet_type == PUBREL else 0, body)


def auth_packet(reason, method, data=None):
    properties = [(AUTHENTICATION_METHOD, method)]
    if data is not None:
        properties.append((AUTHENTICATION_DATA, data))
    return packet(AUTH, 0, bytes([reason]) + encode_properties(properties))


def subscribe_packet(version, packet_id, filters, properties=None):
    """filters: [(filter, options)]; options is the byte as it is sent."""
    body = struct.pack(">H", packet_id) + _props(version, properties)
    for name, options in filters:
        body += text(name) + bytes([options])
    return packet(SUBSCRIBE, 2, body)


def unsubscribe_packet(version, packet_id, filters):
    body = struct.pack(">H", packet_id) + _props(version, None)
    return packet(UNSUBSCRIBE, 2, body + b"".join(text(name) for name in filters))


# --- reading -------------------------------------------------------------------------------------

@dataclass
class Packet:
    type: int
    flags: int
    body: bytes
    packet_id: int = None
    reason: int = 0
    properties: list = field(default_factory=list)
    session_present: bool = False
    topic: str = None
    payload: bytes = None
    codes: list = field(default_factory=list)

    @property
    def qos(self):
        return self.flags >> 1 & 3

    @property
    def retain(self):
        return bool(self.flags & 1)

    @property
    def dup(self):
        return bool(self.flags & 8)

    def all(self, identifier):
        return [value for name, value in self.properties if name == identifier]

    def one(self, identifier):
        values = self.all(identifier)
        assert len(values) <= 1, f"property {identifier:#x} came {len(values)} times"
        return values[0] if values else None

    def __str__(self):
        return (f"{NAMES.get(self.type, self.type)} flags={self.flags:#x} id={self.packet_id} "
                f"reason={self.reason:#x} topic={self.topic!r} "
                f"payload={(self.payload or b'')[:40]!r}")


def _read_varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if not byte & 0x80:
            return value, at
        shift += 7


def _read_text(data, at):
    size = struct.unpack_from(">H", data, at)[0]
    return data[at + 2:at + 2 + size], at + 2 + size


def decode_properties(data, at):
    size, at = _read_varint(data, at)
    end, pairs = at + size, []
    while at < end:
        identifier, at = _read_varint(data, at)
        kind = PROPERTY_KINDS[identifier]
        if kind == "byte":
            value, at = data[at], at + 1
        elif kind == "two":
            value, at = struct.unpack_from(">H", data, at)[0], at + 2
        elif kind == "four":
            value, at = struct.unpack_from(">I", data, at)[0], at + 4
        elif kind == "varint":
            value, at = _read_varint(data, at)
        elif kind == "pair":
            name, at = _read_text(data, at)
            second, at = _read_text(data, at)
            value = (name.decode(), second.decode())
        else:
            value, at = _read_text(data, at)
            value = value if kind == "bytes" else value.decode()
        pairs.append((identifier, value))
    assert at == end, "properties are longer than they say"
    return pairs, at


def decode(version, packet_type, flags, body):
    result = Packet(packet_type, flags, body)
    five = version == 5
    if packet_type == CONNACK:
        result.session_present, result.reason = bool(body[0] & 1), body[1]
        if five and len(body) > 2:
            result.properties, _ = decode_properties(body, 2)
    elif packet_type == PUBLISH:
        topic, at = _read_text(body, 0)
        result.topic = topic.decode()
        if result.qos:
            result.packet_id, at = struct.unpack_from(">H", body, at)[0], at + 2
        if five:
            result.properties, at = decode_properties(body, at)
        result.payload = body[at:]
    elif packet_type in (PUBACK, PUBREC, PUBREL, PUBCOMP):
        result.packet_id = struct.unpack_from(">H", body)[0]
        if len(body) > 2:
            result.reason = body[2]
        if len(body) > 3:
            result.properties, _ = decode_properties(body, 3)
    elif packet_type in (SUBACK, UNSUBACK):
        result.packet_id, at = struct.unpack_from(">H", body)[0], 2
        if five:
            result.properties, at = decode_properties(body, at)
        result.codes = list(body[at:])
    elif packet_type in (DISCONNECT, AUTH) and body:
        result.reason = body[0]
        if len(body) > 1:
            result.properties, _ = decode_properties(body, 1)
    return result


class RawClient:
    """One connection. Use as a context manager: leaving it closes the socket without DISCONNECT."""

    def __init__(self, address, version=5, timeout=10, source=None):
        """source: the address to come from, such as 127.0.0.2."""
        self.version = version
        self.timeout = timeout
        self.socket = socket.create_connection(address, timeout=timeout,
                                               source_address=(source, 0) if source else None)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = bytearray()
        self.aside = collections.deque()  # came while an answer was waited for
        self.next_id = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.abort()

    def abort(self):
        """Closes the socket as a broken network would, as far as the server can tell."""
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def connect(self, client_id="", **options):
        self.send(connect_packet(self.version, client_id, **options))
        return self.expect(CONNACK)

    def disconnect(self):
        self.send(packet(DISCONNECT, 0, b""))
        self.socket.close()

    def new_id(self):
        self.next_id = self.next_id % 65535 + 1
        return self.next_id

    def subscribe(self, *filters, qos=0, properties=None):
        """Subscribes and returns the codes. A filter is a name, or (name, options byte)."""
        pairs = [entry if isinstance(entry, tuple) else (entry, qos) for entry in filters]
        number = self.new_id()
        self.send(subscribe_packet(self.version, number, pairs, properties))
        return self._answer(SUBACK, number).codes

    def unsubscribe(self, *filters):
        number = self.new_id()
        self.send(unsubscribe_packet(self.version, number, filters))
        return self._answer(UNSUBACK, number).codes

    def publish(self, topic, payload=b"", qos=0, **options):
        """The whole exchange; returns the PUBACK, the PUBCOMP, or a PUBREC that refuses."""
        number = self.new_id() if qos else None
        self.send(publish_packet(self.version, topic, payload, qos=qos, packet_id=number,
                                 **options))
        if qos == 0:
            return None
        answer = self._answer(PUBACK if qos == 1 else PUBREC, number)
        if qos == 2 and answer.reason < 0x80:
            self.send(ack_packet(PUBREL, number))
            answer = self._answer(PUBCOMP, number)
        return answer

    def _answer(self, packet_type, packet_id):
        """The answer to what was just sent. Messages that overtake it stay to be received."""
        overtaking = list(self.aside)
        self.aside.clear()
        while (found := self.receive()).type in (PUBLISH, PUBREL):
            overtaking.append(found)
        self.aside.extend(overtaking)
        assert (found.type, found.packet_id) == (packet_type, packet_id), \
            f"expected {NAMES[packet_type]} {packet_id}, got {found}"
        return found

    def _take(self):
        """The next packet, if it is whole."""
        size = shift = 0
        for at in range(1, min(len(self.buffer), 5)):
            byte = self.buffer[at]
            size |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                whole = at + 1 + size
                if len(self.buffer) < whole:
                    return None
                first, body = self.buffer[0], bytes(self.buffer[at + 1:whole])
                del self.buffer[:whole]
                return decode(self.version, first >> 4, first & 15, body)
        return None

    def receive(self, timeout=None):
        """The next packet. Closed when there is none any more, Late when none comes in time."""
        deadline = time.monotonic() + (self.timeout if timeout is None else timeout)
        if self.aside:
            return self.aside.popleft()
        while (found := self._take()) is None:
            left = deadline - time.monotonic()
            if left <= 0:
                raise Late("no packet came in time")
            self.socket.settimeout(left)
            try:
                data = self.socket.recv(65536)
            except socket.timeout as error:
                raise Late("no packet came in time") from error
            except OSError as error:
                raise Closed(str(error)) from error
            finally:
                self.socket.settimeout(self.timeout)
            if not data:
                raise Closed("end of stream")
            self.buffer += data
        return found

    def expect(self, packet_type, timeout=None):
        found = self.receive(timeout)
        assert found.type == packet_type, f"expected {NAMES[packet_type]}, got {found}"
        return found

    def expect_closed(self, timeout=None):
        """Reads until the server closes; returns the packets that came before."""
        packets = []
        deadline = time.monotonic() + (self.timeout if timeout is None else timeout)
        try:
            while True:
                packets.append(self.receive(deadline - time.monotonic()))
        except Closed:
            return packets
        except Late as error:
            raise AssertionError("the server did not close the connection; it sent "
                                 f"{[str(entry) for entry in packets]}") from error

    def expect_silence(self):
        """Nothing is on its way: a PINGREQ is answered and nothing came before the answer."""
        if not self.aside:
            self.send(packet(PINGREQ, 0, b""))
        found = self.receive()
        assert found.type == PINGRESP, f"expected nothing, got {found}"

    def messages(self, count, acknowledge=True, timeout=None):
        """The next `count` PUBLISHes, each acknowledged to the end."""
        found, later, open_releases = [], [], set()
        while len(found) < count or open_releases:
            received = self.receive(timeout)
            if received.type == PUBREL:
                assert received.flags == 2
                open_releases.discard(received.packet_id)
                self.send(ack_packet(PUBCOMP, received.packet_id))
                continue
            assert received.type == PUBLISH, f"expected PUBLISH, got {received}"
            if len(found) == count:
                later.append(received)
                continue
            found.append(received)
            if acknowledge and received.qos == 1:
                self.send(ack_packet(PUBACK, received.packet_id))
            elif acknowledge and received.qos == 2:
                self.send(ack_packet(PUBREC, received.packet_id))
                open_releases.add(received.packet_id)
        self.aside.extend(later)
        return found
