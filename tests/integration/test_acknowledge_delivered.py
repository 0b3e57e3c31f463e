"""An outside MQTT server is told of a message once a task has delivered it, and not before.

So a server whose disk is lost has lost nothing that had not arrived at the other end.
"""
import json

import pytest

from integration.harness import merged, wait_until
from integration.kafka_inflow import messages
from integration.ledger import Publisher, check, numbers_of
from integration.raw_mqtt import RawClient

pytestmark = pytest.mark.timeout(120)


def add_tasks(server, there, account, **source):
    """What comes from there goes on into a file."""
    host, port = there.mqtt
    server.create("/connections", {"name": "there", "type": "mqtt", "settings": {
        "host": host, "port": port, "username": account.name, "password": account.password}})
    server.create("/tasks", {"name": "out", "source": {"filters": ["in/#"]},
                             "map": {"topic": "${topic[1]}"}, "delivery": {"in_flight": 200},
                             "sink": {"type": "file", "folder": "out"}})
    server.create("/tasks", merged({
        "name": "in", "sink": {"type": "local"}, "map": {"topic": "in/${topic}"},
        "source": {"type": "mqtt", "connection": "there", "filters": ["flow/#"],
                   "client_id": "bridge", "acknowledge": "delivered", "delivered_by": ["out"]}},
        {"source": source}))
    server.wait_task("in", status="running")


def values(server):
    """What stands in the files of the task `out`, whole lines alone."""
    return [json.loads(line)["value"].encode()
            for path in sorted((server.data / "files" / "out").iterdir())
            for line in path.read_text().split("\n")[:-1]]


def publish(there, account, count):
    with RawClient(there.mqtt) as raw:
        raw.connect("p", username=account.name, password=account.password)
        for number in range(count):
            assert raw.publish("flow/p", b"%d" % number, qos=1).reason < 0x80


@pytest.fixture
def there(make_sluice):
    server = make_sluice(name="there")
    server.account = server.allow_all("bridge")
    return server


def test_no_more_comes_than_may_wait_and_the_task_says_for_whom(make_sluice, there):
    here = make_sluice(name="here")
    add_tasks(here, there, there.account, receive_maximum=5)
    here.act("/tasks/out:pause")
    publish(there, there.account, 20)

    here.wait_task("in", status="waiting", delivered=5, status_reason=lambda reason:
                   "the task `out` is to deliver what comes, and is paused" in reason)
    assert len(messages(here, "in/#", whole=False)) == 5
    here.act("/tasks/out:start")
    here.wait_task("in", status="running", delivered=20)
    here.wait_task("out", lag_messages=0)
    assert [int(value) for value in values(here)] == list(range(20))

    here.delete("/tasks/out")
    publish(there, there.account, 1)
    here.wait_task("in", status="waiting", status_reason=lambda reason:
                   "there is no task `out`" in reason)


@pytest.mark.parametrize("acknowledge", ["delivered", "appended"])
def test_what_was_not_delivered_comes_again_to_another_server(make_sluice, there, acknowledge):
    """`here` dies with its disk; the same session goes on from another machine."""
    source = {"acknowledge": acknowledge}
    if acknowledge == "appended":
        source["delivered_by"] = []
    here = make_sluice(name="here")
    add_tasks(here, there, there.account, **source)
    publish(there, there.account, 10)
    here.wait_task("in", delivered=10)
    here.wait_task("out", delivered=10, lag_messages=0)
    here.act("/tasks/out:pause")
    publish(there, there.account, 30)
    wait_until(lambda: len(messages(here, "in/#", whole=False)) == 40, "40 messages")
    if acknowledge == "appended":  # and `there` has been told
        wait_until(lambda: all(client["in_flight"] == 0 and client["lag_messages"] == 0
                               for client in there.get("/clients")["items"]), "acknowledgements")
    here.kill9()

    other = make_sluice(name="other")
    add_tasks(other, there, there.account, **source)
    publish(there, there.account, 1)
    count = 31 if acknowledge == "delivered" else 1
    other.wait_task("in", delivered=count)
    other.wait_task("out", lag_messages=0, delivered=count)
    expected = [*range(30), 0] if acknowledge == "delivered" else [0]
    assert [int(value) for value in values(other)] == expected


def test_nothing_is_lost_or_overtaken_when_this_server_is_killed(make_sluice, there):
    here = make_sluice(name="here")
    add_tasks(here, there, there.account)
    publisher = Publisher(there.mqtt, "p1", "flow/p1", 1, rate=400, padding=50,
                          username=there.account.name, password=there.account.password)
    with publisher:
        for _ in range(2):
            publisher.wait_acknowledged(len(publisher.acknowledged) + 150)
            here.kill9()
            here.start()
            here.wait_task("in", status="running")
        publisher.wait_acknowledged(len(publisher.acknowledged) + 100)
        publisher.finish()

    wait_until(lambda: len(set(numbers_of("p1", values(here)))) >= publisher.sent, "all of them", 60)
    numbers = numbers_of("p1", values(here))
    firsts = list(dict.fromkeys(numbers))
    check(publisher, firsts, "the file")
    print(f"{publisher.sent} messages, {len(numbers) - len(firsts)} came twice")


@pytest.mark.parametrize("source, pointer", [
    ({"acknowledge": "delivered"}, "/source/delivered_by"),
    ({"delivered_by": ["out"]}, "/source/delivered_by"),
    ({"acknowledge": "delivered", "delivered_by": ["out", "wrong"]}, "/source/delivered_by"),
    ({"acknowledge": "seen"}, "/source/acknowledge"),
])
def test_what_it_cannot_be_is_refused_by_name(sluice, source, pointer):
    sluice.create("/connections?verify=false", {
        "name": "there", "type": "mqtt", "settings": {"host": "127.0.0.1"}})
    problem = sluice.rest("POST", "/tasks", {
        "name": "wrong", "map": {"topic": "a"}, "sink": {"type": "local"},
        "source": {"type": "mqtt", "connection": "there", "filters": ["a"], **source}}).expect(422)
    assert [field["pointer"] for field in problem["fields"]] == [pointer], problem
