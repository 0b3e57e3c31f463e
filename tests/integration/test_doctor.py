"""`sluice doctor`: what it says beside a server, and before one starts; that it changes nothing."""
import json
import os
import pathlib
import resource
import socket
import subprocess
import time

import pytest

from integration import certificates
from integration.harness import environment_of, sluice_binary


def doctor(*arguments, prepare=None, **environment):
    done = subprocess.run([str(sluice_binary()), "doctor", "-o", "json", *map(str, arguments)],
                          capture_output=True, text=True, timeout=60, check=False,
                          env=environment_of(**environment), preexec_fn=prepare)
    document = json.loads(done.stdout)
    assert document["ok"] == (done.returncode == 0), done.stderr
    for check in document["checks"]:
        assert check["health"] in ("ok", "warning", "problem") and check["detail"]
        assert (check["health"] == "ok") == (check["advice"] == ""), check
    return document


def said(document, check):
    found = [each for each in document["checks"] if each["check"] == check]
    assert found, f"nothing of {check}: {[each['check'] for each in document['checks']]}"
    return found[0]


def everything_in(folder):
    return {str(path): (path.lstat().st_mode, path.lstat().st_size, path.lstat().st_ino)
            for path in folder.rglob("*")}


@pytest.fixture
def free(tmp_path):
    """Settings with ports that nobody has."""
    def settings(**more):
        file = tmp_path / "sluice.yaml"
        file.write_text(json.dumps({
            "data": str(tmp_path / "data"), "admin": {"bind": "127.0.0.1:0"},
            "listeners": {"tcp": {"bind": "127.0.0.1:0"}, "ws": {"enabled": False}}, **more}))
        file.chmod(0o600)
        return file
    return settings


def test_beside_a_server_it_knows_it_and_leaves_it_alone(sluice):
    before = set(everything_in(sluice.data))

    binds = [f"--set={name}.bind={sluice.addresses[listener]}"
             for listener, name in (("tcp", "listeners.tcp"), ("admin", "admin"))]

    document = doctor("--data", sluice.data, "--set=listeners.ws.enabled=false", *binds)

    assert said(document, "server")["detail"].startswith(f"process {sluice.pid} works on")
    assert said(document, "data directory")["health"] == "ok"
    assert "the server that runs has it" in said(document, "port admin")["detail"]
    assert "the server that runs has it" in said(document, "port tcp")["detail"]
    assert "for the server that runs" in said(document, "open files")["detail"]
    assert "acknowledgement waits for" in said(document, "disk sync")["detail"]
    assert set(everything_in(sluice.data)) == before
    assert sluice.is_running() and sluice.get("/overview")


def test_a_port_that_another_program_has_is_a_problem(free):
    with socket.socket() as other:
        other.bind(("0.0.0.0", 0))
        other.listen()
        port = other.getsockname()[1]

        document = doctor("-c", free(), "--set", f"listeners.tcp.bind=127.0.0.1:{port}")

        taken = said(document, "port tcp")
        assert taken["health"] == "problem"
        assert f"(process {os.getpid()})" in taken["detail"]
        assert "listeners.tcp.bind" in taken["advice"]
    assert said(doctor("-c", free(), "--set", f"listeners.tcp.bind=127.0.0.1:{port}"),
                "port tcp")["detail"] == f"127.0.0.1:{port} is free"


def test_without_a_server_it_makes_nothing(free, tmp_path):
    document = doctor("-c", free())

    assert said(document, "server")["detail"] == "none that can be seen from here works on it"
    assert "is made at the first start" in said(document, "data directory")["detail"]
    assert [path.name for path in tmp_path.iterdir()] == ["sluice.yaml"]


def test_certificates_are_looked_at(free, tmp_path):
    authority = certificates.Authority(tmp_path / "tls")
    files = authority.issue("server", days=20)
    os.chmod(files.key, 0o644)
    tls = {"listeners": {"tcp": {"enabled": False}, "ws": {"enabled": False},
                         "tls": {"type": "mqtts", "enabled": True, "bind": "127.0.0.1:0",
                                 "certificate": str(files.certificate), "key": str(files.key)}}}

    checks = [each for each in doctor("-c", free(**tls))["checks"]
              if each["check"] == "certificate tls"]

    assert "expires on" in checks[0]["detail"] and "and its key fits" in checks[0]["detail"]
    assert checks[0]["health"] == "warning"
    assert (checks[1]["health"], checks[1]["advice"].split(",")[0]) == (
        "problem", f"chmod 600 {files.key}")


