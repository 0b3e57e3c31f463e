"""`sluice backup` beside a server that works, and `sluice restore`: what was acknowledged before the
backup began is there again."""
import os
import pathlib
import re
import shutil
import signal
import stat
import subprocess
import time

import pytest

from integration import raw_mqtt as mqtt
from integration.harness import Sluice, environment_of, sluice_binary, wait_until
from integration.ledger import Publisher, Subscriber, check
from integration.raw_mqtt import RawClient

EXPIRY = {"clean": False, "properties": [(mqtt.SESSION_EXPIRY, 3600)]}
SMALL_SEGMENTS = {"store": {"segment_bytes": "4MiB"}}


def sluice(*arguments):
    return subprocess.run([str(sluice_binary()), *map(str, arguments)], capture_output=True,
                          text=True, timeout=120, check=False, env=environment_of())


def back_up(data, backup, *more):
    done = sluice("backup", backup, "--data", data, "--rate", "0", *more)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def restored(tmp_path, make_sluice):
    """restored(backup): a started server with the backup's data, on ports of its own."""
    def start(backup, settings, name="restored"):
        server = Sluice(tmp_path / name, settings, name=name)
        done = sluice("restore", backup, "--data", server.data, "--rate", "0")
        assert done.returncode == 0, done.stderr
        server.said = done.stdout
        made.append(server)
        return server.start()
    made = []
    yield start
    for server in made:
        server.kill9()
        print(f"--- the end of {server.log_file}\n{server.log_tail()}")


def test_a_backup_under_load_has_all_that_was_acknowledged_before(make_sluice, restored, tmp_path):
    server = make_sluice(SMALL_SEGMENTS)
    account = server.allow_all("ledger")
    who = {"username": account.name, "password": account.password}
    with RawClient(server.mqtt) as away:
        assert away.connect("away", **EXPIRY, **who).reason == 0
        assert away.subscribe("ledger/#", qos=2) == [2]
        away.disconnect()
    with RawClient(server.mqtt) as keeper:
        keeper.connect("keeper", **who)
        keeper.publish("kept", b"kept", qos=1, retain=True)
    publishers = [Publisher(server.mqtt, f"p{qos}", f"ledger/p{qos}", qos, padding=1000, **who)
                  for qos in (1, 2)]
    reader = Subscriber(server.mqtt, "reader", ["ledger/#"], 1, **who)
    reader.start()
    assert reader.subscribed.wait(30)
    for publisher in publishers:
        publisher.start()
        publisher.wait_acknowledged(2000)

    acknowledged = {each: list(each.acknowledged) for each in publishers}
    said = back_up(server.data, tmp_path / "backup")
    sent = {each: each.sent for each in publishers}

    for publisher in publishers:
        publisher.wait_acknowledged(len(publisher.acknowledged) + 10)  # it goes on as before
        publisher.finish()
    reader.stop()
    server.stop()
    assert "a server that runs" in said
    other = restored(tmp_path / "backup", SMALL_SEGMENTS)
    assert "users 1" in other.said and "sessions 4" in other.said, other.said
    last = Publisher(other.mqtt, "last", "ledger/last", 1, limit=1, **who)
    back = Subscriber(other.mqtt, "away", ["ledger/#"], 2, **who)
    back.connections = 1  # the session must be there, with its subscription
    back.subscribed.set()
    back.start()
    for publisher in publishers:
        before = acknowledged[publisher]
        back.wait(lambda: set(before) <= set(back.numbers(publisher)),
                  lambda: f"of {len(before)} there are {len(back.numbers(publisher))}")
    last.start()
    last.wait_acknowledged(1)
    back.wait_for(last)
    back.stop()
    last.stop()
    for publisher in publishers:
        publisher.acknowledged = acknowledged[publisher]
        check(publisher, back.numbers(publisher), "the restored session", exactly_once=True)
        assert max(back.numbers(publisher)) < sent[publisher], "a prefix of what came meanwhile"
    with RawClient(other.mqtt) as fresh:
        fresh.connect("fresh", **who)
        fresh.subscribe("kept")
        assert fresh.messages(1)[0].payload == b"kept"


