"""A task that begins before it was made: everything that is still in the log, once, in order, while
publishers go on; also when the server is killed while it reads the log."""
import datetime
import secrets
import time

import pytest

from integration.harness import read_topic, wait_until
from integration.ledger import Publisher, check, numbers_of

TASKS = 6  # one after the other, while messages are on their way into the log
pytestmark = pytest.mark.timeout(240)


def publishers(server, account, rate=None):
    return [Publisher(server.mqtt, f"p{number}", f"start/p{number}", 1, rate=rate, padding=4,
                      username=account.name, password=account.password) for number in range(2)]


def add_task(server, start, **sections):
    """Returns the name of its topic in Kafka, which nobody has used."""
    name = f"start-{secrets.token_hex(4)}"
    server.add_kafka_task(name, "kafka", ["start/#"], name, map={"headers": "none"},
                          source={"start": start}, **sections)
    return name


def numbers_in(records, publisher):
    return numbers_of(publisher.client_id, [record.value for record in records])


def arrived(kafka, name, made, settle=0.0):
    """The numbers of each publisher in Kafka once all that it has acknowledged is there."""
    def complete(records):
        return all(set(publisher.acknowledged) <= set(numbers_in(records, publisher))
                   for publisher in made)
    records = read_topic(kafka.bootstrap, name, until=complete, settle=settle)
    return {publisher.client_id: numbers_in(records, publisher) for publisher in made}


def test_a_task_gets_what_was_stored_before_it_once_and_in_order(sluice, kafka):
    account = sluice.allow_all("device")
    sluice.add_kafka_connection("kafka", kafka.bootstrap)
    made = publishers(sluice, account)
    for publisher in made:
        publisher.start()
    made[0].wait_acknowledged(2000)

    names = [add_task(sluice, "earliest") for _ in range(TASKS)]

    made[0].wait_acknowledged(len(made[0].acknowledged) + 500)
    for publisher in made:
        publisher.finish()
    for name in names:
        sluice.wait_task(name, lag_messages=0, back_fill_bytes=0)
        for publisher in made:
            numbers = arrived(kafka, name, [publisher])[publisher.client_id]
            assert numbers == list(range(publisher.sent)), "lost, repeated or out of order"


def test_a_task_that_is_killed_while_it_reads_the_log_loses_nothing(sluice, kafka):
    account = sluice.allow_all("device")
    sluice.add_kafka_connection("kafka", kafka.bootstrap)
    made = publishers(sluice, account, rate=4000)
    for publisher in made:
        publisher.start()
    made[0].wait_acknowledged(8000)
    # So slow that it is still before its queue when it is killed.
    name = add_task(sluice, "earliest", sink={"buffer_bytes": 1 << 20, "linger_ms": 200,
                                              "batch_bytes": 20000})

    killed_before_queue = 0
    for _ in range(3):
        killed_before_queue += sluice.task(name)["back_fill_bytes"] > 0
        sluice.kill9()
        sluice.start()
        made[0].wait_acknowledged(len(made[0].acknowledged) + 200)

    for publisher in made:
        publisher.finish()
    sluice.wait_task(name, timeout=60, lag_messages=0, back_fill_bytes=0)
    found = arrived(kafka, name, made)
    for publisher in made:
        numbers = found[publisher.client_id]
        # What was in flight when it was killed may come again; the order of what is new holds.
        check(publisher, numbers, "kafka")
    assert killed_before_queue > 0, "the test did not kill it in time"


def test_a_task_starts_at_a_time_and_can_be_sent_back(sluice, kafka):
    account = sluice.allow_all("device")
    sluice.add_kafka_connection("kafka", kafka.bootstrap)
    made = publishers(sluice, account, rate=1000)[:1]
    publisher = made[0]
    publisher.start()
    publisher.wait_acknowledged(300)
    before = len(publisher.acknowledged)
    time.sleep(0.05)
    now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="milliseconds")
    time.sleep(0.05)
    after = publisher.sent
    publisher.wait_acknowledged(after + 300)

    name = add_task(sluice, {"time": now})
    publisher.finish()
    numbers = arrived_to_end(kafka, name, publisher)
    assert before <= numbers[0] <= after
    assert numbers == list(range(numbers[0], publisher.sent))

    answer = sluice.rest("POST", f"/tasks/{name}:seek", {"start": "earliest"})
    answer.expect(200, 202)
    again = wait_until(lambda: all_of(kafka, name, publisher, publisher.sent + len(numbers)),
                       "everything once more")
    assert again[len(numbers):] == list(range(publisher.sent))


def all_of(kafka, name, publisher, count):
    return numbers_in(read_topic(kafka.bootstrap, name, count=count), publisher)


def arrived_to_end(kafka, name, publisher):
    records = read_topic(kafka.bootstrap, name, settle=0.5, until=lambda found: any(
        number == publisher.sent - 1 for number in numbers_in(found, publisher)))
    return numbers_in(records, publisher)
