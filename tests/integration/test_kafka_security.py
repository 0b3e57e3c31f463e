"""Connections to a real Kafka that asks who one is: TLS, passwords, certificates, rights; what
verification finds, and that it changes nothing there."""
import json
import secrets
import socket
import threading
import time

import pytest

from integration.harness import read_topic, wait_until
from integration.raw_mqtt import RawClient
from servers.kafka_security import PASSWORDS, make_certificate

pytestmark = pytest.mark.timeout(180)
CODECS = ["none", "gzip", "snappy", "lz4", "zstd"]


@pytest.fixture(scope="module")
def secure(secure_kafka):
    secure_kafka.create_topic("allowed", 3)
    secure_kafka.create_topic("forbidden", 1)
    for user in ("bob", "CN=client"):
        secure_kafka.allow(user, "allowed", "WRITE", "DESCRIBE")
    secure_kafka.allow("bob", "forbidden", "DESCRIBE")
    return secure_kafka


def password_settings(kafka, mechanism="PLAIN", user="bob", **changes):
    return {"bootstrap_servers": kafka.sasl_ssl, "security_protocol": "SASL_SSL",
            "sasl_mechanism": mechanism, "username": user, "password": PASSWORDS[user],
            "ca_pem": kafka.ca_pem, **changes}


def certificate_settings(kafka, **changes):
    return {"bootstrap_servers": kafka.ssl, "security_protocol": "SSL", "ca_pem": kafka.ca_pem,
            "certificate_pem": kafka.client_pem, "key_pem": kafka.client_key_pem, **changes}


def document(settings, name="secure"):
    return {"name": name, "type": "kafka", "settings": settings}


def verify(server, settings, topic="allowed"):
    path = f"/connections:verify?topic={topic}" if topic else "/connections:verify"
    return server.rest("POST", path, document(settings)).expect(200)


def names(report):
    return [step["name"] for step in report["steps"]]


def fault(report):
    """The last step, which must have failed, all before it not."""
    assert not report["ok"] and all(step["ok"] for step in report["steps"][:-1]), report
    step = report["steps"][-1]
    assert not step["ok"] and step["detail"] and step["hint"], step
    return step


def end_offsets(kafka, topic):
    return sum(kafka.topic_end_offsets(topic).values())


def test_every_way_to_log_in(sluice, secure, tmp_path):
    tls = ["resolve", "connect", "tls", "authenticate", "metadata", "topic"]
    report = verify(sluice, password_settings(secure))
    assert report["ok"] and names(report) == tls, report
    assert "CN=broker" in report["steps"][2]["detail"], report

    other, _ = make_certificate(tmp_path, "other")
    both = password_settings(secure, ca_pem=other.read_text() + secure.ca_pem)
    assert verify(sluice, both)["ok"], "one of several certificates is enough"

    plain = password_settings(secure, bootstrap_servers=secure.sasl_plaintext,
                              security_protocol="SASL_PLAINTEXT", ca_pem="")
    report = verify(sluice, plain)
    assert report["ok"] and "tls" not in names(report), report

    report = verify(sluice, certificate_settings(secure))
    assert report["ok"] and names(report) == tls, report


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_scram_logs_in_or_says_which_library_it_needs(sluice, secure, mechanism):
    """librdkafka before 2.6.1 cannot do it with brokers from 4.0 on."""
    report = verify(sluice, password_settings(secure, mechanism))
    if report["ok"]:
        wrong = fault(verify(sluice, password_settings(secure, mechanism, password="wrong")))
        assert wrong["name"] == "authenticate" and "librdkafka" not in wrong["hint"], wrong
    else:
        step = fault(report)
        assert step["name"] == "authenticate" and "needs librdkafka 2.6.1" in step["hint"], step


def test_java_names_log_in_too(sluice, secure):
    module = "org.apache.kafka.common.security.plain.PlainLoginModule"
    report = verify(sluice, {
        "bootstrap_servers": secure.sasl_ssl, "security_protocol": "SASL_SSL",
        "sasl_mechanism": "PLAIN",
        "properties": {
            "sasl.jaas.config": f'{module} required username="bob" password="bob-secret";',
            "ssl.truststore.type": "PEM",
            "ssl.truststore.certificates": secure.ca_pem.replace("\n", "\\n"),
            "ssl.endpoint.identification.algorithm": "https"}})
    assert report["ok"], report


def test_each_fault_is_found_at_its_step(sluice, secure, tmp_path):
    other, _ = make_certificate(tmp_path, "other")
    cases = [
        (password_settings(secure, password="wrong"), "authenticate", "Invalid username"),
        (password_settings(secure, ca_pem=""), "tls", "not trusted"),
        (password_settings(secure, ca_pem=other.read_text()), "tls", "not trusted"),
        (password_settings(secure, bootstrap_servers=secure.bootstrap), "tls", ""),
        (certificate_settings(secure, certificate_pem="", key_pem=""), "tls", "certificate"),
        (password_settings(secure, bootstrap_servers="no-such-host.invalid:9092"), "resolve", ""),
        (password_settings(secure, bootstrap_servers="127.0.0.1:1"), "connect", "refused"),
    ]
    for settings, name, words in cases:
        begun = time.monotonic()
        step = fault(verify(sluice, settings))
        assert step["name"] == name and words in step["detail"], (step, settings)
        assert time.monotonic() - begun < 12, step
        assert settings.get("password", "no password") not in str(step), step

        refused = sluice.rest("POST", "/connections", document(settings))
        assert refused.status == 422 and refused.body["code"] == "verification_failed", refused
        assert refused.body["detail"].startswith(f"{name}: "), refused.body
    assert sluice.get("/connections")["items"] == []


