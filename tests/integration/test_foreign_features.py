"""What clients of other people offer beyond test_foreign_clients.py, feature by feature;
docs/guide/clients.md lists them."""
import os
import queue
import subprocess

import paho.mqtt.client as paho
import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from integration.certificates import Authority
from integration.harness import REPOSITORY, Sluice, wait_until
from integration.test_foreign_clients import JAVA, JS, SECONDS, Paho, pahos

V5 = paho.MQTTv5


def properties(packet, **values):
    made = Properties(packet)
    for name, value in values.items():
        setattr(made, name, value)
    return made


def connecting(**values):
    return {"properties": properties(PacketTypes.CONNECT, **values)}


@pytest.fixture(scope="module")
def everywhere(tmp_path_factory):
    """A server with access control, every transport, and certificates of clients."""
    folder = tmp_path_factory.mktemp("features")
    authority = Authority(folder / "authority")
    pair, client = authority.issue("server"), authority.issue("device", "/CN=device")
    secured = {"enabled": True, "bind": "127.0.0.1:0", "certificate": str(pair.certificate),
               "key": str(pair.key)}
    server = Sluice(folder, {"listeners": {
        "tls": {"type": "mqtts", **secured, "client_certificate": "optional",
                "client_ca": str(authority.certificate), "user_from": "common_name"},
        "ws": {"type": "ws", "enabled": True, "bind": "127.0.0.1:0"},
        "wss": {"type": "wss", **secured}}})
    try:
        server.start()
        server.allow_all("meter", "secret")
        server.allow_all("device", "secret")
        server.ca, server.device = str(authority.certificate), client
        yield server
        server.stop()
    finally:
        server.kill9()


# --- Eclipse Paho for Python ---------------------------------------------------------------------

@pahos
@pytest.mark.parametrize("listener", ["tcp", "tls", "ws", "wss"])
def test_paho_on_every_transport_with_a_password(everywhere, version, listener):
    client = Paho(everywhere.address(listener), f"paho-{version}-{listener}", version,
                  transport="websockets" if listener.startswith("ws") else "tcp")
    client.client.username_pw_set("meter", "secret")
    if listener in ("tls", "wss"):
        client.client.tls_set(ca_certs=everywhere.ca)
    with client:
        client.subscribe(f"paho/{listener}/{version}", qos=1)
        client.publish(f"paho/{listener}/{version}", b"x" * 100_000, qos=1)
        assert len(client.take(1)[0].payload) == 100_000


def test_paho_logs_in_by_certificate(everywhere):
    client = Paho(everywhere.address("tls"), "paho-certificate", V5)
    client.client.tls_set(ca_certs=everywhere.ca, certfile=str(everywhere.device.certificate),
                          keyfile=str(everywhere.device.key))
    with client:
        shown = {each["client_id"]: each for each in everywhere.get("/clients")["items"]}
        assert shown["paho-certificate"]["username"] == "device"


@pahos
def test_paho_is_told_of_a_wrong_password(everywhere, version):
    client = Paho(everywhere.mqtt, "wrong", version)
    client.client.username_pw_set("meter", "wrong")
    client.client.connect(*everywhere.mqtt)
    client.client.loop_start()
    try:
        _, reason = client.connected.get(timeout=SECONDS)
    finally:
        client.client.loop_stop()
    assert reason == ReasonCode(PacketTypes.CONNACK, "Bad user name or password")


def test_paho_no_local_retain_as_published_and_retain_handling(broker, topic):
    with Paho(broker.address, broker.unique(), V5) as client, \
            Paho(broker.address, broker.unique(), V5) as other:
        other.publish(topic, b"old", qos=1, retain=True)
        client.subscribe(topic, options=SubscribeOptions(
            qos=1, noLocal=True, retainAsPublished=True, retainHandling=2))
        client.publish(topic, b"own", qos=1)
        other.publish(topic, b"new", qos=1, retain=True)
        found = client.take(1)[0]
        assert (found.payload, found.retain) == (b"new", True)
        # 1: only where there was no subscription; 0: always.
        client.subscribe(topic, options=SubscribeOptions(qos=1, retainHandling=1))
        client.subscribe(topic, options=SubscribeOptions(qos=1, retainHandling=0))
        found = client.take(1)[0]
        assert (found.payload, found.retain) == (b"new", True)
        client.client.publish(topic, b"", retain=True).wait_for_publish(SECONDS)
        assert client.take(1)[0].payload == b""


