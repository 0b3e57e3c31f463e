"""The cases of Eclipse Paho's interoperability suite, named alike, in our own code.

Its own files run against this server too: conformance/paho_suite.py, bench/results/paho.txt.
"""
import time

import pytest

from conformance.frame import expect_refused, payloads, shows, subscriber_of
from integration import raw_mqtt as mqtt
from integration.mqtt_steps import expiry, let_pass, persistent
from integration.raw_mqtt import RawClient


# --- client_test.py and client_test5.py ----------------------------------------------------------

@shows("4/3.1.4-4 4/3.14.4-3 4/7.0.0-2 5/3.1.4-5 3")
def test_basic(broker, client, topic, version):
    raw = subscriber_of(client, version, topic)
    for qos in (0, 1, 2):
        raw.publish(topic, f"qos {qos}", qos=qos)
    assert sorted(payloads(raw.messages(3))) == [b"qos 0", b"qos 1", b"qos 2"]
    raw.disconnect()
    with RawClient(broker.address, version) as broken:  # one whose first packet is not CONNECT
        broken.send(mqtt.publish_packet(version, topic, b"x"))
        broken.expect_closed()


@shows("4/3.3.1-5 4/3.3.1-6 4/3.3.1-10 5/3.3.1-5 5/3.3.1-6")
def test_retained_messages(client, topic, version):
    publisher = client(version)
    for qos in (0, 1, 2):
        publisher.publish(f"{topic}/{qos}", f"qos {qos}", qos=qos, retain=True)
    found = subscriber_of(client, version, f"{topic}/+").messages(3)
    assert sorted((m.payload, m.qos, m.retain) for m in found) == \
        [(f"qos {qos}".encode(), qos, True) for qos in (0, 1, 2)]
    for qos in (0, 1, 2):
        publisher.publish(f"{topic}/{qos}", b"", qos=qos, retain=True)
    publisher.expect_silence()
    subscriber_of(client, version, f"{topic}/+").expect_silence()


@shows("4/3.1.3-6 4/3.1.3-8 5/3.1.3-6 5/3.1.3-7")
def test_zero_length_clientid(broker, version):
    with RawClient(broker.address, version) as raw:
        answer = raw.connect("", clean=False)
        assert answer.reason == (2 if version == 4 else 0)
        assert version == 4 or answer.one(mqtt.ASSIGNED_CLIENT_ID)
    with RawClient(broker.address, version) as raw:
        assert raw.connect("", clean=True).reason == 0


@shows("4/3.1.2-5 4/4.5.0-1 5/3.1.2-23 5/4.5.0-1")
def test_offline_message_queueing(client, topic, version):
    away = subscriber_of(client, version, f"{topic}/+", **persistent(version))
    away.disconnect()
    publisher = client(version)
    for qos in (0, 1, 2):
        publisher.publish(f"{topic}/{qos}", f"qos {qos}", qos=qos)
    again = client(version, client_id=away.client_id, **persistent(version))
    assert sorted(payloads(again.messages(2))) == [b"qos 1", b"qos 2"]
    again.expect_silence()


@shows("4/3.3.5-1 5/3.3.4-2")
def test_overlapping_subscriptions(client, topic, version):
    raw = subscriber_of(client, version, (f"{topic}/#", 2), (f"{topic}/+", 1))
    raw.publish(f"{topic}/a", b"overlapping", qos=2)
    assert [m.qos for m in raw.messages(1)] == [2]
    raw.expect_silence()


@shows("4/3.1.2-24 4/3.1.2-8 5/3.1.2-22 5/3.1.2-8")
def test_keepalive(client, topic, version):
    watcher = subscriber_of(client, version, topic)
    client(version, keep_alive=1, will={"topic": topic, "payload": b"keepalive expiry"})
    started = time.monotonic()
    assert payloads(watcher.messages(1)) == [b"keepalive expiry"]
    assert time.monotonic() - started > 1.2


