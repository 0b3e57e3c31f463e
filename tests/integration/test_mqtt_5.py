"""What MQTT 5 adds: exact bytes on a socket, rules beside their tests."""
import pytest

from integration import raw_mqtt as mqtt
from integration.mqtt_steps import let_pass, persistent, up_to_end
from integration.raw_mqtt import RawClient


def test_properties_are_carried_through(client, topic):
    users = [("z", "1"), ("a", "2"), ("z", "3"), ("", ""), ("Größe", "µ")]
    sent = [(mqtt.PAYLOAD_FORMAT, 1), (mqtt.CONTENT_TYPE, "application/json"),
            (mqtt.RESPONSE_TOPIC, "answers/1"), (mqtt.CORRELATION_DATA, b"\x00\xff\x01")]
    sent += [(mqtt.USER_PROPERTY, pair) for pair in users]
    subscriber, publisher = client(), client()
    subscriber.subscribe(topic, qos=1)

    publisher.publish(topic, "{}", qos=1, properties=sent)

    message = subscriber.messages(1)[0]
    assert message.all(mqtt.USER_PROPERTY) == users  # [MQTT-3.3.2-17], -18
    assert message.one(mqtt.PAYLOAD_FORMAT) == 1  # [MQTT-3.3.2-4]
    assert message.one(mqtt.CONTENT_TYPE) == "application/json"  # [MQTT-3.3.2-20]
    assert message.one(mqtt.RESPONSE_TOPIC) == "answers/1"  # [MQTT-3.3.2-15]
    assert message.one(mqtt.CORRELATION_DATA) == b"\x00\xff\x01"  # [MQTT-3.3.2-16]
    assert message.one(mqtt.SUBSCRIPTION_ID) is None


def test_properties_survive_the_queue_of_a_session(client, topic):
    subscriber = client(**persistent(5))
    subscriber.subscribe(topic, qos=1)
    subscriber.disconnect()
    client().publish(topic, b"x", qos=1, properties=[
        (mqtt.USER_PROPERTY, ("b", "1")), (mqtt.USER_PROPERTY, ("a", "2")),
        (mqtt.USER_PROPERTY, ("b", "3")), (mqtt.CORRELATION_DATA, b"\x01"),
        (mqtt.RESPONSE_TOPIC, "r"), (mqtt.CONTENT_TYPE, "t")])

    message = client(client_id=subscriber.client_id, **persistent(5)).messages(1)[0]

    assert message.all(mqtt.USER_PROPERTY) == [("b", "1"), ("a", "2"), ("b", "3")]
    assert message.one(mqtt.CORRELATION_DATA) == b"\x01"
    assert (message.one(mqtt.RESPONSE_TOPIC), message.one(mqtt.CONTENT_TYPE)) == ("r", "t")


def test_message_expiry_counts_down_and_ends(client, topic):
    subscriber = client(**persistent(5))
    subscriber.subscribe(topic, qos=1)
    subscriber.disconnect()
    publisher = client()
    publisher.publish(topic, b"long", qos=1, properties=[(mqtt.MESSAGE_EXPIRY, 100)])
    publisher.publish(topic, b"short", qos=1, properties=[(mqtt.MESSAGE_EXPIRY, 1)])
    let_pass(2.2)

    again = client(client_id=subscriber.client_id, **persistent(5))

    message = again.messages(1)[0]
    assert message.payload == b"long"
    assert 90 <= message.one(mqtt.MESSAGE_EXPIRY) <= 98  # [MQTT-3.3.2-6]
    again.expect_silence()  # [MQTT-3.3.2-5]


def test_subscription_identifiers(client, topic):
    subscriber, publisher = client(), client()
    subscriber.subscribe(f"{topic}/#", qos=1, properties=[(mqtt.SUBSCRIPTION_ID, 268435455)])
    subscriber.subscribe(f"{topic}/a", qos=1, properties=[(mqtt.SUBSCRIPTION_ID, 1)])

    publisher.publish(f"{topic}/b", b"one", qos=1)
    publisher.publish(f"{topic}/a", b"two", qos=1)
    publisher.publish(f"{topic}/c", b"end", qos=1)

    found = up_to_end(subscriber)
    assert found[0].all(mqtt.SUBSCRIPTION_ID) == [268435455]
    # One copy with both, or one copy per subscription. [MQTT-3.3.4-3], -4
    both_ids = [value for message in found[1:] for value in message.all(mqtt.SUBSCRIPTION_ID)]
    assert sorted(both_ids) == [1, 268435455]


