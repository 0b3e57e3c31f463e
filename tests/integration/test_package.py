"""The Debian package in a clean root: installed, served from as its unit says, upgraded, removed,
purged. systemd itself does not run there; what its unit asks for is looked at by systemd-analyze."""
import json
import os
import pathlib
import re
import socket
import stat
import subprocess
import sys

import paho.mqtt.client as paho
import pytest

from integration.clean_root import CleanRoot
from integration.harness import REPOSITORY, Process, Sluice, sluice_binary, wait_until

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="installing a package needs root")

UNIT = REPOSITORY / "packaging/systemd/sluice.service"
DATA = "/var/lib/sluice"
SETTINGS = "/etc/sluice/sluice.yaml"


def connected(address, user, password):
    client = paho.Client(paho.CallbackAPIVersion.VERSION2, "c", protocol=paho.MQTTv5)
    client.username_pw_set(user, password)
    client.connect(*address)
    client.loop_start()
    wait_until(client.is_connected, f"{user} is connected")
    return client


def leave(client):
    client.disconnect()
    client.loop_stop()


def field_of(package, name):
    return subprocess.run(["dpkg-deb", "-f", package, name], check=True, text=True,
                          capture_output=True).stdout.strip()


def unit_values(name):
    return re.findall(rf"^{name}=(.*)$", UNIT.read_text(), re.M)


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    into = tmp_path_factory.mktemp("package")
    made = subprocess.run([sys.executable, REPOSITORY / "packaging/deb.py", "--binary",
                           str(sluice_binary()), "--into", into], check=True, text=True,
                          capture_output=True, timeout=300).stdout
    return pathlib.Path(made.strip())


@pytest.fixture(scope="module")
def newer(package, tmp_path_factory):
    """The same as the next version would be: with other defaults in the settings file."""
    folder = tmp_path_factory.mktemp("newer")
    subprocess.run(["dpkg-deb", "-R", package, folder / "tree"], check=True)
    control = folder / "tree/DEBIAN/control"
    control.write_text(re.sub(r"(?m)^(Version: .*)-1$", r"\1-2", control.read_text()))
    settings = folder / "tree" / SETTINGS.lstrip("/")
    settings.write_text(settings.read_text() + "\n## A setting that is new.\n")
    subprocess.run(["dpkg-deb", "--root-owner-group", "-Znone", "-b", folder / "tree",
                    folder / "newer.deb"], check=True, capture_output=True)
    return folder / "newer.deb"


@pytest.fixture(scope="module")
def root(package, tmp_path_factory):
    made = CleanRoot(tmp_path_factory.mktemp("root"), field_of(package, "Depends"))
    # Its path is for root alone; the user of the service must get through.
    for path in [made.root, *made.root.parents][:4]:
        path.chmod(path.stat().st_mode | 0o055)
    yield made
    made.close()


class Service(Process):
    """ExecStart of the unit, as its user, in the root; with the socket that Type=notify promises, and
    with standard output where systemd says that the journal is."""

    def __init__(self, root):
        super().__init__("service", root.path("/tmp"))
        self.root = root
        self.address = root.path("/run/notify")
        self.notified = None

    def start(self):
        self.address.unlink(missing_ok=True)
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        listening.bind(str(self.address))
        os.chmod(self.address, 0o666)
        listening.settimeout(60)
        (command,), (user,) = unit_values("ExecStart"), unit_values("User")
        with open(self.log_file, "ab") as log:
            status = os.fstat(log.fileno())
            environment = {
                "NOTIFY_SOCKET": "/run/notify", "PATH": "/usr/bin:/bin",
                "JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}",
                "SLUICE_LISTENERS__TCP__BIND": "127.0.0.1:0", "SLUICE_ADMIN__BIND": "127.0.0.1:0"}
            self.child = subprocess.Popen(
                ["/usr/sbin/chroot", f"--userspec={user}:{user}", self.root.root, *command.split()],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment)
        with listening:
            try:
                self.notified = listening.recv(100)
            except TimeoutError:
                raise AssertionError(f"no READY=1:\n{self.log_tail()}") from None
        self.addresses = json.loads(self.root.path(f"{DATA}/run/addresses.json").read_text())
        return self

    @property
    def mqtt(self):
        host, port = self.addresses["tcp"].rsplit(":", 1)
        return host, int(port)

    def cli(self, *words, **options):
        return self.root.run("sluice", *words, "--data", DATA, **options)


