"""The REST API as interface.md has it."""
import json
import os
import re
import socket
import subprocess
import urllib.parse

import pytest

from integration.harness import sluice_binary, wait_until
from integration.raw_mqtt import RawClient
from servers.kafka_server import free_ports

ID = re.compile(r"^[0-9A-Za-z]{26}$")
TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")


def problem(answer, status, code=None):
    """RFC 9457, all of it."""
    assert answer.status == status, f"{answer.status}: {answer.body}"
    assert answer.headers["content-type"].startswith("application/problem+json")
    body = answer.body
    assert body["status"] == status and body["title"] and body["type"]
    if code:
        assert body["code"] == code, body
    return body


def fields_of(body):
    return {entry["pointer"] for entry in body["fields"]}


# --- who asks ------------------------------------------------------------------------------------

def test_nothing_without_a_token(sluice):
    for path in ("/overview", "/users", "/policies", "/connections", "/tasks"):
        problem(sluice.rest("GET", path, token=""), 401)
        problem(sluice.rest("GET", path, token="wrong"), 401)
    problem(sluice.rest("POST", "/users", {"name": "x"}, token=""), 401)
    assert sluice.rest("GET", "/metrics", token="").status == 401
    assert sluice.rest("GET", "/health/live", token="").status == 200
    assert sluice.rest("GET", "/health/ready", token="").status == 200


def test_log_in_and_out(sluice):
    account = sluice.administrator
    opened = sluice.rest("POST", "/session", {"user": "admin", "password": account.password},
                         token="").expect(200, 201)
    assert TIME.match(opened["expires"])
    token = opened["token"]
    assert sluice.rest("GET", "/overview", token=token).status == 200

    sluice.rest("DELETE", "/session", token=token).expect(204)

    problem(sluice.rest("GET", "/overview", token=token), 401)
    problem(sluice.rest("POST", "/session", {"user": "admin", "password": "wrong"}, token=""), 401)
    problem(sluice.rest("POST", "/session", {"user": "nobody", "password": "x"}, token=""), 401)


def test_the_session_cookie_is_strict(sluice):
    account = sluice.administrator
    answer = sluice.rest("POST", "/session", {"user": "admin", "password": account.password},
                         token="")
    cookie = answer.headers["set-cookie"]
    assert "samesite=strict" in cookie.lower() and "httponly" in cookie.lower()


def test_a_token_of_an_earlier_start_is_worth_nothing(sluice):
    old = sluice.token
    sluice.restart()
    problem(sluice.rest("GET", "/overview", token=old), 401)


# --- users and policies --------------------------------------------------------------------------

def test_the_life_of_a_user(sluice):
    answer = sluice.rest("POST", "/users", {"name": "meter", "password": "canary-1",
                                            "description": "d"})
    user = answer.expect(201)
    assert ID.match(user["id"]) and TIME.match(user["created"])
    assert answer.headers["location"] in (f"/api/v1/users/{user['id']}", "/api/v1/users/meter")
    assert "canary-1" not in json.dumps(user)
    assert sluice.get("/users/meter") == sluice.get(f"/users/{user['id']}")
    assert [entry["name"] for entry in sluice.get("/users")["items"]] == ["meter"]
    problem(sluice.rest("POST", "/users", {"name": "meter", "password": "x"}), 409, "name_taken")

    sluice.delete("/users/meter")

    problem(sluice.rest("GET", "/users/meter"), 404)
    problem(sluice.rest("DELETE", "/users/meter"), 404)


def test_a_user_without_a_password_is_given_one_once(sluice):
    made = sluice.create("/users", {"name": "meter"})
    assert len(made["password"]) >= 12
    assert "password" not in sluice.get("/users/meter") or \
        sluice.get("/users/meter")["password"] == "***"
    sluice.add_policy("connect", operations=["connect"])
    with RawClient(sluice.mqtt) as raw:
        assert raw.connect("c", username="meter", password=made["password"]).reason == 0


@pytest.mark.parametrize("document,pointer", [
    ({}, "/name"), ({"name": ""}, "/name"), ({"name": "a b"}, "/name"), ({"name": 1}, "/name"),
    ({"name": "x" * 33}, "/name"), ({"name": "a", "description": "x" * 129}, "/description"),
    ({"name": "a", "pasword": "x"}, "/pasword"),
    ({"name": "a", "password": "file:/etc/passwd"}, "/password"),
    ({"name": "a", "password": "env:HOME"}, "/password")])
