"""PUBLISH and its acknowledgements: retained messages, properties, aliases, expiry. §3.3 to §3.7."""
import pytest

from conformance.frame import expect_exactly, expect_refused, payloads, shows, subscriber_of
from integration import raw_mqtt as mqtt
from integration.mqtt_steps import let_pass, persistent
from integration.raw_mqtt import Closed, RawClient

QOS = pytest.mark.parametrize("qos", [0, 1, 2])


# --- the three exchanges -------------------------------------------------------------------------

@shows("4/3.3.4-1 4/3.8.4-6 4/4.3.1-1 4/3.3.1-2 4/2.3.1-4 4/2.3.1-5 5/3.3.4-1 5/3.8.4-8 5/4.3.1-1 "
       "5/3.3.1-2 5/2.2.1-2 5/2.2.1-4 5/4.3.2-2 5/4.3.3-2 3")
@QOS
@pytest.mark.parametrize("granted", [0, 1, 2])
def test_the_lower_qos_is_delivered(client, topic, version, qos, granted):
    subscriber = subscriber_of(client, version, topic, qos=granted)
    client(version).publish(topic, b"x", qos=qos)
    message = subscriber.messages(1)[0]
    assert message.qos == min(qos, granted)
    assert not message.dup and not message.retain
    assert (message.packet_id is None) == (message.qos == 0) and message.packet_id != 0
    subscriber.expect_silence()


@shows("4/4.3.3-2 5/4.3.3-10 5/4.3.3-11 5/4.3.3-12")
def test_qos_2_is_delivered_once_until_pubrel(client, topic, version):
    subscriber = subscriber_of(client, version, topic)
    publisher = client(version)
    first = mqtt.publish_packet(version, topic, b"1", qos=2, packet_id=7)
    again = bytes([first[0] | 8]) + first[1:]
    for sent in (first, again, again):
        publisher.send(sent)
        assert publisher.expect(mqtt.PUBREC).packet_id == 7
    for reason in (0, 0 if version == 4 else 0x92):
        publisher.send(mqtt.ack_packet(mqtt.PUBREL, 7))
        answer = publisher.expect(mqtt.PUBCOMP)
        assert (answer.packet_id, answer.reason) == (7, reason)
    assert payloads(subscriber.messages(1)) == [b"1"]
    publisher.send(mqtt.publish_packet(version, topic, b"2", qos=2, packet_id=7))
    assert publisher.expect(mqtt.PUBREC).packet_id == 7
    assert payloads(subscriber.messages(1)) == [b"2"]
    subscriber.expect_silence()


@shows("4/4.3.2-2 5/4.3.2-5")
def test_qos_1_under_the_same_id_is_a_new_message(client, topic, version):
    subscriber = subscriber_of(client, version, topic)
    publisher = client(version)
    sent = mqtt.publish_packet(version, topic, b"x", qos=1, packet_id=7)
    for data in (sent, bytes([sent[0] | 8]) + sent[1:]):
        publisher.send(data)
        assert publisher.expect(mqtt.PUBACK).packet_id == 7
    messages = subscriber.messages(2)
    assert not any(message.dup for message in messages)  # of the publisher, not ours


@shows("4/3.3.1-3 5/3.3.1-3")
@pytest.mark.parametrize("qos", [1, 2])
def test_dup_of_the_publisher_goes_no_further(client, topic, version, qos):
    subscriber = subscriber_of(client, version, topic)
    publisher = client(version)
    publisher.send(mqtt.publish_packet(version, topic, b"x", qos=qos, packet_id=1, dup=True))
    assert not subscriber.messages(1)[0].dup


@shows("4/4.3.3-1 5/4.3.3-4 5/4.3.3-6 5/2.2.1-5")
def test_a_repeated_pubrec_is_answered_with_pubrel(client, topic, version):
    subscriber = subscriber_of(client, version, topic)
    client(version).publish(topic, b"x", qos=2)
    number = subscriber.messages(1, acknowledge=False)[0].packet_id
    for _ in range(2):
        subscriber.send(mqtt.ack_packet(mqtt.PUBREC, number))
        release = subscriber.expect(mqtt.PUBREL)
        assert (release.packet_id, release.flags) == (number, 2)
    subscriber.send(mqtt.ack_packet(mqtt.PUBCOMP, number))
    subscriber.expect_silence()


