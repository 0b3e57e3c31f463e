"""Dead letters are looked at, sent again and deleted; a preview shows the very record that Kafka
gets. Real Apache Kafka."""
import base64
import json
import secrets

import pytest

from integration.harness import read_topic
from integration.raw_mqtt import RawClient

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def flow(sluice, kafka):
    """A task into a topic that takes only small records; `flow.topic` is its name."""
    topic = f"letters-{secrets.token_hex(4)}"
    kafka.create_topic(topic, 4, {"max.message.bytes": "2000"})
    sluice.account = sluice.allow_all("device")
    sluice.add_kafka_connection("kafka", kafka.bootstrap)
    sluice.add_kafka_task("flow", "kafka", ["flow/#"], topic)
    sluice.topic = topic
    return sluice


def publish(server, payloads):
    with RawClient(server.mqtt) as raw:
        raw.connect("p", username=server.account.name, password=server.account.password)
        for payload in payloads:
            assert raw.publish("flow/p", payload, qos=1).reason < 0x80


def letters(server):
    return server.get("/tasks/flow/dead-letters?limit=1000")["items"]


def large(count):
    return [b"%d:" % number + b"\x00\xff" * 3000 for number in range(count)]


def test_letters_go_once_they_have_arrived(flow, kafka):
    payloads = large(30)
    publish(flow, payloads)
    flow.wait_task("flow", rejected=30, dead_letters=30)
    in_vain = flow.rest("POST", "/tasks/flow/dead-letters:redrive", {"all": True}).expect(200)
    assert in_vain["refused"] == 30 and in_vain["left"] == 30 and not in_vain["ok"], in_vain
    assert letters(flow)[0]["attempts"] == 2

    kafka.set_topic_config(flow.topic, {"max.message.bytes": "100000"})
    ids = [letter["message_id"] for letter in letters(flow)]
    one = flow.rest("POST", f"/tasks/flow/dead-letters/{ids[3]}:redrive").expect(200)
    assert one["redriven"] == 1 and one["left"] == 29, one
    rest = flow.rest("POST", "/tasks/flow/dead-letters:redrive", {"all": True}).expect(200)
    assert rest["ok"] and rest["redriven"] == 29 and rest["left"] == 0, rest

    records = read_topic(kafka.bootstrap, flow.topic, count=30, settle=0.5)
    assert sorted(record.value for record in records) == sorted(payloads)
    assert {record.header("mqtt.message_id") for record in records} == set(ids)
    assert {record.key for record in records} == {b"p"}
    flow.kill9()
    flow.start()
    assert letters(flow) == []


def test_letters_wait_while_kafka_is_away(flow, kafka):
    publish(flow, large(2))
    flow.wait_task("flow", dead_letters=2)
    kafka.set_topic_config(flow.topic, {"max.message.bytes": "100000"})
    kafka.kill9()
    report = flow.rest("POST", "/tasks/flow/dead-letters:redrive", {"all": True}, timeout=90)
    kafka.start()
    assert report.status == 200 and not report.body["ok"] and report.body["stopped"], report
    assert len(letters(flow)) == report.body["left"] == 2
    again = flow.rest("POST", "/tasks/flow/dead-letters:redrive", {"all": True}, timeout=90)
    assert again.expect(200)["left"] == 0, again


def test_letters_from_the_command_line(flow, kafka):
    publish(flow, large(3))
    flow.wait_task("flow", dead_letters=3)
    ids = [letter["message_id"] for letter in letters(flow)]

    assert ids[0] in flow.cli("dead-letter", "list", "flow").stdout
    shown = json.loads(flow.cli("dead-letter", "show", "flow", ids[0], "-o", "json").stdout)
    assert base64.b64decode(shown["payload"]) == large(1)[0]
    assert flow.cli("dead-letter", "redrive", "flow", ids[0], check=False).returncode == 1
    kafka.set_topic_config(flow.topic, {"max.message.bytes": "100000"})
    flow.cli("dead-letter", "redrive", "flow", ids[0])
    assert len(letters(flow)) == 2
    flow.cli("dead-letter", "delete", "flow", ids[1])
    assert flow.cli("dead-letter", "delete", "flow", ids[1], check=False).returncode == 1
    flow.cli("dead-letter", "redrive", "flow", "--all")
    assert letters(flow) == []
    assert flow.cli("dead-letter", "redrive", "flow", check=False).returncode == 2
    read_topic(kafka.bootstrap, flow.topic, count=2)


