"""Flow control, sizes, order and what is sent again. §4.3 to §4.6, §4.9, §3.1.2.11."""
import contextlib

import pytest

from conformance.frame import expect_refused, payloads, shows, subscriber_of
from integration import raw_mqtt as mqtt
from integration.mqtt_steps import let_pass, persistent
from integration.raw_mqtt import RawClient


# --- order and repetition ------------------------------------------------------------------------

@shows("4/4.6.0-5 4/4.6.0-6 5/4.6.0-5 5/4.6.0-6 3")
@pytest.mark.parametrize("qos", [0, 1, 2])
def test_messages_come_in_the_order_of_their_publisher(client, topic, version, qos):
    subscriber = subscriber_of(client, version, topic)
    publishers = [client(version) for _ in range(2)]
    sent = 100
    for number in range(sent):
        for who, publisher in enumerate(publishers):
            publisher.publish(topic, f"{who} {number}", qos=qos)
    found = [entry.payload.split() for entry in subscriber.messages(2 * sent)]
    for who in (b"0", b"1"):
        assert [int(number) for name, number in found if name == who] == list(range(sent))


@shows("4/4.6.0-2 4/4.6.0-3 4/4.6.0-4")
def test_acknowledgements_come_in_the_order_of_the_publishes(client, topic, version):
    raw = client(version)
    ids = [5, 3, 9, 1, 7]
    for qos, kind in ((1, mqtt.PUBACK), (2, mqtt.PUBREC)):
        raw.send(b"".join(mqtt.publish_packet(version, topic, b"x", qos=qos, packet_id=number)
                          for number in ids))
        assert [raw.expect(kind).packet_id for _ in ids] == ids
    raw.send(b"".join(mqtt.ack_packet(mqtt.PUBREL, number) for number in ids))
    assert [raw.expect(mqtt.PUBCOMP).packet_id for _ in ids] == ids
    subscriber = subscriber_of(client, version, topic)
    for _ in range(5):
        raw.publish(topic, b"x", qos=2)
    numbers = [entry.packet_id for entry in subscriber.messages(5, acknowledge=False)]
    subscriber.send(b"".join(mqtt.ack_packet(mqtt.PUBREC, number) for number in numbers))
    assert [subscriber.expect(mqtt.PUBREL).packet_id for _ in numbers] == numbers


@shows("4/3.3.1-1 4/4.4.0-1 4/4.6.0-1 4/4.3.2-1 4/4.3.3-1 5/3.3.1-1 5/4.4.0-1 5/4.3.2-3 5/4.3.3-3 3")
@pytest.mark.parametrize("qos", [1, 2])
def test_what_is_unacknowledged_comes_again_in_order(client, topic, version, qos):
    subscriber = subscriber_of(client, version, topic, **persistent(version))
    publisher = client(version)
    for number in range(5):
        publisher.publish(topic, str(number), qos=qos)
    before = subscriber.messages(5, acknowledge=False)
    subscriber.expect_silence()  # not sent again while the connection lasts
    subscriber.abort()
    publisher.publish(topic, b"5", qos=qos)

    again = client(version, client_id=subscriber.client_id, **persistent(version))

    found = again.messages(6)
    assert [int(entry.payload) for entry in found] == list(range(6))
    assert [entry.packet_id for entry in found[:5]] == [entry.packet_id for entry in before]
    assert [entry.dup for entry in found] == [True] * 5 + [False]


@shows("4/4.4.0-1 4/4.3.3-1 5/4.4.0-1 5/4.3.3-5 5/4.3.3-6")
def test_after_pubrec_only_pubrel_comes_again(client, topic, version):
    subscriber = subscriber_of(client, version, topic, **persistent(version))
    client(version).publish(topic, b"x", qos=2)
    number = subscriber.messages(1, acknowledge=False)[0].packet_id
    subscriber.send(mqtt.ack_packet(mqtt.PUBREC, number))
    assert subscriber.expect(mqtt.PUBREL).packet_id == number
    for _ in range(2):
        subscriber.abort()
        subscriber = client(version, client_id=subscriber.client_id, **persistent(version))
        release = subscriber.expect(mqtt.PUBREL)
        assert (release.packet_id, release.flags) == (number, 2)
        subscriber.expect_silence()
    subscriber.send(mqtt.ack_packet(mqtt.PUBCOMP, number))
    subscriber.expect_silence()
    subscriber.abort()
    client(version, client_id=subscriber.client_id, **persistent(version)).expect_silence()


@shows("4/4.3.3-2 5/4.3.3-10 5/4.3.3-8")
def test_the_publishers_qos_2_state_is_kept_with_its_session(client, topic, version):
    subscriber = subscriber_of(client, version, topic)
    publisher = client(version, **persistent(version))
    sent = mqtt.publish_packet(version, topic, b"once", qos=2, packet_id=7)
    publisher.send(sent)
    assert publisher.expect(mqtt.PUBREC).packet_id == 7
    publisher.abort()
    again = client(version, client_id=publisher.client_id, **persistent(version))
    again.send(bytes([sent[0] | 8]) + sent[1:])
    assert again.expect(mqtt.PUBREC).packet_id == 7
    again.send(mqtt.ack_packet(mqtt.PUBREL, 7))
    assert again.expect(mqtt.PUBCOMP).packet_id == 7
    assert payloads(subscriber.messages(1)) == [b"once"]
    subscriber.expect_silence()