@shows("5/4.4.0-2 5/4.3.3-4")
@pytest.mark.parametrize("qos,answer", [(1, mqtt.PUBACK), (2, mqtt.PUBREC)])
def test_an_acknowledgement_with_an_error_ends_a_delivery(client, topic, qos, answer):
    subscriber = subscriber_of(client, 5, topic, **persistent(5))
    client().publish(topic, b"refused", qos=qos)
    number = subscriber.messages(1, acknowledge=False)[0].packet_id
    subscriber.send(mqtt.ack_packet(answer, number, 0x97))
    subscriber.expect_silence()  # no PUBREL
    subscriber.abort()
    client(client_id=subscriber.client_id, **persistent(5)).expect_silence()


@shows("5/4.3.3-9")
def test_a_refused_qos_2_leaves_its_id_free(closed_broker):
    """A PUBREC with an error: what comes under this id next is a new message."""
    with RawClient(closed_broker.address) as raw:
        raw.connect("free-id", **closed_broker.login)
        raw.subscribe("open/free", qos=2)
        for name, code in (("secret/x", 0x87), ("open/free", 0)):
            raw.send(mqtt.publish_packet(5, name, b"x", qos=2, packet_id=3))
            answers = [raw.receive()]
            while answers[-1].type == mqtt.PUBLISH:
                answers.append(raw.receive())
            assert (answers[-1].type, answers[-1].reason) == (mqtt.PUBREC, code)
        raw.send(mqtt.ack_packet(mqtt.PUBREL, 3))
        kinds = {raw.receive().type for _ in range(2 - (len(answers) > 1))}
        assert mqtt.PUBCOMP in kinds


@shows("4/3.3.5-2")
@pytest.mark.parametrize("qos", [1, 2])
def test_a_publish_that_is_not_allowed_closes_in_3_1_1(closed_broker, version, qos):
    with RawClient(closed_broker.address, version) as raw:
        raw.connect("meter-4", **closed_broker.login)
        raw.send(mqtt.publish_packet(version, "secret/x", b"x", qos=qos, packet_id=1))
        assert raw.expect_closed() == []


@shows("4/3.3.5-2")
@pytest.mark.parametrize("qos", [1, 2])
def test_the_servers_topics_are_never_acknowledged_in_3_1_1(client, version, qos):
    raw = client(version)
    raw.send(mqtt.publish_packet(version, "$SYS/x", b"x", qos=qos, packet_id=1))
    assert raw.expect_closed() == []


@shows("4/4.7.2-1 4/3.3.5-2")
@pytest.mark.parametrize("qos", [1, 2])
def test_dollar_topics_of_nobody_reach_nobody_in_3_1_1(client, broker, version, qos):
    watcher = client(5)
    watcher.subscribe("$other/#", qos=2)
    name = f"$other/{broker.unique()}"
    assert client(version).publish(name, b"x", qos=qos, retain=True).reason == 0
    watcher.expect_silence()
    late = client(5)
    late.subscribe(name, qos=2)
    late.expect_silence()
    if broker.server:  # acknowledged is kept
        found = broker.server.rest("GET", f"/messages?filter={name.replace('$', '%24')}").body
        assert [entry["topic"] for entry in found["items"]] == [name]


@shows("4/3.3.5-2")
@pytest.mark.parametrize("name", ["$other/x", "$SYS/x"])
def test_dollar_topics_that_no_policy_names_close_in_3_1_1(closed_broker, version, name):
    with RawClient(closed_broker.address, version) as raw:
        raw.connect("meter-5", **closed_broker.login)
        raw.send(mqtt.publish_packet(version, name, b"x", qos=1, packet_id=1))
        assert raw.expect_closed() == []


