"""Messages found, shown, traced and published, over REST and from the command line."""
import base64
import datetime
import json
import time
import urllib.parse

import pytest

from integration import raw_mqtt as mqtt
from integration.harness import wait_until
from integration.raw_mqtt import RawClient

EXPIRY = [(mqtt.SESSION_EXPIRY, 3600)]
pytestmark = pytest.mark.timeout(180)


def query(**parameters):
    return "/messages?" + urllib.parse.urlencode(parameters)


def find(server, **parameters):
    """All pages."""
    items, page = [], {}
    while True:
        answer = server.rest("GET", query(**parameters, **page)).expect(200)
        items += answer["items"]
        if answer["next"] is None:
            return items
        page = {"page": answer["next"]}


def payloads(server, **parameters):
    return [item["payload"] for item in find(server, **parameters)]


def states(trace):
    """Consumer -> state."""
    found = {session["client_id"]: session["state"] for session in trace["sessions"]}
    found |= {group["name"]: group["state"] for group in trace["groups"]}
    return found | {task["name"]: task["state"] for task in trace["tasks"]}


def now():
    return datetime.datetime.now(datetime.timezone.utc).isoformat().replace("+00:00", "Z")


@pytest.fixture
def open_sluice(tmp_path, sluice_on):
    return sluice_on(tmp_path / "data", {"access": {"enabled": False}})


def test_messages_are_found_by_topic_and_time_before_and_after_kill_9(open_sluice):
    server = open_sluice
    with RawClient(server.mqtt) as client:
        client.connect("meter")
        for number in range(300):
            topic = f"plant/{number % 30}/state"
            assert client.publish(topic, b"%d" % number, qos=1).reason < 0x80
        time.sleep(0.01)  # a later millisecond
        middle = now()
        for number in range(300, 600):
            topic = "plant/7/alarm" if number == 450 else f"plant/{number % 30}/state"
            assert client.publish(topic, b"%d" % number, qos=1).reason < 0x80

    def check():
        of_seven = [str(number) for number in range(7, 600, 30)]
        assert payloads(server, filter="plant/7/state", order="oldest") == of_seven
        assert payloads(server, filter="plant/7/state", limit=3) == of_seven[::-1]
        assert payloads(server, filter="plant/7/state", order="oldest", **{"from": middle}) == \
            [number for number in of_seven if int(number) >= 300]
        assert payloads(server, filter="plant/7/state", to=middle, order="oldest") == \
            [number for number in of_seven if int(number) < 300]
        assert payloads(server, filter="plant/+/alarm") == ["450"]
        assert payloads(server, filter="nobody/#") == []
        assert len(find(server, limit=1000)) == 600

    check()
    before = find(server, filter="plant/7/#")
    server.kill9()
    server.start()
    check()
    assert find(server, filter="plant/7/#") == before, "ids and all stay the same"
    for item in before[:3]:
        shown = server.get(f"/messages/{item['id']}")
        assert shown["payload"] == item["payload"] and shown["client_id"] == "meter"
        assert base64.b64decode(shown["payload_base64"]) == item["payload"].encode()


def test_a_trace_follows_a_message_through_sessions_and_groups(open_sluice):
    server = open_sluice
    with RawClient(server.mqtt) as away, RawClient(server.mqtt) as member, \
            RawClient(server.mqtt) as reader:
        away.connect("away", clean=False, properties=EXPIRY)
        away.subscribe("plant/#", qos=1)
        away.disconnect()
        member.connect("member", clean=False, properties=EXPIRY)
        member.subscribe("$share/team/plant/+", qos=1)
        reader.connect("reader", clean=False, properties=EXPIRY)
        reader.subscribe("plant/1", qos=2)

        server.rest("PUT", "/tracing", {"filters": ["plant/#"]}).expect(200)
        made = server.rest("POST", "/messages", {"topic": "plant/1", "payload": "x", "qos": 2})
        message = made.expect(201)["id"]
        assert made.headers["location"] == f"/api/v1/messages/{message}"

        def trace():
            return server.get(f"/messages/{message}/trace")

        assert trace()["durable"] and trace()["received"]["client_id"] == "administration"
        wait_until(lambda: states(trace()) ==
                   {"away": "waiting", "team": "in_flight", "reader": "in_flight"}, "on its way")
        assert [m.payload for m in member.messages(1)] == [b"x"]
        assert [m.payload for m in reader.messages(1)] == [b"x"]
        wait_until(lambda: states(trace()) ==
                   {"away": "waiting", "team": "passed", "reader": "passed"}, "acknowledged")
        times = trace()["times"]
        assert {(t["client_id"], t["event"]) for t in times} == {
            ("member", "sent"), ("member", "acknowledged"),
            ("reader", "sent"), ("reader", "acknowledged")}

    time.sleep(1)  # acknowledgements of QoS 1 are written within 100 ms
    server.create("/messages", {"topic": "other"})  # and with this one they are durable
    server.kill9()
    server.start()
    after = trace()
    assert after["times"] is None, "times end with the process"
    assert states(after)["away"] == "waiting" and states(after)["team"] == "passed"
    assert states(after)["reader"] == "passed"
    with RawClient(server.mqtt) as away:
        away.connect("away", clean=False, properties=EXPIRY)
        assert [m.payload for m in away.messages(1)] == [b"x"]
        wait_until(lambda: states(trace())["away"] == "passed", "delivered at last")


