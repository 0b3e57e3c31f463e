"""The web console in a real browser, against a real server: scripts of console/e2e."""
import gzip
import http.server
import json
import re
import secrets
import subprocess
import threading
import time
import urllib.error
import urllib.request

import pytest

from integration.harness import REPOSITORY, environment_of, read_topic, wait_until
from integration.kafka_inflow import new_topic, produce
from integration.raw_mqtt import CONTENT_TYPE, SESSION_EXPIRY, USER_PROPERTY, RawClient

CONSOLE = REPOSITORY / "console"
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@pytest.fixture
def browse(tmp_path):
    """browse(server, script, ...): runs console/e2e/SCRIPT.mjs as the server's administrator."""

    def run(server, script, url=None, **given):
        account = server.administrator
        given = {"user": account.name, "password": account.password, **given}
        done = subprocess.run(
            ["node", "e2e/run.mjs", script, url or server.url + "/", json.dumps(given),
             str(tmp_path)],
            cwd=CONSOLE, capture_output=True, text=True, timeout=280, check=False,
            stdin=subprocess.DEVNULL, env=environment_of())
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
        return done.stdout

    return run


@pytest.fixture
def serve():
    """serve(Handler): the address of an HTTP server with that handler; it ends with the test."""
    made = []

    def begin(handler):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        made.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}"

    yield begin
    for server in made:
        server.shutdown()
        server.server_close()


@pytest.fixture
def behind_a_proxy(serve):
    """behind_a_proxy(server): its address under /some/where, as a proxy shows it that takes that
    away and keeps Host."""
    def begin(server):
        class Handler(http.server.BaseHTTPRequestHandler):
            def forward(self):
                path = self.path.removeprefix("/some/where")
                body = self.rfile.read(int(self.headers.get("Content-Length", 0))) or None
                request = urllib.request.Request(server.url + path, data=body,
                                                 headers=dict(self.headers), method=self.command)
                try:
                    answer = _opener.open(request, timeout=60)
                except urllib.error.HTTPError as refused:
                    answer = refused
                with answer:
                    data = answer.read()
                    self.send_response(answer.status)
                    for name, value in answer.headers.items():
                        if name.lower() not in ("connection", "content-length"):
                            self.send_header(name, value)
                    self.send_header("Content-Length", str(len(data)))
                    self.end_headers()
                    self.wfile.write(data)

            do_GET = do_POST = do_PATCH = do_DELETE = forward

            def log_message(self, *_):
                pass

        return f"{serve(Handler)}/some/where/"

    return begin


@pytest.fixture
def outside(serve):
    """outside(stop=server.stop, ...): an address where a script has something done outside the
    browser, by POST /stop; it is answered when that is done."""
    def begin(**what):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):  # pylint: disable=invalid-name
                status, text = 200, b"done"
                try:
                    what[self.path.strip("/")]()
                except Exception as error:  # the script tells it  # pylint: disable=broad-except
                    status, text = 500, repr(error).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_):
                pass

        return serve(Handler)

    return begin


def publish(server, topic, payload='{"watts": 7}'):
    message = {"topic": topic, "payload": payload}
    return server.rest("POST", "/messages", message).expect(200, 201)["id"]


def fetch(url, **headers):
    with _opener.open(urllib.request.Request(url, headers=headers), timeout=30) as answer:
        return answer.headers, answer.read()


def test_the_page_and_its_files_are_served_by_the_program_itself(sluice):
    headers, page = fetch(sluice.url + "/", Accept="text/html")
    policy = headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy and "unsafe" not in policy
    scripts = re.findall(r'<script[^>]* src="\./(assets/[^"]+\.js)"', page.decode())
    assert scripts, page

    headers, script = fetch(f"{sluice.url}/{scripts[0]}", **{"Accept-Encoding": "gzip"})
    assert headers["Content-Encoding"] == "gzip" and "immutable" in headers["Cache-Control"]
    assert len(gzip.decompress(script)) > len(script) > 100_000
    with pytest.raises(urllib.error.HTTPError, match="304"):
        fetch(f"{sluice.url}/{scripts[0]}", **{"If-None-Match": headers["ETag"]})


