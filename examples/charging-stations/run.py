#!/usr/bin/env python3
"""Sluice, a Kafka and a fleet of charging stations on one machine, and one screen to watch them.

`./dev run` starts this. Ctrl-C stops everything; the next run goes on where this one stopped.
"""
import argparse
import pathlib
import secrets
import signal
import sys
import time

import rest
import screen
from stack import Failure, Stack

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="data", type=pathlib.Path,
                        help="the server's data directory (default: ./data)")
    parser.add_argument("--kafka", choices=["dev", "apache"], default="dev",
                        help="dev: the built-in development Kafka; apache: real Apache Kafka")
    parser.add_argument("--mqtt-port", type=int, default=1883)
    parser.add_argument("--admin-port", type=int, default=8080)
    parser.add_argument("--kafka-port", type=int, default=9092)
    parser.add_argument("--rate", type=float, default=50.0,
                        help="readings per second, of the whole fleet")
    parser.add_argument("--sluice", type=pathlib.Path, default=ROOT / "build/release/sluice",
                        help="the server's program")
    parser.add_argument("--seconds", type=float, default=0,
                        help="stop by itself after so long (default: at Ctrl-C)")
    return parser.parse_args()


class Stopped(Exception):
    """Ctrl-C or SIGTERM."""


def raise_stopped(*_):
    raise Stopped


def start(stack, display):
    """Everything up to the first message; what each step waits for is said while it waits."""
    arguments = stack.arguments
    stack.check_ports()
    display.step("Kafka" if arguments.kafka == "dev" else "Apache Kafka", "starting")
    stack.start_kafka()
    password = ""
    if stack.first_start:
        password = secrets.token_urlsafe(12)
        # Said before it is needed: whatever fails after this line, it is not lost.
        display.say(f"administrator: admin  password: {password}  (shown this once)")
    display.step("server", "starting")
    stack.start_server(password)
    display.step("users, policies, connection, task", "looking")
    api = rest.Api(f"http://127.0.0.1:{arguments.admin_port}", stack.administrator_token())
    made = rest.set_up(api, HERE, stack.credentials, stack.kafka_address)
    display.say(f"users, policies, connection, task: {made} made, the others were there")
    stack.write_mosquitto_options()
    display.step("fleet", "starting")
    stack.start_fleet()
    return api, password


def watch(stack, display, api, password):
    until = time.monotonic() + stack.arguments.seconds if stack.arguments.seconds else None
    while until is None or time.monotonic() < until:
        stack.check_processes()
        try:
            display.draw(stack, rest.figures(api), password)
        except rest.Refused:
            time.sleep(1)  # a server that dies is a better answer than a connection that broke
            stack.check_processes()
            raise
        time.sleep(1)


def main():
    arguments = parse_arguments()
    display = screen.Screen(sys.stdout)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, raise_stopped)
    stack = Stack(arguments, HERE, ROOT)
    code = 0
    try:
        api, password = start(stack, display)
        watch(stack, display, api, password)
    except Stopped:
        pass
    except (Failure, rest.Refused) as failure:
        display.say(f"run: {failure}", error=True)
        code = 1
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # stopping is under way: the second Ctrl-C too
    display.say("stopping")
    for problem in stack.stop():
        display.say(f"run: {problem}", error=True)
        code = 1
    display.say("stopped")
    return code


if __name__ == "__main__":
    sys.exit(main())
