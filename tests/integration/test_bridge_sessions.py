"""What a task leaves at an outside MQTT server: never a subscription that nobody wants any more, and
no session once the task is deleted.

The outside server is a real Mosquitto, or another process of this program.
"""
import re
import time

import pytest

from integration import raw_mqtt as mqtt
from integration.harness import wait_until
from integration.kafka_inflow import messages
from integration.ledger import Publisher, check, numbers_of
from integration.raw_mqtt import RawClient
from servers.mosquitto_server import Mosquitto

SESSION = "bridge-in"
pytestmark = pytest.mark.timeout(300)


class Bridge:
    """A server here, and another one with a session for the task `in`."""

    def __init__(self, here, there, version, login):
        self.here, self.there, self.login = here, there, login
        host, port = there.mqtt
        here.create("/connections", {"name": "there", "type": "mqtt", "settings": {
            "host": host, "port": port, "version": version, **login}})

    def add_source(self, filters, **source):
        self.here.create("/tasks", {
            "name": "in", "sink": {"type": "local"}, "map": {"topic": "in/${topic}"},
            "source": {"type": "mqtt", "connection": "there", "filters": filters,
                       "client_id": SESSION, **source}})
        self.here.wait_task("in", status="running", timeout=60)

    def change(self, **source):
        self.here.rest("PATCH", "/tasks/in", {"source": source}).expect(200, 202)

    def pause(self):
        self.here.act("/tasks/in:pause")
        self.here.wait_task("in", status="paused")

    def client(self, client_id="device", version=5, **options):
        raw = RawClient(self.there.mqtt, version=version)
        answer = raw.connect(client_id, **self.login, **options)
        assert answer.reason == 0, answer
        raw.is_known = answer.session_present
        return raw

    def publish(self, *topics):
        with self.client() as raw:
            for topic in topics:
                raw.publish(topic, topic.encode(), qos=1)

    def came(self):
        return sorted(message["topic"] for message in messages(self.here, "in/#"))

    def wait_came(self, *topics):
        wanted = sorted("in/" + topic for topic in topics)
        wait_until(lambda: self.came() == wanted, f"{wanted}", 60)

    def subscribed(self, *candidates):
        """Which of them the session has. It has none of them afterwards, and the task is paused."""
        self.pause()
        with self.client(SESSION, clean=False,
                         properties=[(mqtt.SESSION_EXPIRY, 3600)]) as raw:
            assert raw.is_known, "there is no session"
            codes = raw.unsubscribe(*candidates)
            raw.disconnect()
        assert set(codes) <= {0, 0x11}, codes
        return [name for name, code in zip(candidates, codes, strict=True) if code == 0]

    def has_session(self):
        with self.client(SESSION, clean=False) as raw:
            raw.disconnect()
            return raw.is_known


@pytest.fixture(params=["mosquitto", "sluice"])
def there(request, make_sluice, tmp_path):
    if request.param == "mosquitto":
        server = Mosquitto(tmp_path / "mosquitto").start()
        yield server, {}
        server.stop()
    else:
        server = make_sluice(name="there")
        account = server.allow_all("bridge")
        yield server, {"username": account.name, "password": account.password}


@pytest.fixture
def make_bridge(make_sluice, there):
    server, login = there

    def make(version="5"):
        return Bridge(make_sluice(name="here"), server, version, login)
    return make


def wait_ended(bridge, count):
    """So many subscriptions of earlier documents are ended: the log says so."""
    line = re.compile(r"subscriptions of an earlier document are ended .*subscriptions=(\d+)")
    wait_until(lambda: sum(map(int, line.findall(bridge.here.log_file.read_text()))) == count,
               f"the end of {count} subscriptions", 90)


@pytest.mark.parametrize("version", ["5", "3.1.1"])
def test_filters_that_were_taken_out_are_not_subscribed_to_any_more(make_bridge, version):
    bridge = make_bridge(version)
    bridge.add_source(["a/#", "b/#"], shared=False)
    bridge.pause()
    bridge.publish("a/1", "b/1", "b/2")

    bridge.change(filters=["b/+", "c/#"])
    bridge.here.act("/tasks/in:start")

    bridge.wait_came("b/1", "b/2")  # what waited in the session, by a filter that is no more
    wait_ended(bridge, 2)
    bridge.publish("a/3", "b/3", "c/3")
    bridge.wait_came("b/1", "b/2", "b/3", "c/3")
    assert bridge.subscribed("a/#", "b/#", "b/+", "c/#") == ["b/+", "c/#"]


def test_another_group_and_none_take_the_place_of_the_one_before(make_bridge):
    bridge = make_bridge()
    bridge.add_source(["a/#"], group="one")
    bridge.change(group="two")
    wait_ended(bridge, 1)
    bridge.change(shared=False)
    wait_ended(bridge, 2)

    bridge.publish("a/1", "a/2", "a/3")

    bridge.wait_came("a/1", "a/2", "a/3")
    time.sleep(1)  # what comes twice would have come
    assert len(bridge.came()) == 3
    assert bridge.subscribed("$share/one/a/#", "$share/two/a/#", "a/#") == ["a/#"]


def test_what_was_subscribed_to_is_known_after_both_servers_were_away(make_bridge):
    bridge = make_bridge()
    bridge.add_source(["a/#", "b/#"], shared=False)
    time.sleep(1.5)  # Mosquitto saves its sessions every second
    bridge.there.kill9()
    bridge.change(filters=["x/#"])
    bridge.change(filters=["b/#"])
    bridge.here.kill9()
    bridge.here.start()
    bridge.there.start()

    bridge.here.wait_task("in", status="running", timeout=60)
    wait_ended(bridge, 1)
    assert bridge.subscribed("a/#", "b/#", "x/#") == ["b/#"]


