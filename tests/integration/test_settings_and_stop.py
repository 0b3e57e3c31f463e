"""Settings that are wrong, ports that are taken, and a stop that loses nothing."""
import json
import os
import signal
import socket
import subprocess
import time

import pytest

from integration import raw_mqtt as mqtt
from integration.harness import Sluice, merged, sluice_binary, wait_until
from integration.ledger import Publisher, Subscriber, check
from integration.raw_mqtt import RawClient


def run(*arguments, environment=None):
    return subprocess.run([str(sluice_binary()), *map(str, arguments)], capture_output=True,
                          text=True, timeout=30, check=False, stdin=subprocess.DEVNULL,
                          env={**os.environ, **(environment or {})})


BAD = [  # settings file, what the message must name
    ("lisseners: {}\n", ["lisseners", "listeners", ":1"]),
    ("store:\n  durabilty: fsync\n", ["durabilty", "durability", ":2"]),
    ("store:\n  durability: maybe\n", ["store.durability", "fsync", "os", ":2"]),
    ("mqtt:\n  maximum_qos: 3\n", ["mqtt.maximum_qos", ":2"]),
    ("mqtt:\n  maximum_packet_size: 1MB\n", ["mqtt.maximum_packet_size", "MiB", ":2"]),
    ("mqtt:\n  receive_maximum: many\n", ["mqtt.receive_maximum", ":2"]),
    ("mqtt:\n  receive_maximum: 70000\n", ["mqtt.receive_maximum", "65535", ":2"]),
    ("listeners:\n  tcp: {type: mqtt, bind: nowhere}\n", ["listeners.tcp.bind", ":2"]),
    ("listeners:\n  tcp: {type: mqtt, bnd: 127.0.0.1:0}\n", ["bnd", "bind", ":2"]),
    ("access: {enabled: perhaps}\n", ["access.enabled", ":1"]),
    ("node: {name: [a]}\n", ["node.name", ":1"]),
    ("store: {durability: [\n", [":"]),
]


@pytest.mark.parametrize("text,names", BAD, ids=[text.split("\n")[0] + str(index) for index, (
    text, _) in enumerate(BAD)])
@pytest.mark.parametrize("command", ["serve", "check"])
def test_a_bad_setting_is_refused_with_its_place(tmp_path, command, text, names):
    file = tmp_path / "sluice.yaml"
    file.write_text(text)
    data = tmp_path / "data"

    done = run(command, "-c", file, "--set", f"data={data}")

    assert done.returncode == 2, done
    message = done.stderr + done.stdout
    assert "sluice.yaml" in message
    for name in names:
        assert name in message, f"{name!r} is not in: {message}"
    assert not data.exists(), "something was started"


@pytest.mark.parametrize("setting,names", [
    ("store.durabilty=os", ["durabilty", "durability"]),
    ("store.durability=maybe", ["store.durability", "fsync"]),
    ("nonsense", ["nonsense"])])
def test_a_bad_set_is_refused(tmp_path, setting, names):
    done = run("check", "--set", f"data={tmp_path / 'data'}", "--set", setting)
    assert done.returncode == 2
    for name in names:
        assert name in done.stderr + done.stdout


def test_check_prints_the_effective_settings_and_their_origin(tmp_path):
    file = tmp_path / "sluice.yaml"
    file.write_text("node: {name: from-file}\nmqtt: {receive_maximum: 10}\n")
    done = run("check", "-c", file, "--set", "mqtt.maximum_inflight=7",
               environment={"SLUICE_MQTT__RECEIVE_MAXIMUM": "20",
                            "SLUICE_MQTT__MAXIMUM_INFLIGHT": "30", "SLUICE_NO_SUCH": "1"})

    assert done.returncode == 0, done
    lines = done.stdout.splitlines()

    def line(key):
        return next(entry for entry in lines if key in entry)

    assert "from-file" in line("node.name") and "sluice.yaml" in line("node.name")
    assert "20" in line("mqtt.receive_maximum")  # the environment wins over the file
    assert "SLUICE_MQTT__RECEIVE_MAXIMUM" in line("mqtt.receive_maximum")
    assert "7" in line("mqtt.maximum_inflight") and "--set" in line("mqtt.maximum_inflight")
    assert "default" in line("store.durability")
    assert "SLUICE_NO_SUCH" in done.stderr, "an unknown variable is a warning"


