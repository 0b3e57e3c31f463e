"""One server for all conformance tests, and the versions that a test is for.

A test says which statements of which standard it shows, `5/` for MQTT 5.0 and `4/` for 3.1.1:

    @shows("4/3.3.1-5 5/3.3.1-5")
    def test_...(client, topic, version):

and runs once for each version named; `3` alone runs it with MQTT 3.1 too. tools/conformance.py reads
these words for docs/conformance.md.
"""
import pytest

from conformance.frame import versions_of
from integration.certificates import Authority
from integration.conftest import Broker, client, topic  # noqa: F401: fixtures
from integration.harness import Sluice, merged

SETTINGS = {"access": {"enabled": False},
            "listeners": {"ws": {"enabled": True, "type": "ws", "bind": "127.0.0.1:0",
                                 "origins": ["https://app.example.org"]}}}


def pytest_generate_tests(metafunc):
    marker = metafunc.definition.get_closest_marker("shows")
    if marker and "version" in metafunc.fixturenames:
        metafunc.parametrize("version", versions_of(marker.args[0]), ids="v{}".format)


def start(folder, settings):
    server = Sluice(folder, settings)
    try:
        server.start()
        yield Broker(server.mqtt, server)
        server.stop()
    finally:
        server.kill9()


@pytest.fixture(scope="session")
def broker(tmp_path_factory):
    pair = Authority(tmp_path_factory.mktemp("certificates") / "authority").issue("server")
    tls = {"type": "mqtts", "bind": "127.0.0.1:0", "enabled": True,
           "certificate": str(pair.certificate), "key": str(pair.key)}
    yield from start(tmp_path_factory.mktemp("conformance"),
                     merged(SETTINGS, {"listeners": {"tls": tls}}))


@pytest.fixture(scope="session")
def small_broker(tmp_path_factory):
    """One that takes little of everything."""
    yield from start(tmp_path_factory.mktemp("small"), {
        **SETTINGS, "mqtt": {"maximum_qos": 1, "receive_maximum": 2, "keep_alive_maximum": 1,
                              "retained_maximum": 3, "subscriptions_per_client": 3,
                              "session_expiry_maximum": "60s"}})


@pytest.fixture(scope="session")
def closed_broker(tmp_path_factory):
    """One with access control on; the user `meter` may publish and subscribe to `open/#` alone."""
    for made in start(tmp_path_factory.mktemp("closed"), {}):
        account = made.server.add_user("meter")
        made.server.add_policy("meter", operations=["connect"], resources=["#"], users=["meter"])
        made.server.add_policy("open", operations=["publish", "subscribe"], resources=["open/#"],
                               users=["meter"])
        made.login = {"username": account.name, "password": account.password}
        yield made
