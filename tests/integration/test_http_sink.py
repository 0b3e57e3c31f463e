"""The HTTP sink against a real HTTP server that can refuse, be busy and go away."""
import http.server
import json
import socket
import ssl
import threading
import time

import pytest

from integration.certificates import Authority
from integration.harness import merged
from integration.ledger import Publisher, check, numbers_of
from integration.raw_mqtt import RawClient

pytestmark = pytest.mark.timeout(120)


class Receiver:
    """Keeps what it takes; `answer(records)` is (status, headers, body)."""

    def __init__(self, context=None, port=0):
        self.records, self.requests, self.connections = [], [], 0
        self.answer = lambda records: (200, {}, b"")
        self.hints = False  # answers announce themselves first
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self):
                receiver.connections += 1
                super().setup()

            def do_POST(self):  # pylint: disable=invalid-name
                body = self.rfile.read(int(self.headers["Content-Length"]))
                is_json = self.headers["Content-Type"] == "application/json"
                records = json.loads(body) if is_json else [{"value": body.decode()}]
                receiver.requests.append((dict(self.headers), len(records)))
                status, headers, answer = receiver.answer(records)
                if status == 200 and not answer:
                    receiver.records += records
                if receiver.hints:
                    self.send_response_only(103)
                    self.end_headers()
                    self.wfile.flush()
                    time.sleep(0.05)
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(answer))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):  # pylint: disable=arguments-differ
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        if context:
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def values(self):
        return [record["value"].encode() for record in self.records]

    def close(self):
        self.server.shutdown()
        self.server.server_close()


EVERYWHERE = {"connect": {"allowed_networks": ["loopback", "private", "public"]}}


@pytest.fixture
def sluice(make_sluice):
    """Its requests reach this machine because the setting names it."""
    return make_sluice(EVERYWHERE)


@pytest.fixture
def receiver():
    made = Receiver()
    yield made
    made.close()


def make(server, url, sink=None, verify=True, **settings):
    server.create(f"/connections?verify={str(verify).lower()}", {"name": "web", "type": "http",
                                   "settings": {"url": url, **settings}})
    server.create("/tasks", {
        "name": "web", "source": {"filters": ["flow/#"]}, "map": {"topic": "t"},
        "delivery": {"retry": {"maximum": "300ms"}},
        "sink": {"type": "http", "connection": "web", **(sink or {})}})
    return server.allow_all("device")


def publish(server, account, payloads):
    with RawClient(server.mqtt) as raw:
        raw.connect("p", username=account.name, password=account.password)
        for payload in payloads:
            raw.publish("flow/p", payload, qos=1)


def test_all_arrive_in_order_and_in_few_requests_while_it_is_busy_and_away(sluice, receiver):
    account = make(sluice, f"http://127.0.0.1:{receiver.port}/in", {"batch_records": 100},
                   token="s3cret")
    publisher = Publisher(sluice.mqtt, "p", "flow/p", 1, rate=1500, username=account.name,
                          password=account.password)
    with publisher:
        publisher.wait_acknowledged(600)
        receiver.answer = lambda records: (503, {"Retry-After": "1"}, b"later")
        waiting = sluice.wait_task("web", status="waiting")
        assert "503: later" in waiting["status_reason"], waiting
        count = len(receiver.requests)
        time.sleep(0.7)
        assert len(receiver.requests) - count <= 1  # Retry-After is kept
        receiver.answer = lambda records: (200, {}, b"")
        publisher.wait_acknowledged(len(publisher.acknowledged) + 500)
        publisher.finish()
    task = sluice.wait_task("web", lag_messages=0, status="running", timeout=60)
    assert task["dead_letters"] == 0, task
    assert check(publisher, numbers_of("p", receiver.values()), "http") == 0
    headers = receiver.requests[0][0]
    assert headers["Authorization"] == "Bearer s3cret" and headers["Host"].endswith(str(receiver.port))
    assert receiver.connections < 10 and max(size for _, size in receiver.requests) > 1
    assert "s3cret" not in sluice.log_text() + json.dumps(sluice.get("/connections/web"))


def test_only_what_is_refused_becomes_a_dead_letter(sluice, receiver):
    account = make(sluice, f"http://127.0.0.1:{receiver.port}/in", {"batch_records": 50})

    def answer(records):
        bad = any(record["value"] in ("7", "8") for record in records)
        return (422, {}, b"no sevens") if bad else (200, {}, b"")
    receiver.answer = answer
    publish(sluice, account, [str(number) for number in range(30)])
    sluice.wait_task("web", delivered=28, rejected=2, dead_letters=2, lag_messages=0)
    assert receiver.values() == [str(n).encode() for n in range(30) if n not in (7, 8)]
    letters = sluice.get("/tasks/web/dead-letters")["items"]
    assert {letter["reason"] for letter in letters} == {"the server answered 422: no sevens"}


