"""What happened, in a real server: kept over a restart and a kill, by REST and by command line."""
import json
import subprocess

from integration.harness import environment_of, sluice_binary, wait_until
from integration.raw_mqtt import RawClient
from integration.stream_reader import StreamReader
from integration.test_administrators import add_administrator, log_in
from integration.harness import Account


def events_of(server, path="/events", query=""):
    return [event["event"] for event in server.get(f"{path}?limit=1000{query}")["items"]]


def connect_and_leave(server, client_id):
    client = RawClient(server.mqtt, 5)
    client.connect(client_id)
    client.subscribe("a/#")
    client.abort()


def test_events_are_there_after_a_stop_and_after_a_kill(make_sluice):
    server = make_sluice({"access": {"enabled": False}})
    wanted = ["session.terminated", "client.disconnected", "session.subscribed",
              "client.connected", "session.created"]
    connect_and_leave(server, "meter/1")
    wait_until(lambda: len(events_of(server)) >= 5, "five events")
    assert sorted(events_of(server, "/clients/meter%2F1/events")) == sorted(wanted)
    server.restart()
    assert sorted(events_of(server, "/clients/meter%2F1/events")) == sorted(wanted)

    connect_and_leave(server, "other")
    wait_until(lambda: len(events_of(server, "/clients/other/events")) >= 5, "five events more")
    # What is durable by now is there: a message that is acknowledged has everything before it.
    user = server.rest("POST", "/messages", {"topic": "x", "payload": "y"})
    user.expect(201)
    before = server.get("/events?limit=1")["items"][0]["id"]
    server.kill9()
    server.start()
    assert len(events_of(server, "/clients/other/events")) == 5
    connect_and_leave(server, "third")
    wait_until(lambda: events_of(server, "/events", f"&after={before}"), "events behind the kill")


def test_a_stream_goes_on_where_it_ended(make_sluice):
    server = make_sluice({"access": {"enabled": False}})
    first = StreamReader(server, "?kinds=clients")
    connect_and_leave(server, "known")
    first.next(lambda told: told.data["event"] == "client.disconnected")
    first.close()
    connect_and_leave(server, "missed")
    wait_until(lambda: len(events_of(server, "/clients/missed/events")) == 5, "they are kept")
    server.restart()

    again = StreamReader(server, "?kinds=clients", {"Last-Event-ID": first.last_id})
    told = [again.next() for _ in range(2)]
    assert [each.data["event"] for each in told] == ["client.connected", "client.disconnected"]
    assert {each.data["client_id"] for each in told} == {"missed"}
    again.close()


def test_the_command_line_lists_and_watches(make_sluice):
    server = make_sluice({"access": {"enabled": False}})
    connect_and_leave(server, "meter-1")
    wait_until(lambda: len(events_of(server)) >= 5, "five events")
    table = server.cli("event", "list", "--kind", "clients").stdout
    assert "client.connected" in table and "session.created" not in table
    one = json.loads(server.cli("client", "events", "meter-1", "-o", "json").stdout)["items"]
    assert {event["client_id"] for event in one} == {"meter-1"}
    watching = subprocess.Popen(
        [str(sluice_binary()), "event", "list", "--watch", "-o", "json", "--kind", "clients"],
        stdout=subprocess.PIPE, text=True,
        env=environment_of(SLUICE_URL=server.url, SLUICE_TOKEN=server.token))
    try:
        for _ in range(2):
            assert json.loads(watching.stdout.readline())["client_id"] == "meter-1"
        connect_and_leave(server, "meter-2")
        assert json.loads(watching.stdout.readline())["client_id"] == "meter-2"
    finally:
        watching.kill()
        watching.wait()
        watching.stdout.close()


def test_a_storm_is_sampled_and_said(make_sluice):
    server = make_sluice({"access": {"enabled": False}, "admin": {"event_records": 500}})
    client = RawClient(server.mqtt, 5)
    client.connect("busy")
    for number in range(1_500):
        client.subscribe(f"a/{number % 10}")
    wait_until(lambda: server.metrics().get(
        'sluice_events_left_out_total{kind="sessions"}', 0) + len(events_of(server)) > 100, "some")
    client.abort()
    connect_and_leave(server, "later")
    wait_until(lambda: "client.connected" in events_of(server, "/clients/later/events"), "later")
    assert len(events_of(server)) <= 500


def test_everybody_changes_the_own_password_by_command_line(sluice, tmp_path):
    ann = add_administrator(sluice, "ann", "viewer")
    (tmp_path / "new").write_text("another-pass-4711\n")
    who = {"SLUICE_USER": "ann", "SLUICE_PASSWORD": ann.password, "SLUICE_TOKEN": ""}
    done = sluice.cli("administrator", "password", "--new-password-file", str(tmp_path / "new"),
                      environment=who)
    assert "another one" in done.stdout and "4711" not in done.stdout
    assert log_in(sluice, ann).status == 401
    assert log_in(sluice, Account("ann", "another-pass-4711")).status == 200
    refused = sluice.cli("administrator", "password", "--new-password-file",
                         str(tmp_path / "new"), check=False)
    assert refused.returncode == 1 and "SLUICE_USER" in refused.stderr
