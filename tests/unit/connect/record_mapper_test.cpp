#include "connect/record_mapper.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <gtest/gtest.h>

#include "connect/text.hpp"
#include "mqtt/properties.hpp"

namespace sluice::connect {
namespace {

using mqtt::PropertyId;
using Pairs = std::vector<std::pair<std::string, std::string>>;

class RecordMapperTest : public testing::Test {
 protected:
  RecordMapperTest() {
    mapping.topic = *Template::compile("plant.${topic[1]}");
    mapping.key = *Template::compile("${client_id}");
    message.topic = "plant/7";
    message.payload = std::string_view("\x00\xff raw", 6);
    message.client_id = "meter-1";
    message.host = "10.1.2.3";
    message.timestamp_ms = 1'714'564'800'123;
    message.id = {0x0123456789abcdef, 42};
  }
  Record map() {
    arena.reset();
    RecordMapper mapper(mapping, "node-a", "c-t-0");
    const auto record = mapper.map(message, arena, now_ms);
    EXPECT_TRUE(record) << record.error();
    return record.value_or(Record{});
  }
  Pairs headers() {
    Pairs out;
    for (const auto& [name, value] : map().headers)
      out.emplace_back(std::string(name), std::string(value));
    return out;
  }

  Mapping mapping;
  model::Message message;
  std::int64_t now_ms = 1'714'564'800'123;
  Arena arena;
  std::string properties;
};

// interface.md §5
TEST_F(RecordMapperTest, TakesThePayloadByteForByteAndTheStoreTimestamp) {
  mapping.header_form = HeaderForm::None;

  const auto record = map();

  EXPECT_EQ(record.topic, "plant.7");
  EXPECT_EQ(record.key, "meter-1");
  EXPECT_EQ(record.value.data(), message.payload.data());
  EXPECT_EQ(record.timestamp_ms, message.timestamp_ms);
  EXPECT_TRUE(record.headers.empty());
}

TEST_F(RecordMapperTest, LeavesOutWhatIsAbsent) {
  EXPECT_EQ(headers(), (Pairs{{"mqtt.topic", "plant/7"},
                              {"mqtt.qos", "0"},
                              {"mqtt.retain", "false"},
                              {"mqtt.dup", "false"},
                              {"mqtt.message_id", "0123456789abcdef000000000000002a"},
                              {"mqtt.timestamp", "1714564800123"},
                              {"mqtt.client_id", "meter-1"},
                              {"mqtt.host", "10.1.2.3"}}));
}

TEST_F(RecordMapperTest, LosesNothingOfTheMessage) {
  mqtt::PropertyWriter writer(properties);
  writer.user("zone", "a");
  writer.text(PropertyId::CorrelationData, std::string_view("\x00\x01", 2));
  writer.number(PropertyId::PayloadFormatIndicator, 1);
  writer.text(PropertyId::ResponseTopic, "re/ply");
  writer.user("zone", "");
  writer.number(PropertyId::MessageExpiryInterval, 60);
  writer.text(PropertyId::ContentType, "");
  writer.user("mqtt.topic", "forged");
  writer.user("user.x", "1");
  writer.user("users", "2");
  message.properties = properties;
  message.username = "";
  message.has_username = true;
  message.packet_id = 77;
  message.qos = 2;
  message.retain = true;
  message.dup = true;
  now_ms += 20'500;

  EXPECT_EQ(headers(), (Pairs{{"mqtt.topic", "plant/7"},
                              {"mqtt.qos", "2"},
                              {"mqtt.retain", "true"},
                              {"mqtt.dup", "true"},
                              {"mqtt.packet_id", "77"},
                              {"mqtt.message_id", "0123456789abcdef000000000000002a"},
                              {"mqtt.timestamp", "1714564800123"},
                              {"mqtt.client_id", "meter-1"},
                              {"mqtt.host", "10.1.2.3"},
                              {"mqtt.username", ""},
                              {"mqtt.content_type", ""},
                              {"mqtt.response_topic", "re/ply"},
                              {"mqtt.correlation_data", std::string("\x00\x01", 2)},
                              {"mqtt.payload_format", "1"},
                              {"mqtt.message_expiry", "40"},
                              {"zone", "a"},
                              {"zone", ""},
                              {"user.mqtt.topic", "forged"},
                              {"user.user.x", "1"},
                              {"users", "2"}}));
}

TEST_F(RecordMapperTest, SaysThatNothingIsLeftOfAnExpiry) {
  mqtt::PropertyWriter(properties).number(PropertyId::MessageExpiryInterval, 1);
  message.properties = properties;
  now_ms += 3'600'000;

  EXPECT_EQ(headers().back(), (std::pair<std::string, std::string>("mqtt.message_expiry", "0")));
}

TEST_F(RecordMapperTest, MakesTheHeadersThatAreListed) {
  mapping.header_form = HeaderForm::List;
  mapping.headers.emplace_back("id", *Template::compile("${client_id}/${topic[1]}"));
  mapping.headers.emplace_back("id", *Template::compile("fixed"));

  EXPECT_EQ(headers(), (Pairs{{"id", "meter-1/7"}, {"id", "fixed"}}));
}

TEST_F(RecordMapperTest, FillsAValueTemplate) {
  mapping.value_form = ValueForm::Template;
  mapping.value = *Template::compile(R"({"t":${payload.t},"id":"${client_id}"})");
  message.payload = R"({"t":21.5})";

  EXPECT_EQ(map().value, R"({"t":21.5,"id":"meter-1"})");
}

TEST_F(RecordMapperTest, SaysWhichNameIsMissing) {
  mapping.key = *Template::compile("${user.zone}");
  RecordMapper mapper(mapping, "node-a", "c-t-0");

  const auto record = mapper.map(message, arena, now_ms);

  ASSERT_FALSE(record);
  EXPECT_EQ(record.error(), "key: ${user.zone} is not in this message and has no default");
}

TEST_F(RecordMapperTest, SaysThatThePayloadIsNotJson) {
  mapping.key = *Template::compile("${payload.zone}");
  RecordMapper mapper(mapping, "node-a", "c-t-0");

  message.payload = "21.5 degrees";
  EXPECT_EQ(mapper.map(message, arena, now_ms).error(),
            "key: ${payload.zone} has no default, and the payload is not JSON");
  message.payload = R"({"t":21.5})";
  EXPECT_EQ(mapper.map(message, arena, now_ms).error(),
            "key: ${payload.zone} is not in this message and has no default");
}

// Whatever headers are wanted, and once.
TEST_F(RecordMapperTest, NotesItselfBehindTheOriginsThatCame) {
  for (const auto form : {HeaderForm::All, HeaderForm::None}) {
    for (const std::string_view before : {"", "b", "b,>c"}) {
      mapping.header_form = form;
      properties.clear();
      mqtt::PropertyWriter writer(properties);
      if (!before.empty()) writer.user("sluice-origins", before);
      writer.user("zone", "1");
      message.properties = properties;
      RecordMapper mapper(mapping, "node-a", "c-t-0", ">a");

      const auto record = mapper.map(message, arena, now_ms);

      ASSERT_TRUE(record);
      const auto expected = (before.empty() ? "" : std::string(before) + ",") + ">a";
      EXPECT_EQ(record->headers.back().first, "sluice-origins");
      EXPECT_EQ(record->headers.back().second, expected);
      EXPECT_EQ(std::ranges::count(record->headers, "sluice-origins",
                                   [](const auto& header) { return header.first; }),
                1);
    }
  }
}

TEST_F(RecordMapperTest, SaysWhenThereIsNoRoomForOneMoreOrigin) {
  mqtt::PropertyWriter(properties).user("sluice-origins", std::string(65530, 'x'));
  message.properties = properties;
  RecordMapper mapper(mapping, "node-a", "c-t-0", ">01M8K78492");

  EXPECT_EQ(mapper.map(message, arena, now_ms).error(), "sluice-origins: is too long");
}

// TBMQ's fields in TBMQ's order, then ours.
TEST_F(RecordMapperTest, WritesTheEnvelopeAsTbmqDoes) {
  mapping.value_form = ValueForm::Envelope;
  mapping.metadata = {{"integrationName", "t"}, {"site", "north"}};
  mqtt::PropertyWriter writer(properties);
  writer.user("a", "1");
  writer.user("b", "\"quoted\"\n");
  writer.user("a", "2");
  message.properties = properties;
  message.qos = 1;
  message.retain = true;

  EXPECT_EQ(map().value,
            R"({"payload":"AP8gcmF3","topicName":"plant/7","clientId":"meter-1",)"
            R"("eventType":"PUBLISH_MSG","qos":1,"retain":true,"tbmqIeNode":"c-t-0",)"
            R"("tbmqNode":"node-a","ts":1714564800123,)"
            R"("props":{"a":"2","b":"\"quoted\"\n"},)"
            R"("metadata":{"integrationName":"t","site":"north"},)"
            R"("props_all":[{"name":"a","value":"1"},{"name":"b","value":"\"quoted\"\n"},)"
            R"({"name":"a","value":"2"}]})");
  EXPECT_TRUE(boost::json::parse(map().value).is_object());
}

