"""What a task makes of messages: which it carries, and what their records are. Real Apache Kafka."""
import json
import secrets

import pytest

from integration.harness import read_topic
from integration.raw_mqtt import RawClient, USER_PROPERTY

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def flow(sluice, kafka):
    """A function that makes the task `flow` into a topic of its own, and publishes through it."""
    account = sluice.allow_all("device")
    sluice.add_kafka_connection("kafka", kafka.bootstrap)

    class Flow:
        server = sluice
        topic = f"mapping-{secrets.token_hex(4)}"

        def make(self, name="flow", **sections):
            kafka.create_topic(self.topic, 1)
            sluice.add_kafka_task(name, "kafka", ["flow/#"], self.topic, **sections)

        def publish(self, *messages):
            with RawClient(sluice.mqtt) as raw:
                raw.connect("p", username=account.name, password=account.password)
                for payload, qos, properties in messages:
                    raw.publish("flow/p", payload, qos=qos, properties=properties)

        def records(self, count):
            return read_topic(kafka.bootstrap, self.topic, count=count, settle=0.5)

    return Flow()


def test_a_condition_chooses_what_is_carried(flow):
    flow.make(where="$qos >= 1 AND payload.t > 20 AND COALESCE(site, 'a') = 'a'",
              delivery={"rejected": "dead_letter"})
    hot = [json.dumps({"t": 20 + number}) for number in range(10)]
    flow.publish(*[(payload, 1, None) for payload in hot],
                 (b'{"t": 99}', 0, None),
                 (b"not JSON", 1, None),
                 (b'{"t": null}', 1, None),
                 (b'{"t": 77}', 1, [(USER_PROPERTY, ("site", "b"))]),
                 (b'{"t": 88}', 1, [(USER_PROPERTY, ("site", "b")), (USER_PROPERTY, ("site", "a"))]))
    task = flow.server.wait_task("flow", delivered=10, filtered=5, lag_messages=0)
    assert (task["rejected"], task["dead_letters"]) == (0, 0), task
    values = [record.value.decode() for record in flow.records(10)]
    assert values == hot[1:] + ['{"t": 88}']

    # The cursor is behind what was passed over: after a restart none of it is counted again.
    flow.server.restart()
    flow.publish((b'{"t": 21.5}', 1, None))
    flow.server.wait_task("flow", delivered=11, filtered=5, lag_messages=0)
    assert len(flow.records(11)) == 11


def test_a_wrong_condition_is_told_when_it_is_saved(flow):
    flow.make()
    answer = flow.server.rest("PATCH", "/tasks/flow", {"where": "$qos >= 1 AND\n payload.t >"})
    assert answer.status == 422, answer
    (problem,) = answer.body["fields"]
    assert problem["pointer"] == "/where", problem
    assert problem["detail"].startswith("line 2, column 13: expected a value"), problem
    assert flow.server.task("flow")["where"] == ""


def test_a_preview_says_why_a_message_is_passed_over(flow):
    flow.make(where="payload.t > 20 AND site = 'a'")
    ask = {"task": "flow", "message": {"topic": "flow/p", "payload": '{"t": 21}'}}
    shown = flow.server.rest("POST", "/tasks:preview", ask).expect(200)
    assert not shown["ok"] and shown["where"] == "unknown", shown
    assert shown["error"] == {"detail": "the condition is unknown; this message has no site",
                              "becomes": "filtered"}, shown
    ask["message"]["payload"] = '{"t": 20}'
    assert flow.server.rest("POST", "/tasks:preview", ask).expect(200)["where"] == "false"


def test_cloud_events_in_both_modes(flow):
    flow.make(map={"value": "cloudevents", "headers": "none"})
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    flow.publish((b'{"t": 21}', 1, [(USER_PROPERTY, ("traceparent", trace))]), (b"\x00\xff", 1, None))
    as_json, as_bytes = flow.records(2)
    assert as_json.headers == [("content-type", b"application/cloudevents+json; charset=UTF-8")]
    event = json.loads(as_json.value)
    assert event["specversion"] == "1.0" and event["subject"] == "flow/p", event
    assert event["data"] == {"t": 21} and event["traceparent"] == trace, event
    assert json.loads(as_bytes.value)["data_base64"] == "AP8="

    flow.server.rest("PATCH", "/tasks/flow", {
        "map": {"value": "raw", "headers": "cloudevents"}}).expect(200, 202)
    flow.publish((b'{"t": 22}', 1, [(USER_PROPERTY, ("traceparent", trace))]))
    binary = flow.records(3)[2]
    assert binary.value == b'{"t": 22}'
    assert binary.header("ce_type") == "mqtt.publish" and binary.header("ce_specversion") == "1.0"
    assert binary.header("ce_traceparent") == binary.header("traceparent") == trace
    assert binary.header("ce_id") not in (None, event["id"])


