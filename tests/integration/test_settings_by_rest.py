"""PATCH /settings: what can change while the server runs does, is kept, and says where it comes from."""
import json
import signal

import pytest

from integration.harness import wait_until
from integration.raw_mqtt import RawClient


def shown(server):
    return {item["name"]: item for item in server.get("/settings")["items"]}


def patch(server, change, **options):
    return server.rest("PATCH", "/settings", change, **options)


def fields(answer):
    return {field["pointer"]: field["detail"] for field in answer.expect(422)["fields"]}


def receive_maximum(server):
    with RawClient(server.mqtt, 5) as raw:
        return raw.connect("c").one(0x21)


@pytest.mark.parametrize("ended", ["stop", "kill9"])
def test_a_change_is_in_effect_shown_with_its_origin_and_kept(make_sluice, ended):
    server = make_sluice({"access": {"enabled": False}, "mqtt": {"receive_maximum": 20}})
    assert shown(server)["mqtt.receive_maximum"]["origin"].startswith(str(server.directory))

    answer = patch(server, {"mqtt": {"receive_maximum": 7, "session_expiry_maximum": "2h"},
                            "log": {"level": "debug"}}).expect(200)

    assert {item["name"]: item for item in answer["items"]} == shown(server)
    assert receive_maximum(server) == 7
    getattr(server, ended)()
    server.start()
    found = shown(server)
    for name, value in (("mqtt.receive_maximum", 7), ("mqtt.session_expiry_maximum", "2h"),
                        ("log.level", "debug")):
        assert found[name] == {"name": name, "value": value, "origin": "PATCH /settings",
                               "reloadable": True}
    assert receive_maximum(server) == 7
    server.signal(signal.SIGHUP)
    wait_until(lambda: "settings reloaded" in server.log_text(), "SIGHUP is done")
    assert receive_maximum(server) == 7

    # null takes a change back: to the file, to the default.
    patch(server, {"mqtt": {"receive_maximum": None}, "log": None}).expect(200)
    assert receive_maximum(server) == 20
    assert shown(server)["log.level"]["origin"] == "default"
    server.restart()
    assert shown(server)["mqtt.receive_maximum"]["value"] == 20
    assert shown(server)["mqtt.session_expiry_maximum"]["value"] == "2h"


def test_what_cannot_change_says_so_and_nothing_is_changed(make_sluice):
    server = make_sluice(environment={"SLUICE_MQTT__GROUPS": "5"})

    wrong = fields(patch(server, {
        "mqtt": {"receive_maximum": 9, "groups": 6, "recieve_maximum": 1}, "io_threads": 2,
        "store": {"durability": "os"}, "listeners": {"tcp": {"bind": "0.0.0.0:1883"}},
        "access": {"jwt": {"secret": "x" * 40}}, "log": "debug"}))

    assert "is given by SLUICE_MQTT__GROUPS" in wrong["/mqtt/groups"]
    assert "did you mean `receive_maximum`" in wrong["/mqtt/recieve_maximum"]
    for pointer in ("/io_threads", "/store/durability", "/listeners"):
        assert "change it in the settings file and restart" in wrong[pointer], wrong
    assert "is a secret" in wrong["/access/jwt/secret"]
    assert wrong["/log"] == "must be an object"
    assert "/mqtt/receive_maximum" not in wrong
    for change, pointer in (({"mqtt": {"receive_maximum": 0}}, "/mqtt/receive_maximum"),
                            ({"mqtt": {"receive_maximum": "7"}}, "/mqtt/receive_maximum"),
                            ({"mqtt": {"maximum_packet_size": "200MiB"}}, "/mqtt/maximum_packet_size"),
                            ({"log": {"level": ["debug"]}}, "/log/level")):
        assert list(fields(patch(server, change))) == [pointer]
    assert shown(server)["mqtt.receive_maximum"]["origin"] == "default"
    assert shown(server)["mqtt.groups"] == {"name": "mqtt.groups", "value": 5, "reloadable": True,
                                            "origin": "SLUICE_MQTT__GROUPS"}


def test_only_administrators_change_settings_and_the_audit_says_what(sluice):
    sluice.create("/administrators", {"name": "ann", "password": "password of ann",
                                      "role": "operator"})
    login = sluice.rest("POST", "/session", {"user": "ann", "password": "password of ann"}, token="")
    assert patch(sluice, {"log": {"level": "debug"}}, token=login.body["token"]).status == 403

    patch(sluice, {"log": {"level": "warn"}}).expect(200)

    done = [entry for entry in sluice.get("/audit")["items"]
            if entry["operation"] == "changeSettings" and entry["outcome"] == "done"]
    assert len(done) == 1 and "warn" in json.dumps(done[0]["after"])


def test_a_change_that_a_later_file_rules_out_has_no_effect(make_sluice):
    server = make_sluice()
    patch(server, {"mqtt": {"maximum_packet_size": "32MiB"}}).expect(200)
    server.stop()
    server.settings["store"] = {"segment_bytes": "1MiB"}
    server.settings["mqtt"] = {"maximum_packet_size": "128KiB"}

    server.start()

    assert "settings changed by REST are not in effect" in server.log_text()
    assert shown(server)["mqtt.maximum_packet_size"]["value"] == "128KiB"


def test_the_command_line_lists_and_changes_them(sluice, tmp_path):
    file = tmp_path / "change.json"
    file.write_text('{"log": {"level": "debug"}}')

    changed = sluice.cli("setting", "update", "-f", str(file)).stdout
    listed = sluice.cli("setting", "list").stdout

    assert changed == listed
    row = next(line for line in listed.splitlines() if line.startswith("log.level"))
    assert row.split() == ["log.level", "debug", "PATCH", "/settings", "true"]
    assert json.loads(sluice.cli("setting", "list", "-o", "json").stdout)["items"]
