"""Users and policies that are changed: what holds from then on, and for whom."""
import json

import pytest

from integration import raw_mqtt as mqtt
from integration.raw_mqtt import RawClient
from integration.scram import METHOD, Scram

BAD_PASSWORD = 0x86
LONG = {"properties": [(mqtt.SESSION_EXPIRY, 3600)]}


def code(server, client_id="other", **options):
    with RawClient(server.mqtt) as raw:
        return raw.connect(client_id, **options).reason


def scram_code(server, password):
    with RawClient(server.mqtt) as raw:
        login = Scram("meter", password)
        raw.send(mqtt.connect_packet(5, "scram", properties=[
            (mqtt.AUTHENTICATION_METHOD, METHOD), (mqtt.AUTHENTICATION_DATA, login.first())]))
        asked = raw.expect(mqtt.AUTH).one(mqtt.AUTHENTICATION_DATA)
        raw.send(mqtt.auth_packet(0x18, METHOD, login.final(asked)))
        return raw.expect(mqtt.CONNACK).reason


def test_a_password_is_changed_and_the_client_stays(sluice):
    account = sluice.allow_all("meter")
    old = {"username": account.name, "password": account.password}
    new = {"username": account.name, "password": "another-secret"}
    with RawClient(sluice.mqtt) as raw:
        raw.connect("c", **old, **LONG)
        assert raw.subscribe("a/#", qos=1) == [1]

        changed = sluice.rest("PATCH", "/users/meter", {"password": "another-secret"}).expect(200)

        assert "password" not in changed and changed["updated"] > changed["created"]
        assert (code(sluice, **old), code(sluice, **new)) == (BAD_PASSWORD, 0)
        assert scram_code(sluice, account.password) == BAD_PASSWORD
        assert scram_code(sluice, "another-secret") == 0
        raw.publish("a/1", b"still here", qos=1)
        assert [m.payload for m in raw.messages(1)] == [b"still here"]
    sluice.kill9()
    sluice.start()
    assert (code(sluice, **old), code(sluice, **new)) == (BAD_PASSWORD, 0)
    with RawClient(sluice.mqtt) as raw:
        assert raw.connect("c", clean=False, **new, **LONG).session_present


def test_a_password_is_made_and_shown_once(sluice):
    account = sluice.allow_all("meter")
    before = sluice.get("/users/meter")
    made = sluice.rest("PATCH", "/users/meter", {"password": None}).expect(200)["password"]
    assert code(sluice, username="meter", password=made) == 0
    assert code(sluice, username="meter", password=account.password) == BAD_PASSWORD

    described = sluice.rest("PATCH", "/users/meter", {"description": "of hall 7"}).expect(200)

    assert described["description"] == "of hall 7" and "password" not in described
    assert (described["id"], described["created"]) == (before["id"], before["created"])
    assert code(sluice, username="meter", password=made) == 0  # that one stayed


@pytest.mark.parametrize("path, change, status, pointer", [
    ("/users/meter", {"name": "other"}, 422, "/name"),
    ("/users/meter", {"password": ""}, 422, "/password"),
    ("/users/meter", {"colour": "red"}, 422, "/colour"),
    ("/users/nobody", {"description": "x"}, 404, None),
    ("/policies/one", {"effect": "perhaps"}, 422, "/effect"),
    ("/policies/one", {"name": "two"}, 409, "/name"),
    ("/policies/nothing", {"effect": "deny"}, 404, None),
])
def test_what_cannot_be_changed_is_refused(sluice, path, change, status, pointer):
    account = sluice.add_user("meter")
    for name in ("one", "two"):
        sluice.add_policy(name, operations=["connect"], users=["meter"])

    problem = sluice.rest("PATCH", path, change).expect(status)

    if pointer:
        assert pointer in [field["pointer"] for field in problem["fields"]]
    assert code(sluice, username="meter", password=account.password) == 0


def test_a_policy_holds_at_once_and_its_older_version_is_refused(sluice):
    account = sluice.add_user("meter")
    sluice.add_policy("connect", operations=["connect"], users=["meter"])
    made = sluice.add_policy("out", operations=["publish"], resources=["a/#"],
                             users=["meter"])
    first = sluice.rest("GET", "/policies/out").headers["etag"]
    with RawClient(sluice.mqtt) as raw:
        raw.connect("c", username="meter", password=account.password)
        assert raw.publish("b/1", b"x", qos=1).reason == 0x87

        changed = sluice.rest("PATCH", "/policies/out", {"resources": ["b/#"], "name": "renamed"},
                              headers={"If-Match": first}).expect(200)

        assert changed["resources"] == ["b/#"] and changed["created"] == made["created"]
        assert raw.publish("b/1", b"x", qos=1).reason in (0, 0x10)
        assert raw.publish("a/1", b"x", qos=1).reason == 0x87
    stale = sluice.rest("PATCH", "/policies/renamed", {"effect": "deny"},
                        headers={"If-Match": first})
    assert stale.status == 412
    sluice.kill9()
    sluice.start()
    assert sluice.get("/policies/renamed")["resources"] == ["b/#"]
    assert sluice.rest("GET", "/policies/out").status == 404


def test_the_command_line_does_the_same(sluice, tmp_path):
    sluice.allow_all("meter")
    secret = tmp_path / "secret"
    secret.write_text("from-a-file\n")
    sluice.cli("user", "update", "meter", "--password-file", str(secret))
    assert code(sluice, username="meter", password="from-a-file") == 0
    shown = sluice.cli("user", "update", "meter", "-f", "-", "-o", "json",
                       stdin='{"password": null}').stdout
    assert code(sluice, username="meter", password=json.loads(shown)["password"]) == 0
    assert "takes --password" in sluice.cli("user", "update", "meter", check=False).stderr
    name = sluice.get("/policies")["items"][0]["name"]
    sluice.cli("policy", "update", name, "-f", "-", stdin='{"description": "x"}')
    assert sluice.get(f"/policies/{name}")["description"] == "x"