def test_receive_maximum_of_the_client_is_kept(client, topic):
    subscriber = client(properties=[(mqtt.RECEIVE_MAXIMUM, 2)])
    subscriber.subscribe(topic, qos=2)
    publisher = client()
    for number in range(5):
        publisher.publish(topic, str(number), qos=1 + number % 2)

    first = subscriber.messages(2, acknowledge=False)
    subscriber.expect_silence()  # [MQTT-3.3.4-9]
    subscriber.send(mqtt.ack_packet(mqtt.PUBACK, first[0].packet_id))
    third = subscriber.messages(1, acknowledge=False)[0]

    assert [int(m.payload) for m in first + [third]] == [0, 1, 2]
    subscriber.expect_silence()


def test_more_than_the_servers_receive_maximum_is_refused(client, topic):
    raw = client()
    maximum = raw.connack.one(mqtt.RECEIVE_MAXIMUM) or 65535

    burst = b"".join(mqtt.publish_packet(5, topic, b"x", qos=2, packet_id=number)
                     for number in range(1, min(maximum + 2, 65536)))
    if maximum == 65535:
        pytest.skip("this server takes as many as there are packet ids")
    raw.send(burst)

    packets = raw.expect_closed()
    assert (packets[-1].type, packets[-1].reason) == (mqtt.DISCONNECT, 0x93)  # [MQTT-3.3.4-8]


def test_maximum_packet_size_of_the_client_is_kept(client, topic):
    subscriber = client(properties=[(mqtt.MAXIMUM_PACKET_SIZE, 200)])
    subscriber.subscribe(topic, qos=1)
    publisher = client()

    publisher.publish(topic, b"x" * 300, qos=1)
    publisher.publish(topic, b"small", qos=1)

    assert subscriber.messages(1)[0].payload == b"small"  # [MQTT-3.1.2-24], -25
    subscriber.expect_silence()


def test_topic_alias_towards_the_server(client, topic):
    subscriber, publisher = client(), client()
    if not publisher.connack.one(mqtt.TOPIC_ALIAS_MAXIMUM):
        pytest.skip("this server takes no topic alias")
    subscriber.subscribe(topic)
    alias = [(mqtt.TOPIC_ALIAS, 1)]

    publisher.publish(topic, b"1", properties=alias)
    publisher.publish("", b"2", properties=alias)

    found = subscriber.messages(2)
    assert [(m.topic, m.payload) for m in found] == [(topic, b"1"), (topic, b"2")]
    assert not found[1].all(mqtt.TOPIC_ALIAS)


@pytest.mark.parametrize("alias", [0, 65535])
def test_a_topic_alias_out_of_range_is_refused(client, topic, alias):
    raw = client()
    maximum = raw.connack.one(mqtt.TOPIC_ALIAS_MAXIMUM) or 0
    assert maximum < 65535
    raw.send(mqtt.publish_packet(5, topic, b"x", properties=[(mqtt.TOPIC_ALIAS, alias)]))
    packets = raw.expect_closed()
    assert len(packets) == 1 and packets[0].reason in (0x82, 0x94)  # [MQTT-3.3.2-8], -9


def test_an_empty_client_id_is_assigned_one(client):
    raw = client(client_id="")
    assert raw.connack.one(mqtt.ASSIGNED_CLIENT_ID)  # [MQTT-3.1.3-7]


def test_an_empty_client_id_with_a_persistent_session_in_3_1_1(broker):
    with RawClient(broker.address, 4) as raw:
        assert raw.connect("", clean=False).reason == 2  # [MQTT-3.1.3-8]
        raw.expect_closed()


def test_3_1_1_and_5_understand_each_other(client, topic):
    old, new = client(4), client(5)
    old.subscribe(f"{topic}/old", qos=1)
    new.subscribe(f"{topic}/new", qos=1)

    new.publish(f"{topic}/old", b"from 5", qos=1, properties=[(mqtt.USER_PROPERTY, ("a", "b"))])
    old.publish(f"{topic}/new", b"from 4", qos=1)

    assert old.messages(1)[0].payload == b"from 5"
    message = new.messages(1)[0]
    assert (message.payload, message.properties) == (b"from 4", [])
