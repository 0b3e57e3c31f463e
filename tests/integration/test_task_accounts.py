"""Tasks that run as a user of their own: made together with it, checked before they are saved, and
held while a right is missing. Real processes; the other side is a folder, or another server."""
import json
import secrets
import threading
import time

import pytest

from integration.harness import wait_until
from integration.ledger import Publisher, check, numbers_of
from integration.raw_mqtt import RawClient

pytestmark = pytest.mark.timeout(120)


def document(name="files", filters=("flow/#",), **more):
    return {"name": name, "source": {"type": "local", "filters": list(filters)},
            "map": {"topic": "${topic[0]}"},
            "sink": {"type": "file", "folder": name}, **more}


def lines(server, name="files"):
    folder = server.data / "files" / name
    return [json.loads(line) for path in sorted(folder.iterdir())
            for line in path.read_text().splitlines()]


def names(server, path):
    return {item["name"] for item in server.get(f"{path}?limit=1000")["items"]}


def policy_of(server, name):
    return {key: value for key, value in server.get(f"/policies/{name}").items()
            if key not in ("id", "created", "updated")}


def create(server, task):
    return server.rest("POST", "/tasks?create_account=true", task)


def test_an_account_is_made_with_its_task_and_goes_with_it(sluice, tmp_path):
    device = sluice.allow_all("device")
    file = tmp_path / "task.json"
    file.write_text(json.dumps(document()))
    sluice.cli("task", "create", "--create-account", str(file))

    task = sluice.task("files")
    assert task["account"] == "task-files" and task["account_made"], task
    policy = sluice.get("/policies/task-files")
    assert {key: policy[key] for key in ("effect", "operations", "resources", "users")} == {
        "effect": "allow", "operations": ["subscribe"], "resources": ["flow/#"],
        "users": ["task-files"]}
    assert "password" not in sluice.get("/users/task-files")
    with RawClient(sluice.mqtt) as raw:
        assert raw.connect("c", username="task-files", password="").reason == 0x86
    with Publisher(sluice.mqtt, "p", "flow/p", 1, rate=200, username=device.name,
                   password=device.password) as publisher:
        publisher.wait_acknowledged(20)
        publisher.finish()
    sluice.wait_task("files", status="running", lag_messages=0)
    assert sluice.task("files")["delivered"] == len(publisher.acknowledged)

    sluice.delete("/tasks/files")
    assert names(sluice, "/users") == {"device"} and names(sluice, "/policies") == {"all-device"}


def test_a_task_whose_account_lacks_a_right_is_not_saved(sluice):
    sluice.add_user("reader")
    sluice.add_policy("readers", operations=["subscribe"], resources=["flow/#"], users=["reader"])

    refused = sluice.rest("POST", "/tasks", document(filters=["flow/#", "other/#"],
                                                     account="reader"))
    assert refused.status == 422 and refused.body["code"] == "account_lacks_right", refused
    field, = refused.body["fields"]
    assert field["pointer"] == "/source/filters/1" and "no policy allows it" in field["detail"]
    unknown = sluice.rest("POST", "/tasks", document(account="nobody"))
    assert unknown.status == 422 and unknown.body["fields"][0]["pointer"] == "/account", unknown
    sluice.create("/tasks", document(account="reader"))
    wider = sluice.rest("PATCH", "/tasks/files", {"source": {"filters": ["#"]}})
    assert wider.status == 422 and wider.body["code"] == "account_lacks_right", wider

    sluice.add_policy("nobody-reads", effect="deny", operations=["subscribe"],
                      resources=["other/#"])
    denied = create(sluice, document("denied", ["other/#"]))
    assert denied.status == 422 and "`nobody-reads` denies it" in denied.body["fields"][0]["detail"]
    assert names(sluice, "/users") == {"reader"}
    assert names(sluice, "/policies") == {"readers", "nobody-reads"}
    assert names(sluice, "/tasks") == {"files"}


