"""The processes of the example: Kafka, server, fleet. Started in this order, stopped in reverse."""
import ctypes
import errno
import json
import os
import pathlib
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

KAFKA_READY_SECONDS = {"dev": 15, "apache": 300}  # apache: the first run fetches it
SERVER_READY_SECONDS = 60
STOP_SECONDS = 40
PR_SET_PDEATHSIG = 1


class Failure(Exception):
    """What keeps the example from running, in words for the one who started it."""


def accepts(port):
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


def kafka_answers(port):
    """A Metadata request for no topics, answered with at least one broker."""
    request = bytes.fromhex("00030001 00000007 000178 00000000".replace(" ", ""))
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
            connection.settimeout(2)
            connection.sendall(struct.pack(">i", len(request)) + request)
            answer = b""
            while len(answer) < 12:
                more = connection.recv(4096)
                if not more:
                    return False
                answer += more
    except OSError:
        return False
    correlation, brokers = struct.unpack(">ii", answer[4:12])
    return correlation == 7 and brokers >= 1


class Process:
    """A child that dies with us, in a group of its own so that Ctrl-C reaches us alone."""

    def __init__(self, name, command, log, environment=None, stdout=None):
        self.name = name
        self.log = log
        with open(log, "ab") as output:
            self.child = subprocess.Popen(
                [str(part) for part in command], stdin=subprocess.DEVNULL,
                stdout=stdout or output, stderr=output, env=environment,
                start_new_session=True, preexec_fn=self._die_with_parent)

    @staticmethod
    def _die_with_parent():
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)

    def ended(self):
        return self.child.poll() is not None

    def last_lines(self, count=8):
        text = pathlib.Path(self.log).read_text(encoding="utf-8", errors="replace")
        return "\n".join("    " + line for line in text.splitlines()[-count:])

    def stop(self):
        """Asks, waits, insists. Returns what went wrong, or nothing."""
        if self.ended():
            return None
        self.child.terminate()
        try:
            code = self.child.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
            return f"{self.name} did not stop within {STOP_SECONDS} s and was killed"
        clean = (0, -signal.SIGTERM, 128 + signal.SIGTERM)  # a JVM answers SIGTERM with 143
        return None if code in clean else f"{self.name} ended with {code}, see {self.log}"


class Stack:
    """Owns every process and the files in the data directory that are the example's own."""

    def __init__(self, arguments, here, root):
        self.arguments = arguments
        self.here = here
        self.root = root
        self.data = arguments.data.resolve()
        self.first_start = not self.data.is_dir() or not any(self.data.iterdir())
        self.own = self.data / "example"
        self.credentials = self.data / "example.json"
        self.kafka_address = f"127.0.0.1:{arguments.kafka_port}"
        self.processes = []
        self.fleet_figures = {}

    def check_ports(self):
        wanted = [("MQTT", self.arguments.mqtt_port, "--mqtt-port", "listeners.tcp.bind"),
                  ("REST", self.arguments.admin_port, "--admin-port", "admin.bind"),
                  ("Kafka", self.arguments.kafka_port, "--kafka-port", "sluice kafka-dev --bind")]
        for what, port, flag, setting in wanted:
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind(("127.0.0.1", port))
                except OSError as error:
                    if error.errno != errno.EADDRINUSE:
                        raise Failure(f"port {port} for {what}: {error.strerror}") from error
                    raise Failure(f"port {port} for {what} is taken by another program; move it "
                                  f"with {flag} PORT (the setting is {setting})") from error

    def start_kafka(self):
        self.own.mkdir(parents=True, exist_ok=True)
        self._need_program()
        port = self.arguments.kafka_port
        if self.arguments.kafka == "dev":
            command = [self.arguments.sluice, "kafka-dev", "--bind", self.kafka_address]
        else:
            command = [sys.executable, self.root / "tests/servers/kafka_server.py", "run",
                       "--data", self.own / "kafka", "--port", port]
        kafka = self._start("kafka", command)
        self._wait(kafka, lambda: kafka_answers(port), KAFKA_READY_SECONDS[self.arguments.kafka])

    def start_server(self, administrator_password):
        environment = dict(os.environ)
        if administrator_password:
            environment["SLUICE_ADMIN_PASSWORD"] = administrator_password
        command = [self.arguments.sluice, "serve", "--data", self.data,
                   "--set", f"listeners.tcp.bind=127.0.0.1:{self.arguments.mqtt_port}",
                   "--set", f"admin.bind=127.0.0.1:{self.arguments.admin_port}"]
        addresses = self.data / "run" / "addresses.json"
        addresses.unlink(missing_ok=True)
        server = self._start("server", command, environment)
        self._wait(server, addresses.is_file, SERVER_READY_SECONDS)
        self._wait(server, lambda: accepts(self.arguments.mqtt_port), SERVER_READY_SECONDS)

    def start_fleet(self):
        command = [sys.executable, self.here / "fleet.py", "--port", self.arguments.mqtt_port,
                   "--credentials", self.credentials, "--rate", self.arguments.rate]
        fleet = self._start("fleet", command, stdout=subprocess.PIPE)
        threading.Thread(target=self._read_figures, args=(fleet,), daemon=True).start()

    def administrator_token(self):
        return (self.data / "run" / "admin.token").read_text(encoding="ascii").strip()

    def write_mosquitto_options(self):
        """So that the line on the screen works as it is and no password stands in it."""
        password = json.loads(self.credentials.read_text())["users"]["control-room"]
        text = f"-h 127.0.0.1\n-p {self.arguments.mqtt_port}\n-u control-room\n-P {password}\n"
        for program in ("mosquitto_sub", "mosquitto_pub"):
            path = self.own / program
            path.touch(mode=0o600)
            path.chmod(0o600)
            path.write_text(text)

    def check_processes(self):
        for process in self.processes:
            if process.ended():
                raise Failure(f"{process.name} ended by itself with {process.child.returncode}; "
                              f"the end of {process.log}:\n{process.last_lines()}")

    def stop(self):
        problems = [process.stop() for process in reversed(self.processes)]
        self.processes.clear()
        return [problem for problem in problems if problem]

    def _need_program(self):
        if not shutil.which(self.arguments.sluice):
            raise Failure(f"{self.arguments.sluice} is not there: ./dev build release makes it")

    def _start(self, name, command, environment=None, stdout=None):
        log = self.own / f"{name}.log"
        if log.exists():
            log.replace(log.with_suffix(".log.before"))
        process = Process(name, command, log, environment, stdout)
        self.processes.append(process)
        return process

    def _wait(self, process, ready, seconds):
        deadline = time.monotonic() + seconds
        while not ready():
            self.check_processes()
            if time.monotonic() > deadline:
                raise Failure(f"{process.name} was not ready within {seconds} s; the end of "
                              f"{process.log}:\n{process.last_lines()}")
            time.sleep(0.05)

    def _read_figures(self, fleet):
        for line in fleet.child.stdout:
            try:
                self.fleet_figures = json.loads(line)
            except ValueError:
                pass  # the last line of a fleet that was killed may be half a one
