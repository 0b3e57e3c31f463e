"""What holds for the clients of one listener alone: policies that name it, and its own limits."""
import pytest

from integration import raw_mqtt as mqtt
from integration.harness import wait_until
from integration.raw_mqtt import RawClient

NOT_ALLOWED = 0x87
STORED = (0x00, 0x10)
EVERYTHING = {"operations": ["connect", "publish", "subscribe"], "resources": ["#"]}


@pytest.fixture
def server(make_sluice):
    server = make_sluice({"listeners": {
        "inside": {"type": "mqtt", "bind": "127.0.0.1:0"},
        "outside": {"type": "mqtt", "bind": "127.0.0.1:0", "maximum_packet_size": "4KiB",
                    "messages_per_second_per_client": 1000}}})
    server.add_user("meter", "secret")
    return server


def come(server, listener, client_id="c", reason=0, **options):
    client = RawClient(server.address(listener))
    answer = client.connect(client_id, username="meter", password="secret", **options)
    assert answer.reason == reason, hex(answer.reason)
    return client


def test_a_policy_decides_for_its_listeners(server):
    server.add_policy("inside", listeners=["inside"], **EVERYTHING)
    come(server, "outside", reason=NOT_ALLOWED)
    come(server, "tcp", reason=NOT_ALLOWED)
    server.add_policy("outside", operations=["connect", "publish"], resources=["in/#"],
                      listeners=["out*"])

    with come(server, "inside", "i") as inside, come(server, "outside", "o") as outside:
        assert inside.subscribe("in/#", "out/#", qos=1) == [1, 1]
        assert outside.subscribe("in/#", qos=1) == [NOT_ALLOWED]
        assert outside.publish("out/a", b"no", qos=1).reason == NOT_ALLOWED
        assert outside.publish("in/a", b"yes", qos=1).reason in STORED
        assert inside.publish("out/a", b"both", qos=1).reason in STORED
        assert [each.payload for each in inside.messages(2)] == [b"yes", b"both"]
        shown = {each["client_id"]: each["listener"] for each in server.get("/clients")["items"]}
        assert shown == {"i": "inside", "o": "outside"}
        assert [each["client_id"] for each in
                server.get("/clients?listener=outside")["items"]] == ["o"]


def test_a_deny_of_a_listener_holds_back_what_is_delivered_there(server):
    server.add_policy("all", **EVERYTHING)
    with come(server, "inside", "i") as inside, come(server, "outside", "o") as outside:
        for client in (inside, outside):
            assert client.subscribe("a/#", qos=1) == [1]
        server.add_policy("secrets", effect="deny", operations=["subscribe"],
                          resources=["a/secret"], listeners=["outside"])
        inside.publish("a/secret", b"secret", qos=1)
        inside.publish("a/b", b"end", qos=1)
        assert [each.payload for each in inside.messages(2)] == [b"secret", b"end"]
        assert [each.payload for each in outside.messages(1)] == [b"end"]
        outside.expect_silence()


def test_a_session_is_that_of_the_listener_it_came_through_last(server):
    """Also after a restart, and when the policies are looked at while it is away."""
    server.add_policy("connect", operations=["connect"])
    server.add_policy("inside", operations=["subscribe"], resources=["#"], listeners=["inside"])
    stays = {"clean": False, "properties": [(mqtt.SESSION_EXPIRY, 3600)]}
    come(server, "inside", **stays).subscribe("a", qos=1)
    server.kill9()
    server.start()
    server.add_policy("out", operations=["publish"], resources=["a"])  # a look at all sessions
    with come(server, "inside", "other") as other:
        assert other.publish("a", b"kept", qos=1).reason == 0  # somebody has subscribed
    with come(server, "inside", **stays) as again:
        assert again.messages(1)[0].payload == b"kept"
    with come(server, "outside", **stays), come(server, "inside", "other") as other:
        wait_until(lambda: other.publish("a", b"x", qos=1).reason == 0x10,
                   "the subscription that only `inside` allows has ended")


def test_rest_publishes_through_admin(server):
    server.add_policy("inside", listeners=["inside"], **EVERYTHING)
    message = {"topic": "a", "payload": "x", "username": "meter"}
    server.rest("POST", "/messages", message).expect(403)
    server.add_policy("rest", operations=["publish"], resources=["a"], listeners=["admin"])
    server.create("/messages", message)


def test_a_listener_that_there_is_not_is_refused(server):
    policy = {"name": "slip", "effect": "deny", "operations": ["connect"], "listeners": ["outsid"]}
    problem = server.rest("POST", "/policies", policy).expect(422)
    assert problem["fields"][0]["pointer"] == "/listeners/0"
    assert "outside" in problem["fields"][0]["detail"]


def test_a_listener_has_its_own_packet_size(server):
    server.add_policy("all", **EVERYTHING)
    with come(server, "inside") as inside:
        assert inside.publish("a", b"x" * 5000, qos=1).reason in STORED
    with come(server, "outside") as outside:
        outside.send(mqtt.publish_packet(5, "a", b"x" * 5000, qos=1, packet_id=1))
        assert outside.expect(mqtt.DISCONNECT).reason == 0x95