def test_a_bad_user_is_refused_with_its_fields(sluice, document, pointer):
    body = problem(sluice.rest("POST", "/users", document), 422)
    assert pointer in fields_of(body), body


def test_the_nearest_name_is_offered(sluice):
    body = problem(sluice.rest("POST", "/users", {"name": "a", "pasword": "x"}), 422)
    assert "password" in json.dumps(body)


GOOD_POLICY = {"name": "policy", "effect": "allow", "operations": ["publish"], "resources": ["a/#"]}


@pytest.mark.parametrize("change,pointer", [
    ({"effect": None}, "/effect"), ({"effect": "maybe"}, "/effect"),
    ({"operations": None}, "/operations"), ({"operations": []}, "/operations"),
    ({"operations": ["read"]}, "/operations/0"), ({"resources": None}, "/resources"),
    ({"resources": ["a/#/b"]}, "/resources/0"), ({"resources": ["a"] * 11}, "/resources"),
    ({"qos": []}, "/qos"), ({"qos": [3]}, "/qos/0"), ({"message_types": []}, "/message_types"),
    ({"sources": ["300.1.1.1"]}, "/sources/0"), ({"name": "ab"}, "/name"),
    ({"resorces": ["a"]}, "/resorces")])
def test_a_bad_policy_is_refused_with_its_fields(sluice, change, pointer):
    document = {key: value for key, value in {**GOOD_POLICY, **change}.items()
                if value is not None}
    body = problem(sluice.rest("POST", "/policies", document), 422)
    assert pointer in fields_of(body), body


def test_the_life_of_a_policy(sluice):
    policy = sluice.create("/policies", GOOD_POLICY)
    assert ID.match(policy["id"])
    shown = sluice.get("/policies/policy")
    assert {key: shown[key] for key in GOOD_POLICY} == GOOD_POLICY
    problem(sluice.rest("POST", "/policies", GOOD_POLICY), 409, "name_taken")
    sluice.delete(f"/policies/{policy['id']}")
    assert sluice.get("/policies")["items"] == []


def test_lists_have_pages(sluice):
    for number in range(7):
        sluice.add_user(f"user-{number}")
    names, path = [], "/users?limit=3"
    for _ in range(3):
        answer = sluice.get(path)
        names += [entry["name"] for entry in answer["items"]]
        if answer.get("next"):
            path = f"/users?limit=3&page={urllib.parse.quote(answer['next'], safe='')}"
    assert names == [f"user-{number}" for number in range(7)] and not answer.get("next")
    for limit in ("0", "1001", "many"):
        assert sluice.rest("GET", f"/users?limit={limit}").status in (400, 422)


def names(server, path):
    return [entry["name"] for entry in server.get(path)["items"]]


def test_tasks_are_found_by_a_part_of_the_name_and_go_by_what_waits(sluice):
    for name, messages in (("pump-1", 2), ("lamp", 9), ("pump-2", 30)):
        sluice.create("/tasks", {
            "name": name, "enabled": False, "source": {"type": "local", "filters": [f"{name}/#"]},
            "map": {"topic": "t"}, "sink": {"type": "file", "folder": name}})
        for number in range(messages):
            sluice.create("/messages", {"topic": f"{name}/{number}", "payload": "x"})
    assert names(sluice, "/tasks?name_contains=pump") == ["pump-1", "pump-2"]
    assert names(sluice, "/tasks?name_contains=PUMP") == []
    assert names(sluice, "/tasks?sort=-lag_messages") == ["pump-2", "lamp", "pump-1"]
    assert names(sluice, "/tasks?sort=lag_messages&name_contains=pump") == ["pump-1", "pump-2"]
    # What has waited longest.
    assert names(sluice, "/tasks?sort=-oldest_unsent_age_seconds") == ["pump-1", "lamp", "pump-2"]
    most = sluice.get("/tasks?sort=-lag_messages&limit=1")
    assert names(sluice, f"/tasks?sort=-lag_messages&page={most['next']}") == ["lamp", "pump-1"]
    problem(sluice.rest("GET", "/tasks?sort=in_flight"), 400, "invalid_parameter")


