"""SASL OAUTHBEARER into a real Kafka: tokens by client credentials from a real HTTPS server."""
import base64
import json
import time
import urllib.parse

import pytest

from integration.certificates import Authority
from integration.harness import read_topic, wait_until
from integration.raw_mqtt import RawClient
from integration.web_server import WebServer

pytestmark = pytest.mark.timeout(180)
SECRET = "s3cret with: and é"
NETWORKS = {"connect": {"allowed_networks": ["loopback"]}}


def encoded(document):
    return base64.urlsafe_b64encode(json.dumps(document).encode()).rstrip(b"=").decode()


class Issuer(WebServer):
    """Gives tokens that nobody signed to `bob`, for `lasts` seconds."""

    def __init__(self, authority):
        self.lasts, self.asked, self.is_away = 300, [], False
        super().__init__(self._answer, "token?tenant=1", authority.issue("localhost"))

    def _answer(self, request, body):
        form = urllib.parse.parse_qs(body.decode())
        scheme, login = request.headers["Authorization"].split(" ")
        user, secret = map(urllib.parse.unquote, base64.b64decode(login).decode().split(":"))
        self.asked.append((time.monotonic(), request.path, form))
        if self.is_away:
            status, document = 503, {"error": "temporarily_unavailable"}
        elif (scheme, user, secret) != ("Basic", "bob", SECRET):
            status, document = 401, {"error": "invalid_client", "error_description": "who is\nthat?"}
        else:
            now = int(time.time())
            claims = {"sub": user, "iat": now, "exp": now + self.lasts}
            token = f"{encoded({'alg': 'none'})}.{encoded(claims)}."
            status, document = 200, {"access_token": token, "token_type": "Bearer",
                                 "expires_in": self.lasts}
        return status, {}, document


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path / "ca")


@pytest.fixture
def issuer(authority):
    made = Issuer(authority)
    yield made
    made.close()


@pytest.fixture
def settings(secure_kafka, issuer, authority):
    return {"bootstrap_servers": secure_kafka.sasl_ssl, "security_protocol": "SASL_SSL",
            "sasl_mechanism": "OAUTHBEARER", "username": "bob", "password": SECRET,
            "ca_pem": secure_kafka.ca_pem, "token_url": issuer.url, "token_scope": "kafka write",
            "token_ca_pem": authority.certificate.read_text()}


def document(settings):
    return {"name": "tokens", "type": "kafka", "settings": settings}


def start_task(server, topic):
    server.create("/tasks", {"name": "tokens", "source": {"filters": ["flow/#"]},
                             "map": {"topic": topic},
                             "sink": {"type": "kafka", "connection": "tokens"}})
    return server.allow_all("meter")


def publish(server, account, payload):
    with RawClient(server.mqtt) as raw:
        raw.connect("m", username=account.name, password=account.password)
        assert raw.publish("flow/a", payload, qos=1).reason < 0x80


def test_records_arrive_and_tokens_are_renewed_while_nothing_flows(
        make_sluice, secure_kafka, issuer, settings):
    secure_kafka.create_topic("tokens", 1)
    secure_kafka.allow("bob", "tokens", "WRITE", "DESCRIBE")
    server = make_sluice(NETWORKS)
    issuer.lasts = 5
    server.create("/connections", document(settings))  # verified
    account = start_task(server, "tokens")
    publish(server, account, b"first")
    server.wait_task("tokens", delivered=1)

    before = len(issuer.asked)
    wait_until(lambda: len(issuer.asked) >= before + 2, "two tokens more", timeout=30)
    publish(server, account, b"second")
    server.wait_task("tokens", delivered=2, status="running")

    assert [record.value for record in read_topic(secure_kafka.bootstrap, "tokens", 2)] == [
        b"first", b"second"]
    _, path, form = issuer.asked[-1]
    assert path.endswith("?tenant=1")
    assert form == {"grant_type": ["client_credentials"], "scope": ["kafka write"]}
    said = server.log_text() + json.dumps(server.get("/connections/tokens"))
    assert "s3cret" not in said and "eyJ" not in said  # neither the secret nor a token


def test_a_wrong_secret_is_named_before_anything_is_saved(make_sluice, issuer, settings):
    server = make_sluice(NETWORKS)
    answer = server.rest("POST", "/connections", document({**settings, "password": "wrong"}))
    assert answer.status == 422 and answer.body["code"] == "verification_failed", answer
    assert "token_url" in answer.body["detail"], answer
    assert "401, invalid_client: who is that?" in answer.body["detail"], answer
    assert "wrong" not in answer.body["detail"]


def test_an_issuer_that_is_away_delays_and_loses_nothing(make_sluice, secure_kafka, issuer,
                                                         settings):
    secure_kafka.create_topic("tokens-later", 1)
    secure_kafka.allow("bob", "tokens-later", "WRITE", "DESCRIBE")
    server = make_sluice(NETWORKS)
    issuer.is_away = True
    server.create("/connections?verify=false", document(settings))
    account = start_task(server, "tokens-later")
    publish(server, account, b"kept")
    server.wait_task("tokens", status="waiting",
                     status_reason=lambda text: "temporarily_unavailable" in str(text))

    issuer.is_away = False
    server.wait_task("tokens", delivered=1, status="running", timeout=60)


def test_what_cannot_work_is_refused(make_sluice, issuer, settings):
    server = make_sluice(NETWORKS)
    for changes, pointer, words in (
            ({"token_url": ""}, "/settings/token_url", "is needed"),
            ({"token_url": "http://localhost:1/"}, "/settings/token_url", "https://"),
            ({"token_url": "https://169.254.169.254/"}, "/settings/token_url", "never called"),
            ({"token_url": "https://10.0.0.1/"}, "/settings/token_url", "allowed_networks"),
            ({"token_ca_pem": "none"}, "/settings/token_ca_pem", ""),
            ({"sasl_mechanism": "PLAIN"}, "/settings/token_url", "left out"),
            ({"properties": {"sasl.oauthbearer.token.endpoint.url": "file:///etc/passwd"}},
             "/settings/properties/sasl.oauthbearer.token.endpoint.url", "token_url")):
        answer = server.rest("POST", "/connections?verify=false",
                             document({**settings, **changes}))
        assert answer.status == 422, (changes, answer)
        fields = {field["pointer"]: field["detail"] for field in answer.body["fields"]}
        assert words in fields[pointer], (changes, answer)
    server.create("/connections?verify=false", document(settings))
    moved = server.rest("PATCH", "/connections/tokens?verify=false",
                        {"settings": {"token_url": "https://localhost:2/"}})
    assert moved.status == 422 and moved.body["fields"][0]["pointer"] == "/settings/password"
