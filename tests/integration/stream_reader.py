"""A reader of server-sent events (`GET /stream`), as a browser's EventSource reads them."""
from __future__ import annotations

import http.client
import json
import queue
import threading
from dataclasses import dataclass
from typing import Any, Callable


@dataclass
class Told:
    kind: str
    data: Any
    id: str


class StreamReader:
    """Reads in a thread until the server ends it or close() is called."""

    def __init__(self, server, query: str = "", headers: dict[str, str] | None = None,
                 token: str | None = None):
        host, port = server.address("admin")
        self._connection = http.client.HTTPConnection(host, port, timeout=60)
        sent = {} if token == "" else {"Authorization": f"Bearer {token or server.token}"}
        self._connection.request("GET", f"/api/v1/stream{query}",
                                 headers={**sent, **(headers or {})})
        self.response = self._connection.getresponse()
        self.told: "queue.Queue[Told | None]" = queue.Queue()  # None: it has ended
        self.last_id = ""
        self._thread = threading.Thread(target=self._read, daemon=True)
        if self.response.status == 200:
            self._thread.start()

    def _read(self) -> None:
        fields: dict[str, str] = {}
        try:
            for raw in self.response:
                line = raw.decode().rstrip("\n")
                if line.startswith(":"):
                    continue
                if line:
                    name, _, value = line.partition(": ")
                    fields[name] = value
                    continue
                if "data" in fields:
                    self.last_id = fields.get("id", self.last_id)
                    self.told.put(Told(fields.get("event", "message"), json.loads(fields["data"]),
                                       self.last_id))
                fields = {}
        except (OSError, ValueError, AttributeError, http.client.HTTPException):
            pass
        self.told.put(None)

    def next(self, wanted: Callable[[Told], bool] = lambda _: True, timeout: float = 30) -> Told:
        """The next one that is wanted; what comes before it is passed over."""
        while True:
            told = self.told.get(timeout=timeout)
            assert told is not None, "the stream has ended"
            if wanted(told):
                return told

    def wait_end(self, timeout: float = 30) -> list[Told]:
        """All that still comes, until the server ends it."""
        rest = []
        while True:
            told = self.told.get(timeout=timeout)
            if told is None:
                return rest
            rest.append(told)

    def close(self) -> None:
        self._connection.close()
        self.response.close()
