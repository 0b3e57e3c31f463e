"""Pages of the guide with steps to copy, run from top to bottom as a reader would."""
import json
import os
import pathlib
import shutil
import subprocess

import pytest

from e2e.shell_steps import blocks, run_shell
from integration.harness import REPOSITORY, wait_until
from integration.raw_mqtt import RawClient
from servers.kafka_server import free_ports

pytestmark = pytest.mark.timeout(120)


def run(page: str, folder: pathlib.Path, replaced: dict[str, str], **environment: str) -> str:
    """What the commands of the page print. `replaced`: what stands for this machine's own in a page."""
    commands = "\n".join(blocks(page))
    for given, ours in replaced.items():
        assert given in commands, f"the page says {given}"
        commands = commands.replace(given, ours)
    code = run_shell(commands, folder, 90, path=":/usr/sbin", **environment)
    said = (folder / "out.txt").read_text(errors="replace")
    assert code == 0, said
    return said


@pytest.fixture
def here(make_sluice, tmp_path):
    """A server whose data lies in ./data of the folder in which a page is read."""
    server = make_sluice(name="here")
    (tmp_path / "data").symlink_to(server.data)
    shutil.copytree(REPOSITORY / "examples/from-mosquitto", tmp_path / "examples/from-mosquitto")
    return server


def addresses(server, kafka=None) -> dict[str, str]:
    found = {"1883": str(server.mqtt[1]), "127.0.0.1:8080": server.addresses["admin"]}
    return found | ({"127.0.0.1:9092": kafka.bootstrap} if kafka else {})


def test_what_tbmq_writes_into_kafka_is_written_here(here, kafka_dev, tmp_path):
    run("migrate-from-tbmq.md", tmp_path, addresses(here, kafka_dev))

    record = json.loads((tmp_path / "record.txt").read_text())
    assert (record["topicName"], record["clientId"], record["metadata"]["site"]) == (
        "plant/7/telemetry", "probe", "north")
    imported = json.loads((tmp_path / "imported.json").read_text())
    assert any("`acks`" in note for note in imported["notes"]), imported["notes"]


def test_a_flow_of_emqx_goes_on_here(here, kafka_dev, tmp_path):
    run("migrate-from-emqx.md", tmp_path, addresses(here, kafka_dev))

    record = (tmp_path / "record.txt").read_text()
    assert record.startswith('probe {"watts":1300} '), record
    assert "qos=1" in record
    assert here.wait_task("meters", filtered=1)


def test_users_rights_and_messages_of_mosquitto_come_here(here, tmp_path):
    old = tmp_path / "mosquitto"
    old.mkdir()
    port = free_ports(1)[0]
    (old / "acl").write_text(
        "topic read news/#\n# of the meters\npattern readwrite meters/%u/#\nuser reader\n"
        "topic read meters/#\ntopic deny meters/secret/#\nuser mover\ntopic read #\n"
        "topic write commands/#\n")
    for name, password in (("meter-7", "its-password"), ("reader", "r"), ("mover", "its-password")):
        subprocess.run(["mosquitto_passwd", *([] if (old / "passwd").exists() else ["-c"]), "-b",
                        str(old / "passwd"), name, password], check=True, capture_output=True)
    (old / "mosquitto.conf").write_text(
        f"listener {port} 127.0.0.1\npassword_file {old}/passwd\nacl_file {old}/acl\nuser root\n")
    (old / "acl").open("a").write("topic write plant/#\n")
    program = shutil.which("mosquitto", path=f"{os.environ['PATH']}:/usr/sbin")
    mosquitto = subprocess.Popen([program, "-c", str(old / "mosquitto.conf")],
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        def publish():
            return subprocess.run(
                ["mosquitto_pub", "-p", str(port), "-u", "mover", "-P", "its-password", "-q", "1",
                 "-r", "-t", "plant/state", "-m", "on"], check=False, capture_output=True)
        wait_until(lambda: publish().returncode == 0, "a retained message at Mosquitto")
        said = run("migrate-from-mosquitto.md", tmp_path,
                   {"/etc/mosquitto": str(old), "1883": str(port)})
    finally:
        mosquitto.kill()
        mosquitto.wait()

    assert "line 1: for clients without a user name" in said, said
    assert here.get("/retained/plant%2Fstate")["payload"] == "on"
    may = {(user, operation, topic): here.rest("POST", "/policies:test", {
        "operation": operation, "topic": topic, "user": user}).expect(200)["ok"]
        for user, operation, topic in [
            ("meter-7", "publish", "meters/meter-7/power"), ("meter-7", "publish", "meters/other/x"),
            ("reader", "subscribe", "meters/#"), ("reader", "publish", "meters/a"),
            ("reader", "subscribe", "meters/secret/a")]}
    assert list(may.values()) == [True, False, True, False, False], may
    with RawClient(here.mqtt) as client:  # with the password that the device has
        client.connect("m", username="meter-7", password="what-the-device-has")
    bridge = json.loads((tmp_path / "plant-out.json").read_text())
    here.create("/connections?verify=false", {
        **json.loads((tmp_path / "headquarters.json").read_text()),
        "settings": {"host": "127.0.0.1", "port": port}})
    here.create("/tasks", bridge)
    here.create("/tasks", json.loads((tmp_path / "orders-in.json").read_text()))


def test_a_server_is_made_safe_as_the_page_says(tmp_path):
    mqtt, admin = free_ports(2)
    said = run("secure.md", tmp_path, {"8883": str(mqtt)},
               SLUICE_ADMIN__BIND=f"127.0.0.1:{admin}")

    assert (tmp_path / "received.txt").read_text() == '{"watts": 1200}\n'
    assert "createPolicy" in said
    token = json.loads((tmp_path / "token.json").read_text())
    assert (token["role"], token["scope"]) == ("viewer", ["metrics"])
    for secret in ("token.json", "key.pem"):
        assert (tmp_path / secret).stat().st_mode & 0o077 == 0, f"others can read {secret}"