def test_paho_shares_a_subscription(broker, topic):
    shared = f"$share/{broker.unique()}/{topic}"
    with Paho(broker.address, broker.unique(), V5) as one, \
            Paho(broker.address, broker.unique(), V5) as two, \
            Paho(broker.address, broker.unique(), V5) as publisher:
        for member in (one, two):
            member.subscribe(shared, qos=1)
        for number in range(20):
            publisher.publish(topic, str(number), qos=1)
        found = []
        wait_until(lambda: found.extend(taken(one) + taken(two)) or len(found) >= 20, "all of them")
        assert sorted(int(message.payload) for message in found) == list(range(20))


def taken(client):
    found = []
    while True:
        try:
            found.append(client.messages.get_nowait())
        except queue.Empty:
            return found


def test_paho_asks_and_answers(broker, topic):
    with Paho(broker.address, broker.unique(), V5) as asker, \
            Paho(broker.address, broker.unique(), V5) as answerer:
        answerer.subscribe(topic + "/question", qos=1)
        asker.subscribe(topic + "/answer", qos=1)
        asker.publish(topic + "/question", b"?", qos=1, properties=properties(
            PacketTypes.PUBLISH, ResponseTopic=topic + "/answer", CorrelationData=b"\x00\xff"))
        asked = answerer.take(1)[0].properties
        answerer.publish(asked.ResponseTopic, b"!", qos=1, properties=properties(
            PacketTypes.PUBLISH, CorrelationData=asked.CorrelationData))
        answer = asker.take(1)[0]
        assert (answer.payload, answer.properties.CorrelationData) == (b"!", b"\x00\xff")


def test_paho_publishes_by_alias(broker, topic):
    with Paho(broker.address, broker.unique(), V5) as subscriber, \
            Paho(broker.address, broker.unique(), V5) as publisher:
        subscriber.subscribe(topic, qos=1)
        alias = properties(PacketTypes.PUBLISH, TopicAlias=3)
        publisher.publish(topic, b"1", qos=1, properties=alias)
        publisher.publish("", b"2", qos=1, properties=alias)
        assert [(each.topic, each.payload) for each in subscriber.take(2)] == [
            (topic, b"1"), (topic, b"2")]


def test_paho_delays_its_will_and_ends_its_session_at_disconnect(broker, topic):
    name = broker.unique()
    with Paho(broker.address, broker.unique(), V5) as watcher:
        watcher.subscribe(topic, qos=1)
        dying = Paho(broker.address, name, V5, clean_start=False,
                     **connecting(SessionExpiryInterval=600))
        dying.client.will_set(topic, b"gone", qos=1, properties=properties(
            PacketTypes.WILLMESSAGE, WillDelayInterval=600, UserProperty=[("a", "1")]))
        with dying:
            dying.client.socket().shutdown(2)
            # Back in time: the will is forgotten, the session is there.
            assert dying.connected.get(timeout=SECONDS)[0].session_present
            watcher.publish(topic, b"end", qos=1)
            assert watcher.take(1)[0].payload == b"end"
            # The session ends with the connection now, and the delay of the will with it.
            dying.client.disconnect(
                reasoncode=ReasonCode(PacketTypes.DISCONNECT, "Disconnect with will message"),
                properties=properties(PacketTypes.DISCONNECT, SessionExpiryInterval=0))
            will = watcher.take(1)[0]
        assert (will.payload, will.properties.UserProperty) == (b"gone", [("a", "1")])
    with Paho(broker.address, name, V5, clean_start=False) as again:
        assert not again.flags.session_present


def test_paho_gets_no_more_than_it_takes(broker, topic):
    limits = connecting(ReceiveMaximum=2, MaximumPacketSize=500)
    with Paho(broker.address, broker.unique(), V5, **limits) as small, \
            Paho(broker.address, broker.unique(), V5) as publisher:
        small.subscribe(topic, qos=1)
        publisher.publish(topic, b"x" * 600, qos=1)  # dropped for this client
        for number in range(50):
            publisher.publish(topic, str(number), qos=1)
        assert [int(each.payload) for each in small.take(50)] == list(range(50))


