"""Payloads that a task makes anew or checks, in a process beside the server. Real Apache Kafka."""
import base64
import json
import os
import pathlib
import secrets
import signal

import pytest

from integration.harness import read_topic, wait_until
from integration.raw_mqtt import RawClient

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def flow(sluice, kafka):
    """Makes the task `flow` into a topic of its own, and publishes to it."""
    account = sluice.allow_all("device")
    sluice.add_kafka_connection("kafka", kafka.bootstrap)

    class Flow:
        server = sluice
        topic = f"processing-{secrets.token_hex(4)}"

        def make(self, **sections):
            kafka.create_topic(self.topic, 1)
            sluice.add_kafka_task("flow", "kafka", ["flow/#"], self.topic, **sections)

        def publish(self, *payloads):
            with RawClient(sluice.mqtt) as raw:
                raw.connect("p", username=account.name, password=account.password)
                for payload in payloads:
                    raw.publish("flow/p", payload, qos=1)

        def values(self, count):
            records = read_topic(kafka.bootstrap, self.topic, count=count, settle=0.5)
            return [record.value.decode() for record in records]

        def reasons(self):
            letters = sluice.get("/tasks/flow/dead-letters")["items"]
            return {base64.b64decode(letter["payload"]).decode(): letter["reason"]
                    for letter in letters}

    return Flow()


def children_of(pid: int) -> list[int]:
    """The processes in which it processes payloads."""
    found = []
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        found += [int(child) for child in (task / "children").read_text().split()]
    return found


def test_jq_makes_records_and_its_failures_become_dead_letters(flow):
    flow.make(map={"jq": 'if .n == 3 then last(range(infinite))'
                         ' elif .n == 5 then error("no fives")'
                         ' elif .n == 6 then empty'
                         ' elif .n == 7 then reduce range(1000000) as $i (0; [.])'
                         ' else {m: .n, env: (env | length)} end'})
    flow.publish(*[json.dumps({"n": number}).encode() for number in range(10)], b"not JSON",
                 b'{"n": 11}')
    task = flow.server.wait_task("flow", delivered=7, filtered=1, rejected=4, lag_messages=0)
    assert task["status"] == "running", task
    assert flow.values(7) == [f'{{"m":{n},"env":0}}' for n in (0, 1, 2, 4, 8, 9, 11)]

    reasons = flow.reasons()
    assert reasons['{"n": 3}'] == (
        "jq: it takes more than 100 ms of processor time for this message"), reasons
    assert reasons['{"n": 5}'] == "jq: no fives", reasons
    assert reasons['{"n": 7}'].startswith("jq: "), reasons
    assert reasons["not JSON"].startswith("jq: the payload is not JSON"), reasons

    # Mended, the same letters go out; the payload in them is the one that came.
    flow.server.rest("PATCH", "/tasks/flow", {
        "map": {"jq": "if .n == 3 then error else . end"}}).expect(200, 202)
    answer = flow.server.rest("POST", "/tasks/flow/dead-letters:redrive", {"all": True}).expect(200)
    assert (answer["redriven"], answer["refused"]) == (2, 2), answer
    assert flow.values(9)[7:] == ['{"n":5}', '{"n":7}']


def test_a_child_that_is_killed_loses_nothing(flow):
    flow.make(map={"jq": ".n"})
    flow.publish(b'{"n": 0}')
    flow.server.wait_task("flow", delivered=1)
    (child,) = children_of(flow.server.pid)
    environment = pathlib.Path(f"/proc/{child}/environ").read_bytes()
    descriptors = sorted(entry.name for entry in pathlib.Path(f"/proc/{child}/fd").iterdir())
    assert environment == b"MALLOC_CONF=background_thread:false\0", environment
    assert descriptors == ["0", "1", "2", "3"], descriptors

    os.kill(child, signal.SIGKILL)
    flow.publish(*[json.dumps({"n": number}).encode() for number in range(1, 200)])
    flow.server.wait_task("flow", delivered=200, rejected=0, lag_messages=0)
    assert flow.values(200) == [str(number) for number in range(200)]

    # It neither outlives its task nor its server.
    (child,) = children_of(flow.server.pid)
    flow.server.act("/tasks/flow:pause")
    wait_until(lambda: not pathlib.Path(f"/proc/{child}").exists(), "the child ends with its worker")
    flow.server.act("/tasks/flow:start")
    flow.publish(b'{"n": 200}')
    flow.server.wait_task("flow", lag_messages=0)
    (child,) = children_of(flow.server.pid)
    flow.server.kill9()
    wait_until(lambda: not pathlib.Path(f"/proc/{child}").exists(), "the child ends with its server")


def test_what_does_not_meet_the_schema_becomes_a_dead_letter(flow):
    flow.make(verify={"json_schema": {
        "type": "object", "required": ["t"],
        "properties": {"t": {"type": "number", "maximum": 150}, "id": {"pattern": "^(a|a|aa)+$"}}}})
    evil = json.dumps({"t": 4, "id": "a" * 60 + "b"})
    flow.publish(b'{"t": 1}', b'{"t": 200}', b"{}", evil.encode(), b"no JSON", b'{"t":  2, "id": "aa"}')
    flow.server.wait_task("flow", delivered=2, rejected=4, lag_messages=0)
    assert flow.values(2) == ['{"t": 1}', '{"t":  2, "id": "aa"}']
    reasons = flow.reasons()
    assert reasons['{"t": 200}'].startswith("verify: /t: "), reasons
    assert reasons["{}"].startswith("verify: the payload: "), reasons
    assert reasons[evil] == (
        "verify: it takes more than 100 ms of processor time for this message"), reasons
    assert reasons["no JSON"].startswith("verify: the payload is not JSON"), reasons

    answer = flow.server.rest("PATCH", "/tasks/flow", {
        "verify": {"json_schema": {"properties": {"t": {"$ref": "http://elsewhere/t"}}}}})
    assert answer.status == 422, answer
    assert answer.body["fields"][0]["pointer"] == "/verify/json_schema/properties/t/$ref", answer


def test_a_wrong_program_is_told_when_it_is_saved(flow):
    flow.make()
    answer = flow.server.rest("PATCH", "/tasks/flow", {"map": {"jq": ".a |\n foo("}})
    assert answer.status == 422, answer
    (problem,) = answer.body["fields"]
    assert problem == {"pointer": "/map/jq",
                       "detail": "line 2: syntax error, unexpected $end"}, problem
    assert flow.server.task("flow")["map"]["jq"] == ""


def test_a_preview_shows_what_a_program_makes(flow):
    flow.make(map={"jq": "{b: (.a + 1)}", "headers": "none"})
    ask = {"task": "flow", "message": {"topic": "flow/p", "payload": '{"a": 1}'}}
    shown = flow.server.rest("POST", "/tasks:preview", ask).expect(200)
    assert shown["ok"] and shown["record"]["value"] == '{"b":2}', shown
    ask["message"]["payload"] = '{"a": {}}'
    shown = flow.server.rest("POST", "/tasks:preview", ask).expect(200)
    assert shown["error"] == {"detail": "jq: object ({}) and number (1) cannot be added",
                              "becomes": "dead_letter"}, shown
