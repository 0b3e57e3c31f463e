"""Publish, subscribe, retained, wills: exact bytes on a socket, rules beside their tests."""
import time

import pytest

from integration import raw_mqtt as mqtt
from integration.mqtt_steps import expiry, up_to_end

both = pytest.mark.parametrize("version", [4, 5])


# --- publish and subscribe -----------------------------------------------------------------------

@both
@pytest.mark.parametrize("published", [0, 1, 2])
@pytest.mark.parametrize("granted", [0, 1, 2])
def test_a_message_arrives_with_the_smaller_qos(client, topic, version, published, granted):
    subscriber, publisher = client(version), client(version)
    assert subscriber.subscribe(topic, qos=granted) == [granted]  # [MQTT-3.9.3-1]

    publisher.publish(topic, b"payload", qos=published)

    message = subscriber.messages(1)[0]
    assert (message.topic, message.payload) == (topic, b"payload")
    assert message.qos == min(published, granted)  # [MQTT-3.8.4-8]
    assert not message.dup and not message.retain  # [MQTT-3.3.1-12]
    subscriber.expect_silence()


def test_mqtt_3_1_is_served(client, topic):
    subscriber, publisher = client(3), client(3)
    subscriber.subscribe(topic, qos=1)

    publisher.publish(topic, b"old", qos=1)

    assert subscriber.messages(1)[0].payload == b"old"


@both
def test_a_large_payload_arrives_byte_for_byte(client, topic, version):
    subscriber, publisher = client(version), client(version)
    subscriber.subscribe(topic, qos=1)
    payload = bytes(range(256)) * 2048  # 512 KiB

    publisher.publish(topic, payload, qos=1)

    assert subscriber.messages(1)[0].payload == payload


@both
@pytest.mark.parametrize("suffix,matches", [
    ("a/b/c", True), ("a/+/c", True), ("+/+/+", True), ("a/#", True), ("a/b/c/#", True),
    ("#", True), ("a/b", False), ("a/b/c/+", False), ("+/+", False), ("a/b/C", False),
    ("a/+/d", False), ("/a/b/c", False), ("a/b/c/", False)])
def test_wildcards(client, topic, version, suffix, matches):
    subscriber, publisher = client(version), client(version)
    subscriber.subscribe(f"{topic}/{suffix}", f"{topic}-end")

    publisher.publish(f"{topic}/a/b/c", b"x")
    publisher.publish(f"{topic}-end", b"end")

    wanted = [b"x", b"end"] if matches else [b"end"]
    assert [message.payload for message in subscriber.messages(len(wanted))] == wanted


@both
def test_server_topics_do_not_match_a_leading_wildcard(client, topic, version):
    subscriber, publisher = client(version), client(version)
    subscriber.subscribe("+/+/none", "+/broker/uptime", "+/broker/version")  # [MQTT-4.7.2-1]
    subscriber.subscribe(topic)

    publisher.publish(topic, b"end")

    assert subscriber.messages(1)[0].payload == b"end"


@both
@pytest.mark.parametrize("qos", [0, 1, 2])
def test_order_of_one_publisher(client, topic, version, qos):
    subscriber, publisher = client(version), client(version)
    subscriber.subscribe(topic, qos=qos)
    sent = [str(number).encode() for number in range(200)]

    for payload in sent:
        publisher.publish(topic, payload, qos=qos)

    assert [message.payload for message in subscriber.messages(200)] == sent  # [MQTT-4.6.0-6]


@both
def test_overlapping_subscriptions_in_one_session(client, topic, version):
    subscriber, publisher = client(version), client(version)
    subscriber.subscribe(f"{topic}/#", qos=1)
    subscriber.subscribe(f"{topic}/+", qos=2)

    publisher.publish(f"{topic}/a", b"x", qos=2)
    publisher.publish(f"{topic}/b/c", b"end", qos=1)

    # One copy with the highest QoS, or one per subscription. [MQTT-3.3.4-2]
    found = up_to_end(subscriber)
    assert {message.payload for message in found} == {b"x"}
    assert max(message.qos for message in found) == 2 and len(found) <= 2


