"""SUBSCRIBE, UNSUBSCRIBE, topic filters, overlapping and shared subscriptions. §3.8, §3.10, §4.7,
§4.8."""
import time

import pytest

from conformance.frame import payloads, shows, subscriber_of
from integration import raw_mqtt as mqtt
from integration.mqtt_steps import expiry, let_pass, persistent, up_to_end
from integration.raw_mqtt import RawClient

NO_LOCAL, AS_PUBLISHED = 0x04, 0x08


# --- filters -------------------------------------------------------------------------------------

@shows("4/3.3.2-3 4/4.7.1-1 4/4.7.1-2 4/4.7.1-3 5/3.3.2-3 5/4.7.0-1 5/4.7.1-1 5/4.7.1-2 3")
@pytest.mark.parametrize("name,wanted,other", [
    ("{}/a/b/c", ["{}/a/b/c", "{}/+/b/c", "{}/a/+/c", "{}/a/b/+", "{}/+/+/+", "{}/#", "{}/a/#",
                  "{}/a/b/c/#"], ["{}/a/b", "{}/a/b/c/+", "{}/+/+", "{}/a/b/C", "{}/a/b/c/", "{}/a"]),
    ("{}/a", ["{}/a/#", "{}/+", "{}/#", "{}/+/#", "+/+/a", "+/+/+", "+/+/#"],
     ["{}/a/+", "{}/a/", "{}//a", "/{}/a"]),
    ("{}/a/", ["{}/a/", "{}/a/+", "{}/+/", "{}/+/+", "{}/a/#"], ["{}/a", "{}/+", "{}/a/+/+"]),
    ("{}//b", ["{}//b", "{}/+/b", "{}//+", "{}/#"], ["{}/b", "{}/+", "{}/+/+/b"])])
def test_what_filters_match(client, topic, version, name, wanted, other):
    name = name.format(topic)
    subscribers = {pattern: subscriber_of(client, version, pattern.format(topic), qos=1)
                   for pattern in wanted + other}
    client(version).publish(name, b"x", qos=1)
    for pattern, raw in subscribers.items():
        if pattern in wanted:
            while (message := raw.messages(1)[0]).retain:  # of other tests, for a leading +
                pass
            assert message.topic == name, pattern
        raw.expect_silence()


@shows("4/4.7.2-1 5/4.7.2-1")
@pytest.mark.parametrize("pattern", ["#", "+/#", "+/session/#", "+/+/subscribed"])
def test_a_leading_wildcard_matches_no_server_topic(client, topic, version, pattern):
    watcher = client(version)
    watcher.subscribe("$events/session/subscribed")
    subscriber = client(version)
    subscriber.subscribe(pattern)
    subscriber.subscribe(topic + "/end")  # the server tells of it
    for _ in range(3):
        assert watcher.messages(1)[0].topic == "$events/session/subscribed"
    client(version).publish(topic + "/end", b"end")
    assert not [m.topic for m in up_to_end(subscriber) if m.topic.startswith("$")]


# --- SUBSCRIBE -----------------------------------------------------------------------------------

@shows("4/3.8.4-1 4/3.8.4-5 4/3.9.3-1 5/3.8.4-1 5/3.8.4-6 5/3.8.4-7 5/3.9.3-1 3")
def test_each_filter_is_granted_what_it_asks_for(client, topic, version):
    assert client(version).subscribe(*((f"{topic}/{n}", n % 3) for n in range(30))) == \
        [n % 3 for n in range(30)]


@shows("4/3.8.4-5 4/3.9.3-2 5/3.8.4-7 5/3.9.3-2")
def test_a_subscription_that_is_not_allowed_fails_alone(closed_broker, version):
    with RawClient(closed_broker.address, version) as raw:
        raw.connect(closed_broker.unique(), **closed_broker.login)
        refused = 0x80 if version == 4 else 0x87
        assert raw.subscribe("open/a", "secret", "open/#", "#") == [0, refused, 0, refused]


@shows("4/3.8.4-3 5/3.8.4-3 5/3.8.4-4")
def test_the_same_filter_again_replaces_the_subscription(client, topic, version):
    publisher = client(version)
    publisher.publish(topic, b"kept", qos=2, retain=True)
    subscriber = client(version)
    for qos in (0, 2, 1):
        assert subscriber.subscribe(topic, qos=qos) == [qos]
        message = subscriber.messages(1)[0]
        assert (message.payload, message.qos, message.retain) == (b"kept", qos, True)
    publisher.publish(topic, b"live", qos=2)
    message = subscriber.messages(1)[0]
    assert (message.payload, message.qos) == (b"live", 1)
    subscriber.expect_silence()


