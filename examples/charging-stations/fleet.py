#!/usr/bin/env python3
"""A fleet of charging stations and their control room, as MQTT 5 clients.

Each station publishes meter readings and its state with QoS 1, holds a persistent session for its
commands, and leaves a will. They stay alive across restarts of the server. Once a second one line
of JSON with the fleet's figures goes to standard output.
"""
import argparse
import collections
import json
import random
import signal
import sys
import threading
import time

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

SESSION_EXPIRY = 7 * 24 * 3600  # a station that is away for a week still gets its commands
KEPT_WHILE_OFFLINE = 1000  # messages a station keeps while it cannot reach the server,
#                            and as many again that wait for their acknowledgements


def new_client(client_id):
    """paho-mqtt 1.6 and 2.x differ in one argument."""
    if hasattr(mqtt, "CallbackAPIVersion"):
        return mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=client_id,
                           protocol=mqtt.MQTTv5)
    return mqtt.Client(client_id=client_id, protocol=mqtt.MQTTv5)


def properties(packet_type, **values):
    result = Properties(packet_type)
    for name, value in values.items():
        setattr(result, name, value)
    return result


class Member:
    """One client with a persistent session: connects, reconnects, counts.

    What it publishes arrives in order, which takes care at the start of a connection: paho sends
    what it kept, or has to send again, when CONNACK arrives, but what is published after the
    connection was opened it sends at once, before the older. So a message waits in `outbox` until
    the member is ready: its subscription is acknowledged, which is after CONNACK was dealt with.
    """

    def __init__(self, name, password, address):
        self.name = name
        self.published = 0
        self.acknowledged = 0
        self.dropped = 0  # of those a station could not keep while the server was away
        self.order = threading.Lock()  # of outbox, ready and the counts above
        self.outbox = collections.deque()
        self.ready = False
        self.refused = ""
        self.connected = False
        self.client = new_client(name)
        self.client.username_pw_set(name, password)
        self.client.reconnect_delay_set(1, 5)
        self.client.max_queued_messages_set(KEPT_WHILE_OFFLINE)
        self.client.on_connect = self._on_connect
        self.client.on_subscribe = self._on_subscribe
        self.client.on_disconnect = self._on_disconnect
        self.client.on_publish = self._on_publish
        self.client.on_message = self._on_message
        self.address = address

    def start(self):
        host, port = self.address
        self.client.connect_async(
            host, port, keepalive=30, clean_start=False,
            properties=properties(PacketTypes.CONNECT, SessionExpiryInterval=SESSION_EXPIRY))
        self.client.loop_start()

    def stop(self):
        self.client.disconnect()
        self.client.loop_stop()

    def publish(self, topic, document, retain=False, **props):
        payload = json.dumps(document, separators=(",", ":"))
        props.setdefault("ContentType", "application/json")
        with self.order:
            self.published += 1
            self.outbox.append((topic, payload, retain, properties(PacketTypes.PUBLISH, **props)))
            if self.ready:
                self._send_outbox()
            elif len(self.outbox) > KEPT_WHILE_OFFLINE:
                self.outbox.popleft()
                self._count_dropped()

    def _send_outbox(self):
        while self.outbox:
            topic, payload, retain, props = self.outbox.popleft()
            sent = self.client.publish(topic, payload, qos=1, retain=retain, properties=props)
            if sent.rc == mqtt.MQTT_ERR_QUEUE_SIZE:
                self._count_dropped()

    def _count_dropped(self):
        self.published -= 1
        self.dropped += 1

    def on_command(self, message):
        pass

    def on_connected(self):
        """Subscribes; the member is ready when the server has answered."""

    def _on_connect(self, client, userdata, flags, reason, *rest):
        self.connected = reason == 0
        self.refused = "" if self.connected else str(reason)
        if self.connected:
            self.on_connected()

    def _on_subscribe(self, client, userdata, packet_id, *rest):
        with self.order:
            self.ready = True
            self._send_outbox()

    def _on_disconnect(self, client, userdata, *rest):
        with self.order:
            self.connected = self.ready = False

    def _on_publish(self, client, userdata, packet_id, *rest):
        self.acknowledged += 1

    def _on_message(self, client, userdata, message):
        self.on_command(message)


