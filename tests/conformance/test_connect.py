"""CONNECT to DISCONNECT: sessions, client ids, wills, keep-alive. §3.1, §3.2, §3.14, §4.1."""
import time

import pytest

from conformance.frame import read_bytes, shows
from integration import raw_mqtt as mqtt
from integration.mqtt_steps import expiry, let_pass, persistent
from integration.raw_mqtt import RawClient

SUCCESS, WITH_WILL = 0x00, 0x04


def leave(raw, reason=None, properties=None):
    """DISCONNECT; returns once the server has closed."""
    body = b"" if reason is None else bytes([reason]) + mqtt.encode_properties(properties)
    raw.send(mqtt.packet(mqtt.DISCONNECT, 0, body))
    assert raw.expect_closed() == []


def back(client, first, **options):
    return client(first.version, client_id=first.client_id, **{"clean": False, **options})


# --- CONNACK -------------------------------------------------------------------------------------

@shows("4/3.1.4-4 4/3.2.0-1 4/3.2.2-1 5/3.1.4-5 5/3.2.0-1 5/3.2.2-1 5/3.2.2-2 3")
def test_the_first_packet_is_a_connack(broker, version):
    with RawClient(broker.address, version) as raw:
        raw.send(mqtt.connect_packet(version, broker.unique()))
        assert read_bytes(raw, 1) == b"\x20"
        size = read_bytes(raw, 1)[0]
        assert read_bytes(raw, 2) == b"\x00\x00"  # no session present, success
        assert (size == 2) == (version != 5)


@shows("4/3.2.0-1 5/3.2.0-1 5/3.2.0-2")
def test_what_is_sent_behind_connect_is_answered_after_it(broker, topic, version):
    """A client need not wait for CONNACK. What matches may come before SUBACK (§3.8.4)."""
    with RawClient(broker.address, version) as raw:
        raw.send(mqtt.connect_packet(version, broker.unique()) +
                 mqtt.subscribe_packet(version, 1, [(topic, 1)]) +
                 mqtt.publish_packet(version, topic, b"x", qos=1, packet_id=2) + b"\xc0\x00")
        assert raw.expect(mqtt.CONNACK).reason == 0
        types = [raw.receive().type for _ in range(4)]
        assert sorted(types) == sorted([mqtt.SUBACK, mqtt.PUBACK, mqtt.PUBLISH, mqtt.PINGRESP])


@shows("5/3.2.2-8 5/4.12.0-6 5/3.1.2-28")
def test_connack_says_what_holds(client):
    connack = client(properties=expiry(60)).connack
    names = [name for name, _ in connack.properties]
    assert len(names) == len(set(names))
    assert connack.one(mqtt.RECEIVE_MAXIMUM) != 0
    assert connack.one(mqtt.MAXIMUM_PACKET_SIZE) != 0
    assert connack.one(mqtt.MAXIMUM_QOS) is None  # all are supported
    for absent in (0x1A, 0x15, 0x16, mqtt.ASSIGNED_CLIENT_ID):  # response information, AUTH
        assert connack.one(absent) is None


@shows("5/3.2.2-8")
@pytest.mark.parametrize("asked", [0, 1, 60, 0xFFFFFFFF])
def test_the_session_expiry_in_use_is_told(client, asked):
    told = client(properties=expiry(asked)).connack.one(mqtt.SESSION_EXPIRY)
    assert told is None or told <= asked  # absent: as asked


@shows("4/3.1.4-5 4/3.2.2-4 4/3.2.2-5 5/3.1.4-2 5/3.1.4-6 5/3.2.2-6 5/3.2.2-7 5/4.13.2-1")
def test_nothing_behind_a_refused_connect_is_processed(closed_broker, version):
    good = RawClient(closed_broker.address, version)
    assert good.connect("watcher", **closed_broker.login).reason == 0
    good.subscribe("open/x", qos=1)
    with RawClient(closed_broker.address, version) as raw:
        login = {**closed_broker.login, "password": "wrong"}
        raw.send(mqtt.connect_packet(version, "refused", **login) +
                 mqtt.publish_packet(version, "open/x", b"x") + b"\xc0\x00")
        packets = raw.expect_closed()
    assert [entry.type for entry in packets] == [mqtt.CONNACK]
    assert packets[0].reason == {4: 4, 5: 0x86}[version] and not packets[0].session_present
    good.expect_silence()
    good.abort()


