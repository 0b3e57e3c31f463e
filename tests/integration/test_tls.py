"""MQTT over TLS: versions, certificates, who a certificate says one is, renewal, handshakes."""
import signal
import ssl
import subprocess
import threading
import time

import paho.mqtt.client as paho
import pytest

from integration import raw_mqtt as mqtt
from integration.certificates import Authority, openssl
from integration.harness import Sluice, sluice_binary, wait_until
from integration.raw_mqtt import RawClient


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("tls") / "authority")


@pytest.fixture(scope="module")
def stranger(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("tls") / "stranger", "nobody's authority")


@pytest.fixture(scope="module")
def own(authority):
    """The server's certificate."""
    return authority.issue("server")


def tls_settings(pair, **listener):
    return {"listeners": {"tls": {"type": "mqtts", "bind": "127.0.0.1:0", "enabled": True,
                                  "certificate": str(pair.certificate), "key": str(pair.key),
                                  **listener}}}


@pytest.fixture(scope="module")
def server(tmp_path_factory, own):
    """One that asks for no certificates and admits everybody."""
    made = Sluice(tmp_path_factory.mktemp("server"),
                  {"access": {"enabled": False}, **tls_settings(own)})
    try:
        yield made.start()
        made.stop()
    finally:
        made.kill9()


def context_of(authority, pair=None, **options):
    context = ssl.create_default_context(cafile=str(authority.certificate))
    if pair:
        context.load_cert_chain(pair.certificate, pair.key)
    for name, value in options.items():
        setattr(context, name, value)
    return context


class TlsClient(RawClient):
    """RawClient over TLS; `session` to resume one."""

    def __init__(self, address, context, name="localhost", session=None, **options):
        super().__init__(address, **options)
        plain, self.socket = self.socket, None
        try:
            self.socket = context.wrap_socket(plain, server_hostname=name, session=session)
        except OSError:
            plain.close()
            raise


def connected(address, context, client_id="", **options):
    raw = TlsClient(address, context)
    raw.connack = raw.connect(client_id, **options)
    return raw


# --- traffic -------------------------------------------------------------------------------------

@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3],
                         ids=lambda version: version.name)
def test_messages_of_all_sizes_go_to_and_fro(server, authority, version):
    context = context_of(authority, minimum_version=version, maximum_version=version)
    sizes = [0, 1, 16383, 16384, 16385, 70_000, 300_000, 1_000_000]
    with connected(server.address("tls"), context) as raw:
        assert raw.socket.version() == version.name.replace("TLSv1_", "TLSv1.")
        raw.subscribe("sizes/#", qos=1)
        for size in sizes:
            assert raw.publish("sizes/x", bytes(size), qos=1).reason == 0
        assert [len(found.payload) for found in raw.messages(len(sizes))] == sizes


def test_a_packet_in_single_bytes_and_many_in_one_record(server, authority):
    with TlsClient(server.address("tls"), context_of(authority)) as raw:
        for byte in mqtt.connect_packet(5, "bytes"):
            raw.send(bytes([byte]))
        assert raw.expect(mqtt.CONNACK).reason == 0
        raw.send(b"\xc0\x00" * 5000)
        for _ in range(5000):
            raw.expect(mqtt.PINGRESP)


def test_a_client_that_reads_late_gets_everything(server, authority):
    """More than the socket takes: what is sealed waits in order."""
    count, payload = 60, bytes(100_000)
    with connected(server.address("tls"), context_of(authority), "late") as late, \
            RawClient(server.mqtt) as publisher:
        late.subscribe("late/#", qos=1)
        publisher.connect("in-time")
        for _ in range(count):
            publisher.publish("late/x", payload, qos=1)
        found = late.messages(count)
    assert [len(each.payload) for each in found] == [100_000] * count


def test_paho_and_mosquitto_speak_with_it(server, authority):
    host, port = server.address("tls")
    client = paho.Client(paho.CallbackAPIVersion.VERSION2, "paho", protocol=paho.MQTTv5)
    client.tls_set(ca_certs=str(authority.certificate))
    arrived = []
    client.on_message = lambda _client, _data, message: arrived.append(message.payload)
    subscribed = threading.Event()
    client.on_subscribe = lambda *_: subscribed.set()
    client.on_connect = lambda *_: client.subscribe("foreign/#", 1)
    client.connect("localhost", port)
    client.loop_start()
    try:
        assert subscribed.wait(10)
        done = subprocess.run(
            ["mosquitto_pub", "--cafile", authority.certificate, "-h", host, "-p", str(port),
             "-V", "5", "-q", "1", "-t", "foreign/x", "-m", "from mosquitto"],
            capture_output=True, text=True, timeout=20, check=False)
        assert done.returncode == 0, done.stderr
        client.publish("foreign/y", "from paho", 1)
        wait_until(lambda: len(arrived) == 2, "two messages")
    finally:
        client.disconnect()
        client.loop_stop()
    assert sorted(arrived) == [b"from mosquitto", b"from paho"]


