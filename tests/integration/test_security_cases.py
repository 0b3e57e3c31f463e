"""Attack cases that no other test shows: tests/security-cases.txt names all of them with their tests.
The names of the tests begin with their case."""
import contextlib
import json
import os
import pathlib
import re
import resource
import socket

import pytest

from integration import raw_mqtt as mqtt
from integration.harness import Sluice, wait_until
from integration.raw_mqtt import RawClient

pytestmark = pytest.mark.timeout(120)
NOT_AUTHORIZED = 0x87
REFUSED = (0x86, 0x87)


def enter(server, account, client_id, **options):
    raw = RawClient(server.mqtt, 5)
    raw.connack = raw.connect(client_id, username=account.name, password=account.password, **options)
    return raw


def reason_of(server, account, client_id, **options):
    with enter(server, account, client_id, **options) as raw:
        return raw.connack.reason


# --- C: access control


@contextlib.contextmanager
def without_descriptors(server):
    """It cannot open a file or take a connection."""
    limit = resource.prlimit(server.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (3, limit[1]))
    try:
        yield
    finally:
        resource.prlimit(server.pid, resource.RLIMIT_NOFILE, limit)


@pytest.mark.parametrize("damage", ["gone", "empty", "no YAML", "unreadable", "no descriptor"])
def test_c1_a_reload_that_fails_opens_nothing(make_sluice, damage):
    server = make_sluice({"access": {"enabled": True}})
    meter = server.add_user("meter")
    server.add_policy("enter", operations=["connect"], users=["meter"])
    file = server.directory / f"{server.name}.yaml"
    with enter(server, meter, "c") as inside, contextlib.ExitStack() as stack:
        line = "settings not reloaded"
        if damage == "gone":
            file.unlink()
        elif damage == "empty":
            file.write_text("")
            line = "settings reloaded"  # the default is closed, too
        elif damage == "no YAML":
            file.write_text("access: {enabled: false\n")
        elif damage == "unreadable":
            file.unlink()
            file.mkdir()
        else:
            stack.enter_context(without_descriptors(server))
        before = server.log_text().count(line)
        os.kill(server.pid, 1)
        wait_until(lambda: server.log_text().count(line) > before, line)

        assert inside.publish("anything", b"x", qos=1).reason == NOT_AUTHORIZED
        assert inside.subscribe("#", qos=1) == [NOT_AUTHORIZED]
    with RawClient(server.mqtt, 5) as nobody:
        assert nobody.connect("n").reason in REFUSED


def test_c3_what_a_deny_covers_comes_through_no_filter(sluice):
    alice = sluice.allow_all("alice")
    writer = sluice.allow_all("writer")
    sluice.add_policy("secret", effect="deny", operations=["subscribe"],
                      resources=["a/secret", "secret/#"], users=["alice"])
    with enter(sluice, alice, "reader") as reader, enter(sluice, writer, "w") as source:
        assert reader.subscribe("secret/#", "$share/g/secret/#", "a/secret", qos=1) == \
            [NOT_AUTHORIZED] * 3
        # Wider filters are allowed; each delivery is asked about.
        assert reader.subscribe("#", "a/#", "$share/g/a/+", qos=1) == [1, 1, 1]
        for topic in ("a/secret", "secret/x", "a/open"):
            source.publish(topic, topic.encode(), qos=1)
            source.publish(topic, topic.encode(), qos=0)
        source.publish("end", b"end", qos=1)
        seen = []
        while b"end" not in seen:
            seen += [message.payload for message in reader.messages(1)]
        assert set(seen) == {b"a/open", b"end"}


def test_c4_a_retained_message_is_read_with_the_rights_of_the_moment(sluice):
    writer = sluice.allow_all("writer")
    reader = sluice.add_user("reader")
    sluice.add_policy("enter", operations=["connect", "subscribe"], resources=["#"], users=["reader"])
    with enter(sluice, writer, "w") as source:
        source.publish("kept/open", b"open", qos=1, retain=True)
        source.publish("kept/closed", b"closed", qos=1, retain=True)
    sluice.add_policy("denied", effect="deny", operations=["subscribe"], resources=["kept/closed"],
                      users=["reader"])

    with enter(sluice, reader, "r") as client:
        client.subscribe("kept/#", qos=1)
        assert [message.payload for message in client.messages(1)] == [b"open"]
        client.expect_silence()

    # It stays when who wrote it is gone: an administrator deletes it.
    sluice.delete("/users/writer")
    with enter(sluice, reader, "again") as client:
        client.subscribe("kept/#", qos=1)
        assert [message.payload for message in client.messages(1)] == [b"open"]
    sluice.delete("/retained/kept%2Fopen")
    with enter(sluice, reader, "last") as client:
        client.subscribe("kept/#", qos=1)
        client.expect_silence()


