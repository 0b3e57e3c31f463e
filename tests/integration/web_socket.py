"""MQTT over WebSocket on a plain or a TLS socket: exact frames out, frames in. RFC 6455."""
import base64
import hashlib
import os
import struct

from integration.raw_mqtt import RawClient

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def frame(payload, opcode=BINARY, last=True, mask=None, length=None):
    """`length`: 126 or 127 for a longer form than it needs. `mask`: b"" for none."""
    mask = os.urandom(4) if mask is None else mask
    head = bytes([(0x80 if last else 0) | opcode])
    size, masked = len(payload), 0x80 if mask else 0
    form = length or (size if size < 126 else 126 if size < 65536 else 127)
    head += bytes([masked | form])
    head += struct.pack(">H", size) if form == 126 else struct.pack(">Q", size) if form == 127 \
        else b""
    if mask:
        payload = bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))
    return head + mask + payload


def request(path="/mqtt", host="127.0.0.1", **headers):
    """The opening request; `headers` with _ for -, None leaves one out."""
    found = {"Host": host, "Upgrade": "websocket", "Connection": "Upgrade",
             "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(),
             "Sec-WebSocket-Version": "13", "Sec-WebSocket-Protocol": "mqtt"}
    found.update({name.replace("_", "-"): value for name, value in headers.items()})
    lines = [f"{name}: {value}" for name, value in found.items() if value is not None]
    return "\r\n".join([f"GET {path} HTTP/1.1", *lines, "", ""]).encode()


def read_response(plain):
    """(status, headers with small letters, what came behind)"""
    data = b""
    while b"\r\n\r\n" not in data:
        more = plain.recv(65536)
        if not more:
            break
        data += more
    head, _, rest = data.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in
               (line.partition(":") for line in lines[1:])}
    return int(lines[0].split()[1]), headers, rest


class FrameSocket:
    """Bytes in binary frames over `plain`, as if it were a socket of MQTT."""

    def __init__(self, plain, rest=b""):
        self.plain, self.data = plain, bytearray(rest)
        self.frames = []  # (opcode, payload) of all control frames that came
        self.close_code = None

    def __getattr__(self, name):
        return getattr(self.plain, name)

    def sendall(self, data):
        self.plain.sendall(frame(data))

    def recv(self, _size):
        """The payload of the next data frame; b"" at the end."""
        while True:
            head = self._take(2)
            if head is None:
                return b""
            assert head[0] & 0x80 and not head[1] & 0x80, f"a server's frame: {head.hex()}"
            opcode, size = head[0] & 15, head[1]
            if size >= 126:
                size = int.from_bytes(self._take(2 if size == 126 else 8), "big")
            payload = self._take(size)
            if opcode == BINARY:
                return payload
            self.frames.append((opcode, payload))
            if opcode == CLOSE:
                self.close_code = int.from_bytes(payload[:2], "big") if payload else None

    def _take(self, size):
        while len(self.data) < size:
            more = self.plain.recv(65536)
            if not more:
                return None
            self.data += more
        taken = bytes(self.data[:size])
        del self.data[:size]
        return taken


class WebSocketClient(RawClient):
    """RawClient over WebSocket; with `context` over wss."""

    def __init__(self, address, version=5, context=None, path="/mqtt", headers=None, **options):
        super().__init__(address, version, **options)
        if context:
            self.socket = context.wrap_socket(self.socket, server_hostname="localhost")
        key = base64.b64encode(os.urandom(16))
        self.socket.sendall(request(path, f"{address[0]}:{address[1]}",
                                    Sec_WebSocket_Key=key.decode(), **(headers or {})))
        self.status, self.headers, rest = read_response(self.socket)
        if self.status == 101:
            wanted = base64.b64encode(hashlib.sha1(key + GUID).digest()).decode()
            assert self.headers["sec-websocket-accept"] == wanted
        self.socket = FrameSocket(self.socket, rest)

    def send_raw(self, data):
        """Frames as they are."""
        self.socket.plain.sendall(data)

    def expect_close_code(self):
        """Reads until the server closes; the code in its close frame."""
        self.expect_closed()
        return self.socket.close_code