class Station(Member):
    """Meters what flows into the car, says what state it is in, does what it is told."""

    def __init__(self, name, password, address):
        super().__init__(name, password, address)
        self.topic = "stations/" + name
        self.watt_hours = 0.0
        self.limit_watts = 11000
        self.sequence = 0
        self.state = "available"
        self.random = random.Random(name)
        self.client.will_set(
            self.topic + "/state", json.dumps({"state": "offline"}), qos=1, retain=True,
            properties=properties(PacketTypes.WILLMESSAGE, WillDelayInterval=5,
                                  ContentType="application/json"))

    def on_connected(self):
        self.client.subscribe(self.topic + "/commands/#", qos=1)
        self.tell_state()

    def tell_state(self):
        self.publish(self.topic + "/state", {"state": self.state}, retain=True)

    def tick(self, seconds):
        """Publishes one meter reading; now and then a car comes or goes."""
        if self.random.random() < 0.01:
            self.state = "available" if self.state == "charging" else "charging"
            self.tell_state()
        watts = 0.0
        if self.state == "charging":
            watts = self.limit_watts * self.random.uniform(0.9, 1.0)
        self.watt_hours += watts * seconds / 3600
        self.sequence += 1
        self.publish(self.topic + "/readings",
                     {"sequence": self.sequence, "at": round(time.time(), 3),
                      "watts": round(watts), "watt_hours": round(self.watt_hours, 2)},
                     UserProperty=[("unit", "W")])

    def on_command(self, message):
        try:
            self.limit_watts = min(22000, max(0, int(json.loads(message.payload)["limit_watts"])))
            result = {"done": True, "limit_watts": self.limit_watts}
        except (ValueError, KeyError, TypeError) as error:
            result = {"done": False, "reason": str(error)}
        props = {}
        correlation = getattr(message.properties, "CorrelationData", None)
        if correlation is not None:
            props["CorrelationData"] = correlation
        self.publish(self.topic + "/results", result, **props)


class ControlRoom(Member):
    """Sends a station a new power limit now and then and hears what it answers."""

    def __init__(self, name, password, address):
        super().__init__(name, password, address)
        self.answers = 0
        self.commands = 0

    def on_connected(self):
        self.client.subscribe("stations/+/results", qos=1)

    def command(self, station, watts):
        self.commands += 1
        topic = "stations/" + station
        self.publish(topic + "/commands/limit", {"limit_watts": watts},
                     ResponseTopic=topic + "/results",
                     CorrelationData=str(self.commands).encode())

    def on_command(self, message):
        self.answers += 1


def figures(members, control_room):
    stations = [member for member in members if isinstance(member, Station)]
    return {"stations": len(stations),
            "connected": sum(station.connected for station in stations),
            "published": sum(member.published for member in members),
            "acknowledged": sum(member.acknowledged for member in members),
            "dropped": sum(member.dropped for member in members),
            "commands": control_room.commands,
            "answers": control_room.answers,
            "refused": next((member.name + ": " + member.refused
                             for member in members if member.refused), "")}


def run(arguments):
    with open(arguments.credentials, encoding="utf-8") as file:
        passwords = json.load(file)["users"]
    address = (arguments.host, arguments.port)
    stations = [Station(name, password, address)
                for name, password in sorted(passwords.items()) if name.startswith("cs-")]
    control_room = ControlRoom("control-room", passwords["control-room"], address)
    members = stations + [control_room]

    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    for member in members:
        member.start()

    choice = random.Random(1)
    interval = len(stations) / arguments.rate
    started = time.monotonic()
    turn = 0
    next_report = next_command = started
    while not stop.wait(max(0.0, started + turn * interval - time.monotonic())):
        turn += 1
        now = time.monotonic()
        if now - (started + turn * interval) > 5:  # the machine slept: do not catch up in one burst
            started = now - turn * interval
        for station in stations:
            station.tick(interval)
        if now >= next_command:
            next_command = now + 5
            control_room.command(choice.choice(stations).name, choice.choice([7400, 11000, 22000]))
        if now >= next_report:
            next_report = now + 1
            print(json.dumps(figures(members, control_room)), flush=True)
    for member in members:
        member.stop()
    print(json.dumps(figures(members, control_room)), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=1883)
    parser.add_argument("--credentials", default="data/example.json",
                        help="file with the users' passwords, written by run.py")
    parser.add_argument("--rate", type=float, default=50.0,
                        help="readings per second, of all stations together")
    arguments = parser.parse_args()
    if arguments.rate <= 0:
        parser.error("--rate must be more than 0")
    try:
        run(arguments)
    except (OSError, KeyError, ValueError) as error:
        sys.exit(f"fleet: cannot use {arguments.credentials}: {error!r}")
    except BrokenPipeError:
        sys.exit(0)


if __name__ == "__main__":
    main()