def test_a_connection_moves_to_the_worker_of_its_client(make_sluice, own, authority):
    server = make_sluice({"access": {"enabled": False}, "io_threads": 3, **tls_settings(own)})
    context = context_of(authority)
    for number in range(12):
        with connected(server.address("tls"), context, f"client-{number}") as raw:
            raw.subscribe(f"moved/{number}", qos=1)
            assert raw.publish(f"moved/{number}", b"x", qos=1).reason == 0
            assert [each.payload for each in raw.messages(1)] == [b"x"]


def test_both_sides_say_farewell(server, authority):
    """close_notify after the last packet: the end is an end, not a cut."""
    with connected(server.address("tls"), context_of(authority)) as raw:
        raw.send(mqtt.packet(mqtt.DISCONNECT, 0, b""))
        assert raw.socket.recv(1) == b""  # SSLEOFError without close_notify
    with connected(server.address("tls"), context_of(authority)) as raw:
        raw.send(b"\xf0\x00")  # breaks the protocol
        assert raw.expect(mqtt.DISCONNECT).reason >= 0x80
        assert raw.socket.recv(1) == b""


def test_a_clients_close_notify_ends_its_connection(server, authority):
    with connected(server.address("tls"), context_of(authority), "leaves",
                   will={"topic": "left", "payload": "it", "qos": 1}) as raw, \
            RawClient(server.mqtt) as watcher:
        watcher.connect("watches")
        watcher.subscribe("left")
        raw.socket.unwrap()
        assert watcher.messages(1)[0].payload == b"it"


# --- what is spoken ------------------------------------------------------------------------------

def s_client(address, authority, *options, lines=""):
    """What `openssl s_client` says; it ends when its input does."""
    done = subprocess.run(
        ["openssl", "s_client", "-connect", f"{address[0]}:{address[1]}", "-CAfile",
         str(authority.certificate), *map(str, options)],
        input=lines, capture_output=True, text=True, timeout=30, check=False)
    return done.stdout + done.stderr


@pytest.mark.parametrize("version,works", [("-tls1", False), ("-tls1_1", False),
                                           ("-tls1_2", True), ("-tls1_3", True)])
def test_only_tls_1_2_and_1_3_are_spoken(server, authority, version, works):
    said = s_client(server.address("tls"), authority, version, "-cipher", "DEFAULT@SECLEVEL=0")
    assert ("Verify return code: 0 (ok)" in said and "Cipher is (NONE)" not in said) == works, said


def test_tls_1_2_without_forward_secrecy_is_refused(server, authority):
    said = s_client(server.address("tls"), authority, "-tls1_2", "-cipher", "AES128-GCM-SHA256")
    assert "alert handshake failure" in said, said


def test_a_minimum_version_is_kept(make_sluice, own, authority):
    server = make_sluice(tls_settings(own, minimum_version="1.3"))
    assert "alert protocol version" in s_client(server.address("tls"), authority, "-tls1_2")
    assert "TLSv1.3" in s_client(server.address("tls"), authority, "-tls1_3")


def test_the_client_cannot_renegotiate(server, authority):
    said = s_client(server.address("tls"), authority, "-tls1_2", lines="R\n")
    assert "no renegotiation" in said, said


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_a_session_is_resumed(server, authority, tmp_path, version):
    address, ticket = server.address("tls"), tmp_path / "ticket"
    before = server.metrics()
    # With TLS 1.3 the ticket comes behind the handshake: something must be read.
    context = context_of(authority, maximum_version=ssl.TLSVersion.TLSv1_2 if version == "-tls1_2"
                         else ssl.TLSVersion.TLSv1_3)
    with connected(address, context) as raw:
        session = raw.socket.session
        assert not raw.socket.session_reused
    with TlsClient(address, context, session=session) as raw:
        assert raw.connect("resumed").reason == 0
        assert raw.socket.session_reused
    after = server.metrics()

    def grown(outcome):
        name = f'sluice_tls_handshakes_total{{outcome="{outcome}"}}'
        return after[name] - before[name]

    assert (grown("full"), grown("resumed")) == (1, 1)
    assert not ticket.exists()


