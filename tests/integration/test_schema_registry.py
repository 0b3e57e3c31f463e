"""Values encoded by a schema registry: what Confluent's own Python client and KafkaJS' read and write.
Real Apache Kafka; a registry of the test's own, so that it can fail."""
import base64
import json
import os
import secrets
import subprocess

import pytest

from integration.certificates import Authority
from integration.harness import REPOSITORY, read_topic
from integration.raw_mqtt import RawClient, USER_PROPERTY
from integration.schema_registry import SchemaRegistry
from servers.kafka_server import default_cache
from servers.registry_server import Apicurio

pytestmark = pytest.mark.timeout(180)
NETWORKS = {"connect": {"allowed_networks": ["loopback"]}}

READING = {"type": "record", "name": "Reading", "namespace": "acme", "fields": [
    {"name": "id", "type": "string"},
    {"name": "temperature", "type": "double"},
    {"name": "site", "type": ["null", "string"], "default": None},
    {"name": "tags", "type": {"type": "array", "items": "string"}, "default": []}]}
PROTO = """syntax = "proto3";
package acme;
message Unused { int32 n = 1; }
message Reading { string id = 1; double temperature = 2; }
"""


@pytest.fixture
def registry():
    made = SchemaRegistry()
    yield made
    made.close()


@pytest.fixture
def flow(make_sluice, kafka, registry):
    """Makes the task `flow` into a topic of its own, and publishes to it."""
    server = make_sluice(NETWORKS)
    account = server.allow_all("device")

    class Flow:
        topic = f"schema-{secrets.token_hex(4)}"
        subject = topic + "-value"

        def connect(self, **settings):
            server.create("/connections", {"name": "kafka", "type": "kafka", "settings": {
                "bootstrap_servers": kafka.bootstrap,
                "schema_registry": {"url": registry.url, **settings}}})

        def make(self, schema, **sections):
            self.connect()
            kafka.create_topic(self.topic, 1)
            sections["map"] = {**sections.get("map", {}), "schema": schema}
            server.add_kafka_task("flow", "kafka", ["flow/#"], self.topic, **sections)

        def publish(self, *payloads, properties=None):
            with RawClient(server.mqtt) as raw:
                raw.connect("p", username=account.name, password=account.password)
                for payload in payloads:
                    text = payload
                    if not isinstance(payload, bytes):
                        text = json.dumps(payload, separators=(",", ":")).encode()
                    raw.publish("flow/p", text, qos=1, properties=properties)

        def records(self, count):
            return read_topic(kafka.bootstrap, self.topic, count=count, settle=0.3)

    made = Flow()
    made.server, made.account = server, account
    return made


def client_of(registry):
    from confluent_kafka.schema_registry import SchemaRegistryClient

    return SchemaRegistryClient({"url": registry.url})


def context_of(record):
    from confluent_kafka.serialization import MessageField, SerializationContext

    return SerializationContext(record.topic, MessageField.VALUE, record.headers)


def check_with_kafkajs(registry, records, values):
    """KafkaJS' client reads these values in the records, and writes the very same bytes."""
    cache = default_cache() / "js-client"
    if not (cache / "stamp").is_file():
        pytest.fail("KafkaJS' registry client is missing: ./dev setup test fetches it")
    done = subprocess.run(
        ["node", str(REPOSITORY / "tests/clients/js/registry.js"), registry.url,
         *[base64.b64encode(record.value).decode() for record in records]],
        capture_output=True, text=True, check=False, timeout=60,
        env={**os.environ, "NODE_MODULES": str(cache / "node_modules")})
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["read"] for line in lines] == values
    assert [base64.b64decode(line["written"]) for line in lines] == [r.value for r in records]


def test_avro_is_what_other_clients_read_and_write(flow, registry):
    from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer

    registry.register(flow.subject, READING)
    flow.make({"format": "avro"})
    sent = [{"id": "a", "temperature": 21.5}, {"id": "b", "temperature": -3, "site": "x",
                                              "tags": ["1", "é"]}]
    flow.publish(*sent)
    flow.server.wait_task("flow", delivered=2, rejected=0, lag_messages=0)
    records = flow.records(2)

    read = AvroDeserializer(client_of(registry))
    assert [read(record.value, context_of(record)) for record in records] == [
        {"site": None, "tags": [], **value} for value in sent]
    write = AvroSerializer(client_of(registry), json.dumps(READING))
    assert [record.value for record in records] == [
        write({"site": None, "tags": [], **value}, context_of(records[0])) for value in sent]
    check_with_kafkajs(registry, records, [{"site": None, "tags": [], **value} for value in sent])
    asked = [question for question in registry.asked if "latest" in question]
    assert len(asked) == 1, registry.asked  # once, and not for each message


