"""A server outside that is asked about each login."""
import json
import threading
import time

import pytest

from integration.harness import Sluice, wait_until
from integration.raw_mqtt import CONNACK, DISCONNECT, RawClient, connect_packet
from integration.test_jwt import BAD_LOGIN, NOT_AUTHORIZED, fleet_servers
from integration.web_server import WebServer

UNAVAILABLE = 0x88


class Decider(WebServer):
    """`answer(question)` -> (status, document)."""

    protocol = "HTTP/1.1"

    def __init__(self):
        self.questions, self.tokens = [], set()
        self.answer = lambda question: (200, {
            "result": "allow" if question["password"] == "right" else "deny"})
        super().__init__(self._decide, "mqtt")

    def _decide(self, request, body):
        self.questions.append(json.loads(body))
        self.tokens.add(request.headers["Authorization"])
        status, document = self.answer(self.questions[-1])
        return status, {}, document


@pytest.fixture
def decider():
    made = Decider()
    yield made
    made.close()


@pytest.fixture
def serving(tmp_path, decider):
    def settings(networks=("loopback",), methods=("http", "users"), **http_settings):
        made = {"access": {"authentication": list(methods),
                           "http": {"url": decider.url, "token": "env:CALL_OUT_TOKEN",
                                    **http_settings}}}
        if networks:
            made["connect"] = {"allowed_networks": list(networks)}
        return made, {"CALL_OUT_TOKEN": "canary-token"}

    yield from fleet_servers(tmp_path, settings)


def login(server, password, username="fleet-1", client_id="c"):
    with RawClient(server.mqtt) as raw:
        return raw.connect(client_id, username=username, password=password).reason


def test_its_answer_decides_and_is_remembered(serving, decider):
    server = serving()
    assert login(server, "right") == 0
    assert login(server, "canary-wrong") == BAD_LOGIN
    assert decider.questions[0] == {"username": "fleet-1", "password": "right", "client_id": "c",
                                    "address": "127.0.0.1", "listener": "tcp"}
    assert decider.tokens == {"Bearer canary-token"}
    for _ in range(3):
        assert login(server, "right") == 0
    assert len(decider.questions) == 2
    assert login(server, "right", client_id="d") == 0
    assert len(decider.questions) == 3
    # A policy decides what it may, as for every user.
    assert login(server, "right", username="other") == NOT_AUTHORIZED
    assert "canary" not in server.log_text()


def test_what_it_ignores_is_for_the_next_way(serving, decider):
    decider.answer = lambda _: (200, {"result": "ignore"})
    server = serving()
    account = server.allow_all("meter")
    assert login(server, account.password, "meter") == 0
    assert login(server, "wrong", "meter") == BAD_LOGIN
    assert login(server, "right", "nobody") == BAD_LOGIN


def test_rules_and_an_end_come_with_the_answer(serving, decider):
    server = serving()
    ends = time.time() + 5
    decider.answer = lambda _: (200, {"result": "allow", "expire_at": ends,
                                      "acl": {"sub": ["news/#"]}})
    with RawClient(server.mqtt) as raw:
        assert raw.connect("c", username="anybody", password="x").reason == 0
        assert raw.subscribe("news/#") == [0]
        assert raw.subscribe("other") == [NOT_AUTHORIZED]
        assert raw.expect(DISCONNECT, timeout=30).reason == NOT_AUTHORIZED
        assert time.time() >= ends


def test_no_answer_refuses_and_makes_nobody_else_wait(serving, decider):
    let_go = threading.Event()

    def answer(_):
        let_go.wait(60)
        return 200, {"result": "allow"}

    decider.answer = answer
    server = serving(methods=("users", "http"), timeout="5s", concurrency=2)
    account = server.allow_all("meter")
    waiting = []
    try:
        with RawClient(server.mqtt) as connected:
            connected.connect("connected", username="meter", password=account.password)
            for number in range(6):
                raw = RawClient(server.mqtt, timeout=60)
                waiting.append(raw)
                raw.send(connect_packet(5, f"w{number}", username=f"fleet-{number}", password="x"))
            wait_until(lambda: len(decider.questions) == 2, "two requests at a time")
            assert connected.publish("t", b"x", qos=1).reason in (0, 0x10)
            assert login(server, account.password, "meter") == 0
            assert [raw.expect(CONNACK).reason for raw in waiting] == [UNAVAILABLE] * 6
    finally:
        let_go.set()
        for raw in waiting:
            raw.abort()
    server.stop()


@pytest.mark.parametrize("answer", [(500, {"result": "allow"}), (302, {"result": "allow"}),
                                    (200, {"result": "yes"}), (200, ["allow"]),
                                    (200, {"result": "allow", "pad": "x" * 70_000})])
def test_what_is_no_clear_answer_refuses(serving, decider, answer):
    decider.answer = lambda _: answer
    server = serving()
    assert login(server, "right") == UNAVAILABLE
    decider.answer = lambda _: (200, {"result": "allow"})
    assert login(server, "right") == 0


def test_the_address_rule_holds_for_it(serving, decider):
    server = serving(networks=None)  # HTTP reaches public addresses alone
    assert login(server, "right") == UNAVAILABLE
    assert decider.questions == []