def test_nothing_is_lost_while_subscriptions_change(make_bridge):
    """What waits under a subscription comes before that is ended; what both match may come twice."""
    bridge = make_bridge()
    bridge.add_source(["flow/#"], group="one")
    with Publisher(bridge.there.mqtt, "p1", "flow/p1", 1, rate=400, padding=100,
                   **bridge.login) as publisher:
        for change in ({"shared": False}, {"shared": True, "group": "two"}, {"filters": ["flow/+"]}):
            publisher.wait_acknowledged(len(publisher.acknowledged) + 200)
            bridge.pause()
            publisher.wait_acknowledged(len(publisher.acknowledged) + 400)
            bridge.change(**change)
            bridge.here.act("/tasks/in:start")
        publisher.finish()

    wait_ended(bridge, 3)
    numbers = numbers_of("p1", [each["bytes"] for each in messages(bridge.here, "in/#", whole=False)])
    check(publisher, list(dict.fromkeys(numbers)), "the log here")
    print(f"{publisher.sent} messages, {len(numbers) - publisher.sent} came twice")
    assert bridge.subscribed("$share/one/flow/#", "flow/#", "$share/two/flow/#",
                             "$share/two/flow/+") == ["$share/two/flow/+"]


@pytest.mark.parametrize("version", ["5", "3.1.1"])
def test_a_task_that_is_deleted_takes_its_session_with_it(make_bridge, version):
    bridge = make_bridge(version)
    bridge.add_source(["a/#"], shared=False)
    bridge.pause()
    bridge.publish("a/1")

    bridge.here.delete("/tasks/in")

    assert not bridge.has_session()


def test_a_session_is_not_left_behind_without_a_word(make_bridge):
    bridge = make_bridge()
    bridge.add_source(["a/#"], shared=False)
    bridge.pause()
    bridge.publish("a/1")
    elsewhere = {"settings": {"port": 1, **bridge.login}}
    for path, patch in (("/tasks/in", {"source": {"client_id": "another"}}),
                        ("/connections/there?verify=false", elsewhere)):
        problem = bridge.here.rest("PATCH", path, patch).expect(409)
        assert problem["code"] == "session_left_behind", problem
        assert f"the session `{SESSION}` at 127.0.0.1:" in problem["detail"], problem
    assert bridge.here.task("in")["source"]["client_id"] == SESSION
    bridge.here.rest("PATCH", "/tasks/in?force=perhaps", {}).expect(400)

    bridge.here.rest("PATCH", "/tasks/in?force=true",
                     {"source": {"client_id": "another"}}).expect(200, 202)
    bridge.here.act("/tasks/in:start")
    bridge.here.wait_task("in", status="running")
    bridge.change(filters=["a/#", "b/#"])  # the session is another one now, and stays
    bridge.here.rest("PATCH", "/tasks/in?force=true",
                     {"source": {"client_id": SESSION}}).expect(200, 202)
    bridge.here.wait_task("in", delivered=1)  # what waited there


@pytest.mark.parametrize("how", ["freeze", "kill9"])
def test_a_task_is_deleted_though_the_other_server_is_away(make_bridge, how):
    bridge = make_bridge()
    bridge.add_source(["a/#"])
    time.sleep(1.5)  # Mosquitto saves its sessions every second
    getattr(bridge.there, how)()

    bridge.here.delete("/tasks/in")

    assert "may stay at an outside MQTT server" in bridge.here.log_file.read_text()
    bridge.here.rest("GET", "/tasks/in").expect(404)
    if how == "freeze":
        bridge.there.thaw()
    else:
        bridge.there.start()
        assert bridge.has_session()


@pytest.mark.parametrize("make_task", [True, False], ids=["before it has connected", "afterwards"])
def test_a_pause_does_not_wait_for_a_silent_server(make_bridge, make_task):
    """Ten seconds is how long a connection and a write may take; a pause is not to wait for them."""
    bridge = make_bridge()
    if not make_task:
        bridge.add_source(["a/#"])
    bridge.there.freeze()
    if make_task:
        bridge.here.create("/tasks", {
            "name": "in", "sink": {"type": "local"}, "map": {"topic": "in/${topic}"},
            "source": {"type": "mqtt", "connection": "there", "filters": ["a/#"]}})
    begun = time.monotonic()
    bridge.pause()
    took = time.monotonic() - begun
    bridge.there.thaw()
    assert took < 6, f"a pause took {took:.1f} s"


def test_a_pause_does_not_wait_for_a_server_that_takes_nothing(make_bridge):
    """Acknowledgements, or messages, that the other side's buffers have no room for."""
    bridge = make_bridge()
    bridge.here.create("/tasks", {
        "name": "out", "source": {"type": "local", "filters": ["out/#"]},
        "map": {"topic": "${topic}"}, "sink": {"type": "mqtt", "connection": "there"},
        "delivery": {"drain_timeout": 0}})
    bridge.here.wait_task("out", status="running")
    account = bridge.here.allow_all("device")
    bridge.there.freeze()
    with RawClient(bridge.here.mqtt) as raw:
        raw.connect("device", username=account.name, password=account.password)
        for _ in range(40):
            raw.publish("out/1", b"x" * 1_000_000, qos=1)
    bridge.here.wait_task("out", in_flight=lambda n: n > 0, timeout=60)
    begun = time.monotonic()
    bridge.here.act("/tasks/out:pause")
    bridge.here.wait_task("out", status="paused", timeout=60)
    took = time.monotonic() - begun
    bridge.there.thaw()
    assert took < 6, f"a pause took {took:.1f} s"