@shows("4/3.8.4-3 5/3.8.4-4")
def test_no_message_is_lost_while_a_subscription_is_replaced(client, topic, version):
    subscriber, publisher = subscriber_of(client, version, topic, qos=1), client(version)
    for number in range(100):
        publisher.send(mqtt.publish_packet(version, topic, str(number), qos=1,
                                           packet_id=number + 1))
        if number % 10 == 0:
            subscriber.send(mqtt.subscribe_packet(version, number + 1, [(topic, 1)]))
    found = []
    while len(found) < 100:
        entry = subscriber.receive()
        if entry.type == mqtt.PUBLISH:
            found.append(int(entry.payload))
            subscriber.send(mqtt.ack_packet(mqtt.PUBACK, entry.packet_id))
    assert found == list(range(100))


@shows("4/3.8.4-4 4/3.3.1-6 5/3.8.4-5 5/3.3.1-9")
def test_several_filters_each_bring_their_retained_messages(client, topic, version):
    publisher = client(version)
    for name in "ab":
        publisher.publish(f"{topic}/{name}", name, qos=1, retain=True)
    subscriber = subscriber_of(client, version, f"{topic}/a", f"{topic}/b")
    assert sorted(payloads(subscriber.messages(2))) == [b"a", b"b"]


# --- overlapping subscriptions -------------------------------------------------------------------

@shows("4/3.3.5-1 5/3.3.4-2")
def test_overlapping_subscriptions_give_one_copy_of_the_highest_qos(client, topic, version):
    subscriber = subscriber_of(client, version, (f"{topic}/#", 1), (f"{topic}/+", 2),
                               (f"{topic}/a", 0))
    client(version).publish(f"{topic}/a", b"x", qos=2)
    assert [(m.payload, m.qos) for m in subscriber.messages(1)] == [(b"x", 2)]
    subscriber.expect_silence()


@shows("5/3.3.4-3 5/3.3.4-4")
@pytest.mark.parametrize("qos", [0, 1, 2])
@pytest.mark.parametrize("how", ["live", "stored"])
def test_one_copy_carries_every_identifier(client, topic, qos, how):
    if how == "stored" and qos == 0:
        how = "live"
    subscriber = client(**persistent(5))
    for pattern, identifier in ((f"{topic}/#", 268435455), (f"{topic}/+", 1), (f"{topic}/b", 2)):
        subscriber.subscribe((pattern, qos), properties=[(mqtt.SUBSCRIPTION_ID, identifier)])
    subscriber.subscribe((f"{topic}/a", qos))  # none of its own
    if how == "stored":
        subscriber.disconnect()
    client().publish(f"{topic}/a", b"x", qos=qos)
    if how == "stored":
        subscriber = client(client_id=subscriber.client_id, **persistent(5))
    message = subscriber.messages(1)[0]
    assert sorted(message.all(mqtt.SUBSCRIPTION_ID)) == [1, 268435455]
    assert message.qos == qos
    subscriber.expect_silence()


@shows("5/3.3.4-3")
def test_a_retained_message_carries_its_subscriptions_identifier(client, topic):
    client().publish(topic, b"kept", qos=1, retain=True)
    subscriber = client()
    subscriber.subscribe(topic, properties=[(mqtt.SUBSCRIPTION_ID, 128)])
    assert subscriber.messages(1)[0].all(mqtt.SUBSCRIPTION_ID) == [128]


@shows("5/3.3.4-3 5/3.8.4-3")
def test_a_replaced_subscription_has_the_new_identifier_or_none(client, topic):
    subscriber, publisher = client(), client()
    for properties, wanted in (([(mqtt.SUBSCRIPTION_ID, 5)], [5]),
                               ([(mqtt.SUBSCRIPTION_ID, 6)], [6]), ([], [])):
        subscriber.subscribe(topic, properties=properties)
        publisher.publish(topic, b"x", qos=1)
        assert subscriber.messages(1)[0].all(mqtt.SUBSCRIPTION_ID) == wanted


@shows("5/3.8.3-3")
def test_no_local(client, topic):
    raw, other = client(), client()
    raw.subscribe((topic, NO_LOCAL | 1))
    raw.publish(topic, b"own", qos=1)
    other.publish(topic, b"other", qos=1)
    assert payloads(raw.messages(1)) == [b"other"]
    raw.expect_silence()


