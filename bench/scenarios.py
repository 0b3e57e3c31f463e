"""What is measured, and what this project wants to reach: the only list of both.

A target compares ours with a peer of the same run; `os` and `fsync` are the two durabilities.
"""
from dataclasses import dataclass, field

FLOW, OFFLINE, IDLE, PACED, KAFKA = "flow", "offline", "idle", "paced", "kafka"
PAYLOAD_BYTES = 256
DEFAULT_WINDOW = 64       # unacknowledged messages of a publisher
DEFAULT_UNDELIVERED = 800  # messages that some subscriber still lacks


@dataclass(frozen=True)
class Scenario:
    name: str
    kind: str
    load: tuple                # arguments of sluice_load, or of kafka_end_to_end.py
    figures: tuple             # names in what it prints; the first is what targets are about
    target: dict = field(default_factory=dict)  # durability -> most of the ratio to FlashMQ
    at_least: bool = False     # the target is the least ratio instead
    absolute: float = None     # most of the first figure, whatever peers do
    note: str = ""


def flow(name, arguments, os, fsync, per="delivery", note=""):
    return Scenario(name, FLOW, tuple(arguments.split()),
                    (f"server_cpu_us_per_{per}", "delivered_per_second"),
                    {"os": os, "fsync": fsync}, note=note)


SCENARIOS = [
    flow("1:1 QoS 0", "--subscribers 1 --qos 0", 0.7, 0.8),
    flow("fan-in 100:1 QoS 1", "--publishers 100 --subscribers 1 --qos 1", 0.5, 0.6),
    flow("fan-out 1:100 QoS 0", "--subscribers 100 --qos 0 --undelivered 50", 0.7, 0.8),
    flow("100 pairs QoS 0", "--publishers 100 --subscribers 100 --qos 0", 0.4, 0.5,
         note="up to 16 messages in a write"),
    flow("shared group 10x10 QoS 1", "--publishers 10 --subscribers 10 --group bench --qos 1",
         0.7, 0.8),
    flow("1:1 QoS 1", "--subscribers 1 --qos 1", 0.7, 1.7, note="64 in flight"),
    flow("100 pairs QoS 0, one message a segment",
         "--publishers 100 --subscribers 100 --qos 0 --one-per-write", 1.0, 1.0),
    flow("100 pairs QoS 1, one message a segment",
         "--publishers 100 --subscribers 100 --qos 1 --one-per-write", 1.0, 1.1,
         note="the target is a stretch"),
    flow("1:100 QoS 1, persistent sessions",
         "--subscribers 100 --qos 1 --persistent --undelivered 15", 0.7, 0.8),
    Scenario("offline queue QoS 1: fill", OFFLINE, ("--publishers", "4"),
             ("fill_per_second", "fill_cpu_us_per_message", "rss_bytes_per_message"),
             {"os": 1.0, "fsync": 1.0}, at_least=True),
    Scenario("offline queue QoS 1: drain", OFFLINE, ("--publishers", "4"),
             ("drain_per_second", "drain_cpu_us_per_message"),
             {"os": 1.0, "fsync": 1.0}, at_least=True),
    Scenario("idle connection", IDLE, (), ("rss_bytes_per_connection", "connects_per_second"),
             absolute=1024),
    Scenario("persistent session", IDLE, ("--persistent",),
             ("rss_bytes_per_session", "rss_bytes_per_connection"),
             note="one QoS 1 subscription each; first away, then connected"),
    Scenario("1:1 QoS 0 at 20,000 msg/s", PACED, ("--subscribers", "1", "--qos", "0"),
             ("delivery_p99_us", "delivery_p50_us", "delivery_p999_us"),
             {"os": 1.0, "fsync": 1.0}),
    Scenario("1:1 QoS 1 at 20,000 msg/s", PACED, ("--subscribers", "1", "--qos", "1"),
             ("delivery_p99_us", "delivery_p50_us", "puback_p99_us"), {"os": 1.0}),
    Scenario("QoS 1 into kafka-dev, as fast as possible", KAFKA, ("--kafka", "dev"),
             ("server_cpu_us_per_message", "into_kafka_per_second", "puback_p99_us")),
    Scenario("QoS 1 into kafka-dev at 200,000 msg/s, no headers", KAFKA,
             ("--kafka", "dev", "--rate", "200000", "--headers", "none"),
             ("server_cpu_us_per_message", "into_kafka_per_second", "puback_p99_us")),
    Scenario("QoS 1 into kafka-dev at 200,000 msg/s, default headers", KAFKA,
             ("--kafka", "dev", "--rate", "200000"),
             ("server_cpu_us_per_message", "into_kafka_per_second", "puback_p99_us")),
    Scenario("QoS 1 into Apache Kafka, as fast as possible", KAFKA, ("--kafka", "apache"),
             ("server_cpu_us_per_message", "into_kafka_per_second", "puback_p99_us")),
]


@dataclass(frozen=True)
class Effort:
    """How long one run of everything takes."""
    runs: int
    seconds: float
    warmup: float
    connections: int
    offline_messages: int


FULL = Effort(runs=5, seconds=3, warmup=1, connections=10_000, offline_messages=60_000)
QUICK = Effort(runs=1, seconds=1, warmup=0.3, connections=1_000, offline_messages=20_000)


def load_arguments(scenario, effort):
    """The arguments of sluice_load for it, but for the server's port and process id."""
    if scenario.kind == IDLE:
        return [*scenario.load, "--idle", effort.connections]
    sizes = ["--size", PAYLOAD_BYTES, "--window", DEFAULT_WINDOW]
    if scenario.kind == OFFLINE:
        return [*scenario.load, *sizes, "--offline", "--messages", effort.offline_messages]
    pace = ["--rate", 20_000, "--window", 65535] if scenario.kind == PACED else []
    bound = [] if "--undelivered" in scenario.load else ["--undelivered", DEFAULT_UNDELIVERED]
    return [*scenario.load, *sizes[:2], *(pace or sizes[2:]), *bound,
            "--warmup", effort.warmup, "--seconds", effort.seconds]