@shows("4/2.3.1-4 4/4.3.2-1 5/2.2.1-4 5/4.3.2-1 5/4.3.3-1")
@pytest.mark.parametrize("qos", [1, 2])
def test_packet_ids_in_use_are_not_used_again(client, topic, version, qos):
    subscriber = subscriber_of(client, version, topic)
    publisher = client(version)
    for _ in range(300):
        publisher.publish(topic, b"x", qos=qos)
    ids = [entry.packet_id for entry in subscriber.messages(300, acknowledge=False)]
    assert len(set(ids)) == 300 and 0 not in ids


@shows("5/4.3.3-7")
@pytest.mark.parametrize("qos", [1, 2])
def test_what_was_sent_does_not_expire(client, topic, qos):
    subscriber = subscriber_of(client, 5, topic, **persistent(5))
    client().publish(topic, b"x", qos=qos, properties=[(mqtt.MESSAGE_EXPIRY, 1)])
    first = subscriber.messages(1, acknowledge=False)[0]
    subscriber.abort()
    let_pass(1.2)
    again = client(client_id=subscriber.client_id, **persistent(5))
    repeat = again.messages(1)[0]
    assert (repeat.packet_id, repeat.dup, repeat.payload) == (first.packet_id, True, b"x")
    again.expect_silence()


# --- receive maximum -----------------------------------------------------------------------------

@shows("5/3.3.4-9 5/3.3.4-10 5/4.9.0-1 5/4.9.0-2 5/4.9.0-3")
@pytest.mark.parametrize("most", [1, 3])
def test_the_clients_receive_maximum_is_kept(client, topic, most):
    subscriber = subscriber_of(client, 5, topic, properties=[(mqtt.RECEIVE_MAXIMUM, most)])
    publisher = client()
    for number in range(8):
        publisher.publish(topic, str(number), qos=1 + number % 2)
    publisher.publish(topic, b"zero")
    waiting = subscriber.messages(most, acknowledge=False)
    assert subscriber.subscribe(f"{topic}/other") == [0]  # everything else goes on
    found = list(waiting)
    while len(found) < 8:
        done = waiting.pop(0)
        if done.qos == 1:
            subscriber.send(mqtt.ack_packet(mqtt.PUBACK, done.packet_id))
        else:
            subscriber.send(mqtt.ack_packet(mqtt.PUBREC, done.packet_id))
            assert subscriber.expect(mqtt.PUBREL).packet_id == done.packet_id
            subscriber.expect_silence()  # the quota grows with PUBCOMP
            subscriber.send(mqtt.ack_packet(mqtt.PUBCOMP, done.packet_id))
        waiting += (more := [m for m in subscriber.messages(1, acknowledge=False)])
        found += [m for m in more if m.qos]
        waiting = [m for m in waiting if m.qos]
        if len(found) < 8:
            subscriber.expect_silence()
    assert [int(entry.payload) for entry in found] == list(range(8))


@shows("5/4.9.0-2 5/4.4.0-2")
def test_a_pubrec_with_an_error_gives_room(client, topic):
    subscriber = subscriber_of(client, 5, topic, properties=[(mqtt.RECEIVE_MAXIMUM, 1)])
    publisher = client()
    for number in range(2):
        publisher.publish(topic, str(number), qos=2)
    first = subscriber.messages(1, acknowledge=False)[0]
    subscriber.send(mqtt.ack_packet(mqtt.PUBREC, first.packet_id, 0x80))
    assert payloads(subscriber.messages(1)) == [b"1"]


@shows("5/4.9.0-1")
def test_a_receive_maximum_of_2_does_not_hold_up_who_waits(small_broker):
    with RawClient(small_broker.address) as raw:
        assert raw.connect(small_broker.unique()).one(mqtt.RECEIVE_MAXIMUM) == 2
        for _ in range(5):
            assert raw.publish("a", b"x", qos=1).reason in (0, 0x10)


@shows("5/4.13.1-1")
def test_qos_2_without_its_pubrels_is_bounded(client, topic):
    raw = client()
    most = raw.connack.one(mqtt.RECEIVE_MAXIMUM)
    for number in range(1, most + 1):
        raw.send(mqtt.publish_packet(5, topic, b"x", qos=2, packet_id=number))
    for number in range(1, most + 1):
        assert raw.expect(mqtt.PUBREC).packet_id == number
    raw.expect_silence()
    raw.send(mqtt.publish_packet(5, topic, b"x", qos=2, packet_id=most + 1))
    expect_refused(raw, 0x93)