@shows("5/3.8.3-3")
def test_no_local_holds_for_retained_messages_too(client, topic):
    raw, other = client(), client()
    raw.publish(f"{topic}/own", b"own", qos=1, retain=True)
    other.publish(f"{topic}/other", b"other", qos=1, retain=True)
    raw.subscribe((f"{topic}/+", NO_LOCAL | 1))
    assert payloads(raw.messages(1)) == [b"other"]
    raw.expect_silence()


@shows("5/3.8.4-3 4/3.8.4-3")
def test_a_subscription_that_is_raised_brings_nothing_twice(client, topic, version):
    queue = subscriber_of(client, version, f"{topic}/b", qos=1)
    subscriber = client(version)
    subscriber.subscribe((f"{topic}/a", 1), (f"{topic}/b", 0))
    publisher = client(version)
    publisher.publish(f"{topic}/b", b"1", qos=1)
    assert payloads(subscriber.messages(1)) == [b"1"]
    subscriber.subscribe((f"{topic}/b", 1))
    publisher.publish(f"{topic}/b", b"2", qos=1)
    assert [(m.payload, m.qos) for m in subscriber.messages(1)] == [(b"2", 1)]
    subscriber.expect_silence()
    assert payloads(queue.messages(2)) == [b"1", b"2"]


@shows("5/3.8.3-3")
def test_no_local_is_about_the_client_id_not_the_connection(client, topic):
    raw = client(**persistent(5))
    raw.subscribe((topic, NO_LOCAL | 1))
    raw.publish(topic, b"own", qos=1)
    raw.abort()
    again = client(client_id=raw.client_id, **persistent(5))
    client().publish(topic, b"other", qos=1)
    assert payloads(again.messages(1)) == [b"other"]


@shows("5/3.8.3-3 5/3.3.4-2 5/3.3.4-3")
@pytest.mark.parametrize("how", ["live", "stored"])
def test_no_local_beside_a_subscription_without_it(client, topic, how):
    """Only the other one counts for what the client published itself."""
    raw = client(**persistent(5))
    raw.subscribe((f"{topic}/#", NO_LOCAL | AS_PUBLISHED | 2),
                  properties=[(mqtt.SUBSCRIPTION_ID, 1)])
    raw.subscribe((f"{topic}/+", 1), properties=[(mqtt.SUBSCRIPTION_ID, 2)])
    if how == "live":
        raw.publish(f"{topic}/a", b"x", qos=2, retain=True)
    else:  # left unanswered, it comes from the log
        raw.send(mqtt.publish_packet(5, f"{topic}/a", b"x", qos=2, packet_id=9, retain=True))
        assert raw._answer(mqtt.PUBREC, 9).reason == 0
        raw.abort()
        raw = client(client_id=raw.client_id, **persistent(5))
    message = raw.messages(1)[0]
    assert (message.qos, message.retain, message.all(mqtt.SUBSCRIPTION_ID)) == (1, False, [2])


# --- UNSUBSCRIBE ---------------------------------------------------------------------------------

@shows("4/3.10.4-1 4/3.10.4-2 4/3.10.4-4 4/3.10.4-6 5/3.10.4-1 5/3.10.4-2 5/3.10.4-4 5/3.10.4-6 "
       "5/3.11.3-1 3")
def test_unsubscribe_deletes_exactly_what_it_names(client, topic, version):
    subscriber = subscriber_of(client, version, f"{topic}/a", f"{topic}/b", f"{topic}/+/c", qos=1)
    codes = subscriber.unsubscribe(f"{topic}/a", f"{topic}/+", f"{topic}/A", f"{topic}/+/c")
    assert codes == ([0, 0x11, 0x11, 0] if version == 5 else [])
    publisher = client(version)
    for name in ("a", "x/c", "b"):
        publisher.publish(f"{topic}/{name}", name, qos=1)
    assert payloads(subscriber.messages(1)) == [b"b"]
    subscriber.expect_silence()


@shows("4/3.10.4-3 5/3.10.4-3")
@pytest.mark.parametrize("qos", [1, 2])
def test_what_had_begun_is_completed_after_unsubscribe(client, topic, version, qos):
    subscriber = subscriber_of(client, version, topic, **persistent(version))
    client(version).publish(topic, b"begun", qos=qos)
    first = subscriber.messages(1, acknowledge=False)[0]
    subscriber.unsubscribe(topic)
    subscriber.abort()
    again = client(version, client_id=subscriber.client_id, **persistent(version))
    repeat = again.messages(1)[0]
    assert (repeat.payload, repeat.packet_id, repeat.dup) == (b"begun", first.packet_id, True)


# --- shared subscriptions ------------------------------------------------------------------------