def test_who_may_not_write_is_told_so(sluice, secure):
    before = end_offsets(secure, "forbidden"), end_offsets(secure, "allowed")

    step = fault(verify(sluice, password_settings(secure), "forbidden"))
    assert step["name"] == "topic" and "authorization" in step["detail"].lower(), step
    assert "WRITE" in step["hint"], step
    nobody = fault(verify(sluice, password_settings(secure, user="eve"), "allowed"))
    assert nobody["name"] == "topic" and "WRITE" in nobody["hint"], nobody
    path = "/connections?topic=forbidden"
    refused = sluice.rest("POST", path, document(password_settings(secure)))
    assert refused.status == 422 and refused.body["detail"].startswith("topic: "), refused
    verify(sluice, password_settings(secure), "allowed")

    assert (end_offsets(secure, "forbidden"), end_offsets(secure, "allowed")) == before


def test_looking_makes_no_topic(sluice, kafka):
    """The brokers would make it for the asking."""
    from confluent_kafka.admin import AdminClient

    topic = f"absent-{secrets.token_hex(4)}"
    step = fault(verify(sluice, {"bootstrap_servers": kafka.bootstrap}, topic))
    assert step["name"] == "topic" and topic in step["detail"] and "create" in step["hint"], step
    known = AdminClient({"bootstrap.servers": kafka.bootstrap}).list_topics(timeout=10).topics
    assert topic not in known


def test_secrets_are_shown_nowhere(sluice, secure):
    sluice.create("/connections?topic=allowed", document(password_settings(secure), "by-password"))
    sluice.create("/connections", document(certificate_settings(secure), "by-certificate"))
    verify(sluice, password_settings(secure, password="another-canary"))

    shown = str(sluice.get("/connections")) + sluice.log_text()
    shown += str(sluice.get("/connections/by-password"))
    for secret in ("bob-secret", "another-canary", secure.client_key_pem.splitlines()[3],
                   secure.client_pem.splitlines()[3], secure.ca_pem.splitlines()[3]):
        assert secret not in shown
    assert sluice.get("/connections/by-certificate")["settings"]["key_pem"] == "***"


@pytest.mark.parametrize("way", ["password", "certificate"])
def test_messages_arrive_in_every_compression(sluice, secure, way):
    make = password_settings if way == "password" else certificate_settings
    sluice.create("/connections?topic=allowed", document(make(secure)))
    account = sluice.allow_all("meter")
    mark = secrets.token_hex(4)
    for codec in CODECS:
        sluice.add_kafka_task(f"to-{codec}", "secure", [f"{codec}/#"], "allowed",
                              sink={"compression": codec})
    with RawClient(sluice.mqtt) as raw:
        raw.connect("m", username=account.name, password=account.password)
        for codec in CODECS:
            for number in range(20):
                payload = f"{mark} {codec} {number} {'x' * 200}".encode()
                assert raw.publish(f"{codec}/a", payload, qos=1).reason < 0x80

    def complete(records):
        return sum(record.value.startswith(mark.encode()) for record in records) >= 100
    records = [record.value.decode() for record in
               read_topic(secure.bootstrap, "allowed", until=complete)]
    for codec in CODECS:
        mine = [text.split()[2] for text in records if text.startswith(f"{mark} {codec} ")]
        assert mine == [str(number) for number in range(20)], (codec, mine)


def test_a_silent_server_holds_up_nobody(sluice):
    """It accepts and says nothing: verification ends by itself, and others are answered."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings = {"bootstrap_servers": f"127.0.0.1:{silent.getsockname()[1]}",
                    "security_protocol": "SSL"}
        reports = []
        asking = threading.Thread(target=lambda: reports.append(verify(sluice, settings)))
        begun = time.monotonic()
        asking.start()
        answers = 0
        while asking.is_alive():
            asked = time.monotonic()
            sluice.get("/overview")
            assert time.monotonic() - asked < 3
            answers += 1
            asking.join(0.1)
        assert time.monotonic() - begun < 20 and answers > 3
        step = fault(reports[0])
        assert step["name"] == "tls" and "in time" in step["detail"], step


def test_the_command_line_tries_a_topic(sluice, secure, tmp_path):
    file = tmp_path / "connection.json"
    file.write_text(json.dumps(document(password_settings(secure))))
    good = sluice.cli("connection", "verify", "-f", str(file), "--topic", "allowed")
    assert "topic" in good.stdout, good.stdout
    bad = sluice.cli("connection", "verify", "-f", str(file), "--topic", "forbidden", check=False)
    assert bad.returncode == 1 and "WRITE" in bad.stdout, bad.stdout
    refused = sluice.cli("connection", "create", str(file), "--topic", "forbidden", check=False)
    assert refused.returncode == 1 and "topic" in refused.stderr, refused.stderr
    sluice.cli("connection", "create", str(file), "--topic", "allowed")
    wait_until(lambda: sluice.get("/connections/secure")["status"] == "healthy", "healthy")
    again = sluice.cli("connection", "verify", "secure", "--topic", "forbidden", check=False)
    assert again.returncode == 1
