"""The page docs/guide/first-steps.md, run from top to bottom as a newcomer would."""
import os
import pathlib
import re
import socket
import subprocess

from e2e.shell_steps import blocks, run_shell
from integration.harness import environment_of, sluice_binary
from servers.kafka_server import free_ports

PAGE = "first-steps.md"
PORTS = ("1883", "8080", "9092")


def commands() -> str:
    """The page's shell blocks, on ports that nobody else uses here."""
    text = "\n".join(blocks(PAGE))
    mqtt, admin, kafka = free_ports(3)
    for default, chosen in zip(PORTS, (mqtt, admin, kafka)):
        assert default in text, f"{PAGE} names port {default}"
        text = text.replace(default, str(chosen))
    settings = {"SLUICE_LISTENERS__TCP__BIND": f"127.0.0.1:{mqtt}",
                "SLUICE_ADMIN__BIND": f"127.0.0.1:{admin}"}
    exports = "".join(f"export {name}={value}\n" for name, value in settings.items())
    return exports + text


def test_the_first_steps_lead_to_a_record_in_kafka(tmp_path):
    code = run_shell(commands(), tmp_path, 120)

    logs = {name: text(tmp_path / name) for name in ("out.txt", "sluice.log", "kafka-dev.log")}
    assert code == 0, "\n".join(f"--- {name}\n{log}" for name, log in logs.items())
    assert text(tmp_path / "received.txt") == '{"watts": 1200}\n'
    record = text(tmp_path / "record.txt")
    assert record.startswith('meter-1 {"watts": 1300}\n')
    assert "mqtt.topic=meters/meter/power" in record and "mqtt.qos=1" in record
    assert '"name":"meters"' in re.sub(r":\s+", ":", logs["out.txt"])
    assert "password" in logs["sluice.log"]
    for secret in ("sluice.log", "curl.headers"):
        assert (tmp_path / secret).stat().st_mode & 0o077 == 0, f"others can read {secret}"


def test_the_first_block_says_that_a_port_is_taken(tmp_path):
    """Also with what a killed server and an earlier run left behind."""
    (tmp_path / "data" / "run").mkdir(parents=True)
    (tmp_path / "data" / "run" / "addresses.json").write_text("{}")
    (tmp_path / "sluice.log").write_text("2026-01-01T00:00:00.000Z info  ready data=./data\n")
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        bind = f"127.0.0.1:{holder.getsockname()[1]}"
        done = subprocess.run(
            ["bash", "-c", blocks(PAGE)[0]], cwd=tmp_path, timeout=30, check=False,
            stdin=subprocess.DEVNULL, capture_output=True, text=True,
            env=environment_of(PATH=f"{sluice_binary().parent}:{os.environ['PATH']}",
                               SLUICE_LISTENERS__TCP__BIND=bind, SLUICE_ADMIN__BIND="127.0.0.1:0"))

    assert bind in done.stdout and "listeners.tcp.bind" in done.stdout, done
    assert done.returncode != 0, done


def text(path: pathlib.Path) -> str:
    return path.read_text(errors="replace") if path.exists() else "(not written)"