@pytest.fixture
def service(root):
    made = Service(root)
    yield made
    made.kill9()


def modes(root, name):
    """`0640 root:sluice`, by the names of the root's own accounts."""
    return root.run("stat", "-c", "%04a %U:%G", name).stdout.strip()


@pytest.fixture(scope="module")
def installed(package, root):
    root.path("/package.deb").write_bytes(package.read_bytes())
    root.run("dpkg", "-i", "/package.deb")
    return root


@pytest.fixture(scope="module")
def served(installed):
    """It has run once, with a user `meter` and what that one has published."""
    service = Service(installed)
    try:
        service.start()
        service.owner = pathlib.Path(f"/proc/{service.pid}").stat().st_uid
        # As /usr/share/doc/sluice/README.Debian says.
        service.cli("administrator", "update", "admin", "--password-file", "-",
                    text="of the operator\n")
        service.listed = installed.run("sluice", "task", "list", environment={
            "SLUICE_URL": f"http://{service.addresses['admin']}", "SLUICE_USER": "admin",
            "SLUICE_PASSWORD": "of the operator"}, check=False)
        service.cli("user", "create", "meter", "--password", "of the meter")
        service.cli("policy", "create", "-f", "-", text=json.dumps(
            {"name": "all", "effect": "allow", "operations": ["connect", "publish", "subscribe"],
             "resources": ["#"], "users": ["meter"]}))
        client = connected(service.mqtt, "meter", "of the meter")
        client.publish("kept", b"before the upgrade", qos=1, retain=True).wait_for_publish(30)
        leave(client)
        service.stop()
    finally:
        service.kill9()
    return service


def test_it_is_installed_with_a_user_and_directories_of_its_own(installed):
    root = installed
    assert modes(root, DATA) == "0750 sluice:sluice"
    assert modes(root, "/etc/sluice") == "0750 root:sluice"
    assert modes(root, SETTINGS) == "0640 root:sluice"
    assert re.search(r"^sluice:x:\d+:\d+:Sluice MQTT server,*:/var/lib/sluice:/usr/sbin/nologin$",
                     root.path("/etc/passwd").read_text(), re.M)
    enabled = root.path("/etc/systemd/system/multi-user.target.wants/sluice.service")
    assert enabled.is_symlink()
    listed = root.run("dpkg-query", "-L", "sluice").stdout.split()
    for path in listed:
        mode = root.path(path).lstat().st_mode
        assert stat.S_ISLNK(mode) or not mode & 0o6022, f"{path} has mode {mode:o}"
    for name in ("/usr/share/man/man1/sluice.1.gz", "/usr/share/man/man5/sluice.yaml.5.gz",
                 "/usr/share/bash-completion/completions/sluice",
                 "/usr/share/zsh/vendor-completions/_sluice",
                 "/usr/share/fish/vendor_completions.d/sluice.fish",
                 "/usr/share/doc/sluice/copyright", "/usr/share/doc/sluice/sbom.spdx.json",
                 "/usr/share/doc/sluice/README.Debian", "/usr/share/grafana-board"):
        assert (name in listed) == (name != "/usr/share/grafana-board"), name
    sums = root.run("dpkg", "--verify", "sluice")
    assert sums.stdout == ""