def test_c5_a_will_is_sent_with_the_rights_of_the_moment_it_is_due(sluice):
    meter = sluice.add_user("meter")
    watcher = sluice.allow_all("watcher")
    sluice.add_policy("enter", operations=["connect"], users=["meter"])
    sluice.add_policy("write", operations=["publish"], resources=["last"], users=["meter"])
    with enter(sluice, watcher, "w") as reader:
        reader.subscribe("#", qos=1)
        dying = enter(sluice, meter, "dying", will={"topic": "last", "payload": b"will", "qos": 1})
        assert dying.connack.reason == 0
        sluice.delete("/policies/write")
        dying.abort()
        wait_until(lambda: all(client["client_id"] != "dying" or client["status"] != "connected"
                               for client in sluice.get("/clients")["items"]), "it is gone")
        reader.publish("end", b"end", qos=1)
        assert [message.payload for message in reader.messages(1)] == [b"end"]
        # And where the right is not there from the beginning, CONNECT is answered with it.
        assert reason_of(sluice, meter, "other",
                         will={"topic": "last", "payload": b"x", "qos": 1}) == NOT_AUTHORIZED


def test_c6_qos_2_is_published_once_with_its_rights_and_its_release_publishes_nothing(sluice):
    meter = sluice.add_user("meter")
    watcher = sluice.allow_all("watcher")
    sluice.add_policy("enter", operations=["connect"], users=["meter"])
    sluice.add_policy("write", operations=["publish"], resources=["t"], users=["meter"])
    lasting = [(0x11, 3600)]  # Session Expiry Interval
    with enter(sluice, watcher, "w") as reader:
        reader.subscribe("#", qos=1)
        raw = enter(sluice, meter, "m", clean=True, properties=lasting)
        raw.send(mqtt.publish_packet(5, "t", b"once", qos=2, packet_id=7))
        assert raw.expect(mqtt.PUBREC).reason in (0, 0x10)
        # It has been published: nothing waits for the release.
        assert [message.payload for message in reader.messages(1)] == [b"once"]
        raw.abort()
        sluice.delete("/policies/write")

        with enter(sluice, meter, "m", clean=False, properties=lasting) as again:
            assert again.connack.reason == 0
            again.send(mqtt.ack_packet(mqtt.PUBREL, 7))
            assert again.expect(mqtt.PUBCOMP).packet_id == 7
            assert again.publish("t", b"twice", qos=2).reason == NOT_AUTHORIZED
        reader.publish("end", b"end", qos=1)
        assert [message.payload for message in reader.messages(1)] == [b"end"]


def test_c7_a_client_id_stays_with_its_user(sluice):
    alice, mallory = sluice.allow_all("alice"), sluice.allow_all("mallory")
    lasting = {"clean": False, "properties": [(0x11, 3600)]}
    with enter(sluice, alice, "pump", **lasting) as raw:
        raw.subscribe("orders", qos=1)
        assert reason_of(sluice, mallory, "pump", **lasting) == NOT_AUTHORIZED
        assert reason_of(sluice, mallory, "pump", clean=True) == NOT_AUTHORIZED
        raw.expect_silence()  # it has not been disconnected
    # Nor while it is away.
    assert reason_of(sluice, mallory, "pump", **lasting) == NOT_AUTHORIZED
    with enter(sluice, mallory, "other") as source:
        source.publish("orders", b"for alice", qos=1)
    with enter(sluice, alice, "pump", **lasting) as back:
        assert back.connack.session_present
        assert [message.payload for message in back.messages(1)] == [b"for alice"]


