"""Who may do what, as an MQTT client sees it; the switch, users and policies."""
import pytest

from integration import raw_mqtt as mqtt
from integration.harness import wait_until
from integration.raw_mqtt import RawClient

BAD_PASSWORD, NOT_AUTHORIZED = {4: 4, 5: 0x86}, {4: 5, 5: 0x87}
ACCEPTED = (0x00, 0x10)  # 0x10: stored, and nobody has subscribed to it
both = pytest.mark.parametrize("version", [4, 5])


def connect(server, version, client_id="c", **options):
    raw = RawClient(server.mqtt, version)
    answer = raw.connect(client_id, **options)
    if answer.reason:
        raw.abort()
    return raw, answer.reason


@both
def test_connect_codes(sluice, version):
    good = sluice.allow_all("meter")
    sluice.add_user("powerless", "secret-of-powerless")

    def code(**options):
        raw, reason = connect(sluice, version, **options)
        raw.abort()
        return reason

    assert code(username=good.name, password=good.password) == 0
    assert code(username=good.name, password="wrong") == BAD_PASSWORD[version]
    assert code(username=good.name, password="") == BAD_PASSWORD[version]
    assert code(username="nobody", password="x") == BAD_PASSWORD[version]
    assert code(username="powerless", password="secret-of-powerless") == NOT_AUTHORIZED[version]
    assert code() in (BAD_PASSWORD[version], NOT_AUTHORIZED[version])
    # Administrators are accounts of REST alone.
    administrator = sluice.administrator
    assert code(username="admin", password=administrator.password) == BAD_PASSWORD[version]


@both
def test_deny_by_default_and_deny_wins(sluice, version):
    account = sluice.add_user("meter")
    sluice.add_policy("connect", operations=["connect"], users=["meter"])
    sluice.add_policy("out", operations=["publish"], resources=["meters/${username}/#"],
                      users=["meter"])
    sluice.add_policy("commands", operations=["subscribe"], resources=["commands/${username}/#"],
                      users=["meter"])
    sluice.add_policy("not-secret", effect="deny", operations=["publish"],
                      resources=["meters/+/secret"])
    raw, reason = connect(sluice, version, username=account.name, password=account.password)
    assert reason == 0
    with raw:
        refused = 0x87 if version == 5 else 0x80
        assert raw.subscribe("commands/meter/#", "commands/other/#", "#", "commands/meter/x",
                             "meters/meter/a", qos=1) == [1, refused, refused, 1, refused]
        assert raw.publish("meters/meter/a", b"x", qos=1).reason in ACCEPTED
        if version == 5:
            for topic in ("meters/other/a", "meters/meter/secret", "elsewhere"):
                assert raw.publish(topic, b"x", qos=1).reason == 0x87
                assert raw.publish(topic, b"x", qos=2).reason == 0x87
            assert raw.publish("meters/meter/b", b"x", qos=2).reason in ACCEPTED


def test_what_is_refused_is_not_delivered(sluice):
    account = sluice.add_user("meter")
    watcher_account = sluice.allow_all("watcher")
    sluice.add_policy("connect", operations=["connect"], users=["meter"])
    sluice.add_policy("out", operations=["publish"], resources=["ok"], users=["meter"])
    who = {"username": account.name, "password": account.password}
    watcher, _ = connect(sluice, 5, "w", username="watcher", password=watcher_account.password)
    with watcher:
        watcher.subscribe("#", qos=1)
        for version in (4, 5):
            raw, reason = connect(sluice, version, f"m{version}", **who)
            assert reason == 0
            with raw:
                raw.send(mqtt.publish_packet(version, "no", b"no", qos=0))
                raw.send(mqtt.publish_packet(version, "no", b"no", qos=1, packet_id=9))
                try:  # 3.1.1 may be acknowledged or closed [MQTT-3.3.5-2]; never delivered
                    raw.receive()
                except mqtt.Closed:
                    pass
        raw, _ = connect(sluice, 5, "end", **who)
        with raw:
            raw.publish("ok", b"end", qos=1)
        assert watcher.messages(1)[0].payload == b"end"


def test_a_will_needs_the_right_to_publish(sluice):
    account = sluice.add_user("meter")
    watcher_account = sluice.allow_all("watcher")
    sluice.add_policy("connect", operations=["connect"], users=["meter"])
    watcher, _ = connect(sluice, 5, "w", username="watcher", password=watcher_account.password)
    with watcher:
        watcher.subscribe("#", qos=1)
        dying, reason = connect(sluice, 5, "dying", username="meter", password=account.password,
                                will={"topic": "no", "payload": b"no", "qos": 1})
        assert reason in (0, 0x87)
        dying.abort()
        watcher.publish("end", b"end", qos=1)
        assert watcher.messages(1)[0].payload == b"end"