def test_alpn_is_mqtt_or_nothing(server, authority):
    context = context_of(authority)
    context.set_alpn_protocols(["x", "mqtt"])
    with connected(server.address("tls"), context) as raw:
        assert raw.socket.selected_alpn_protocol() == "mqtt"
    with connected(server.address("tls"), context_of(authority)) as raw:
        assert raw.socket.selected_alpn_protocol() is None
    context = context_of(authority)
    context.set_alpn_protocols(["http/1.1"])
    with pytest.raises(ssl.SSLError, match="(?i)no.application.protocol"):
        TlsClient(server.address("tls"), context)


def test_the_certificate_is_that_of_the_name(make_sluice, authority, own):
    north = authority.issue("north", alternatives="DNS:north.example.org")
    south = authority.issue("south", alternatives="DNS:*.south.example.org")
    server = make_sluice(tls_settings(own, more_certificates={
        name: {"certificate": str(pair.certificate), "key": str(pair.key)}
        for name, pair in {"north": north, "south": south}.items()}))

    def shown_for(name):
        with TlsClient(server.address("tls"), context_of(authority), name) as raw:
            return raw.socket.getpeercert()["subject"][0][0][1]

    assert shown_for("north.example.org") == "north"
    assert shown_for("a.south.example.org") == "south"
    assert shown_for("localhost") == "server"
    assert shown_for("127.0.0.1") == "server"


def test_what_is_no_tls_is_closed(server):
    with RawClient(server.address("tls")) as raw:
        raw.send(mqtt.connect_packet(5, "plain"))
        while raw.socket.recv(1000):  # perhaps an alert, then the end
            pass


# --- client certificates -------------------------------------------------------------------------

def refused_at_handshake(address, context):
    """TLS 1.3 tells a client after its own side of the handshake is done."""
    with pytest.raises((ssl.SSLError, mqtt.Closed, ConnectionError)) as caught:
        with TlsClient(address, context) as raw:
            raw.connect("refused")
    return str(caught.value)


@pytest.fixture(scope="module")
def mutual(tmp_path_factory, own, authority):
    """One that requires client certificates and takes the user from the common name."""
    made = Sluice(tmp_path_factory.mktemp("mutual"), tls_settings(
        own, client_certificate="required", client_ca=str(authority.certificate),
        user_from="common_name"))
    try:
        yield made.start()
        made.stop()
    finally:
        made.kill9()


def test_a_certificate_is_a_login(mutual, authority):
    mutual.allow_all("meter-7")
    pair = authority.issue("meter-7")
    with connected(mutual.address("tls"), context_of(authority, pair), "c7") as raw:
        assert raw.connack.reason == 0
        raw.subscribe("x")
        raw.publish("x", b"1", qos=1)
        raw.messages(1)
        client = next(each for each in mutual.get("/clients")["items"]
                      if each["client_id"] == "c7")
        shown = mutual.get("/clients/c7")["certificate"]
        serial = openssl("x509", "-in", pair.certificate, "-noout", "-serial").strip()
        assert serial == "serial=" + client["certificate_serial"] == "serial=" + shown["serial"]
        assert (shown["subject"], shown["issuer"]) == ("CN=meter-7", "CN=test authority")
        assert shown["expires"].endswith(".000Z")
        assert client["username"] == "meter-7"


def test_the_certificate_counts_whatever_connect_says(mutual, authority):
    mutual.add_user("plain-user", "password")
    mutual.add_user("meter-8")  # without a policy
    pair = authority.issue("meter-8")
    with TlsClient(mutual.address("tls"), context_of(authority, pair)) as raw:
        connack = raw.connect("c8", username="plain-user", password="password")
    assert connack.reason == 0x87


def test_who_is_no_user_is_not_admitted(mutual, authority):
    pair = authority.issue("nobody")
    with TlsClient(mutual.address("tls"), context_of(authority, pair)) as raw:
        assert raw.connect("c9").reason == 0x86


@pytest.mark.parametrize("name,subject", [
    ("two-names", "/CN=meter-7/CN=meter-8"), ("no-name", "/O=somebody"),
    ("nul", "/CN=meter-7\\00x")])
def test_a_name_that_is_not_one_is_nobody(mutual, authority, name, subject):
    pair = authority.issue(name, subject)
    with TlsClient(mutual.address("tls"), context_of(authority, pair)) as raw:
        assert raw.connect("c10").reason == 0x86


