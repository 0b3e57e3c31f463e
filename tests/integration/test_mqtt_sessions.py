"""Sessions and shared subscriptions: exact bytes on a socket, rules beside their tests."""
import time

import pytest

from integration import raw_mqtt as mqtt
from integration.mqtt_steps import expiry, let_pass, persistent

both = pytest.mark.parametrize("version", [4, 5])


# --- sessions ------------------------------------------------------------------------------------

@both
def test_a_second_connection_takes_over(client, topic, version):
    watcher = client(version)
    watcher.subscribe(topic)
    first = client(version, client_id=f"{topic}-same")

    second = client(version, client_id=f"{topic}-same")

    packets = first.expect_closed()  # [MQTT-3.1.4-3]
    if version == 5:
        assert [entry.reason for entry in packets] == [0x8E]
    second.publish(topic, b"alive", qos=1)
    assert watcher.messages(1)[0].payload == b"alive"


@both
def test_a_persistent_session_keeps_what_was_sent_meanwhile(client, topic, version):
    options = persistent(version)
    subscriber = client(version, **options)
    assert not subscriber.connack.session_present
    subscriber.subscribe((f"{topic}/1", 1), (f"{topic}/2", 2))
    subscriber.disconnect()
    publisher = client(version)
    for number in range(20):
        publisher.publish(f"{topic}/{1 + number % 2}", str(number), qos=2)

    again = client(version, client_id=subscriber.client_id, **options)

    assert again.connack.session_present  # [MQTT-3.2.2-3]
    found = again.messages(20)
    for qos in (1, 2):  # in order for each topic and QoS [MQTT-4.6.0-6]
        numbers = [int(message.payload) for message in found if message.qos == qos]
        assert numbers == list(range(qos - 1, 20, 2))
    again.expect_silence()


@both
def test_a_clean_start_forgets_the_session(client, topic, version):
    options = persistent(version)
    subscriber = client(version, **options)
    subscriber.subscribe(topic, qos=1)
    subscriber.disconnect()
    publisher = client(version)
    publisher.publish(topic, b"queued", qos=1)

    fresh = client(version, client_id=subscriber.client_id, clean=True)

    assert not fresh.connack.session_present  # [MQTT-3.1.2-4]
    publisher.publish(topic, b"live", qos=1)
    fresh.expect_silence()


@both
def test_a_clean_session_ends_with_its_connection(client, topic, version):
    first = client(version)
    first.subscribe(topic, qos=1)
    first.disconnect()

    again = client(version, client_id=first.client_id, clean=False)

    assert not again.connack.session_present
    client(version).publish(topic, b"x", qos=1)
    again.expect_silence()


def test_a_session_expires(client, topic):
    first = client(clean=False, properties=expiry(1))
    first.subscribe(topic, qos=1)
    first.disconnect()

    # [MQTT-3.1.2-23]; a server may look for ended sessions at intervals
    for seconds in (1.5, 3, 6):
        let_pass(seconds)
        again = client(client_id=first.client_id, clean=False, properties=expiry(1))
        if not again.connack.session_present:
            return
        again.disconnect()
    pytest.fail("the session was still there")


def test_disconnect_may_change_the_session_expiry(client, topic):
    first = client(clean=False, properties=expiry(3600))
    first.subscribe(topic, qos=1)
    first.send(mqtt.packet(mqtt.DISCONNECT, 0, b"\x00" + mqtt.encode_properties(expiry(0))))
    first.expect_closed()

    again = client(client_id=first.client_id, clean=False)

    assert not again.connack.session_present


@both
def test_unacknowledged_messages_come_again_first(client, topic, version):
    options = persistent(version)
    subscriber = client(version, **options)
    subscriber.subscribe(topic, qos=1)
    publisher = client(version)
    publisher.publish(topic, b"1", qos=1)
    publisher.publish(topic, b"2", qos=1)
    before = subscriber.messages(2, acknowledge=False)
    subscriber.abort()
    publisher.publish(topic, b"3", qos=1)

    again = client(version, client_id=subscriber.client_id, **options)

    found = again.messages(3)
    assert [message.payload for message in found] == [b"1", b"2", b"3"]  # [MQTT-4.6.0-1]
    assert [message.packet_id for message in found[:2]] == [m.packet_id for m in before]
    assert [message.dup for message in found] == [True, True, False]  # [MQTT-3.3.1-1]
    again.expect_silence()


@both
def test_qos_2_to_a_subscriber_goes_on_where_it_broke(client, topic, version):
    options = persistent(version)
    subscriber = client(version, **options)
    subscriber.subscribe(topic, qos=2)
    client(version).publish(topic, b"once", qos=2)
    first = subscriber.messages(1, acknowledge=False)[0]
    subscriber.abort()

    second = client(version, client_id=subscriber.client_id, **options)
    repeat = second.messages(1, acknowledge=False)[0]
    assert (repeat.packet_id, repeat.dup) == (first.packet_id, True)  # [MQTT-4.4.0-1]
    second.send(mqtt.ack_packet(mqtt.PUBREC, repeat.packet_id))
    assert second.expect(mqtt.PUBREL).packet_id == repeat.packet_id
    second.abort()

    third = client(version, client_id=subscriber.client_id, **options)
    release = third.expect(mqtt.PUBREL)  # not PUBLISH: it was received [MQTT-4.3.3-7]
    assert (release.packet_id, release.flags) == (repeat.packet_id, 2)
    third.send(mqtt.ack_packet(mqtt.PUBCOMP, repeat.packet_id))
    third.expect_silence()
    third.abort()

    assert client(version, client_id=subscriber.client_id, **options).expect_silence() is None