def test_who_logs_in_sees_the_overview_and_who_cannot_is_told_why(sluice, browse):
    browse(sluice, "login")


def test_the_first_log_in_asks_for_a_password_of_ones_own(make_sluice, browse):
    server = make_sluice(environment={"SLUICE_ADMIN_PASSWORD": None})
    printed = re.search(r"^password: (\S+)$", server.log_text(), re.MULTILINE)
    assert printed, server.log_text()

    browse(server, "first_start", password=printed[1], own=secrets.token_urlsafe(9))


def test_it_works_under_a_path_of_a_proxy(sluice, browse, behind_a_proxy):
    browse(sluice, "login", url=behind_a_proxy(sluice))


def test_a_record_reaches_kafka_by_clicks_alone(make_sluice, kafka, browse):
    topic = f"power-{secrets.token_hex(4)}"
    begun = time.monotonic()
    server = make_sluice()

    clicks = browse(server, "integration", kafka=kafka.bootstrap, topic=topic,
                    existing=new_topic(kafka))
    records = read_topic(kafka.bootstrap, topic, count=1)

    seconds = time.monotonic() - begun
    print(f"report: from the first start to a record in Apache Kafka: {clicks.strip()}; "
          f"{seconds:.1f} s with the start of server and browser")
    assert json.loads(records[0].value) == {"watts": 1300}
    assert records[0].header("mqtt.topic") == "meters/m1/power"
    task = server.get("/tasks/power")
    assert task["source"]["filters"] == ["meters/+/power", "plant/#"]
    assert (task["delivered"], task["dead_letters"]) == (1, 0)


def test_what_comes_from_outside_is_taken_in_by_form(sluice, kafka, browse, outside):
    topic = new_topic(kafka)
    sluice.add_kafka_connection("plant", kafka.bootstrap)
    account = sluice.allow_all("bridge")
    host, port = sluice.mqtt
    sluice.create("/connections", {"name": "self", "type": "mqtt", "settings": {
        "host": host, "port": port, "username": account.name, "password": account.password}})

    browse(sluice, "sources", topic=topic, secret=account.password, control=outside(
        produce=lambda: produce(kafka, topic, [(b"d1", b'{"on": true}')]),
        spoil=lambda: produce(kafka, topic, [(b"#", b'{"on": false}')]),
        publish=lambda: publish(sluice, "plant/a")))

    stored = sluice.get("/messages?filter=devices/%23")["items"]
    assert [(each["topic"], each["payload"]) for each in stored] == [
        ("devices/d1/commands", '{"on": true}')]
    assert sluice.get("/messages?filter=copy/%23")["items"][0]["topic"] == "copy/plant/a"
    assert sluice.get("/tasks/copies")["source"]["client_id"] == "copies-2"
    assert sluice.get("/connections/self")["settings"]["host"] == "localhost"


def test_a_server_that_was_away_is_gone_on_with(sluice, browse, outside):
    browse(sluice, "outage", control=outside(
        freeze=sluice.freeze, thaw=sluice.thaw, kill=sluice.kill9, start=sluice.start,
        publish=lambda: publish(sluice, "plant/a")))

    assert sluice.get("/tasks/kept")["where"] == "payload.watts > 1"


def test_who_saves_second_sees_what_the_first_one_changed(sluice, kafka_dev, browse):
    sluice.create("/administrators", {"name": "second", "role": "administrator",
                                      "password": "second-word"})
    sluice.add_kafka_connection("main", kafka_dev.bootstrap)
    sluice.create("/tasks", {"name": "plant", "source": {"filters": ["plant/#"]},
                             "map": {"topic": "plant"}, "sink": {"type": "file", "folder": "p"}})
    sluice.add_kafka_task("to-main", "main", ["other/#"], "other")
    sluice.add_policy("meters", effect="allow", operations=["connect"], users=["meter"])

    browse(sluice, "two_at_once", other={"user": "second", "password": "second-word"})

    task = sluice.get("/tasks/plant")
    assert (task["description"], task["where"]) == ("of the first", "payload.watts > 5")
    assert sluice.get("/connections/main")["description"] == "of the second"
    assert sluice.get("/policies/meters")["description"] == "of the first"