def test_the_service_serves_and_keeps_the_password_to_itself(served, root):
    assert served.notified == b"READY=1"
    assert f"sluice:x:{served.owner}:" in root.path("/etc/passwd").read_text()
    assert "administrator made; nobody has been told the password" in served.log_text()
    assert "password: " not in served.log_text()
    assert served.listed.returncode == 0, served.listed.stderr
    for path in root.path(DATA).rglob("*"):
        status = path.lstat()
        assert not status.st_mode & 0o077, f"{path} has mode {status.st_mode:o}"
        assert status.st_uid == served.owner, path


def test_an_upgrade_keeps_data_and_settings_that_were_changed(served, root, newer, service):
    changed = root.path(SETTINGS).read_text().replace("#log:", "log:").replace(
        "#  level: info", "  level: debug")
    root.path(SETTINGS).write_text(changed)
    root.path("/newer.deb").write_bytes(newer.read_bytes())

    root.run("dpkg", "--force-confdef", "--force-confold", "-i", "/newer.deb")
    service.start()

    assert root.run("dpkg-query", "-W", "-f", "${Version}", "sluice").stdout.endswith("-2")
    assert root.path(SETTINGS).read_text() == changed
    assert modes(root, SETTINGS) == "0640 root:sluice"
    assert "## A setting that is new." in root.path(SETTINGS + ".dpkg-dist").read_text()
    client = connected(service.mqtt, "meter", "of the meter")
    received = []
    client.on_message = lambda _client, _data, message: received.append(message.payload)
    client.subscribe("kept", 1)
    wait_until(lambda: received == [b"before the upgrade"], "the retained message")
    leave(client)
    service.stop()


def test_removed_it_keeps_data_and_settings_and_purged_it_does_not(served, root):
    root.run("dpkg", "-r", "sluice")  # the last of those that need it

    assert not root.path("/usr/bin/sluice").exists()
    assert not root.path("/lib/systemd/system/sluice.service").exists()
    assert any(root.path(DATA).iterdir()) and root.path(SETTINGS).exists()

    root.run("dpkg", "-P", "sluice")

    assert not root.path(DATA).exists()
    assert not root.path("/etc/sluice").exists()
    left = [path for path in root.path("/etc/systemd").rglob("sluice*")]
    left += [path for path in root.path("/var/lib/systemd").rglob("*sluice*")]
    assert not left, left
    # What was the package's is gone altogether; the user stays, for files elsewhere.
    assert "sluice" not in root.run("dpkg-query", "-W", check=False).stdout
    assert re.search(r"^sluice:", root.path("/etc/passwd").read_text(), re.M)


# --- what the unit asks of systemd


def test_the_unit_is_right_and_its_exposure_is_small(tmp_path):
    # Beside the program under test, so that ExecStart is there on this machine.
    unit = tmp_path / "sluice.service"
    unit.write_text(UNIT.read_text().replace("/usr/bin/sluice", str(sluice_binary())))

    verified = subprocess.run(["systemd-analyze", "verify", "--man=no", unit], text=True,
                              capture_output=True)
    rated = subprocess.run(["systemd-analyze", "security", "--offline=true", unit], text=True,
                           capture_output=True)

    assert verified.returncode == 0 and "sluice" not in verified.stderr, verified.stderr
    overall = re.search(r"exposure level for sluice.service: ([\d.]+)", rated.stdout)
    print(overall.group())
    assert float(overall[1]) <= 1.4, rated.stdout


def test_the_unit_would_be_refused_with_a_mistake_in_it(tmp_path):
    unit = tmp_path / "sluice.service"
    unit.write_text(UNIT.read_text().replace("ProtectSystem=", "ProtectSytem="))
    verified = subprocess.run(["systemd-analyze", "verify", "--man=no", unit], text=True,
                              capture_output=True)
    assert "ProtectSytem" in verified.stderr