def test_json_schema_is_what_other_clients_read_and_write(flow, registry):
    from confluent_kafka.schema_registry.json_schema import JSONDeserializer, JSONSerializer

    schema = {"title": "Reading", "type": "object", "required": ["id"],
              "properties": {"id": {"type": "string"}, "t": {"type": "number"}}}
    flow.make({"format": "json", "definition": schema, "auto_register": True,
               "subject": "topic_record_name"})
    flow.publish({"id": "a", "t": 1}, {"t": 2}, b"nonsense", {"id": "b"})
    task = flow.server.wait_task("flow", delivered=2, rejected=2, lag_messages=0)
    assert task["status"] == "running", task
    assert list(registry.subjects) == [f"{flow.topic}-Reading"]

    records = flow.records(2)
    read = JSONDeserializer(json.dumps(schema))
    assert [read(record.value, context_of(record)) for record in records] == [
        {"id": "a", "t": 1}, {"id": "b"}]
    strategy = {"auto.register.schemas": False, "subject.name.strategy": lambda *_: list(
        registry.subjects)[0]}
    registered = registry.schemas[0]["schema"]
    write = JSONSerializer(registered, client_of(registry), conf=strategy)
    assert records[1].value == write({"id": "b"}, context_of(records[1]))
    check_with_kafkajs(registry, records[1:], [{"id": "b"}])
    letters = flow.server.get("/tasks/flow/dead-letters")["items"]
    reasons = sorted(letter["reason"] for letter in letters)
    assert reasons[0].startswith("schema: the value is not JSON"), reasons
    assert reasons[1].startswith("verify: "), reasons


def test_protobuf_is_what_other_clients_read_and_write(flow, registry):
    from confluent_kafka.schema_registry.protobuf import ProtobufDeserializer
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    file = descriptor_pb2.FileDescriptorProto(name="reading.proto", package="acme",
                                              syntax="proto3")
    file.message_type.add(name="Unused").field.add(name="n", number=1, type=5, label=1)
    reading = file.message_type.add(name="Reading")
    reading.field.add(name="id", number=1, type=9, label=1)
    reading.field.add(name="temperature", number=2, type=1, label=1)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    message = message_factory.GetMessageClass(pool.FindMessageTypeByName("acme.Reading"))

    number = registry.register(flow.subject, PROTO, "PROTOBUF")
    flow.make({"format": "protobuf", "record": "acme.Reading"})
    flow.publish({"id": "a", "temperature": 21.5}, {"id": 7, "more": 1}, {"id": "b"})
    flow.server.wait_task("flow", delivered=2, rejected=1, lag_messages=0)
    records = flow.records(2)
    read = ProtobufDeserializer(message, {"use.deprecated.format": False})
    values = [read(record.value, context_of(record)) for record in records]
    assert [(value.id, value.temperature) for value in values] == [("a", 21.5), ("b", 0)]
    prefix = b"\0" + number.to_bytes(4, "big") + b"\x02\x02"  # one index, the second message
    assert records[0].value == prefix + message(id="a", temperature=21.5).SerializeToString()


def test_the_header_form_names_the_guid_and_nobody_else_can(flow, registry):
    from confluent_kafka.schema_registry import header_schema_id_serializer
    from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer

    registry.register("other", {"type": "string"})
    registry.register(flow.subject, READING)
    flow.make({"format": "avro", "form": "header"})
    forged = [(USER_PROPERTY, ("__value_schema_id", "0" * 17)), (USER_PROPERTY, ("x", "y"))]
    flow.publish({"id": "a", "temperature": 1}, properties=forged)
    (record,) = flow.records(1)
    assert record.header("x") == "y"
    assert [name for name, _ in record.headers].count("__value_schema_id") == 1
    value = {"id": "a", "temperature": 1.0, "site": None, "tags": []}
    assert AvroDeserializer(client_of(registry))(record.value, context_of(record)) == value

    write = AvroSerializer(client_of(registry), json.dumps(READING),
                           conf={"schema.id.serializer": header_schema_id_serializer})
    theirs = context_of(record)
    theirs.headers = []
    assert write(value, theirs) == record.value
    assert theirs.headers == [header for header in record.headers
                              if header[0] == "__value_schema_id"]


