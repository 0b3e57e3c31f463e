"""A schema registry in the test's own process, as far as Confluent's REST API is used here: one that
can be away, refuse, and be without GUIDs."""
import base64
import json
import re
import urllib.parse
import uuid

from integration.web_server import WebServer


def is_same(one, other):
    """Real ones compare what a schema means; here that is what its JSON means."""
    try:
        return json.loads(one) == json.loads(other)
    except ValueError:
        return one == other


class SchemaRegistry(WebServer):
    def __init__(self, pair=None, login=None, has_guids=True):
        self.login, self.has_guids = login, has_guids
        self.fails_with = None  # a status that every question is answered with
        self.asked = []
        self.schemas = []  # by id - 1
        self.subjects = {}  # name -> ids, one a version
        super().__init__(self._answer, "", pair)
        self.url = self.url.rstrip("/")

    def register(self, subject, schema, kind="AVRO", references=()):
        """As POST /subjects/{subject}/versions; the id."""
        text = schema if isinstance(schema, str) else json.dumps(schema)
        entry = {"schema": text, "schemaType": kind, "references": list(references)}
        if entry not in self.schemas:
            self.schemas.append(entry)
        number = self.schemas.index(entry) + 1
        versions = self.subjects.setdefault(subject, [])
        if number not in versions:
            versions.append(number)
        return number

    def _answer(self, request, body):
        self.asked.append(f"{request.command} {request.path}")
        if self.fails_with:
            return self.fails_with, {}, {"error_code": self.fails_with, "message": "not today"}
        if self.login:
            given = request.headers.get("Authorization", "")
            if given != "Basic " + base64.b64encode(":".join(self.login).encode()).decode():
                return 401, {}, {"error_code": 401, "message": f"who is {given}?"}
        path = urllib.parse.urlsplit(request.path).path
        for pattern, handle in self._routes:
            found = re.fullmatch(pattern, f"{request.command} {path}")
            if found:
                parts = [urllib.parse.unquote(part) for part in found.groups()]
                return handle(self, json.loads(body) if body else {}, *parts)
        return 404, {}, {"error_code": 404, "message": "HTTP 404 Not Found"}

    def _shown(self, number, **more):
        entry = dict(self.schemas[number - 1], id=number, **more)
        if not entry["references"]:
            del entry["references"]
        if self.has_guids:
            entry["guid"] = str(uuid.uuid5(uuid.NAMESPACE_OID, str(number)))
        return 200, {}, entry

    def _types(self, _):
        return 200, {}, ["JSON", "PROTOBUF", "AVRO"]

    def _add(self, body, subject):
        number = self.register(subject, body["schema"], body.get("schemaType", "AVRO"),
                               body.get("references", ()))
        return self._shown(number)

    def _find(self, body, subject):
        for version, number in enumerate(self.subjects.get(subject, []), 1):
            if is_same(self.schemas[number - 1]["schema"], body["schema"]):
                return self._shown(number, subject=subject, version=version)
        return 404, {}, {"error_code": 40403, "message": "Schema not found"}

    def _version(self, _, subject, version):
        versions = self.subjects.get(subject, [])
        at = len(versions) if version == "latest" else int(version)
        if not 1 <= at <= len(versions):
            return 404, {}, {"error_code": 40401, "message": f"Subject '{subject}' not found."}
        return self._shown(versions[at - 1], subject=subject, version=at)

    def _by_id(self, _, number):
        if not 1 <= int(number) <= len(self.schemas):
            return 404, {}, {"error_code": 40403, "message": "Schema not found"}
        return self._shown(int(number))

    def _by_guid(self, _, guid):
        for number in range(1, len(self.schemas) + 1):
            if str(uuid.uuid5(uuid.NAMESPACE_OID, str(number))) == guid:
                return self._shown(number)
        return 404, {}, {"error_code": 40403, "message": "Schema not found"}

    _routes = (
        (r"GET /schemas/types", _types),
        (r"GET /schemas/ids/(\d+)", _by_id),
        (r"GET /schemas/guids/([0-9a-f-]+)", _by_guid),
        (r"GET /subjects/([^/]+)/versions/(latest|\d+)", _version),
        (r"POST /subjects/([^/]+)/versions", _add),
        (r"POST /subjects/([^/]+)", _find),
    )