@shows("5/3.4.2-2 5/3.5.2-2 5/3.1.2-29")
@pytest.mark.parametrize("qos", [1, 2])
def test_a_refusal_says_why_if_the_client_takes_it(client, version, qos):
    def refuse(*properties):
        answer = client(version, properties=list(properties)).publish("$SYS/x", b"x", qos=qos)
        assert answer.reason == 0x87
        return answer.one(mqtt.REASON_STRING)

    assert "belong to the server" in refuse()
    assert refuse((mqtt.REQUEST_PROBLEM_INFORMATION, 0)) is None
    assert refuse((mqtt.MAXIMUM_PACKET_SIZE, 30)) is None


# --- the topic -----------------------------------------------------------------------------------

@shows("4/3.3.2-3 4/4.7.3-4 4/4.7.3-1 5/3.3.2-3 5/4.7.3-4 5/4.7.3-1 3")
@pytest.mark.parametrize("name", ["a", "/", "//", "/a", "a/", "a//b", " ", "a b", "A", "\u00c5",
                                  "A\u030a", "\u212b", "\ufffd", "\U0001f600"])
def test_topics_are_taken_as_they_are(client, topic, version, name):
    subscriber = subscriber_of(client, version, f"{topic}/#")
    exact = subscriber_of(client, version, f"{topic}/{name}")
    client(version).publish(f"{topic}/{name}", b"x", qos=1)
    for raw in (subscriber, exact):
        assert raw.messages(1)[0].topic == f"{topic}/{name}"


@shows("4/4.7.3-4 5/4.7.3-4")
def test_matching_normalises_nothing(client, topic, version):
    names = ["\u00c5", "A\u030a", "\u212b", "a", "A", "/a", "a/"]
    subscribers = [subscriber_of(client, version, f"{topic}/{name}") for name in names]
    publisher = client(version)
    for name in names:
        publisher.publish(f"{topic}/{name}", name, qos=1)
    for name, raw in zip(names, subscribers):
        assert [entry.payload.decode() for entry in raw.messages(1)] == [name]
        raw.expect_silence()


@shows("4/4.7.3-3 5/4.7.3-3")
def test_a_topic_of_the_greatest_length(client, topic, version):
    name = topic + "/" + "x" * (65535 - len(topic) - 1)
    subscriber = subscriber_of(client, version, name)
    client(version).publish(name, b"x", qos=1)
    assert subscriber.messages(1)[0].topic == name


# --- retained messages ---------------------------------------------------------------------------

@shows("4/3.3.1-5 4/3.3.1-6 4/3.3.1-8 4/3.3.1-12 5/3.3.1-5 5/3.3.1-8 5/3.3.1-9 3")
@QOS
def test_the_last_retained_message_is_kept_with_its_qos(client, topic, version, qos):
    publisher = client(version)
    publisher.publish(topic, b"first", qos=2, retain=True)
    publisher.publish(topic, b"last", qos=qos, retain=True)
    publisher.publish(topic, b"passing", qos=1)
    subscriber = subscriber_of(client, version, topic)
    message = subscriber.messages(1)[0]
    assert (message.payload, message.qos, message.retain, message.dup) == (b"last", qos, True, False)
    subscriber.expect_silence()


@shows("4/3.3.1-7")
def test_qos_0_replaces_what_was_retained(client, topic, version):
    publisher = client(version)
    publisher.publish(topic, b"old", qos=1, retain=True)
    publisher.publish(topic, b"new", qos=0, retain=True)
    publisher.publish(topic + "/end", b"end", qos=1)
    subscriber = subscriber_of(client, version, topic)
    assert b"old" not in payloads(subscriber.messages(1))


@shows("4/3.3.1-9 5/3.3.1-12")
def test_an_established_subscription_gets_no_retain_flag(client, topic, version):
    subscriber = subscriber_of(client, version, topic)
    client(version).publish(topic, b"x", qos=1, retain=True)
    assert not subscriber.messages(1)[0].retain