def allowed_calls():
    """What SystemCallFilter= leaves: lines in their order, `~` takes away."""
    groups, name = {}, None
    listed = subprocess.run(["systemd-analyze", "syscall-filter"], check=True, text=True,
                            capture_output=True).stdout
    for line in re.sub(r"\x1b\[[\d;]*m", "", listed).splitlines():
        if line.startswith("@"):
            groups[name := line.strip()] = set()
        elif line.startswith("    ") and name and not line.strip().startswith("#"):
            groups[name].add(line.strip())

    def expanded(word):
        if not word.startswith("@"):
            return {word}
        return set().union(*(expanded(member) for member in groups[word]))

    allowed = set()
    for line in unit_values("SystemCallFilter"):
        calls = set().union(*(expanded(word) for word in line.lstrip("~").split()))
        allowed = allowed - calls if line.startswith("~") else allowed | calls
    return allowed


class TracedSluice(Sluice):
    """Under strace, which stands aside (-D): signals reach the server itself."""

    def command(self):
        return ["strace", "-D", "-f", "-q", "-o", str(self.directory / "calls"), *super().command()]

    def calls(self):
        wait_until(lambda: "+++ exited" in self._lines()[-1], "strace has written all")
        return self._lines()

    def _lines(self):
        return (self.directory / "calls").read_text(errors="replace").splitlines()


def test_the_unit_lets_the_server_do_all_that_it_does(tmp_path, kafka_dev):
    server = TracedSluice(tmp_path)
    try:
        server.start()
        server.allow_all("meter", "secret secret")
        server.add_kafka_connection("kafka", kafka_dev.bootstrap)
        server.add_kafka_task("to-kafka", "kafka", ["m/#"], "made", map={"jq": "{a: .n}"})
        server.create("/tasks", {
            "name": "to-file", "source": {"type": "local", "filters": ["m/#"]},
            "verify": {"json_schema": {"type": "object"}},
            "map": {"topic": "${topic[0]}"}, "sink": {"type": "file", "folder": "out"}})
        client = connected(server.mqtt, "meter", "secret secret")
        client.publish("m/1", b'{"n": 1}', qos=2, retain=True).wait_for_publish(30)
        leave(client)
        server.wait_task("to-kafka", delivered=1)
        server.wait_task("to-file", delivered=1)
        server.reload(server.settings)
        server.stop()
        lines = server.calls()
    finally:
        server.kill9()

    calls = {found[1] for found in re.finditer(r"(?m)^\d+ +(\w+)\(", "\n".join(lines))}
    families = {found[1] for found in re.finditer(r" socket\((AF_\w+)", "\n".join(lines))}
    executable = [line for line in lines
                  if "PROT_EXEC" in line and "PROT_WRITE" in line and "PROT_READ|PROT_WRITE" in line]
    assert {"fdatasync", "epoll_wait", "seccomp", "prlimit64", "execve"} <= calls
    assert not calls - allowed_calls()
    assert families <= set(unit_values("RestrictAddressFamilies")[0].split())
    assert not executable  # MemoryDenyWriteExecute


# --- the container file: no engine runs in the tests


def test_the_container_file_sets_what_is_a_setting_and_shows_the_ports_of_it():
    text = (REPOSITORY / "packaging/container/Containerfile").read_text()
    variables = dict(re.findall(r"(SLUICE_\w+)=(\S+)", text))
    shown = subprocess.run([str(sluice_binary()), "check", "-o", "json"], check=True, text=True,
                           capture_output=True, env={"PATH": os.environ["PATH"], **variables})
    assert shown.stderr == ""  # an unknown one is a warning
    origins = {item["origin"]: item["value"] for item in json.loads(shown.stdout)["items"]}
    assert set(variables) <= set(origins)
    ports = {origins[name].rpartition(":")[2] for name in variables}
    assert set(re.search(r"^EXPOSE (.*)$", text, re.M)[1].split()) == ports
    assert f'CMD ["serve", "-c", "{SETTINGS}"]' in text and f"VOLUME {DATA}\n" in text
