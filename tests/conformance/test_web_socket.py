"""MQTT over WebSocket: §6 of the standard, and frames that are wrong."""
import pytest

from conformance.frame import shows
from integration import raw_mqtt as mqtt
from integration.web_socket import (BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, WebSocketClient,
                                    frame, read_response, request)

PROTOCOL_ERROR, NOT_BINARY, TOO_LARGE = 1002, 1003, 1009


@pytest.fixture
def web_client(broker):
    """Makes WebSocket clients that have not said CONNECT."""
    made = []

    def make(version=5, **options):
        raw = WebSocketClient(broker.server.address("ws"), version, **options)
        made.append(raw)
        return raw

    yield make
    for raw in made:
        raw.abort()


@shows("4/6.0.0-1 5/6.0.0-1")
def test_a_text_frame_closes_the_connection(web_client, version):
    raw = web_client(version)
    raw.send_raw(frame(mqtt.connect_packet(version, "text"), TEXT))
    assert raw.expect_close_code() == NOT_BINARY


@shows("4/6.0.0-2 5/6.0.0-2")
def test_packets_are_not_aligned_on_frames(broker, web_client, topic, version):
    raw = web_client(version)
    packets = (mqtt.connect_packet(version, broker.unique()) +
               mqtt.subscribe_packet(version, 1, [(topic, 1)]) +
               mqtt.publish_packet(version, topic, b"x" * 300, qos=1, packet_id=2) + b"\xc0\x00")
    for cut in (1, 7, 200):  # one byte each, some bytes each, several packets in one
        again = web_client(version)
        again.send_raw(b"".join(frame(packets[at:at + cut])
                                for at in range(0, len(packets), cut)))
        assert again.expect(mqtt.CONNACK).reason == 0
        types = sorted(again.receive().type for _ in range(4))
        assert types == sorted([mqtt.SUBACK, mqtt.PUBACK, mqtt.PUBLISH, mqtt.PINGRESP])
    # Fragments of one message, a ping between.
    raw.send_raw(frame(packets[:3], BINARY, last=False) + frame(b"hello", PING) +
                 frame(packets[3:200], CONTINUATION, last=False) +
                 frame(b"", CONTINUATION, last=False) + frame(packets[200:], CONTINUATION))
    assert raw.expect(mqtt.CONNACK).reason == 0
    types = sorted(raw.receive().type for _ in range(4))
    assert types == sorted([mqtt.SUBACK, mqtt.PUBACK, mqtt.PUBLISH, mqtt.PINGRESP])
    assert raw.socket.frames == [(PONG, b"hello")]


@shows("4/6.0.0-4 5/6.0.0-4")
def test_the_server_selects_mqtt(web_client, version):
    raw = web_client(version, headers={"Sec_WebSocket_Protocol": "other, mqtt"})
    assert raw.status == 101
    assert raw.headers["sec-websocket-protocol"] == "mqtt"
    assert "sec-websocket-extensions" not in raw.headers
    assert raw.connect("chosen").reason == 0


def test_large_messages_come_whole(web_client, topic):
    sizes = [0, 125, 126, 65535, 65536, 65537, 500_000]
    raw = web_client()
    raw.connect("large")
    raw.subscribe(topic, qos=1)
    for size in sizes:
        assert raw.publish(topic, bytes(size), qos=1).reason == 0
    assert [len(each.payload) for each in raw.messages(len(sizes))] == sizes


