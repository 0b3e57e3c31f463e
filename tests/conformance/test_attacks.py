"""Attack cases on the wire, each with the outcome that it must have: conformance/attacks.txt."""
import itertools
import resource
import socket
import time

import pytest

from conformance.frame import expect_refused
from integration import raw_mqtt as mqtt
from integration.harness import wait_until
from integration.raw_mqtt import RawClient, packet

LARGEST = b"\xff\xff\xff\x7f"  # 268,435,455
MEGABYTE = b"x" * (1 << 20)


@pytest.fixture(scope="module")
def server(broker):
    return broker.server


def push(address, first, size):
    """Sends `first`, then so many bytes as the other side takes; how many it took before it closed."""
    sent = 0
    with socket.create_connection(address, timeout=10) as raw:
        try:
            raw.sendall(first)
            while sent < size:
                sent += raw.send(MEGABYTE)
        except OSError:
            return sent
    return sent


def test_a2_a_large_first_packet_that_is_not_connect(broker, server):
    before = server.rss_bytes()
    for kind in [0, *range(2, 16)]:
        flags = 2 if kind in (6, 8, 10) else 0
        taken = push(broker.address, bytes([kind << 4 | flags]) + LARGEST, 100 << 20)
        assert taken < 16 << 20, f"type {kind}: {taken} bytes"  # what the sockets hold
    assert server.rss_bytes() - before < 5 << 20


def test_a3_a_large_connect_is_refused_by_its_header(broker, server):
    before = server.rss_bytes()
    for size in (LARGEST, mqtt.varint(1 << 20), mqtt.varint(257 * 1024)):
        with RawClient(broker.address) as raw:
            raw.send(b"\x10" + size)  # nothing more is needed to know
            assert raw.expect_closed(5) == []
    assert push(broker.address, b"\x10" + LARGEST + b"\x00\x04MQTT\x05\x02", 100 << 20) < 16 << 20
    assert server.rss_bytes() - before < 5 << 20


def test_a5_a_slow_connect_is_closed_in_time_and_holds_up_nobody(broker):
    whole = mqtt.connect_packet(5, broker.unique(), username="x" * 100)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    idle = [socket.create_connection(broker.address, timeout=10)
            for _ in range(min(10_000, hard - 1000))]
    halves = [("tls", b""), ("tls", b"\x16\x03\x01\x02\x00\x01\x00"),  # of a ClientHello
              ("ws", b"GET /mqtt HTTP/1.1\r\nHost: a\r\n")]
    stalled = [socket.create_connection(broker.server.address(listener), timeout=10)
               for listener, _ in halves]
    for raw, (_, half) in zip(stalled, halves):
        raw.sendall(half)
    started = time.monotonic()
    with RawClient(broker.address) as slow:
        for at in range(len(whole) - 1):
            try:
                slow.send(whole[at:at + 1])
                slow.receive(1)
            except mqtt.Late:
                continue
            except (mqtt.Closed, OSError):
                break
            pytest.fail("an answer to half a CONNECT")
        assert 10 < time.monotonic() - started < 30
    assert [raw.recv(1) for raw in stalled] == [b""] * 3
    with RawClient(broker.address, timeout=5) as other:
        assert other.connect(broker.unique()).reason == 0
    for raw in idle + stalled:
        raw.close()


def test_a6_thousands_of_user_properties_go_through_in_order(client, topic):
    users = [(mqtt.USER_PROPERTY, (f"n{number % 7}", str(number))) for number in range(5000)]
    raw = client()
    raw.subscribe(topic, qos=1)
    raw.publish(topic, b"x", qos=1, properties=users)
    assert raw.messages(1)[0].properties == users


