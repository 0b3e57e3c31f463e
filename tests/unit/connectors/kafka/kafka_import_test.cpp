#include "connectors/kafka/kafka_import.hpp"

#include <algorithm>

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <gtest/gtest.h>

#include "connect/documents.hpp"
#include "connect/task_spec.hpp"
#include "connectors/kafka/kafka.hpp"

namespace sluice::connectors::kafka {
namespace {

namespace json = boost::json;

constexpr std::string_view kIntegration = R"({
  "name": "Plant 7: Zähler", "type": "KAFKA", "enabled": false,
  "additionalInfo": {"description": "meters"},
  "configuration": {
    "metadata": {"site": "north"},
    "topicFilters": ["plant/+/telemetry", "plant/#"],
    "clientConfiguration": {
      "sendOnlyMsgPayload": false, "bootstrapServers": "kafka-1:9093,kafka-2:9093",
      "topic": "tbmq.messages", "key": null, "clientIdPrefix": "ie",
      "retries": 0, "batchSize": 16384,
      "linger": 5, "bufferMemory": 33554432, "acks": "1", "compression": "zstd",
      "otherProperties": {"security.protocol": "SASL_SSL", "sasl.mechanism": "PLAIN",
        "max.block.ms": "1000", "sasl.jaas.config":
        "org.apache.kafka.common.security.plain.PlainLoginModule )"
                                          R"(required username=\"u\" password=\"p\";"},
      "kafkaHeaders": {"from": "tbmq ${x}"}, "kafkaHeadersCharset": "UTF-8"}}})";

struct Imported {
  explicit Imported(std::string_view text = kIntegration)
      : foreign(json::parse(text).as_object()) {}
  json::object& client() {
    return foreign["configuration"].as_object()["clientConfiguration"].as_object();
  }
  connect::ImportedFlow flow() {
    auto outcome = import_tbmq(foreign);
    EXPECT_TRUE(outcome);
    return outcome ? std::move(*outcome) : connect::ImportedFlow();
  }
  std::string notes() {
    std::string all;
    for (const auto& note : flow().notes) all += note + "\n";
    return all;
  }
  json::object foreign;
};

TEST(TbmqImport, CarriesOverWhatItSays) {
  Imported imported;

  const auto flow = imported.flow();

  EXPECT_EQ(json::serialize(flow.connection),
            R"({"name":"Plant-7--Z-hler","title":"Plant 7: Zähler","description":"meters",)"
            R"("type":"kafka","settings":{"bootstrap_servers":"kafka-1:9093,kafka-2:9093",)"
            R"("security_protocol":"SASL_SSL","sasl_mechanism":"PLAIN","properties":)"
            R"({"sasl.jaas.config":"org.apache.kafka.common.security.plain.PlainLoginModule )"
            R"(required username=\"u\" password=\"p\";"}}})");
  EXPECT_EQ(
      json::serialize(flow.task),
      R"({"name":"Plant-7--Z-hler","title":"Plant 7: Zähler","description":"meters",)"
      R"("enabled":false,"source":{"type":"local","filters":["plant/+/telemetry","plant/#"]},)"
      R"("map":{"metadata":{"site":"north"},"topic":"tbmq.messages","value":"envelope",)"
      R"("key":"","headers":[{"name":"from","value":"tbmq $${x}"}]},)"
      R"("sink":{"compression":"zstd","client_id_prefix":"ie","acks":"all","linger_ms":5,)"
      R"("batch_bytes":16384,"buffer_bytes":33554432,"type":"kafka",)"
      R"("connection":"Plant-7--Z-hler"},"delivery":{"order":"none"}})");
}

TEST(TbmqImport, MakesDocumentsThatAreValid) {
  connect::Registry registry;
  register_kafka(registry);
  Imported imported;

  const auto flow = imported.flow();

  const auto task = connect::parse_task(registry, flow.task);
  ASSERT_TRUE(task) << task.error().detail << task.error().fields.front().pointer;
  const auto fields = connect::connection_fields(*registry.find("kafka"));
  EXPECT_TRUE(schema::check(fields, flow.connection).problems.empty());
}

TEST(TbmqImport, NotesWhatIsNotAsItWas) {
  Imported imported;
  imported.client()["key"] = "${topic}";
  imported.client()["sendOnlyMsgPayload"] = true;
  imported.client()["bufferMemory"] = 1000;
  imported.client()["kafkaHeadersCharset"] = "UTF-16";

  const auto notes = imported.notes();

  for (const std::string_view part :
       {"the name became `Plant-7--Z-hler`", "`acks` was raised from `1` to `all`", "`retries` (0)",
        "`max.block.ms` was left out", "`bufferMemory` was raised", "base 64", "one constant",
        "not in UTF-16"})
    EXPECT_NE(notes.find(part), std::string::npos) << part << "\n" << notes;
  const auto task = imported.flow().task;
  EXPECT_EQ(task.at("map").at("key").as_string(), "$${topic}");
  EXPECT_EQ(task.at("map").at("value").as_string(), "raw");
  EXPECT_FALSE(task.contains("delivery"));
}

TEST(TbmqImport, LeavesPropertiesThatAreDangerousToTheRefusalByName) {
  Imported imported;
  imported.client()["otherProperties"] = json::object{{"ssl.truststore.location", "/etc/passwd"}};

  const auto settings = imported.flow().connection.at("settings").as_object();

  std::vector<schema::Problem> problems;
  connect::Registry registry;
  register_kafka(registry);
  registry.find("kafka")->check_connection(
      schema::check(registry.find("kafka")->connection_fields, settings).value, problems);
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_EQ(problems[0].pointer, "/settings/properties/ssl.truststore.location");
}

TEST(TbmqImport, RefusesWhatIsNoKafkaIntegration) {
  const auto refused = [](std::string_view text) {
    const auto outcome = import_tbmq(json::parse(text).as_object());
    std::string pointers;
    if (!outcome)
      for (const auto& field : outcome.error().fields) pointers += field.pointer + " ";
    return pointers;
  };

  EXPECT_EQ(refused("{}"), "/type /configuration ");
  EXPECT_EQ(refused(R"({"name":"x","type":"HTTP","configuration":{}})"),
            "/type /configuration/clientConfiguration ");
  EXPECT_EQ(refused(R"({"type":"KAFKA","configuration":{"clientConfiguration":{}}})"), "/name ");
  EXPECT_EQ(refused(R"({"name":"x","type":"KAFKA","configuration":[]})"), "/configuration ");
}

}  // namespace
}  // namespace sluice::connectors::kafka
