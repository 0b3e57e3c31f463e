"""Several listeners, IPv6, limits of one listener, proxies that say whom they pass on."""
import socket
import struct

import pytest

from integration import raw_mqtt as mqtt
from integration.certificates import Authority
from integration.harness import wait_until
from integration.raw_mqtt import RawClient
from integration.test_tls import context_of
from integration.web_socket import WebSocketClient

PROXY, CLIENT = "127.0.0.2", "192.0.2.7"
VERSION_1 = f"PROXY TCP4 {CLIENT} 10.0.0.1 4660 1883\r\n".encode()
VERSION_2 = b"\r\n\r\n\0\r\nQUIT\n\x21\x11" + struct.pack(">H", 12 + 5) + socket.inet_aton(
    CLIENT) + socket.inet_aton("10.0.0.1") + struct.pack(">HH", 4660, 1883) + b"\x04\x00\x02ab"
FOR_ITSELF = b"\r\n\r\n\0\r\nQUIT\n\x20\x00\x00\x00"


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("listeners") / "authority")


@pytest.fixture
def server(make_sluice, authority):
    pair = authority.issue("server")
    files = {"certificate": str(pair.certificate), "key": str(pair.key)}
    common = {"bind": "127.0.0.1:0", "enabled": True, "proxies": ["127.0.0.2", "10.0.0.0/8"]}
    return make_sluice({"access": {"enabled": False}, "io_threads": 2, "listeners": {
        "tcp": {"proxies": ["127.0.0.2"]}, "tls": {"type": "mqtts", **common, **files},
        "wss": {"type": "wss", **common, **files}, "ws": {"type": "ws", **common},
        "six": {"type": "mqtt", "bind": "[::1]:0"},
        "few": {"type": "mqtt", "bind": "127.0.0.1:0", "connections": 2}}})


def host_of(server, client_id):
    return next(each["address"] for each in server.get("/clients")["items"]
                if each["client_id"] == client_id)


class Proxied(RawClient):
    """A connection of the proxy that begins with `header`."""

    def __init__(self, address, header, **options):
        super().__init__(address, source=PROXY, **options)
        self.send(header)


@pytest.mark.parametrize("header", [VERSION_1, VERSION_2], ids=["version 1", "version 2"])
def test_the_client_is_whom_the_proxy_says(server, header):
    for number in range(4):  # some of them move to the other worker
        with Proxied(server.mqtt, header) as raw:
            assert raw.connect(f"client-{number}").reason == 0
            assert host_of(server, f"client-{number}") == CLIENT
            raw.subscribe(f"x/{number}")
            raw.publish(f"x/{number}", b"y" * 100_000, qos=1)
            assert len(raw.messages(1)[0].payload) == 100_000


def test_header_and_packets_come_in_any_pieces(server):
    packets = mqtt.connect_packet(5, "pieces") + b"\xc0\x00"
    with Proxied(server.mqtt, VERSION_1 + packets) as raw:
        assert raw.expect(mqtt.CONNACK).reason == 0
        raw.expect(mqtt.PINGRESP)
    with Proxied(server.mqtt, b"") as raw:
        for byte in VERSION_2 + packets:
            raw.send(bytes([byte]))
        assert raw.expect(mqtt.CONNACK).reason == 0
        raw.expect(mqtt.PINGRESP)


def test_it_stands_before_tls_and_web_socket(server, authority):
    class WebSocketByProxy(WebSocketClient):
        def __init__(self, *arguments, **options):
            self.header = VERSION_2
            super().__init__(*arguments, source=PROXY, **options)

        def __setattr__(self, name, value):
            if name == "socket" and self.__dict__.get("header"):
                value.sendall(self.__dict__.pop("header"))
            super().__setattr__(name, value)

    with Proxied(server.address("tls"), VERSION_2) as raw:
        raw.socket = context_of(authority).wrap_socket(raw.socket, server_hostname="localhost")
        raw.connect("by-tls")
        assert host_of(server, "by-tls") == CLIENT
    for listener, context in [("ws", None), ("wss", context_of(authority))]:
        with WebSocketByProxy(server.address(listener), context=context) as raw:
            raw.connect(f"by-{listener}")
            assert host_of(server, f"by-{listener}") == CLIENT


def test_a_proxy_may_speak_for_itself(server):
    with Proxied(server.mqtt, FOR_ITSELF) as raw:
        raw.connect("itself")
        assert host_of(server, "itself") == PROXY


def test_d3_nobody_else_can_say_it(server):
    with RawClient(server.mqtt) as raw:
        raw.send(VERSION_1 + mqtt.connect_packet(5, "liar" * 20))
        assert raw.expect_closed() == []
    with RawClient(server.mqtt) as raw:
        raw.connect("honest")
        assert host_of(server, "honest") == "127.0.0.1"


def test_d3_a_proxy_must_say_it(server):
    before = server.metrics()["sluice_proxy_header_failures_total"]
    with Proxied(server.mqtt, mqtt.connect_packet(5, "silent")) as raw:
        assert raw.expect_closed() == []
    assert server.metrics()["sluice_proxy_header_failures_total"] == before + 1
    assert "proxy refused" in server.log_text()


def test_a_listener_has_its_own_limit(server):
    address = server.address("few")
    with RawClient(address) as one, RawClient(address) as two:
        one.connect("one")
        two.connect("two")
        with RawClient(address) as three:
            assert three.expect_closed() == []
        with RawClient(server.mqtt) as other:
            assert other.connect("other").reason == 0
        one.disconnect()

        def is_admitted():
            with RawClient(address) as again:
                try:
                    return again.connect("again").reason == 0
                except (mqtt.Closed, ConnectionError):
                    return False
        wait_until(is_admitted, "room again")


def test_ipv6_is_served(server):
    host, port = server.address("six")
    with RawClient((host.strip("[]"), port)) as raw:
        raw.connect("six")
        assert host_of(server, "six") == "::1"