def test_a_trace_names_the_tasks(sluice, kafka_dev):
    sluice.add_kafka_connection("kafka", kafka_dev.bootstrap)
    sluice.add_kafka_task("flow", "kafka", ["plant/#"], "topic")
    sluice.wait_task("flow", status="running")

    def publish(topic):
        return sluice.create("/messages", {"topic": topic, "payload": "x"})["id"]

    def task_states(message):
        return states(sluice.get(f"/messages/{message}/trace"))

    message = publish("plant/1")
    wait_until(lambda: task_states(message) == {"flow": "passed"}, "delivered")
    assert task_states(publish("other")) == {}
    sluice.act("/tasks/flow:pause")
    assert task_states(publish("plant/2")) == {"flow": "waiting"}


def test_what_retention_deleted_is_gone_and_says_so(tmp_path, sluice_on):
    server = sluice_on(tmp_path / "data", {
        "access": {"enabled": False}, "mqtt": {"maximum_packet_size": "128KiB"},
        "store": {"segment_bytes": "1MiB", "cache_bytes": "1MiB", "retention": {"bytes": "8MiB"}}})
    with RawClient(server.mqtt) as client:
        client.connect("filler")
        client.publish("first", b"1", qos=1)
        first = find(server, filter="first")[0]["id"]
        for number in range(200):
            client.publish("filler", b"%d " % number + b"x" * 100_000, qos=1)
            if number % 20 == 0:
                time.sleep(0.02)
        wait_until(lambda: server.rest("GET", f"/messages/{first}").status == 404, "deleted", 60)
    problem = server.rest("GET", f"/messages/{first}/trace").body
    assert problem["code"] == "not_found" and "retention" in problem["detail"]
    assert find(server, filter="first") == []
    left = find(server, filter="filler", order="oldest")
    assert 0 < len(left) < 200 and left[-1]["payload"].startswith("199 ")
    assert left[-1]["truncated"] and len(left[-1]["payload"]) == 1024


def test_publishing_asks_the_policies_of_the_user(sluice):
    sluice.add_user("meter", "secret-1")
    sluice.add_policy("out", effect="allow", operations=["publish"], resources=["meters/#"],
                      users=["meter"])
    post = {"topic": "meters/1", "payload": "1", "username": "meter"}
    message = sluice.rest("POST", "/messages", post).expect(201)["id"]
    assert sluice.get(f"/messages/{message}")["username"] == "meter"
    refused = sluice.rest("POST", "/messages", post | {"topic": "other"})
    assert refused.status == 403 and refused.body["code"] == "not_allowed"
    assert sluice.rest("POST", "/messages", post | {"username": "nobody"}).status == 422
    assert sluice.rest("POST", "/messages", {"topic": "other", "payload": "1"}).status == 201
    assert sluice.rest("POST", "/messages", {"topic": "$SYS/x", "payload": "1"}).status == 403
    assert sluice.rest("GET", "/messages?filter=a/%23/b").status == 400
    assert sluice.rest("GET", "/messages", token="").status == 401


def as_user(server, message, login="meter:secret-1"):
    """An MQTT user publishes by REST, with its own name and password."""
    basic = base64.b64encode(login.encode()).decode()
    return server.rest("POST", "/messages", message, token="",
                       headers={"Authorization": f"Basic {basic}"})


