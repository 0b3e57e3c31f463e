"""The example as a new user runs it: one command, one screen, Ctrl-C, and again."""
import json
import os
import pathlib
import pty
import re
import signal
import socket
import subprocess
import sys

import pytest

from integration.harness import REPOSITORY, read_topic, sluice_binary, wait_until
from servers.kafka_server import free_ports

RUN = REPOSITORY / "examples" / "charging-stations" / "run.py"
START_SECONDS = 120


class Example:
    """run.py with ports and a data directory of its own; what it prints, and its end."""

    def __init__(self, directory: pathlib.Path):
        self.directory, self.data = directory, directory / "data"
        self.mqtt_port, self.admin_port, self.kafka_port = free_ports(3)
        self.child, self.output_file = None, None

    def start(self, *arguments, terminal=None):
        self.output_file = self.directory / f"output-{len(list(self.directory.glob('output-*')))}"
        command = [sys.executable, str(RUN), "--data", str(self.data), "--sluice",
                   str(sluice_binary()), "--mqtt-port", str(self.mqtt_port), "--admin-port",
                   str(self.admin_port), "--kafka-port", str(self.kafka_port), *arguments]
        with open(self.output_file, "wb") as output:
            self.child = subprocess.Popen(command, stdin=subprocess.DEVNULL,
                                          stdout=terminal or output, stderr=subprocess.STDOUT,
                                          start_new_session=True)
        return self

    @property
    def output(self):
        return self.output_file.read_text(encoding="utf-8", errors="replace")

    def figures(self):
        """The newest value of each row: `messages in 1,234`."""
        found = {}
        for name in ("acknowledged", "messages in", "delivered to Kafka", "lag"):
            values = re.findall(rf"\b{name} +([\d,]+)", self.output)
            if values:
                found[name] = int(values[-1].replace(",", ""))
        return found

    def wait_figures(self, claim):
        def is_so():
            assert self.child.poll() is None, self.output
            found = self.figures()
            return found if len(found) == 4 and claim(found) else None
        try:
            return wait_until(is_so, "the screen's figures", START_SECONDS)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.output[-3000:]}") from None

    def interrupt(self):
        self.child.send_signal(signal.SIGINT)
        code = self.child.wait(60)
        assert code == 0, self.output[-3000:]

    def kill(self):
        if self.child and self.child.poll() is None:
            self.child.kill()
            self.child.wait()


@pytest.fixture
def example(tmp_path):
    made = Example(tmp_path)
    yield made
    made.kill()


def running_below(directory):
    """Processes that name the directory in their command line."""
    found = []
    for entry in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if str(directory).encode() in entry.read_bytes():
                found.append(entry.read_bytes())
        except OSError:
            pass
    return found


def test_run_stop_and_run_again(example):
    example.start()
    first = example.wait_figures(lambda f: f["delivered to Kafka"] > 150)
    password = re.search(r"password: (\S+)", example.output).group(1)
    assert f"127.0.0.1:{example.mqtt_port}" in example.output
    assert first["messages in"] >= first["delivered to Kafka"]
    records = read_topic(f"127.0.0.1:{example.kafka_port}", "charging-stations", count=100)
    for station in {record.key for record in records}:
        readings = [json.loads(record.value)["sequence"] for record in records
                    if record.key == station and b"sequence" in record.value]
        assert readings == sorted(readings)
    example.interrupt()
    assert not running_below(example.data)

    example.start()
    again = example.wait_figures(lambda f: f["delivered to Kafka"] > 200 and f["lag"] < 50)
    # Since this start, as the screen says, and what the first run had left.
    assert again["delivered to Kafka"] <= again["messages in"] + 50
    assert password not in example.output and "shown at the first start" in example.output
    assert "started empty" in example.output
    assert re.search(r"connection, task: 0 made", example.output), example.output
    example.interrupt()
    assert "Traceback" not in example.output


def test_the_lines_on_the_screen_work_as_they_are(example):
    example.start()
    example.wait_figures(lambda f: f["delivered to Kafka"] > 50)
    lines = [line.strip() for line in example.output.splitlines()]
    sub = next(line for line in lines if "mosquitto_sub" in line)
    pub = next(line for line in lines if "mosquitto_pub" in line)
    kcat = next(line for line in lines if line.startswith("kcat"))

    def shell(line, wanted):
        done = subprocess.run(["timeout", "20", "bash", "-c", line], capture_output=True, text=True,
                              check=False)
        assert wanted in done.stdout, (line, done)

    shell(kcat.replace(" -C ", " -C -e "), "sequence")
    shell(sub + " -C 20", "stations/cs-")
    answers = sub.replace("#", "cs-001/results")
    command = f"{answers} -C 1 -W 30 & while kill -0 $!; do {pub}; sleep 0.2; done; wait $!"
    subprocess.run(["bash", "-c", command], check=True, timeout=60, capture_output=True)
    example.interrupt()


def test_credentials_are_private_and_made_anew(example):
    example.start()
    example.wait_figures(lambda f: f["acknowledged"] > 0)
    example.interrupt()

    for path in (example.data / "example.json", example.data / "example" / "mosquitto_sub"):
        assert path.stat().st_mode & 0o777 == 0o600
    passwords = json.loads((example.data / "example.json").read_text())["users"]
    assert len(set(passwords.values())) == len(passwords) == 9
    for password in passwords.values():
        assert password not in example.output
        for log in (example.data / "example").glob("*.log"):
            assert password not in log.read_text(errors="replace")


@pytest.mark.parametrize("which,flag", [
    ("mqtt_port", "--mqtt-port"), ("admin_port", "--admin-port"), ("kafka_port", "--kafka-port")])
def test_a_taken_port_is_named_with_what_moves_it(example, which, flag):
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        setattr(example, which, port)
        example.start()
        assert example.child.wait(30) == 1
    assert f"port {port}" in example.output and flag in example.output
    assert "Traceback" not in example.output


def test_a_server_that_dies_is_said(example):
    example.start()
    example.wait_figures(lambda f: f["delivered to Kafka"] > 20)
    children = pathlib.Path(f"/proc/{example.child.pid}/task/{example.child.pid}/children")
    for pid in map(int, children.read_text().split()):
        if b"\0serve\0" in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes():
            os.kill(pid, signal.SIGKILL)

    assert example.child.wait(60) == 1
    assert "server ended by itself" in example.output and "Traceback" not in example.output
    example.start()
    example.wait_figures(lambda f: f["delivered to Kafka"] > 20)
    example.interrupt()


def test_one_screen_on_a_terminal(example):
    master, slave = pty.openpty()
    try:
        example.start("--seconds", "4", terminal=slave)
        os.close(slave)
        screen = b""
        while True:
            try:
                part = os.read(master, 65536)
            except OSError:
                break
            if not part:
                break
            screen += part
        assert example.child.wait(60) == 0
    finally:
        os.close(master)
    assert screen.count(b"\x1b[H") >= 2, "it refreshes"
    assert b"delivered to Kafka" in screen and b"kcat" in screen


def test_apache_kafka(example):
    example.start("--kafka", "apache")
    example.wait_figures(lambda f: f["delivered to Kafka"] > 50)
    records = read_topic(f"127.0.0.1:{example.kafka_port}", "charging-stations", count=50)
    example.interrupt()
    assert not running_below(example.data)
    example.start("--kafka", "apache")
    example.wait_figures(lambda f: f["delivered to Kafka"] > 20)
    more = read_topic(f"127.0.0.1:{example.kafka_port}", "charging-stations",
                      count=len(records) + 20)
    example.interrupt()
    assert more[0].header("mqtt.message_id")