def test_a_secret_setting_is_not_printed(tmp_path):
    done = run("check", "--set", f"data={tmp_path / 'data'}",
               environment={"SLUICE_ADMIN_PASSWORD": "canary-password"})
    assert "canary-password" not in done.stdout + done.stderr


@pytest.mark.parametrize("setting", ["listeners.tcp.bind", "admin.bind"])
def test_a_taken_port_is_named_with_its_setting(tmp_path, setting):
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        others = {"listeners.tcp.bind": "127.0.0.1:0", "admin.bind": "127.0.0.1:0"}
        others[setting] = f"127.0.0.1:{port}"
        arguments = [part for key, value in others.items() for part in ("--set", f"{key}={value}")]

        done = run("serve", "--data", tmp_path / "data", *arguments)

    assert done.returncode == 1, done
    message = done.stdout + done.stderr
    assert str(port) in message and setting in message, message


def test_reference_pages_are_generated():
    for page in ("settings", "metrics", "errors", "connectors", "openapi"):
        done = run("reference", page)
        assert done.returncode == 0 and len(done.stdout) > 200, (page, done)


def test_the_first_start_prints_a_password_once(tmp_path):
    server = Sluice(tmp_path)
    environment = {key: value for key, value in os.environ.items()
                   if key != "SLUICE_ADMIN_PASSWORD"}

    def start():
        server.launch(server.command(), environment)
        ready = server.data / "run" / "addresses.json"
        wait_until(ready.exists, "addresses.json")
        output = server.log_text()
        server.stop()
        ready.unlink(missing_ok=True)
        return output

    try:
        first = start()
        second = start()[len(first):]
    finally:
        server.kill9()
    assert "admin" in first and "password" in first.lower()
    assert "password" not in second.lower(), second


def test_files_of_the_run_are_private(sluice):
    token = sluice.data / "run" / "admin.token"
    assert token.stat().st_mode & 0o777 == 0o600
    addresses = json.loads((sluice.data / "run" / "addresses.json").read_text())
    assert {"tcp", "admin"} <= set(addresses)
    assert "ready" in sluice.log_text()


def test_nothing_that_is_stored_is_for_others(make_sluice):
    """Whatever the umask of who starts it: libraries below make files too."""
    old = os.umask(0o022)
    try:
        server = make_sluice()
    finally:
        os.umask(old)
    server.add_user("somebody")
    server.stop()
    found = [server.data, *server.data.rglob("*")]
    assert any("view" in str(path) for path in found)
    assert [str(path) for path in found if path.lstat().st_mode & 0o077] == []


def test_addresses_of_a_killed_server_are_gone_when_it_starts(make_sluice):
    """Who waits for the file would go on at once, to a server that is not there yet."""
    server = make_sluice()
    run_files = server.data / "run"
    server.kill9()
    assert (run_files / "addresses.json").exists()
    with socket.socket() as holder:
        holder.bind(server.mqtt)
        holder.listen()
        done = run(*server.command()[1:])

    assert done.returncode == 1, done
    assert not (run_files / "addresses.json").exists()
    assert not (run_files / "admin.token").exists()


def test_a_second_server_leaves_the_addresses_of_the_first(sluice, tmp_path):
    done = run("serve", "-c", tmp_path / "sluice.yaml", "--data", sluice.data)

    assert done.returncode == 1 and "in use" in done.stderr, done
    assert (sluice.data / "run" / "addresses.json").exists()
    assert sluice.get("/overview")


