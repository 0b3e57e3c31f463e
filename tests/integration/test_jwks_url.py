"""Keys of an identity provider by URL: fetched, kept, fetched sooner when a token names a new one."""
import json
import threading

import pytest

from integration.certificates import Authority
from integration.harness import Sluice, wait_until
from integration.raw_mqtt import RawClient
from integration.test_jwt import BAD_LOGIN, fleet_servers
from integration.tokens import SECRET, Issuer, claims_for, hs256
from integration.web_server import WebServer

NETWORKS = {"allowed_networks": ["loopback"]}


class Provider(WebServer):
    """Serves a key set over HTTPS; `answer` can be replaced: (status, headers, body)."""

    def __init__(self, authority):
        self.asked = 0
        self.keys = []
        self.answer = lambda: (200, {}, {"keys": self.keys})
        super().__init__(self._keys, "keys", authority.issue("localhost"))

    def _keys(self, *_):
        self.asked += 1
        return self.answer()


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path / "authority")


@pytest.fixture
def provider(authority):
    made = Provider(authority)
    yield made
    made.close()


@pytest.fixture
def serving(tmp_path, authority, provider):
    def settings(connect=NETWORKS, **jwt):
        jwt = {"jwks_url": provider.url, "jwks_ca": str(authority.certificate), **jwt}
        return {"access": {"authentication": ["jwt", "users"], "jwt": jwt}, "connect": connect}, {}

    yield from fleet_servers(tmp_path, settings)


def login(server, token, username="x"):
    with RawClient(server.mqtt) as raw:
        return raw.connect("c", username=username, password=token).reason


def test_keys_by_url_and_a_new_one_at_once(serving, provider, tmp_path):
    old, new = Issuer(tmp_path, "RS256", "old"), Issuer(tmp_path, "ES256", "new")
    provider.keys = [old.jwk()]
    server = serving()
    wait_until(lambda: login(server, old.token(claims_for("fleet-1"))) == 0, "the first keys")
    asked = provider.asked

    provider.keys = [old.jwk(), new.jwk()]
    # The first one is refused, and what it asks for is there ten seconds later at most.
    wait_until(lambda: login(server, new.token(claims_for("fleet-1"))) == 0, "the new key",
               every=0.5)
    assert provider.asked == asked + 1
    assert login(server, old.token(claims_for("fleet-1"))) == 0

    # Who names keys that there are not makes nobody ask for each of them, and is still refused.
    for number in range(5):
        stranger = new.token(claims_for("fleet-1"), kid=f"unknown-{number}")
        assert login(server, stranger) == BAD_LOGIN
    assert provider.asked <= asked + 2


def test_without_keys_nobody_gets_in_by_token_and_passwords_go_on(serving, provider, tmp_path):
    issuer = Issuer(tmp_path, "ES256", "one")
    token = issuer.token(claims_for("fleet-1"))
    let_go = threading.Event()

    def answer():
        let_go.wait(60)
        return 503, {}, b""

    provider.answer = answer
    server = serving(secret=SECRET)
    account = server.allow_all("meter")
    try:
        wait_until(lambda: provider.asked, "a request that hangs")
        assert login(server, token) == BAD_LOGIN
        assert login(server, account.password, "meter") == 0
        assert login(server, hs256(claims_for("fleet-1"))) == 0  # by the key that needs no network
    finally:
        let_go.set()
    wait_until(lambda: "keys of tokens not fetched" in server.log_text(), "the line")
    server.stop()


@pytest.mark.parametrize("what", ["large", "redirect", "secret", "damaged"])
def test_an_answer_that_is_no_key_set_changes_nothing(serving, provider, tmp_path, what):
    issuer = Issuer(tmp_path, "ES256", "one")
    provider.keys = [issuer.jwk()]
    good = json.dumps({"keys": provider.keys}).encode()
    provider.answer = {
        "large": lambda: (200, {}, good + b" " * 300_000),
        "redirect": lambda: (302, {"Location": provider.url + "2"}, good),
        "secret": lambda: (200, {}, b'{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}'),
        "damaged": lambda: (200, {}, good[:-5])}[what]
    server = serving()
    wait_until(lambda: "keys of tokens not fetched" in server.log_text(), "the line")
    assert login(server, issuer.token(claims_for("fleet-1"))) == BAD_LOGIN

    provider.answer = lambda: (200, {}, good)
    wait_until(lambda: login(server, issuer.token(claims_for("fleet-1"))) == 0, "the keys")
    assert "keys of tokens fetched again" in server.log_text()


def test_keys_hold_for_a_while_when_the_provider_is_away(serving, provider, tmp_path):
    issuer = Issuer(tmp_path, "ES256", "one")
    provider.keys = [issuer.jwk()]
    server = serving(jwks_refresh="1s", jwks_keep="4s")
    token = issuer.token(claims_for("fleet-1"))
    wait_until(lambda: login(server, token) == 0, "the keys")
    provider.answer = lambda: (503, {}, b"")
    asked = provider.asked
    wait_until(lambda: provider.asked > asked, "a refused request")
    assert login(server, token) == 0
    wait_until(lambda: login(server, token) == BAD_LOGIN, "the keys are too old")


def test_the_address_rule_holds_for_the_provider(serving, provider, tmp_path):
    issuer = Issuer(tmp_path, "ES256", "one")
    provider.keys = [issuer.jwk()]
    server = serving(connect={})  # HTTP reaches public addresses alone
    wait_until(lambda: "keys of tokens not fetched" in server.log_text(), "the line")
    assert login(server, issuer.token(claims_for("fleet-1"))) == BAD_LOGIN
    assert provider.asked == 0


def test_a_provider_that_nobody_vouches_for_is_not_believed(serving, provider, tmp_path):
    issuer = Issuer(tmp_path, "ES256", "one")
    provider.keys = [issuer.jwk()]
    server = serving(jwks_ca="")
    wait_until(lambda: "keys of tokens not fetched" in server.log_text(), "the line")
    assert login(server, issuer.token(claims_for("fleet-1"))) == BAD_LOGIN
    assert provider.asked == 0