@shows("4/3.3.1-10 4/3.3.1-11 5/3.3.1-6 5/3.3.1-7 3")
@QOS
def test_an_empty_retained_message_is_delivered_and_removes(client, topic, version, qos):
    publisher = client(version)
    publisher.publish(topic, b"kept", qos=1, retain=True)
    watcher = subscriber_of(client, version, topic)
    assert watcher.messages(1)[0].retain
    publisher.publish(topic, b"", qos=qos, retain=True)
    removal = watcher.messages(1)[0]
    assert (removal.payload, removal.retain) == (b"", False)
    subscriber_of(client, version, topic).expect_silence()


@shows("4/3.3.1-12 5/3.3.1-8")
def test_an_empty_message_without_retain_removes_nothing(client, topic, version):
    publisher = client(version)
    publisher.publish(topic, b"kept", qos=1, retain=True)
    publisher.publish(topic, b"", qos=1)
    assert payloads(subscriber_of(client, version, topic).messages(1)) == [b"kept"]


@shows("5/3.3.1-13 5/3.3.1-12")
@pytest.mark.parametrize("as_published", [False, True])
@pytest.mark.parametrize("retain", [False, True])
def test_retain_as_published(client, topic, as_published, retain):
    subscriber = subscriber_of(client, 5, (topic, 0x08 if as_published else 0))
    client().publish(topic, b"x", retain=retain)
    assert subscriber.messages(1)[0].retain == (retain and as_published)


@shows("5/3.3.1-9 5/3.3.1-10 5/3.3.1-11 5/3.8.4-4")
@pytest.mark.parametrize("handling,times", [(0, 2), (1, 1), (2, 0)])
def test_retain_handling(client, topic, handling, times):
    publisher = client()
    publisher.publish(topic, b"kept", qos=1, retain=True)
    subscriber = client()
    for _ in range(2):
        subscriber.subscribe((topic, handling << 4 | 1))
    publisher.publish(topic, b"live", qos=1)
    assert payloads(subscriber.messages(times + 1)) == [b"kept"] * times + [b"live"]


@shows("5/3.3.1-10")
def test_retain_handling_1_after_an_unsubscribe(client, topic):
    client().publish(topic, b"kept", qos=1, retain=True)
    subscriber = subscriber_of(client, 5, (topic, 0x10))
    assert payloads(subscriber.messages(1)) == [b"kept"]
    subscriber.unsubscribe(topic)
    subscriber.subscribe((topic, 0x10))
    assert payloads(subscriber.messages(1)) == [b"kept"]


@shows("5/3.3.2-5 5/3.3.2-6")
def test_a_retained_message_expires(client, topic):
    publisher = client()
    publisher.publish(f"{topic}/1", b"short", qos=1, retain=True, properties=[(2, 1)])
    publisher.publish(f"{topic}/2", b"long", qos=1, retain=True, properties=[(2, 100)])
    let_pass(2.1)
    subscriber = subscriber_of(client, 5, f"{topic}/+")
    message = subscriber.messages(1)[0]
    assert message.payload == b"long" and 90 <= message.one(mqtt.MESSAGE_EXPIRY) <= 98
    subscriber.expect_silence()


# --- properties ----------------------------------------------------------------------------------

USERS = [("z", "1"), ("a", "2"), ("z", "3"), ("", ""), ("Größe", "µ"), ("z", "1")]
SENT = [(mqtt.USER_PROPERTY, USERS[0]), (mqtt.CONTENT_TYPE, "text/plain"),
        (mqtt.USER_PROPERTY, USERS[1]), (mqtt.CORRELATION_DATA, b"\x00\xff\x00"),
        (mqtt.RESPONSE_TOPIC, "answers/ü"), (mqtt.PAYLOAD_FORMAT, 1),
        *((mqtt.USER_PROPERTY, user) for user in USERS[2:])]