TEST_F(RecordMapperTest, MakesAStructuredCloudEvent) {
  mapping.value_form = ValueForm::CloudEvent;
  mapping.header_form = HeaderForm::None;
  message.payload = R"({"watts": 7})";
  mqtt::PropertyWriter(properties).user("traceparent", "00-01-02-01");
  message.properties = properties;

  EXPECT_EQ(map().value,
            R"({"specversion":"1.0","id":"0123456789abcdef000000000000002a",)"
            R"("source":"/mqtt/node-a","type":"mqtt.publish","subject":"plant/7",)"
            R"("time":"2024-05-01T12:00:00.123Z","mqttclientid":"meter-1","mqttqos":"0",)"
            R"("mqttretain":"false","partitionkey":"meter-1","traceparent":"00-01-02-01",)"
            R"("datacontenttype":"application/json","data":{"watts": 7}})");
  EXPECT_EQ(headers(), (Pairs{{"content-type", "application/cloudevents+json; charset=UTF-8"}}));
}

TEST_F(RecordMapperTest, PutsIntoACloudEventWhatThePayloadIs) {
  mapping.value_form = ValueForm::CloudEvent;
  mapping.header_form = HeaderForm::None;
  const auto data = [&](std::string_view type, std::string_view payload) {
    properties.clear();
    if (!type.empty()) mqtt::PropertyWriter(properties).text(PropertyId::ContentType, type);
    message.properties = properties;
    message.payload = payload;
    const auto value = boost::json::parse(map().value).as_object();
    std::string text;
    for (const auto name : {"datacontenttype", "data", "data_base64"})
      if (const auto* found = value.if_contains(name))
        text += std::string(text.empty() ? "" : " ") + name + "=" + boost::json::serialize(*found);
    return text;
  };

  EXPECT_EQ(data("", "[1]"), R"(datacontenttype="application/json" data=[1])");
  EXPECT_EQ(data("application/senml+JSON; v=1", "[1]"),
            R"(datacontenttype="application/senml+JSON; v=1" data=[1])");
  EXPECT_EQ(data("application/json", "[1"),
            R"(datacontenttype="application/json" data_base64="WzE=")");
  EXPECT_EQ(data("text/plain", "[1]"), R"(datacontenttype="text/plain" data="[1]")");
  EXPECT_EQ(data("", "\xff"), R"(datacontenttype="application/octet-stream" data_base64="/w==")");
  EXPECT_EQ(data("", ""), "");
}

