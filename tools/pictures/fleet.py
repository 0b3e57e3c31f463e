"""The clients of the scene: stations that publish, and those who read."""
import json
import random
import threading

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

STATIONS = 16
EVERY = 0.03  # seconds between two messages of the whole fleet


def _expiring(seconds: int) -> Properties:
    properties = Properties(PacketTypes.CONNECT)
    properties.SessionExpiryInterval = seconds
    return properties


class Fleet:
    """Connects, subscribes and publishes until stop(). Seeded, so that runs are alike."""

    def __init__(self, mqtt_port: int, tls_port: int, authority, gateway):
        self._port, self._tls_port = mqtt_port, tls_port
        self._authority, self._gateway = authority, gateway
        self._random = random.Random(7)
        self._clients: dict[str, mqtt.Client] = {}
        self._stopping = threading.Event()
        self._publishing = threading.Thread(target=self._publish_on, daemon=True)

    # --- clients ---

    def _client(self, name: str, user: str, *, filters=(), expiry=0, version=mqtt.MQTTv5,
                will: str | None = None) -> mqtt.Client:
        client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, name, protocol=version)
        if user:
            client.username_pw_set(user, PASSWORDS[user])
        if will:
            client.will_set(will, json.dumps({"online": False}), qos=1, retain=True)
        subscribed = threading.Event()

        def on_connect(client, *_):
            if filters:
                client.subscribe([(each, 1) for each in filters])
            else:
                subscribed.set()

        client.on_connect = on_connect
        client.on_subscribe = lambda *_: subscribed.set()
        port = self._port
        if not user:  # its certificate says who it is
            client.tls_set(str(self._authority.certificate), str(self._gateway.certificate),
                           str(self._gateway.key))
            port = self._tls_port
        options = {"properties": _expiring(expiry)} if version == mqtt.MQTTv5 else {}
        if version == mqtt.MQTTv5:
            options["clean_start"] = expiry == 0
        client.connect("127.0.0.1", port, keepalive=30, **options)
        client.loop_start()
        assert subscribed.wait(30), f"{name} is not connected and subscribed"
        self._clients[name] = client
        return client

    def start(self) -> None:
        # Who is away: its session waits for it, with what comes.
        self._client("archive", "control-room", filters=["stations/+/readings"], expiry=86400)
        self._leave("archive")
        for number in range(1, STATIONS + 1):
            name = f"st-{number:03}"
            self._client(name, "station", filters=[f"stations/{name}/commands/#"],
                         will=f"stations/{name}/state")
            self._publish(name, f"stations/{name}/state", {"online": True}, retain=True)
        self._client("st-900", "station", version=mqtt.MQTTv311, will="stations/st-900/state")
        self._client("gateway-north", "", filters=["stations/+/commands/#"], expiry=3600,
                     will="gateways/gateway-north/state")
        self._client("control-room-1", "control-room", filters=["stations/#", "alarms/#"], expiry=3600)
        for number in (1, 2, 3):
            self._client(f"billing-{number}", "billing",
                         filters=["$share/billing/stations/+/sessions"], expiry=3600)
        self._publishing.start()

    def _leave(self, name: str) -> None:
        client = self._clients.pop(name)
        client.disconnect()
        client.loop_stop()

    def stop(self) -> None:
        self._stopping.set()
        if self._publishing.is_alive():
            self._publishing.join()
        for name in list(self._clients):
            self._leave(name)

    # --- messages ---

    def _publish(self, client: str, topic: str, document: dict, retain=False) -> None:
        properties = None
        if client != "st-900":
            properties = Properties(PacketTypes.PUBLISH)
            properties.ContentType = "application/json"
            properties.UserProperty = [("site", "north" if client < "st-009" else "south")]
        self._clients[client].publish(topic, json.dumps(document), qos=1, retain=retain,
                                      properties=properties)

    def _publish_on(self) -> None:
        count = 0
        while not self._stopping.wait(EVERY):
            count += 1
            name = f"st-{self._random.randint(1, STATIONS):03}"
            watts = self._random.randint(10, 220) * 100
            self._publish(name, f"stations/{name}/readings",
                          {"watts": watts, "volts": 230 + self._random.randint(-4, 4)})
            if count % 12 == 0:
                session = {"card": f"c-{self._random.randint(1000, 9999)}", "kwh": watts / 1000}
                if count % 240 == 0:
                    del session["kwh"]  # what the check of the task `sessions` refuses
                self._publish(name, f"stations/{name}/sessions", session)
            if count % 25 == 0:
                self._publish(name, f"stations/{name}/alarms",
                              {"level": self._random.randint(1, 3), "text": "cable too warm"})


PASSWORDS = {"station": "a-long-secret-1", "control-room": "a-long-secret-2",
             "billing": "a-long-secret-3", "dashboard": "a-long-secret-4"}