def test_what_is_refused_stands_at_its_field(sluice, browse):
    browse(sluice, "wrong_input")


def test_it_fits_a_tablet_and_needs_no_mouse(sluice, browse):
    sluice.create("/tasks", {"name": "plant", "source": {"filters": ["plant/#"]},
                             "map": {"topic": "plant"}, "sink": {"type": "file", "folder": "p"}})

    browse(sluice, "tablet")


def test_the_overview_is_there_soon(sluice, browse):
    loaded = json.loads(browse(sluice, "load"))

    print(f"report: the overview is usable {loaded['usable_ms']} ms after its address was given, "
          f"with an empty cache; {loaded['files']} files, {loaded['bytes']} bytes")
    assert loaded["bytes"] < 600_000


def test_a_dead_letter_is_read_and_sent_again(sluice, browse):
    sluice.create("/tasks", {
        "name": "strict", "source": {"filters": ["plant/#"]}, "map": {"topic": "plant"},
        "verify": {"json_schema": {"type": "object", "required": ["watts"]}},
        "sink": {"type": "file", "folder": "plant"}})
    for topic, payload in (("plant/a", '{"volts": 230}'), ("plant/b", "no JSON")):
        sluice.rest("POST", "/messages", {"topic": topic, "payload": payload}).expect(200, 201)
    wait_until(lambda: sluice.get("/tasks/strict")["dead_letters"] == 2, "dead letters")

    browse(sluice, "letters")

    assert sluice.rest("GET", "/tasks/strict").status == 404


def test_a_user_and_a_policy_are_made_and_asked(sluice, browse):
    browse(sluice, "access")


def test_what_a_policy_takes_away_is_read_before(sluice, browse):
    account = sluice.add_user("reader", "reader-word")
    sluice.add_policy("reader", operations=["connect"], users=["reader"])
    sluice.add_policy("doors", operations=["subscribe"], resources=["doors/#"], users=["reader"])
    with RawClient(sluice.mqtt) as reader:
        assert reader.connect("r-1", username=account.name, password=account.password).reason == 0
        assert reader.subscribe("doors/1", "doors/2", qos=1) == [1, 1]

        browse(sluice, "policy_loss")

        assert reader.receive().reason == 0x87, "its subscriptions were taken from it"
    assert sluice.get("/policies/doors")["resources"] == ["doors/3"]


def test_a_client_and_a_message_are_found(sluice, browse):
    account = sluice.allow_all("meter")
    client = RawClient(sluice.mqtt, 5)
    client.connect("meter-1", username=account.name, password=account.password,
                   properties=[(SESSION_EXPIRY, 3600)])
    client.subscribe("bills", properties=[(USER_PROPERTY, ("for", "billing"))])
    try:
        browse(sluice, "messages")
    finally:
        client.abort()

    assert sluice.get("/clients/meter-1")["status"] == "disconnected"


