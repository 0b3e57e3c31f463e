"""The servers whose promises are tried, each configured as safe as its own settings allow."""
import contextlib
import json
import os
import pathlib
import signal
import socket
import subprocess
import time

import servers
from integration.raw_mqtt import Closed, Late, RawClient

SLUICE = pathlib.Path(os.environ.get("SLUICE_BINARY", servers.ROOT / "build/release/sluice"))
START_SECONDS = 60


class Sluice(servers.Sluice):
    clients = ((1, 5), (1, 4), (2, 5), (2, 4))  # (QoS, version of the protocol) of each publisher
    promises = {"kill"}

    def __init__(self, durability, program=SLUICE):
        super().__init__(durability, program)
        if durability == "fsync":
            self.promises = {"kill", "ext4", "xfs"}

    def configuration(self):
        return json.dumps({
            "data": "{FOLDER}/data", "access": {"enabled": False},
            "listeners": {"tcp": {"type": "mqtt", "bind": "127.0.0.1:{PORT}"}},
            "admin": {"bind": "127.0.0.1:0"}, "store": {"durability": self.durability}}, indent=1)


class FlashMq(servers.FlashMq):
    clients, promises = Sluice.clients, frozenset()

    def configuration(self):
        return super().configuration() + "save_state_interval 300\n"


class Mosquitto(servers.Mosquitto):
    clients, promises = Sluice.clients, frozenset()

    def configuration(self):
        # As another user it could not write into the folder of this run.
        return super().configuration() + (
            "user root\npersistence true\npersistence_location {FOLDER}/\n"
            "autosave_on_changes true\nautosave_interval 1\n")


class Nats(servers.Nats):
    clients, promises = ((1, 4), (1, 4)), frozenset()  # neither MQTT 5 nor QoS 2 in this version

    def configuration(self):
        # A filter with `#` takes twice as many, of 65,535 in all.
        return super().configuration().replace("max_ack_pending: 65535", "max_ack_pending: 10000")


PEERS = {"flashmq": FlashMq, "mosquitto": Mosquitto, "nats": Nats}


def candidates(given, without):
    """Ours twice, then the peers that are given or found on the PATH."""
    chosen = [Sluice("fsync"), Sluice("os")]
    for peer in servers.chosen(given, without):
        if peer.kind in PEERS:
            chosen.append(PEERS[peer.kind](peer.program))
    return chosen


class Process:
    """One server with its data in `folder`, started and killed over and over on one port."""

    def __init__(self, server, home: pathlib.Path, folder: pathlib.Path):
        self.server, self.output = server, home / "output"
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.address = probe.getsockname()
        self.file = home / "configuration"
        self.file.write_text(server.configuration().replace("{PORT}", str(self.address[1]))
                             .replace("{FOLDER}", str(folder)))
        self.child = None

    def launch(self):
        with open(self.output, "ab") as output:
            self.child = subprocess.Popen(
                [self.server.program, *self.server.arguments(str(self.file))],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True)

    def start(self, patience=START_SECONDS):
        """Returns after how many seconds the first client was answered."""
        begun = time.monotonic()
        self.launch()
        while time.monotonic() < begun + patience and self.child.poll() is None:
            with contextlib.suppress(OSError, Closed, Late):
                with RawClient(self.address, self.server.clients[0][1], timeout=2) as client:
                    if client.connect("is-it-there").reason == 0:
                        return time.monotonic() - begun
            time.sleep(0.005)
        what = "did not answer" if self.child.poll() is None else "ended at its start"
        raise RuntimeError(f"{what}: {self.output.read_text(errors='replace')[-300:].strip()}")

    def kill(self):
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.child.pid, signal.SIGKILL)
        self.child.wait()
