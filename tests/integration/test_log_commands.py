"""`sluice log verify|dump|repair` on the data directory of a real server."""
import shutil

import pytest

from integration import raw_mqtt as mqtt
from integration.raw_mqtt import RawClient

EXPIRY = [(mqtt.SESSION_EXPIRY, 3600)]


def publish(server, begin, end):
    with RawClient(server.mqtt) as raw:
        raw.connect("writer")
        for number in range(begin, end):
            assert raw.publish("log/1", b"message %d." % number + b"x" * 300, qos=1).reason < 0x80


def test_a_damaged_log_is_found_shown_and_repaired(tmp_path, sluice_on):
    server = sluice_on(tmp_path / "data", {"access": {"enabled": False}})
    with RawClient(server.mqtt) as raw:
        raw.connect("reader", clean=False, properties=EXPIRY)
        raw.subscribe("log/#", qos=1)
        raw.disconnect()
    publish(server, 0, 50)
    data = ["--data", str(server.data)]
    refused = server.cli("log", "verify", *data, check=False)
    assert refused.returncode == 1 and str(server.pid) in refused.stderr, "it runs"
    server.stop()
    assert "nothing is damaged" in server.cli("log", "verify", *data).stdout
    dumped = server.cli("log", "dump", *data, "--limit", "5000").stdout
    assert dumped.count(" message id=") == 50 and "topic=log/1" in dumped
    assert len(server.cli("log", "dump", *data, "--limit", "3").stdout.splitlines()) == 3

    segment = sorted((server.data / "log").glob("*.log"))[0]
    whole = segment.read_bytes()
    at = whole.index(b"message 20.")
    segment.write_bytes(whole[:at] + b"X" + whole[at + 1:])
    shutil.rmtree(server.data / "view")

    found = server.cli("log", "verify", *data, check=False)
    assert found.returncode == 1
    assert "DAMAGED" in found.stdout and segment.name in found.stdout and "offset" in found.stdout
    assert server.cli("log", "repair", *data, check=False).returncode == 1
    assert segment.read_bytes()[at:at + 1] == b"X", "without --yes nothing is changed"
    repaired = server.cli("log", "repair", *data, "--yes").stdout
    assert "covered" in repaired and "removed-by-repair" in repaired
    copies = list((server.data / "removed-by-repair").glob(segment.name + ".*"))
    assert len(copies) == 1 and b"essage 20." in copies[0].read_bytes()
    assert server.cli("log", "verify", *data).returncode == 0

    server.start()
    publish(server, 50, 55)
    with RawClient(server.mqtt) as raw:
        assert raw.connect("reader", clean=False, properties=EXPIRY).session_present
        payloads = [message.payload for message in raw.messages(54)]
    numbers = [int(payload.split(b".")[0].split()[1]) for payload in payloads]
    assert numbers == [number for number in range(55) if number != 20]


def test_a_lost_first_file_is_refused_until_the_loss_is_accepted(tmp_path, sluice_on):
    server = sluice_on(tmp_path / "data", {"access": {"enabled": False}})
    publish(server, 0, 20)
    server.stop()
    server.start()
    publish(server, 20, 40)
    server.stop()
    segments = sorted((server.data / "log").glob("*.log"))
    segments[0].unlink()
    data = ["--data", str(server.data)]

    with pytest.raises(AssertionError) as refused:
        server.start()
    said = str(refused.value)
    assert segments[0].name in said and "positions 0 to " in said and "sluice log repair" in said
    found = server.cli("log", "verify", *data, check=False)
    assert found.returncode == 1
    assert segments[0].name in found.stdout and "are gone" in found.stdout
    repaired = server.cli("log", "repair", *data, "--yes").stdout
    assert "begins with" in repaired and "are gone" in repaired
    server.start()
    server.stop()
    dumped = server.cli("log", "dump", *data, "--limit", "5000").stdout
    assert dumped.count(" message id=") == 20