def test_an_integration_of_tbmq_is_imported_as_it_is(flow, kafka):
    flow.make()
    integration = {
        "name": "Flow #1", "type": "KAFKA", "enabled": True,
        "configuration": {
            "topicFilters": ["flow/#"], "metadata": {"site": "north"},
            "clientConfiguration": {
                "bootstrapServers": kafka.bootstrap, "topic": flow.topic, "key": None,
                "sendOnlyMsgPayload": False, "clientIdPrefix": "tbmq-ie", "retries": 0,
                "batchSize": 16384, "linger": 0, "bufferMemory": 33554432, "acks": "1",
                "compression": "lz4", "kafkaHeaders": {"from": "tbmq"},
                "kafkaHeadersCharset": "UTF-8", "otherProperties": {"max.block.ms": "1000"}}}}
    made = flow.server.rest("POST", "/imports/tbmq", integration).expect(201)
    assert made["task"]["title"] == made["connection"]["title"] == "Flow #1", made
    assert any("`acks`" in note for note in made["notes"]), made
    flow.server.rest("DELETE", "/tasks/flow").expect(204)
    flow.publish((b"hello", 1, None))
    record = flow.records(1)[0]
    envelope = json.loads(record.value)
    assert list(envelope)[:3] == ["payload", "topicName", "clientId"], envelope
    assert envelope["metadata"] == {"integrationName": "Flow--1", "site": "north"}, envelope
    assert (record.key, record.header("from")) == (None, "tbmq")

    again = flow.server.rest("POST", "/imports/tbmq", integration)
    assert again.status == 409, again
    integration["name"] = "other"
    integration["configuration"]["clientConfiguration"]["otherProperties"] = {
        "ssl.truststore.location": "/etc/passwd"}
    refused = flow.server.rest("POST", "/imports/tbmq", integration)
    assert refused.status == 422 and "truststore" in refused.body["fields"][0]["pointer"], refused
    assert flow.server.rest("POST", "/imports/nobody", {}).status == 404
    names = [item["name"] for item in flow.server.get("/connections")["items"]]
    assert names == ["Flow--1", "kafka"], names


def test_a_flow_of_emqx_is_imported(flow, kafka):
    flow.make()
    foreign = {
        "action": {"type": "kafka_producer", "name": "from emqx", "enable": True,
                   "connector": "k", "parameters": {
                       "topic": flow.topic, "message": {"key": "${.clientid}",
                                                        "value": "${.topic}=${.payload.t}"},
                       "required_acks": "all_isr", "partition_strategy": "key_dispatch",
                       "kafka_ext_headers": [{"kafka_ext_header_key": "qos",
                                              "kafka_ext_header_value": "${.qos}"}]}},
        "connector": {"bootstrap_hosts": kafka.bootstrap, "authentication": "none",
                      "ssl": {"enable": False}},
        "rule": {"sql": "SELECT * FROM \"flow/#\" WHERE payload.t > 20"}}
    made = flow.server.rest("POST", "/imports/emqx", foreign).expect(201)
    assert made["task"]["where"] == "payload.t > 20", made
    flow.server.rest("DELETE", "/tasks/flow").expect(204)
    flow.publish((b'{"t": 20}', 1, None), (b'{"t": 21}', 1, None))
    record = flow.records(1)[0]
    assert (record.key, record.value, record.header("qos")) == (b"p", b"flow/p=21", "1")
    foreign["rule"]["sql"] = "SELECT clientid FROM \"flow/#\""
    refused = flow.server.rest("POST", "/imports/emqx", foreign)
    assert refused.status == 422 and refused.body["fields"][0]["pointer"] == "/rule/sql", refused