@both
def test_unsubscribe_ends_delivery(client, topic, version):
    subscriber, publisher = client(version), client(version)
    subscriber.subscribe(f"{topic}/a", f"{topic}/b")

    codes = subscriber.unsubscribe(f"{topic}/a", f"{topic}/unknown")

    if version == 5:
        assert codes == [0x00, 0x11]  # [MQTT-3.11.3-1]
    publisher.publish(f"{topic}/a", b"gone")
    publisher.publish(f"{topic}/b", b"end")
    assert subscriber.messages(1)[0].payload == b"end"


@both
def test_a_second_subscribe_replaces_the_first(client, topic, version):
    subscriber, publisher = client(version), client(version)
    subscriber.subscribe(topic, qos=0)
    subscriber.subscribe(topic, qos=1)  # [MQTT-3.8.4-3]

    publisher.publish(topic, b"x", qos=1)

    assert subscriber.messages(1)[0].qos == 1
    subscriber.expect_silence()


@both
def test_a_ping_is_answered(client, version):
    raw = client(version)
    raw.send(mqtt.packet(mqtt.PINGREQ, 0, b""))
    assert raw.expect(mqtt.PINGRESP).body == b""  # [MQTT-3.12.4-1]


# --- retained ------------------------------------------------------------------------------------

@both
def test_a_retained_message_waits_for_its_subscriber(client, topic, version):
    publisher = client(version)
    publisher.publish(f"{topic}/a", b"first", qos=1, retain=True)
    publisher.publish(f"{topic}/a", b"last", qos=1, retain=True)
    publisher.publish(f"{topic}/b", b"not kept", qos=1)

    subscriber = client(version)
    subscriber.subscribe(f"{topic}/+", qos=1)

    message = subscriber.messages(1)[0]
    assert (message.payload, message.retain) == (b"last", True)  # [MQTT-3.3.1-8]
    subscriber.expect_silence()


@both
def test_an_empty_retained_message_removes_it(client, topic, version):
    publisher = client(version)
    publisher.publish(topic, b"kept", qos=1, retain=True)
    watcher = client(version)
    watcher.subscribe(topic)
    assert watcher.messages(1)[0].retain

    publisher.publish(topic, b"", qos=1, retain=True)  # [MQTT-3.3.1-6]

    removal = watcher.messages(1)[0]
    assert (removal.payload, removal.retain) == (b"", False)
    late = client(version)
    late.subscribe(topic)
    late.expect_silence()


def test_retain_as_published(client, topic):
    subscriber, publisher = client(), client()
    subscriber.subscribe((f"{topic}/kept", 0x08), (f"{topic}/plain", 0x00))

    publisher.publish(f"{topic}/kept", b"x", retain=True)
    publisher.publish(f"{topic}/plain", b"x", retain=True)

    flags = {message.topic: message.retain for message in subscriber.messages(2)}
    assert flags == {f"{topic}/kept": True, f"{topic}/plain": False}  # [MQTT-3.3.1-13]
    publisher.publish(f"{topic}/kept", b"", retain=True)
    publisher.publish(f"{topic}/plain", b"", retain=True)


@pytest.mark.parametrize("handling,times", [(0, 2), (1, 1), (2, 0)])
def test_retain_handling(client, topic, handling, times):
    publisher = client()
    publisher.publish(topic, b"kept", qos=1, retain=True)
    subscriber = client()

    for _ in range(2):  # the second is a SUBSCRIBE to a subscription that exists
        subscriber.subscribe((topic, handling << 4))  # [MQTT-3.3.1-9], -10, -11
    publisher.publish(topic, b"live")

    found = [message.payload for message in subscriber.messages(times + 1)]
    assert found == [b"kept"] * times + [b"live"]


def test_no_local(client, topic):
    raw = client()
    raw.subscribe((f"{topic}/own", 0x04), f"{topic}/end")

    raw.publish(f"{topic}/own", b"mine")
    raw.publish(f"{topic}/end", b"end")

    assert raw.messages(1)[0].payload == b"end"  # [MQTT-3.8.3-3]