def test_c10_no_other_way_leads_past_a_policy(sluice):
    meter = sluice.add_user("meter", "password of meter")
    sluice.add_policy("enter", operations=["connect"], users=["meter"])
    sluice.add_policy("write", operations=["publish"], resources=["ask"], users=["meter"])
    service = sluice.allow_all("service")
    with enter(sluice, service, "s") as answering, enter(sluice, meter, "m") as asking:
        answering.subscribe("#", qos=1)
        # A response topic is a word in a message: who answers there needs the right, who reads, too.
        asking.publish("ask", b"?", qos=1, properties=[(0x08, "closed/answers")])
        assert answering.messages(1)[0].one(0x08) == "closed/answers"
        assert asking.subscribe("closed/answers", qos=1) == [NOT_AUTHORIZED]
        assert asking.publish("closed/answers", b"!", qos=1).reason == NOT_AUTHORIZED
        assert asking.publish("$delayed/1/closed/answers", b"!", qos=1).reason == NOT_AUTHORIZED
        by_rest = sluice.rest("POST", "/messages", {"topic": "closed/answers", "payload": "!"}, token="",
                              headers={"Authorization": basic("meter", "password of meter")})
        assert by_rest.status == 403, by_rest.body
        answering.publish("end", b"end", qos=1)
        assert [message.payload for message in answering.messages(1)] == [b"end"]


def basic(user, password):
    import base64
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


# --- E: administration


@pytest.mark.parametrize("path", [
    "/../../etc/passwd", "/..%2f..%2fetc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "//etc/passwd",
    "/api/v1/../../../etc/passwd", "/api/v1/users/..%2f..%2fadministrators", "/.%00./etc/passwd",
    "/index.html/../../etc/passwd", "/\\..\\..\\etc\\passwd", "/run/admin.token", "/%2e/run/admin.token"])
def test_e2_no_path_leads_to_a_file(sluice, path):
    with socket.create_connection(sluice.address("admin"), timeout=20) as raw:
        raw.sendall(f"GET {path} HTTP/1.1\r\nHost: {sluice.addresses['admin']}\r\n"
                    f"Authorization: Bearer {sluice.token}\r\nConnection: close\r\n\r\n".encode())
        answer = b""
        while data := raw.recv(65536):
            answer += data
    status = int(answer.split()[1])
    # 200: the page of the console, whatever stands behind its address.
    assert status in (400, 404) or (status == 200 and b"<html" in answer.lower()), answer
    assert b"root:" not in answer and sluice.token.encode() not in answer


# --- F: secrets and files


CANARIES = {name: f"canary-{name}-5f1d" for name in (
    "administrator", "other-administrator", "user", "user-in-clear", "connection", "jwt", "payload")}


