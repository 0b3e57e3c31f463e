"""Every limit of a peer: what it is answered with beyond it, and which counter says so to whoever
looks after the server. docs/guide/limits.md is the table of all."""
import contextlib

import pytest

from integration import raw_mqtt as mqtt
from integration.harness import merged, wait_until
from integration.raw_mqtt import RawClient

OPEN = {"access": {"enabled": False}}
STORED = (0x00, 0x10)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    from integration.harness import Sluice
    server = Sluice(tmp_path_factory.mktemp("limits"), merged(OPEN, {"mqtt": {
        "maximum_packet_size": "4KiB", "maximum_qos": 1, "receive_maximum": 2,
        "topic_alias_maximum": 2, "topic_levels": 3, "subscriptions_per_client": 2,
        "conditions_per_client": 1, "groups": 1, "retained_maximum": 1, "delayed_maximum": 1,
        "keep_alive_maximum": 1, "session_expiry_maximum": "60s"}}))
    try:
        yield server.start()
        server.stop()
    finally:
        server.kill9()


@contextlib.contextmanager
def counted(server, counter):
    """What is done in it makes the counter grow by at least one."""
    before = server.metrics()[counter]
    yield
    wait_until(lambda: server.metrics()[counter] > before, f"{counter} grows")


def disconnects(reason):
    return f'sluice_disconnects_total{{reason="{reason}"}}'


def refused(reason):
    return f'sluice_subscriptions_refused_total{{reason="{reason}"}}'


def client_of(server, name, version=5, **options):
    client = RawClient(server.mqtt, version)
    assert client.connect(name, **options).reason == 0
    return client


# What breaks a promise of CONNACK ends the connection, with the reason in MQTT 5.
BREACHES = {
    "receive_maximum_exceeded": (0x93, lambda: b"".join(
        mqtt.publish_packet(5, "a", b"x", qos=1, packet_id=number) for number in range(1, 400))),
    "qos_not_supported": (0x9B, lambda: mqtt.publish_packet(5, "a", b"x", qos=2, packet_id=1)),
    "topic_alias_invalid": (0x94, lambda: mqtt.publish_packet(
        5, "a", b"x", properties=[(mqtt.TOPIC_ALIAS, 3)])),
    "topic_name_invalid": (0x90, lambda: mqtt.publish_packet(5, "a/b/c/d", b"x")),
    "packet_too_large": (0x95, lambda: mqtt.publish_packet(5, "a", b"x" * 5000)),
    "protocol_error": (0x82, lambda: mqtt.packet(mqtt.AUTH, 0, b"")),
    "malformed_packet": (0x81, lambda: mqtt.packet(mqtt.PUBLISH, 6, b"")),
    "keep_alive_timeout": (0x8D, lambda: b""),
}


@pytest.mark.parametrize("reason", BREACHES)
def test_a_breach_ends_the_connection_with_its_reason(server, reason):
    code, packets = BREACHES[reason]
    with counted(server, disconnects(reason)), client_of(server, reason) as client:
        client.send(packets())
        while (answer := client.receive(timeout=30)).type == mqtt.PUBACK:
            pass
        assert (answer.type, answer.reason) == (mqtt.DISCONNECT, code), str(answer)


@pytest.mark.parametrize("reason", ["qos_not_supported", "topic_name_invalid", "packet_too_large"])
def test_a_breach_of_mqtt_3_closes(server, reason):
    packets = {"qos_not_supported": mqtt.publish_packet(4, "a", b"x", qos=2, packet_id=1),
               "topic_name_invalid": mqtt.publish_packet(4, "a/b/c/d", b"x"),
               "packet_too_large": mqtt.publish_packet(4, "a", b"x" * 5000)}
    with counted(server, disconnects(reason)), client_of(server, "old", version=4) as client:
        client.send(packets[reason])
        assert client.expect_closed() == []


def test_a_session_that_is_taken_over(server):
    with counted(server, disconnects("session_taken_over")), client_of(server, "same") as first:
        with client_of(server, "same"):
            assert first.expect(mqtt.DISCONNECT).reason == 0x8E


def test_a_session_may_not_wait_longer(server):
    with counted(server, "sluice_sessions_shortened_total"):
        client = RawClient(server.mqtt)
        connack = client.connect("long", properties=[(mqtt.SESSION_EXPIRY, 61)])
        assert connack.one(mqtt.SESSION_EXPIRY) == 60
    with counted(server, "sluice_sessions_shortened_total"):
        client.send(mqtt.packet(mqtt.DISCONNECT, 0, b"\x00\x05\x11" + (61).to_bytes(4, "big")))
    with client_of(server, "short", properties=[(mqtt.SESSION_EXPIRY, 60)]):
        pass


def test_subscriptions_conditions_and_groups(server):
    where = [(mqtt.USER_PROPERTY, ("$where", "$qos = 1"))]
    with counted(server, refused("quota_exceeded")), client_of(server, "many") as client:
        assert client.subscribe("a", "b", "c", qos=1) == [1, 1, 0x97]
    with counted(server, refused("quota_exceeded")), client_of(server, "choosy") as client:
        for number, (name, expected) in enumerate([("a", 0), ("b", 0x97)]):
            client.send(mqtt.subscribe_packet(5, number + 1, [(name, 0)], where))
            assert client.expect(mqtt.SUBACK).codes == [expected]
    with counted(server, refused("quota_exceeded")), client_of(server, "sharing") as client:
        assert client.subscribe("$share/g/a", "$share/h/a", qos=1) == [1, 0x97]
    with counted(server, refused("topic_filter_invalid")), client_of(server, "deep") as client:
        assert client.subscribe("a/b/c/d") == [0x8F]