@shows("4/4.4.0-1 4/3.3.1-1 5/4.4.0-1 5/3.3.1-1")
def test_redelivery_on_reconnect(client, topic, version):
    first = subscriber_of(client, version, topic, **persistent(version))
    publisher = client(version)
    for qos in (1, 2):
        publisher.publish(topic, f"qos {qos}", qos=qos)
    before = first.messages(2, acknowledge=False)
    first.abort()
    again = client(version, client_id=first.client_id, **persistent(version))
    after = again.messages(2)
    assert [(m.packet_id, m.payload) for m in after] == [(m.packet_id, m.payload) for m in before]
    assert all(m.dup for m in after)


@shows("4/3.8.4-5 5/3.8.4-7")
def test_subscribe_failure(closed_broker, version):
    with RawClient(closed_broker.address, version) as raw:
        raw.connect(closed_broker.unique(), **closed_broker.login)
        # Theirs wants 0x80 in MQTT 5 too; 0x87 is the table's own code for this (§3.9.3), and
        # `access.refused_subscription` chooses.
        assert raw.subscribe("test/nosubscribe", qos=2) == [0x80 if version == 4 else 0x87]


@shows("4/4.7.2-1 5/4.7.2-1")
def test_dollar_topics(client, topic, version):
    raw = subscriber_of(client, version, "+/+", topic)
    # MQTT 3.1.1 cannot be refused: it is kept, for nobody. Their client for MQTT 5 takes no PUBACK
    # with properties.
    answer = raw.publish("$TopicA/B", b"x", qos=1)
    assert answer.reason == (0x87 if version == 5 else 0)
    assert not answer.properties
    raw.publish(topic, b"end", qos=1)
    while (message := raw.messages(1)[0]).payload != b"end":
        assert not message.topic.startswith("$")


@shows("4/3.10.4-1 4/3.10.4-2 5/3.10.4-1 5/3.10.4-2")
def test_unsubscribe(client, topic, version):
    names = [f"{topic}/{name}" for name in "abc"]
    raw = subscriber_of(client, version, *names)
    raw.unsubscribe(names[0])
    publisher = client(version)
    for name in names:
        publisher.publish(name, name, qos=1)
    assert [m.topic for m in raw.messages(2)] == names[1:]
    raw.expect_silence()


# --- client_test5.py -----------------------------------------------------------------------------

@shows("5/3.1.2-7 5/3.1.2-8 5/3.1.3-10")
def test_will_message(client, topic):
    watcher = subscriber_of(client, 5, topic)
    users = [(mqtt.USER_PROPERTY, ("a", "2")), (mqtt.USER_PROPERTY, ("c", "3"))]
    client(will={"topic": topic, "payload": b"will", "properties": users}).abort()
    message = watcher.messages(1)[0]
    assert (message.payload, message.properties) == (b"will", users)


@shows("5/3.1.2-23 5/4.1.0-2")
def test_session_expiry(client):
    def present(raw, seconds, then=None):
        """Comes back with this expiry, leaves with another: was the session there?"""
        again = client(client_id=raw.client_id, clean=False, properties=expiry(seconds))
        body = b"" if then is None else b"\x00" + mqtt.encode_properties(expiry(then))
        again.send(mqtt.packet(mqtt.DISCONNECT, 0, body))
        again.expect_closed()
        return again.connack.session_present

    raw = client(properties=expiry(0))
    raw.disconnect()
    assert not present(raw, 2)
    let_pass(0.5)
    assert present(raw, 2)
    let_pass(2.5)
    assert not present(raw, 1, then=4)  # begun anew, and longer than it said first
    let_pass(1.5)
    assert present(raw, 5, then=0)
    assert not present(raw, 0)


@shows("5/3.3.2-17 5/3.3.2-18")
def test_user_properties(client, topic):
    raw = subscriber_of(client, 5, topic)
    users = [(mqtt.USER_PROPERTY, ("a", "2")), (mqtt.USER_PROPERTY, ("c", "3"))]
    for qos in (0, 1, 2):
        raw.publish(topic, b"x", qos=qos, properties=users)
    assert [m.properties for m in raw.messages(3)] == [users] * 3


@shows("5/3.3.2-4 5/3.3.2-20")
def test_payload_format(client, topic):
    raw = subscriber_of(client, 5, topic)
    sent = [(mqtt.PAYLOAD_FORMAT, 1), (mqtt.CONTENT_TYPE, "My name")]
    for qos in (0, 1, 2):
        raw.publish(topic, b"x", qos=qos, properties=sent)
    assert [sorted(m.properties) for m in raw.messages(3)] == [sorted(sent)] * 3