def every_answer(server):
    """What REST shows without a body, whatever the role is: each path of the description."""
    description = server.rest("GET", "/openapi.yaml").expect(200)
    paths = re.findall(r'(?m)^  "?(/api/v1/[^":\s]+|/metrics|/health/\w+)"?:$', description)
    assert len(paths) > 30
    names = {"users": "meter", "connections": "kafka", "tasks": "flow", "clients": "canary-client",
             "administrators": "ann", "policies": "all-meter", "tokens": "ci", "retained": "t",
             "connectors": "kafka"}
    for path in paths:
        if path == "/api/v1/stream":
            continue  # it never ends; what it tells is kept, and shown by /events and /audit
        noun = path.split("/")[3] if path.startswith("/api") else ""
        whole = re.sub(r"\{\w+\}", names.get(noun, "none"), path, count=1)
        yield path, server.rest("GET", re.sub(r"\{\w+\}", "none", whole))


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_f1_a_secret_stands_in_no_output(tmp_path, kafka_dev, log_format):
    server = Sluice(tmp_path, {
        "log": {"level": "debug", "format": log_format},
        "access": {"authentication": ["jwt", "users"], "jwt": {"secret": CANARIES["jwt"] + "x" * 32}}})
    server.administrator = type(server.administrator)("admin", CANARIES["administrator"])
    outputs = {}
    try:
        server.start()
        said = []
        meter = server.allow_all("meter", CANARIES["user"])
        said.append(server.create("/administrators", {
            "name": "ann", "password": CANARIES["other-administrator"], "role": "viewer"}))
        secret = server.create("/tokens", {"name": "ci", "role": "viewer"})["token"]
        said.append(server.create("/connections?verify=false", {
            "name": "kafka", "type": "kafka", "settings": {
                "bootstrap_servers": kafka_dev.bootstrap, "security_protocol": "SASL_PLAINTEXT",
                "sasl_mechanism": "PLAIN", "username": "u", "password": CANARIES["connection"]}}))
        server.add_kafka_task("flow", "kafka", ["t"], "made")
        login = server.rest("POST", "/session", {
            "user": "admin", "password": CANARIES["administrator"]}, token="")
        session = login.expect(200, 201)["token"]
        # What is wrong is named, not repeated.
        for path, body in (
                ("/session", {"user": "admin", "password": CANARIES["user-in-clear"]}),
                ("/users", {"name": "bad name", "password": CANARIES["user-in-clear"]}),
                ("/users", {"name": "a", "password": [CANARIES["user-in-clear"]]}),
                ("/connections", {"name": "b", "type": "kafka", "settings": {
                    "bootstrap_servers": "127.0.0.1:1", "password": CANARIES["connection"],
                    "properties": {"sasl.password": CANARIES["connection"]}}})):
            said.append(server.rest("POST", path, body).body)
        for account in (meter, type(meter)("meter", CANARIES["user-in-clear"])):
            with enter(server, account, "canary-client") as raw:
                if raw.connack.reason == 0:
                    raw.publish("t", CANARIES["payload"].encode(), qos=1)
        wait_until(lambda: server.task("flow")["status"] != "starting", "the task tries")
        for path, answer in every_answer(server):
            outputs[path] = json.dumps(answer.body)
        for command in (["check", "-c", server.directory / "sluice.yaml"], ["audit", "list", "-o", "json"],
                        ["connection", "show", "kafka"], ["user", "list"], ["token", "list"]):
            done = server.cli(*map(str, command), check=False)
            outputs[" ".join(map(str, command))] = done.stdout + done.stderr
        outputs["answers"] = json.dumps(said)
        limits = pathlib.Path(f"/proc/{server.pid}/limits").read_text()
        command_line = pathlib.Path(f"/proc/{server.pid}/cmdline").read_text()
        server.stop()
    finally:
        server.kill9()
    outputs["log"] = server.log_text()
    outputs["command line"] = command_line

    secrets = [*CANARIES.values(), secret, session, server.token]
    shows_messages = ("/api/v1/messages", "/api/v1/retained")  # payloads are what they are for
    found = [f"{canary} in {name}" for name, text in outputs.items() for canary in secrets
             if canary in text and not (name.startswith(shows_messages) and canary == CANARIES["payload"])]
    assert not found, found
    assert len(server.log_text().splitlines()) > 10
    # No core dump: one byte, which Linux obeys also where core_pattern names a program.
    assert re.search(r"^Max core file size +[01] ", limits, re.M), limits
    for path in [server.data, *server.data.rglob("*")]:
        assert not path.lstat().st_mode & 0o077, path
        if path.is_file():
            data = path.read_bytes()
            for name in ("administrator", "other-administrator", "user", "user-in-clear", "jwt"):
                assert CANARIES[name].encode() not in data, f"{name} in {path}"
            assert secret.encode() not in data and session.encode() not in data, path


FORGED = 'x"\n2026-01-01T00:00:00.000Z ERROR forged line user=admin\r\n{"event":"forged"}\x1b[2J\u2028\u202e'


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_f4_nobody_writes_lines_of_his_own_into_the_log(make_sluice, log_format):
    server = make_sluice({"log": {"level": "debug", "format": log_format}})
    loud = server.allow_all("loud")
    with enter(server, loud, FORGED) as raw:
        assert raw.connack.reason == 0
        assert raw.subscribe(FORGED.replace("#", ""), qos=1) == [1]
        raw.publish(FORGED, b"x", qos=1, properties=[(0x26, (FORGED, FORGED))])
    with RawClient(server.mqtt, 5) as wrong:
        assert wrong.connect("w", username=FORGED, password=FORGED).reason in REFUSED
    server.rest("POST", "/session", {"user": FORGED, "password": FORGED}, token="")
    server.rest("POST", "/users", {"name": FORGED, "password": FORGED})
    wait_until(lambda: "forged" in server.log_text(), "it is told of")
    server.stop()

    raw_log = server.log_file.read_bytes()
    lines = raw_log.decode().split("\n")[:-1]
    assert not any(character in raw_log for character in (b"\r", b"\x1b", "\u2028".encode(),
                                                          "\u202e".encode()))
    for line in lines:
        if log_format == "json":
            assert isinstance(json.loads(line), dict), line
        else:
            assert re.match(r"\d{4}-\d\d-\d\dT[\d:.]+Z +(DEBUG|INFO|WARN|ERROR) ", line.upper()), line
            assert "forged line" not in line.split('"')[0], line