def test_policies_count_at_once(sluice):
    account = sluice.add_user("meter")
    sluice.add_policy("connect", operations=["connect"], users=["meter"])
    raw, reason = connect(sluice, 5, username=account.name, password=account.password)
    assert reason == 0
    with raw:
        assert raw.publish("a", b"x", qos=1).reason == 0x87
        sluice.add_policy("out", operations=["publish"], resources=["a"], users=["meter"])
        wait_until(lambda: raw.publish("a", b"x", qos=1).reason in ACCEPTED, "the new policy counts", 5)
        sluice.delete("/policies/out")
        wait_until(lambda: raw.publish("a", b"x", qos=1).reason == 0x87, "the policy is gone", 5)


def test_what_a_change_would_take_away_is_what_it_takes(sluice):
    sluice.add_policy("enter", operations=["connect"])
    sluice.add_policy("doors", operations=["subscribe"], resources=["doors/#"])
    sluice.add_policy("rooms", operations=["subscribe"], resources=["rooms/#"], users=["meter"])
    account = sluice.add_user("meter")
    sluice.rest("POST", "/tasks?create_account=true", {
        "name": "files", "source": {"filters": ["doors/#"]}, "map": {"topic": "x"},
        "sink": {"type": "file", "folder": "files"}}).expect(201)
    sluice.delete("/policies/task-files")  # it reads by what everybody may read

    def preview(**change):
        return sluice.rest("POST", "/policies:preview", change)

    clients = []
    for number, filters in enumerate((["doors/1", "rooms/1"], ["doors/2", "doors/3"], ["rooms/2"])):
        raw, reason = connect(sluice, 5, f"m-{number}", username=account.name,
                              password=account.password, properties=[(mqtt.SESSION_EXPIRY, 3600)])
        assert reason == 0 and raw.subscribe(*filters, qos=1) == [1] * len(filters)
        clients.append(raw)
    foretold = preview(name="doors").expect(200)
    assert foretold == {"clients_disconnected": 2, "subscriptions_dropped": 3,
                        "clients": ["m-0", "m-1"], "tasks": ["files"]}
    narrower = {"resources": ["doors/1", "doors/2"]}
    assert preview(name="doors", policy=narrower).expect(200)["subscriptions_dropped"] == 1
    deny = {"name": "nobody", "effect": "deny", "operations": ["connect"], "client_ids": ["m-2"]}
    assert preview(policy=deny).expect(200)["clients"] == ["m-2"]
    for wrong, code, status in ((preview(), "invalid_document", 422),
                                (preview(name="no"), "not_found", 404),
                                (preview(policy={"name": "nobody"}), "invalid_document", 422),
                                (preview(policy={**deny, "name": "doors"}), "name_taken", 409)):
        assert (wrong.status, wrong.body["code"]) == (status, code), wrong
    assert preview(policy={**deny, "effect": "no"}).body["fields"][0]["pointer"] == "/policy/effect"
    assert sluice.get("/policies/doors")["resources"] == ["doors/#"], "nothing was changed"

    sluice.delete("/policies/doors")

    assert [raw.receive().reason for raw in clients[:2]] == [0x87, 0x87]
    assert clients[2].publish("x", b"x", qos=1).reason == 0x87, "it is still there"
    wait_until(lambda: sluice.get("/clients/m-1/subscriptions")["items"] == [], "both are gone")
    kept, = sluice.get("/clients/m-0/subscriptions")["items"]
    assert kept["filter"] == "rooms/1"
    sluice.wait_task("files", status="waiting")
    for raw in clients:
        raw.abort()


def test_qos_message_type_client_and_source(sluice):
    account = sluice.add_user("meter")
    sluice.add_policy("connect", operations=["connect"], users=["meter"], client_ids=["ok-*"],
                      sources=["127.0.0.0/8"])
    sluice.add_policy("elsewhere", operations=["connect"], users=["meter"],
                      sources=["10.0.0.0/8"])
    sluice.add_policy("out", operations=["publish"], resources=["a"], qos=[1],
                      message_types=["general"])
    who = {"username": account.name, "password": account.password}
    _, reason = connect(sluice, 5, "other", **who)
    assert reason == 0x87
    raw, reason = connect(sluice, 5, "ok-1", **who)
    assert reason == 0
    with raw:
        assert raw.publish("a", b"x", qos=1).reason in ACCEPTED
        assert raw.publish("a", b"x", qos=2).reason == 0x87
        assert raw.publish("a", b"x", qos=1, retain=True).reason == 0x87


def test_the_switch_off_admits_everybody(make_sluice):
    server = make_sluice({"access": {"enabled": False}})
    for options in ({}, {"username": "anybody"}, {"username": "anybody", "password": "x"}):
        raw, reason = connect(server, 5, **options)
        assert reason == 0
        with raw:
            assert raw.publish("a", b"x", qos=1).reason in ACCEPTED
    # The switch concerns MQTT alone.
    assert server.rest("GET", "/overview", token="").status == 401


def test_users_and_policies_survive_kill_9(sluice):
    account = sluice.allow_all("meter")
    sluice.kill9()
    sluice.start()
    raw, reason = connect(sluice, 5, username=account.name, password=account.password)
    assert reason == 0
    with raw:
        assert raw.publish("a", b"x", qos=1).reason in ACCEPTED


