"""Tokens of the administration in a real server: their scope, restart and kill, no secret anywhere."""
import json

import pytest

from integration.test_administrators import add_administrator, assert_nowhere, token_of


def made(server, by, **document):
    return server.rest("POST", "/tokens", document, token=by).expect(201)


@pytest.mark.parametrize("ended", [lambda s: s.kill9(), lambda s: s.stop()], ids=["kill", "stop"])
def test_tokens_outlive_the_server_and_deleted_ones_do_not_come_back(sluice, ended):
    ann = token_of(sluice, add_administrator(sluice, "ann", "operator"))
    kept = made(sluice, ann, name="kept", role="viewer", scope=["users", "metrics"])["token"]
    gone = made(sluice, ann, name="gone", role="operator")["token"]
    assert sluice.rest("GET", "/users", token=gone).status == 200
    sluice.rest("DELETE", "/tokens/gone", token=ann).expect(204)
    bob = token_of(sluice, add_administrator(sluice, "bob", "viewer"))
    of_bob = made(sluice, bob, name="of-bob", role="viewer")["token"]
    sluice.delete("/administrators/bob")

    ended(sluice)
    sluice.start()

    assert sluice.rest("GET", "/users", token=kept).status == 200
    assert sluice.rest("GET", "/metrics", token=kept).status == 200
    refused = sluice.rest("GET", "/tasks", token=kept)
    assert refused.status == 403 and refused.body["code"] == "scope_needed"
    assert [sluice.rest("GET", "/users", token=token).status for token in (gone, of_bob)] == \
        [401, 401]
    assert [each["name"] for each in sluice.get("/tokens")["items"]] == ["kept"]
    assert sluice.get("/tokens/kept")["last_used"]
    assert sluice.rest("GET", "/session", token=kept).expect(200)["user"] == "ann"
    sluice.rest("POST", "/users", {"name": "x", "password": "canary-7"}, token=kept).expect(403)
    assert_nowhere(sluice, [kept, gone, of_bob, kept[-64:], of_bob[-64:], "canary-7"])


def test_the_command_line_makes_tokens_and_works_with_them(sluice):
    secret = json.loads(sluice.cli("token", "create", "ci", "--role", "viewer", "--expires-in",
                                   "1h", "--scope", "users", "--scope", "tokens",
                                   "--description", "nightly", "-o", "json").stdout)["token"]
    as_token = {"SLUICE_TOKEN": secret}
    listed = sluice.cli("token", "list", environment=as_token).stdout
    assert "ci" in listed and "users" in listed and secret not in listed
    assert "nightly" in sluice.cli("token", "show", "ci", environment=as_token).stdout
    refused = sluice.cli("policy", "list", check=False, environment=as_token)
    assert refused.returncode == 1 and "needs the scope policies" in refused.stderr
    wrong = sluice.cli("token", "create", "x", "--role", "viewer", "--scope", "user", check=False)
    assert wrong.returncode == 1 and "users" in wrong.stderr

    sluice.cli("token", "delete", "ci")

    assert sluice.cli("user", "list", check=False, environment=as_token).returncode == 1
    assert_nowhere(sluice, [secret, secret[-64:]])
