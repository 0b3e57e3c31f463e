"""POST /policies:test: what it says is what becomes of a live client that does the same."""
import json

import pytest

from integration.raw_mqtt import RawClient

ALLOWED = {0, 1, 2, 0x10}  # also granted QoS, and: nobody is subscribed


@pytest.fixture
def server(sluice):
    sluice.add_user("meter", "secret")
    sluice.add_user("guest", "secret")
    sluice.add_policy("let-in", operations=["connect"], client_ids=["m-*"])
    sluice.add_policy("own", operations=["publish", "subscribe"], users=["meter"],
                      resources=["meters/${client_id}/#"])
    sluice.add_policy("low", operations=["publish"], users=["meter"], resources=["low"], qos=[0, 1],
                      message_types=["general"])
    sluice.add_policy("secret", effect="deny", operations=["publish", "subscribe"],
                      resources=["meters/+/secret"])
    sluice.add_policy("elsewhere", effect="deny", operations=["connect"], users=["guest"],
                      sources=["127.0.0.0/8"])
    return sluice


def asked(server, **question):
    question = {"user": "meter", "client_id": "m-1", "address": "127.0.0.1", "listener": "tcp",
                **question}
    return server.rest("POST", "/policies:test", question).expect(200)


@pytest.mark.parametrize("topic, qos, retained", [
    ("meters/m-1/state", 1, False), ("meters/m-2/state", 1, False), ("meters/m-1/secret", 1, False),
    ("low", 1, False), ("low", 2, False), ("low", 1, True), ("$SYS/x", 1, False),
    ("$delayed/60/meters/m-1/x", 1, False), ("$delayed/60/meters/m-2/x", 1, False),
])
def test_a_publish_is_as_it_said(server, topic, qos, retained):
    said = asked(server, operation="publish", topic=topic, qos=qos, retained=retained)

    with RawClient(server.mqtt) as client:
        client.connect("m-1", username="meter", password="secret")
        happened = client.publish(topic, b"x", qos=qos, retain=retained).reason in ALLOWED
    assert said["ok"] == happened, said
    assert said["decision"] == ("allowed" if happened else "denied")


@pytest.mark.parametrize("filter_", ["meters/m-1/#", "meters/#", "meters/m-1/secret", "$SYS/#",
                                     "$share/g/meters/m-1/+", "$share/g/meters/m-2/+"])
def test_a_subscription_is_as_it_said(server, filter_):
    said = asked(server, operation="subscribe", topic=filter_, qos=1)

    with RawClient(server.mqtt) as client:
        client.connect("m-1", username="meter", password="secret")
        assert said["ok"] == (client.subscribe(filter_, qos=1)[0] in ALLOWED), said


@pytest.mark.parametrize("client_id, user", [("m-1", "meter"), ("x-1", "meter"), ("m-1", "guest")])
def test_a_connection_is_as_it_said(server, client_id, user):
    said = asked(server, operation="connect", client_id=client_id, user=user)

    with RawClient(server.mqtt) as client:
        happened = client.connect(client_id, username=user, password="secret").reason in ALLOWED
    assert said["ok"] == happened, said


def test_the_command_says_who_decides_and_why(server):
    question = ["policy", "test", "publish", "meters/m-1/secret", "--user", "meter",
                "--client-id", "m-1"]
    denied = server.cli(*question, check=False)
    assert denied.returncode == 1
    assert denied.stdout == (
        "denied: policy `secret` denies it, and a deny wins over every allow\n"
        "\nEFFECT  NAME\ndeny    secret\nallow   own\n")

    allowed = json.loads(server.cli("policy", "test", "connect", "--user", "nobody", "--client-id",
                                    "m-1", "-o", "json").stdout)
    assert (allowed["ok"], allowed["decided_by"]) == (True, "let-in")
    assert allowed["notes"] == ["there is no user `nobody`: it cannot log in"]

    wrong = server.cli("policy", "test", "publish", "a/#", check=False)
    assert wrong.returncode == 1 and "/topic must be a topic name" in wrong.stderr