def fill(server):
    """Something on every page of the console; what its pages of one thing are, and show."""
    account = server.allow_all("meter")
    clients = []
    for name in ("meter-1", "meter-2"):
        clients.append(RawClient(server.mqtt, 5))
        clients[-1].connect(name, username=account.name, password=account.password,
                            properties=[(SESSION_EXPIRY, 3600)])
        clients[-1].subscribe("commands/#", "$share/workers/jobs/#", qos=1)
    clients[0].publish("state/door", b'{"open": true}', qos=1, retain=True)
    server.add_kafka_connection("lake", "127.0.0.1:9", verify=False)
    server.create("/tasks", {
        "name": "strict", "source": {"filters": ["plant/#"]}, "map": {"topic": "plant"},
        "verify": {"json_schema": {"type": "object", "required": ["watts"]}},
        "sink": {"type": "file", "folder": "plant"}})
    message = publish(server, "plant/a", '{"volts": 230}')
    server.wait_task("strict", dead_letters=1)
    server.create("/groups", {"name": "workers", "strategy": "sticky"})
    server.create("/block-rules", {"name": "stolen", "type": "client_id", "value": "stolen-*"})
    server.create("/enrichment-rules", {"name": "site", "topics": ["plant/#"],
                                        "user_properties": {"site": "north"}})
    server.create("/auto-subscriptions", {"name": "inbox", "filters": ["inbox/${client_id}"]})
    server.create("/tokens", {"name": "reader", "role": "viewer"})
    return clients, [
        ("clients/meter-1", "$share/workers/jobs/#"),
        (f"messages/{message}", '"volts": 230'),
        ("tasks/strict", "strict"), ("tasks/strict?tab=letters", "'watts'"),
        ("tasks/strict?tab=errors", "task.rejected"), ("tasks/strict/edit", "strict"),
        ("tasks/new", "1"), ("connections/lake/edit", "lake"), ("imports", "EMQX")]


@pytest.mark.parametrize("is_dark_and_chinese", (False, True), ids=("light", "dark-chinese"))
def test_every_page_opens_and_can_be_used_by_everybody(sluice, browse, is_dark_and_chinese):
    sluice.create("/administrators", {"name": "vic", "role": "viewer", "password": "viewer-word"})
    clients, more = fill(sluice)
    try:
        browse(sluice, "pages", more=more, isDarkAndChinese=is_dark_and_chinese,
               viewer={"user": "vic", "password": "viewer-word"})
    finally:
        for client in clients:
            client.abort()


def test_passwords_are_changed_and_a_deletion_says_what_goes(sluice, browse):
    sluice.add_user("meter")
    sluice.add_policy("meters", description="old words", effect="allow", operations=["connect"],
                      users=["meter"])
    sluice.rest("PATCH", "/policies/meters", {"description": "new words"}).expect(200)

    thief = sluice.allow_all("thief")
    for reason in (0, 0x8A):  # banned
        client = RawClient(sluice.mqtt, 5)
        answer = client.connect("stolen-1", username=thief.name, password=thief.password,
                                properties=[(SESSION_EXPIRY, 3600)])
        assert answer.reason == reason
        client.abort()
        if reason == 0:
            sluice.create("/block-rules",
                          {"name": "stolen", "type": "client_id", "value": "stolen-*"})

    browse(sluice, "accounts", tcp="{}:{}".format(*sluice.mqtt))

    assert sluice.rest("GET", "/users/meter").status == 404
    assert sluice.get("/block-rules")["items"] == []


def test_a_client_in_the_browser_draws_on_at_a_thousand_messages_a_second(make_sluice, browse):
    server = make_sluice({"listeners": {
        "ws": {"type": "ws", "bind": "127.0.0.1:0", "enabled": True, "origins": ["*"]}}})
    meter = server.add_user("meter")
    server.add_policy("meters", operations=["connect", "publish", "subscribe"],
                      resources=["meters/#"], users=["meter"])

    given = [("site", "north"), ("line", "4"), ("site", "south")]
    with RawClient(server.mqtt, 5) as reader:
        reader.connect("reader", username=meter.name, password=meter.password, keep_alive=0)
        reader.subscribe("meters/1", "meters/will")

        drawn = browse(server, "web_socket", meter=meter.password, properties=given,
                       ws="ws://{}:{}/mqtt".format(*server.address("ws")))

        assert reader.messages(1)[0].all(USER_PROPERTY) == given  # the first: the others came later
        # The browser is gone by now, without DISCONNECT.
        while (message := reader.messages(1)[0]).topic != "meters/will":
            pass
        assert (message.payload, message.all(CONTENT_TYPE)) == (b"\x00\xff", ["bytes"])

    print(f"report: {drawn.strip()}")


def test_a_setting_is_changed_refused_and_taken_back(sluice, browse):
    browse(sluice, "settings")

    groups = [each for each in sluice.get("/settings")["items"] if each["name"] == "mqtt.groups"]
    assert (groups[0]["value"], groups[0]["origin"]) == (1000, "default")