def test_a_restored_server_gives_no_message_id_again(make_sluice, restored, tmp_path):
    settings = {"access": {"enabled": False}}
    server = make_sluice(settings)
    with RawClient(server.mqtt) as client:
        client.connect("c")
        client.publish("t", b"1", qos=1)
    back_up(server.data, tmp_path / "backup")
    for _ in range(3):
        server.restart()
        with RawClient(server.mqtt) as client:
            client.connect("c")
            client.publish("t", b"2", qos=1)
    head = server.get("/overview")["store"]["head"]
    server.stop()

    other = restored(tmp_path / "backup", settings)

    with RawClient(other.mqtt) as client:
        client.connect("c")
        client.publish("t", b"3", qos=1)
    assert other.get("/overview")["store"]["head"] > head
    other.restart()


@pytest.mark.parametrize("kill", [False, True])
def test_a_server_that_does_not_run_can_be_backed_up(make_sluice, restored, tmp_path, kill):
    settings = {"access": {"enabled": False}}
    server = make_sluice(settings)
    with RawClient(server.mqtt) as client:
        client.connect("away", **EXPIRY)
        client.subscribe("t", qos=1)
        client.disconnect()
    with Publisher(server.mqtt, "p", "t", 1, limit=500) as publisher:
        publisher.wait_acknowledged(500)
        if kill:
            server.kill9()
        publisher.stop()
    server.stop()

    said = back_up(server.data, tmp_path / "backup")

    assert "no server runs" in said
    server.start()  # nothing keeps it from starting again
    other = restored(tmp_path / "backup", settings)
    with Subscriber(other.mqtt, "away", ["t"], 1) as back:
        back.connections = 1
        back.subscribed.set()
        back.wait_for(publisher)
        back.stop()


