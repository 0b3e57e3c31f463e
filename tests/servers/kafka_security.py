"""A Kafka that asks who one is: TLS, passwords and rights, beside the plain port of the tests.

    with SecureKafka(directory) as kafka:
        kafka.sasl_ssl, kafka.ca_pem         # where, and whom to trust
        kafka.allow("bob", "topic", "WRITE")

Users: `admin` may do everything; `bob` and `eve` may do what `allow` says. The plain port needs no
login and may do everything: it is the test's own way in.
"""
from __future__ import annotations

import pathlib
import subprocess

from servers.kafka_server import ApacheKafka, free_ports

PASSWORDS = {"admin": "admin-secret", "bob": "bob-secret", "eve": "eve-secret"}


def make_certificate(directory: pathlib.Path, name: str) -> tuple[pathlib.Path, pathlib.Path]:
    """A self-signed certificate for localhost, with its key: (certificate, key)."""
    certificate, key = directory / f"{name}.crt", directory / f"{name}.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
         "-keyout", str(key), "-out", str(certificate), "-subj", f"/CN={name}",
         "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
        check=True, capture_output=True)
    return certificate, key


class SecureKafka(ApacheKafka):
    """Listeners SASL_SSL, SASL_PLAINTEXT and SSL (which wants a client certificate)."""

    def __init__(self, directory: pathlib.Path | str, cache=None):
        super().__init__(directory, cache, heap="200m")
        self.directory.mkdir(parents=True, exist_ok=True)
        certificate, key = make_certificate(self.directory, "broker")
        client, client_key = make_certificate(self.directory, "client")
        (self.directory / "server.pem").write_text(key.read_text() + certificate.read_text())
        self.ca_pem = certificate.read_text()
        self.client_pem, self.client_key_pem = client.read_text(), client_key.read_text()
        self.ports = free_ports(3)

    @property
    def sasl_ssl(self) -> str:
        return f"localhost:{self.ports[0]}"

    @property
    def sasl_plaintext(self) -> str:
        return f"localhost:{self.ports[1]}"

    @property
    def ssl(self) -> str:
        return f"localhost:{self.ports[2]}"

    def _write_settings(self) -> None:
        names = ["SASL_SSL", "SASL_PLAINTEXT", "SSL"]
        ours = ",".join(f"{name}://localhost:{port}" for name, port in zip(names, self.ports))
        plain = f"PLAINTEXT://127.0.0.1:{self.port}"
        users = " ".join(f'user_{name}="{password}"' for name, password in PASSWORDS.items())
        modules = "org.apache.kafka.common.security"
        self.settings = {
            "listeners": f"{plain},{ours},CONTROLLER://127.0.0.1:{self.controller_port}",
            "advertised.listeners": f"{plain},{ours}",
            "listener.security.protocol.map":
                "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,"
                + ",".join(f"{name}:{name}" for name in names),
            "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER",
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": str(self.directory / "server.pem"),
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": str(self.directory / "client.crt"),
            "listener.name.ssl.ssl.client.auth": "required",
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": "User:ANONYMOUS;User:admin",
            "allow.everyone.if.no.acl.found": "false",
        }
        for listener in ("sasl_ssl", "sasl_plaintext"):
            prefix = f"listener.name.{listener}"
            self.settings[f"{prefix}.plain.sasl.jaas.config"] = (
                f"{modules}.plain.PlainLoginModule required {users};")
            # Takes any token that says who it is of and until when: who signs is not the question.
            self.settings[f"{prefix}.oauthbearer.sasl.jaas.config"] = (
                f"{modules}.oauthbearer.OAuthBearerLoginModule required "
                'unsecuredLoginStringClaim_sub="admin";')
            for mechanism in ("scram-sha-256", "scram-sha-512"):
                self.settings[f"{prefix}.{mechanism}.sasl.jaas.config"] = (
                    f"{modules}.scram.ScramLoginModule required;")
        super()._write_settings()

    def start(self) -> "SecureKafka":
        super().start()
        for name, password in PASSWORDS.items():
            self.set_password(name, password)
        return self

    def set_password(self, name: str, password: str, timeout: float = 30) -> None:
        """Of a user, for both SCRAM mechanisms."""
        from confluent_kafka.admin import (AdminClient, ScramCredentialInfo, ScramMechanism,
                                           UserScramCredentialUpsertion)

        admin = AdminClient({"bootstrap.servers": self.bootstrap})
        for mechanism in (ScramMechanism.SCRAM_SHA_256, ScramMechanism.SCRAM_SHA_512):
            change = UserScramCredentialUpsertion(name, ScramCredentialInfo(mechanism, 4096),
                                                  password.encode())
            for future in admin.alter_user_scram_credentials([change]).values():
                future.result(timeout)

    def allow(self, user: str, topic: str, *operations: str, timeout: float = 30) -> None:
        from confluent_kafka.admin import (AclBinding, AclOperation, AclPermissionType, AdminClient,
                                           ResourcePatternType, ResourceType)

        admin = AdminClient({"bootstrap.servers": self.bootstrap})
        bindings = [AclBinding(ResourceType.TOPIC, topic, ResourcePatternType.LITERAL,
                               f"User:{user}", "*", AclOperation[operation],
                               AclPermissionType.ALLOW) for operation in operations]
        for future in admin.create_acls(bindings).values():
            future.result(timeout)