def test_a_registry_that_is_away_holds_up_and_loses_nothing(flow, registry):
    registry.register(flow.subject, READING)
    flow.make({"format": "avro"})
    registry.fails_with = 503
    flow.publish(*[{"id": str(number), "temperature": number} for number in range(50)])
    task = flow.server.wait_task("flow", status="waiting", delivered=0)
    assert "503, not today" in task["status_reason"], task
    registry.fails_with = None
    flow.server.wait_task("flow", status="running", delivered=50, rejected=0, lag_messages=0)
    ids = [record.value[6:8].split(b"\0")[0] for record in flow.records(50)]
    assert ids[:10] == [str(number).encode() for number in range(10)], ids

    # What is known is used while it is away.
    registry.fails_with = 503
    flow.publish({"id": "later", "temperature": 1})
    flow.server.wait_task("flow", status="running", delivered=51)


def test_a_schema_that_is_not_there_is_waited_for(flow, registry):
    flow.make({"format": "avro", "definition": READING})
    flow.publish({"id": "a", "temperature": 1})
    task = flow.server.wait_task("flow", status="waiting")
    assert "Schema not found" in task["status_reason"], task
    registry.register(flow.subject, READING)
    flow.server.wait_task("flow", status="running", delivered=1)


def test_what_does_not_fit_is_a_dead_letter_and_goes_again_when_it_does(flow, registry):
    registry.register(flow.subject, READING)
    flow.make({"format": "avro"})
    flow.publish({"id": "a", "temperature": "hot"}, {"id": "b", "temperature": 2})
    flow.server.wait_task("flow", delivered=1, rejected=1, lag_messages=0)
    (letter,) = flow.server.get("/tasks/flow/dead-letters")["items"]
    assert letter["reason"] == "avro: /temperature: must be a number", letter

    ask = {"task": "flow", "message": {"topic": "flow/p", "payload": '{"id": "a", "t": 1}'}}
    shown = flow.server.rest("POST", "/tasks:preview", ask).expect(200)
    assert not shown["ok"] and shown["error"]["becomes"] == "dead_letter", shown
    ask["message"]["payload"] = '{"id": "a", "temperature": 1.5}'
    shown = flow.server.rest("POST", "/tasks:preview", ask).expect(200)
    assert shown["record"]["value_base64"] == "AAAAAAECYQAAAAAAAPg/AAA=", shown

    flow.server.rest("PATCH", "/tasks/flow", {"map": {"jq": ".temperature |= (tonumber? // 0)"}}
                     ).expect(200, 202)
    answer = flow.server.rest("POST", "/tasks/flow/dead-letters:redrive", {"all": True}).expect(200)
    assert (answer["redriven"], answer["refused"]) == (1, 0), answer


def test_a_definition_refers_to_schemas_of_the_registry(flow, registry):
    from confluent_kafka.schema_registry.avro import AvroDeserializer

    registry.register("sites", {"type": "record", "name": "Site", "namespace": "acme",
                                "fields": [{"name": "name", "type": "string"}]})
    flow.make({"format": "avro", "auto_register": True,
               "references": {"acme.Site": {"subject": "sites", "version": 1}},
               "definition": {"type": "record", "name": "Visit", "namespace": "acme",
                              "fields": [{"name": "at", "type": "acme.Site"}]}})
    flow.publish({"at": {"name": "x"}}, {"at": 1})
    flow.server.wait_task("flow", delivered=1, rejected=1, lag_messages=0)
    (record,) = flow.records(1)
    assert registry.schemas[-1]["references"] == [
        {"name": "acme.Site", "subject": "sites", "version": 1}]
    read = AvroDeserializer(client_of(registry))
    assert read(record.value, context_of(record)) == {"at": {"name": "x"}}