def test_a_certificate_that_has_expired_is_a_problem(free, tmp_path):
    files = certificates.Authority(tmp_path / "tls").issue("server", days=-1)
    admin = {"bind": "127.0.0.1:0", "certificate": str(files.certificate), "key": str(files.key)}

    document = doctor("-c", free(admin=admin))

    expired = said(document, "certificate admin")
    assert not document["ok"] and expired["health"] == "problem"
    assert "has expired on" in expired["detail"] and "SIGHUP" in expired["advice"]


def test_no_core_dump_is_made_of_a_server(sluice, free):
    def with_hard_limit(number):
        return lambda: resource.setrlimit(resource.RLIMIT_CORE, (number, number))

    assert "Max core file size        1 " in pathlib.Path(f"/proc/{sluice.pid}/limits").read_text()
    assert said(doctor("--data", sluice.data), "core dumps")["health"] == "ok"
    # Who may not be given a limit of one byte is dumped where the kernel hands it to a program.
    is_handed_on = pathlib.Path("/proc/sys/kernel/core_pattern").read_text().startswith("|")
    assert said(doctor("-c", free(), prepare=with_hard_limit(0)), "core dumps")["health"] == (
        "warning" if is_handed_on else "ok")


def test_settings_that_cannot_be_read_are_the_first_problem(free):
    document = doctor("-c", free(), "--set", "mqtt.maximum_qos=3")
    assert not document["ok"]
    assert "mqtt.maximum_qos" in said(document, "settings")["detail"]


def test_it_is_for_people_too(free):
    file = free()
    file.chmod(0o666)
    done = subprocess.run([str(sluice_binary()), "doctor", "-c", str(file)], capture_output=True,
                          text=True, timeout=60, check=False, env=environment_of())
    assert "warning  settings file" in done.stdout
    assert f"-> chmod go-w {file}" in done.stdout
    assert done.returncode == 0, done.stdout


def test_few_open_files_are_a_problem(free):
    def at_most(number):
        return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (number, number))

    few = said(doctor("-c", free(), prepare=at_most(512)), "open files")
    assert (few["health"], few["detail"].split()[0]) == ("problem", "512")
    assert "LimitNOFILE=" in few["advice"]
    asked_for_more = said(doctor("-c", free(mqtt={"connections": 10_000}), prepare=at_most(8192)),
                          "open files")
    assert asked_for_more["health"] == "warning" and "allows 10000" in asked_for_more["detail"]
    assert said(doctor("-c", free(mqtt={"connections": 1000}), prepare=at_most(8192)),
                "open files")["health"] == "ok"


def test_a_clock_behind_what_was_written_is_a_problem(free, tmp_path):
    log = tmp_path / "data" / "log"
    log.mkdir(parents=True)
    (tmp_path / "data").chmod(0o700)
    segment = log / "00000000000000000000.log"
    segment.touch()
    assert said(doctor("-c", free()), "clock")["health"] == "ok"
    os.utime(segment, (time.time() + 3600,) * 2)

    clock = said(doctor("-c", free()), "clock")

    assert clock["health"] == "problem" and str(segment) in clock["detail"]


def test_files_of_others_and_a_directory_without_rights_are_problems(free, tmp_path):
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    assert said(doctor("-c", free()), "data directory")["health"] == "ok"
    data.chmod(0o755)
    assert said(doctor("-c", free()), "data directory")["advice"] == f"chmod 700 {data}"
    if os.geteuid() == 0:  # others can give no file away
        data.chmod(0o700)
        (data / "left-by-somebody").touch()
        os.chown(data / "left-by-somebody", 65534, 65534)
        strange = said(doctor("-c", free()), "data files")
        assert strange["health"] == "problem" and "left-by-somebody" in strange["detail"]
