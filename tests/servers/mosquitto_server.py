"""A real Eclipse Mosquitto: an MQTT server of other people, for tests of bridges.

    server = Mosquitto(directory).start()
    server.sessions()                    # of clients that are not there now
    server.stop()                        # or kill9(), freeze(), thaw()

Its sessions are on disk, and it can be started again any number of times, on the same port.
"""
from __future__ import annotations

import pathlib
import shutil
import signal
import socket
import subprocess
import time

from servers.kafka_server import free_ports

READY_SECONDS = 30


class Mosquitto:
    def __init__(self, directory: pathlib.Path | str):
        self.directory = pathlib.Path(directory)
        self.process: subprocess.Popen | None = None
        (self.port,) = free_ports(1)

    @property
    def mqtt(self) -> tuple[str, int]:
        return "127.0.0.1", self.port

    def start(self) -> "Mosquitto":
        assert self.process is None, "Mosquitto is running already"
        program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
        if program is None:
            raise RuntimeError("mosquitto is missing: ./dev setup installs it")
        self.directory.mkdir(parents=True, exist_ok=True)
        settings = self.directory / "mosquitto.conf"
        settings.write_text(f"listener {self.port} 127.0.0.1\nallow_anonymous true\n"
                            f"persistence true\npersistence_location {self.directory}/\n"
                            "autosave_on_changes true\nautosave_interval 1\nsys_interval 1\n"
                            "max_queued_messages 0\nuser root\n")
        with (self.directory / "mosquitto.log").open("ab") as log:
            self.process = subprocess.Popen([program, "-c", str(settings)], stdout=log,
                                            stderr=subprocess.STDOUT)
        deadline = time.monotonic() + READY_SECONDS
        while True:
            try:
                socket.create_connection(self.mqtt, 1).close()
                return self
            except OSError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError((self.directory / "mosquitto.log").read_text()) from None
                time.sleep(0.05)

    def stop(self) -> None:
        if self.process is not None:
            self.thaw()
            self.process.terminate()
            self.process.wait(30)
            self.process = None

    def kill9(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def freeze(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.process.send_signal(signal.SIGCONT)