def test_a_definition_that_nothing_can_be_written_by_is_not_registered(flow, registry):
    registry.register("sites", {"type": "object"}, "JSON")
    known = len(registry.schemas)
    flow.make({"format": "json", "auto_register": True,
               "references": {"site.json": {"subject": "sites", "version": 1}},
               "definition": {"title": "Visit", "type": "object", "properties": {
                   "at": {"$ref": "site.json"}, "by": {"$ref": "person.json"}}}})
    flow.publish({"at": {}})
    task = flow.server.wait_task("flow", status="failed")
    assert "`person.json`, which is none of its references" in task["status_reason"], task
    assert len(registry.schemas) == known


def test_values_are_held_against_all_that_a_json_schema_refers_to(flow, registry):
    registry.register("sites", {
        "type": "object", "required": ["name"], "properties": {"name": {"$ref": "#/definitions/n"}},
        "definitions": {"n": {"type": "string", "minLength": 2}}}, "JSON")
    registry.register(flow.subject, {
        "title": "Visit", "type": "object", "properties": {
            "at": {"$ref": "site.json"}, "by": {"$ref": "site.json#/definitions/n"}}}, "JSON",
        references=[{"name": "site.json", "subject": "sites", "version": 1}])
    flow.make({"format": "json"})
    flow.publish({"at": {"name": "ab"}, "by": "cd"}, {"at": {"name": "a"}}, {"by": "x"}, {"at": {}})
    flow.server.wait_task("flow", delivered=1, rejected=3, lag_messages=0)
    (record,) = flow.records(1)
    assert json.loads(record.value[5:]) == {"at": {"name": "ab"}, "by": "cd"}


def test_documents_are_refused_with_what_to_do(flow, registry, kafka):
    flow.connect()
    flow.server.add_kafka_connection("plain", kafka.bootstrap)

    def problems(schema, connection="kafka", **sink):
        answer = flow.server.rest("POST", "/tasks", {
            "name": "t", "source": {"type": "local", "filters": ["a"]},
            "map": {"topic": "t", "schema": schema},
            "sink": {"type": "kafka", "connection": connection, **sink}})
        assert answer.status == 422, answer
        return {field["pointer"]: field["detail"] for field in answer.body["fields"]}

    assert "schema_registry" in problems({"format": "avro"}, "plain")["/map/schema"]
    assert "must be one of" in problems({"format": "xml"})["/map/schema/format"]
    found = problems({"format": "avro", "definition": {"type": "nothing"}})
    assert "no type `nothing`" in found["/map/schema/definition"], found
    found = problems({"format": "protobuf", "definition": "message {"})
    assert found["/map/schema/definition"].startswith("protobuf: 1:"), found
    assert "/map/schema/auto_register" in problems({"format": "avro", "auto_register": True})
    assert "/map/schema/record" in problems({"format": "json", "subject": "record_name"})
    site = {"acme.Site": {"subject": "sites", "version": 1}}
    assert "/map/schema/references" in problems({"format": "avro", "references": site})
    assert "/map/schema/record" in problems({"format": "avro", "references": site,
                                             "definition": READING, "subject": "record_name"})
    assert "/map/schema/references/acme.Site/version" in problems({
        "format": "avro", "definition": READING, "references": {"acme.Site": {"subject": "s"}}})
    answer = flow.server.rest("POST", "/tasks", {
        "name": "t", "source": {"type": "local", "filters": ["a"]},
        "map": {"topic": "t", "schema": {"format": "avro"}},
        "sink": {"type": "file", "folder": "x"}})
    assert "/map/schema" in [field["pointer"] for field in answer.body["fields"]], answer


