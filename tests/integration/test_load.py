"""The load generator: what it says about a server is what the server did."""
import json
import os
import subprocess
import threading
import time

import pytest

from integration.harness import sluice_binary

MESSAGES = 3000


@pytest.fixture(scope="module")
def generator():
    program = sluice_binary().parent / "bench/load/sluice_load"
    assert program.is_file(), f"no {program}: ./dev build release makes it"
    return program


@pytest.fixture
def server(make_sluice):
    return make_sluice({"access": {"enabled": False}})


@pytest.fixture
def load(generator, server):
    def run(arguments, code=0):
        command = [generator, "--json", "--port", server.mqtt[1], "--pid", server.pid,
                   *arguments.split()]
        done = subprocess.run([str(part) for part in command], capture_output=True, text=True,
                              timeout=120, check=False)
        assert done.returncode == code, f"{done.returncode}: {done.stderr}{done.stdout}"
        return json.loads(done.stdout)
    return run


@pytest.mark.parametrize("clients, copies", [
    ("--publishers 5 --subscribers 5", 1),
    ("--publishers 5 --subscribers 1", 1),
    ("--publishers 1 --subscribers 5", 5),
    ("--publishers 5 --subscribers 3 --group g", 1),
    ("--publishers 1 --subscribers 3 --persistent", 3),
    ("--publishers 2 --subscribers 2 --persistent --v5", 1),
    ("--publishers 5 --subscribers 5 --one-per-write", 1),
])
@pytest.mark.parametrize("qos", [0, 1])
def test_everything_that_was_sent_came(load, server, clients, copies, qos):
    before = server.metrics()

    found = load(f"{clients} --qos {qos} --messages {MESSAGES}")

    assert MESSAGES <= found["sent"] < MESSAGES + 100
    assert (found["lost"], found["gaps"], found["repeats"]) == (0, 0, 0)
    assert found.get("all_acknowledged", True)
    assert found["delivery_p50_us"] > 0
    after = server.metrics()
    def grown(name):
        return sum(value - before.get(key, 0) for key, value in after.items()
                   if key.split("{")[0] == name)
    assert grown("sluice_messages_received_total") == found["sent"]
    assert grown("sluice_messages_sent_total") == found["sent"] * copies


def test_a_paced_run_keeps_its_rate(load):
    found = load("--rate 2000 --seconds 3 --warmup 0 --publishers 7 --subscribers 7 --burst 4")

    assert 5400 <= found["sent"] + found["behind_at_the_end"] <= 6300


def test_a_stall_shows_in_every_message_that_it_held_up(load, server):
    """A generator that waits with the server would count one late message for each client."""
    def stall():
        time.sleep(0.7)
        server.freeze()
        time.sleep(1)
        server.thaw()
    thread = threading.Thread(target=stall)
    thread.start()

    found = load("--rate 1000 --seconds 3 --warmup 0 --subscribers 1 --window 65535")

    thread.join()
    # A third of the messages was due while nothing moved.
    assert found["puback_p99_us"] > 700_000
    assert found["delivery_p99_us"] > 700_000
    assert found["lost"] == 0


def test_the_queue_of_an_absent_session_is_drained_whole(load):
    found = load(f"--offline --publishers 3 --messages {MESSAGES}")

    assert found["filled"] == found["drained"] == MESSAGES
    assert (found["lost"], found["gaps"], found["repeats"]) == (0, 0, 0)


def test_idle_connections_are_held(load, server):
    found = load("--idle 100 --persistent")

    assert found["connections"] == 100
    assert len(server.get("/clients?limit=1000")["items"]) == 100


def test_sessions_stay_when_their_clients_leave(load, server):
    found = load("--sessions 200 --messages 500")

    assert found["sessions"] == 200
    clients = server.get("/clients?limit=1000")["items"]
    away = [client for client in clients if client["client_id"].startswith("load-s")]
    assert len(away) == 200
    assert all(client["status"] == "disconnected" for client in away)
    assert sum(client["lag_messages"] for client in away) == 500


def test_a_refused_publish_is_a_failure(generator, make_sluice):
    server = make_sluice(name="locked")  # access control is on
    command = [generator, "--port", str(server.mqtt[1]), "--messages", "10"]

    done = subprocess.run(command, capture_output=True, text=True, check=False,
                          env={**os.environ, "SLUICE_LOAD_PASSWORD": ""})

    assert done.returncode == 2
    assert "refused" in done.stderr
