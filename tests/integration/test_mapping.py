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

    # The cursor is behind what was passed over: after a kill none of it is counted again.
    flow.server.restart()
    flow.publish((b'{"t": 21.5}', 1, None))
    flow.server.wait_task("flow", delivered=1, filtered=0, lag_messages=0)
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
