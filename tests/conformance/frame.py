"""What the conformance tests have in common: which statements they show, and cases as data."""
import re
from dataclasses import dataclass

import pytest

from integration import raw_mqtt as mqtt

TOKEN = re.compile(r"[45]/\d+(\.\d+)+-\d+|3")


def shows(statements):
    """`4/NUMBER` and `5/NUMBER`: the statements of MQTT 3.1.1 and 5.0 that a test shows."""
    wrong = [word for word in statements.split() if not TOKEN.fullmatch(word)]
    assert not wrong, f"not a statement: {wrong}"
    return pytest.mark.shows(statements)


def versions_of(statements):
    return sorted({int(word[0]) for word in statements.split()})


@dataclass(frozen=True)
class Case:
    """Bytes to send, and what must come back.

    `send` and `answer` are for every version that `shows` names, or mappings by version. An answer
    is a reason code with which the server closes, a set of them where the standard leaves the
    choice, or the exact bytes that it answers. MQTT 3.1.1 has no DISCONNECT from a server: there a
    reason code means that it closes.
    """
    name: str
    shows: str
    send: bytes | dict
    answer: int | set | bytes | dict

    def of(self, version):
        def pick(value):
            return value[version] if isinstance(value, dict) else value
        return pick(self.send), pick(self.answer)


def cases(table):
    """pytest parameters (version, send, answer) of a table."""
    return [pytest.param(version, *case.of(version), id=f"{case.name.replace(' ', '-')}-v{version}")
            for case in table for version in versions_of(case.shows)]


def packet_of(packet_type, flags=0, start=b"", *, rest=b"", properties=b"\x00"):
    """The same packet of both versions: `start`, in MQTT 5 the properties, then `rest`."""
    return {version: mqtt.packet(packet_type, flags,
                                 start + (properties if version == 5 else b"") + rest)
            for version in (3, 4, 5)}


def read_bytes(raw, count):
    """The next `count` bytes as they came."""
    while len(raw.buffer) < count:
        data = raw.socket.recv(65536)
        if not data:
            raise mqtt.Closed("end of stream")
        raw.buffer += data
    data = bytes(raw.buffer[:count])
    del raw.buffer[:count]
    return data


def expect_exactly(raw, wanted):
    """These bytes, and nothing behind them."""
    found = read_bytes(raw, len(wanted))
    assert found == wanted, f"{found.hex(' ')} instead of {wanted.hex(' ')}"
    raw.expect_silence()


def expect_refused(raw, reasons):
    """The server closes: in MQTT 5 behind a DISCONNECT with one of these reason codes."""
    packets = raw.expect_closed()
    if raw.version != 5:
        assert packets == [], [str(entry) for entry in packets]  # [MQTT-4.8.0-1]
        return
    reasons = reasons if isinstance(reasons, set) else {reasons}
    assert [entry.type for entry in packets] == [mqtt.DISCONNECT], [str(p) for p in packets]
    assert packets[0].reason in reasons, f"{packets[0].reason:#x} instead of " \
        f"{[hex(reason) for reason in reasons]}"


def subscriber_of(client, version, *filters, qos=2, **options):
    raw = client(version, **options)
    raw.subscribe(*filters, qos=qos)
    return raw


def payloads(packets):
    return [entry.payload for entry in packets]