def test_what_comes_before_an_answer_is_not_taken_for_it(sluice, receiver):
    account = make(sluice, f"http://127.0.0.1:{receiver.port}/in")
    receiver.hints = True
    receiver.answer = lambda records: (422 if records[0]["value"] == "b" else 200, {}, b"")
    publish(sluice, account, ["a", "b", "c", "d"])
    sluice.wait_task("web", delivered=3, rejected=1, lag_messages=0)
    assert receiver.values() == [b"a", b"c", b"d"]
    assert receiver.connections == 2  # the first one verified it


def test_an_answer_may_speak_of_single_records(sluice, receiver):
    account = make(sluice, f"http://127.0.0.1:{receiver.port}/in", {"batch_records": 50})
    taken, busy = [], {"3"}

    def answer(records):
        results = []
        for record in records:
            value = record["value"]
            status = 422 if value == "5" else 503 if value in busy else 200
            busy.discard(value)
            results.append(status)
            if status == 200:
                taken.append(value)
        return 200, {}, json.dumps({"results": results}).encode() if len(results) > 1 else b""
    sluice.rest("POST", "/tasks/web:pause").expect(200, 202)
    publish(sluice, account, [str(number) for number in range(10)])
    receiver.answer = answer
    sluice.rest("POST", "/tasks/web:start").expect(200, 202)
    sluice.wait_task("web", delivered=9, rejected=1, lag_messages=0)
    firsts = list(dict.fromkeys(taken))
    assert sorted(firsts) == sorted(str(n) for n in range(10) if n != 5)
    last = {value: len(taken) - 1 - taken[::-1].index(value) for value in firsts}
    assert [last[str(n)] for n in range(10) if n != 5] == sorted(last.values())


def test_a_wrong_token_makes_it_wait_and_loses_nothing(sluice, receiver):
    account = make(sluice, f"http://127.0.0.1:{receiver.port}/in", {"format": "value"})
    receiver.answer = lambda records: (401, {}, b"who are you?")
    publish(sluice, account, ["a", "b"])
    sluice.wait_task("web", status="waiting", dead_letters=0,
                     status_reason="the server answered 401: who are you?")
    receiver.answer = lambda records: (200, {}, b"")
    sluice.wait_task("web", delivered=2, status="running")
    assert receiver.values() == [b"a", b"b"]


def test_the_address_rule_and_the_settings_are_checked(sluice):
    for settings, pointer in (
            ({"url": "http://169.254.169.254/latest"}, "/settings/url"),
            ({"url": "http://[::ffff:169.254.169.254]/"}, "/settings/url"),
            ({"url": "ftp://127.0.0.1/"}, "/settings/url"),
            ({"url": "http://127.0.0.1:1/", "headers": {"X": "a\r\nY: b"}}, "/settings/headers/X"),
            ({"url": "http://127.0.0.1:1/", "headers": {"Host": "x"}}, "/settings/headers/Host")):
        answer = sluice.rest("POST", "/connections?verify=false",
                             {"name": "web", "type": "http", "settings": settings})
        assert answer.status == 422, (settings, answer)
        assert answer.body["fields"][0]["pointer"] == pointer, answer
    away = sluice.rest("POST", "/connections", {
        "name": "web", "type": "http", "settings": {"url": "http://127.0.0.1:1/"}})
    assert away.status == 422 and away.body["detail"].startswith("connect: "), away


def connection_to(url, **settings):
    return {"name": "web", "type": "http", "settings": {"url": url, **settings}}


def test_only_public_addresses_unless_the_setting_names_others(make_sluice, receiver, kafka_dev):
    server = make_sluice()
    url = f"http://127.0.0.1:{receiver.port}/in"
    for private in (url, "http://10.0.0.1/", "http://[::1]:1/", "http://192.168.1.1/"):
        answer = server.rest("POST", "/connections?verify=false", connection_to(private))
        assert answer.status == 422, (private, answer)
        assert "connect.allowed_networks" in answer.body["fields"][0]["detail"], answer
    by_name = url.replace("127.0.0.1", "localhost")
    account = make(server, by_name, verify=False)
    steps = server.rest("POST", "/connections/web:verify").expect(200)["steps"]
    assert "connect.allowed_networks" in steps[-1]["detail"], steps
    publish(server, account, ["kept"])
    server.wait_task("web", status="waiting",
                     status_reason=lambda text: "connect.allowed_networks" in str(text))
    assert not receiver.connections
    server.add_kafka_connection("kafka", kafka_dev.bootstrap)  # which is on loopback

    server.reload(merged(server.settings, EVERYWHERE))
    server.wait_task("web", delivered=1, lag_messages=0)
    assert receiver.values() == [b"kept"]