def group(topic):
    return f"$share/{topic.replace('/', '-')}/{topic}"


def take_any(members, seconds=10):
    """The next PUBLISH that one of them gets, and who."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        for member in members:
            try:
                return member, member.receive(0.02)
            except mqtt.Late:
                pass
    raise AssertionError("nobody got a message")


@shows("5/4.8.2-1 5/4.8.2-3")
def test_each_message_goes_to_one_member_with_the_members_qos(client, topic):
    members = {qos: subscriber_of(client, 5, group(topic), qos=qos) for qos in (0, 1, 2)}
    plain = subscriber_of(client, 5, topic)
    publisher = client()
    for number in range(30):
        publisher.publish(topic, str(number), qos=2)
    assert len(plain.messages(30)) == 30
    found = []
    for qos, raw in members.items():
        for entry in raw.messages(10):
            assert entry.qos == qos
            found.append(int(entry.payload))
    assert sorted(found) == list(range(30))


@shows("5/4.8.2-6")
@pytest.mark.parametrize("qos,answer", [(1, mqtt.PUBACK), (2, mqtt.PUBREC)])
def test_what_a_member_refuses_goes_to_nobody(client, topic, qos, answer):
    members = [subscriber_of(client, 5, group(topic), qos=qos) for _ in range(2)]
    client().publish(topic, b"refused", qos=qos)
    member, message = take_any(members)
    member.send(mqtt.ack_packet(answer, message.packet_id, 0x80))
    for raw in members:
        raw.expect_silence()
    member.abort()
    members[members[0] is member].expect_silence()


@shows("5/4.8.2-4")
def test_a_qos_2_message_waits_for_the_member_that_has_it(client, topic):
    names = [f"{topic}-{n}" for n in range(2)]
    members = [subscriber_of(client, 5, group(topic), client_id=name, **persistent(5))
               for name in names]
    client().publish(topic, b"x", qos=2)
    member, message = take_any(members)
    other = members[members[0] is member]
    member.abort()
    other.expect_silence()
    again = client(client_id=names[members.index(member)], **persistent(5))
    repeat = again.messages(1)[0]
    assert (repeat.packet_id, repeat.dup) == (message.packet_id, True)
    other.expect_silence()


@shows("5/4.8.2-5")
def test_a_qos_2_message_ends_with_its_members_session(client, topic):
    members = [subscriber_of(client, 5, group(topic), properties=expiry(1)) for _ in range(2)]
    client().publish(topic, b"x", qos=2)
    member, _ = take_any(members)
    member.abort()
    let_pass(1.6)
    members[members[0] is member].expect_silence()


@shows("5/4.8.2-1")
def test_a_group_gets_no_retained_messages(client, topic):
    client().publish(topic, b"kept", qos=1, retain=True)
    subscriber_of(client, 5, group(topic)).expect_silence()


@shows("5/4.8.2-1 5/4.8.2-2")
def test_groups_of_other_names_and_filters_are_their_own(client, topic):
    names = [f"$share/a{topic[5:]}/{topic}/x", f"$share/b{topic[5:]}/{topic}/x",
             f"$share/a{topic[5:]}/{topic}/+"]
    members = [subscriber_of(client, 5, name, qos=1) for name in names]
    client().publish(f"{topic}/x", b"x", qos=1)
    for raw in members:
        assert payloads(raw.messages(1)) == [b"x"]


@shows("5/3.10.4-1 5/4.8.2-1")
def test_a_member_leaves_by_the_whole_filter(client, topic):
    raw = subscriber_of(client, 5, group(topic), qos=1)
    assert raw.unsubscribe(topic, group(topic)) == [0x11, 0]
    client().publish(topic, b"x", qos=1)
    raw.expect_silence()


# --- a condition of the server's own ($where) ----------------------------------------------------

@shows("5/3.9.2-1 5/3.1.2-29")
def test_a_refused_condition_says_why_if_the_client_takes_it(client, topic, version):
    def refuse(*properties):
        raw = client(version, properties=list(properties))
        raw.send(mqtt.subscribe_packet(version, 1, [(topic, 0)], [(mqtt.USER_PROPERTY, ("$where", "a ="))]))
        answer = raw.expect(mqtt.SUBACK)
        assert answer.codes == [0x83]
        return answer.one(mqtt.REASON_STRING)

    assert "line 1, column 4" in refuse()
    assert refuse((mqtt.REQUEST_PROBLEM_INFORMATION, 0)) is None
    assert refuse((mqtt.MAXIMUM_PACKET_SIZE, 40)) is None
