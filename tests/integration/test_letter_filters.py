"""Dead letters are found by class, reason, topic, client and time; what is found is sent again or
deleted by the same filters; one list says which tasks have some, and why."""
import datetime
import json
import time
import urllib.parse

import pytest

from integration.harness import wait_until

LETTERS = "/tasks/strict/dead-letters"
SCHEMA = {"type": "object", "required": ["watts"]}


@pytest.fixture
def strict(sluice):
    """A task that lets pass only what has watts, and two letters each of two clients."""
    sluice.create("/tasks", {
        "name": "strict", "source": {"filters": ["plant/#"]}, "map": {"topic": "plant"},
        "verify": {"json_schema": SCHEMA}, "sink": {"type": "file", "folder": "plant"}})
    for client, topic, payload in (
            ("meter-1", "plant/a/state", '{"volts": 230}'), ("meter-2", "plant/b/state", "no JSON"),
            ("meter-1", "plant/c", '{"volts": 231}'), ("meter-2", "plant/b/x", '{"volts": 2}')):
        publish(sluice, topic, payload, client)
    sluice.wait_task("strict", dead_letters=4)
    return sluice


def publish(server, topic, payload, client="meter-1"):
    server.rest("POST", "/messages",
                {"topic": topic, "payload": payload, "client_id": client}).expect(200, 201)


def query(**filters):
    return "?" + urllib.parse.urlencode({name.rstrip("_"): value
                                         for name, value in filters.items()})


def topics(server, **filters):
    return [letter["topic"] for letter in server.get(LETTERS + query(**filters))["items"]]


def test_letters_are_found_by_what_is_known_of_them(strict):
    everything = ["plant/a/state", "plant/b/state", "plant/c", "plant/b/x"]
    assert topics(strict, limit=10) == everything
    assert topics(strict, filter="plant/+/state") == ["plant/a/state", "plant/b/state"]
    assert topics(strict, filter="plant/b/#") == ["plant/b/state", "plant/b/x"]
    assert topics(strict, client_id="meter-1") == ["plant/a/state", "plant/c"]
    assert topics(strict, client_id="meter") == []
    assert topics(strict, reason_contains="MISSING required PROPERTY 'WATTS'") == [
        "plant/a/state", "plant/c", "plant/b/x"]
    assert topics(strict, class_="unmapped") == everything
    assert topics(strict, class_="refused") == []
    times = [letter["rejected_at"] for letter in strict.get(LETTERS)["items"]]
    assert topics(strict, from_=times[0]) == everything
    assert topics(strict, to=times[0]) == []
    assert topics(strict, to="2099-01-01T00:00:00Z", client_id="meter-2", filter="plant/b/x") == [
        "plant/b/x"]

    first = strict.get(LETTERS + query(client_id="meter-2", limit=1))
    second = strict.get(LETTERS + query(client_id="meter-2", limit=1, page=first["next"]))
    assert [page["items"][0]["topic"] for page in (first, second)] == ["plant/b/state", "plant/b/x"]
    assert second["next"] is None


def test_a_wrong_filter_takes_no_letter(strict):
    for wrong in ("?class=bad", "?filter=plant/%23/a", "?client_id=", "?reason_contains=",
                  "?from=today", "?reason=watts"):
        for answer in (strict.rest("GET", LETTERS + wrong), strict.rest("DELETE", LETTERS + wrong),
                       strict.rest("POST", f"{LETTERS}:redrive{wrong}", {"all": True})):
            assert answer.status == 400, (wrong, answer)
    assert strict.task("strict")["dead_letters"] == 4


def test_what_might_mean_all_takes_no_letter(strict):
    """A filter in the body, one that is there twice, one that was left empty."""
    ids = [letter["message_id"] for letter in strict.get(LETTERS)["items"]]
    for body in ({"client_id": "nobody"}, {"message_ids": ids[:1]}, [], "x"):
        answer = strict.rest("DELETE", LETTERS, body)
        assert (answer.status, answer.body["code"]) == (400, "unexpected_body"), answer
    twice = strict.rest("DELETE", LETTERS + "?client_id=nobody&client_id=meter-1")
    assert twice.status == 400 and "client_id is given twice" in twice.body["detail"]
    again = strict.rest("POST", f"{LETTERS}:redrive", {"message_ids": [ids[0], ids[1], ids[0]]})
    assert [field["pointer"] for field in again.expect(422)["fields"]] == ["/message_ids/2"]
    for filters in (("--filter", ""), ("--reason", ""), ("--client-id", ""), ("--from", ""),
                    ("--to", "")):
        for verb in ("delete", "redrive"):
            done = strict.cli("dead-letter", verb, "strict", "--all", *filters,
                              check=False)
            assert done.returncode == 2 and "must not be empty" in done.stderr, done
    assert strict.task("strict")["dead_letters"] == 4


