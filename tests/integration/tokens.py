"""JSON Web Tokens for the tests, signed as an issuer does it: HMAC by Python, the rest by `openssl`."""
import base64
import hashlib
import hmac
import json
import pathlib
import subprocess
import time

from integration.certificates import openssl

SECRET = "a secret of the tests, 32 bytes long"


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _signed(header: dict, claims: dict, sign) -> str:
    text = ".".join(base64url(json.dumps(part).encode()) for part in (header, claims))
    return f"{text}.{base64url(sign(text.encode()))}"


def claims_for(user: str, seconds: float = 300, **more) -> dict:
    return {"sub": user, "exp": time.time() + seconds, **more}


def hs256(claims: dict, secret: str = SECRET, **header) -> str:
    return _signed({"alg": "HS256", "typ": "JWT", **header}, claims,
                   lambda text: hmac.digest(secret.encode(), text, hashlib.sha256))


class Issuer:
    """A key pair of an identity provider. `algorithm`: RS256 or ES256."""

    def __init__(self, directory: pathlib.Path, algorithm: str, name: str):
        self.algorithm, self.name = algorithm, name
        self.key, self.public = directory / f"{name}.key", directory / f"{name}.pub"
        options = (["RSA", "-pkeyopt", "rsa_keygen_bits:2048"] if algorithm == "RS256"
                   else ["EC", "-pkeyopt", "ec_paramgen_curve:P-256"])
        openssl("genpkey", "-algorithm", *options, "-out", self.key)
        openssl("pkey", "-in", self.key, "-pubout", "-out", self.public)

    def token(self, claims: dict, **header) -> str:
        return _signed({"alg": self.algorithm, "kid": self.name, **header}, claims, self._sign)

    def _sign(self, text: bytes) -> bytes:
        signature = subprocess.run(["openssl", "dgst", "-sha256", "-sign", self.key], input=text,
                                   capture_output=True, check=True, timeout=60).stdout
        return signature if self.algorithm == "RS256" else _both_numbers(signature)

    def jwk(self) -> dict:
        """RFC 7517, from the DER of the public key: what is asked for stands at its end."""
        der = subprocess.run(["openssl", "pkey", "-pubin", "-in", self.public, "-outform", "DER"],
                             capture_output=True, check=True, timeout=60).stdout
        kid = {"kid": self.name, "use": "sig", "alg": self.algorithm}
        if self.algorithm == "ES256":
            return {"kty": "EC", "crv": "P-256", "x": base64url(der[-64:-32]),
                    "y": base64url(der[-32:]), **kid}
        # ... INTEGER modulus (with a zero in front), INTEGER 65537
        return {"kty": "RSA", "n": base64url(der[-5 - 256:-5]), "e": base64url(der[-3:]), **kid}


def _both_numbers(der: bytes) -> bytes:
    """r and s of an ECDSA signature, 32 bytes each. RFC 7518 §3.4"""
    numbers, at = b"", 2
    for _ in range(2):
        size = der[at + 1]
        numbers += der[at + 2:at + 2 + size].lstrip(b"\0").rjust(32, b"\0")
        at += 2 + size
    return numbers