def test_a_right_that_is_taken_away_holds_the_task_until_it_is_back(sluice):
    device = sluice.allow_all("device")
    assert create(sluice, document()).status == 201
    publisher = Publisher(sluice.mqtt, "p", "flow/p", 1, rate=500, username=device.name,
                          password=device.password)
    with publisher:
        publisher.wait_acknowledged(100)
        policy = policy_of(sluice, "task-files")
        for _ in range(2):
            sluice.delete("/policies/task-files")
            held = sluice.wait_task("files", status="waiting", in_flight=0)
            assert "`task-files` may not subscribe to `flow/#`: no policy allows it" in \
                held["status_reason"], held
            publisher.wait_acknowledged(len(publisher.acknowledged) + 100)
            later = sluice.task("files")
            assert later["delivered"] == held["delivered"] and later["lag_messages"] >= 50, later
            label = f'{{task="files",task_id="{later["id"]}"}}'
            assert sluice.metrics()["sluice_task_up" + label] == 0
            sluice.create("/policies", policy)
            sluice.wait_task("files", status="running")
        publisher.finish()
    sluice.wait_task("files", status="running", lag_messages=0)
    told = [event for event in sluice.get("/tasks/files/events?limit=100")["items"]
            if event["event"] == "task.waiting"]
    assert told and all("no policy allows it" in event["reason"] for event in told), told
    numbers = numbers_of("p", [line["value"].encode() for line in lines(sluice)])
    assert check(publisher, numbers, "files") == 0


def test_a_task_that_is_held_is_held_after_a_kill(sluice):
    device = sluice.allow_all("device")
    assert create(sluice, document()).status == 201
    policy = policy_of(sluice, "task-files")
    sluice.delete("/policies/task-files")
    sluice.wait_task("files", status="waiting")
    publisher = Publisher(sluice.mqtt, "p", "flow/p", 1, rate=100, username=device.name,
                          password=device.password)
    with publisher:
        publisher.wait_acknowledged(20)
        sluice.kill9()
        sluice.start()
        sluice.wait_task("files", status="waiting")
        publisher.wait_acknowledged(len(publisher.acknowledged) + 20)
        assert sluice.task("files")["delivered"] == 0
        sluice.create("/policies", policy)
        publisher.finish()
    sluice.wait_task("files", status="running", lag_messages=0)
    numbers = numbers_of("p", [line["value"].encode() for line in lines(sluice)])
    check(publisher, numbers, "files")
    # The publisher sent some again, as it had no answer before the kill; the task sent none twice.
    stored = sluice.get("/messages?filter=flow/%23&limit=1000")["items"]
    assert len(numbers) == len(stored) < 1000


def test_what_a_narrower_deny_takes_away_is_passed_over_and_counted(sluice):
    device = sluice.allow_all("device")
    assert create(sluice, document()).status == 201
    sluice.add_policy("no-secrets", effect="deny", operations=["subscribe"],
                      resources=["flow/secret"], users=["task-files"])
    with RawClient(sluice.mqtt) as raw:
        raw.connect("d", username=device.name, password=device.password)
        for topic in ("flow/a", "flow/secret", "flow/b"):
            assert raw.publish(topic, b"x", qos=1).reason == 0
    sluice.wait_task("files", status="running", lag_messages=0, delivered=2, denied=1)


def test_copies_of_dead_letters_go_only_to_where_the_account_may_publish(sluice):
    device = sluice.allow_all("device")
    copied = {"delivery": {"dead_letter_copy": {"type": "local", "topic": "letters/${topic[1]}"}},
              "map": {"topic": "${payload.kind}"}}
    sluice.add_user("reader")
    sluice.add_policy("readers", operations=["subscribe"], resources=["flow/#"], users=["reader"])
    refused = sluice.rest("POST", "/tasks", {**document(account="reader"), **copied})
    assert refused.status == 422 and refused.body["code"] == "account_lacks_right", refused
    assert [field["pointer"] for field in refused.body["fields"]] == [
        "/delivery/dead_letter_copy/topic"], refused

    made = create(sluice, {**document(), **copied})
    assert made.status == 201 and made.body["account"] == "task-files", made
    edited = sluice.rest("PATCH", "/tasks/files", {
        "delivery": {"dead_letter_copy": {"topic": "elsewhere"}}})
    assert edited.status == 422 and "may not publish `elsewhere`" in \
        edited.body["fields"][0]["detail"], edited
    denied = {"name": "not-there", "effect": "deny", "operations": ["publish"],
              "resources": ["letters/secret"], "users": ["task-files"]}
    sluice.create("/policies", denied)
    with RawClient(sluice.mqtt) as raw:
        raw.connect("d", username=device.name, password=device.password)
        raw.subscribe("letters/#", qos=1)
        for topic in ("flow/a", "flow/secret", "flow/b"):
            assert raw.publish(topic, b"no JSON", qos=1).reason == 0
        assert [message.topic for message in raw.messages(2)] == ["letters/a", "letters/b"]
        task = sluice.wait_task("files", dead_letters=3, dead_letter_copies=lambda copies: (
            copies["copied"], copies["waiting"], copies["refused"]) == (2, 1, 1))
        assert "`not-there` denies it" in task["dead_letter_copies"]["last_error"], task
        assert task["status"] == "running", task

        sluice.delete("/policies/not-there")
        assert [message.topic for message in raw.messages(1)] == ["letters/secret"]
    sluice.wait_task("files", dead_letters=3, dead_letter_copies=lambda copies: (
        copies["copied"], copies["waiting"]) == (3, 0))
    sluice.delete("/tasks/files")
    assert names(sluice, "/policies") == {"all-device", "readers"}