def test_a6_what_user_properties_cost_grows_with_their_number_alone(server, client, topic):
    """Ten times as many cost about ten times as much; were it a hundred times, this would tell."""
    raw = client()
    raw.subscribe(topic, qos=0)

    def cpu_seconds(count, messages):
        users = [(mqtt.USER_PROPERTY, (f"n{number}", str(number))) for number in range(count)]
        sent = mqtt.publish_packet(5, topic, b"x", properties=users)
        before = server.cpu_seconds()
        for _ in range(messages):
            raw.send(sent)
            raw.messages(1)
        return server.cpu_seconds() - before

    few, many = cpu_seconds(500, 300), cpu_seconds(5000, 300)
    assert many < 40 * max(few, 0.05), (few, many)


def test_a7_levels_are_limited(client):
    raw = client()
    assert raw.subscribe("/" * 65535, "+/" * 32767 + "+", "#") == [0x8F, 0x8F, 0]
    raw.unsubscribe("#")
    raw.send(mqtt.publish_packet(5, "/" * 65535, b"x"))
    expect_refused(raw, 0x90)


def test_a7_many_wildcard_filters_give_one_copy(client, topic):
    """Every combination of names and + over nine levels: 512 filters for one topic."""
    raw, publisher = client(), client()
    names = f"{topic}/a/b/c/d/e/f/g/h/i".split("/")
    prefix, levels = names[:2], names[2:]
    filters = ["/".join(prefix + [level if mask >> at & 1 else "+"
                                  for at, level in enumerate(levels)]) for mask in range(512)]
    assert raw.subscribe(*filters, qos=1) == [1] * 512
    for number in range(20):
        publisher.publish("/".join(names), str(number), qos=1)
    assert [int(entry.payload) for entry in raw.messages(20)] == list(range(20))
    raw.expect_silence()