@both
def test_a_repeated_qos_2_publish_is_delivered_once(client, topic, version):
    subscriber = client(version)
    subscriber.subscribe(topic, qos=2)
    options = persistent(version)
    publisher = client(version, **options)
    publish = mqtt.publish_packet(version, topic, b"once", qos=2, packet_id=7)
    publisher.send(publish)
    assert publisher.expect(mqtt.PUBREC).packet_id == 7
    publisher.abort()

    again = client(version, client_id=publisher.client_id, **options)
    assert again.connack.session_present
    again.send(bytes([publish[0] | 8]) + publish[1:])
    assert again.expect(mqtt.PUBREC).packet_id == 7  # [MQTT-4.3.3-10]
    again.send(mqtt.ack_packet(mqtt.PUBREL, 7))
    assert again.expect(mqtt.PUBCOMP).packet_id == 7

    assert subscriber.messages(1)[0].payload == b"once"
    subscriber.expect_silence()


def test_pubrel_for_an_unknown_id(client):
    raw = client()
    raw.send(mqtt.ack_packet(mqtt.PUBREL, 4711))
    answer = raw.expect(mqtt.PUBCOMP)
    assert (answer.packet_id, answer.reason) == (4711, 0x92)


# --- shared subscriptions ------------------------------------------------------------------------

def drain(members, count, acknowledge=True, seconds=10):
    """Reads from several clients in turn until `count` messages came in all."""
    found = [[] for _ in members]
    deadline = time.monotonic() + seconds
    while sum(map(len, found)) < count and time.monotonic() < deadline:
        for index, member in enumerate(members):
            try:
                received = member.receive(0.02)
            except mqtt.Late:
                continue
            if received.type == mqtt.PUBREL:
                member.send(mqtt.ack_packet(mqtt.PUBCOMP, received.packet_id))
                continue
            assert received.type == mqtt.PUBLISH
            found[index].append(received)
            if acknowledge and received.qos:
                answer = mqtt.PUBACK if received.qos == 1 else mqtt.PUBREC
                member.send(mqtt.ack_packet(answer, received.packet_id))
    return found


@both
@pytest.mark.parametrize("qos", [0, 1, 2])
def test_a_group_gets_each_message_once(client, topic, version, qos):
    members = [client(version) for _ in range(3)]
    for member in members:
        member.subscribe(f"$share/{topic.replace('/', '-')}/{topic}", qos=qos)
    plain = client(version)
    plain.subscribe(topic, qos=qos)
    publisher = client(version)

    for number in range(60):
        publisher.publish(topic, str(number), qos=qos)

    found = drain(members, 60)
    assert sorted(int(m.payload) for part in found for m in part) == list(range(60))
    assert all(found), "every member gets its part"
    assert len(plain.messages(60)) == 60
    for member in members:
        deadline = time.monotonic() + 5
        member.send(mqtt.packet(mqtt.PINGREQ, 0, b""))
        while (entry := member.receive(5)).type != mqtt.PINGRESP:
            assert entry.type == mqtt.PUBREL and time.monotonic() < deadline


@both
def test_a_group_gives_a_leaving_members_messages_to_another(client, topic, version):
    group = f"$share/{topic.replace('/', '-')}/{topic}"
    leaving, staying = client(version), client(version)
    leaving.subscribe(group, qos=1)
    staying.subscribe(group, qos=1)
    publisher = client(version)
    for number in range(20):
        publisher.publish(topic, str(number), qos=1)
    held, answered = drain([leaving], 1, acknowledge=False), drain([staying], 1)
    assert held[0], "the leaving member got none"

    leaving.abort()

    seen = {int(m.payload) for m in answered[0]}
    deadline = time.monotonic() + 10
    while len(seen) < 20:
        assert time.monotonic() < deadline, f"only {sorted(seen)}"
        message = staying.messages(1)[0]
        seen.add(int(message.payload))


def test_a_group_does_not_get_retained_messages(client, topic):
    publisher = client()
    publisher.publish(topic, b"kept", qos=1, retain=True)
    member = client()

    member.subscribe(f"$share/{topic.replace('/', '-')}/{topic}", qos=1)

    member.expect_silence()  # MQTT 5 §4.8.2
    publisher.publish(topic, b"", qos=1, retain=True)


@pytest.mark.parametrize("name", ["$share//a", "$share/g", "$share/g+/a", "$share/g/"])
def test_a_wrong_group_filter_is_refused(client, name):
    raw = client()
    raw.send(mqtt.subscribe_packet(5, 1, [(name, 0)]))
    try:
        answer = raw.receive()
    except mqtt.Closed:
        return
    # [MQTT-4.8.2-1], -2: a code in SUBACK, or the end of the connection
    if answer.type == mqtt.SUBACK:
        assert answer.codes == [0x8F]
    else:
        assert answer.type == mqtt.DISCONNECT and answer.reason in (0x81, 0x82, 0x8F)


def test_no_local_on_a_group_is_a_protocol_error(client, topic):
    raw = client()
    raw.send(mqtt.subscribe_packet(5, 1, [(f"$share/g/{topic}", 0x04)]))  # [MQTT-3.8.3-4]
    packets = raw.expect_closed()
    assert [entry.reason for entry in packets] == [0x82]