def test_killed_while_it_is_made(make_sluice):
    """Afterwards there is a task with its account, or neither."""
    server = make_sluice()
    for round_ in range(4):
        name = f"t{round_}"
        asking = threading.Thread(target=_ignore, args=(server, document(name)))
        asking.start()
        time.sleep(secrets.randbelow(120) / 1000)
        server.kill9()
        asking.join()
        server.start()
        accounts = {f"task-{task}" for task in names(server, "/tasks")}
        assert names(server, "/users") == names(server, "/policies") == accounts
    assert create(server, document("last")).status == 201
    server.kill9()
    server.start()
    assert "task-last" in names(server, "/users") and "task-last" in names(server, "/policies")
    for task in names(server, "/tasks"):
        server.delete(f"/tasks/{task}")
    assert not names(server, "/users") and not names(server, "/policies")


def _ignore(server, task):
    try:
        create(server, task)
    except OSError:
        pass


def test_what_comes_in_is_published_as_the_account(make_sluice):
    here, there = make_sluice(name="here"), make_sluice(name="there")
    bridge = there.allow_all("bridge")
    reader = here.allow_all("reader")
    host, port = there.mqtt
    here.create("/connections", {"name": "there", "type": "mqtt", "settings": {
        "host": host, "port": port, "username": bridge.name, "password": bridge.password}})
    made = create(here, {
        "name": "in", "source": {"type": "mqtt", "connection": "there", "filters": ["flow/#"]},
        "map": {"topic": "in/${topic}"}, "sink": {"type": "local"}})
    assert made.status == 201 and made.body["account"] == "task-in", made
    assert here.get("/policies/task-in")["resources"] == ["in/#"]
    here.wait_task("in", status="running")
    here.add_policy("not-there", effect="deny", operations=["publish"], resources=["in/flow/secret"],
                    users=["task-in"])

    with RawClient(here.mqtt) as subscriber, RawClient(there.mqtt) as device:
        subscriber.connect("s", username=reader.name, password=reader.password)
        subscriber.subscribe("in/#", qos=1)
        device.connect("d", username=bridge.name, password=bridge.password)

        device.publish("flow/secret", b"secret", qos=1)
        device.publish("flow/a", b"1", qos=1)
        came, = subscriber.messages(1)
        assert (came.topic, came.payload) == ("in/flow/a", b"1")
        letter, = wait_until(lambda: here.get("/tasks/in/dead-letters")["items"], "a dead letter")
        assert letter["class"] == "denied" and "`not-there` denies it" in letter["reason"], letter

        policy = policy_of(here, "task-in")
        here.delete("/policies/task-in")
        held = here.wait_task("in", status="waiting")
        assert "may not publish anything" in held["status_reason"], held
        device.publish("flow/b", b"2", qos=1)
        here.create("/policies", policy)
        came, = subscriber.messages(1)
        assert (came.topic, came.payload) == ("in/flow/b", b"2")
    found = here.wait_task("in", status="running", delivered=2, rejected=1)
    assert found["dead_letters"] == 1, found