@shows("4/3.2.2-4 4/3.2.2-5 5/3.1.4-2 5/3.2.2-8")
def test_no_login_is_refused_with_its_code(closed_broker, version):
    with RawClient(closed_broker.address, version) as raw:
        raw.send(mqtt.connect_packet(version, "nobody"))
        packets = raw.expect_closed()
    assert [(entry.type, entry.reason) for entry in packets] in (
        [(mqtt.CONNACK, 4 if version == 4 else 0x86)], [(mqtt.CONNACK, 5 if version == 4 else 0x87)])


# --- client ids ----------------------------------------------------------------------------------

@shows("4/3.1.3-5 5/3.1.3-5 3")
@pytest.mark.parametrize("client_id", ["a", "0123456789abcdefABCDEFZ"])
def test_client_ids_that_every_server_takes(broker, version, client_id):
    with RawClient(broker.address, version) as raw:
        assert raw.connect(client_id).reason == 0


@shows("4/3.1.3-2 4/3.1.3-5 5/3.1.3-2 5/3.1.3-5 3")
def test_a_client_id_longer_than_23(client, topic, version):
    first = client(version, client_id=f"{topic}-{'ü' * 40}", **persistent(version))
    first.disconnect()
    assert back(client, first, **persistent(version)).connack.session_present == (version != 3)


@shows("4/3.1.3-6 5/3.1.3-6 5/3.1.3-7 5/3.2.2-16")
def test_an_empty_client_id_gets_one_of_its_own(client, topic, version):
    first, second = (client(version, client_id="") for _ in range(2))
    first.subscribe(topic)
    second.publish(topic, b"x", qos=1)
    assert first.messages(1)[0].payload == b"x"  # the second did not take over the first
    if version == 5:
        ids = {raw.connack.one(mqtt.ASSIGNED_CLIENT_ID) for raw in (first, second)}
        assert len(ids) == 2 and all(ids)


@shows("5/3.1.3-7 5/3.1.3-2")
def test_an_assigned_client_id_leads_to_its_session(client):
    first = client(client_id="", clean=False, properties=expiry(60))
    assigned = first.connack.one(mqtt.ASSIGNED_CLIENT_ID)
    first.disconnect()
    again = client(client_id=assigned, clean=False, properties=expiry(60))
    assert again.connack.session_present
    assert again.connack.one(mqtt.ASSIGNED_CLIENT_ID) is None


@shows("4/3.1.3-8 4/3.1.3-9 4/3.2.2-5 3")
def test_an_empty_client_id_without_clean_session_is_refused(broker, version):
    with RawClient(broker.address, version) as raw:
        raw.send(mqtt.connect_packet(version, "", clean=False))
        assert read_bytes(raw, 4) == b"\x20\x02\x00\x02"
        raw.expect_closed()


@shows("4/1.5.3-3 5/1.5.4-3")
def test_a_byte_order_mark_is_part_of_the_text(client, topic, version):
    name = "\ufeff" + topic
    marked, plain, publisher = client(version), client(version), client(version)
    marked.subscribe(name)
    plain.subscribe(topic)
    publisher.publish(name, b"marked", qos=1)
    publisher.publish(topic, b"plain", qos=1)
    assert [m.payload for m in marked.messages(1)] == [b"marked"]
    assert [m.payload for m in plain.messages(1)] == [b"plain"]
    marked.expect_silence()
    plain.expect_silence()


@shows("4/3.1.4-2 5/3.1.4-3 5/3.14.2-2 5/3.14.4-1 5/3.14.4-2 3")
def test_a_second_connection_ends_the_first(client, topic, version):
    first = client(version, client_id=f"{topic}-same")
    client(version, client_id=f"{topic}-same")
    packets = first.expect_closed()
    if version == 5:
        assert [(entry.type, entry.reason) for entry in packets] == [(mqtt.DISCONNECT, 0x8E)]
        assert packets[0].one(mqtt.SESSION_EXPIRY) is None
    else:
        assert packets == []


# --- sessions ------------------------------------------------------------------------------------

@shows("4/3.1.2-4 4/3.1.2-5 4/3.2.2-2 4/3.2.2-3 4/3.1.4-3 4/4.1.0-1 4/4.5.0-1 "
       "5/3.1.2-5 5/3.1.2-6 5/3.1.2-23 5/3.2.2-3 5/3.1.4-4 5/4.5.0-1 3")
