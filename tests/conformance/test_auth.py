"""Enhanced authentication: CONNECT with an authentication method, AUTH, authentication again."""
import itertools

import pytest

from conformance.frame import shows
from integration import raw_mqtt as mqtt
from integration.raw_mqtt import RawClient
from integration.scram import METHOD, Scram

CONTINUE, AGAIN = 0x18, 0x19
MALFORMED, PROTOCOL_ERROR, BAD_LOGIN, NOT_AUTHORIZED = 0x81, 0x82, 0x86, 0x87
BAD_METHOD = 0x8C


numbers = itertools.count(1)


def from_elsewhere(broker):
    """Who logs in wrongly is held back soon: each from an address of its own."""
    return RawClient(broker.address, source=f"127.7.0.{next(numbers)}")


def data_of(packet):
    return packet.one(mqtt.AUTHENTICATION_DATA)


def scram_of(broker, password=None, **options):
    return Scram(broker.login["username"], password or broker.login["password"], **options)


def send_connect(raw, first, method=METHOD, **options):
    properties = [(mqtt.AUTHENTICATION_METHOD, method)]
    if first is not None:
        properties.append((mqtt.AUTHENTICATION_DATA, first))
    raw.send(mqtt.connect_packet(5, "meter-scram", properties=properties, **options))


def log_in(raw, scram, **options):
    """Up to CONNACK, which it returns."""
    send_connect(raw, scram.first(), **options)
    asked = raw.expect(mqtt.AUTH)
    raw.send(mqtt.auth_packet(CONTINUE, METHOD, scram.final(data_of(asked))))
    return raw.expect(mqtt.CONNACK)


@pytest.fixture
def raw(closed_broker):
    with from_elsewhere(closed_broker) as made:
        yield made


@pytest.fixture
def client(closed_broker, raw):
    """One that has logged in by SCRAM."""
    assert log_in(raw, scram_of(closed_broker)).reason == 0
    return raw


@shows("5/4.12.0-2 5/4.12.0-5 5/3.15.2-1")
@pytest.mark.parametrize("header", ["n,,", "y,,"])
@pytest.mark.parametrize("with_name", [False, True])
def test_a_login_by_scram(closed_broker, raw, header, with_name):
    scram = scram_of(closed_broker, header=header)
    named = {"username": closed_broker.login["username"]} if with_name else {}
    send_connect(raw, scram.first(), **named)
    asked = raw.expect(mqtt.AUTH)
    assert (asked.flags, asked.reason) == (0, CONTINUE)
    assert asked.one(mqtt.AUTHENTICATION_METHOD) == METHOD
    raw.send(mqtt.auth_packet(CONTINUE, METHOD, scram.final(data_of(asked))))
    connack = raw.expect(mqtt.CONNACK)
    assert (connack.reason, connack.one(mqtt.AUTHENTICATION_METHOD)) == (0, METHOD)
    scram.check(data_of(connack))
    # It is the user whose name SCRAM said: the policies of that user hold.
    assert raw.publish("open/x", b"x", qos=1).reason in (0, 0x10)
    assert raw.publish("secret/x", b"x", qos=1).reason == NOT_AUTHORIZED


@shows("5/4.12.0-2")
def test_the_first_message_may_come_in_an_auth_of_its_own(closed_broker, raw):
    scram = scram_of(closed_broker)
    send_connect(raw, None)
    asked = raw.expect(mqtt.AUTH)
    assert (asked.reason, data_of(asked)) == (CONTINUE, None)
    raw.send(mqtt.auth_packet(CONTINUE, METHOD, scram.first()))
    asked = raw.expect(mqtt.AUTH)
    raw.send(mqtt.auth_packet(CONTINUE, METHOD, scram.final(data_of(asked))))
    assert raw.expect(mqtt.CONNACK).reason == 0


@shows("5/4.12.0-4")
@pytest.mark.parametrize("user", ["meter", "nobody"])
def test_a_wrong_password_is_refused_alike_for_all_names(closed_broker, user):
    """Also by one that does not exist, whose salt is the same each time."""
    salts = set()
    for _ in range(2):
        scram = Scram(user, "wrong")
        with from_elsewhere(closed_broker) as other:
            connack = log_in(other, scram)
            assert connack.reason == BAD_LOGIN
            assert connack.one(mqtt.AUTHENTICATION_DATA) is None
            assert other.expect_closed() == []
        salts.add(scram.salt)
    assert len(salts) == 1


@shows("5/4.12.0-4")
@pytest.mark.parametrize("first,reason", [
    (b"", PROTOCOL_ERROR), (b"n,,", PROTOCOL_ERROR), (b"n,,n=meter", PROTOCOL_ERROR),
    (b"n,,r=abc,n=meter", PROTOCOL_ERROR), (b"n,,n=,r=abc", PROTOCOL_ERROR),
    (b"n,,n=a=b,r=abc", PROTOCOL_ERROR), (b"n,,n=meter,r=", PROTOCOL_ERROR),
    (b"n,a=admin,n=meter,r=abc", PROTOCOL_ERROR), (b"n,,m=x,n=meter,r=abc", PROTOCOL_ERROR),
    (b"n,,n=\xff,r=abc", PROTOCOL_ERROR), (b"n,,n=meter,r=" + b"x" * 5000, PROTOCOL_ERROR),
    (b"p=tls-unique,,n=meter,r=abc", BAD_METHOD)])
def test_a_first_message_that_is_none(closed_broker, raw, first, reason):
    send_connect(raw, first)
    assert raw.expect(mqtt.CONNACK).reason == reason
    assert raw.expect_closed() == []