def test_records_of_other_clients_become_json_here(flow, registry, kafka):
    from confluent_kafka import Producer
    from confluent_kafka.schema_registry.avro import AvroSerializer
    from confluent_kafka.serialization import MessageField, SerializationContext

    flow.connect()
    kafka.create_topic(flow.topic, 1)
    ask = {"task": {"name": "in", "source": {"type": "kafka", "connection": "kafka",
                                             "topics": [flow.topic], "start": "earliest"},
                    "where": "payload.temperature > 0",
                    "map": {"topic": "in/${payload.id}", "schema": {"format": "avro"}},
                    "sink": {"type": "local"}}}
    flow.server.create("/tasks", ask["task"])
    write = AvroSerializer(client_of(registry), json.dumps(READING))
    context = SerializationContext(flow.topic, MessageField.VALUE)
    values = [{"id": "a", "temperature": 21.5, "site": None, "tags": ["x"]},
              {"id": "b", "temperature": -1.0, "site": "s", "tags": []}]
    good = [write(value, context) for value in values]
    unknown = b"\0\0\0\x03\xe7nobody"

    with RawClient(flow.server.mqtt) as raw:
        raw.connect("reader", username=flow.account.name, password=flow.account.password)
        raw.subscribe("in/#", qos=1)
        producer = Producer({"bootstrap.servers": kafka.bootstrap})
        for value in [good[0], unknown, b"{}", good[1], good[0]]:
            producer.produce(flow.topic, value, key=b"k")
        producer.flush(30)
        for message in raw.messages(2, timeout=60):
            assert (message.topic, json.loads(message.payload)) == ("in/a", values[0])
    flow.server.wait_task("in", delivered=2, filtered=1, rejected=2)
    letters = flow.server.get("/tasks/in/dead-letters")["items"]
    assert sorted(letter["reason"] for letter in letters) == [
        "schema: the registry has none with the id 999",
        "schema: the value does not begin with the id of a schema"]
    assert sorted(base64.b64decode(letter["payload"]) for letter in letters) == [unknown, b"{}"]
    asked = [question for question in registry.asked if question.startswith("GET /schemas/ids/1")]
    assert len(asked) == 1, registry.asked

    ask["message"] = {"topic": flow.topic, "payload_base64": base64.b64encode(good[0]).decode()}
    shown = flow.server.rest("POST", "/tasks:preview", ask).expect(200)
    assert json.loads(shown["message"]["payload"]) == values[0], shown


def test_values_whose_schema_a_header_names_become_json_here(flow, registry, kafka):
    from confluent_kafka import Producer
    from confluent_kafka.schema_registry import header_schema_id_serializer
    from confluent_kafka.schema_registry.avro import AvroSerializer
    from confluent_kafka.serialization import MessageField, SerializationContext

    flow.connect()
    kafka.create_topic(flow.topic, 1)
    flow.server.create("/tasks", {
        "name": "in", "source": {"type": "kafka", "connection": "kafka", "topics": [flow.topic],
                                 "start": "earliest", "group": flow.topic},
        "map": {"topic": "in/${payload.id}", "schema": {"format": "avro"}},
        "sink": {"type": "local"}})
    write = AvroSerializer(client_of(registry), json.dumps(READING),
                           conf={"schema.id.serializer": header_schema_id_serializer})
    context = SerializationContext(flow.topic, MessageField.VALUE, [("zone", b"1")])
    value = {"id": "a", "temperature": 21.5, "site": None, "tags": ["x"]}
    encoded = write(value, context)
    assert not encoded.startswith(b"\0"), "the value names its schema itself"
    headers = dict(context.headers)
    nobody = {"__value_schema_id": b"\x01" + b"\xee" * 16}

    with RawClient(flow.server.mqtt) as raw:
        raw.connect("reader", username=flow.account.name, password=flow.account.password)
        raw.subscribe("in/#", qos=1)
        producer = Producer({"bootstrap.servers": kafka.bootstrap})
        for named in (headers, nobody, {"__value_schema_id": b"\xff"}, headers):
            producer.produce(flow.topic, encoded, key=b"k", headers=list(named.items()))
        producer.flush(30)
        for message in raw.messages(2, timeout=60):
            assert (message.topic, json.loads(message.payload)) == ("in/a", value)
            names = [name for name, _ in message.all(USER_PROPERTY)]
            assert "zone" in names and "__value_schema_id" not in names, names
    flow.server.wait_task("in", delivered=2, rejected=2)
    letters = flow.server.get("/tasks/in/dead-letters")["items"]
    assert sorted(letter["reason"] for letter in letters) == [
        "schema: the header __value_schema_id names none",
        "schema: the registry has none with the GUID " + "-".join(
            "ee" * size for size in (4, 2, 2, 2, 6))]
    asked = [question for question in registry.asked if "/schemas/guids/" in question]
    assert len(asked) == 2, registry.asked