@shows("5/3.3.2-5 5/3.3.2-6")
def test_publication_expiry(client, topic):
    away = subscriber_of(client, 5, topic, **persistent(5))
    away.disconnect()
    publisher = client()
    for qos in (1, 2):
        for seconds in (1, 6):
            publisher.publish(topic, str(seconds), qos=qos,
                              properties=[(mqtt.MESSAGE_EXPIRY, seconds)])
    let_pass(2)
    found = client(client_id=away.client_id, **persistent(5)).messages(2)
    assert [(m.payload, m.qos) for m in found] == [(b"6", 1), (b"6", 2)]
    assert all(0 < m.one(mqtt.MESSAGE_EXPIRY) < 6 for m in found)


@shows("5/3.8.3-3 5/3.3.1-9 5/3.3.1-10 5/3.3.1-11 5/3.3.1-12 5/3.3.1-13")
def test_subscribe_options(client, topic):
    raw, other = client(), client()
    raw.subscribe((f"{topic}/local", 0x04 | 2))
    other.subscribe((f"{topic}/local", 0x04 | 2))
    raw.publish(f"{topic}/local", b"noLocal", qos=1)
    raw.expect_silence()
    assert payloads(other.messages(1)) == [b"noLocal"]
    raw.subscribe((f"{topic}/kept", 0x08 | 2), (f"{topic}/plain", 2))
    for name in ("kept", "plain"):
        raw.publish(f"{topic}/{name}", name, qos=1, retain=True)
    assert [m.retain for m in raw.messages(2)] == [True, False]
    for handling, counts in ((0, (1, 1)), (1, (1, 0)), (2, (0, 0))):
        fresh = client()
        for count in counts:
            fresh.subscribe((f"{topic}/kept", handling << 4))
            assert len(fresh.messages(count)) == count
            fresh.expect_silence()


@shows("5/3.2.2-16")
def test_assigned_clientid(client):
    assert client(client_id="").connack.one(mqtt.ASSIGNED_CLIENT_ID)


@shows("5/3.3.4-3 5/3.3.4-4")
def test_subscribe_identifiers(client, topic):
    raw, other = client(), client()
    raw.subscribe(topic, properties=[(mqtt.SUBSCRIPTION_ID, 456789)])
    other.subscribe(topic, properties=[(mqtt.SUBSCRIPTION_ID, 2)])
    other.subscribe(f"{topic}/#", properties=[(mqtt.SUBSCRIPTION_ID, 3)])
    other.publish(topic, b"x", qos=1)
    assert raw.messages(1)[0].all(mqtt.SUBSCRIPTION_ID) == [456789]
    assert sorted(other.messages(1)[0].all(mqtt.SUBSCRIPTION_ID)) == [2, 3]


@shows("5/3.3.2-15 5/3.3.2-16 5/3.8.3-3")
def test_request_response(client, topic):
    requester, responder = client(), client()
    for raw in (requester, responder):
        raw.subscribe((topic, 0x04 | 2))
    sent = [(mqtt.RESPONSE_TOPIC, topic), (mqtt.CORRELATION_DATA, b"334")]
    requester.publish(topic, b"request", qos=1, properties=sent)
    request = responder.messages(1)[0]
    assert sorted(request.properties) == sorted(sent)
    responder.publish(request.one(mqtt.RESPONSE_TOPIC), b"response", qos=1,
                      properties=request.properties)
    response = requester.messages(1)[0]
    assert (response.payload, response.one(mqtt.CORRELATION_DATA)) == (b"response", b"334")