@shows("5/3.3.2-4 5/3.3.2-15 5/3.3.2-16 5/3.3.2-17 5/3.3.2-18 5/3.3.2-20")
@QOS
@pytest.mark.parametrize("how", ["live", "stored", "retained", "shared"])
def test_properties_arrive_unaltered(client, topic, qos, how):
    if how == "stored" and qos == 0:
        how = "live"  # QoS 0 is not kept for a client that is away
    subscriber = client(**persistent(5))
    if how != "retained":
        subscriber.subscribe(f"$share/g/{topic}" if how == "shared" else topic, qos=2)
    if how == "stored":
        subscriber.disconnect()
    client().publish(topic, b"{}", qos=qos, properties=SENT, retain=how == "retained")
    if how == "stored":
        subscriber = client(client_id=subscriber.client_id, **persistent(5))
    if how == "retained":
        subscriber.subscribe(topic, qos=2)
    message = subscriber.messages(1)[0]
    assert message.all(mqtt.USER_PROPERTY) == USERS
    assert message.one(mqtt.CONTENT_TYPE) == "text/plain"
    assert message.one(mqtt.CORRELATION_DATA) == b"\x00\xff\x00"
    assert message.one(mqtt.RESPONSE_TOPIC) == "answers/ü"
    assert message.one(mqtt.PAYLOAD_FORMAT) == 1
    assert message.one(mqtt.MESSAGE_EXPIRY) is None


@shows("5/3.3.2-4")
@pytest.mark.parametrize("sent", [[], [(mqtt.PAYLOAD_FORMAT, 0)]])
def test_no_payload_format_stays_none(client, topic, sent):
    subscriber = subscriber_of(client, 5, topic)
    client().publish(topic, b"\xff", properties=sent)
    assert subscriber.messages(1)[0].one(mqtt.PAYLOAD_FORMAT) == (0 if sent else None)


@shows("5/3.3.2-5 5/3.3.2-6")
@pytest.mark.parametrize("qos", [1, 2])
def test_message_expiry_counts_down_and_ends(client, topic, qos):
    subscriber = subscriber_of(client, 5, topic, **persistent(5))
    subscriber.disconnect()
    publisher = client()
    publisher.publish(topic, b"short", qos=qos, properties=[(mqtt.MESSAGE_EXPIRY, 1)])
    publisher.publish(topic, b"long", qos=qos, properties=[(mqtt.MESSAGE_EXPIRY, 100)])
    let_pass(2.1)
    again = client(client_id=subscriber.client_id, **persistent(5))
    message = again.messages(1)[0]
    assert message.payload == b"long" and 90 <= message.one(mqtt.MESSAGE_EXPIRY) <= 98
    again.expect_silence()


@shows("5/3.3.2-6")
def test_message_expiry_is_told_at_once_as_it_came(client, topic):
    subscriber = subscriber_of(client, 5, topic)
    client().publish(topic, b"x", properties=[(mqtt.MESSAGE_EXPIRY, 100)])
    assert 99 <= subscriber.messages(1)[0].one(mqtt.MESSAGE_EXPIRY) <= 100


@shows("5/4.3.3-13")
def test_an_expired_qos_2_exchange_goes_on(client, topic):
    publisher = client()
    publisher.send(mqtt.publish_packet(5, topic, b"x", qos=2, packet_id=1,
                                       properties=[(mqtt.MESSAGE_EXPIRY, 1)]))
    assert publisher.expect(mqtt.PUBREC).packet_id == 1
    let_pass(1.2)
    publisher.send(mqtt.ack_packet(mqtt.PUBREL, 1))
    answer = publisher.expect(mqtt.PUBCOMP)
    assert (answer.packet_id, answer.reason) == (1, 0)


# --- topic aliases -------------------------------------------------------------------------------

@shows("5/3.3.2-12")
def test_every_alias_that_was_allowed_is_accepted(client, topic):
    subscriber = subscriber_of(client, 5, f"{topic}/+")
    publisher = client()
    most = publisher.connack.one(mqtt.TOPIC_ALIAS_MAXIMUM)
    assert most
    for alias in (1, most):
        named = [(mqtt.TOPIC_ALIAS, alias)]
        publisher.publish(f"{topic}/{alias}", b"named", properties=named)
        publisher.publish("", b"by alias", properties=named, qos=1)
        publisher.publish(f"{topic}/again", b"renamed", properties=named)
        publisher.publish("", b"by alias", properties=named, qos=2)
    found = subscriber.messages(8)
    assert [m.topic for m in found] == [f"{topic}/{n}" for n in
                                        (1, 1, "again", "again", most, most, "again", "again")]
    assert not any(m.all(mqtt.TOPIC_ALIAS) for m in found)