def test_groups_are_found_by_a_part_of_the_name_and_go_by_their_members(sluice):
    account = sluice.allow_all("device")
    for name in ("billing", "workers-2", "workers-1"):
        sluice.create("/groups", {"name": name})
    assert names(sluice, "/groups?name_contains=work") == ["workers-1", "workers-2"]
    with RawClient(sluice.mqtt) as client:
        client.connect("d", username=account.name, password=account.password)
        client.subscribe("$share/workers-2/a/#")
        client.subscribe("$share/not-made/a/#")
        by_members = ["not-made", "workers-2", "billing", "workers-1"]
        assert names(sluice, "/groups?sort=-members") == by_members
        # Nobody has made that one.
        assert names(sluice, "/groups?sort=created") == ["not-made", "billing", "workers-2", "workers-1"]


# --- connections and tasks -----------------------------------------------------------------------

CANARY = "canary-7c1e-secret"


def test_secrets_are_never_shown(sluice, kafka_dev):
    sluice.create("/connections?verify=false", {
        "name": "kafka", "type": "kafka", "settings": {
            "bootstrap_servers": kafka_dev.bootstrap, "security_protocol": "SASL_PLAINTEXT",
            "sasl_mechanism": "PLAIN", "username": "u", "password": CANARY}})
    sluice.add_user("meter", CANARY)
    sluice.add_kafka_task("flow", "kafka", ["a"], "topic")
    answers = [sluice.rest("GET", path).body for path in (
        "/connections", "/connections/kafka", "/tasks", "/tasks/flow", "/users", "/users/meter",
        "/overview", "/metrics")]
    answers.append(sluice.rest("POST", "/connections/kafka:verify").body)
    for command in (["connection", "list"], ["connection", "show", "kafka"], ["user", "list"]):
        done = sluice.cli(*command, "-o", "json", check=False)
        answers.append(done.stdout + done.stderr)
    sluice.rest("POST", "/users", {"name": "bad name", "password": CANARY})
    wait_until(lambda: sluice.task("flow")["status"] != "starting", "the task tries")

    for answer in answers:
        assert CANARY not in json.dumps(answer), answer
    assert sluice.get("/connections/kafka")["settings"]["password"] == "***"
    assert CANARY not in sluice.log_text()
    sluice.stop()
    token = sluice.token
    assert token not in sluice.log_text()
    assert sluice.administrator.password not in sluice.log_text()


def test_the_life_of_a_connection(sluice, kafka_dev):
    made = sluice.add_kafka_connection("kafka", kafka_dev.bootstrap)
    assert ID.match(made["id"]) and TIME.match(made["created"]) and TIME.match(made["updated"])
    shown = sluice.get("/connections/kafka")
    assert shown["settings"]["bootstrap_servers"] == kafka_dev.bootstrap
    assert shown["status"] in ("healthy", "unknown") and shown["tasks"] in (0, [])
    steps = sluice.rest("POST", "/connections/kafka:verify").expect(200)
    assert steps["ok"] is True and steps["steps"] and all(step["ok"] for step in steps["steps"])
    sluice.add_kafka_task("flow", "kafka", ["a"], "topic")

    problem(sluice.rest("DELETE", "/connections/kafka"), 409, "connection_in_use")
    sluice.delete("/tasks/flow")
    sluice.delete("/connections/kafka")

    problem(sluice.rest("GET", "/connections/kafka"), 404)


def test_a_connection_is_verified_before_it_is_saved(sluice):
    document = {"name": "kafka", "type": "kafka",
                "settings": {"bootstrap_servers": f"127.0.0.1:{free_ports(1)[0]}"}}
    problem(sluice.rest("POST", "/connections", document), 422)
    assert sluice.get("/connections")["items"] == []
    steps = sluice.rest("POST", "/connections:verify", document).expect(200)
    assert steps["ok"] is False and not all(step["ok"] for step in steps["steps"])
    assert sluice.rest("POST", "/connections?verify=false", document).status == 201


@pytest.mark.parametrize("change,pointer", [
    ({"type": "kafkaesque"}, "/type"), ({"name": ""}, "/name"), ({"settings": None}, "/settings"),
    ({"settings": {}}, "/settings/bootstrap_servers"),
    ({"settings": {"bootstrap_servers": "a:1", "pasword": "x"}}, "/settings/pasword"),
    ({"settings": {"bootstrap_servers": "a:1", "password": "env:HOME"}}, "/settings/password"),
    ({"settings": {"bootstrap_servers": "a:1", "security_protocol": "TLS"}},
     "/settings/security_protocol"),
    ({"settings": {"bootstrap_servers": "a:1", "properties": {"no.such.property": "1"}}},
     "/settings/properties/no.such.property"),
    ({"settings": {"bootstrap_servers": "a:1", "properties": {"plugin.library.paths": "/x"}}},
     "/settings/properties/plugin.library.paths")])