# --- wills ---------------------------------------------------------------------------------------

@both
@pytest.mark.parametrize("retain", [False, True])
def test_a_will_is_published_when_the_connection_breaks(client, topic, version, retain):
    watcher = client(version)
    watcher.subscribe(topic, qos=1)
    dying = client(version, will={"topic": topic, "payload": b"gone", "qos": 1, "retain": retain})

    dying.abort()

    message = watcher.messages(1)[0]
    assert (message.payload, message.qos, message.retain) == (b"gone", 1, False)
    late = client(version)
    late.subscribe(topic)
    if retain:
        assert late.messages(1)[0].payload == b"gone"  # [MQTT-3.1.2-17]
    else:
        late.expect_silence()


@both
def test_a_will_is_not_published_after_disconnect(client, topic, version):
    watcher = client(version)
    watcher.subscribe(topic)
    leaving = client(version, will={"topic": topic, "payload": b"gone"})

    leaving.send(mqtt.packet(mqtt.DISCONNECT, 0, b""))  # [MQTT-3.14.4-3]
    leaving.expect_closed()
    client(version).publish(topic, b"end")

    assert watcher.messages(1)[0].payload == b"end"


def test_disconnect_0x04_publishes_the_will(client, topic):
    watcher = client()
    watcher.subscribe(topic)
    leaving = client(will={"topic": topic, "payload": b"gone"})

    leaving.send(mqtt.packet(mqtt.DISCONNECT, 0, bytes([0x04, 0])))

    assert watcher.messages(1)[0].payload == b"gone"


def test_a_will_carries_its_properties(client, topic):
    sent = [(mqtt.PAYLOAD_FORMAT, 1), (mqtt.CONTENT_TYPE, "text/plain"),
            (mqtt.USER_PROPERTY, ("b", "1")), (mqtt.USER_PROPERTY, ("a", "2")),
            (mqtt.USER_PROPERTY, ("b", "3"))]
    watcher = client()
    watcher.subscribe(topic)
    dying = client(will={"topic": topic, "payload": b"gone", "properties": sent})

    dying.abort()

    message = watcher.messages(1)[0]
    assert message.all(mqtt.USER_PROPERTY) == [("b", "1"), ("a", "2"), ("b", "3")]
    assert message.one(mqtt.CONTENT_TYPE) == "text/plain"
    assert message.one(mqtt.PAYLOAD_FORMAT) == 1


def test_a_will_delay_waits_and_a_return_cancels_it(client, topic):
    watcher = client()
    watcher.subscribe(f"{topic}/#")
    delay = [(mqtt.WILL_DELAY, 2)]

    def will(name):
        return {"topic": f"{topic}/{name}", "payload": b"gone", "properties": delay}

    dying = client(properties=expiry(60), will=will("dying"))
    returning = client(properties=expiry(60), will=will("returning"))
    broken = time.monotonic()
    returning.abort()
    dying.abort()
    client(client_id=returning.client_id, clean=False, properties=expiry(60))

    message = watcher.messages(1)[0]

    assert message.topic == f"{topic}/dying"  # [MQTT-3.1.3-9]
    assert time.monotonic() - broken > 1.5
    watcher.expect_silence()


@both
def test_keep_alive_ends_a_silent_connection(client, topic, version):
    watcher = client(version, keep_alive=60)
    watcher.subscribe(topic)
    silent = client(version, keep_alive=1, will={"topic": topic, "payload": b"gone"})
    started = time.monotonic()

    packets = silent.expect_closed(15)

    assert 1.2 < time.monotonic() - started < 10  # one and a half times [MQTT-3.1.2-22]
    if version == 5:
        assert [entry.reason for entry in packets if entry.type == mqtt.DISCONNECT] == [0x8D]
    assert watcher.messages(1)[0].payload == b"gone"


@both
def test_pings_keep_a_connection(client, version):
    raw = client(version, keep_alive=2)
    for _ in range(4):
        with pytest.raises(mqtt.Late):
            raw.receive(1)
        raw.expect_silence()
