"""Clients of other people against the server: Eclipse Paho, mosquitto's command line, HiveMQ's for
Java, MQTT.js."""
import os
import pathlib
import queue
import shutil
import subprocess

import paho.mqtt.client as paho
import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from integration.certificates import Authority
from integration.harness import REPOSITORY, Sluice, wait_until

VERSIONS = {"mqttv31": paho.MQTTv31, "mqttv311": paho.MQTTv311, "mqttv5": paho.MQTTv5}
pahos = pytest.mark.parametrize("version", [paho.MQTTv31, paho.MQTTv311, paho.MQTTv5])
mosquittos = pytest.mark.parametrize("version", list(VERSIONS))
SECONDS = 15


class Paho:
    """A paho client whose callbacks end in queues that a test reads with a deadline."""

    def __init__(self, address, client_id, version, **connect):
        self.version = version
        self.connected, self.messages, self.subscribed = (queue.Queue() for _ in range(3))
        clean = {} if version == paho.MQTTv5 else {"clean_session": connect.pop("clean", True)}
        self.client = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id=client_id,
                                  protocol=version, transport=connect.pop("transport", "tcp"),
                                  **clean)
        self.client.on_connect = lambda c, u, flags, reason, props: self.connected.put(
            (flags, reason))
        self.client.on_message = lambda c, u, message: self.messages.put(message)
        self.client.on_subscribe = lambda c, u, number, codes, props: self.subscribed.put(codes)
        self.address, self.options = address, connect

    def __enter__(self):
        self.client.connect(*self.address, **self.options)
        self.client.loop_start()
        self.flags, self.reason = self.connected.get(timeout=SECONDS)
        assert self.reason == 0, str(self.reason)
        return self

    def __exit__(self, *_):
        self.client.disconnect()
        self.client.loop_stop()

    def subscribe(self, *arguments, **options):
        self.client.subscribe(*arguments, **options)
        codes = self.subscribed.get(timeout=SECONDS)
        assert all(not code.is_failure for code in codes), codes

    def publish(self, *arguments, **options):
        self.client.publish(*arguments, **options).wait_for_publish(SECONDS)

    def take(self, count):
        return [self.messages.get(timeout=SECONDS) for _ in range(count)]


@pahos
@pytest.mark.parametrize("qos", [0, 1, 2])
def test_paho_both_ways(broker, topic, version, qos):
    with Paho(broker.address, broker.unique(), version) as subscriber, \
            Paho(broker.address, broker.unique(), version) as publisher:
        subscriber.subscribe(topic + "/+", qos=qos)

        for number in range(100):
            publisher.publish(f"{topic}/{number % 3}", str(number), qos=qos)

        found = subscriber.take(100)
        assert [int(message.payload) for message in found] == list(range(100))
        assert {message.qos for message in found} == {qos}


@pytest.mark.parametrize("version", [paho.MQTTv31, paho.MQTTv311])
def test_paho_comes_back_to_its_session(broker, topic, version):
    name = broker.unique()
    with Paho(broker.address, name, version, clean=False) as subscriber:
        assert not subscriber.flags.session_present
        subscriber.subscribe(topic, qos=2)
    with Paho(broker.address, broker.unique(), version) as publisher:
        for number in range(50):
            publisher.publish(topic, str(number), qos=2)

    with Paho(broker.address, name, version, clean=False) as subscriber:
        if version == paho.MQTTv311:  # 3.1 has no such flag
            assert subscriber.flags.session_present
        found = subscriber.take(50)

    assert [int(message.payload) for message in found] == list(range(50))


def test_paho_5_comes_back_to_its_session_with_properties(broker, topic):
    expiry = Properties(PacketTypes.CONNECT)
    expiry.SessionExpiryInterval = 600
    options = {"clean_start": False, "properties": expiry}
    name = broker.unique()
    with Paho(broker.address, name, paho.MQTTv5, **options) as subscriber:
        identifier = Properties(PacketTypes.SUBSCRIBE)
        identifier.SubscriptionIdentifier = 7
        subscriber.subscribe([(topic, SubscribeOptions(qos=2))], properties=identifier)
    sent = Properties(PacketTypes.PUBLISH)
    sent.UserProperty = [("b", "1"), ("a", "2"), ("b", "3")]
    sent.ContentType = "application/json"
    sent.ResponseTopic = "answers"
    sent.CorrelationData = b"\x00\x01"
    sent.PayloadFormatIndicator = 1
    sent.MessageExpiryInterval = 500
    with Paho(broker.address, broker.unique(), paho.MQTTv5) as publisher:
        publisher.publish(topic, "{}", qos=2, properties=sent)

    with Paho(broker.address, name, paho.MQTTv5, **options) as subscriber:
        message = subscriber.take(1)[0]

    found = message.properties
    assert found.UserProperty == [("b", "1"), ("a", "2"), ("b", "3")]
    assert (found.ContentType, found.ResponseTopic) == ("application/json", "answers")
    assert (found.CorrelationData, found.PayloadFormatIndicator) == (b"\x00\x01", 1)
    assert 480 < found.MessageExpiryInterval <= 500
    assert found.SubscriptionIdentifier == [7]


