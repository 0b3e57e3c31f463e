"""What every test here starts from, on top of tests/conftest.py."""
import itertools
import os

import pytest

from integration.harness import Sluice
from integration.raw_mqtt import RawClient

_numbers = itertools.count(1)


class Broker:
    """Any MQTT server that admits everybody: ours, or a foreign one that the tests are tried on."""

    def __init__(self, address, server=None):
        self.address = address
        self.server = server  # nothing when it is a foreign one

    @staticmethod
    def unique():
        """A name that no other test and no earlier run on the same server uses."""
        return f"t{os.getpid()}-{next(_numbers)}"


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    """SLUICE_TEST_FOREIGN_BROKER=host:port tries the tests themselves on another server."""
    foreign = os.environ.get("SLUICE_TEST_FOREIGN_BROKER")
    if foreign:
        host, port = foreign.rsplit(":", 1)
        yield Broker((host, int(port)))
        return
    server = Sluice(tmp_path_factory.mktemp("broker"), {"access": {"enabled": False}})
    try:
        server.start()
        yield Broker(server.mqtt, server)
        server.stop()
    finally:
        server.kill9()


@pytest.fixture
def client(broker):
    """Makes connected clients and breaks their connections at the end of the test."""
    made = []

    def connect(version=5, client_id=None, **options):
        raw = RawClient(broker.address, version)
        made.append(raw)
        name = f"{broker.unique()}-{len(made)}" if client_id is None else client_id
        raw.connack = raw.connect(name, **options)
        raw.client_id = name
        assert raw.connack.reason == 0, f"CONNACK {raw.connack.reason:#x}"
        return raw

    yield connect
    for raw in made:
        raw.abort()


@pytest.fixture
def topic(broker):
    """A topic of this test alone, two levels deep."""
    return f"test/{broker.unique()}"


@pytest.fixture
def sluice_on(tmp_path):
    """sluice_on(data, settings): a started server whose data lies on another disk, but neither its
    settings nor its log. Ask for it after the disk."""
    made = []

    def start(data, settings):
        server = Sluice(tmp_path / "home", settings)
        server.data = data
        made.append(server)
        return server.start()

    yield start
    for server in made:
        server.kill9()
        print(f"--- the end of {server.log_file}\n{server.log_tail()}")