def test_a_time_may_have_an_offset(strict):
    first = strict.get(LETTERS)["items"][0]["rejected_at"]
    ahead = datetime.datetime.fromisoformat(first[:-1]) + datetime.timedelta(hours=5)
    written = ahead.isoformat(timespec="milliseconds") + "+05:00"
    assert len(topics(strict, from_=written)) == 4 and topics(strict, to=written) == []


def test_what_matches_is_counted_and_goes_and_the_others_stay(strict):
    of_b = query(filter="plant/b/+")
    counted = strict.get(f"{LETTERS}-preview{of_b}")
    assert (counted["letters"], counted["at_least"]) == (2, False) and counted["bytes"] > 500
    time.sleep(0.01)
    publish(strict, "plant/b/late", "{}")  # came since: is not what was counted
    strict.wait_task("strict", dead_letters=5)

    as_counted = query(filter="plant/b/+", to=counted["to"])
    assert strict.rest("DELETE", LETTERS + as_counted).expect(200) == {
        "deleted": 2, "left": 3, "stopped": None}
    assert topics(strict, limit=10) == ["plant/a/state", "plant/c", "plant/b/late"]

    strict.rest("PATCH", "/tasks/strict", {"verify": {"json_schema": None}}).expect(200, 202)
    report = strict.rest("POST", f"{LETTERS}:redrive{query(client_id='meter-1', filter='plant/c')}",
                         {"all": True}).expect(200)
    assert (report["redriven"], report["refused"], report["left"]) == (1, 0, 2), report
    assert topics(strict, limit=10) == ["plant/a/state", "plant/b/late"]
    strict.rest("DELETE", LETTERS).expect(204)
    assert topics(strict, limit=10) == []


def test_one_list_says_which_tasks_have_letters_and_why(strict):
    strict.create("/tasks", {"name": "well", "source": {"filters": ["plant/#"]},
                             "map": {"topic": "all"}, "sink": {"type": "file", "folder": "all"}})

    def check():
        shown = strict.get("/dead-letters")
        assert [task["name"] for task in shown["items"]] == ["strict"]
        (task,) = shown["items"]
        newest = max(letter["rejected_at"] for letter in strict.get(LETTERS)["items"])
        assert (task["dead_letters"], task["last_rejected_at"]) == (4, newest)
        assert "watts" in task["reason"] and task["reason_letters"] == 3
        assert (shown["dead_letters"], shown["bytes"]) == (4, task["bytes"])
        assert 0 < shown["bytes"] < shown["maximum_bytes"]
        return task

    before = check()
    strict.stop()  # not a kill: after one the task may reject again what it had rejected
    strict.start()
    assert check() == before
    strict.rest("DELETE", LETTERS + query(reason_contains="watts")).expect(200)
    wait_until(lambda: "watts" not in strict.get("/dead-letters")["items"][0]["reason"],
               "the other reason")


def test_the_command_line_takes_the_same_filters(strict):
    def listed(*arguments):
        shown = strict.cli("dead-letter", "list", *arguments, "-o", "json").stdout
        return json.loads(shown)["items"]

    assert [task["name"] for task in listed()] == ["strict"]
    assert [letter["topic"] for letter in listed(
        "strict", "--reason", "watts", "--client-id", "meter-2", "--class", "unmapped",
        "--to", "2099-01-01T00:00:00Z")] == ["plant/b/x"]
    deleted = json.loads(strict.cli("dead-letter", "delete", "strict", "--all", "--filter",
                                    "plant/b/#", "-o", "json").stdout)
    assert (deleted["deleted"], deleted["left"]) == (2, 2)
    for wrong in (("list", "--class", "unmapped"), ("list", "strict", "--class", "x"),
                  ("delete", "strict", "--filter", "plant/#"),
                  ("redrive", "strict", "--reason", "watts")):
        assert strict.cli("dead-letter", *wrong, check=False).returncode != 0, wrong
    assert strict.task("strict")["dead_letters"] == 2
    strict.cli("dead-letter", "delete", "strict", "--all")
    assert listed() == []
