"""A range of the log once more, into real Apache Kafka: docs/adr/0062."""
import json

from integration.harness import read_topic
from integration.kafka_flow import Flow
from integration.ledger import all_there, check, numbers_of


def by_key(records):
    """The ids of the messages, in order and without what a kill brought twice."""
    keys = {}
    for record in records:
        keys.setdefault(record.key, {})[record.header("mqtt.message_id")] = record
    return {key: list(ids) for key, ids in keys.items()}


def test_a_range_goes_again_whatever_is_killed(make_sluice, kafka):
    server = make_sluice()
    with Flow(server, kafka) as flow:
        flow.publish_through(1)
        again = f"{flow.topic}-again"
        replay = json.loads(server.cli("task", "replay", "flow", "--from", "earliest",
                                       "--topic", again, "-o", "json").stdout)
        assert replay["name"] == "flow-replay" and replay["source"]["end"] == "now", replay
        server.kill9()
        server.start()
        for publisher in flow.publishers:
            publisher.wait_acknowledged(len(publisher.acknowledged) + 20)
            publisher.finish()
    server.wait_task("flow", timeout=60, status="running", lag_messages=0)
    replay = server.wait_task("flow-replay", timeout=60, status="finished")
    assert replay["lag_messages"] == 0 and replay["rejected"] == 0, replay
    first = read_topic(kafka.bootstrap, flow.topic, until=all_there(flow.publishers), settle=1)
    for publisher in flow.publishers:
        check(publisher, numbers_of(publisher.client_id, [record.value for record in first]), "kafka")
    # What was there when it was asked for, all of it, in its order, and nothing that came later.
    second = by_key(read_topic(kafka.bootstrap, again, count=replay["delivered"], settle=1))
    for key, ids in by_key(first).items():
        length = len(second[key])
        assert 100 <= length < len(ids), f"{key}: {length} of {len(ids)}"
        assert second[key] == ids[:length], key

    # What it would mean once more is known before it is done.
    stored = sum(len(set(ids)) for ids in by_key(first).values())
    effect = json.loads(server.cli("task", "seek", "flow", "--to", "earliest", "--dry-run",
                                   "-o", "json").stdout)
    assert effect == {"again": stored, "again_at_least": False, "passed_over": 0,
                      "passed_over_at_least": False}, effect
    whole = json.loads(server.cli("task", "replay", "flow", "--from", "earliest", "--dry-run",
                                  "-o", "json").stdout)
    assert whole == {"messages": stored, "at_least": False}, whole
    assert server.rest("GET", "/tasks/flow/seek-preview?start=yesterday").status == 400
    assert server.task("flow")["status"] == "running"

    server.rest("DELETE", "/tasks/flow-replay").expect(200, 204)
    refused = server.rest("POST", "/tasks/flow:replay",
                          {"from": "earliest", "to": {"time": "2999-01-01T00:00:00Z"}}).expect(422)
    assert refused["fields"][0]["pointer"] == "/to", refused