@pahos
def test_paho_gets_retained_and_wills(broker, topic, version):
    with Paho(broker.address, broker.unique(), version) as publisher:
        publisher.publish(topic + "/kept", b"kept", qos=1, retain=True)
    dying = Paho(broker.address, broker.unique(), version)
    dying.client.will_set(topic + "/will", b"gone", qos=1)
    with Paho(broker.address, broker.unique(), version) as subscriber:
        subscriber.subscribe(topic + "/#", qos=1)
        assert subscriber.take(1)[0].retain
        with dying:
            dying.client.socket().shutdown(2)

            message = subscriber.take(1)[0]

    assert (message.topic, message.payload, message.retain) == (topic + "/will", b"gone", False)


def run_pub(broker, version, *arguments, stdin=""):
    host, port = broker.address
    return subprocess.run(
        ["mosquitto_pub", "-h", host, "-p", str(port), "-V", version, *arguments], input=stdin,
        capture_output=True, text=True, timeout=30, check=True)


@pytest.fixture
def run_sub(broker, tmp_path):
    """Starts a mosquitto_sub; returns once its SUBACK is there."""
    if not shutil.which("mosquitto_sub"):
        pytest.fail("mosquitto_sub is missing: ./dev setup installs mosquitto-clients")
    children = []

    def run(version, *arguments):
        host, port = broker.address
        output = open(tmp_path / f"sub-{len(children)}", "w+", encoding="utf-8")
        child = subprocess.Popen(
            ["stdbuf", "-oL", "mosquitto_sub", "-d", "-h", host, "-p", str(port), "-V", version,
             *arguments], stdout=output, stderr=subprocess.STDOUT)
        children.append((child, output))

        def text():
            with open(output.name, encoding="utf-8") as file:
                return file.read()

        wait_until(lambda: "Subscribed" in text() or child.poll() is not None, "SUBACK")
        child.text = text
        return child

    yield run
    for child, output in children:
        child.kill()
        child.wait()
        output.close()


@mosquittos
@pytest.mark.parametrize("qos", ["0", "1", "2"])
def test_mosquitto_pub_and_sub(broker, topic, run_sub, version, qos):
    subscriber = run_sub(version, "-t", topic + "/#", "-q", qos, "-C", "100", "-F", "got %q %p")
    lines = "".join(f"{number}\n" for number in range(100))

    run_pub(broker, version, "-t", topic + "/a", "-q", qos, "-l", stdin=lines)

    assert subscriber.wait(SECONDS) == 0
    found = [line for line in subscriber.text().splitlines() if line.startswith("got ")]
    assert found == [f"got {qos} {number}" for number in range(100)]


@mosquittos
def test_mosquitto_sub_gets_the_retained_message(broker, topic, run_sub, version):
    run_pub(broker, version, "-t", topic, "-q", "1", "-r", "-m", "kept")

    subscriber = run_sub(version, "-t", topic, "-C", "1", "-F", "got %r %p")

    assert subscriber.wait(SECONDS) == 0
    assert "got 1 kept" in subscriber.text()


def test_mosquitto_pub_sends_properties(broker, topic, run_sub):
    subscriber = run_sub("mqttv5", "-t", topic, "-C", "1", "-F", "got %P %C")

    run_pub(broker, "mqttv5", "-t", topic, "-m", "x", "-D", "publish", "user-property", "a", "1",
            "-D", "publish", "user-property", "a", "2", "-D", "publish", "content-type", "text")

    assert subscriber.wait(SECONDS) == 0
    assert "got a:1 a:2 text" in subscriber.text()