@shows("5/4.9.0-2")
def test_pubcomp_gives_the_publisher_room(client, topic):
    raw = client()
    most = raw.connack.one(mqtt.RECEIVE_MAXIMUM)
    for _ in range(2):
        raw.send(b"".join(mqtt.publish_packet(5, topic, b"x", qos=2, packet_id=number)
                          for number in range(1, most + 1)))
        for number in range(1, most + 1):
            assert raw.expect(mqtt.PUBREC).packet_id == number
        raw.send(b"".join(mqtt.ack_packet(mqtt.PUBREL, number) for number in range(1, most + 1)))
        for number in range(1, most + 1):
            assert raw.expect(mqtt.PUBCOMP).packet_id == number


# --- maximum packet size -------------------------------------------------------------------------

@shows("5/3.1.2-24 5/3.1.2-25")
@pytest.mark.parametrize("qos", [0, 1, 2])
@pytest.mark.parametrize("how", ["live", "stored", "retained", "shared"])
def test_a_message_too_large_for_a_client_is_dropped_for_it(client, topic, qos, how):
    options = persistent(5, properties=[(mqtt.MAXIMUM_PACKET_SIZE, 200)])
    small, other = client(**options), client()
    other.subscribe(f"{topic}/#", qos=2)
    name = f"$share/g/{topic}/+" if how == "shared" else f"{topic}/+"
    if how == "stored" and qos == 0:
        how = "live"
    if how != "retained":
        small.subscribe(name, qos=2)
    if how == "stored":
        small.disconnect()
    publisher = client()
    for size in (300, 100):
        publisher.publish(f"{topic}/{size}", b"x" * size, qos=qos, retain=how == "retained")
    if how == "stored":
        small = client(client_id=small.client_id, **options)
    if how == "retained":
        small.subscribe(name, qos=2)
    assert [len(payload) for payload in payloads(small.messages(1))] == [100]
    small.expect_silence()
    assert [len(payload) for payload in payloads(other.messages(2))] == [300, 100]


@shows("5/3.1.2-24")
def test_a_message_of_exactly_the_size_is_delivered(client, topic):
    whole = mqtt.publish_packet(5, topic, b"x" * 100)
    for size, count in ((len(whole), 1), (len(whole) - 1, 0)):
        raw = client(properties=[(mqtt.MAXIMUM_PACKET_SIZE, size)])
        raw.subscribe(topic)
        client().publish(topic, b"x" * 100, qos=1)
        raw.messages(count)
        raw.expect_silence()


@shows("5/3.1.2-24 5/3.2.2-19 5/3.2.2-20 5/3.14.2-3")
def test_no_answer_is_larger_than_the_client_takes(broker):
    with RawClient(broker.address) as raw:
        raw.send(mqtt.connect_packet(5, broker.unique(),
                                     properties=[(mqtt.MAXIMUM_PACKET_SIZE, 8)]))
        assert all(len(entry.body) <= 6 for entry in raw.expect_closed())
    with RawClient(broker.address) as raw:
        raw.connect(broker.unique(), properties=[(mqtt.MAXIMUM_PACKET_SIZE, 60)])
        raw.send(mqtt.subscribe_packet(5, 1, [("a", 0)] * 100))
        assert all(len(entry.body) <= 58 for entry in raw.expect_closed())


@shows("4/4.8.0-1 5/4.13.2-1")
def test_a_packet_larger_than_the_server_takes_ends_the_connection(client, topic, version):
    raw = client(version)
    most = raw.connack.one(mqtt.MAXIMUM_PACKET_SIZE) if version == 5 else 1 << 20
    fits = most - len(mqtt.publish_packet(version, topic, b"x" * 100_000)) + 100_000
    raw.publish(topic, b"x" * fits, qos=0)
    raw.expect_silence()
    with contextlib.suppress(OSError):  # it may close as soon as it has seen the size
        raw.send(mqtt.publish_packet(version, topic, b"x" * (fits + 1)))
    expect_refused(raw, 0x95)


# --- problem information -------------------------------------------------------------------------

@shows("5/3.1.2-29")
@pytest.mark.parametrize("wanted", [0, 1])
def test_acknowledgements_say_no_more_than_was_asked_for(client, topic, wanted):
    raw = client(properties=[(0x17, wanted)])
    users = [(mqtt.USER_PROPERTY, ("a", "b"))]
    raw.send(mqtt.subscribe_packet(5, 1, [("a/#/b", 0)], users) +
             mqtt.publish_packet(5, "$SYS/x", b"", qos=1, packet_id=2, properties=users) +
             mqtt.publish_packet(5, "$SYS/x", b"", qos=2, packet_id=3, properties=users) +
             mqtt.ack_packet(mqtt.PUBREL, 4) + mqtt.unsubscribe_packet(5, 5, ["none"]))
    for _ in range(5):
        answer = raw.receive()
        if not wanted:
            assert not answer.properties, str(answer)


@shows("5/3.1.2-28")
@pytest.mark.parametrize("asked", [0, 1])
def test_response_information_only_if_asked_for(client, asked):
    connack = client(properties=[(0x19, asked)]).connack
    assert asked or connack.one(0x1A) is None
