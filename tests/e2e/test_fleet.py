"""The example's fleet, whose readings must be in order whatever becomes of its connections."""
import json
import re
import signal
import subprocess
import sys

import pytest

from integration.late_answers import LateAnswers
from integration.harness import REPOSITORY, wait_until
from integration.raw_mqtt import RawClient

FLEET = REPOSITORY / "examples" / "charging-stations" / "fleet.py"
STATIONS = ("cs-001", "cs-002", "cs-003")


@pytest.fixture
def late(sluice):
    made = LateAnswers(sluice.mqtt, 0.5)
    yield made
    made.close()


@pytest.fixture
def fleet(sluice, late, tmp_path):
    """fleet.py at a rate of some readings in the time that an answer takes."""
    users = [sluice.allow_all(name) for name in (*STATIONS, "control-room")]
    credentials = tmp_path / "example.json"
    credentials.write_text(json.dumps({"users": {user.name: user.password for user in users}}))
    child = subprocess.Popen([sys.executable, str(FLEET), "--port", str(late.port), "--rate", "60",
                              "--credentials", str(credentials)], stdout=subprocess.DEVNULL)
    yield child
    child.send_signal(signal.SIGTERM)
    assert child.wait(60) == 0


def first_seen(numbers):
    """QoS 1 may bring one again; it keeps its first place."""
    return list(dict.fromkeys(numbers))


def written(late, station):
    """The readings in the order in which the station's bytes went to the server."""
    topic = f"stations/{station}/readings".encode()
    pattern = re.compile(re.escape(topic) + rb'.*?"sequence":(\d+)', re.S)
    return first_seen([int(number) for sent in late.bytes_in_order()
                       for number in pattern.findall(sent)])


def test_readings_are_in_order_when_answers_take_long(sluice, late, fleet):
    reader = sluice.allow_all("reader")
    client = RawClient(sluice.mqtt, 5)
    client.connect("reader", username=reader.name, password=reader.password)
    client.subscribe("stations/+/readings", qos=1)
    read = {name: [] for name in STATIONS}

    def read_on(least):
        def enough():
            for message in client.messages(1):
                read[message.topic.split("/")[1]].append(json.loads(message.payload)["sequence"])
            return all(len(first_seen(each)) >= least for each in read.values())
        wait_until(enough, f"{least} readings of each station", 120, every=0)

    read_on(20)
    late.cut()
    read_on(60)

    for station, numbers in read.items():
        wire = written(late, station)
        assert wire == sorted(wire), f"the order in which {station} wrote"
        assert first_seen(numbers) == sorted(set(numbers)), f"what was read of {station}"
        assert first_seen(numbers) == wire[:len(first_seen(numbers))]
