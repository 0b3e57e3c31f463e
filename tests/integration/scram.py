"""A client's side of SCRAM-SHA-256 (RFC 5802, RFC 7677) without channel binding, by the RFC alone."""
import base64
import hashlib
import hmac
import secrets

METHOD = "SCRAM-SHA-256"


def _hmac(key, text):
    return hmac.new(key, text, hashlib.sha256).digest()


class Scram:
    """One exchange: first() and final() are sent, what the server answers goes in between."""

    def __init__(self, username, password, header="n,,"):
        self.password, self.header = password, header
        name = username.replace("=", "=3D").replace(",", "=2C")
        self.nonce = secrets.token_urlsafe(18)
        self.bare = f"n={name},r={self.nonce}"

    def first(self):
        return (self.header + self.bare).encode()

    def final(self, challenge, binding=None):
        """The proof, for the server's first message."""
        challenge = challenge.decode()
        parts = dict(part.split("=", 1) for part in challenge.split(","))
        assert parts["r"].startswith(self.nonce) and len(parts["r"]) > len(self.nonce) + 16
        assert int(parts["i"]) >= 4096  # RFC 7677 §4
        self.salt = base64.b64decode(parts["s"], validate=True)
        salted = hashlib.pbkdf2_hmac("sha256", self.password.encode(), self.salt, int(parts["i"]))
        bound = base64.b64encode((binding or self.header).encode()).decode()
        without_proof = f"c={bound},r={parts['r']}"
        said = f"{self.bare},{challenge},{without_proof}".encode()
        client_key = _hmac(salted, b"Client Key")
        signature = _hmac(hashlib.sha256(client_key).digest(), said)
        proof = bytes(a ^ b for a, b in zip(client_key, signature))
        self.signature = _hmac(_hmac(salted, b"Server Key"), said)
        return f"{without_proof},p={base64.b64encode(proof).decode()}".encode()

    def check(self, answer):
        """The server knows the password too."""
        assert answer == b"v=" + base64.b64encode(self.signature)