def test_mosquitto_sub_leaves_a_will(broker, topic, run_sub):
    watcher = run_sub("mqttv311", "-t", topic, "-C", "1", "-F", "got %p")
    dying = run_sub("mqttv311", "-t", topic + "/other", "--will-topic", topic, "--will-payload",
                    "gone", "--will-qos", "1")

    dying.kill()

    assert watcher.wait(SECONDS) == 0
    assert "got gone" in watcher.text()


# --- HiveMQ's client for Java and MQTT.js, tests/clients -----------------------------------------

CACHE = pathlib.Path(os.environ.get("SLUICE_CACHE", REPOSITORY / ".cache")).absolute()
JAVA, JS = CACHE / "java-client", CACHE / "js-client"


@pytest.fixture(scope="module")
def transports(tmp_path_factory):
    """A server with every transport, and the certificate to trust."""
    folder = tmp_path_factory.mktemp("clients")
    authority = Authority(folder / "authority")
    pair = authority.issue("server")
    server = Sluice(folder, {"access": {"enabled": False}, "listeners": {
        "ws": {"enabled": True, "type": "ws", "bind": "127.0.0.1:0"},
        "tls": {"enabled": True, "type": "mqtts", "bind": "127.0.0.1:0",
                "certificate": str(pair.certificate), "key": str(pair.key)}}})
    try:
        yield server.start(), authority.certificate
    finally:
        server.kill9()


def run_client(transports, command, version, transport, environment=None):
    """The lines that it prints, without the topic that they begin with."""
    server, authority = transports
    topic = f"{command[0]}/{version}/{transport}"
    done = subprocess.run(
        [*command, version, transport, str(server.address(transport)[1]), topic, str(authority)],
        capture_output=True, text=True, timeout=60, check=False,
        env={**os.environ, **(environment or {})})
    assert done.returncode == 0, done.stderr
    return [line.replace(topic + "/", "") for line in done.stdout.splitlines()]


def run_java(transports, version, transport):
    if not (JAVA / "classes").is_dir():
        pytest.fail("the Java client is missing: ./dev setup test fetches it")
    command = ["java", "-XX:TieredStopAtLevel=1", "-cp",
               f"{JAVA / 'classes'}:{JAVA / 'lib'}/*", "JavaClient"]
    return run_client(transports, command, version, transport)


def run_js(transports, version, transport):
    if not (JS / "stamp").is_file():
        pytest.fail("MQTT.js is missing: ./dev setup test fetches it")
    command = ["node", str(REPOSITORY / "tests/clients/js/client.js")]
    return run_client(transports, command, version, transport,
                      {"NODE_MODULES": str(JS / "node_modules")})


@pytest.mark.parametrize("transport", ["tcp", "tls", "ws"])
def test_java_5_with_every_property(transports, transport):
    rest = "text/plain answers UTF_8 b=1 a=2 b=3"

    assert run_java(transports, "5", transport) == [
        "connected SUCCESS false",
        f"0 0 false 'né 0' {rest}",
        f"1 1 true 'né 1' {rest}",
        f"2 2 false 'né 2' {rest}",
        "will 1 false 'gone'",
        "again SUCCESS true",
        "away 1 false 'kept'"]


@pytest.mark.parametrize("transport", ["tcp", "ws"])
def test_java_3_comes_back_to_its_session(transports, transport):
    assert run_java(transports, "3", transport) == [
        "connected false", "0 0 false 'né 0'", "1 1 false 'né 1'", "2 2 false 'né 2'",
        "again true", "away 2 false 'kept'"]


@pytest.mark.parametrize("transport", ["tcp", "tls", "ws"])
def test_js_5_with_every_property(transports, transport):
    rest = "text/plain answers true b=1+3 a=2"

    assert run_js(transports, "5", transport) == [
        "granted 2 0", f"0 0 false 'né 0' {rest}", f"1 1 true 'né 1' {rest}",
        f"2 2 false 'né 2' {rest}", "will 1 false 'gone'", "again true", "away 1 false 'kept'"]


@pytest.mark.parametrize("transport", ["tcp", "ws"])
def test_js_3_comes_back_to_its_session(transports, transport):
    assert run_js(transports, "3", transport) == [
        "granted 2 0", "0 0 false 'né 0'", "1 1 false 'né 1'", "2 2 false 'né 2'",
        "will 1 false 'gone'", "again true", "away 1 false 'kept'"]