@pytest.mark.parametrize("topics", [("r/1", "r/2"), ("$delayed/600/a", "$delayed/600/b")],
                         ids=["retained", "delayed"])
def test_what_is_kept_for_later(server, topics):
    """The place is taken by the first one; 0x97 for the next."""
    retain = topics[0].startswith("r")
    with counted(server, "sluice_publishes_refused_total"), client_of(server, "keeper") as client:
        assert client.publish(topics[0], b"x", qos=1, retain=retain).reason in STORED
        assert client.publish(topics[1], b"x", qos=1, retain=retain).reason == 0x97


def test_delayed_messages_have_a_bound_of_bytes_too(make_sluice):
    """64 MiB of them, however many they may be."""
    server = make_sluice(OPEN)
    payload = b"x" * 1_000_000
    with counted(server, "sluice_publishes_refused_total"), client_of(server, "large") as client:
        reasons = [client.publish("$delayed/600/a", payload, qos=1).reason for _ in range(68)]
    assert reasons[:60] == [0] * 60
    assert reasons[-1] == 0x97
    assert server.metrics()["sluice_delayed_messages"] == reasons.count(0)


def test_different_conditions_in_one_group(make_sluice):
    """64: each is asked about every message of the group."""
    server = make_sluice(OPEN)
    answers = []
    with contextlib.ExitStack() as open_ones, counted(server, refused("quota_exceeded")):
        for number in range(66):
            client = open_ones.enter_context(client_of(server, f"member-{number}"))
            client.send(mqtt.subscribe_packet(5, 1, [("$share/g/a", 1)], [
                (mqtt.USER_PROPERTY, ("$where", f"payload.n = {number}"))]))
            answers += client.expect(mqtt.SUBACK).codes
    assert answers == [1] * 64 + [0x97] * 2


@pytest.mark.parametrize("version", [4, 5])
def test_connections_in_all(make_sluice, version):
    server = make_sluice(merged(OPEN, {"mqtt": {"connections": 2}}))
    with client_of(server, "one") as one, client_of(server, "two"):
        with counted(server, "sluice_connections_refused_total"), \
                RawClient(server.mqtt, version) as third:
            assert third.connect("three").reason == {4: 3, 5: 0x89}[version]
        one.disconnect()

        def is_admitted():
            with RawClient(server.mqtt, version) as again:
                return again.connect("again").reason == 0
        wait_until(is_admitted, "room again")


def test_who_says_no_connect_is_counted(make_sluice):
    server = make_sluice(OPEN)
    with counted(server, disconnects("no_connect")), RawClient(server.mqtt) as silent:
        assert silent.expect_closed(timeout=60) == []


# --- what all clients together make the server keep

@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A server whose bounds for all clients together are small."""
    from integration.harness import Sluice
    small = Sluice(tmp_path_factory.mktemp("small"), merged(OPEN, {"mqtt": {
        "strangers_bytes": "1MiB", "packets_bytes": "1MiB"}}))
    try:
        yield small.start()
        small.stop()
    finally:
        small.kill9()


def no_room(kind):
    return f'sluice_client_memory_refused_total{{kind="{kind}"}}'


def held(server, kind):
    return server.metrics()[f'sluice_client_memory_bytes{{kind="{kind}"}}']


def test_strangers_together_keep_no_more_than_they_may(small):
    large = [(mqtt.USER_PROPERTY, ("k" * 50_000, "v" * 50_000))] * 2
    unfinished = mqtt.connect_packet(5, "stranger", properties=large)[:-1000]
    with contextlib.ExitStack() as stack, counted(small, no_room("strangers")):
        for _ in range(12):
            stranger = stack.enter_context(RawClient(small.mqtt))
            with contextlib.suppress(OSError):  # some are closed while they send
                stranger.send(unfinished)
        wait_until(lambda: held(small, "strangers") > 500_000, "they are waited for")
        assert held(small, "strangers") <= 1 << 20
        with client_of(small, "served"):
            pass
    wait_until(lambda: held(small, "strangers") == 0, "nothing is left of them")


def test_clients_together_keep_no_more_unfinished_packets_than_they_may(small):
    unfinished = mqtt.publish_packet(5, "t", b"x" * 700_000)[:-1000]
    with client_of(small, "first") as first, client_of(small, "second") as second:
        first.send(unfinished)
        wait_until(lambda: held(small, "packets") > 690_000, "the first one has sent it")
        with counted(small, no_room("packets")):
            second.send(unfinished)
            answer = second.receive(timeout=30)
        assert (answer.type, answer.reason) == (mqtt.DISCONNECT, 0x97), str(answer)
        first.send(b"x" * 1000 + mqtt.packet(mqtt.PINGREQ, 0, b""))
        assert first.receive(timeout=30).type == mqtt.PINGRESP
    wait_until(lambda: held(small, "packets") == 0, "nothing is left of them")