def test_a_session_goes_on(client, topic, version):
    first = client(version, **persistent(version))
    assert not first.connack.session_present
    first.subscribe((f"{topic}/1", 1), (f"{topic}/2", 2))
    leave(first)
    publisher = client(version)
    for qos in (1, 2):
        publisher.publish(f"{topic}/{qos}", str(qos), qos=2)

    again = back(client, first, **persistent(version))

    assert again.connack.session_present == (version != 3)  # 3.1 has no such flag
    assert sorted((m.payload, m.qos) for m in again.messages(2)) == [(b"1", 1), (b"2", 2)]
    again.expect_silence()


@shows("4/3.1.2-6 4/3.2.2-1 4/3.1.4-3 5/3.1.2-4 5/3.2.2-2 5/3.1.4-4")
def test_a_clean_start_drops_the_session(client, topic, version):
    first = client(version, **persistent(version))
    first.subscribe(topic, qos=1)
    leave(first)
    publisher = client(version)
    publisher.publish(topic, b"queued", qos=1)

    fresh = back(client, first, **persistent(version, clean=True))

    assert not fresh.connack.session_present
    publisher.publish(topic, b"live", qos=1)
    fresh.expect_silence()


@shows("4/3.1.2-6 4/3.2.2-3 5/4.1.0-2 5/3.2.2-3")
def test_a_session_that_shall_not_last_ends_with_its_connection(client, topic, version):
    first = client(version)
    first.subscribe(topic, qos=1)
    leave(first)
    again = back(client, first, **persistent(version))
    assert not again.connack.session_present
    client(version).publish(topic, b"x", qos=1)
    again.expect_silence()


@shows("4/3.1.2-6")
def test_a_clean_session_leaves_nothing_to_the_next(client, topic, version):
    clean = client(version)
    clean.subscribe(topic, qos=1)
    clean.abort()
    again = back(client, clean, **persistent(version))
    assert not again.connack.session_present


@shows("5/4.1.0-2 5/3.1.2-23")
def test_a_session_expires(client, topic):
    first, longer = (client(clean=False, properties=expiry(seconds)) for seconds in (1, 60))
    leave(first)
    leave(longer)
    let_pass(1.6)
    assert not back(client, first, properties=expiry(1)).connack.session_present
    assert back(client, longer, properties=expiry(60)).connack.session_present


@shows("5/4.1.0-1")
def test_an_open_session_does_not_expire(client, topic):
    raw = client(clean=False, properties=expiry(1))
    raw.subscribe(topic, qos=1)
    let_pass(1.6)
    client().publish(topic, b"x", qos=1)
    assert raw.messages(1)[0].payload == b"x"


@shows("5/4.1.0-2 5/3.1.2-23")
@pytest.mark.parametrize("first_expiry,then,present", [(60, 0, False), (1, 60, True)])
def test_disconnect_changes_the_session_expiry(client, topic, first_expiry, then, present):
    first = client(clean=False, properties=expiry(first_expiry))
    leave(first, SUCCESS, expiry(then))
    if present:
        let_pass(1.6)
    assert back(client, first, properties=expiry(60)).connack.session_present == present


@shows("5/4.13.1-1")
def test_a_session_expiry_of_0_cannot_be_raised_at_disconnect(client):
    raw = client()
    raw.send(mqtt.packet(mqtt.DISCONNECT, 0, b"\x00" + mqtt.encode_properties(expiry(5))))
    assert [entry.reason for entry in raw.expect_closed()] == [0x82]


@shows("5/3.1.2-23")
def test_a_return_may_change_the_session_expiry(client, topic):
    first = client(clean=False, properties=expiry(60))
    leave(first)
    again = back(client, first, properties=expiry(0))
    assert again.connack.session_present
    leave(again)
    assert not back(client, first).connack.session_present


@shows("4/3.1.2-7")
def test_retained_messages_outlive_the_session(client, topic, version):
    publisher = client(version)
    publisher.publish(topic, b"kept", qos=1, retain=True)
    leave(publisher)
    late = client(version)
    late.subscribe(topic)
    assert late.messages(1)[0].payload == b"kept"


# --- wills ---------------------------------------------------------------------------------------

def will(topic, *, delay=None, **more):
    properties = [] if delay is None else [(mqtt.WILL_DELAY, delay)]
    return {"topic": topic, "payload": b"gone", "properties": properties, **more}


def watch(client, topic, version):
    watcher = client(version)
    watcher.subscribe(topic, qos=2)
    return watcher


@shows("4/3.1.2-8 4/3.1.2-9 4/3.1.2-14 4/3.1.2-16 5/3.1.2-7 5/3.1.2-8 5/3.1.2-9 5/3.1.2-12 "
       "5/3.1.2-14 3")