def test_paho_is_given_what_connack_says(broker):
    answers = queue.Queue()
    client = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id="", protocol=V5)
    client.on_connect = lambda c, u, flags, reason, said: answers.put(said)
    client.connect(*broker.address, keepalive=20_000)
    client.loop_start()
    try:
        said = answers.get(timeout=SECONDS)
    finally:
        client.disconnect()
        client.loop_stop()
    assert said.AssignedClientIdentifier
    assert said.ServerKeepAlive == 3600
    assert said.TopicAliasMaximum == 64
    assert said.ReceiveMaximum == 1024
    assert said.MaximumPacketSize == 1 << 20


@pahos
def test_paho_unsubscribes(broker, topic, version):
    with Paho(broker.address, broker.unique(), version) as client:
        done = queue.Queue()
        client.client.on_unsubscribe = lambda c, u, number, codes, props: done.put(codes)
        client.subscribe(topic + "/a", qos=1)
        client.subscribe(topic + "/b", qos=1)
        client.client.unsubscribe(topic + "/a")
        done.get(timeout=SECONDS)
        client.publish(topic + "/a", b"no", qos=1)
        client.publish(topic + "/b", b"yes", qos=1)
        assert client.take(1)[0].payload == b"yes"


# --- mosquitto's command line --------------------------------------------------------------------