@shows("5/3.3.2-7")
def test_aliases_end_with_the_connection(client, topic):
    publisher = client(**persistent(5))
    publisher.publish(topic, b"x", qos=1, properties=[(mqtt.TOPIC_ALIAS, 1)])
    publisher.disconnect()
    again = client(client_id=publisher.client_id, **persistent(5))
    assert again.connack.session_present
    again.send(mqtt.publish_packet(5, "", b"x", properties=[(mqtt.TOPIC_ALIAS, 1)]))
    expect_refused(again, {0x82, 0x94})


def resolve(messages):
    """The topics that a client understands."""
    known, found = {}, []
    for message in messages:
        alias = message.one(mqtt.TOPIC_ALIAS)
        if alias and message.topic:
            known[alias] = message.topic
        found.append(message.topic or known[alias])
    return found


@shows("5/3.1.2-26 5/3.3.2-8 5/3.3.2-11")
@QOS
def test_the_server_uses_the_aliases_that_a_client_allows(client, topic, qos):
    subscriber = subscriber_of(client, 5, f"{topic}/#",
                               properties=[(mqtt.TOPIC_ALIAS_MAXIMUM, 2)])
    publisher = client()
    names = [f"{topic}/{number % 3}" for number in range(9)]
    for name in names:
        publisher.publish(name, b"x", qos=qos)
    found = subscriber.messages(9)
    assert resolve(found) == names
    aliases = {m.one(mqtt.TOPIC_ALIAS) for m in found} - {None}
    assert aliases and all(1 <= alias <= 2 for alias in aliases)
    assert sum(m.topic == "" for m in found) >= 4, "no alias saves anything"


@shows("5/3.1.2-27")
@pytest.mark.parametrize("properties", [[], [(mqtt.TOPIC_ALIAS_MAXIMUM, 0)]])
def test_no_alias_to_a_client_that_allows_none(client, topic, properties):
    subscriber = subscriber_of(client, 5, topic, properties=properties)
    publisher = client()
    for _ in range(3):
        publisher.publish(topic, b"x", qos=1)
    assert all(m.topic == topic and not m.all(mqtt.TOPIC_ALIAS) for m in subscriber.messages(3))


@shows("5/3.3.2-7")
def test_a_resent_message_needs_no_alias_of_the_old_connection(client, topic):
    options = persistent(5, properties=[(mqtt.TOPIC_ALIAS_MAXIMUM, 5)])
    subscriber = subscriber_of(client, 5, topic, **options)
    publisher = client()
    for _ in range(2):
        publisher.publish(topic, b"x", qos=1)
    subscriber.messages(2, acknowledge=False)
    subscriber.abort()
    again = client(client_id=subscriber.client_id, **options)
    assert resolve(again.messages(2)) == [topic, topic]


# --- errors that pass ----------------------------------------------------------------------------

@shows("4/4.8.0-2 3")
def test_what_there_is_no_room_for_just_now_ends_its_connection_alone(small_broker, version):
    """MQTT 3 has no other way to say that a retained message is one too many for the moment."""
    kept, name = [], small_broker.unique()
    with RawClient(small_broker.address, version) as other:
        other.connect(small_broker.unique(), keep_alive=0)
        for number in range(4):
            with RawClient(small_broker.address, version) as raw:
                raw.connect(small_broker.unique(), keep_alive=0)
                raw.send(mqtt.publish_packet(version, f"{name}/{number}", b"x", qos=1, packet_id=1,
                                             retain=True))
                try:
                    raw.expect(mqtt.PUBACK)
                except Closed:
                    break
                kept.append(f"{name}/{number}")
        else:
            raise AssertionError("four retained messages where there is room for three")
        for one in kept:  # makes room
            other.publish(one, b"", qos=1, retain=True)
        assert other.publish(f"{name}/other", b"x", qos=1).reason == 0