def test_a_deleted_user_cannot_come_back(sluice):
    account = sluice.allow_all("meter")
    sluice.delete("/users/meter")
    _, reason = connect(sluice, 5, username=account.name, password=account.password)
    assert reason == 0x86


def lasting(version):
    """Options of a session that outlives its connection."""
    return {"clean": False,
            **({"properties": [(mqtt.SESSION_EXPIRY, 3600)]} if version == 5 else {})}


def expect_farewell(raw):
    """Closed by the server; MQTT 5 is told why."""
    said = raw.expect_closed(5)
    assert [(entry.type, entry.reason) for entry in said] == (
        [(mqtt.DISCONNECT, 0x87)] if raw.version == 5 else [])


@both
def test_rights_that_are_taken_away_end_at_once(sluice, version):
    account, other = sluice.add_user("meter"), sluice.allow_all("other")
    sluice.add_policy("connect", operations=["connect"], users=["meter"])
    sluice.add_policy("private", operations=["subscribe"], resources=["private/#"],
                      users=["meter"])
    who = {"username": account.name, "password": account.password, **lasting(version)}
    sender, _ = connect(sluice, 5, "s", username=other.name, password=other.password)
    raw, _ = connect(sluice, version, **who)
    away, _ = connect(sluice, version, "away", **who)
    assert raw.subscribe("private/#", qos=1) == away.subscribe("private/#", qos=1) == [1]
    away.disconnect()
    with sender:
        assert sender.publish("private/a", b"before", qos=1).reason == 0
        assert raw.messages(1)[0].payload == b"before"

        sluice.delete("/policies/private")
        expect_farewell(raw)
        assert sender.publish("private/a", b"after", qos=1).reason == 0x10  # nobody subscribes
        for client_id in ("c", "away"):
            raw, reason = connect(sluice, version, client_id, **who)
            assert reason == 0
            raw.expect_silence()
            if client_id == "c":
                raw.abort()

        sluice.delete("/policies/connect")
        expect_farewell(raw)
    _, reason = connect(sluice, version, **who)
    assert reason == NOT_AUTHORIZED[version]


@both
@pytest.mark.parametrize("killed", [False, True], ids=["running", "killed"])
def test_a_new_user_of_an_old_name_gets_nothing_of_the_old_one(sluice, version, killed):
    account, other = sluice.allow_all("meter"), sluice.allow_all("other")
    who = {"username": account.name, "password": account.password, **lasting(version)}
    raw, _ = connect(sluice, version, **who)
    away, _ = connect(sluice, version, "away", **who)
    assert raw.subscribe("private/#", qos=1) == away.subscribe("private/#", qos=1) == [1]
    away.disconnect()
    sender, _ = connect(sluice, 5, "s", username=other.name, password=other.password)
    with sender:
        assert sender.publish("private/a", b"for the old one", qos=1).reason == 0
    assert raw.messages(1)[0].payload == b"for the old one"

    sluice.delete("/users/meter")
    if killed:
        sluice.kill9()
        sluice.start()
    else:
        expect_farewell(raw)
    sluice.add_user("meter", account.password)
    for client_id in ("c", "away"):
        raw = RawClient(sluice.mqtt, version)
        with raw:
            answer = raw.connect(client_id, **who)
            assert (answer.reason, answer.session_present) == (0, False)
            raw.expect_silence()


def test_filters_of_one_client_have_a_limit_in_bytes(sluice):
    account = sluice.allow_all("meter")
    for version, refused in ((5, 0x97), (4, 0x80)):
        raw, _ = connect(sluice, version, f"c{version}", username=account.name,
                         password=account.password)
        with raw:
            codes = [raw.subscribe(f"{i}/" + "f" * 60_000, qos=1)[0] for i in range(20)]
        assert codes == [1] * 17 + [refused] * 3


def test_nobody_subscribes_to_the_group_of_a_task(sluice, kafka_dev):
    account = sluice.allow_all("meter")
    sluice.add_kafka_connection("kafka", kafka_dev.bootstrap)
    sluice.add_kafka_task("flow", "kafka", ["flow/#"], "topic")
    for version, refused in ((5, 0x87), (4, 0x80)):
        raw, _ = connect(sluice, version, f"c{version}", username=account.name,
                         password=account.password)
        with raw:
            assert raw.subscribe("$share/group-kafka-flow/flow/#", qos=1) == [refused]


def test_a_server_need_not_say_why_a_subscription_fails(make_sluice):
    server = make_sluice({"access": {"refused_subscription": "unspecified"}})
    account = server.add_user("meter")
    server.add_policy("connect", operations=["connect"], resources=["#"], users=["meter"])
    raw, _ = connect(server, 5, "c", username=account.name, password=account.password)
    with raw:
        assert raw.subscribe("secret/#", qos=1) == [0x80]
