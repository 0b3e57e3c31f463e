"""A server as it is in the middle of its work: what the pictures of the guide show."""
import http.server
import pathlib
import socket
import threading

from integration.certificates import Authority
from integration.harness import KafkaDev, Sluice, wait_until
from servers.kafka_server import free_ports

from fleet import PASSWORDS, Fleet

ADMINISTRATOR = "admin"


def usual_port(number: int) -> int:
    """`number`, or a free one where somebody has it."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", number))
        except OSError:
            return free_ports(1)[0]
    return number


class Crm(http.server.BaseHTTPRequestHandler):
    """Takes whatever it is sent."""

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


USERS = {
    "station": "All charging stations; each has its own client id",
    "control-room": "Who watches the stations and commands them",
    "billing": "Programs that write invoices",
    "dashboard": "The screen in the hall",
    "gateway-north": "By certificate",
}

POLICIES = [
    {"name": "stations", "description": "A station has the topics below its own name",
     "effect": "allow", "operations": ["connect", "publish", "subscribe"], "users": ["station"],
     "client_ids": ["st-*"], "resources": ["stations/${client_id}/#"]},
    {"name": "control-room", "description": "Sees everything", "effect": "allow",
     "operations": ["connect", "subscribe"], "users": ["control-room"],
     "resources": ["stations/#", "alarms/#"]},
    {"name": "commands", "description": "Only the control room commands stations",
     "effect": "allow", "operations": ["publish"], "users": ["control-room"],
     "resources": ["stations/+/commands/#"]},
    {"name": "billing", "description": "Sessions, shared by all that bill", "effect": "allow",
     "operations": ["connect", "subscribe"], "users": ["billing"],
     "resources": ["stations/+/sessions"]},
    {"name": "gateways", "effect": "allow", "operations": ["connect", "publish", "subscribe"],
     "users": ["gateway-*"], "listeners": ["tls"],
     "resources": ["gateways/${username}/#", "stations/+/commands/#"]},
    {"name": "dashboard", "effect": "allow", "operations": ["connect", "publish", "subscribe"],
     "users": ["dashboard"], "listeners": ["ws"], "resources": ["stations/#", "test/#"]},
    {"name": "no-firmware-by-browser", "description": "Whatever else allows it", "effect": "deny",
     "operations": ["publish"], "listeners": ["ws"], "resources": ["stations/+/commands/firmware"]},
]

SESSION = {"type": "object", "required": ["card", "kwh"],
           "properties": {"card": {"type": "string"}, "kwh": {"type": "number"}}}


def tasks():
    def local(*filters):
        return {"type": "local", "filters": list(filters)}

    record = {"key": "${client_id}", "value": "raw", "headers": "all"}
    kafka = {"type": "kafka", "connection": "kafka-main"}
    return [
        {"name": "readings", "description": "Every reading, in order per station",
         "source": local("stations/+/readings"), "map": {"topic": "readings", **record}, "sink": kafka},
        {"name": "sessions", "description": "What is billed; checked before it goes",
         "source": local("stations/+/sessions"), "verify": {"json_schema": SESSION},
         "map": {"topic": "sessions", **record}, "sink": kafka},
        {"name": "alarms-to-crm", "description": "Serious alarms open a ticket",
         "source": local("stations/+/alarms"), "where": "payload.level >= 2",
         "map": {"topic": "alarms", **record}, "sink": {"type": "http", "connection": "crm"}},
        {"name": "readings-to-second-site", "description": "The same for the second site",
         "source": local("stations/+/readings", "stations/+/alarms"),
         "map": {"topic": "readings", **record},
         "sink": {"type": "kafka", "connection": "kafka-second-site"}},
        {"name": "archive", "description": "Alarms as files", "source": local("stations/+/alarms"),
         "map": {"topic": "alarms", **record}, "sink": {"type": "file", "folder": "alarms"}},
        {"name": "commands", "description": "What the back office orders",
         "source": {"type": "kafka", "connection": "kafka-main", "topics": ["commands"]},
         "map": {"topic": "stations/${key}/commands/order"}, "sink": {"type": "local"}},
        {"name": "raw-copy", "description": "For the trial in March", "enabled": False,
         "source": local("#"), "map": {"topic": "all", **record}, "sink": kafka},
    ]


class Scene:
    def __init__(self, directory: pathlib.Path):
        self.authority = Authority(directory / "ca")
        server = self.authority.issue("server", "/CN=localhost", days=90)
        gateway = self.authority.issue("gateway-north", "/CN=gateway-north", alternatives=None)
        self.ports = {name: usual_port(port) for name, port in
                      {"tcp": 1883, "tls": 8883, "ws": 8083, "admin": 8080, "kafka": 9092,
                       "crm": 8000}.items()}
        bind = {name: f"127.0.0.1:{port}" for name, port in self.ports.items()}
        self.server = Sluice(directory, {
            "listeners": {
                "tcp": {"type": "mqtt", "bind": bind["tcp"]},
                "tls": {"type": "mqtts", "enabled": True, "bind": bind["tls"],
                        "certificate": str(server.certificate), "key": str(server.key),
                        "client_ca": str(self.authority.certificate),
                        "client_certificate": "optional", "user_from": "common_name"},
                "ws": {"type": "ws", "enabled": True, "bind": bind["ws"],
                       "origins": [f"http://{bind['admin']}"]}},
            "admin": {"bind": bind["admin"]},
            "connect": {"allowed_networks": ["loopback", "private", "public"]}})
        self.kafka = KafkaDev(directory)
        self.kafka.port = self.ports["kafka"]
        self.crm = http.server.ThreadingHTTPServer(("127.0.0.1", self.ports["crm"]), Crm)
        self.fleet = Fleet(self.ports["tcp"], self.ports["tls"], self.authority, gateway)

    def start(self) -> "Scene":
        threading.Thread(target=self.crm.serve_forever, daemon=True).start()
        self.kafka.start()
        self.server.start()
        account = self.server.administrator
        logged_in = self.server.rest("POST", "/session", {
            "user": account.name, "password": account.password}, token="").expect(200, 201)
        self.server.token = logged_in["token"]  # so that the audit says who it was
        self._access()
        self._integration()
        self.fleet.start()
        self._refusals()
        wait_until(lambda: self.server.get("/tasks/sessions")["dead_letters"] >= 2, "dead letters", 60)
        return self

    def _access(self) -> None:
        create = self.server.create
        for name, description in USERS.items():
            given = {"password": PASSWORDS[name]} if name in PASSWORDS else {}
            create("/users", {"name": name, "description": description, **given})
        for policy in POLICIES:
            create("/policies", policy)
        create("/groups", {"name": "billing", "description": "One invoice for each session",
                           "strategy": "hash_client_id"})
        create("/block-rules", {"name": "old-firmware", "description": "Until they are updated",
                                "type": "client_id", "value": "st-old-*"})
        create("/block-rules", {"name": "guesses", "type": "address", "value": "203.0.113.0/24"})
        create("/enrichment-rules", {"name": "region", "description": "For the data lake",
                                     "topics": ["stations/#"], "user_properties": {"region": "eu"}})
        create("/auto-subscriptions", {"name": "announcements", "filters": ["announcements/#"],
                                       "users": ["station"], "qos": 1})
        create("/administrators", {"name": "ann", "role": "operator", "password": "ann-s-own-secret",
                                   "description": "Nights"})
        create("/administrators", {"name": "vic", "role": "viewer", "password": "vic-s-own-secret"})
        create("/tokens", {"name": "prometheus", "role": "viewer", "scope": ["metrics"],
                           "expires_in": "366d"})
        create("/tokens", {"name": "deploy", "role": "administrator", "scope": ["tasks", "connections"],
                           "expires_in": "30d", "description": "Of the pipeline"})

    def _integration(self) -> None:
        create = self.server.create
        here = "127.0.0.1"
        for name, kind, settings, description in [
                ("kafka-main", "kafka", {"bootstrap_servers": self.kafka.bootstrap}, "The data lake"),
                ("kafka-second-site", "kafka", {"bootstrap_servers": f"{here}:9"}, "Is being moved"),
                ("crm", "http", {"url": f"http://{here}:{self.ports['crm']}/alarms",
                                 "token": "of-the-crm"}, "Tickets")]:
            create("/connections?verify=false", {"name": name, "type": kind,
                                                 "description": description, "settings": settings})
        for task in tasks():
            create("/tasks", task)

    def _refusals(self) -> None:
        """Something for the audit: a change, a refusal, an operator who pauses."""
        server = self.server
        server.rest("PATCH", "/policies/control-room", {
            "description": "Sees everything, changes nothing"}).expect(200)
        for name, password in (("vic", "vic-s-own-secret"), ("ann", "ann-s-own-secret")):
            token = server.rest("POST", "/session", {"user": name, "password": password},
                                token="").expect(200, 201)["token"]
            server.rest("DELETE", "/users/dashboard", token=token).expect(403)
        server.rest("POST", "/tasks/archive:pause", token=token).expect(200, 202)
        server.rest("POST", "/tasks/archive:start", token=token).expect(200, 202)
        server.rest("PATCH", "/settings", {"mqtt": {"groups": 200}}).expect(200)

    def stop(self) -> None:
        self.fleet.stop()
        self.server.kill9()
        self.kafka.kill9()
        self.crm.shutdown()
        self.crm.server_close()