@pytest.mark.parametrize("qos", [0, 1, 2])
def test_a_will_is_published_when_the_connection_breaks(client, topic, version, qos):
    watcher = watch(client, topic, version)
    client(version, will=will(topic, qos=qos)).abort()
    message = watcher.messages(1)[0]
    assert (message.payload, message.qos, message.retain) == (b"gone", qos, False)
    late = client(version)
    late.subscribe(topic)
    late.expect_silence()


@shows("4/3.1.2-17 5/3.1.2-15")
def test_a_will_may_be_retained(client, topic, version):
    watcher = watch(client, topic, version)
    client(version, will=will(topic, qos=1, retain=True)).abort()
    assert not watcher.messages(1)[0].retain
    late = client(version)
    late.subscribe(topic)
    message = late.messages(1)[0]
    assert (message.payload, message.retain) == (b"gone", True)


@shows("4/3.1.2-10 4/3.1.2-12 4/3.14.4-3 5/3.1.2-10 5/3.14.4-3 3")
def test_disconnect_discards_the_will(client, topic, version):
    watcher = watch(client, topic, version)
    leaving = client(version, will=will(topic))
    leave(leaving)
    client(version, client_id=leaving.client_id).abort()
    client(version).publish(topic, b"end")
    assert watcher.messages(1)[0].payload == b"end"


@shows("5/3.1.2-8 5/3.1.2-10")
@pytest.mark.parametrize("reason", [0x04, 0x80, 0x81, 0x83, 0x93, 0x97])
def test_any_other_disconnect_publishes_it(client, topic, reason):
    watcher = watch(client, topic, 5)
    leave(client(will=will(topic)), reason)
    assert watcher.messages(1)[0].payload == b"gone"


@shows("4/3.1.2-8 5/3.1.2-8")
@pytest.mark.parametrize("send", [b"\x30\x00", b"\xc1\x00"])
def test_a_protocol_error_publishes_it(client, topic, version, send):
    watcher = watch(client, topic, version)
    client(version, will=will(topic)).send(send)
    assert watcher.messages(1)[0].payload == b"gone"


@shows("4/3.1.2-8 5/3.1.2-8")
def test_a_take_over_publishes_it(client, topic, version):
    watcher = watch(client, topic, version)
    first = client(version, will=will(topic))
    client(version, client_id=first.client_id)
    assert watcher.messages(1)[0].payload == b"gone"


@shows("4/3.1.2-10 5/3.1.2-10")
def test_a_will_is_published_once(client, topic, version):
    watcher = watch(client, topic, version)
    first = client(version, will=will(topic), **persistent(version))
    first.abort()
    assert watcher.messages(1)[0].payload == b"gone"
    back(client, first, **persistent(version)).abort()
    client(version).publish(topic, b"end")
    assert watcher.messages(1)[0].payload == b"end"


@shows("5/3.1.3-10")
def test_a_will_carries_its_properties_in_order(client, topic):
    users = [("b", "1"), ("a", "2"), ("b", "3")]
    sent = [(mqtt.CONTENT_TYPE, "t"), (mqtt.RESPONSE_TOPIC, "r"), (mqtt.CORRELATION_DATA, b"\0"),
            (mqtt.PAYLOAD_FORMAT, 1), *((mqtt.USER_PROPERTY, user) for user in users)]
    watcher = watch(client, topic, 5)
    client(will={**will(topic), "properties": sent}).abort()
    message = watcher.messages(1)[0]
    assert message.all(mqtt.USER_PROPERTY) == users
    assert (message.one(mqtt.CONTENT_TYPE), message.one(mqtt.RESPONSE_TOPIC)) == ("t", "r")
    assert message.one(mqtt.CORRELATION_DATA) == b"\0" and message.one(mqtt.PAYLOAD_FORMAT) == 1
    assert message.one(mqtt.WILL_DELAY) is None


@shows("5/3.1.2-8 5/3.1.3-9")
def test_a_will_waits_for_its_delay_unless_the_client_returns(client, topic):
    watcher = watch(client, f"{topic}/+", 5)
    dying, returning = (client(properties=expiry(60), will=will(f"{topic}/{name}", delay=1))
                        for name in ("dying", "returning"))
    started = time.monotonic()
    returning.abort()
    dying.abort()
    back(client, returning, properties=expiry(60))

    assert watcher.messages(1)[0].topic == f"{topic}/dying"

    assert time.monotonic() - started > 0.9
    let_pass(0.5)
    watcher.expect_silence()


