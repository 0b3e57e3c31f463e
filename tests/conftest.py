"""Fixtures of the tests against the whole program: real processes, see integration/harness.py."""
import pathlib

import pytest

from integration.harness import KafkaDev, Process, Sluice
from servers.kafka_security import SecureKafka
from servers.kafka_server import ApacheKafka


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_runtest_makereport(item, call):
    """Fixtures can see how their test ended."""
    outcome = yield
    setattr(item, f"report_{call.when}", outcome.get_result())


def has_failed(request) -> bool:
    reports = (getattr(request.node, f"report_{when}", None) for when in ("setup", "call"))
    return any(report and report.failed for report in reports)


def show_logs(request, *processes: Process) -> None:
    if has_failed(request):
        for process in processes:
            print(f"--- the end of {process.log_file}\n{process.log_tail(60)}")


@pytest.fixture
def make_sluice(tmp_path, request):
    """make_sluice(settings=None, name="sluice", ...): a started server of this test.

    At the end each one that still runs must stop cleanly, with exit code 0.
    """
    made = []

    def make(settings=None, name="sluice", directory: pathlib.Path | None = None, **options):
        server = Sluice(directory or tmp_path, settings, name=name, **options)
        made.append(server)
        return server.start()

    yield make
    problems = []
    for server in made:
        try:
            server.stop()
        except AssertionError as error:
            problems.append(str(error))
        finally:
            server.kill9()
    show_logs(request, *made)
    assert not problems, "\n".join(problems)


@pytest.fixture
def sluice(make_sluice):
    """A fresh server with default settings (access control on) and an empty data directory."""
    return make_sluice()


@pytest.fixture
def kafka_dev(tmp_path, request):
    """A `sluice kafka-dev` of this test."""
    server = KafkaDev(tmp_path)
    try:
        yield server.start()
    finally:
        show_logs(request, server)
        server.kill9()


@pytest.fixture(scope="session")
def shared_kafka(tmp_path_factory):
    """One real Apache Kafka for the whole run. Tests ask for `kafka`."""
    server = ApacheKafka(tmp_path_factory.mktemp("kafka"))
    try:
        yield server.start()
    finally:
        server.kill9()


@pytest.fixture(scope="session")
def secure_kafka(tmp_path_factory):
    """One real Apache Kafka that asks who one is, for the whole run. It is not stopped by tests."""
    server = SecureKafka(tmp_path_factory.mktemp("secure-kafka"))
    try:
        yield server.start()
    finally:
        server.kill9()


@pytest.fixture
def kafka(shared_kafka):
    """The real Apache Kafka, running and thawed again after each test; topics are for each test to
    name. Tests may stop, freeze and kill it."""
    yield shared_kafka
    shared_kafka.thaw()
    if shared_kafka.process is None or shared_kafka.process.poll() is not None:
        shared_kafka.kill9()
        shared_kafka.start()