def lines_of(file):
    return file.read_text().splitlines() if file.exists() else []


def test_the_log_goes_where_the_settings_say(make_sluice, tmp_path):
    file = tmp_path / "own.log"
    file.write_text("from before\n")

    server = make_sluice({"log": {"file": str(file), "format": "json"}})

    lines = lines_of(file)
    assert lines[0] == "from before"
    assert "ready" in [json.loads(line)["event"] for line in lines[1:]]
    assert "ready" not in server.log_text()


def test_the_level_is_that_of_the_settings_from_the_start(make_sluice):
    server = make_sluice({"log": {"level": "error"}})
    assert " info " not in server.log_text()


def test_sighup_opens_the_log_anew(make_sluice, tmp_path):
    file, moved = tmp_path / "own.log", tmp_path / "own.log.1"
    server = make_sluice({"log": {"file": str(file)}})
    file.rename(moved)

    server.signal(signal.SIGHUP)

    wait_until(lambda: any("settings reloaded" in line for line in lines_of(file)), "a new file")
    assert not any("settings reloaded" in line for line in lines_of(moved))
    server.stop()
    assert "stopped" in lines_of(file)[-1]


@pytest.mark.parametrize("place", ["no/such/directory/own.log", "."])
def test_a_log_file_that_cannot_be_opened_is_refused(tmp_path, place):
    settings = tmp_path / "sluice.yaml"
    settings.write_text(f"data: {tmp_path / 'data'}\nlog:\n  file: {tmp_path / place}\n")

    done = run("serve", "-c", settings, "--set", "admin.bind=127.0.0.1:0",
               "--set", "listeners.tcp.bind=127.0.0.1:0")

    assert done.returncode == 1, done
    assert "sluice.yaml:3" in done.stderr and "log.file must be" in done.stderr, done
    assert not (tmp_path / "data").exists(), "something was started"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_clean_stop(make_sluice, number):
    server = make_sluice({"access": {"enabled": False}})
    with RawClient(server.mqtt) as new, RawClient(server.mqtt, 4) as old:
        new.connect("new")
        old.connect("old", will={"topic": "w", "payload": b"x", "qos": 1})
        for index in range(100):
            assert new.publish("a", str(index), qos=1).reason < 0x80
        server.signal(number)

        packets = new.expect_closed()
        assert [(entry.type, entry.reason) for entry in packets] == [(mqtt.DISCONNECT, 0x8B)]
        assert old.expect_closed() == []
    assert server.wait_exit(20) == 0
    with pytest.raises(OSError):
        socket.create_connection(server.mqtt, timeout=1).close()
    started = time.monotonic()
    server.start()
    assert time.monotonic() - started < 10


def test_a_clean_stop_with_idle_and_stuck_clients_is_quick(make_sluice):
    """Half-open connections and a client that reads nothing do not hold it up."""
    server = make_sluice({"access": {"enabled": False}})
    half = socket.create_connection(server.mqtt)
    with RawClient(server.mqtt) as stuck, RawClient(server.mqtt) as writer:
        stuck.connect("stuck")
        stuck.subscribe("flood", qos=0)
        writer.connect("writer")
        for _ in range(200):
            writer.publish("flood", b"x" * 50000, qos=1)
        started = time.monotonic()
        server.stop()
        assert time.monotonic() - started < 15
    half.close()


def test_sigterm_while_everybody_publishes(make_sluice):
    server = make_sluice({"access": {"enabled": False}})
    with Subscriber(server.mqtt, "s", ["t/#"], 2) as subscriber:
        assert subscriber.subscribed.wait(30)  # nobody is owed what came before
        with Publisher(server.mqtt, "p1", "t/1", 1) as one, \
                Publisher(server.mqtt, "p2", "t/2", 2) as two:
            for _ in range(3):
                one.wait_acknowledged(len(one.acknowledged) + 300)
                server.stop()
                server.start()
            for publisher in (one, two):
                publisher.finish()
                subscriber.wait_for(publisher)
        subscriber.stop()
        check(one, subscriber.numbers(one), "subscriber")
        check(two, subscriber.numbers(two), "subscriber", exactly_once=True)