@shows("5/4.12.0-4")
@pytest.mark.parametrize("change,reason", [
    (lambda final: b"", PROTOCOL_ERROR),
    (lambda final: final.rsplit(b",p=", 1)[0], PROTOCOL_ERROR),
    (lambda final: final[:-4], PROTOCOL_ERROR),
    (lambda final: final.replace(b",r=", b",r=x"), BAD_LOGIN),
    (lambda final: final.replace(b"c=biws", b"c=eSws"), BAD_LOGIN)])  # `y,,`: another header
def test_a_last_message_that_is_wrong(closed_broker, raw, change, reason):
    scram = scram_of(closed_broker)
    send_connect(raw, scram.first())
    final = change(scram.final(data_of(raw.expect(mqtt.AUTH))))
    raw.send(mqtt.auth_packet(CONTINUE, METHOD, final))
    assert raw.expect(mqtt.CONNACK).reason == reason
    assert raw.expect_closed() == []


@shows("5/4.12.0-4")
def test_a_name_in_connect_that_is_another_one(closed_broker, raw):
    send_connect(raw, scram_of(closed_broker).first(), username="other")
    assert raw.expect(mqtt.CONNACK).reason == BAD_LOGIN
    assert raw.expect_closed() == []


@shows("5/3.1.2-30 5/4.12.0-4")
@pytest.mark.parametrize("early", [
    mqtt.packet(mqtt.PINGREQ, 0, b""), mqtt.publish_packet(5, "open/x", b"x"),
    mqtt.subscribe_packet(5, 1, [("open/x", 0)]), mqtt.auth_packet(AGAIN, METHOD, b"n,,n=a,r=b"),
    mqtt.auth_packet(CONTINUE, "OTHER", b"x"), b"\xf0\x01\x55"])
def test_another_packet_during_the_login(closed_broker, raw, early):
    send_connect(raw, scram_of(closed_broker).first())
    raw.expect(mqtt.AUTH)
    raw.send(early)
    assert raw.expect(mqtt.CONNACK).reason in (MALFORMED, PROTOCOL_ERROR)
    assert raw.expect_closed() == []


@shows("5/3.1.2-30")
def test_a_client_may_give_up_its_login(closed_broker, raw):
    send_connect(raw, scram_of(closed_broker).first())
    raw.expect(mqtt.AUTH)
    raw.send(mqtt.packet(mqtt.DISCONNECT, 0, b""))
    assert raw.expect_closed() == []


@shows("5/4.12.0-1")
@pytest.mark.parametrize("method", ["SCRAM-SHA-1", "scram-sha-256", "SCRAM-SHA-256-PLUS", ""])
def test_a_method_that_is_not_known(closed_broker, raw, method):
    send_connect(raw, b"n,,n=meter,r=abc", method)
    assert raw.expect(mqtt.CONNACK).reason == BAD_METHOD
    assert raw.expect_closed() == []


@shows("5/4.12.0-1")
def test_no_method_is_known_while_nobodys_password_is(broker):
    with RawClient(broker.address) as raw:
        send_connect(raw, b"n,,n=meter,r=abc")
        assert raw.expect(mqtt.CONNACK).reason == BAD_METHOD


@shows("5/4.12.0-2 5/4.12.0-5 5/3.15.2-1")
def test_authentication_again_while_messages_flow(closed_broker, client):
    scram = scram_of(closed_broker)
    client.subscribe("open/again")
    client.send(mqtt.auth_packet(AGAIN, METHOD, scram.first()))
    asked = client.expect(mqtt.AUTH)
    client.publish("open/again", b"between")
    assert client.messages(1)[0].payload == b"between"
    client.send(mqtt.auth_packet(CONTINUE, METHOD, scram.final(data_of(asked))))
    done = client.expect(mqtt.AUTH)
    assert (done.reason, done.one(mqtt.AUTHENTICATION_METHOD)) == (0, METHOD)
    scram.check(data_of(done))
    client.expect_silence()


@shows("5/4.12.1-2")
@pytest.mark.parametrize("what", ["password", "user", "proof of nothing"])
def test_authentication_again_that_fails_closes(closed_broker, client, what):
    scram = scram_of(closed_broker, password="wrong" if what == "password" else None)
    if what == "user":
        scram = Scram("somebody", "else")
    client.send(mqtt.auth_packet(AGAIN, METHOD, scram.first()))
    if what != "user":
        asked = client.expect(mqtt.AUTH)
        final = scram.final(data_of(asked)) if what == "password" else b"nothing"
        client.send(mqtt.auth_packet(CONTINUE, METHOD, final))
    last = client.expect(mqtt.DISCONNECT)
    assert last.reason == (PROTOCOL_ERROR if what == "proof of nothing" else NOT_AUTHORIZED)
    assert client.expect_closed() == []


@shows("5/4.12.1-1")
@pytest.mark.parametrize("packet", [
    mqtt.auth_packet(AGAIN, "OTHER", b"n,,n=meter,r=abc"), mqtt.auth_packet(CONTINUE, METHOD, b"x"),
    mqtt.packet(mqtt.AUTH, 0, b"")], ids=["another method", "out of turn", "success"])
def test_authentication_again_out_of_order(client, packet):
    client.send(packet)
    assert client.expect(mqtt.DISCONNECT).reason == PROTOCOL_ERROR
    assert client.expect_closed() == []


@shows("5/3.15.2-2 5/3.15.2-3")
def test_auth_carries_nothing_but_what_the_login_needs(closed_broker, raw):
    send_connect(raw, scram_of(closed_broker).first())
    names = [name for name, _ in raw.expect(mqtt.AUTH).properties]
    assert names == [mqtt.AUTHENTICATION_METHOD, mqtt.AUTHENTICATION_DATA]