def test_a7_one_publish_among_ten_thousand_wildcard_filters(server, client, topic):
    """All of them match; each client gets one copy, and the match is made once."""
    names = f"{topic}/a/b/c/d/e/f/g/h/i/j/k/l/m/n".split("/")
    prefix, levels = names[:2], names[2:]
    choices = itertools.product((False, True), repeat=len(levels))
    filters = ["/".join(prefix + [level if named else "+" for level, named in zip(levels, choice)])
               for choice in itertools.islice(choices, 10_000)]
    readers, publisher = [client() for _ in range(-(-len(filters) // 1000))], client()
    for number, raw in enumerate(readers):
        mine = filters[1000 * number:1000 * number + 1000]
        for at in range(0, len(mine), 250):
            assert set(raw.subscribe(*mine[at:at + 250], qos=1)) == {1}
    before = server.cpu_seconds()
    for number in range(100):
        publisher.publish("/".join(names), str(number), qos=1)
    for raw in readers:
        assert [int(entry.payload) for entry in raw.messages(100)] == list(range(100))
        raw.expect_silence()
    assert server.cpu_seconds() - before < 10


def test_a9_acknowledgements_that_nobody_waits_for(client):
    raw = client()
    for kind in (mqtt.PUBACK, mqtt.PUBREC, mqtt.PUBREL, mqtt.PUBCOMP):
        raw.send(b"".join(mqtt.ack_packet(kind, number) for number in range(1, 1001)))
    answers = [raw.receive() for _ in range(2000)]
    assert {(entry.type, entry.reason) for entry in answers} == {
        (mqtt.PUBREL, 0x92), (mqtt.PUBCOMP, 0x92)}
    raw.expect_silence()


def works(address, version, name, topic):
    """False: one of the storm was still on its way and ended this connection."""
    with RawClient(address, version) as raw:
        try:
            assert raw.connect(name).reason == 0
            assert raw.subscribe(topic, qos=1) == [1]
            raw.publish(topic, b"alive", qos=1)
            return raw.messages(1)[0].payload == b"alive"
        except (mqtt.Closed, OSError):
            return False


@pytest.mark.parametrize("version", [4, 5])
def test_a11_a_storm_of_one_client_id(broker, topic, version):
    """Each kicks the one before, most without a word; the last one has a session that works."""
    storm, name = [], broker.unique()
    try:
        for number in range(300):
            raw = RawClient(broker.address, version)
            storm.append(raw)
            raw.send(mqtt.connect_packet(version, name, clean=number % 3 == 0) +
                     mqtt.subscribe_packet(version, 1, [(topic, number % 3)]) +
                     mqtt.unsubscribe_packet(version, 2, [topic] if number % 2 else ["none"]))
            if number % 5 == 0:
                raw.abort()
        assert wait_until(lambda: works(broker.address, version, name, topic), "the last one works")
    finally:
        for raw in storm:
            raw.abort()


def test_b2_a_subscriber_that_never_reads(make_sluice):
    """What it does not take is bounded, and others get theirs."""
    server = make_sluice({"access": {"enabled": False}})
    with RawClient(server.mqtt) as stuck, RawClient(server.mqtt) as other, \
            RawClient(server.mqtt, timeout=60) as publisher:
        for name, raw in (("stuck", stuck), ("other", other), ("publisher", publisher)):
            raw.connect(name)
        stuck.subscribe("flood/0", "flood/1", qos=1)
        other.subscribe("other", qos=1)
        before = server.rss_bytes()
        for number in range(600):
            publisher.publish(f"flood/{number % 2}", b"x" * 100_000, qos=number % 2)
        publisher.publish("other", b"through", qos=1)
        assert other.messages(1)[0].payload == b"through"
        grown = server.rss_bytes() - before
    assert grown < 48 << 20, f"RSS grew by {grown >> 20} MiB"


def test_b3_retained_messages_are_limited(small_broker):
    with RawClient(small_broker.address) as raw:
        raw.connect(small_broker.unique())
        for number in range(3):
            assert raw.publish(f"kept/{number}", b"x", qos=1, retain=True).reason in (0, 0x10)
        assert raw.publish("kept/more", b"x", qos=1, retain=True).reason == 0x97
        assert raw.publish("kept/0", b"new", qos=1, retain=True).reason in (0, 0x10)
        assert raw.publish("kept/0", b"", qos=1, retain=True).reason in (0, 0x10)
        assert raw.publish("kept/more", b"x", qos=1, retain=True).reason in (0, 0x10)
        assert raw.publish("passing", b"x", qos=1).reason in (0, 0x10)


@pytest.mark.parametrize("version,refused", [(4, 0x80), (5, 0x97)])
def test_b4_subscriptions_of_a_client_are_limited(small_broker, version, refused):
    with RawClient(small_broker.address, version) as raw:
        raw.connect(small_broker.unique(), keep_alive=0)
        assert raw.subscribe("a", "b", "$share/g/c", "d") == [0, 0, 0, refused]
        raw.unsubscribe("a")
        assert raw.subscribe("b", "d", "e") == [0, 0, refused]


def test_b4_the_session_expiry_is_limited(small_broker):
    with RawClient(small_broker.address) as raw:
        connack = raw.connect(small_broker.unique(), properties=[(mqtt.SESSION_EXPIRY, 0xFFFFFFFF)])
        assert connack.one(mqtt.SESSION_EXPIRY) == 60


def test_unfinished_packets_of_every_kind(broker, topic):
    """Cut off anywhere, a good stream is neither answered wrongly nor held against the next."""
    whole = (mqtt.connect_packet(5, broker.unique(), will={"topic": "w", "payload": b"x"}) +
             mqtt.subscribe_packet(5, 1, [(topic, 2)], [(mqtt.SUBSCRIPTION_ID, 300)]) +
             mqtt.publish_packet(5, topic, b"x" * 200, qos=2, packet_id=2,
                                 properties=[(mqtt.CONTENT_TYPE, "t")]) +
             mqtt.ack_packet(mqtt.PUBREL, 2) + packet(mqtt.DISCONNECT, 0, b""))
    for at in range(1, len(whole)):
        with socket.create_connection(broker.address, timeout=10) as raw:
            raw.sendall(whole[:at])
    with RawClient(broker.address) as raw:
        assert raw.connect(broker.unique()).reason == 0