def test_without_a_certificate_nobody_comes_in(mutual, authority, stranger):
    said = refused_at_handshake(mutual.address("tls"), context_of(authority))
    assert "CERTIFICATE_REQUIRED" in said.upper().replace(" ", "_"), said
    pair = stranger.issue("meter-7")
    said = refused_at_handshake(mutual.address("tls"), context_of(authority, pair))
    assert "UNKNOWN_CA" in said.upper().replace(" ", "_"), said
    assert "TLS with a client failed" in mutual.log_text()


def test_a_chain_of_certificates_without_end_is_refused(mutual, authority):
    names = ",".join(f"DNS:{number:04}.{'x' * 60}.example.org" for number in range(450))
    pair = authority.issue("large", alternatives=names)
    assert pair.certificate.stat().st_size > 32 * 1024
    failed = 'sluice_tls_handshakes_total{outcome="failed"}'
    before = mutual.metrics()[failed]
    refused_at_handshake(mutual.address("tls"), context_of(authority, pair))
    wait_until(lambda: mutual.metrics()[failed] > before, "it is counted")


def test_a_session_of_a_certificate_is_resumed_as_its_user(mutual, authority):
    mutual.allow_all("meter-9")
    context = context_of(authority, authority.issue("meter-9"))
    with connected(mutual.address("tls"), context, "c11") as raw:
        session = raw.socket.session
    with TlsClient(mutual.address("tls"), context, session=session) as raw:
        assert raw.connect("c11").reason == 0
        assert raw.socket.session_reused
    mutual.delete("/users/meter-9")
    with TlsClient(mutual.address("tls"), context, session=session) as raw:
        assert raw.connect("c11").reason == 0x86


def test_a_certificate_is_optional_where_the_listener_says_so(make_sluice, own, authority,
                                                              stranger):
    server = make_sluice(tls_settings(
        own, client_certificate="optional", client_ca=str(authority.certificate),
        user_from="subject_alt_name"))
    account = server.allow_all("meter", "password")
    server.allow_all("meter-7.example.org")
    address = server.address("tls")
    with TlsClient(address, context_of(authority)) as raw:
        assert raw.connect("a", username=account.name, password=account.password).reason == 0
    with TlsClient(address, context_of(authority)) as raw:
        assert raw.connect("b").reason == 0x86
    pair = authority.issue("other", alternatives="IP:10.0.0.1,DNS:meter-7.example.org")
    with connected(address, context_of(authority, pair), "c") as raw:
        assert raw.connack.reason == 0
    assert refused_at_handshake(address, context_of(authority, stranger.issue("x")))


def test_a_revoked_certificate_is_refused(make_sluice, own, tmp_path):
    authority = Authority(tmp_path / "devices", "devices")
    good, bad = authority.issue("good"), authority.issue("bad")
    crl = authority.revoke()
    server = make_sluice({"access": {"enabled": False}, **tls_settings(
        own, client_certificate="required", client_ca=str(authority.certificate),
        client_crl=str(crl))})
    address, trust = server.address("tls"), own_trust(own)
    context = trust(bad)
    with connected(address, context, "bad") as raw:
        session = raw.socket.session

    authority.revoke(bad)
    server.signal(signal.SIGHUP)
    wait_until(lambda: "settings reloaded" in server.log_text(), "the list is read again")

    said = refused_at_handshake(address, trust(bad))
    assert "REVOKED" in said.upper(), said
    with pytest.raises((ssl.SSLError, mqtt.Closed, ConnectionError)):  # nor by its old ticket
        with TlsClient(address, context, session=session) as raw:
            raw.connect("bad")
    with connected(address, trust(good), "good") as raw:
        assert raw.connack.reason == 0


def own_trust(own):
    """Contexts of clients that trust the authority of the server's certificate."""
    authority = own.certificate.parent / "ca.pem"

    def make(pair):
        context = ssl.create_default_context(cafile=str(authority))
        context.load_cert_chain(pair.certificate, pair.key)
        return context
    return make


# --- files ---------------------------------------------------------------------------------------