def mosquitto(program, address, *arguments, version="mqttv5"):
    host, port = address
    return subprocess.run([program, "-h", host, "-p", str(port), "-V", version, *arguments],
                          capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("qos", [0, 1, 2])
def test_mosquitto_rr_gets_its_answer(broker, topic, qos):
    """mosquitto_rr asks, with response topic; another client answers where it was told to."""
    with Paho(broker.address, broker.unique(), V5) as answerer:
        def answer(client, _, asked):
            client.publish(asked.properties.ResponseTopic, b"answer to " + asked.payload, qos=qos)
        answerer.client.on_message = answer
        answerer.subscribe(topic + "/question", qos=qos)
        done = mosquitto("mosquitto_rr", broker.address, "-t", topic + "/question", "-e",
                         topic + "/answer", "-m", "question", "-q", str(qos), "-W", "30")
    assert (done.returncode, done.stdout.strip()) == (0, "answer to question"), done.stderr


def test_mosquitto_rr_of_mqtt_3(broker, topic):
    with Paho(broker.address, broker.unique(), paho.MQTTv311) as answerer:
        answerer.client.on_message = lambda client, _, asked: client.publish(
            topic + "/answer", b"answer to " + asked.payload, qos=1)
        answerer.subscribe(topic + "/question", qos=1)
        done = mosquitto("mosquitto_rr", broker.address, "-t", topic + "/question", "-e",
                         topic + "/answer", "-m", "question", "-q", "1", "-W", "30",
                         version="mqttv311")
    assert (done.returncode, done.stdout.strip()) == (0, "answer to question"), done.stderr


def test_mosquitto_comes_back_to_its_session(broker, topic):
    name = broker.unique()
    stays = ["-i", name, "-c", "-x", "600", "-q", "1", "-t", topic]
    assert mosquitto("mosquitto_sub", broker.address, *stays, "-E").returncode == 0
    for number in range(3):
        mosquitto("mosquitto_pub", broker.address, "-t", topic, "-q", "1", "-m", str(number))
    done = mosquitto("mosquitto_sub", broker.address, *stays, "-C", "3")
    assert done.stdout.split() == ["0", "1", "2"]
    # -U takes the subscription away again.
    assert mosquitto("mosquitto_sub", broker.address, *stays, "-U", topic, "-E").returncode == 0


def test_mosquitto_retained_is_kept_read_alone_and_removed(broker, topic):
    mosquitto("mosquitto_pub", broker.address, "-t", topic, "-r", "-q", "1", "-m", "kept")
    once = ["-t", topic, "-W", "30"]
    read = mosquitto("mosquitto_sub", broker.address, *once, "--retained-only", "-C", "1",
                     "--retain-as-published", "-F", "%r %p")
    assert read.stdout.strip() == "1 kept"
    mosquitto("mosquitto_sub", broker.address, *once, "--remove-retained", "-C", "1")
    with Paho(broker.address, broker.unique(), V5) as client:
        client.subscribe(topic, qos=1)
        client.publish(topic, b"end", qos=1)
        assert client.take(1)[0].payload == b"end"


def test_mosquitto_publish_by_alias_with_expiry_and_a_will_with_properties(broker, topic):
    with Paho(broker.address, broker.unique(), V5) as client:
        client.subscribe(topic + "/#", qos=1)
        done = mosquitto("mosquitto_pub", broker.address, "-t", topic + "/a", "-q", "1", "-m", "x",
                         "-D", "publish", "topic-alias", "1", "--repeat", "3", "-D", "publish",
                         "message-expiry-interval", "500", "-D", "connect", "receive-maximum", "5")
        assert done.returncode == 0, done.stderr
        for found in client.take(3):
            assert found.topic == topic + "/a"
            assert 400 < found.properties.MessageExpiryInterval <= 500
        host, port = broker.address
        dying = subprocess.Popen(
            ["mosquitto_sub", "-h", host, "-p", str(port), "-V", "mqttv5", "-t", topic + "/none",
             "-i", (name := broker.unique()), "--will-topic", topic + "/will", "--will-payload",
             "gone", "--will-qos", "1", "-D", "will", "user-property", "a", "1", "-D", "will",
             "content-type", "text"], stdout=subprocess.DEVNULL)
        try:
            # Only the log of a server of ours says when it is there; a question does everywhere.
            wait_until(lambda: has_come(broker, name), "the client with the will")
        finally:
            dying.kill()
            dying.wait()
        will = client.take(1)[0]
        assert (will.payload, will.properties.ContentType) == (b"gone", "text")
        assert will.properties.UserProperty == [("a", "1")]


def has_come(broker, name):
    return any(each["client_id"] == name and each["subscriptions"]
               for each in broker.server.get("/clients?limit=1000")["items"])


def test_mosquitto_by_tls_with_password_and_with_certificate(everywhere):
    by_tls = ["--cafile", everywhere.ca, "--tls-alpn", "mqtt", "--tls-version", "tlsv1.3"]
    password = ["-u", "meter", "-P", "secret"]
    certificate = ["--cert", str(everywhere.device.certificate), "--key",
                   str(everywhere.device.key)]
    address = ("localhost", everywhere.address("tls")[1])
    for number, login in enumerate([password, certificate]):
        done = mosquitto("mosquitto_pub", address, *by_tls, *login, "-t", f"tls/{number}", "-r",
                         "-q", "1", "-m", "x")
        assert done.returncode == 0, done.stderr
        done = mosquitto("mosquitto_sub", address, *by_tls, *login, "-t", f"tls/{number}", "-C",
                         "1", "-W", "30", version="mqttv311")
        assert done.stdout.strip() == "x", done.stderr
    done = mosquitto("mosquitto_pub", address, *by_tls, "-u", "meter", "-P", "wrong", "-t", "a",
                     "-m", "x")
    assert done.returncode != 0 and "bad user name or password" in done.stderr.lower(), done.stderr


# --- MQTT.js and HiveMQ's client for Java --------------------------------------------------------

# Both do the same, and say on a line each what came of it.
FEATURES = [
    "login 0 with a proof of the server",
    "login again 0",
    "wrong password 134",
    "no local 'of another' retain",
    "retain handling 'kept' once",
    "shared 20 of 20",
    "identifiers 7+9",
    "answer 'question' 'c'",
    "alias a/b - a/b a/b",
    "delayed will 'gone' after its session",
    "too large: dropped"]


def run(everywhere, command, **environment):
    ports = [str(everywhere.address(listener)[1]) for listener in ("tcp", "wss")]
    done = subprocess.run([*command, *ports, everywhere.ca], capture_output=True, text=True,
                          timeout=90, check=False, env={**os.environ, **environment})
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


def test_java_feature_by_feature(everywhere):
    if not (JAVA / "classes").is_dir():
        pytest.fail("the Java client is missing: ./dev setup test fetches it")
    # It shows its programs neither identifiers of subscriptions nor aliases.
    wanted = [line for line in FEATURES if not line.startswith(("identifiers", "alias"))]
    assert run(everywhere, ["java", "-XX:TieredStopAtLevel=1", "-cp",
                            f"{JAVA / 'classes'}:{JAVA / 'lib'}/*", "JavaFeatures"]) == wanted


def test_js_feature_by_feature(everywhere):
    if not (JS / "stamp").is_file():
        pytest.fail("MQTT.js is missing: ./dev setup test fetches it")
    command = ["node", str(REPOSITORY / "tests/clients/js/features.js")]
    assert run(everywhere, command, NODE_MODULES=str(JS / "node_modules")) == FEATURES