def test_a_bad_connection_is_refused_with_its_fields(sluice, change, pointer):
    document = {"name": "kafka", "type": "kafka", "settings": {"bootstrap_servers": "a:1"}}
    document = {key: value for key, value in {**document, **change}.items() if value is not None}
    body = problem(sluice.rest("POST", "/connections?verify=false", document), 422)
    assert pointer in fields_of(body), body


TASK_CHANGES = [
    ({"name": "a/b"}, "/name"), ({"source": {"type": "local", "filters": []}}, "/source/filters"),
    ({"source": {"type": "local", "filters": ["a/#/b"]}}, "/source/filters/0"),
    ({"source": {"type": "nowhere", "filters": ["a"]}}, "/source/type"),
    ({"map": {"topic": "${nonsense}"}}, "/map/topic"),
    ({"map": {"topic": "${topic"}}, "/map/topic"),
    ({"map": {"topic": ""}}, "/map/topic"), ({"map": {"topic": "t", "value": "xml"}}, "/map/value"),
    ({"sink": {"type": "kafka", "connection": "unknown"}}, "/sink/connection"),
    ({"sink": {"type": "kafka", "connection": "kafka", "linger": 5}}, "/sink/linger"),
    ({"sink": {"type": "kafka", "connection": "kafka", "linger_ms": "soon"}}, "/sink/linger_ms"),
    ({"sink": {"type": "kafka", "connection": "kafka", "acks": "1"}}, "/sink/acks"),
    ({"delivery": {"guarantee": "maybe"}}, "/delivery/guarantee"),
    ({"delivery": {"order": "alphabetical"}}, "/delivery/order"),
    ({"map": {"topic": "t", "key": "${topic}"}, "delivery": {"order": "per_publisher"}},
     "/map/key"),
    ({"delivery": {"retry": {"initial": "200"}}}, "/delivery/retry/initial")]


@pytest.mark.parametrize("change,pointer", TASK_CHANGES)
def test_a_bad_task_is_refused_with_its_fields(sluice, kafka_dev, change, pointer):
    sluice.add_kafka_connection("kafka", kafka_dev.bootstrap)
    document = {"name": "flow", "source": {"type": "local", "filters": ["a"]},
                "map": {"topic": "t"}, "sink": {"type": "kafka", "connection": "kafka"}, **change}
    body = problem(sluice.rest("POST", "/tasks", document), 422)
    assert pointer in fields_of(body), body
    assert sluice.get("/tasks")["items"] == []


def test_the_life_of_a_task(sluice, kafka_dev):
    account = sluice.allow_all("device")
    sluice.add_kafka_connection("kafka", kafka_dev.bootstrap)
    made = sluice.add_kafka_task("flow", "kafka", ["a/+"], "topic")
    assert ID.match(made["id"])
    problem(sluice.rest("POST", "/tasks", {**made, "id": None}), 422)
    sluice.wait_task("flow", status="running")
    with RawClient(sluice.mqtt) as raw:
        raw.connect("d", username=account.name, password=account.password)
        for number in range(10):
            raw.publish(f"a/{number}", b"x", qos=1)
    task = sluice.wait_task("flow", delivered=10, lag_messages=0)
    for name in ("lag_bytes", "oldest_unsent_age_seconds", "retried", "rejected", "filtered"):
        assert task[name] == 0, (name, task)
    assert TIME.match(task["last_success"]) and not task["last_error"]

    assert sluice.act("/tasks/flow:pause")["status"] in ("paused", "running")
    sluice.wait_task("flow", status="paused")
    problem(sluice.rest("POST", "/tasks/flow:nonsense"), 404)
    sluice.act("/tasks/flow:start")
    sluice.wait_task("flow", status="running")
    sluice.delete("/tasks/flow")
    problem(sluice.rest("GET", "/tasks/flow"), 404)


def test_a_paused_task_stays_paused_over_a_restart(sluice, kafka_dev):
    sluice.add_kafka_connection("kafka", kafka_dev.bootstrap)
    sluice.add_kafka_task("flow", "kafka", ["a"], "topic")
    sluice.act("/tasks/flow:pause")
    sluice.wait_task("flow", status="paused")
    sluice.kill9()
    sluice.start()
    assert sluice.task("flow")["status"] == "paused"


