"""A byte that turned over in an old file of the log, met while the server runs."""
from integration import raw_mqtt as mqtt
from integration.harness import read_topic, wait_until
from integration.raw_mqtt import RawClient

EXPIRY = [(mqtt.SESSION_EXPIRY, 3600)]


def numbers_of(payloads):
    return [int(payload.split(b".")[0].split()[1]) for payload in payloads]


def test_good_messages_arrive_and_the_damage_is_told(make_sluice, kafka_dev):
    server = make_sluice({"access": {"enabled": False}})
    with RawClient(server.mqtt) as raw:
        raw.connect("reader", clean=False, properties=EXPIRY)
        raw.subscribe("log/#", qos=1)
        raw.disconnect()
    with RawClient(server.mqtt) as raw:
        raw.connect("writer")
        for number in range(50):
            raw.publish("log/1", b"message %d." % number + b"x" * 300, qos=1)
    server.kill9()
    server.start()  # nothing of it is in memory any more
    segment = sorted((server.data / "log").glob("*.log"))[0]
    at = segment.read_bytes().index(b"message 20.")
    with segment.open("r+b") as file:
        file.seek(at)
        file.write(b"X")
    assert server.rest("GET", "/health/ready").status == 200, "nobody has met it"

    server.add_kafka_connection("k", kafka_dev.bootstrap)
    server.add_kafka_task("t", "k", ["log/#"], "damaged", source={"start": "earliest"})
    task = server.wait_task("t", status="failed")
    assert segment.name in task["status_reason"] and "position" in task["status_reason"]
    records = read_topic(kafka_dev.bootstrap, "damaged", 20)
    assert len(records) == 20

    answer = server.rest("GET", "/health/ready")
    assert answer.status == 503 and answer.body["status"] == "degraded"
    assert segment.name in server.get("/overview")["store"]["damage"]
    assert server.metrics()["sluice_log_damaged_reads_total"] >= 1

    with RawClient(server.mqtt) as raw:
        assert raw.connect("reader", clean=False, properties=EXPIRY).session_present
        payloads = [message.payload for message in raw.messages(49)]
        assert numbers_of(payloads) == [number for number in range(50) if number != 20]
        dropped = 'sluice_messages_dropped_total{reason="damaged"}'
        wait_until(lambda: server.metrics()[dropped] == 1, dropped)
        with RawClient(server.mqtt) as writer:
            writer.connect("writer")
            writer.publish("log/1", b"message 50.", qos=1)
        assert numbers_of(message.payload for message in raw.messages(1)) == [50]
    assert 'consumer=reader' in server.log_text() and segment.name in server.log_text()