def test_a_server_killed_during_its_backup_harms_nothing(make_sluice, restored, tmp_path):
    settings = {"access": {"enabled": False}, **SMALL_SEGMENTS}
    server = make_sluice(settings)
    with RawClient(server.mqtt) as client:
        client.connect("away", **EXPIRY)
        client.subscribe("t", qos=1)
        client.disconnect()
    publisher = Publisher(server.mqtt, "p", "t", 1, padding=5000)
    publisher.start()
    publisher.wait_acknowledged(2000)
    acknowledged = list(publisher.acknowledged)

    backup = subprocess.Popen(
        [str(sluice_binary()), "backup", str(tmp_path / "backup"), "--data", str(server.data),
         "--rate", "8MiB"], env=environment_of(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    wait_until(lambda: list((tmp_path / "backup").glob("log/*")), "a file of the backup")
    server.kill9()
    server.start()

    assert backup.wait(60) == 0, backup.stderr.read()
    publisher.wait_acknowledged(len(publisher.acknowledged) + 10)
    publisher.finish()
    known = {"lock", "log", "begin", "reserve", "view", "run"}
    assert {entry.name for entry in server.data.iterdir()} <= known
    assert all(re.fullmatch(r"\d{20}\.log|next\.prepared", entry.name)
               for entry in (server.data / "log").iterdir())
    other = restored(tmp_path / "backup", settings)
    with Subscriber(other.mqtt, "away", ["t"], 1) as back:
        back.connections = 1
        back.subscribed.set()
        publisher.acknowledged = acknowledged
        back.wait_for(publisher)
        back.stop()


def test_a_backup_that_was_killed_is_no_backup(make_sluice, tmp_path):
    server = make_sluice({"access": {"enabled": False}})
    publisher = Publisher(server.mqtt, "p", "t", 1, padding=5000, limit=1000)
    with publisher:
        publisher.wait_acknowledged(1000)
        publisher.stop()
    backup = subprocess.Popen(
        [str(sluice_binary()), "backup", str(tmp_path / "backup"), "--data", str(server.data),
         "--rate", "1MiB"], env=environment_of())
    wait_until(lambda: list((tmp_path / "backup").glob("log/*")), "a file of the backup")
    backup.send_signal(signal.SIGKILL)
    backup.wait()

    refused = sluice("restore", tmp_path / "backup", "--data", tmp_path / "target")

    assert refused.returncode == 1 and "manifest is missing" in refused.stderr
    assert not (tmp_path / "target").exists() or not list((tmp_path / "target").iterdir())
    again = sluice("backup", tmp_path / "backup", "--data", server.data)
    assert again.returncode == 1 and "not empty" in again.stderr


@pytest.fixture(scope="module")
def small_backup(tmp_path_factory):
    folder = tmp_path_factory.mktemp("small")
    server = Sluice(folder, {"access": {"enabled": False}})
    try:
        server.start()
        with RawClient(server.mqtt) as client:
            client.connect("c")
            for number in range(20):
                client.publish("t", str(number), qos=1)
        back_up(server.data, folder / "backup")
        server.stop()
    finally:
        server.kill9()
    return folder / "backup"


@pytest.fixture
def made_backup(small_backup, tmp_path):
    """A copy of its own for each test."""
    return shutil.copytree(small_backup, tmp_path / "backup")


def damage(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("harm,words", [
    (lambda log, _: damage(log), "damaged"),
    (lambda log, _: log.unlink(), "is missing"),
    (lambda log, _: os.truncate(log, log.stat().st_size - 1), "not as long"),
    (lambda _, manifest: damage(manifest), "manifest is damaged"),
    (lambda _, manifest: manifest.unlink(), "manifest is missing")])
def test_a_damaged_backup_is_refused_and_leaves_nothing(made_backup, tmp_path, harm, words):
    assert sluice("restore", "--check", made_backup).returncode == 0
    harm(next((made_backup / "log").iterdir()), made_backup / "manifest")

    refused = sluice("restore", made_backup, "--data", tmp_path / "target")

    assert refused.returncode == 1 and words in refused.stderr, refused.stderr
    assert not (tmp_path / "target").exists() or not list((tmp_path / "target").iterdir())
    assert sluice("restore", "--check", made_backup).returncode == 1


def test_what_is_there_is_never_written_over(made_backup, make_sluice, tmp_path):
    (tmp_path / "target").mkdir()
    (tmp_path / "target" / "precious").write_text("mine")
    server = make_sluice(name="second")

    for refused in (sluice("restore", made_backup, "--data", tmp_path / "target"),
                    sluice("restore", made_backup, "--data", server.data),
                    sluice("backup", tmp_path / "target", "--data", server.data)):
        assert refused.returncode == 1 and "not empty" in refused.stderr, refused.stderr
    assert [entry.name for entry in (tmp_path / "target").iterdir()] == ["precious"]
    inside = sluice("backup", server.data / "backup", "--data", server.data)
    assert inside.returncode == 1 and "in the data directory" in inside.stderr
    nowhere = sluice("backup", tmp_path / "new", "--data", tmp_path / "no-such")
    assert nowhere.returncode == 1 and "--data names" in nowhere.stderr


def test_only_their_owner_may_read_what_a_backup_holds(made_backup, tmp_path):
    sluice("restore", made_backup, "--data", tmp_path / "target", "--rate", "0")
    for root in (made_backup, tmp_path / "target"):
        for path in [root, *root.rglob("*")]:
            if "view" not in path.parts:
                allowed = stat.S_IMODE(path.stat().st_mode) & 0o077
                assert allowed == 0, f"{path}: {oct(path.stat().st_mode)}"


def test_a_restore_that_was_killed_is_not_taken_for_a_server(make_sluice, tmp_path):
    server = make_sluice({"access": {"enabled": False}})
    with Publisher(server.mqtt, "p", "t", 1, padding=5000, limit=1000) as publisher:
        publisher.wait_acknowledged(1000)
        publisher.stop()
    back_up(server.data, tmp_path / "backup")
    target = Sluice(tmp_path / "home")
    restoring = subprocess.Popen(
        [str(sluice_binary()), "restore", str(tmp_path / "backup"), "--data", str(target.data),
         "--rate", "1MiB"], env=environment_of())
    wait_until(lambda: list(pathlib.Path(target.data).glob("log/*")), "a file of the restore")
    restoring.kill()
    restoring.wait()

    with pytest.raises(AssertionError, match="was not ended"):
        target.start()

    shutil.rmtree(target.data)
    assert sluice("restore", tmp_path / "backup", "--data", target.data).returncode == 0
    target.start()
    target.stop()


def test_publishers_keep_their_pace_during_a_backup(make_sluice, tmp_path):
    """No figure is judged here but that nobody stops."""
    server = make_sluice({"access": {"enabled": False}, **SMALL_SEGMENTS})
    with Publisher(server.mqtt, "p", "t", 1, padding=2000) as publisher:
        publisher.wait_acknowledged(3000)
        before = len(publisher.acknowledged)
        begun = time.monotonic()
        back_up(server.data, tmp_path / "backup")
        took = time.monotonic() - begun
        grown = len(publisher.acknowledged) - before
        publisher.finish()
    print(f"{grown} acknowledged within {took:.2f} s of the backup")
    assert grown > 0
