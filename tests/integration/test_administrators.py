"""Accounts of the administration: roles, logins that end, what outlives a kill, no secret anywhere.

Cases E1, F1 and F2 of the attacks.
"""
import json
import os
import stat

import pytest

from integration.harness import Account


def log_in(server, account):
    return server.rest("POST", "/session", {"user": account.name, "password": account.password},
                       token="")


def token_of(server, account):
    return log_in(server, account).expect(200)["token"]


def add_administrator(server, name, role):
    account = Account(name, f"canary-{name}-4711")
    server.create("/administrators", {"name": name, "role": role, "password": account.password})
    return account


def assert_nowhere(server, secrets):
    """Neither in what the server says nor in what it keeps, and only its user reads that."""
    everything = [server.log_text().encode()]
    for file in server.data.rglob("*"):
        if file.is_file():
            everything.append(file.read_bytes())
            assert stat.S_IMODE(os.stat(file).st_mode) & 0o077 == 0, f"{file} is for others, too"
    for path in ("/administrators", "/overview", "/settings", "/session", "/users"):
        everything.append(json.dumps(server.get(path)).encode())
    everything.append(server.rest("GET", "/metrics").body.encode())
    for secret in secrets:
        assert not any(secret.encode() in text for text in everything), secret


def test_each_role_does_what_it_may_and_nothing_else(sluice):
    sluice.add_user("meter")
    tokens = {role: token_of(sluice, add_administrator(sluice, f"a-{role}", role))
              for role in ("viewer", "operator", "administrator")}
    asked = {
        ("GET", "/users", None): "viewer",
        ("POST", "/messages", '{"topic": "a", "payload": "b"}'): "operator",
        ("DELETE", "/retained/nothing", None): "operator",
        ("POST", "/users", '{"name": "other"}'): "administrator",
        ("POST", "/administrators", '{"name": "other", "role": "viewer"}'): "administrator",
    }
    order = list(tokens)
    for (method, path, body), needed in asked.items():
        for role, token in tokens.items():
            answer = sluice.rest(method, path, body and json.loads(body), token=token)
            may = order.index(role) >= order.index(needed)
            assert (answer.status != 403) == may, f"{role} {method} {path}: {answer.body}"
            if not may:
                assert answer.body["code"] == "role_needed"
                assert needed in answer.body["detail"] and f"a-{role}" in answer.body["detail"]


@pytest.mark.parametrize("ended", [lambda s: s.kill9(), lambda s: s.stop()], ids=["kill", "stop"])
def test_what_was_acknowledged_outlives_the_server(sluice, ended):
    ann = add_administrator(sluice, "ann", "viewer")
    bob = add_administrator(sluice, "bob", "operator")
    sluice.delete("/administrators/bob")
    changed = sluice.rest("PATCH", "/administrators/ann", {"role": "operator"}).expect(200)

    ended(sluice)
    sluice.start()

    assert sluice.get("/administrators/ann") == changed
    assert [each["name"] for each in sluice.get("/administrators")["items"]] == ["admin", "ann"]
    assert sluice.rest("GET", "/session", token=token_of(sluice, ann)).expect(200) == \
        {"user": "ann", "role": "operator", "has_first_password": False, "token": None}
    assert log_in(sluice, bob).status == 401
    assert log_in(sluice, sluice.administrator).status == 200


def test_logins_end_with_the_password_and_a_new_one_stays(sluice):
    ann = add_administrator(sluice, "ann", "viewer")
    old, other = token_of(sluice, ann), token_of(sluice, ann)
    body = {"password": ann.password, "new_password": "canary-of-ann-herself"}

    fresh = sluice.rest("POST", "/session:password", body, token=old).expect(200)["token"]

    assert [sluice.rest("GET", "/session", token=token).status
            for token in (old, other, fresh)] == [401, 401, 200]
    sluice.rest("PATCH", "/administrators/ann", {"role": "operator"}).expect(200)
    assert sluice.rest("GET", "/session", token=fresh).status == 401
    assert log_in(sluice, ann).status == 401
    assert_nowhere(sluice, [ann.password, "canary-of-ann-herself", old, fresh])


def test_the_command_line_keeps_accounts(sluice, tmp_path):
    (tmp_path / "password").write_text("canary-of-ann\n")
    sluice.cli("administrator", "create", "ann", "--role", "viewer",
               "--password-file", str(tmp_path / "password"))
    shown = sluice.cli("administrator", "list").stdout
    assert "ann" in shown and "viewer" in shown and "canary" not in shown
    ann = {"SLUICE_TOKEN": "", "SLUICE_USER": "ann", "SLUICE_PASSWORD": "canary-of-ann"}
    sluice.cli("user", "list", environment=ann)

    refused = sluice.cli("user", "create", "x", check=False, environment=ann)

    assert refused.returncode == 1 and "needs the role administrator" in refused.stderr
    sluice.cli("administrator", "update", "ann", "--role", "administrator")
    sluice.cli("user", "create", "x", environment=ann)
    sluice.cli("administrator", "update", "ann", "--password-file", "-", stdin="canary-another")
    assert sluice.cli("user", "list", check=False, environment=ann).returncode == 1
    assert '"administrator"' in sluice.cli("administrator", "show", "ann", "-o", "json").stdout
    made = json.loads(sluice.cli("administrator", "create", "bob", "--role", "operator",
                                 "-o", "json").stdout)
    assert log_in(sluice, Account("bob", made["password"])).status == 200
    sluice.cli("administrator", "delete", "ann")
    last = sluice.cli("administrator", "delete", "admin", check=False)
    assert last.returncode == 1 and "last account with the role administrator" in last.stderr
    wrong = sluice.cli("administrator", "update", "bob", check=False)
    assert wrong.returncode == 2 and "--role" in wrong.stderr
    assert_nowhere(sluice, ["canary-of-ann", "canary-another", made["password"]])
