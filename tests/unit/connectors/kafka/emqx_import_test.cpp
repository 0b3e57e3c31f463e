#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <gtest/gtest.h>

#include "connect/documents.hpp"
#include "connect/task_spec.hpp"
#include "connectors/kafka/emqx_rule.hpp"
#include "connectors/kafka/kafka.hpp"
#include "connectors/kafka/kafka_import.hpp"

namespace sluice::connectors::kafka {
namespace {

namespace json = boost::json;

TEST(EmqxRule, CarriesOverFiltersAndConditions) {
  const auto read = [](std::string_view sql) -> std::string {
    const auto rule = read_emqx_rule(sql);
    if (!rule) return "not: " + rule.error();
    std::string text;
    for (const auto& filter : rule->filters) text += filter + " ";
    return text + "| " + rule->where;
  };

  EXPECT_EQ(read("SELECT * FROM \"t/#\""), "t/# | ");
  EXPECT_EQ(read("select *\nfrom 't/+', \"u\" where qos > 0 and clientid = \"it's\" ;"),
            "t/+ u | $qos > 0 and $client_id = 'it''s'");
  EXPECT_EQ(read("SELECT * FROM \"t\" WHERE payload.a.b[1] = 1.5 AND flags.retain = false"),
            "t | payload.a.b[1] = 1.5 AND $retain = false");
  for (const auto& [sql, part] : std::vector<std::pair<std::string_view, std::string_view>>{
           {"SELECT payload.a as a FROM \"t\"", "only SELECT *"},
           {"SELECT * FROM t", "in quotes"},
           {"SELECT * FROM \"$events/client_connected\"", "`$events/client_connected`"},
           {"SELECT * FROM \"t\" GROUP BY x", "`GROUP BY x`"},
           {"SELECT * FROM \"t\" WHERE event = 'x'", "`event` in WHERE"},
           {"SELECT * FROM \"t\" WHERE topic =~ 't/#'", "line 1, column"},
           {"SELECT * FROM \"t\" WHERE regex_match(topic, 'x')", "`regex_match`"},
           {"FOREACH payload.x FROM \"t\"", "only SELECT *"}})
    EXPECT_NE(read(sql).find(part), std::string::npos) << sql << ": " << read(sql);
}

constexpr std::string_view kFlow = R"({
  "action": {"type": "kafka_producer", "name": "to kafka", "enable": true, "connector": "k",
    "parameters": {"topic": "t-${.payload.t}", "message": {"key": "${.clientid}",
        "value": "{\"v\":${.payload.v}}", "timestamp": "${.timestamp}"},
      "compression": "no_compression", "required_acks": "leader_only", "max_linger_time": "5ms",
      "partition_strategy": "random", "max_batch_bytes": "896KB", "max_inflight": 10,
      "kafka_ext_headers": [{"kafka_ext_header_key": "q", "kafka_ext_header_value": "${.qos}"}]}},
  "connector": {"bootstrap_hosts": "kafka-1, kafka-2:9093",
    "authentication": {"mechanism": "plain", "username": "u", "password": "p"},
    "ssl": {"enable": true, "verify": "verify_none", "cacertfile": ""}},
  "rule": {"sql": "SELECT * FROM \"t/#\" WHERE qos > 0"}})";

TEST(EmqxImport, CarriesOverWhatItCan) {
  connect::Registry registry;
  register_kafka(registry);

  const auto flow = import_emqx(json::parse(kFlow).as_object());

  ASSERT_TRUE(flow) << flow.error().fields.front().pointer;
  EXPECT_EQ(json::serialize(flow->connection),
            R"({"name":"to-kafka","title":"to kafka","description":"","type":"kafka","settings":)"
            R"({"bootstrap_servers":"kafka-1:9092,kafka-2:9093","sasl_mechanism":"PLAIN",)"
            R"("username":"u","password":"p","security_protocol":"SASL_SSL"}})");
  EXPECT_EQ(json::serialize(flow->task),
            R"({"name":"to-kafka","title":"to kafka","description":"","enabled":true,)"
            R"("source":{"type":"local","filters":["t/#"]},"where":"$qos > 0",)"
            R"("map":{"topic":"t-${payload.t}","key":"${clientid}",)"
            R"("value":{"template":"{\"v\":${payload.v}}"},)"
            R"("headers":[{"name":"q","value":"${qos}"}]},)"
            R"("sink":{"linger_ms":5,"batch_bytes":917504,"compression":"none","type":"kafka",)"
            R"("connection":"to-kafka"}})");
  const auto task = connect::parse_task(registry, flow->task);
  EXPECT_TRUE(task) << task.error().detail << task.error().fields.front().pointer;
  std::string notes;
  for (const auto& note : flow->notes) notes += note + "\n";
  for (const std::string_view part : {"`leader_only`", "`random`", "always verified", "`buffer`"})
    EXPECT_NE(notes.find(part), std::string::npos) << part;
}

TEST(EmqxImport, TakesFallbackActionsOfEveryKindWithoutFailing) {
  for (const auto& [given, is_refused] : std::vector<std::pair<json::value, bool>>{
           {nullptr, false}, {json::array(), false}, {json::object(), true}, {"x", true}}) {
    auto flow = json::parse(kFlow).as_object();
    flow.at("action").as_object()["fallback_actions"] = given;
    EXPECT_EQ(!import_emqx(flow), is_refused) << json::serialize(given);
  }
}

TEST(EmqxImport, RefusesByNameWhatItCannotCarry) {
  const auto pointers = [](const json::object& foreign) {
    const auto flow = import_emqx(foreign);
    std::string all;
    if (!flow)
      for (const auto& field : flow.error().fields) all += field.pointer + " ";
    return all;
  };

  EXPECT_EQ(pointers({}), "/action /connector /rule ");
  auto flow = json::parse(kFlow).as_object();
  flow["rule"].as_object()["sql"] = "SELECT clientid FROM \"t\"";
  auto& connector = flow["connector"].as_object();
  connector["authentication"].as_object()["password"] = "******";
  connector["ssl"].as_object()["cacertfile"] = "/etc/emqx/ca.pem";
  flow["action"].as_object()["type"] = "mqtt";
  EXPECT_EQ(pointers(flow),
            "/action/type /connector/authentication/password /connector/ssl/cacertfile /rule/sql ");
}

}  // namespace
}  // namespace sluice::connectors::kafka
