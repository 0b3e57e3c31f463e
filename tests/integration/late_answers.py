"""A way to the server on which every answer comes late, and which can be cut."""
import selectors
import socket
import threading
import time

MOST_BYTES = 65536


class LateAnswers:
    """Relays each connection to `target`; what the server sends arrives `seconds` later.

    What the client sends passes at once. `bytes_in_order()` has it per connection, so that a test
    can tell what a client wrote from what the server made of it. One thread; close() ends it.
    """

    def __init__(self, target: tuple[str, int], seconds: float):
        self.target, self.seconds = target, seconds
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._peers: dict[socket.socket, socket.socket] = {}
        self._from_server: set[socket.socket] = set()
        self._late: list[tuple[float, socket.socket, bytes]] = []
        self._sent: dict[socket.socket, bytearray] = {}
        self._ended = threading.Event()
        self._cut = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def cut(self) -> None:
        """Ends every connection that is open now; what was on its way to a client is lost."""
        self._cut.set()

    def bytes_in_order(self) -> list[bytes]:
        return [bytes(sent) for sent in list(self._sent.values())]

    def close(self) -> None:
        self._ended.set()
        self._thread.join()
        self._listener.close()

    def _run(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._listener, selectors.EVENT_READ)
            while not self._ended.is_set():
                for key, _ in selector.select(0.01):
                    if key.fileobj is self._listener:
                        self._accept(selector)
                    elif key.fileobj in self._peers:
                        self._read(selector, key.fileobj)
                self._answer()
                if self._cut.is_set():
                    self._cut.clear()
                    self._end_all(selector)
            self._end_all(selector)

    def _accept(self, selector) -> None:
        client, _ = self._listener.accept()
        server = socket.create_connection(self.target)
        self._peers.update({client: server, server: client})
        self._from_server.add(server)
        self._sent[client] = bytearray()
        for side in (client, server):
            selector.register(side, selectors.EVENT_READ)

    def _read(self, selector, side) -> None:
        try:
            data = side.recv(MOST_BYTES)
        except OSError:
            data = b""
        if not data:
            self._end(selector, side)
        elif side in self._from_server:
            self._late.append((time.monotonic() + self.seconds, self._peers[side], data))
        else:
            self._sent[side] += data
            self._peers[side].sendall(data)

    def _answer(self) -> None:
        while self._late and self._late[0][0] <= time.monotonic():
            _, client, data = self._late.pop(0)
            if client in self._peers:
                client.sendall(data)

    def _end(self, selector, side) -> None:
        other = self._peers.pop(side)
        del self._peers[other]
        self._from_server -= {side, other}
        for each in (side, other):
            selector.unregister(each)
            each.close()

    def _end_all(self, selector) -> None:
        while self._peers:
            self._end(selector, next(iter(self._peers)))
