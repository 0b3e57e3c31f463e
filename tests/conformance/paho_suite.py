#!/usr/bin/env python3
"""The public interoperability suite of Eclipse Paho against a server that this starts.

    tests/conformance/paho_suite.py CLONE [--log FILE]

CLONE is a clone of github.com/eclipse/paho.mqtt.testing, used as it is. Its two files run with the
topics that their own command lines set; only the port is ours. The log has one line a test and the
total, without names of this machine.
"""
import argparse
import collections
import importlib
import io
import logging
import pathlib
import sys
import tempfile
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from integration.harness import Sluice  # noqa: E402: found through the line above
from integration.raw_mqtt import RawClient  # noqa: E402

SECONDS = 120  # for one test; the longest of theirs waits 20 s
PREFIX = "client_test5/"
TOPICS = ["TopicA", "TopicA/B", "Topic/C", "TopicA/C", "/TopicA"]
WILD = ["TopicA/+", "+/C", "#", "/#", "/+", "+/+", "TopicA/#"]


def load(name, server, account):
    """Their module as its own command line would leave it, and a client that logs in: what one may
    not subscribe to is a matter of access control, which their clients do not know."""
    module = importlib.import_module(name)
    connect, port = module.mqtt_client.Client.connect, server.mqtt[1]
    module.mqtt_client.Client.connect = lambda *arguments, **named: connect(*arguments, **{
        "username": account.name, "password": account.password.encode(), **named})
    prefix = PREFIX if name.endswith("5") else ""
    module.host, module.port, module.topic_prefix = "127.0.0.1", port, prefix
    module.topics = [prefix + topic for topic in TOPICS]
    module.wildtopics = [prefix + topic for topic in WILD]
    module.nosubscribe_topics = ("test/nosubscribe",)
    return module


def outcome_of(test):
    """passed, failed or hung; and what was said."""
    result, text = unittest.TestResult(), io.StringIO()
    thread = threading.Thread(target=test.run, args=(result,), daemon=True)
    thread.start()
    thread.join(SECONDS)
    if thread.is_alive():
        return "hung", f"no end within {SECONDS} s"
    for _, trace in result.failures + result.errors:
        text.write(trace)
    return ("passed" if result.wasSuccessful() else "FAILED"), text.getvalue()


def run_file(name, server, account, out):
    """How many of its tests ended how."""
    module = load(name, server, account)
    module.Test.setUpClass()
    counts = collections.Counter()
    for test in unittest.defaultTestLoader.loadTestsFromTestCase(module.Test):
        outcome, said = outcome_of(test)
        if outcome != "passed":
            print(f"{outcome} {test.id()}\n{said}", file=sys.stderr, flush=True)
        counts[outcome] += 1
        print(f"{outcome:7} {name}.py {test.id().split('.')[-1]}", file=out, flush=True)
    return counts


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clone", type=pathlib.Path)
    parser.add_argument("--log", type=pathlib.Path)
    parser.add_argument("--only", help="one of client_test, client_test5")
    arguments = parser.parse_args()
    sys.path.insert(0, str(arguments.clone / "interoperability"))
    logging.disable(logging.CRITICAL)
    out = open(arguments.log, "w", encoding="utf-8") if arguments.log else sys.stdout
    counts = collections.Counter()
    for name in [arguments.only] if arguments.only else ["client_test", "client_test5"]:
        with tempfile.TemporaryDirectory() as folder:  # each begins with an empty server
            # client_test5.py wants to be told 60 s when it asks for 120 s, and 0x80, not 0x87, for
            # what it may not subscribe to.
            server = Sluice(folder, {"mqtt": {"keep_alive_maximum": 60},
                                     "access": {"refused_subscription": "unspecified"}})
            server.start()
            try:
                account = server.allow_all("paho")
                # `$...` is covered by no `#`, and client_test.py publishes there.
                server.add_policy("dollar", operations=["publish"],
                                  resources=["$" + name for name in TOPICS], users=["paho"])
                server.add_policy("nosubscribe", effect="deny", operations=["subscribe"],
                                  resources=["test/nosubscribe"], users=["paho"])
                with RawClient(server.mqtt) as first:  # theirs wait 0.5 s; a first login is slow
                    first.connect("first", username=account.name, password=account.password)
                counts += run_file(name, server, account, out)
            finally:
                server.kill9()
    total = f"{counts.total()} tests: " + ", ".join(f"{n} {name}" for name, n in counts.items())
    print(total, file=out)
    if arguments.log:
        print(f"{total}: {arguments.log}")
    return bool(counts["FAILED"] + counts["hung"])


if __name__ == "__main__":
    sys.exit(main())