def test_certificates_are_renewed_without_dropping_a_client(make_sluice, authority, tmp_path):
    pair = authority.issue("short", days=10)
    server = make_sluice({"access": {"enabled": False}, **tls_settings(pair)})
    name = 'sluice_certificate_expiry_timestamp_seconds{listener="tls"}'
    before = server.metrics()[name]
    assert 9 * 86400 < before - time.time() < 11 * 86400
    assert "expires on" in server.rest("GET", "/health/ready").expect(200)["notices"][0]
    with connected(server.address("tls"), context_of(authority), "stays") as raw:
        fresh = authority.issue("fresh", days=400)
        fresh.certificate.rename(pair.certificate)
        fresh.key.rename(pair.key)
        server.signal(signal.SIGHUP)
        wait_until(lambda: server.metrics()[name] > before, "the new certificate")

        raw.subscribe("still")
        raw.publish("still", b"here", qos=1)
        raw.messages(1)
    with TlsClient(server.address("tls"), context_of(authority)) as raw:
        assert raw.socket.getpeercert()["subject"][0][0][1] == "fresh"
    assert "notices" not in server.rest("GET", "/health/ready").expect(200)


def test_bad_files_at_sighup_leave_the_old_ones_in_use(make_sluice, authority):
    pair = authority.issue("kept")
    server = make_sluice(tls_settings(pair))
    pair.key.write_text("canary\n")

    server.signal(signal.SIGHUP)

    wait_until(lambda: "not reloaded" in server.log_text(), "the refusal")
    assert "listeners.tls.key" in server.log_text() and "canary" not in server.log_text()
    with TlsClient(server.address("tls"), context_of(authority)) as raw:
        assert raw.socket.getpeercert()["subject"][0][0][1] == "kept"


@pytest.fixture(scope="module")
def bad_files(tmp_path_factory, authority, own, stranger):
    folder = tmp_path_factory.mktemp("bad")
    (folder / "garbage.pem").write_text("canary-secret\n")
    damaged = own.certificate.read_text().replace("M", "!", 3)
    (folder / "damaged.pem").write_text(damaged)
    openssl("pkey", "-in", own.key, "-aes256", "-passout", "pass:canary-secret", "-out",
            folder / "encrypted.key")
    openssl("req", "-x509", "-newkey", "rsa:1024", "-nodes", "-keyout", folder / "weak.key",
            "-out", folder / "weak.pem", "-subj", "/CN=weak")
    good = {"certificate": own.certificate, "key": own.key}
    return {
        "no file": ({**good, "certificate": folder / "none.pem"},
                    "listeners.tls.certificate must be a file of the certificate chain"),
        "a directory": ({**good, "key": folder}, "is not a file"),
        "no PEM": ({**good, "certificate": folder / "garbage.pem"}, "holds no certificate in PEM"),
        "damaged": ({**good, "certificate": folder / "damaged.pem"}, "is damaged"),
        "no key": ({**good, "key": own.certificate}, "holds no private key in PEM"),
        "encrypted": ({**good, "key": folder / "encrypted.key"}, "openssl pkey -in"),
        "another key": ({**good, "key": stranger.issue("another").key},
                        "listeners.tls.key must be the key of the first certificate in"),
        "weak": ({"certificate": folder / "weak.pem", "key": folder / "weak.key"},
                 "RSA of 2048 bits or more"),
        "no authorities": ({**good, "client_certificate": "required",
                            "client_ca": folder / "garbage.pem"}, "listeners.tls.client_ca must"),
        "no list": ({**good, "client_certificate": "required", "client_ca": own.certificate,
                     "client_crl": own.certificate}, "listeners.tls.client_crl must"),
        "no more": ({**good, "more_certificates": {
            "a": {"certificate": str(own.certificate), "key": str(folder / "none.key")}}},
                    "listeners.tls.more_certificates.a.key must be a file of"),
    }


@pytest.mark.parametrize("case", [
    "no file", "a directory", "no PEM", "damaged", "no key", "encrypted", "another key", "weak",
    "no authorities", "no list", "no more"])
@pytest.mark.parametrize("command", ["serve", "check"])
def test_bad_files_are_refused_with_their_place(tmp_path, bad_files, command, case):
    files, message = bad_files[case]
    server = Sluice(tmp_path, {"listeners": {"tls": {
        "type": "mqtts", "bind": "127.0.0.1:0", "enabled": True,
        **{name: value if isinstance(value, dict) else str(value)
           for name, value in files.items()}}}})
    arguments = server.command()[2:]
    done = subprocess.run([str(sluice_binary()), command, *arguments], capture_output=True,
                          text=True, timeout=30, check=False, stdin=subprocess.DEVNULL)
    said = done.stdout + done.stderr
    assert done.returncode == 2, said
    assert message in said and "sluice.yaml:" in said, said
    assert "canary-secret" not in said
    assert not server.data.exists()
