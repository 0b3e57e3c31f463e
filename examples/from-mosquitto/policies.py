#!/usr/bin/env python3
"""Policies from an ACL file of Mosquitto, one JSON document a line, for `sluice policy create -`.

    policies.py ACL_FILE | while read -r policy; do sluice policy create - <<<"$policy"; done

What is not carried is told on standard error, by its line; docs/guide/migrate-from-mosquitto.md has
the whole of it.
"""
import json
import re
import sys

OPERATIONS = {"read": ["subscribe"], "write": ["publish"], "readwrite": ["publish", "subscribe"],
              "deny": ["publish", "subscribe"]}
MOST_RESOURCES = 10  # of a policy


def lines_of(text):
    """(line number, user or None for patterns or "" for nobody, access, topic)"""
    user = ""
    for number, line in enumerate(text.splitlines(), 1):
        words = line.strip().split(None, 2)
        if not words or words[0].startswith("#"):
            continue
        if words[0] == "user":
            user = line.strip().split(None, 1)[1]
            continue
        if words[0] not in ("topic", "pattern") or len(words) == 1:
            print(f"line {number}: not understood: {line.strip()}", file=sys.stderr)
            continue
        has_access = len(words) == 3 and words[1] in OPERATIONS
        access = words[1] if has_access else "readwrite"
        topic = words[2] if has_access else line.strip().split(None, 1)[1]
        yield number, None if words[0] == "pattern" else user, access, topic


def named(user, effect, operations, count):
    """3 to 64 letters, digits, _ and -, and each once."""
    who = "everybody" if user is None else re.sub(r"[^0-9A-Za-z_-]", "-", user)
    what = "-".join(operations) if effect == "allow" else "deny"
    return f"{who[:32]}-{what}" + (f"-{count}" if count else "")


def policies_of(text):
    groups = {}
    for number, user, access, topic in lines_of(text):
        if user == "":
            print(f"line {number}: for clients without a user name, whom this server does not admit: "
                  f"{topic}", file=sys.stderr)
            continue
        groups.setdefault((user, access), []).append(topic)
    # With an ACL file whoever has a password may connect.
    yield {"name": "everybody-connect", "effect": "allow", "operations": ["connect"]}
    names = set()
    for (user, access), topics in groups.items():
        for begin in range(0, len(topics), MOST_RESOURCES):
            effect = "deny" if access == "deny" else "allow"
            count = 0
            while named(user, effect, OPERATIONS[access], count) in names:
                count += 1
            name = named(user, effect, OPERATIONS[access], count)
            names.add(name)
            yield {"name": name, "effect": effect, "operations": OPERATIONS[access],
                   "users": [] if user is None else [user],
                   "resources": topics[begin:begin + MOST_RESOURCES]}


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        for policy in policies_of(file.read()):
            print(json.dumps(policy))


if __name__ == "__main__":
    main()