def test_sighup_drops_nobody(make_sluice):
    server = make_sluice({"access": {"enabled": False}})
    with RawClient(server.mqtt) as raw:
        raw.connect("c")
        server.signal(signal.SIGHUP)
        raw.publish("a", b"x", qos=1)
        raw.expect_silence()
    assert server.is_running()


def limits_told(server, client_id="probe"):
    with RawClient(server.mqtt) as raw:
        answer = raw.connect(client_id)
        assert answer.reason == 0
        return {name: answer.one(name) for name in (
            mqtt.RECEIVE_MAXIMUM, mqtt.MAXIMUM_PACKET_SIZE, mqtt.TOPIC_ALIAS_MAXIMUM,
            mqtt.MAXIMUM_QOS)}


def test_sighup_changes_limits_and_keeps_promises(make_sluice):
    server = make_sluice({"access": {"enabled": False}})
    first = server.settings
    with RawClient(server.mqtt) as old:
        old.connect("old")
        server.reload(merged(first, {
            "mqtt": {"maximum_packet_size": "64KiB", "receive_maximum": 7, "maximum_qos": 1,
                     "topic_alias_maximum": 3},
            "store": {"durability": "os"}, "log": {"level": "debug"}}), "settings reloaded")

        assert limits_told(server) == {mqtt.RECEIVE_MAXIMUM: 7, mqtt.MAXIMUM_PACKET_SIZE: 65536,
                                       mqtt.TOPIC_ALIAS_MAXIMUM: 3, mqtt.MAXIMUM_QOS: 1}
        # What the old one was told in CONNACK still holds.
        assert old.publish("a", b"x" * 200_000, qos=2).reason < 0x80
        old.expect_silence()
    shown = {item["name"]: item for item in server.get("/settings")["items"]}
    assert shown["mqtt.receive_maximum"]["value"] == 7
    assert "sluice.yaml" in shown["mqtt.receive_maximum"]["origin"]
    assert shown["store.durability"]["value"] == "fsync"
    assert "store.durability" in next(line for line in server.log_text().splitlines()
                                      if "need a restart" in line)


def test_sighup_with_a_wrong_file_changes_nothing(make_sluice):
    server = make_sluice({"access": {"enabled": False}})
    first = server.settings
    with RawClient(server.mqtt) as old:
        old.connect("old")
        for wrong, named in (({"mqtt": {"receive_maximum": 70000}}, "mqtt.receive_maximum"),
                             ({"mqtt": {"recieve_maximum": 7}}, "recieve_maximum"),
                             ({"store": {"segment_bytes": "2GiB"},
                               "mqtt": {"maximum_packet_size": "100MiB"}}, "a quarter")):
            server.reload(merged(first, merged({"log": {"level": "debug"},
                                                  "mqtt": {"topic_alias_maximum": 3}}, wrong)),
                    "settings not reloaded")
            line = [line for line in server.log_text().splitlines() if "not reloaded" in line][-1]
            assert named in line and "sluice.yaml:" in line, line
            assert limits_told(server)[mqtt.TOPIC_ALIAS_MAXIMUM] == 64
        old.expect_silence()
    assert server.get("/settings")["items"]


def test_sighup_narrows_the_networks(make_sluice):
    server = make_sluice()
    server.reload(merged(server.settings, {"connect": {"allowed_networks": ["public"]}}),
            "settings reloaded")
    answer = server.rest("POST", "/connections?verify=false", {
        "name": "k", "type": "kafka", "settings": {"bootstrap_servers": "127.0.0.1:9092"}})
    assert answer.status == 422 and "allowed_networks" in str(answer.body)
