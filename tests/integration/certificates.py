"""Certificates for the tests, made by the `openssl` program when they are asked for; none is kept."""
import pathlib
import subprocess
from dataclasses import dataclass


def openssl(*arguments, cwd=None, stdin=None):
    done = subprocess.run(["openssl", *map(str, arguments)], cwd=cwd, input=stdin, text=True,
                          capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, f"openssl {arguments}: {done.stderr}"
    return done.stdout


@dataclass(frozen=True)
class Pair:
    certificate: pathlib.Path
    key: pathlib.Path


class Authority:
    """An authority in a directory of its own; what it issues lies there too."""

    def __init__(self, directory: pathlib.Path, name="test authority"):
        self.directory = directory
        directory.mkdir(parents=True)
        self.key, self.certificate = directory / "ca.key", directory / "ca.pem"
        self._new_key(self.key)
        openssl("req", "-x509", "-new", "-key", self.key, "-out", self.certificate, "-days", "30",
                "-subj", f"/CN={name}", "-addext", "keyUsage=critical,keyCertSign,cRLSign")
        (directory / "index.txt").touch()
        (directory / "ca.cnf").write_text(
            f"[ca]\ndefault_ca=d\n[d]\ndatabase={directory}/index.txt\n"
            f"certificate={self.certificate}\nprivate_key={self.key}\ndefault_md=sha256\n"
            "default_crl_days=30\n")

    @staticmethod
    def _new_key(path, algorithm="EC"):
        options = (["-pkeyopt", "ec_paramgen_curve:P-256"] if algorithm == "EC"
                   else ["-pkeyopt", "rsa_keygen_bits:2048"])
        openssl("genpkey", "-algorithm", algorithm, *options, "-out", path)
        path.chmod(0o600)

    def issue(self, name, subject=None, alternatives="DNS:localhost,IP:127.0.0.1", days=20,
              algorithm="EC") -> Pair:
        """A certificate for clients and servers. `subject`: as openssl writes it, /CN=name."""
        pair = Pair(self.directory / f"{name}.pem", self.directory / f"{name}.key")
        self._new_key(pair.key, algorithm)
        request, extensions = self.directory / f"{name}.csr", self.directory / f"{name}.ext"
        extensions.write_text(f"subjectAltName={alternatives}\n" if alternatives else "")
        openssl("req", "-new", "-utf8", "-key", pair.key, "-out", request,
                "-subj", f"/CN={name}" if subject is None else subject)
        openssl("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self.key,
                "-CAcreateserial", "-days", days, "-out", pair.certificate, "-extfile", extensions)
        return pair

    def revoke(self, *pairs: Pair) -> pathlib.Path:
        """The revocation list that names these; without any an empty one."""
        config, crl = self.directory / "ca.cnf", self.directory / "crl.pem"
        for pair in pairs:
            openssl("ca", "-config", config, "-revoke", pair.certificate)
        openssl("ca", "-config", config, "-gencrl", "-out", crl)
        return crl
