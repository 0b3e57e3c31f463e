"""REST over TLS: admin.certificate and admin.key."""
import http.client
import json
import shutil
import socket
import ssl

import pytest

from integration.certificates import Authority
from integration.harness import Sluice, wait_until


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("admin") / "authority")


class Secured(Sluice):
    """A server whose administration speaks TLS; `authority` is trusted."""

    authority = None

    def connection(self, **options):
        host, port = self.address("admin")
        context = ssl.create_default_context(cafile=self.authority.certificate)
        return http.client.HTTPSConnection(host, port, timeout=30, context=context, **options)

    def ask(self, method, path, body=None, token=None, connection=None):
        connection = connection or self.connection()
        headers = {"Authorization": f"Bearer {self.token if token is None else token}"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        return answer, answer.read()


@pytest.fixture
def server(tmp_path, authority):
    pair = authority.issue("admin", alternatives="IP:127.0.0.1,DNS:mqtt.example.org")
    files = {"certificate": tmp_path / "chain.pem", "key": tmp_path / "key.pem"}
    shutil.copy(pair.certificate, files["certificate"])
    shutil.copy(pair.key, files["key"])
    server = Secured(tmp_path, {"admin": {name: str(file) for name, file in files.items()}})
    server.authority, server.files = authority, files
    try:
        yield server.start()
        server.stop()
    finally:
        server.kill9()


def test_rest_is_answered_over_tls_and_keeps_the_connection(server):
    connection = server.connection()
    for _ in range(3):
        answer, body = server.ask("GET", "/api/v1/users", connection=connection)
        assert answer.status == 200 and json.loads(body)["items"] == []
    answer, _ = server.ask("POST", "/api/v1/users", {"name": "meter"}, connection=connection)
    assert answer.status == 201
    answer, body = server.ask("GET", "/metrics")
    assert answer.status == 200
    assert b'sluice_certificate_expiry_timestamp_seconds{listener="admin"}' in body
    assert connection.sock.version() == "TLSv1.3"


def test_a_large_answer_and_a_body_that_is_too_large_come_through(server):
    answer, body = server.ask("GET", "/api/v1/openapi.yaml")
    assert answer.status == 200 and len(body) > 10_000
    answer, body = server.ask("POST", "/api/v1/users", {"name": "x" * 2_000_000})
    assert answer.status == 413 and json.loads(body)["code"] == "body_too_large"


def test_the_cookie_of_a_login_is_for_tls_alone(server):
    login = {"user": "admin", "password": server.administrator.password}
    answer, _ = server.ask("POST", "/api/v1/session", login, token="")
    assert answer.status == 200
    assert "; Secure" in answer.headers["Set-Cookie"]


def test_http_is_not_answered_there(server):
    with socket.create_connection(server.address("admin"), timeout=30) as plain:
        plain.sendall(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert not plain.recv(1000).startswith(b"HTTP/")
    # And whoever says nothing holds nobody up.
    with socket.create_connection(server.address("admin"), timeout=30):
        assert server.ask("GET", "/health/live")[0].status == 200


def test_the_command_line_on_the_same_machine_knows_the_certificate(server):
    """Without a name of the certificate, and without trusting its authority."""
    done = server.cli("user", "list", "-o", "json", "--data", str(server.data), environment={
        "SLUICE_URL": "", "SLUICE_TOKEN": ""})
    assert json.loads(done.stdout)["items"] == []
    # Elsewhere the machine's own authorities decide, and this one is none of them.
    environment = {"SLUICE_URL": f"https://{server.addresses['admin']}", "SLUICE_DATA": "/nowhere"}
    refused = server.cli("user", "list", check=False, environment=environment)
    assert refused.returncode == 1 and "not trusted" in refused.stderr
    done = server.cli("user", "list", "-o", "json", environment={
        **environment, "SSL_CERT_FILE": str(server.authority.certificate)})
    assert json.loads(done.stdout)["items"] == []


def serial_of(server):
    host, port = server.address("admin")
    return ssl.get_server_certificate((host, port))


def test_a_new_certificate_is_read_without_dropping_anybody(server):
    before, connection = serial_of(server), server.connection()
    assert server.ask("GET", "/health/live", connection=connection)[0].status == 200
    pair = server.authority.issue("renewed", alternatives="IP:127.0.0.1")
    shutil.copy(pair.certificate, server.files["certificate"])
    shutil.copy(pair.key, server.files["key"])
    server.reload(server.settings)
    assert serial_of(server) != before
    assert server.ask("GET", "/health/live", connection=connection)[0].status == 200
    server.cli("user", "list", "--data", str(server.data), environment={
        "SLUICE_URL": "", "SLUICE_TOKEN": ""})

    server.files["key"].write_text("no key")
    renewed = serial_of(server)
    server.signal(1)
    wait_until(lambda: "settings not reloaded" in server.log_text() or
               "certificates not reloaded" in server.log_text(), "the log names the bad file")
    assert "admin.key" in server.log_text()
    assert serial_of(server) == renewed


def test_one_file_without_the_other_is_refused(tmp_path, server):
    alone = Sluice(tmp_path / "alone", {"admin": {"certificate": str(server.files["certificate"])}})
    with pytest.raises(AssertionError, match="ended with 2"):
        alone.start()
    assert "admin.key is missing" in alone.log_text()
