#!/usr/bin/env python3
"""What a thousand TLS handshakes at once cost the clients that are connected.

    python3 bench/load/handshakes.py                      RSA 2048 and P-256, each beside a quiet run

A flow of QoS 1 at --rate goes on over plain TCP; two seconds into it --clients connections, made
before, begin their handshakes at the same moment and then send CONNECT. Server on core 0, all else
on core 1, where the clients' own half of the handshakes has the lowest priority: devices have
processors of their own. Durability `os`: what a disk takes is not the question.
"""
import argparse
import json
import multiprocessing
import os
import pathlib
import resource
import selectors
import socket
import ssl
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from integration import raw_mqtt as mqtt  # noqa: E402
from integration.certificates import Authority  # noqa: E402
from integration.harness import Sluice  # noqa: E402


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clients", type=int, default=1000)
    parser.add_argument("--rate", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=6)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build/bench",
                        help="with sluice_load")
    return parser.parse_args()


def start_load(arguments, server):
    command = [arguments.build / "bench/load/sluice_load", "--json", "--port", server.mqtt[1],
               "--qos", 1, "--seconds", arguments.seconds, "--rate", arguments.rate,
               "--publishers", 10, "--subscribers", 10]
    return subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE, text=True)


def storm(address, authority, count, linger):
    """Seconds from the first ClientHello to the last CONNACK."""
    context = ssl.create_default_context(cafile=authority)
    selector = selectors.DefaultSelector()
    plain = [socket.create_connection(address) for _ in range(count)]
    left = {}
    for number, each in enumerate(plain):
        each.setblocking(False)
        wrapped = context.wrap_socket(each, do_handshake_on_connect=False,
                                      server_hostname="localhost")
        left[wrapped] = f"storm-{number}"
        selector.register(wrapped, selectors.EVENT_READ)
    asked, open_ones = set(), []
    began = time.monotonic()

    def go_on(client):
        try:
            if client not in asked:
                client.do_handshake()
                client.sendall(mqtt.connect_packet(5, left[client]))
                asked.add(client)
            if client.recv(1000):
                selector.unregister(client)
                del left[client]
                open_ones.append(client)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            pass

    for client in list(left):
        go_on(client)
    while left:
        for key, _ in selector.select(30):
            go_on(key.fileobj)
    took = time.monotonic() - began
    time.sleep(linger)
    return took


def run(arguments, server, authority=None):
    load = start_load(arguments, server)
    took = 0
    if authority:
        time.sleep(3)  # one of them is the generator's own warm-up
        with multiprocessing.Pool(1, os.nice, (19,)) as pool:
            took = pool.apply(storm, (server.address("tls"), authority, arguments.clients,
                                      arguments.seconds))
    report = json.loads(load.communicate()[0])
    names = [name for name in report if name.endswith(("_p50_us", "_p99_us", "_p999_us"))]
    figures = ", ".join(f"{name} {report[name]:,}" for name in names)
    print(f"  {'beside the storm' if authority else 'alone':18}{figures}"
          + (f"; {arguments.clients} clients in {took:.2f} s" if authority else ""), flush=True)


def main():
    arguments = parse_arguments()
    os.sched_setaffinity(0, {1})
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with tempfile.TemporaryDirectory(dir=ROOT / "build") as folder:
        folder = pathlib.Path(folder)
        authority = Authority(folder / "authority")
        for algorithm in ("EC", "RSA"):
            pair = authority.issue(algorithm.lower(), algorithm=algorithm)
            server = Sluice(folder / algorithm, {
                "access": {"enabled": False}, "io_threads": 1, "store": {"durability": "os"},
                "listeners": {"tls": {"type": "mqtts", "bind": "127.0.0.1:0", "enabled": True,
                                      "certificate": str(pair.certificate),
                                      "key": str(pair.key)}}}).start()
            for task in os.listdir(f"/proc/{server.pid}/task"):
                os.sched_setaffinity(int(task), {0})
            try:
                print({"EC": "P-256", "RSA": "RSA 2048"}[algorithm], flush=True)
                run(arguments, server)
                run(arguments, server, str(authority.certificate))
            finally:
                server.kill9()


if __name__ == "__main__":
    main()
