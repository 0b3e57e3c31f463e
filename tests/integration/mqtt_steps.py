"""Steps that several MQTT tests take."""
import time

from integration import raw_mqtt as mqtt


def let_pass(seconds):
    """The time that a rule is about. Never a wait for something that could be looked at."""
    time.sleep(seconds)


def expiry(seconds):
    return [(mqtt.SESSION_EXPIRY, seconds)]


def persistent(version, **options):
    """CONNECT options of a session that outlives its connection."""
    options["clean"] = options.get("clean", False)
    if version == 5:
        options["properties"] = options.get("properties", []) + expiry(3600)
    return options


def up_to_end(subscriber):
    """The messages before the one whose payload is `end`."""
    found = []
    while (message := subscriber.messages(1)[0]).payload != b"end":
        found.append(message)
    return found
