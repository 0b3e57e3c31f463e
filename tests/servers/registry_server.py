"""A real schema registry: Apicurio, by the part of its API that is Confluent's.

    registry = Apicurio(directory).start()
    registry.url
    registry.stop()

What it holds is in its memory.
"""
from __future__ import annotations

import pathlib
import subprocess
import time
import urllib.error
import urllib.request

from servers.kafka_server import default_cache, free_ports

READY_SECONDS = 90


class Apicurio:
    def __init__(self, directory: pathlib.Path | str):
        self.directory = pathlib.Path(directory)
        self.process: subprocess.Popen | None = None
        (self.port,) = free_ports(1)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/apis/ccompat/v7"

    def start(self) -> "Apicurio":
        programs = sorted((default_cache() / "apicurio").glob("*-runner.jar"))
        if not programs:
            raise RuntimeError("Apicurio is missing: ./dev setup test fetches it")
        self.directory.mkdir(parents=True, exist_ok=True)
        log = self.directory / "apicurio.log"
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                ["java", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
                 "-Dquarkus.http.host=127.0.0.1", f"-Dquarkus.http.port={self.port}",
                 "-jar", str(programs[0])],
                cwd=self.directory, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        deadline = time.monotonic() + READY_SECONDS
        while True:
            try:
                with urllib.request.urlopen(f"{self.url}/schemas/types", timeout=5):
                    return self
            except (OSError, urllib.error.HTTPError):
                if self.process.poll() is not None or time.monotonic() > deadline:
                    self.stop()
                    raise RuntimeError(log.read_text(errors="replace")[-4000:]) from None
                time.sleep(0.1)

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
        self.process = None
