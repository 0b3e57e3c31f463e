"""MQTT over WebSocket and secure WebSocket, with clients that others wrote."""
import threading

import paho.mqtt.client as paho
import pytest

from integration import raw_mqtt as mqtt
from integration.certificates import Authority
from integration.harness import Sluice, wait_until
from integration.raw_mqtt import RawClient
from integration.test_tls import context_of
from integration.web_socket import PING, PONG, WebSocketClient, frame


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("ws") / "authority")


@pytest.fixture(scope="module")
def server(tmp_path_factory, authority):
    pair = authority.issue("server")
    made = Sluice(tmp_path_factory.mktemp("server"), {
        "access": {"enabled": False}, "io_threads": 2, "listeners": {
            "ws": {"type": "ws", "bind": "127.0.0.1:0", "enabled": True, "path": "/devices"},
            "wss": {"type": "wss", "bind": "127.0.0.1:0", "enabled": True, "path": "/devices",
                    "certificate": str(pair.certificate), "key": str(pair.key)}}})
    try:
        yield made.start()
        made.stop()
    finally:
        made.kill9()


@pytest.fixture(params=["ws", "wss"])
def reach(request, server, authority):
    """Makes clients of the listener, by `ws` and by `wss`."""
    made = []

    def make():
        context = context_of(authority) if request.param == "wss" else None
        raw = WebSocketClient(server.address(request.param), context=context, path="/devices")
        made.append(raw)
        return raw

    make.listener = request.param
    yield make
    for raw in made:
        raw.abort()


def paho_client(server, authority, listener, client_id):
    client = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id, transport="websockets",
                         protocol=paho.MQTTv5)
    client.ws_set_options(path="/devices")
    if listener == "wss":
        client.tls_set(ca_certs=str(authority.certificate))
    # By the address: a page's or client's own name counts only where a certificate vouches for it.
    client.connect("localhost" if listener == "wss" else "127.0.0.1", server.address(listener)[1])
    return client


@pytest.mark.parametrize("listener", ["ws", "wss"])
def test_paho_speaks_with_it(server, authority, listener):
    client = paho_client(server, authority, listener, f"paho-{listener}")
    arrived, subscribed = [], threading.Event()
    client.on_message = lambda _client, _data, message: arrived.append(message.payload)
    client.on_subscribe = lambda *_: subscribed.set()
    client.on_connect = lambda *_: client.subscribe(f"{listener}/#", 1)
    client.loop_start()
    try:
        assert subscribed.wait(10)
        for size in (0, 200, 70_000):
            client.publish(f"{listener}/x", bytes(size), 1)
        wait_until(lambda: len(arrived) == 3, "three messages")
    finally:
        client.disconnect()
        client.loop_stop()
    assert [len(payload) for payload in arrived] == [0, 200, 70_000]


def test_clients_move_to_their_workers(reach):
    for number in range(8):
        raw = reach()
        assert raw.connect(f"{reach.listener}-{number}").reason == 0
        raw.subscribe(f"moved/{reach.listener}/{number}", qos=1)
        raw.publish(f"moved/{reach.listener}/{number}", b"x", qos=1)
        assert [each.payload for each in raw.messages(1)] == [b"x"]


def test_a_client_that_reads_late_gets_everything_and_its_pongs(server, reach):
    count, payload, topic = 60, bytes(100_000), f"late/{reach.listener}"
    late = reach()
    late.connect(f"late-{reach.listener}")
    late.subscribe(topic, qos=1)
    with RawClient(server.mqtt) as publisher:
        publisher.connect(f"in-time-{reach.listener}")
        for number in range(count):
            publisher.publish(topic, payload, qos=1)
            late.send_raw(frame(bytes([number]), PING))
    found = late.messages(count)
    assert [len(each.payload) for each in found] == [100_000] * count
    late.publish(topic, b"", qos=1)  # what comes behind its answer came before it
    assert late.socket.frames == [(PONG, bytes([number])) for number in range(count)]


def test_pings_without_end_to_a_client_that_reads_nothing_are_read_no_further(server, reach):
    raw = reach()
    raw.connect(f"pings-{reach.listener}")
    before = server.rss_bytes()
    pings = frame(b"x" * 125, PING) * 500
    raw.socket.plain.settimeout(1)
    with pytest.raises(TimeoutError):
        for _ in range(5000):  # 330 MB
            raw.send_raw(pings)
    assert server.rss_bytes() - before < 64 << 20
    with RawClient(server.mqtt) as other:
        assert other.connect(f"other-{reach.listener}").reason == 0


def test_a_client_certificate_is_asked_for_on_wss_too(make_sluice, authority):
    """As on mqtts: mosquitto 1.5.3 did not."""
    pair = authority.issue("wss-server")
    server = make_sluice({"listeners": {"wss": {
        "type": "wss", "bind": "127.0.0.1:0", "enabled": True, "user_from": "common_name",
        "certificate": str(pair.certificate), "key": str(pair.key),
        "client_certificate": "required", "client_ca": str(authority.certificate)}}})
    server.allow_all("meter")
    address = server.address("wss")
    with pytest.raises((OSError, mqtt.Closed, AssertionError, IndexError)):
        WebSocketClient(address, context=context_of(authority)).connect("none")
    with WebSocketClient(address, context=context_of(authority, authority.issue("meter"))) as raw:
        assert raw.connect("with").reason == 0
