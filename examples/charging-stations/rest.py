"""The little of Sluice's REST API that the example needs, with the standard library."""
import json
import os
import secrets
import urllib.error
import urllib.parse
import urllib.request


class Refused(Exception):
    """The server said no: what it said."""


class Api:
    def __init__(self, address, token):
        self.address = address
        self.token = token

    def call(self, method, path, document=None):
        """The answer's status and document; a refusal is a status, not an exception."""
        body = None if document is None else json.dumps(document).encode()
        request = urllib.request.Request(self.address + "/api/v1" + path, body, method=method)
        request.add_header("Authorization", "Bearer " + self.token)
        if body is not None:
            request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, _document(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, _document(error.read())
        except (urllib.error.URLError, OSError) as error:
            raise Refused(f"{method} {path}: {error}") from error

    def metric(self, start):
        """The metric whose line begins so, 0 where there is none yet. Counted since the start."""
        request = urllib.request.Request(self.address + "/metrics")
        request.add_header("Authorization", "Bearer " + self.token)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                lines = answer.read().decode().splitlines()
        except (urllib.error.URLError, OSError) as error:
            raise Refused(f"GET /metrics: {error}") from error
        return sum(int(float(line.rsplit(" ", 1)[1])) for line in lines if line.startswith(start))

    def need(self, method, path, document=None):
        status, answer = self.call(method, path, document)
        if status >= 300:
            raise Refused(f"{method} {path}: {status} {answer.get('detail') or answer}")
        return answer


def _document(text):
    try:
        return json.loads(text) if text else {}
    except ValueError:
        return {"detail": text[:200].decode("utf-8", "replace")}


def set_up(api, documents, credentials, kafka_address):
    """Makes what is missing and leaves alone what is there. Returns how many were made."""
    def load(name):
        return json.loads((documents / name).read_text(encoding="utf-8"))

    made = _make_users(api, load("users.json"), credentials)
    for policy in load("policies.json"):
        made += _make(api, "/policies", policy)
    connection = load("connection.json")
    connection["settings"]["bootstrap_servers"] = kafka_address
    made += _make(api, "/connections", connection)
    _check_address(api, connection["name"], kafka_address)
    made += _make(api, "/tasks", load("task.json"))
    return made


def _make(api, path, document):
    status, answer = api.call("GET", f"{path}/{urllib.parse.quote(document['name'], safe='')}")
    if status == 200:
        return 0
    if status != 404:
        raise Refused(f"GET {path}/{document['name']}: {status} {answer.get('detail')}")
    api.need("POST", path, document)
    return 1


def _make_users(api, users, credentials):
    """The server keeps hashes only, so the generated passwords stay in a file of our own."""
    known = {}
    if credentials.is_file():
        known = json.loads(credentials.read_text(encoding="utf-8"))["users"]
    passwords = {user["name"]: known.get(user["name"]) or secrets.token_urlsafe(15)
                 for user in users}
    if passwords != known:  # written before they are used: no user without a known password
        descriptor = os.open(credentials, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.fchmod(descriptor, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump({"users": passwords}, file, indent=1)
    made = 0
    for user in users:
        if user["name"] not in known:  # its password is lost, or it was never made
            api.call("DELETE", f"/users/{user['name']}")
        made += _make(api, "/users", {**user, "password": passwords[user["name"]]})
    return made


def _check_address(api, name, wanted):
    saved = api.need("GET", f"/connections/{name}")["settings"]["bootstrap_servers"]
    if saved != wanted:
        raise Refused(f"the saved connection {name} points to {saved}, and this run's Kafka is at "
                      f"{wanted}: give --kafka-port {saved.rsplit(':', 1)[-1]}, or another --data")


def figures(api):
    """What the screen shows of the server and its task."""
    overview = api.need("GET", "/overview")
    task = api.need("GET", "/tasks/charging-stations")
    # The task's own figures are of all its runs.
    delivered = api.metric('sluice_task_delivered_total{task="charging-stations"')
    return {"overview": overview, "task": task, "delivered": delivered}