TEST_F(RecordMapperTest, MakesABinaryCloudEvent) {
  mapping.header_form = HeaderForm::CloudEvent;
  mqtt::PropertyWriter writer(properties);
  writer.text(PropertyId::ContentType, "image/png");
  writer.user("tracestate", "a=b");
  message.properties = properties;

  EXPECT_EQ(map().value.data(), message.payload.data());
  EXPECT_EQ(headers(), (Pairs{{"ce_specversion", "1.0"},
                              {"ce_id", "0123456789abcdef000000000000002a"},
                              {"ce_source", "/mqtt/node-a"},
                              {"ce_type", "mqtt.publish"},
                              {"ce_subject", "plant/7"},
                              {"ce_time", "2024-05-01T12:00:00.123Z"},
                              {"ce_mqttclientid", "meter-1"},
                              {"ce_mqttqos", "0"},
                              {"ce_mqttretain", "false"},
                              {"ce_partitionkey", "meter-1"},
                              {"ce_tracestate", "a=b"},
                              {"tracestate", "a=b"},
                              {"content-type", "image/png"}}));
}

TEST(Text, WritesAndReadsTimes) {
  EXPECT_EQ(rfc3339(0), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(rfc3339(1'714'564'800'123), "2024-05-01T12:00:00.123Z");
  std::int64_t time = 0;
  for (const auto& [text, expected] : std::vector<std::pair<std::string_view, std::int64_t>>{
           {"2024-05-01T12:00:00.123Z", 1'714'564'800'123},
           {"2024-05-01T14:00:00.1234567+02:00", 1'714'564'800'123},
           {"1970-01-01T00:00:00Z", 0},
           {"2024-02-29T00:00:00-00:30", 1'709'166'600'000}}) {
    EXPECT_TRUE(parse_rfc3339(text, time)) << text;
    EXPECT_EQ(time, expected) << text;
  }
  for (const std::string_view text :
       {"", "2024-05-01", "2024-13-01T00:00:00Z", "2023-02-29T00:00:00Z", "2024-05-01T24:00:00Z",
        "2024-05-01T12:00:00", "2024-05-01T12:00:00.Z", "2024-05-01T12:00:00Zx"})
    EXPECT_FALSE(parse_rfc3339(text, time)) << text;
}

}  // namespace
}  // namespace sluice::connect