def test_a_real_registry_with_every_format(make_sluice, kafka, tmp_path):
    from confluent_kafka.schema_registry import SchemaRegistryClient
    from confluent_kafka.schema_registry.avro import AvroDeserializer

    server = make_sluice(NETWORKS)
    account = server.allow_all("device")
    apicurio = Apicurio(tmp_path / "apicurio").start()
    try:
        server.create("/connections", {"name": "kafka", "type": "kafka", "settings": {
            "bootstrap_servers": kafka.bootstrap, "schema_registry": {"url": apicurio.url}}})
        topics = {}
        for kind, definition in (("avro", READING), ("protobuf", PROTO), (
                "json", {"$schema": "http://json-schema.org/draft-07/schema#",
                         "type": "object", "required": ["id"]})):
            topics[kind] = f"real-{kind}-{secrets.token_hex(4)}"
            kafka.create_topic(topics[kind], 1)
            schema = {"format": kind, "definition": definition, "auto_register": True}
            if kind == "protobuf":
                schema["record"] = "acme.Reading"
            server.add_kafka_task(kind, "kafka", ["flow/#"], topics[kind], map={"schema": schema})
        # Without a definition: what the first task has registered.
        server.add_kafka_task("latest", "kafka", ["flow/#"], topics["avro"],
                              map={"schema": {"format": "avro"}}, enabled=False)
        with RawClient(server.mqtt) as raw:
            raw.connect("p", username=account.name, password=account.password)
            raw.publish("flow/p", b'{"id": "a", "temperature": 21.5}', qos=1)
            raw.publish("flow/p", b'{"temperature": 21.5}', qos=1)
        server.wait_task("avro", delivered=1, rejected=1, lag_messages=0)
        server.wait_task("json", delivered=1, rejected=1, lag_messages=0)
        server.wait_task("protobuf", delivered=2, rejected=0, lag_messages=0)
        server.act("/tasks/latest:start")
        server.wait_task("latest", delivered=1, rejected=1, lag_messages=0)

        first, second = read_topic(kafka.bootstrap, topics["avro"], count=2)
        assert first.value == second.value
        read = AvroDeserializer(SchemaRegistryClient({"url": apicurio.url}))
        assert read(first.value, context_of(first)) == {
            "id": "a", "temperature": 21.5, "site": None, "tags": []}
        (record,) = read_topic(kafka.bootstrap, topics["json"], count=1)
        assert record.value[5:] == b'{"id": "a", "temperature": 21.5}'
        record, _ = read_topic(kafka.bootstrap, topics["protobuf"], count=2)
        assert record.value[5:] == b"\x02\x02\x0a\x01a\x11\0\0\0\0\0\x80\x35\x40"
    finally:
        apicurio.stop()


def test_the_login_is_kept_secret_and_verified(make_sluice, kafka, tmp_path):
    server = make_sluice(NETWORKS)
    authority = Authority(tmp_path / "ca")
    made = SchemaRegistry(authority.issue("localhost"), login=("me", "pass-word"))
    try:
        def document(**registry):
            return {"name": "kafka", "type": "kafka", "settings": {
                "bootstrap_servers": kafka.bootstrap,
                "schema_registry": {"url": made.url, "username": "me", "password": "pass-word",
                                    "ca_pem": authority.certificate.read_text(), **registry}}}

        assert server.create("/connections", document())["status"] == "healthy"
        shown = server.get("/connections/kafka")["settings"]["schema_registry"]
        assert (shown["password"], shown["ca_pem"], shown["username"]) == ("***", "***", "me")
        wrong = server.rest("POST", "/connections:verify", document(password="other")).expect(200)
        (step,) = [step for step in wrong["steps"] if not step["ok"]]
        assert step["name"] == "schema registry" and "401" in step["detail"], step
        assert "b3RoZXI" not in json.dumps(wrong)  # the login that the answer repeats
        wrong = server.rest("POST", "/connections:verify", document(ca_pem="")).expect(200)
        assert not wrong["ok"] and "certificate" in wrong["steps"][-1]["detail"], wrong

        # Who may change the address does not learn by it what was given for another one.
        moved = {"settings": {"schema_registry": {"url": "https://localhost:1/"}}}
        answer = server.rest("PATCH", "/connections/kafka", moved)
        assert [field["pointer"] for field in answer.body["fields"]] == [
            "/settings/schema_registry/password"], answer
        made.login = ("me", "new-word")
        fresh = {"settings": {"schema_registry": {"password": "new-word"}}}
        assert server.rest("PATCH", "/connections/kafka", fresh).expect(200)["status"] == "healthy"
    finally:
        made.close()
