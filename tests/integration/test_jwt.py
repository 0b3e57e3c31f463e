"""Clients that log in with tokens (JWT): who gets in, until when, and what is said of it."""
import json
import threading
import time

import paho.mqtt.client as paho
import pytest

from integration.harness import Sluice, wait_until
from integration.raw_mqtt import DISCONNECT, RawClient
from integration.tokens import SECRET, Issuer, base64url, claims_for, hs256

BAD_LOGIN, NOT_AUTHORIZED, HELD_BACK = 0x86, 0x87, 0x9F
FLEET = {"name": "fleet", "effect": "allow", "operations": ["connect", "publish", "subscribe"],
         "users": ["fleet-*"], "resources": ["${username}/#"]}


def fleet_servers(directory, settings):
    """For a fixture: what starts a server, with a policy for users `fleet-*`. `settings`, called with
    what the test gives, makes those of the server and its environment."""
    made = []

    def start(*arguments, **options):
        server = Sluice(directory / "server", *settings(*arguments, **options))
        made.append(server)
        server.start()
        server.create("/policies", FLEET)
        return server

    yield start
    for server in made:
        server.kill9()
        print(f"--- the end of {server.log_file}\n{server.log_tail()}")


@pytest.fixture
def serving(tmp_path):
    """serving(jwt={...}, methods=[...]): a started server with a policy for users `fleet-*`."""
    def settings(jwt, methods=("jwt", "users"), **environment):
        return {"access": {"authentication": list(methods), "jwt": jwt},
                "log": {"level": "debug"}}, environment

    yield from fleet_servers(tmp_path, settings)


def connack(server, token, client_id="c", version=5, username="any", **options):
    with RawClient(server.mqtt, version) as raw:
        return raw.connect(client_id, username=username, password=token, **options).reason


def test_a_paho_client_with_a_token_publishes_as_the_user_whom_it_names(serving):
    server = serving({"secret": "env:TEST_TOKEN_SECRET"}, TEST_TOKEN_SECRET=SECRET)
    token = hs256(claims_for("fleet-1"))
    for protocol in (paho.MQTTv311, paho.MQTTv5):
        received, subscribed = [], threading.Event()
        client = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id="paho", protocol=protocol)
        client.username_pw_set("whatever", token)
        client.on_connect = lambda c, *_: c.subscribe("fleet-1/#", qos=1)
        client.on_subscribe = lambda *_: subscribed.set()
        client.on_message = lambda _c, _u, message: received.append(message.payload)
        client.connect(*server.mqtt)
        client.loop_start()
        try:
            assert subscribed.wait(30)
            assert server.get("/clients/paho")["username"] == "fleet-1"
            client.publish("fleet-1/t", b"x", qos=1).wait_for_publish(30)
            wait_until(lambda: received, "the message")
        finally:
            client.disconnect()
            client.loop_stop()
        assert received == [b"x"]
    assert token not in server.log_text()


def test_keys_of_two_issuers_and_what_they_did_not_sign(serving, tmp_path):
    rsa, ec = Issuer(tmp_path, "RS256", "rsa-1"), Issuer(tmp_path, "ES256", "ec-1")
    jwks = tmp_path / "keys.json"
    jwks.write_text(json.dumps({"keys": [ec.jwk()]}))
    server = serving({"public_key": str(rsa.public), "jwks": str(jwks)})
    claims = claims_for("fleet-1")

    assert connack(server, rsa.token(claims)) == 0
    assert connack(server, ec.token(claims)) == 0
    assert connack(server, rsa.token(claims), username=None, version=5) == 0
    # In the place of the user name, as old clients send it.
    assert connack(server, None, username=ec.token(claims), version=4) == 0

    confused = hs256(claims, secret=rsa.public.read_text(), kid="rsa-1")  # RFC 8725 §2.1
    none = base64url(json.dumps({"alg": "none"}).encode())
    unsigned = f"{none}.{rsa.token(claims).split('.')[1]}."
    stranger = Issuer(tmp_path, "RS256", "stranger")
    for wrong in (confused, unsigned, stranger.token(claims), stranger.token(claims, kid="rsa-1"),
                  rsa.token(claims_for("fleet-1", -60)), rsa.token({"sub": "fleet-1"})):
        assert connack(server, wrong) == BAD_LOGIN
        assert connack(server, wrong, version=4) == 4
    # A policy decides what it may, as for every user.
    assert connack(server, rsa.token(claims_for("other"))) == NOT_AUTHORIZED


def test_passwords_go_on_beside_tokens(serving):
    server = serving({"secret": SECRET})
    account = server.allow_all("meter")
    assert connack(server, account.password, username="meter") == 0
    assert connack(server, "wrong", username="meter") == BAD_LOGIN
    assert connack(server, hs256(claims_for("fleet-1"))) == 0


def test_without_the_setting_a_token_is_a_wrong_password(sluice):
    sluice.create("/policies", FLEET)
    assert connack(sluice, hs256(claims_for("fleet-1")), username="fleet-1") == BAD_LOGIN


@pytest.mark.parametrize("keep_alive", [0, 60])
def test_the_connection_ends_with_the_token(serving, keep_alive):
    server = serving({"secret": SECRET, "leeway": "0s"})
    with RawClient(server.mqtt) as raw:
        ends = time.time() + 3
        answer = raw.connect("c", username="x", password=hs256({"sub": "fleet-1", "exp": ends}),
                             keep_alive=keep_alive)
        assert answer.reason == 0
        farewell = raw.expect(DISCONNECT, timeout=30)
        assert farewell.reason == NOT_AUTHORIZED
        assert time.time() >= ends
    assert connack(server, hs256({"sub": "fleet-1", "exp": ends})) == BAD_LOGIN