def test_wrong_requests_say_what_is_right(flow):
    path = "/tasks/flow/dead-letters"
    for body in ({}, {"all": True, "message_ids": ["0" * 32]}, {"message_ids": ["x"]},
                 {"message_ids": []}, {"some": 1}):
        answer = flow.rest("POST", path + ":redrive", body)
        assert answer.status == 422 and answer.body["fields"], answer
    assert flow.rest("GET", f"{path}/{'0' * 32}").status == 404
    assert flow.rest("POST", f"{path}/{'0' * 32}:redrive").status == 404
    assert flow.rest("DELETE", f"{path}/x").status == 404
    assert flow.rest("DELETE", path).status == 204


def test_the_preview_is_what_kafka_gets(flow, kafka, tmp_path):
    """Of a stored message: topic, partition, key, headers in their order, value, timestamp."""
    publish(flow, [b'{"kind": "a", "n": 1}'])
    (record,) = read_topic(kafka.bootstrap, flow.topic, count=1)
    message_id = record.header("mqtt.message_id")
    shown = flow.rest("POST", "/tasks:preview",
                      {"task": "flow", "message_id": message_id}).expect(200)
    assert shown["ok"] and shown["matches"], shown
    made = shown["record"]
    assert (made["topic"], made["partition"]) == (flow.topic, record.partition)
    assert base64.b64decode(made["key_base64"]) == record.key
    assert base64.b64decode(made["value_base64"]) == record.value
    assert [(header["name"], base64.b64decode(header["value_base64"]))
            for header in made["headers"]] == record.headers

    document = {key: value for key, value in flow.task("flow").items()
                if key in ("source", "map", "sink", "delivery", "description", "enabled")}
    document["name"] = "new"
    document["map"]["topic"] = "to.${payload.kind}"
    sample = {"topic": "other/x", "payload": '{"kind": "b"}', "client_id": "c",
              "user_properties": {"a": "1"}}
    unsaved = {"task": document, "message": sample}
    shown = flow.rest("POST", "/tasks:preview", unsaved).expect(200)
    assert shown["ok"] and not shown["matches"] and shown["record"]["topic"] == "to.b", shown
    assert shown["record"]["partition"] is None and "to.b" in shown["note"], shown
    assert {"name": "a", "value": "1", "value_base64": "MQ=="} in shown["record"]["headers"]
    assert flow.rest("GET", "/tasks/new").status == 404

    sample["payload"] = "no JSON"
    shown = flow.rest("POST", "/tasks:preview", unsaved).expect(200)
    assert not shown["ok"] and shown["error"]["becomes"] == "dead_letter", shown
    assert "not JSON" in shown["error"]["detail"], shown
    file = tmp_path / "preview.json"
    file.write_text(json.dumps(unsaved))
    assert flow.cli("task", "preview", "-f", str(file), check=False).returncode == 1

    document["map"]["topic"] = flow.topic
    sample["payload"] = "x" * 5000
    shown = flow.rest("POST", "/tasks:preview", unsaved).expect(200)
    assert not shown["ok"] and "max.message.bytes 2000" in shown["error"]["detail"], shown


def test_a_wrong_preview_says_what_is_right(flow):
    for body, pointer in (({"task": "flow"}, "/message"), ({"message": {"topic": "t"}}, "/task"),
                          ({"task": 1, "message": {"topic": "t"}}, "/task"),
                          ({"task": "flow", "message_id": "x"}, "/message_id"),
                          ({"task": "flow", "message": {"topic": "a/#"}}, "/message/topic"),
                          ({"task": {"name": "n"}, "message": {"topic": "t"}}, "/sink/type")):
        answer = flow.rest("POST", "/tasks:preview", body)
        assert answer.status == 422, answer
        assert pointer in [field["pointer"] for field in answer.body["fields"]], answer
    assert flow.rest("POST", "/tasks:preview",
                     {"task": "nobody", "message": {"topic": "t"}}).status == 404