def test_a_user_publishes_by_rest_as_its_client_would(sluice):
    sluice.add_user("meter", "secret-1")
    sluice.add_user("other", "secret-2")
    sluice.add_policy("out", operations=["publish"], resources=["meters/${client_id}/#"],
                      users=["meter"], qos=[0, 1], message_types=["general"])
    post = {"topic": "meters/m-1/state", "payload": "1", "client_id": "m-1"}
    refused = as_user(sluice, post).expect(403)  # it could not connect either
    assert refused["code"] == "not_allowed" and "connect" in refused["detail"]
    sluice.add_policy("may-connect", operations=["connect"], client_ids=["m-*"])
    message = as_user(sluice, post).expect(201)["id"]
    stored = sluice.get(f"/messages/{message}")
    assert (stored["username"], stored["client_id"]) == ("meter", "m-1")

    as_user(sluice, post, "meter:wrong").expect(401)
    as_user(sluice, post, "admin:" + sluice.administrator.password).expect(401)
    as_user(sluice, post | {"username": "other"}).expect(422)
    for wrong in ({"qos": 2}, {"retain": True}, {"topic": "meters/m-2/state"},
                  {"client_id": "m-2"}, {"client_id": "x-1"}, {"topic": "$SYS/x"}):
        assert as_user(sluice, post | wrong).status == 403, wrong
    with RawClient(sluice.mqtt) as raw:  # of another user: its client id is taken
        assert raw.connect("m-1", username="other", password="secret-2").reason == 0
        refused = as_user(sluice, post).expect(403)
        assert "another user" in refused["detail"]
    wait_until(lambda: as_user(sluice, post).status == 201, "the server knows that it left")
    sluice.create("/block-rules", {"name": "stolen", "type": "user", "value": "meter"})
    assert "block rule" in as_user(sluice, post).expect(403)["detail"]
    assert sluice.metrics()["sluice_publishes_refused_total"] >= 8


def test_a_user_publishes_by_rest_no_faster_than_by_mqtt(make_sluice):
    server = make_sluice({"mqtt": {"messages_per_second_per_client": 1}})
    server.allow_all("meter", "secret-1")
    post = {"topic": "a", "payload": "1"}
    as_user(server, post).expect(201)  # its password is known from here on
    answers = [as_user(server, post | {"client_id": f"c-{number}"}) for number in range(30)]
    too_fast = [answer for answer in answers if answer.status == 429]
    assert too_fast, "30 messages at once, and one a second allowed"
    assert too_fast[0].body["code"] == "too_many_messages"
    assert int(too_fast[0].headers["retry-after"]) >= 1
    assert {answer.status for answer in answers} <= {201, 429}
    wait_until(lambda: as_user(server, post).status == 201, "it may publish again")
    for _ in range(20):  # an administrator as itself
        server.create("/messages", post)


def test_with_the_switch_off_nobody_publishes_by_rest_without_a_login(make_sluice):
    server = make_sluice({"access": {"enabled": False}})
    post = {"topic": "a", "payload": "1"}
    as_user(server, post, "anybody:anything").expect(401)
    server.create("/messages", post)


def test_the_command_line_finds_shows_traces_and_publishes(sluice, tmp_path):
    payload = tmp_path / "payload"
    payload.write_bytes(b"\x00\xff binary")
    done = sluice.cli("message", "publish", "plant/7/set", "--payload", "21", "-o", "json")
    message = json.loads(done.stdout)["id"]
    sluice.cli("message", "publish", "plant/8/set", "-f", str(payload), "--qos", "2")

    table = sluice.cli("message", "list", "--filter", "plant/7/#").stdout
    assert message in table and "plant/7/set" in table and "plant/8" not in table
    listed = json.loads(sluice.cli("message", "list", "--limit", "1", "-o", "json").stdout)
    assert [item["topic"] for item in listed["items"]] == ["plant/8/set"]
    assert base64.b64decode(listed["items"][0]["payload_base64"]) == payload.read_bytes()
    assert "plant/7/set" in sluice.cli("message", "show", message).stdout
    assert "durable" in sluice.cli("message", "trace", message).stdout
    wrong = sluice.cli("message", "list", "--from", "yesterday", check=False)
    assert wrong.returncode == 1 and "from must be a time" in wrong.stderr
