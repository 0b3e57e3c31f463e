"""What a person asks of a long log, over the REST API of the server that has it: messages by topic
and time, one by its id, what happened to one. sluice_size says which topics there are."""
import datetime
import http.client
import json
import pathlib
import statistics
import time
import urllib.parse

AGAIN = 9          # times each question is asked once the first answer is there
UNKNOWN = 100      # names that nobody published to
PAGE = 50
RARE = "rare/#"    # one of its messages in 100,000, where there are a hundred million


class Administration:
    def __init__(self, data: pathlib.Path):
        run = data / "run"
        address = json.loads((run / "addresses.json").read_text())["admin"]
        self.connection = http.client.HTTPConnection(address, timeout=600)
        self.headers = {"Authorization": f"Bearer {(run / 'admin.token').read_text().strip()}"}

    def text(self, path):
        self.connection.request("GET", path, headers=self.headers)
        answer = self.connection.getresponse()
        body = answer.read().decode()
        assert answer.status == 200, f"{path}: {answer.status} {body}"
        return body

    def get(self, path, **query):
        return json.loads(self.text(f"/api/v1{path}" + (
            "?" + urllib.parse.urlencode(query) if query else "")))

    def metric(self, name):
        return next(float(line.split()[-1]) for line in self.text("/metrics").splitlines()
                    if line.startswith(name + " "))


def asked(server, limit, **query):
    """Page after page, until there are so many messages or the log ends."""
    found, scanned, requests, page, begun = [], 0, 0, {}, time.monotonic()
    while len(found) < limit:
        answer = server.get("/messages", limit=min(limit - len(found), 1000), **query, **page)
        found += answer["items"]
        scanned += answer["scanned_bytes"]
        requests += 1
        if answer["next"] is None:
            break
        page = {"page": answer["next"]}
    return {"messages": len(found), "scanned_bytes": scanned, "requests": requests,
            "ms": (time.monotonic() - begun) * 1e3}


def timed(name, ask, forget, again=AGAIN):
    """Once with nothing of the directory in the system's cache, and then over and over."""
    forget()
    first = ask()
    later = [ask()["ms"] for _ in range(again)]
    return {"question": name, **first, "ms": round(first["ms"], 2), "again": again,
            "again_median_ms": round(statistics.median(later), 2),
            "again_most_ms": round(max(later), 2)}


def timed_get(server, path):
    def ask():
        begun = time.monotonic()
        server.get(path)
        return {"messages": 1, "scanned_bytes": None, "requests": 1,
                "ms": (time.monotonic() - begun) * 1e3}
    return ask


def moment(server, **query):
    return server.get("/messages", limit=1, **query)["items"][0]


def instant(item):
    return datetime.datetime.fromisoformat(item["timestamp"].replace("Z", "+00:00"))


def rfc3339(time_of):
    return time_of.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def unknown(server):
    """First levels that are nowhere: each is asked once, to the end of the log."""
    found = [asked(server, PAGE, filter=f"nobody-{number}/#") for number in range(UNKNOWN)]
    assert not any(each["messages"] for each in found)
    times = [each["ms"] for each in found]
    return {"names": UNKNOWN, "median_ms": round(statistics.median(times), 2),
            "most_ms": round(max(times), 2),
            "mean_scanned_bytes": round(statistics.mean(each["scanned_bytes"] for each in found)),
            "most_scanned_bytes": max(each["scanned_bytes"] for each in found),
            "most_requests": max(each["requests"] for each in found)}


def queries(begin, end, rare):
    """(what is asked for, how many messages at most, the query)"""
    def at(part):
        return rfc3339(begin + (end - begin) * part)
    hundredth = {"from": at(0.5), "to": at(0.51)}
    return [
        ("newest of all", PAGE, {}),
        ("oldest of all", PAGE, {"order": "oldest"}),
        ("newest of one first level of sixteen", PAGE, {"filter": "plant-7/#"}),
        ("newest of one device of 1,024", PAGE, {"filter": "plant-7/device-7/state"}),
        ("that device, in a hundredth of the time", PAGE,
         {"filter": "plant-7/device-7/state", **hundredth}),
        ("newest of the rare first level", PAGE, {"filter": RARE}),
        ("the rare ones in a hundredth of the time", PAGE, {"filter": RARE, **hundredth}),
        ("the rare ones by their last level", PAGE, {"filter": "+/+/alarm"}),
        ("every one of the rare ones", rare, {"filter": RARE})]


def traced_states(server, items):
    """Of the oldest and the newest message, what their one session says."""
    return {name: server.get(f"/messages/{item['id']}/trace")["sessions"][0]["state"]
            for name, item in items.items()}


def ask_all(data, rare, forget):
    server = Administration(data)
    items = {"oldest": moment(server, filter="#", order="oldest"),
             "newest": moment(server, filter="#")}
    begin, end = instant(items["oldest"]), instant(items["newest"])
    items["middle"] = moment(server, filter="#", order="oldest",
                             **{"from": rfc3339(begin + (end - begin) / 2)})
    found = []
    for name, limit, query in queries(begin, end, rare):
        again = AGAIN if limit == PAGE else 2
        found.append(timed(name, lambda of=(limit, query): asked(server, of[0], **of[1]), forget,
                           again))
    assert found[-1]["messages"] == rare, f"{found[-1]['messages']} of {rare} rare messages"
    for what, path in (("by id", "/messages/{}"), ("trace", "/messages/{}/trace")):
        for name in ("oldest", "middle", "newest"):
            path_of_it = path.format(items[name]["id"])
            found.append(timed(f"{what}, {name}", timed_get(server, path_of_it), forget))
    return {"answers": found, "unknown": unknown(server), "states": traced_states(server, items)}
