"""The audit in a real server: what outlives a kill, pages, the command line, no secret in it."""
import json
import threading

from integration.test_administrators import add_administrator, assert_nowhere, log_in, token_of
from integration.harness import Account, wait_until


def all_records(server, query=""):
    found, page = [], ""
    while True:
        answer = server.get(f"/audit?limit=100{query}{page}")
        found += answer["items"]
        if not answer["next"]:
            return found
        page = f"&page={answer['next']}"


def test_every_acknowledged_change_is_there_after_a_kill(sluice):
    ann = token_of(sluice, add_administrator(sluice, "ann", "administrator"))
    acknowledged, ended = [], threading.Event()

    def change():
        number = 0
        while not ended.is_set():
            name = f"user-{number}"
            try:
                answer = sluice.rest("POST", "/users", {"name": name, "password": "canary-1"},
                                     token=ann)
            except OSError:
                return
            assert answer.status == 201
            acknowledged.append(name)
            number += 1

    changing = threading.Thread(target=change)
    changing.start()
    try:
        wait_until(lambda: len(acknowledged) >= 10, "ten changes")
        sluice.kill9()
    finally:
        ended.set()
        changing.join()
    sluice.start()

    records = {record["subject"]: record for record in all_records(sluice, "&operation=createUser")}
    for name in acknowledged:
        assert records[name]["outcome"] == "done" and records[name]["user"] == "ann"
        assert records[name]["after"]["name"] == name and records[name]["address"] == "127.0.0.1"
    users = set()
    page = ""
    while page is not None:
        answer = sluice.get(f"/users?limit=1000{page}")
        users |= {user["name"] for user in answer["items"]}
        page = f"&page={answer['next']}" if answer["next"] else None
    assert users <= set(records), "a change without a record"
    assert_nowhere(sluice, ["canary-1", ann])


def test_refusals_are_there_and_the_command_line_finds_them(sluice):
    ann = add_administrator(sluice, "ann", "viewer")
    token = token_of(sluice, ann)
    sluice.rest("POST", "/users", {"name": "x", "password": "canary-2"}, token=token).expect(403)
    assert log_in(sluice, Account("ann", "canary-3-guessed")).status == 401
    secret = json.loads(sluice.cli("token", "create", "ci", "--role", "administrator",
                                   "-o", "json").stdout)["token"]
    sluice.cli("user", "create", "meter", environment={"SLUICE_TOKEN": secret})

    found = json.loads(sluice.cli("audit", "list", "--user", "ann", "-o", "json").stdout)["items"]
    assert [(record["operation"], record["outcome"]) for record in found] == \
        [("logIn", "refused"), ("createUser", "refused")]
    made = json.loads(sluice.cli("audit", "list", "--operation", "createUser", "--subject", "meter",
                                 "--outcome", "done", "-o", "json").stdout)["items"]
    assert [(record["user"], record["token"]) for record in made] == [("local", "ci")]
    table = sluice.cli("audit", "list", "--limit", "2").stdout
    assert "createUser" in table and "createAdministrator" not in table
    wrong = sluice.cli("audit", "list", "--from", "yesterday", check=False)
    assert wrong.returncode == 1 and "must be a time" in wrong.stderr
    assert_nowhere(sluice, [ann.password, "canary-2", "canary-3-guessed", secret, token])


def test_the_oldest_go_first(make_sluice):
    server = make_sluice({"admin": {"audit_records": 100}})
    for number in range(120):
        server.rest("DELETE", f"/users/nobody-{number}").expect(404)
    server.restart()

    subjects = [record["subject"] for record in all_records(server)]
    assert subjects == [f"nobody-{number}" for number in range(119, 19, -1)]
