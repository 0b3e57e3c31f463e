"""Which addresses a connection may reach: link-local never, the others as the settings say."""
import socket
import threading

import pytest

from integration.harness import Account
from integration.raw_mqtt import RawClient

NEVER = ["169.254.169.254:80", "2852039166:80", "0xA9FEA9FE:80", "0251.0376.0251.0376:80",
         "169.254.1:80", "[::ffff:169.254.169.254]:80", "[fe80::1]:9092", "[fd00:ec2::254]:80",
         "0.0.0.0:80", "[::]:80"]


def document(bootstrap):
    return {"name": "k", "type": "kafka", "settings": {"bootstrap_servers": bootstrap}}


@pytest.mark.parametrize("path", ["/connections?verify=false", "/connections",
                                  "/connections:verify"])
def test_an_address_that_is_never_called_is_refused(sluice, path):
    for bootstrap in NEVER + [f"127.0.0.1:9092,{NEVER[0]}"]:
        answer = sluice.rest("POST", path, document(bootstrap))
        assert answer.status == 422, (bootstrap, answer)
        field = answer.body["fields"][0]
        assert field["pointer"] == "/settings/bootstrap_servers"
        assert "never called" in field["detail"], field


@pytest.mark.parametrize("networks,refused,taken", [
    (["public"], ["127.0.0.1:9092", "10.0.0.1:9092", "[::1]:1", "[fc00::1]:1", "2130706433:1"],
     ["192.0.2.1:9092", "localhost:9092"]),
    (["private"], ["127.0.0.1:9092", "192.0.2.1:9092"], ["10.0.0.1:9092", "192.168.7.7:1"])])
def test_a_network_that_is_left_out(make_sluice, networks, refused, taken):
    server = make_sluice({"connect": {"allowed_networks": networks}})
    for bootstrap in refused:
        answer = server.rest("POST", "/connections?verify=false", document(bootstrap))
        assert answer.status == 422, bootstrap
        assert "connect.allowed_networks" in answer.body["fields"][0]["detail"]
    for bootstrap in taken:  # a name has no address yet
        server.create("/connections?verify=false", document(bootstrap))
        server.delete("/connections/k")


def publish_one(server):
    account: Account = server.allow_all("meter")
    with RawClient(server.mqtt) as raw:
        raw.connect("m", username=account.name, password=account.password)
        assert raw.publish("t", b"x", qos=1).reason < 0x80


def test_a_name_is_judged_by_the_address_it_has_when_it_is_called(make_sluice, kafka_dev):
    """As after DNS rebinding: the name passed when it was saved."""
    server = make_sluice({"connect": {"allowed_networks": ["public"]}})
    bootstrap = f"localhost:{kafka_dev.port}"
    server.add_kafka_connection("k", bootstrap, verify=False)
    steps = server.rest("POST", "/connections/k:verify").expect(200)
    assert not steps["ok"] and "connect.allowed_networks" in steps["steps"][0]["detail"]
    server.add_kafka_task("t", "k", ["t"], "records")
    publish_one(server)

    server.wait_task("t", status="waiting",
                     status_reason=lambda text: "connect.allowed_networks" in str(text))
    connection = server.get("/connections/k")
    assert "connect.allowed_networks" in connection["status_reason"], connection


class Rewriting:
    """Stands before a Kafka and has it advertise another host of the same length."""

    def __init__(self, port, advertised):
        self.to, self.advertised = port, advertised
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self.to))
            except OSError:  # Kafka has stopped before its client has
                client.close()
                continue
            for source, sink, change in ((client, server, False), (server, client, True)):
                threading.Thread(target=self.relay, args=(source, sink, change),
                                 daemon=True).start()

    def relay(self, source, sink, change):
        try:
            while data := source.recv(65536):
                sink.sendall(data.replace(b"127.0.0.1", self.advertised) if change else data)
        except OSError:
            pass
        finally:
            source.close()
            sink.close()


def test_an_advertised_address_is_judged_too(sluice, kafka_dev):
    proxy = Rewriting(kafka_dev.port, b"169.254.1")  # 169.254.0.1 as inet_aton(3) reads it
    try:
        bootstrap = f"127.0.0.1:{proxy.port}"
        answer = sluice.rest("POST", "/connections", document(bootstrap))
        assert answer.status == 422 and answer.body["code"] == "verification_failed", answer
        assert "169.254" in answer.body["detail"] and "never called" in answer.body["detail"]

        sluice.create("/connections?verify=false", document(bootstrap))
        sluice.add_kafka_task("t", "k", ["t"], "records")
        publish_one(sluice)

        task = sluice.wait_task("t", status="waiting", status_reason=lambda text:
                                "connect.allowed_networks" in str(text))
        assert task["delivered"] == 0
    finally:
        proxy.listener.close()
