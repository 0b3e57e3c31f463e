#include "connectors/kafka/registry/protobuf_format.hpp"

#include <boost/json/value.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::connectors::kafka::registry {
namespace {

using testing::HasSubstr;
using namespace std::string_literals;

constexpr const char* kProto = R"(syntax = "proto3";
package acme;
import "google/protobuf/timestamp.proto";
message Other { int32 n = 1; }
message Reading {
  message Inner { string s = 1; }
  message Last { string s = 1; }
  int32 id = 1;
  repeated double values = 2;
  map<string, int32> counts = 3;
  google.protobuf.Timestamp at = 4;
  Inner inner = 5;
  oneof what { bool yes = 6; string no = 7; }
})";

std::unique_ptr<Format> made_proto(const std::string& schema, std::string_view record = {}) {
  auto format = ProtobufFormat::make({.text = schema}, record);
  EXPECT_TRUE(format.has_value()) << (format ? "" : format.error());
  return format ? std::move(*format) : nullptr;
}

std::string why_no_proto(const std::string& schema, std::string_view record = {}) {
  const auto format = ProtobufFormat::make({.text = schema}, record);
  return format ? "" : format.error();
}

std::string encoded_proto(const Format& format, const std::string& value) {
  std::string out;
  const auto done = format.encode({}, value, out);
  return done ? out : done.error();
}

TEST(ProtobufFormat, WritesWhatTheSpecificationShows) {
  // "Encoding" in Protobuf's documentation: 150 in field 1.
  const auto format = made_proto(R"(syntax = "proto3"; message Test1 { int32 a = 1; })");
  EXPECT_EQ(encoded_proto(*format, R"({"a": 150})"), "\x08\x96\x01");
  EXPECT_EQ(encoded_proto(*format, "{}"), "");
  EXPECT_EQ(format->record(), "Test1");
  EXPECT_EQ(format->indexes(), "\0"s);
}

TEST(ProtobufFormat, FindsTheMessageThatIsMeant) {
  EXPECT_EQ(made_proto(kProto)->record(), "acme.Other");
  EXPECT_EQ(made_proto(kProto, "acme.Reading")->indexes(), "\x02\x02"s);
  EXPECT_EQ(made_proto(kProto, "Reading")->record(), "acme.Reading");
  EXPECT_EQ(made_proto(kProto, "acme.Reading.Last")->indexes(), "\x04\x02\x02"s);
  EXPECT_THAT(why_no_proto(kProto, "acme.None"), HasSubstr("no message `acme.None`"));
  EXPECT_THAT(why_no_proto(kProto, "google.protobuf.Timestamp"), HasSubstr("no message"));
}

TEST(ProtobufFormat, WritesEveryKindOfField) {
  const auto format = made_proto(kProto, "acme.Reading");
  EXPECT_EQ(encoded_proto(*format, R"({"values": [1.5]})"), "\x12\x08\0\0\0\0\0\0\xf8\x3f"s);
  EXPECT_EQ(encoded_proto(*format, R"({"counts": {"a": 1}})"), "\x1a\x05\x0a\x01\x61\x10\x01"s);
  EXPECT_EQ(encoded_proto(*format, R"({"at": "1970-01-01T00:00:01Z"})"), "\x22\x02\x08\x01"s);
  EXPECT_EQ(encoded_proto(*format, R"({"inner": {"s": "x"}, "no": "y"})"),
            "\x2a\x03\x0a\x01\x78\x3a\x01\x79"s);
}

TEST(ProtobufFormat, SaysWhyAValueDoesNotFit) {
  const auto format = made_proto(kProto, "acme.Reading");
  EXPECT_THAT(encoded_proto(*format, R"({"more": 1})"), HasSubstr("more"));
  EXPECT_THAT(encoded_proto(*format, R"({"id": "x"})"), HasSubstr("id"));
  EXPECT_THAT(encoded_proto(*format, R"({"yes": true, "no": "y"})"), HasSubstr("protobuf: "));
  const auto old = made_proto(R"(syntax = "proto2"; message M { required int32 a = 1; })");
  EXPECT_THAT(encoded_proto(*old, "{}"), HasSubstr("missing field a"));
  EXPECT_EQ(encoded_proto(*old, R"({"a": 1})"), "\x08\x01");
}

TEST(ProtobufFormat, ReadsNoFile) {
  EXPECT_THAT(why_no_proto(R"(syntax = "proto3"; import "/etc/passwd"; message M {})"),
              HasSubstr("names no such reference"));
  EXPECT_THAT(why_no_proto("syntax = \"proto3\";\nmessage M { int32 a = 0; }"), HasSubstr("2:"));
  EXPECT_THAT(why_no_proto(R"(syntax = "proto3";)"), HasSubstr("no message"));
  EXPECT_THAT(why_no_proto("nonsense"), HasSubstr("protobuf: 1:1: "));
}

TEST(ProtobufFormat, KnowsItsReferences) {
  const SchemaText text{
      .text = R"(syntax = "proto3"; import "acme/unit.proto"; message M { acme.Unit unit = 1; })",
      .references = {{.name = "acme/unit.proto",
                      .text = R"(syntax = "proto3"; package acme; enum Unit { A = 0; B = 1; })"}}};
  const auto format = ProtobufFormat::make(text, {});
  ASSERT_TRUE(format.has_value()) << format.error();
  EXPECT_EQ(encoded_proto(**format, R"({"unit": "B"})"), "\x08\x01");
}

TEST(ProtobufFormat, ReadsTheMessageThatAValueNames) {
  const auto format = made_proto(kProto);
  const auto decoded = [&](const std::string& bytes) {
    const auto json = format->decode(bytes);
    return json ? *json : json.error();
  };
  EXPECT_EQ(decoded("\0\x08\x96\x01"s), R"({"n":150})");
  EXPECT_EQ(decoded("\x02\x02\x08\x07"s), R"({"id":7})");
  EXPECT_EQ(decoded("\x04\x02\x02\x0a\x01x"s), R"({"s":"x"})");
  EXPECT_THAT(decoded("\x02\x10"), HasSubstr("names no message"));
  EXPECT_THAT(decoded(""), HasSubstr("names no message"));
  EXPECT_EQ(decoded("\0\x08"s), "protobuf: the value is no acme.Other");
}

TEST(ProtobufFormat, ADeepValueIsRefused) {
  const auto format = made_proto(R"(syntax = "proto3"; message M { M m = 1; })");
  std::string value;
  for (int i = 0; i < 100'000; ++i) value += R"({"m":)";
  EXPECT_THAT(encoded_proto(*format, value), HasSubstr("protobuf: "));
}

}  // namespace
}  // namespace sluice::connectors::kafka::registry