def test_two_tasks_may_not_have_one_group(sluice, kafka_dev):
    sluice.add_kafka_connection("a-b", kafka_dev.bootstrap)
    sluice.add_kafka_connection("a", kafka_dev.bootstrap)
    sluice.add_kafka_task("c", "a-b", ["x"], "topic")
    document = {"name": "b-c", "source": {"type": "local", "filters": ["x"]},
                "map": {"topic": "t"}, "sink": {"type": "kafka", "connection": "a"}}
    problem(sluice.rest("POST", "/tasks", document), 409, "group_name_taken")
    problem(sluice.rest("POST", "/tasks", {**document, "name": "c"}), 409, "name_taken")


# --- the rest ------------------------------------------------------------------------------------

def test_requests_that_make_no_sense(sluice):
    problem(sluice.rest("POST", "/users", b"{not json"), 400)
    assert sluice.rest("POST", "/users", b"[1,2]").status in (400, 422)
    problem(sluice.rest("GET", "/nothing"), 404)
    assert sluice.rest("PUT", "/users").status in (404, 405)
    deep = b'{"name":' + b"[" * 100000 + b"]" * 100000 + b"}"
    assert sluice.rest("POST", "/users", deep).status in (400, 413, 422)
    huge = b'{"name":"' + b"x" * (64 << 20) + b'"}'
    try:
        assert sluice.rest("POST", "/users", huge).status == 413
    except OSError:
        pass  # refused by closing before all of it was sent
    assert sluice.rest("GET", "/health/live").status == 200


def test_names_in_paths_are_percent_encoded(sluice):
    sluice.add_user("a:b/c")
    assert sluice.get("/users/a%3Ab%2Fc")["name"] == "a:b/c"
    sluice.delete("/users/a%3Ab%2Fc")


def test_the_overview(sluice):
    overview = sluice.get("/overview")
    assert overview["node"] == "sluice-1" and overview["version"]
    assert TIME.match(overview["started"])
    assert overview["access_enabled"] is True


def test_metrics_count_what_happens(sluice, kafka_dev):
    account = sluice.allow_all("device")
    sluice.add_kafka_connection("kafka", kafka_dev.bootstrap)
    sluice.add_kafka_task("flow", "kafka", ["a"], "topic")
    before = sluice.metrics()
    with RawClient(sluice.mqtt) as raw:
        raw.connect("d", username=account.name, password=account.password)
        raw.subscribe("a", qos=0)
        for _ in range(10):
            raw.publish("a", b"x" * 100, qos=1)
        raw.messages(10)
        sluice.wait_task("flow", delivered=10)
        after = sluice.metrics()

    def grown(part):
        names = [name for name in after if part in name]
        assert names, f"no metric {part}: {sorted(after)}"
        return sum(after[name] - before.get(name, 0) for name in names)

    assert grown("sluice_messages_received_total") == 10
    assert grown("sluice_messages_sent_total") == 10
    assert grown("sluice_connections") >= 1
    assert all(name.startswith(("sluice_", "process_")) for name in after), sorted(after)[:5]
    types = [line for line in sluice.rest("GET", "/metrics").body.splitlines()
             if line.startswith("# TYPE")]
    assert any("histogram" in line for line in types)


def test_metrics_may_be_public(make_sluice):
    server = make_sluice({"admin": {"metrics_public": True}})
    assert server.rest("GET", "/metrics", token="").status == 200


def test_health(sluice):
    assert sluice.rest("GET", "/health/live").body["status"]
    assert sluice.rest("GET", "/health/ready").body["status"] == "ready"


def test_openapi_lists_what_there_is(sluice):
    text = sluice.rest("GET", "/openapi.yaml").expect(200)
    assert text.startswith("openapi:") and "3.1" in text.splitlines()[0]
    for path in ("/users", "/policies", "/connections", "/tasks", "/overview"):
        assert path in text


def test_connectors_declare_their_settings(sluice):
    kafka = next(item for item in sluice.get("/connectors")["items"] if item["name"] == "kafka")
    assert "bootstrap_servers" in json.dumps(kafka["connection"])
    assert kafka["source"]["required"] == ["topics"] and kafka["sends_records"]