def test_the_will_of_a_client_with_a_token_is_sent(serving):
    server = serving({"secret": SECRET})
    token = hs256(claims_for("fleet-1"))
    with RawClient(server.mqtt) as watcher:
        watcher.connect("watcher", username="x", password=token)
        watcher.subscribe("fleet-1/#")
        with RawClient(server.mqtt) as raw:
            raw.connect("c", username="x", password=token, 
                        will={"topic": "fleet-1/will", "payload": b"gone"})
            raw.abort()
        assert watcher.messages(1)[0].payload == b"gone"


def test_issuer_audience_and_client_id(serving):
    server = serving({"secret": SECRET, "issuer": "https://id.example", "audience": "mqtt",
                      "username_claim": "azp", "client_id_claim": "device"})
    right = {"iss": "https://id.example", "aud": ["web", "mqtt"], "azp": "fleet-1", "device": "c"}

    def with_claims(**changed):
        return connack(server, hs256(claims_for("x", **{**right, **changed})))

    assert with_claims() == 0
    assert with_claims(iss="https://id.example.org") == BAD_LOGIN
    assert with_claims(aud="web") == BAD_LOGIN
    assert with_claims(azp=7) == BAD_LOGIN
    assert with_claims(device="d") == NOT_AUTHORIZED


def test_wrong_tokens_are_one_line_without_the_token_and_hold_who_guesses_back(serving):
    server = serving({"secret": SECRET})
    claims = claims_for("canary-user")
    guesses = [hs256(claims, secret=f"guess {number:3} of thirty-two bytes....")
               for number in range(14)]
    answers = [connack(server, guess) for guess in guesses]
    assert answers[:10] == [BAD_LOGIN] * 10 and HELD_BACK in answers[10:]
    assert connack(server, None, username=guesses[0], version=5) == BAD_LOGIN

    log = server.log_text()
    lines = [line for line in log.splitlines() if "client refused" in line]
    assert len(lines) == 1 and "signature" in lines[0], lines
    for guess in guesses:
        assert not any(part in log for part in guess.split(".")[1:])
    assert "canary-user" not in log


def test_keys_are_read_again_on_sighup(serving, tmp_path):
    old, new = Issuer(tmp_path, "ES256", "old"), Issuer(tmp_path, "ES256", "new")
    file = tmp_path / "keys.pem"
    file.write_text(old.public.read_text())
    server = serving({"public_key": str(file)})
    claims = claims_for("fleet-1")
    assert connack(server, new.token(claims)) == BAD_LOGIN

    file.write_text(old.public.read_text() + new.public.read_text())
    server.reload(server.settings)
    assert connack(server, new.token(claims)) == 0
    assert connack(server, old.token(claims)) == 0

    file.write_text("nothing")
    server.reload(server.settings, line="settings not reloaded")
    assert connack(server, new.token(claims)) == 0


def test_topic_rules_in_a_token_are_policies_of_that_client_alone(serving):
    server = serving({"secret": SECRET, "rules_claim": "acl"})
    rules = {"pub": ["out/${username}"], "sub": ["in/#"]}
    token = hs256(claims_for("anybody", acl=rules))
    with RawClient(server.mqtt) as raw:
        assert raw.connect("c", username="x", password=token).reason == 0
        assert raw.subscribe("in/#") == [0]
        assert raw.subscribe("out/#") == [NOT_AUTHORIZED]
        assert raw.publish("out/anybody", b"x", qos=1).reason in (0, 0x10)
        assert raw.publish("out/somebody", b"x", qos=1).reason == NOT_AUTHORIZED
        # What is stored counts, too, and at once.
        server.create("/policies", {"name": "never", "effect": "deny", "operations": ["publish"],
                                    "resources": ["out/#"]})
        assert raw.publish("out/anybody", b"x", qos=1).reason == NOT_AUTHORIZED

        # Another client of that name has nothing of it.
        assert connack(server, hs256(claims_for("anybody")), "d") == NOT_AUTHORIZED
    assert connack(server, hs256(claims_for("anybody", acl={"write": ["#"]}))) == NOT_AUTHORIZED
    assert "its `acl` cannot be read" in server.log_text()


def test_a_session_of_a_token_keeps_what_its_rules_allow_while_it_is_away(serving):
    server = serving({"secret": SECRET, "rules_claim": "acl"})
    token = hs256(claims_for("anybody", acl={"all": ["in/#"]}))

    def come(raw, client_id, clean):
        return raw.connect(client_id, username="x", password=token, clean=clean,
                           properties=[(0x11, 3600)])

    with RawClient(server.mqtt) as raw:
        come(raw, "c", True)
        assert raw.subscribe("in/#", qos=1) == [1]
    server.restart()
    # Every change looks at the sessions that are there; this one's rules are known to nobody now.
    server.create("/policies", {"name": "some", "effect": "deny", "operations": ["publish"],
                                "resources": ["elsewhere"]})
    with RawClient(server.mqtt) as raw:
        come(raw, "publisher", True)
        assert raw.publish("in/1", b"kept", qos=1).reason == 0
    with RawClient(server.mqtt) as raw:
        assert come(raw, "c", False).session_present
        assert raw.messages(1)[0].payload == b"kept"

    # It comes back with a token that does not allow it any more.
    token = hs256(claims_for("anybody", acl={"all": ["other"]}))
    with RawClient(server.mqtt) as raw:
        assert come(raw, "c", False).session_present
        assert server.get("/clients/c")["subscriptions"] == []