def test_what_happens_is_shown_as_it_happens(sluice, browse):
    meter = sluice.allow_all("meter")

    browse(sluice, "events", tcp="{}:{}".format(*sluice.mqtt), meter=meter.password)


def test_who_gets_what_is_seen_and_ended(sluice, browse, outside):
    account = sluice.allow_all("meter")
    made = []

    def client(name, *filters):
        made.append(RawClient(sluice.mqtt, 5))
        made[-1].connect(name, username=account.name, password=account.password,
                         properties=[(SESSION_EXPIRY, 3600)])
        if filters:
            made[-1].subscribe(*filters, qos=1)
        return made[-1]

    def join():
        for name in ("worker-1", "worker-2"):
            client(name, "$share/workers/jobs/#").disconnect()
        for _ in range(3):
            publish(sluice, "jobs/a")

    def grouped():
        group = sluice.get("/groups/workers")
        assert (group["strategy"], group["strategy_latency_seconds"], group["description"]) == (
            "hash_topic", 5, "they share the work"), group
        (part,) = group["subscriptions"]
        assert sorted(part["client_ids"]) == ["worker-1", "worker-2"], part

    first = publish(sluice, "plant/a/power", "first")
    # The form knows whole seconds: one of them begins between the two.
    between = int(time.time()) + 1
    wait_until(lambda: time.time() > between + 0.05, "another second")
    publish(sluice, "plant/a/power", "second")
    meter, other = client("meter-1", "plant/+/power", "state/#"), client("meter-2", "other/#")
    for topic in ("state/old", "state/kept"):
        meter.publish(topic, b'{"open": 1}', qos=1, retain=True)
    meter.messages(2)
    try:
        browse(sluice, "messaging", between=between * 1000, id=first,
               control=outside(join=join, grouped=grouped))

        assert sluice.rest("GET", "/groups/workers").status == 404
        assert sluice.get("/clients/worker-1")["subscriptions"] == []
        assert [each["topic"] for each in sluice.get("/retained")["items"]] == ["state/kept"]
        (kept,) = client("new", "state/#").messages(1)
        assert (kept.topic, kept.payload) == ("state/kept", b'{"open": 1}')

        publish(sluice, "plant/a/power")
        meter.expect_silence()
        publish(sluice, "state/kept")
        assert meter.messages(1)[0].topic == "state/kept"
        other.expect_closed()
        assert sluice.rest("GET", "/clients/meter-2").status == 404
    finally:
        for each in made:
            each.abort()


def test_what_rules_say_is_done_with_clients(sluice, browse, outside):
    account = sluice.allow_all("meter")
    made = []

    def client(name, reason=0):
        made.append(RawClient(sluice.mqtt, 5))
        answer = made[-1].connect(name, username=account.name, password=account.password)
        assert answer.reason == reason, f"{name}: {answer}"
        return made[-1]

    def blocked():
        thief.expect_closed()
        client("thief-2", reason=0x8A)  # banned

    def said_of_a_message():
        meter.publish("plant/a", b"x", qos=1)
        return reader.messages(1)[0].all(USER_PROPERTY)

    def enriched():
        assert said_of_a_message() == [("site", "north")]

    def plain():
        assert said_of_a_message() == []

    def subscribed(name, qos):
        one = client(name)
        assert [(each["filter"], each["qos"]) for each in
                sluice.get(f"/clients/{name}")["subscriptions"]] == [(f"inbox/{name}", qos)]
        meter.publish(f"inbox/{name}", b"for you", qos=2)
        assert one.messages(1)[0].qos == qos

    thief, meter, reader = client("thief-1"), client("meter-1"), client("reader-1")
    reader.subscribe("plant/#", qos=1)
    try:
        secret = browse(sluice, "rules", control=outside(
            blocked=blocked, excepted=lambda: client("thief-honest"),
            enriched=enriched, plain=plain, subscribed=lambda: subscribed("new-1", 1),
            exactly=lambda: subscribed("new-2", 2))).strip()

        client("new-3")
        assert sluice.get("/clients/new-3")["subscriptions"] == []
        client("thief-3", reason=0x8A)
    finally:
        for each in made:
            each.abort()
    (rule,) = sluice.get("/block-rules")["items"]
    assert (rule["type"], rule["value"], rule["except"]) == (
        "client_id", "thief-*", ["thief-honest"])
    assert sluice.get("/enrichment-rules")["items"] == []
    assert sluice.get("/auto-subscriptions")["items"] == []
    assert len(secret) > 20 and sluice.rest("GET", "/users", token=secret).status == 401
    assert sluice.rest("GET", "/tokens/reader").status == 404