def test_the_servers_own_administration_is_not_called(sluice):
    """By a name that nobody can tell before it is looked up."""
    port = sluice.addresses["admin"].rsplit(":", 1)[1]
    answer = sluice.rest("POST", "/connections",
                         connection_to(f"http://{socket.gethostname()}:{port}/api/v1"))
    assert answer.status == 422, answer
    assert "administered" in answer.body["detail"], answer


def test_the_servers_own_administration_is_not_even_saved(sluice):
    port = sluice.addresses["admin"].rsplit(":", 1)[1]
    for host in ("127.0.0.1", "localhost", "127.1.2.3", "[::1]", "2130706433", "x.localhost."):
        for given in (connection_to(f"http://{host}:{port}/api/v1"),
                      {"name": "k", "type": "kafka",
                       "settings": {"bootstrap_servers": f"{host}:{port}"}}):
            answer = sluice.rest("POST", "/connections?verify=false", given)
            assert answer.status == 422, (host, answer)
            assert "administered" in answer.body["fields"][0]["detail"], answer
    for host in ("169.254.169.254", "2852039166", "[fd00:ec2::254]", "100.100.100.200"):
        answer = sluice.rest("POST", "/connections?verify=false",
                             connection_to(f"http://{host}/latest/meta-data"))
        assert answer.status == 422, (host, answer)
        assert "never called" in answer.body["fields"][0]["detail"], answer


def test_a_connection_that_is_open_obeys_narrower_networks(make_sluice, receiver):
    server = make_sluice(EVERYWHERE)
    account = make(server, f"http://127.0.0.1:{receiver.port}/in")
    publish(server, account, ["before"])
    server.wait_task("web", delivered=1)

    server.reload(merged(server.settings, {"connect": {"allowed_networks": ["public"]}}))
    publish(server, account, ["after"])
    server.wait_task("web", status="waiting",
                     status_reason=lambda text: "connect.allowed_networks" in str(text))
    assert receiver.values() == [b"before"]

    server.reload(merged(server.settings, EVERYWHERE))
    server.wait_task("web", delivered=2, lag_messages=0)
    assert receiver.values() == [b"before", b"after"]


def test_what_is_secret_does_not_go_to_another_server(sluice, receiver):
    make(sluice, f"http://127.0.0.1:{receiver.port}/in", token="s3cret",
         headers={"X-Key": "k3y"})
    elsewhere = f"http://127.0.0.2:{receiver.port}/in"
    for changes in ({"url": elsewhere}, {"url": elsewhere, "token": "***", "headers": {}},
                    {"url": elsewhere, "token": "new", "headers": {"X-Key": "***"}},
                    {"url": elsewhere, "token": "new", "headers": {"Y": "new"}}):
        answer = sluice.rest("PATCH", "/connections/web?verify=false", {"settings": changes})
        assert answer.status == 422, (changes, answer)
        assert all("given again" in field["detail"] for field in answer.body["fields"]), answer
    here = f"http://127.0.0.1:{receiver.port}/other"
    sluice.rest("PATCH", "/connections/web", {"settings": {"url": here}}).expect(200)


def test_https_with_an_authority_of_ones_own(sluice, tmp_path):
    authority = Authority(tmp_path / "ca")
    pair = authority.issue("localhost")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)
    receiver = Receiver(context)
    try:
        url = f"https://localhost:{receiver.port}/in"
        unknown = sluice.rest("POST", "/connections", {
            "name": "web", "type": "http", "settings": {"url": url}})
        assert unknown.status == 422 and unknown.body["detail"].startswith("tls: "), unknown
        account = make(sluice, url, ca_pem=authority.certificate.read_text())
        publish(sluice, account, ["over TLS", "again"])
        sluice.wait_task("web", delivered=2)
        assert receiver.values() == [b"over TLS", b"again"] and receiver.connections <= 3
    finally:
        receiver.close()


def test_two_servers_that_publish_at_each_other_by_rest_do_not_circle(make_sluice):
    """B5: what one sends to the other's POST /messages comes back once, and goes no further."""
    here, there = make_sluice(EVERYWHERE, name="here"), make_sluice(EVERYWHERE, name="there")
    for server, other in ((here, there), (there, here)):
        server.create("/connections", {"name": "other", "type": "http", "settings": {
            "url": f"{other.url}/api/v1/messages", "token": other.token}})
        server.create("/tasks", {
            "name": "out", "source": {"filters": ["flow/#"]},
            "map": {"topic": "${topic}", "headers": "none",
                    "value": {"template": '{"topic": "${topic}", "payload": "${payload}"}'}},
            "sink": {"type": "http", "connection": "other", "format": "value",
                     "content_type": "application/json"}})
    account = here.allow_all("device")
    publish(here, account, [str(number) for number in range(5)])

    here.wait_task("out", delivered=5, looped=5, lag_messages=0, timeout=60)
    there.wait_task("out", delivered=5, looped=0, lag_messages=0)
    assert len(here.get("/messages?filter=flow/%23")["items"]) == 10