@shows("5/3.1.2-8")
@pytest.mark.parametrize("how", ["expires", "ends at once", "clean start"])
def test_a_will_waits_no_longer_than_its_session(client, topic, how):
    watcher = watch(client, topic, 5)
    seconds = {"expires": 1, "ends at once": 0, "clean start": 60}[how]
    dying = client(properties=expiry(seconds), will=will(topic, delay=60))
    dying.abort()
    if how == "clean start":
        back(client, dying, clean=True)
    assert watcher.messages(1, timeout=5)[0].payload == b"gone"


@shows("4/3.1.3-1 4/3.1.2-9 4/3.1.2-19 4/3.1.2-21 5/3.1.3-1 5/3.1.2-9 5/3.1.2-17 5/3.1.2-19")
def test_every_field_of_connect_in_its_order(closed_broker, version):
    """Client id, will, user name, password: each is found where it stands."""
    address, login = closed_broker.address, closed_broker.login
    with RawClient(address, version) as watcher, RawClient(address, version) as dying:
        watcher.connect(closed_broker.unique(), **login)
        watcher.subscribe("open/will", qos=1)
        assert dying.connect("all-fields", will=will("open/will", qos=1), **login).reason == 0
        with RawClient(address, version) as same:
            assert same.connect("all-fields", **login).reason == 0
        message = watcher.messages(1)[0]
    assert (message.topic, message.payload, message.qos) == ("open/will", b"gone", 1)


# --- keep alive ----------------------------------------------------------------------------------

@shows("4/3.1.2-24 5/3.1.2-22 5/3.2.2-22")
def test_silence_ends_the_connection(client, version):
    raw = client(version, keep_alive=1)
    started = time.monotonic()
    packets = raw.expect_closed(8)
    assert 1.2 < time.monotonic() - started < 4
    assert [entry.reason for entry in packets] == ([0x8D] if version == 5 else [])


@shows("4/3.1.2-24 4/4.1.0-1 4/4.1.0-2 5/3.1.2-22 5/4.1.0-1")
def test_keep_alive_0_is_no_limit(client, topic, version):
    raw = client(version, keep_alive=0)
    raw.subscribe(topic, qos=1)
    let_pass(2)
    client(version).publish(topic, b"x", qos=1)
    assert raw.messages(1)[0].payload == b"x"


@shows("5/3.1.2-22")
@pytest.mark.parametrize("asked", [0, 600])
def test_a_keep_alive_of_the_server_is_told_and_kept(small_broker, asked):
    with RawClient(small_broker.address) as raw:
        connack = raw.connect(small_broker.unique(), keep_alive=asked)
        assert connack.one(mqtt.SERVER_KEEP_ALIVE) == 1
        assert [entry.reason for entry in raw.expect_closed(8)] == [0x8D]


@shows("5/3.2.2-9 5/3.2.2-10 5/3.2.2-12")
def test_a_server_of_qos_1_says_so(small_broker):
    with RawClient(small_broker.address) as raw:
        assert raw.connect(small_broker.unique()).one(mqtt.MAXIMUM_QOS) == 1
        assert raw.subscribe("a", qos=2) == [1]
        raw.send(mqtt.publish_packet(5, "a", b"x", qos=2, packet_id=1))
        assert [entry.reason for entry in raw.expect_closed()] == [0x9B]
    with RawClient(small_broker.address) as raw:
        raw.send(mqtt.connect_packet(5, small_broker.unique(), will=will("a", qos=2)))
        assert [(e.type, e.reason) for e in raw.expect_closed()] == [(mqtt.CONNACK, 0x9B)]


@shows("5/4.13.1-1 5/4.13.2-1 5/3.14.4-2")
def test_the_reason_arrives_whatever_was_under_way(client):
    """A close with input unread would reset the connection and take the DISCONNECT away."""
    raw = client()
    raw.send(b"\x00\x00")  # malformed
    for _ in range(3):
        let_pass(0.05)
        raw.send(b"\xc0\x00" * 1000)
    let_pass(0.05)
    assert [(e.type, e.reason) for e in raw.expect_closed()] in (
        [(mqtt.DISCONNECT, 0x81)], [(mqtt.DISCONNECT, 0x82)])


@shows("5/3.2.2-7")
def test_a_refusal_arrives_whatever_was_under_way(broker):
    with RawClient(broker.address) as raw:
        raw.send(mqtt.connect_packet(5, "x", properties=[(0x15, "NONE")]))
        for _ in range(3):
            let_pass(0.05)
            raw.send(b"\xc0\x00" * 1000)
        assert [(e.type, e.reason) for e in raw.expect_closed()] == [(mqtt.CONNACK, 0x8C)]