@shows("5/3.3.2-8 5/3.3.2-12 5/3.3.2-7")
def test_client_topic_alias(client, topic):
    raw = client()
    raw.send(mqtt.publish_packet(5, topic, b"x", qos=1, packet_id=1,
                                 properties=[(mqtt.TOPIC_ALIAS, 0)]))
    expect_refused(raw, {0x82, 0x94})
    raw = subscriber_of(client, 5, topic)
    for name in (topic, ""):
        raw.publish(name, b"x", qos=1, properties=[(mqtt.TOPIC_ALIAS, 1)])
    assert [m.topic for m in raw.messages(2)] == [topic, topic]
    raw.abort()
    raw = client(client_id=raw.client_id)
    raw.send(mqtt.publish_packet(5, "", b"x", properties=[(mqtt.TOPIC_ALIAS, 1)]))
    expect_refused(raw, {0x82, 0x94})


@shows("5/3.1.2-26 5/3.1.2-27")
@pytest.mark.parametrize("most,topics", [(1, ["full", "", ""]), (0, ["full"] * 3)])
def test_server_topic_alias(client, topic, most, topics):
    raw = subscriber_of(client, 5, topic, properties=[(mqtt.TOPIC_ALIAS_MAXIMUM, most)])
    for qos in (0, 1, 2):
        raw.publish(topic, b"x", qos=qos)
    found = raw.messages(3)
    assert ["full" if m.topic == topic else m.topic for m in found] == topics
    assert [m.one(mqtt.TOPIC_ALIAS) for m in found] == [1 if most else None] * 3


@shows("5/3.1.2-24 5/3.1.2-25")
def test_maximum_packet_size(client, topic):
    raw = subscriber_of(client, 5, topic, properties=[(mqtt.MAXIMUM_PACKET_SIZE, 64)])
    raw.publish(topic, b"." * 30)
    raw.publish(topic, b"." * 64, qos=1)
    assert [len(payload) for payload in payloads(raw.messages(1))] == [30]
    raw.expect_silence()


@shows("5/3.1.2-22")
def test_server_keep_alive(small_broker):
    with RawClient(small_broker.address) as raw:
        connack = raw.connect(small_broker.unique(), keep_alive=120)
        assert connack.one(mqtt.SERVER_KEEP_ALIVE) == 1


@shows("5/3.3.4-9 5/4.9.0-2")
def test_flow_control1(client, topic):
    raw = subscriber_of(client, 5, topic, properties=[(mqtt.RECEIVE_MAXIMUM, 2)])
    for number in range(3):
        raw.publish(topic, str(number), qos=1)
    first = raw.messages(2, acknowledge=False)
    raw.expect_silence()
    raw.send(mqtt.ack_packet(mqtt.PUBACK, first[0].packet_id))
    assert payloads(raw.messages(1)) == [b"2"]


@shows("5/4.13.1-1")
def test_flow_control2(client, topic):
    raw = client()
    most = raw.connack.one(mqtt.RECEIVE_MAXIMUM)
    raw.send(b"".join(mqtt.publish_packet(5, topic, b"x", qos=2, packet_id=number)
                      for number in range(1, most + 2)))
    packets = raw.expect_closed()
    assert (packets[-1].type, packets[-1].reason) == (mqtt.DISCONNECT, 0x93)


@shows("5/3.1.2-8 5/3.1.3-9")
@pytest.mark.parametrize("delay,session,least", [(0, 0, 0), (1, 2, 0.9), (2, 1, 0.9), (5, 0, 0)])
def test_will_delay(client, topic, delay, session, least):
    watcher = subscriber_of(client, 5, topic)
    dying = client(properties=expiry(session), will={
        "topic": topic, "payload": b"will", "properties": [(mqtt.WILL_DELAY, delay)]})
    started = time.monotonic()
    dying.abort()
    assert payloads(watcher.messages(1)) == [b"will"]
    assert least <= time.monotonic() - started < min(delay, session) + 1


@shows("5/4.8.2-1 5/4.8.2-3")
def test_shared_subscriptions(client, topic):
    name = f"$share/{topic.replace('/', '-')}/{topic}"
    members = [client(**persistent(5)) for _ in range(2)]
    for raw in members:
        raw.subscribe(topic, name, qos=2)
    for number in range(10):
        members[0].publish(topic, str(number), qos=number % 3)
    counts = []
    for raw in members:
        found = []
        while True:
            try:
                found += raw.messages(1, timeout=0.5)
            except mqtt.Late:
                break
        counts.append(len(found))
    assert sum(counts) == 30 and min(counts) > 10  # each all of its own, and a share