def test_the_command_line_does_the_same(sluice, kafka_dev, tmp_path):
    def document(name, body):
        path = tmp_path / name
        path.write_text(json.dumps(body))
        return str(path)

    sluice.cli("user", "create", document("u.json", {"name": "meter", "password": "x1"}))
    sluice.cli("policy", "create", document("p.json", GOOD_POLICY))
    sluice.cli("connection", "create", document("c.json", {
        "name": "kafka", "type": "kafka", "settings": {"bootstrap_servers": kafka_dev.bootstrap}}))
    sluice.cli("task", "create", document("t.json", {
        "name": "flow", "source": {"type": "local", "filters": ["a"]}, "map": {"topic": "t"},
        "sink": {"type": "kafka", "connection": "kafka"}}))

    assert sluice.get("/users/meter") and sluice.get("/policies/policy")
    listed = json.loads(sluice.cli("task", "list", "-o", "json").stdout)
    items = listed["items"] if isinstance(listed, dict) else listed
    assert [item["name"] for item in items] == ["flow"]
    assert "flow" in sluice.cli("task", "list").stdout
    sluice.cli("task", "pause", "flow")
    sluice.wait_task("flow", status="paused")
    sluice.cli("task", "start", "flow")
    for noun, name in (("task", "flow"), ("connection", "kafka"), ("policy", "policy"),
                       ("user", "meter")):
        sluice.cli(noun, "delete", name)
    assert sluice.get("/tasks")["items"] == []
    refused = sluice.cli("task", "show", "flow", check=False)
    assert refused.returncode == 1 and "flow" in refused.stderr
    assert sluice.cli("tusk", "list", check=False).returncode == 2


def test_the_command_line_uses_the_token_of_the_data_directory(sluice):
    environment = {key: value for key, value in os.environ.items() if not key.startswith("SLUICE_")}
    environment["SLUICE_URL"] = sluice.url
    done = subprocess.run([str(sluice_binary()), "user", "list", "--data", str(sluice.data)],
                          env=environment, capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 0, done


def test_changes_survive_kill_9(sluice, kafka_dev):
    sluice.add_kafka_connection("kafka", kafka_dev.bootstrap)
    sluice.add_kafka_task("flow", "kafka", ["a"], "topic")
    sluice.add_user("meter")
    before = {path: sluice.get(path) for path in ("/users/meter", "/connections/kafka")}
    identity = sluice.task("flow")["id"]
    sluice.kill9()

    sluice.start()

    for path, document in before.items():
        after = sluice.get(path)
        assert {key: after[key] for key in ("id", "name", "created")} == {
            key: document[key] for key in ("id", "name", "created")}
    assert sluice.task("flow")["id"] == identity
    sluice.wait_task("flow", status="running")


def test_an_administrator_gets_in_whatever_holds_connections(sluice):
    """Silent, idle and slow connections of one address, more than the server takes."""
    host, port = sluice.address("admin")
    held = []
    try:
        for number in range(300):
            connection = socket.create_connection((host, port), timeout=10)
            held.append(connection)
            connection.sendall(("", "GET /health/live HTT",
                                "GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n")[number % 3]
                               .encode())
        assert sluice.rest("GET", "/overview", timeout=5).status == 200
        assert sluice.rest("GET", "/health/live", timeout=5).status == 200
    finally:
        for connection in held:
            connection.close()


def test_a_named_host_reaches_it_and_no_other(make_sluice):
    """Behind a proxy that passes the Host header on; a rebound name is refused."""
    server = make_sluice({"admin": {"host_names": ["mqtt.example.org"]}})
    for host, status in (("mqtt.example.org", 200), ("MQTT.Example.org:443", 200),
                         ("localhost", 200), ("evil.example", 421), ("example.org", 421),
                         ("mqtt.example.org.evil.example", 421)):
        assert server.rest("GET", "/overview", headers={"Host": host}).status == status, host
    login = {"user": "admin", "password": server.administrator.password}
    names = {"Host": "mqtt.example.org", "Origin": "https://mqtt.example.org"}
    answer = server.rest("POST", "/session", login, token="", headers=names)
    cookie = answer.headers["set-cookie"].split(";")[0]
    assert server.rest("POST", "/users", {"name": "x"}, token="",
                       headers={**names, "Cookie": cookie}).status == 201
    names["Origin"] = "https://evil.example"
    assert server.rest("POST", "/users", {"name": "y"}, token="",
                       headers={**names, "Cookie": cookie}).status == 403
