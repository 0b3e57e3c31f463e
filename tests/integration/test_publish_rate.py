"""mqtt.messages_per_second_per_client: who publishes faster is slowed down, and nothing else."""
import contextlib
import time

import pytest

from integration import raw_mqtt as mqtt
from integration.certificates import Authority
from integration.harness import merged, wait_until
from integration.raw_mqtt import RawClient
from integration.test_tls import TlsClient, context_of
from integration.web_socket import WebSocketClient

RATE = 100
LIMITED = {"access": {"enabled": False}, "mqtt": {"messages_per_second_per_client": RATE}}
PAUSES = "sluice_client_held_back_seconds"


def flood(client, count, topic="flood", qos=0, last=b""):
    client.send(b"".join(
        mqtt.publish_packet(client.version, topic, f"{number}", qos=qos,
                            packet_id=number + 1 if qos else None)
        for number in range(count)) + last)


def shown(server):
    return {client["client_id"]: client for client in server.get("/clients")["items"]}


def payloads(subscriber, count, timeout=30):
    return [int(message.payload) for message in subscriber.messages(count, timeout=timeout)]


@pytest.mark.parametrize("version", [4, 5])
def test_a_fast_client_is_slowed_and_loses_nothing(make_sluice, version):
    server = make_sluice(LIMITED)
    with RawClient(server.mqtt) as reader, RawClient(server.mqtt, version=version) as fast, \
            RawClient(server.mqtt) as other:
        reader.connect("reader")
        reader.subscribe("flood", qos=0)
        fast.connect("fast")
        other.connect("other")
        began = time.monotonic()
        flood(fast, 400)

        slowest = 0
        for _ in range(20):  # of the same loop
            before = time.monotonic()
            assert other.publish("other", b"x", qos=1).reason in (0, 0x10)
            slowest = max(slowest, time.monotonic() - before)
        assert payloads(reader, 400) == list(range(400))
        took = time.monotonic() - began

        assert took >= (400 - RATE) / RATE * 0.95, f"400 messages in {took:.2f} s"
        assert took < 30
        assert slowest < 2.5, f"another client waited {slowest:.2f} s"
        fast.expect_silence()  # still connected
        clients = shown(server)
        assert clients["fast"]["held_back_seconds"] > 1
        assert clients["other"]["held_back_seconds"] == 0
    metrics = server.metrics()
    assert metrics[f"{PAUSES}_count"] >= 3
    assert metrics[f"{PAUSES}_sum"] >= 2
    assert server.log_text().count("client held back") == 1  # of so many pauses
    server.stop()


def test_its_keep_alive_does_not_run_out_meanwhile(make_sluice):
    """A second between its messages, a second and a half of silence allowed, and PINGREQ last."""
    server = make_sluice(merged(LIMITED, {"mqtt": {"messages_per_second_per_client": 1}}))
    with RawClient(server.mqtt) as client:
        client.connect("slow", keep_alive=1)
        flood(client, 6, qos=1)
        client.send(mqtt.packet(mqtt.PINGREQ, 0, b""))
        answers = [client.receive(timeout=20).type for _ in range(7)]
    assert answers == [mqtt.PUBACK] * 6 + [mqtt.PINGRESP]
    server.stop()


@pytest.mark.parametrize("kind", ["mqtt", "mqtts", "ws"])
def test_what_was_sent_before_it_left_is_handled(make_sluice, tmp_path, kind):
    """Publishes, DISCONNECT, the end of the connection: all in one go, by each transport."""
    authority = Authority(tmp_path / "authority")
    pair = authority.issue("server")
    server = make_sluice(merged(LIMITED, {"listeners": {
        "tls": {"type": "mqtts", "bind": "127.0.0.1:0", "enabled": True,
                "certificate": str(pair.certificate), "key": str(pair.key)},
        "ws": {"type": "ws", "bind": "127.0.0.1:0", "enabled": True}}}))
    with RawClient(server.mqtt) as reader:
        reader.connect("reader")
        reader.subscribe("flood", "will", qos=0)
        client = (WebSocketClient(server.address("ws")) if kind == "ws" else
                  TlsClient(server.address("tls"), context_of(authority)) if kind == "mqtts" else
                  RawClient(server.mqtt))
        client.connect("brief", will={"topic": "will", "payload": "0"})
        flood(client, 250, last=mqtt.packet(mqtt.DISCONNECT, 0, b""))
        if kind == "ws":
            client.socket.plain.sendall(b"\x88\x80abcd")  # Close
        elif kind == "mqtts":
            client.socket.settimeout(0.2)
            with contextlib.suppress(TimeoutError):  # its answer comes later
                client.socket.unwrap()  # close_notify
        client.abort()
        assert payloads(reader, 250) == list(range(250))
        wait_until(lambda: "brief" not in shown(server), "it has left")
        reader.expect_silence()  # no will: it said goodbye
    server.stop()


def test_what_a_held_client_sends_fills_its_own_connection_alone(make_sluice):
    """The server keeps little of it, however much the client would send."""
    server = make_sluice(merged(LIMITED, {"mqtt": {"messages_per_second_per_client": 1}}))
    clients = [RawClient(server.mqtt) for _ in range(50)]
    before = server.rss_bytes()
    piece = mqtt.publish_packet(5, "flood", b"x" * 50) * 10_000
    for number, client in enumerate(clients):
        client.connect(f"fast-{number}")
        client.socket.settimeout(0.2)
        try:
            for _ in range(40):
                client.socket.sendall(piece)
            pytest.fail("the server read on and on")
        except TimeoutError:
            pass
    grown = server.rss_bytes() - before
    for client in clients:
        client.abort()
    assert grown < 50 * (128 << 10), f"RSS grew by {grown >> 10} KiB"
    server.stop()


def test_the_limit_changes_while_clients_are_connected(make_sluice):
    server = make_sluice({"access": {"enabled": False}})
    with RawClient(server.mqtt) as reader, RawClient(server.mqtt) as fast:
        reader.connect("reader")
        reader.subscribe("flood", qos=0)
        fast.connect("fast")
        flood(fast, 2000)
        assert payloads(reader, 2000) == list(range(2000))
        assert server.metrics()[f"{PAUSES}_count"] == 0

        server.reload(merged(server.settings, LIMITED))
        began = time.monotonic()
        flood(fast, 300)
        assert payloads(reader, 300) == list(range(300))
        assert time.monotonic() - began >= 1.9

        server.reload(merged(server.settings, {"mqtt": {"messages_per_second_per_client": 0}}))
        flood(fast, 2000)
        assert payloads(reader, 2000, timeout=5) == list(range(2000))
    server.stop()