def tbmq_integration(bootstrap):
    return {
        "name": "Plant telemetry", "type": "KAFKA", "enabled": True,
        "configuration": {
            "metadata": {"site": "north"}, "topicFilters": ["plant/+/telemetry"],
            "clientConfiguration": {
                "sendOnlyMsgPayload": False, "bootstrapServers": bootstrap,
                "topic": "tbmq.messages", "key": None, "clientIdPrefix": "tbmq", "retries": 0,
                "batchSize": 16384, "linger": 0, "bufferMemory": 33554432, "acks": "1",
                "compression": "none", "otherProperties": {}, "kafkaHeaders": {"from": "plants"},
                "kafkaHeadersCharset": "UTF-8"}}}


EMQX_FLOW = {
    "action": {
        "type": "kafka_producer", "name": "meters", "enable": True, "connector": "lake",
        "parameters": {"topic": "meters", "required_acks": "all_isr",
                       "message": {"key": "${.clientid}", "value": "${.payload.watts}"}}},
    "connector": {"bootstrap_hosts": "127.0.0.1:9"},
    "rule": {"sql": 'SELECT * FROM "meters/#" WHERE payload.watts > 1000'}}


def test_a_task_is_stopped_sent_back_copied_and_one_is_taken_over(
        sluice, kafka_dev, browse, outside):
    sluice.create("/tasks", {"name": "plant", "source": {"filters": ["plant/#"]},
                             "map": {"topic": "${topic}"},
                             "sink": {"type": "file", "folder": "plant"}})
    sluice.add_kafka_connection("spare", kafka_dev.bootstrap)
    numbers = iter(range(9))

    def written():
        found = [json.loads(line) for path in sorted((sluice.data / "files/plant").iterdir())
                 for line in path.read_text().splitlines()]
        return [each["topic"] for each in found]

    def paused():
        sluice.wait_task("plant", status="paused")
        for _ in range(3):
            publish(sluice, f"plant/{next(numbers)}")

    def again():
        assert sorted(written()) == 2 * ["plant/0"] + 2 * ["plant/1"] + 2 * ["plant/2"]

    browse(sluice, "task_actions", control=outside(paused=paused, again=again),
           tbmq=tbmq_integration(kafka_dev.bootstrap), emqx=EMQX_FLOW)

    publish(sluice, "plant/last")
    sluice.wait_task("plant", status="running", lag_messages=0, delivered=7)
    assert written()[6:] == ["plant/last"]  # and not what waited when it was sent on
    task, copy = sluice.task("plant"), sluice.task("plant-copy")
    assert (copy["enabled"], copy["status"]) == (False, "paused")
    assert [copy[each] for each in ("source", "map", "sink")] == [
        task[each] for each in ("source", "map", "sink")]
    assert sluice.rest("GET", "/connections/spare").status == 404

    publish(sluice, "plant/a/telemetry")
    taken = sluice.wait_task("Plant-telemetry", status="running", delivered=1)
    assert (taken["source"]["filters"], taken["map"]["topic"]) == (
        ["plant/+/telemetry"], "tbmq.messages")
    assert sluice.get("/connections/meters")["settings"]["bootstrap_servers"] == "127.0.0.1:9"
    assert sluice.task("meters")["where"] == "payload.watts > 1000"