@pytest.mark.parametrize("bytes_,code", [
    (frame(b"\xc0\x00", mask=b""), PROTOCOL_ERROR), (b"\xc2\x80", PROTOCOL_ERROR),
    (b"\x83\x80", PROTOCOL_ERROR), (frame(b"x", CONTINUATION), PROTOCOL_ERROR),
    (frame(b"x" * 125, length=126), PROTOCOL_ERROR), (frame(b"x" * 200, length=127), PROTOCOL_ERROR),
    (frame(b"x" * 126, PING), PROTOCOL_ERROR), (frame(b"", PING, last=False), PROTOCOL_ERROR),
    (frame(b"x", last=False) + frame(b"x"), PROTOCOL_ERROR), (frame(b"x", CLOSE), PROTOCOL_ERROR),
    (b"\x82\xff" + (1 << 62).to_bytes(8, "big") + bytes(4), TOO_LARGE),
    (b"\x82\xff" + b"\xff" * 12, PROTOCOL_ERROR)],
    ids=["unmasked", "reserved bit", "unknown opcode", "continuation of nothing", "long 16 bits",
         "long 64 bits", "large ping", "ping in fragments", "frame in a message", "short close",
         "too large", "highest bit"])
def test_d1_a_wrong_frame_closes_with_its_code(web_client, bytes_, code):
    raw = web_client()
    raw.send_raw(bytes_)
    assert raw.expect_close_code() == code


def test_d1_a_remaining_length_beyond_the_frame_waits_for_the_rest(web_client):
    raw = web_client()
    connect = mqtt.connect_packet(5, "beyond")
    raw.send_raw(frame(connect + mqtt.packet(mqtt.PINGREQ, 0, b"") + b"\x30\x80\x80"))
    assert raw.expect(mqtt.CONNACK).reason == 0
    assert raw.expect(mqtt.PINGRESP).type == mqtt.PINGRESP
    raw.send_raw(frame(b"\x80\x80"))  # five bytes of length
    packets = raw.expect_closed()
    assert [each.reason for each in packets] == [0x81]


def test_d1_pages_of_other_places_are_refused(broker):
    def status(**headers):
        raw = WebSocketClient(broker.server.address("ws"), headers=headers)
        raw.abort()
        return raw.status

    host = "{}:{}".format(*broker.server.address("ws"))
    assert status() == 101
    assert status(Origin=f"http://{host}") == 101
    assert status(Origin="https://app.example.org") == 101  # named in the settings
    assert status(Origin="https://evil.example.org") == 403
    assert status(Origin="null") == 403
    assert status(Origin="http://rebound.example.org", Host="rebound.example.org") == 403


@pytest.mark.parametrize("bytes_,status", [
    (request("/other"), 404), (request(Sec_WebSocket_Protocol=None), 400),
    (request(Sec_WebSocket_Protocol="mqttx"), 400), (request(Sec_WebSocket_Version="7"), 426),
    (request(Upgrade=None), 426), (request(Sec_WebSocket_Key="short"), 400),
    (request(X="x" * 9000), 431), (mqtt.connect_packet(5, "plain"), 400),
    (b"GET / HTTP/1.1\nHost: a\n\n" + b"\r\n\r\n", 400)],
    ids=["path", "no protocol", "other protocol", "version", "no upgrade", "key", "long", "mqtt",
         "bare newlines"])
def test_d1_a_wrong_request_is_answered_and_closed(broker, bytes_, status):
    with mqtt.RawClient(broker.server.address("ws")) as raw:
        raw.send(bytes_)
        found, headers, _ = read_response(raw.socket)
        assert found == status and headers["connection"] == "close"
        while raw.socket.recv(1000):
            pass


def test_a_close_is_answered_with_its_code_and_is_no_disconnect(web_client, client, topic):
    watcher = client()
    watcher.subscribe(topic)
    raw = web_client()
    raw.connect("closes", will={"topic": topic, "payload": "left"})
    raw.send_raw(frame((4000).to_bytes(2, "big"), CLOSE))
    assert raw.expect_close_code() == 4000
    assert watcher.messages(1)[0].payload == b"left"


def test_after_disconnect_the_server_closes_in_good_order(web_client):
    raw = web_client()
    raw.connect("good order")
    raw.send(mqtt.packet(mqtt.DISCONNECT, 0, b""))
    assert raw.expect_close_code() == 1000
