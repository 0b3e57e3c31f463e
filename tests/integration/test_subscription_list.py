"""GET /subscriptions: what all clients are subscribed to, page by page, while clients come and go."""
import json
import threading

import pytest

from integration import raw_mqtt as mqtt
from integration.raw_mqtt import RawClient

OPEN = {"access": {"enabled": False}}
LONG = {"properties": [(mqtt.SESSION_EXPIRY, 3600)]}


@pytest.fixture
def server(make_sluice):
    return make_sluice(OPEN)


def leave_behind(server, client_id, *filters):
    """A session that is away, with these subscriptions."""
    with RawClient(server.mqtt) as client:
        client.connect(client_id, **LONG)
        client.subscribe(*filters, qos=1)
        client.disconnect()


def pages(server, query=""):
    """Each page's (client id, filter)s."""
    page = ""
    while page is not None:
        answer = server.get(f"/subscriptions?{query}{'&page=' if page else ''}{page}")
        yield [(item["client_id"], item["filter"]) for item in answer["items"]]
        page = answer["next"]


def listed(server, query=""):
    return [place for page in pages(server, query) for place in page]


def test_subscriptions_of_all_clients_are_shown(server):
    leave_behind(server, "b", "x/#", "$share/g/x/+")
    with RawClient(server.mqtt) as client:
        client.connect("ü:/a")
        client.subscribe(("+/y", 0b10_1110), qos=2, properties=[(mqtt.SUBSCRIPTION_ID, 7)])
        client.subscribe("$SYS/#")
        all_of_them = server.get("/subscriptions")
        shown = {(item["client_id"], item["filter"]): item for item in all_of_them["items"]}

        assert list(shown) == [("b", "$share/g/x/+"), ("b", "x/#"), ("ü:/a", "$SYS/#"),
                               ("ü:/a", "+/y")]
        assert all_of_them["next"] is None
        assert shown["ü:/a", "+/y"] == {
            "client_id": "ü:/a", "status": "connected", "filter": "+/y", "qos": 2,
            "no_local": True, "retain_as_published": True, "retain_handling": 2, "identifier": 7}
        assert shown["b", "$share/g/x/+"]["group"] == "g"
        assert shown["b", "x/#"]["status"] == "disconnected"

        assert listed(server, "topic=x/y") == [("b", "$share/g/x/+"), ("b", "x/#"), ("ü:/a", "+/y")]
        assert listed(server, "topic=$SYS/broker/uptime") == [("ü:/a", "$SYS/#")]
        assert listed(server, "filter_prefix=x/") == [("b", "x/#")]
        assert listed(server, "group=g&topic=x/y") == [("b", "$share/g/x/+")]
        assert listed(server, "client_id=%C3%BC:/a&limit=1") == [("ü:/a", "$SYS/#"),
                                                                  ("ü:/a", "+/y")]
        assert listed(server, "client_id=nobody") == []
        for page in pages(server, "limit=1"):
            assert len(page) == 1
        for wrong in ("topic=x/%23", "page=6162", "page=zz", "limit=0", "colour=red"):
            assert server.rest("GET", "/subscriptions?" + wrong).status == 400, wrong

        table = server.cli("subscription", "list", "--topic", "x/y").stdout.splitlines()
        assert [line.split()[0] for line in table] == ["CLIENT_ID", "b", "b", "ü:/a"]
        documents = json.loads(server.cli("subscription", "list", "b", "--filter-prefix", "x",
                                          "-o", "json").stdout)["items"]
        assert [document["filter"] for document in documents] == ["x/#"]
        assert "x/#" in server.cli("subscription", "list", "b").stdout
        assert server.cli("subscription", "list", "nobody", check=False).returncode == 1


def test_conditions_are_shown(server):
    with RawClient(server.mqtt) as client:
        client.connect("c")
        client.subscribe("a", properties=[(mqtt.USER_PROPERTY, ("$where", "$qos = 1"))])
        assert [item["where"] for item in server.get("/subscriptions")["items"]] == ["$qos = 1"]


def test_pages_stay_right_while_clients_come_and_go(server):
    stays = [(f"c-{number:03}", f"f/{i}") for number in range(0, 100, 2) for i in range(4)]
    for number in range(0, 100, 2):
        leave_behind(server, f"c-{number:03}", *(f"f/{i}" for i in range(4)))
    seen, number = [], 1
    for page in pages(server, "limit=17"):
        seen += page
        leave_behind(server, f"c-{number:03}", "f/0", "f/9")  # one more
        if number > 4:
            server.delete(f"/clients/c-{number - 4:03}")
        number += 2
    assert seen == sorted(set(seen))
    assert [place for place in seen if place in set(stays)] == stays


def test_twenty_thousand_are_listed_while_the_server_serves(server):
    """Each worker looks in steps: a client in between is answered; how fast is not asserted."""
    clients, filters = 400, [f"fleet/{i}/state" for i in range(50)]
    for number in range(clients):
        leave_behind(server, f"c-{number:05}", *filters)

    seen, done = [], threading.Event()

    def read_all():
        try:
            for page in pages(server, "limit=1000"):
                seen.extend(page)
        finally:
            done.set()

    reader = threading.Thread(target=read_all)
    with RawClient(server.mqtt) as client:
        client.connect("in-between")
        reader.start()
        answered = 0
        while not done.is_set():
            assert client.publish("nobody/there", b"x", qos=1).reason in (0, 0x10)
            answered += 1
    reader.join()
    assert answered > 0
    assert len(seen) == clients * len(filters) and seen == sorted(set(seen))
    # Few readers of a topic are asked alone; of many all sessions are looked at. Alike for who asks.
    few = [(f"c-{number:05}", "fleet/7/state") for number in range(clients)]
    assert listed(server, "topic=fleet/7/state&limit=150") == few
    for number in range(clients):
        with RawClient(server.mqtt) as client:
            client.connect(f"c-{number:05}", clean=False, **LONG)
            client.subscribe("fleet/#", "+/7/+", qos=1)
            client.disconnect()
    many = sorted(few + [(client_id, filter_) for client_id, _ in few
                         for filter_ in ("fleet/#", "+/7/+")])
    assert listed(server, "topic=fleet/7/state&limit=150") == many
    assert listed(server, "topic=nobody/here") == []


def test_members_of_groups_read_a_topic_too(server):
    for number in range(5):
        leave_behind(server, f"m-{number}", "$share/g/a/+", "$share/h/a/b")
    leave_behind(server, "plain", "a/b", "a/c")
    expected = [place for number in range(5)
                for place in ((f"m-{number}", "$share/g/a/+"), (f"m-{number}", "$share/h/a/b"))]
    assert listed(server, "topic=a/b&limit=3") == [*expected, ("plain", "a/b")]
    assert listed(server, "topic=a/c&group=g") == expected[::2]
    server.delete("/clients/m-0")
    assert listed(server, "topic=a/b&group=h") == expected[3::2]


def test_clients_are_filtered(server):
    leave_behind(server, "away", "a")
    with RawClient(server.mqtt) as client:
        client.connect("here", username="ann", password="x")

        def ids(query):
            return [item["client_id"] for item in server.get("/clients?" + query)["items"]]

        assert ids("") == ["away", "here"]
        assert ids("status=connected") == ids("username=ann") == ids("client_id=here") == ["here"]
        assert ids("status=disconnected&username=") == ["away"]
        assert ids("address=127.0.0.1&listener=tcp&limit=1") == ["away"]
        assert ids("listener=tls") == ids("client_id=h") == ids("client_id=here&username=x") == []
