#include "connectors/kafka/registry/avro_format.hpp"

#include <boost/json/parse.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::connectors::kafka::registry {
namespace {

using testing::HasSubstr;

std::unique_ptr<Format> made(const std::string& schema) {
  auto format = AvroFormat::make({.text = schema}, {});
  EXPECT_TRUE(format.has_value()) << schema << ": " << (format ? "" : format.error());
  return format ? std::move(*format) : nullptr;
}

// In hexadecimal; or why not.
std::string encoded(const Format& format, const std::string& value) {
  std::string out;
  const auto done = format.encode(boost::json::parse(value), value, out);
  if (!done) return done.error();
  std::string text;
  for (const char c : out) {
    const auto byte = static_cast<unsigned char>(c);
    static constexpr char kDigits[] = "0123456789abcdef";
    text += {kDigits[byte >> 4U], kDigits[byte & 15U]};
  }
  return text;
}

std::string encoded(const std::string& schema, const std::string& value) {
  const auto format = made(schema);
  return format ? encoded(*format, value) : "";
}

std::string why_not(const std::string& schema) {
  const auto format = AvroFormat::make({.text = schema}, {});
  return format ? "" : format.error();
}

// The specification's own examples: "Binary Encoding" of Avro 1.11.
TEST(AvroFormat, WritesWhatTheSpecificationShows) {
  EXPECT_EQ(encoded(R"("long")", "0"), "00");
  EXPECT_EQ(encoded(R"("long")", "-1"), "01");
  EXPECT_EQ(encoded(R"("long")", "1"), "02");
  EXPECT_EQ(encoded(R"("long")", "-64"), "7f");
  EXPECT_EQ(encoded(R"("long")", "64"), "8001");
  EXPECT_EQ(encoded(R"("string")", R"("foo")"), "06666f6f");
  EXPECT_EQ(encoded(R"({"type": "record", "name": "test", "fields": [
                        {"name": "a", "type": "long"}, {"name": "b", "type": "string"}]})",
                    R"({"b": "foo", "a": 27})"),
            "3606666f6f");
  EXPECT_EQ(encoded(R"({"type": "array", "items": "long"})", "[3, 27]"), "04063600");
  EXPECT_EQ(encoded(R"(["null", "string"])", "null"), "00");
  EXPECT_EQ(encoded(R"(["null", "string"])", R"({"string": "a"})"), "020261");
  EXPECT_EQ(encoded(R"(["null", "string"])", R"("a")"), "020261");
}

TEST(AvroFormat, WritesEveryType) {
  EXPECT_EQ(encoded(R"("boolean")", "true"), "01");
  EXPECT_EQ(encoded(R"("int")", "-2147483648"), "ffffffff0f");
  EXPECT_EQ(encoded(R"("long")", "-9223372036854775808"), "ffffffffffffffffff01");
  EXPECT_EQ(encoded(R"("long")", "20.0"), "28");
  EXPECT_EQ(encoded(R"("float")", "1.5"), "0000c03f");
  EXPECT_EQ(encoded(R"("double")", "-2"), "00000000000000c0");
  EXPECT_EQ(encoded(R"("bytes")", R"("a\u00ff\u0000")"), "0661ff00");
  EXPECT_EQ(encoded(R"({"type": "fixed", "name": "F", "size": 2})", R"("\u0080b")"), "8062");
  EXPECT_EQ(encoded(R"({"type": "enum", "name": "E", "symbols": ["A", "B"]})", R"("B")"), "02");
  EXPECT_EQ(encoded(R"({"type": "map", "values": "int"})", R"({"x": 1})"), "0202780200");
  EXPECT_EQ(encoded(R"({"type": "map", "values": "int"})", "{}"), "00");
  EXPECT_EQ(encoded(R"({"type": "array", "items": "null"})", "[null, null]"), "0400");
}

TEST(AvroFormat, ADecimalMayBeANumber) {
  const auto decimal = [](std::string_view value) {
    return encoded(R"({"type": "bytes", "logicalType": "decimal", "precision": 6, "scale": 2})",
                   std::string(value));
  };
  EXPECT_EQ(decimal("12.34"), "0404d2");
  EXPECT_EQ(decimal("0"), "0200");
  EXPECT_EQ(decimal("-1.29"), "04ff7f");
  EXPECT_EQ(decimal("1.28"), "040080");
  EXPECT_EQ(decimal(R"("\u0004\u00d2")"), "0404d2");
  EXPECT_THAT(decimal("1.234"), HasSubstr("at most 6 digits, 2 of them behind the point"));
  EXPECT_THAT(decimal("12345.67"), HasSubstr("at most 6 digits"));
  EXPECT_THAT(decimal("1e300"), HasSubstr("at most 6 digits"));
  EXPECT_EQ(encoded(R"({"type": "fixed", "name": "D", "size": 4, "logicalType": "decimal",
                        "precision": 6, "scale": 0})",
                    "-2"),
            "fffffffe");
}

TEST(AvroFormat, WhatIsMissingIsItsDefaultOrNull) {
  const auto format = made(R"({"type": "record", "name": "R", "fields": [
      {"name": "a", "type": "int", "default": 7},
      {"name": "b", "type": ["string", "null"], "default": "x"},
      {"name": "c", "type": ["null", "int"]},
      {"name": "d", "type": {"type": "array", "items": "int"}, "default": [1]},
      {"name": "e", "type": "string"}]})");
  EXPECT_EQ(encoded(*format, R"({"e": ""})"), "0e0002780002020000");
  EXPECT_EQ(encoded(*format, R"({"e": "", "a": 1, "b": null, "c": 2, "d": []})"),
            "0202020400"
            "00");
  EXPECT_THAT(encoded(*format, "{}"), HasSubstr("`e` is missing"));
}

TEST(AvroFormat, SaysWhereAValueDoesNotFit) {
  const std::string schema = R"({"type": "record", "name": "com.acme.R", "fields": [
      {"name": "list", "type": {"type": "array", "items": {
        "type": "record", "name": "Inner", "fields": [{"name": "n", "type": "int"}]}}},
      {"name": "e", "type": {"type": "enum", "name": "E", "symbols": ["A"]}, "default": "A"}]})";
  EXPECT_EQ(encoded(schema, R"({"list": [{"n": 1}, {"n": "2"}]})"),
            "avro: /list/1/n: must be a whole number of 32 bits");
  EXPECT_EQ(encoded(schema, R"({"list": [], "more": 1})"),
            "avro: /: `more` is no field of com.acme.R");
  EXPECT_EQ(encoded(schema, R"({"list": [], "e": "B"})"),
            "avro: /e: must be one of the symbols of com.acme.E");
  EXPECT_EQ(encoded(R"(["null", "int"])", R"("x")"), "avro: /: must be one of: null, int");
  EXPECT_THAT(encoded(R"("int")", "2147483648"), HasSubstr("32 bits"));
  EXPECT_THAT(encoded(R"("int")", "1.5"), HasSubstr("32 bits"));
  EXPECT_THAT(encoded(R"("long")", "9223372036854775808"), HasSubstr("64 bits"));
  EXPECT_THAT(encoded(R"("float")", "1e39"), HasSubstr("number of 32 bits"));
  EXPECT_THAT(encoded(R"("bytes")", R"("\u0100")"), HasSubstr("up to U+00FF"));
}

TEST(AvroFormat, AUnionTakesTheFirstTypeThatTheValueMayBe) {
  const auto format = made(R"(["null", "int", "double", "string", {"type": "map", "values": "int"},
      {"type": "record", "name": "ns.A", "fields": [{"name": "x", "type": "int"}]},
      {"type": "record", "name": "ns.B", "fields": [{"name": "y", "type": "int"}]}])");
  EXPECT_EQ(encoded(*format, "1"), "0202");
  EXPECT_EQ(encoded(*format, "1.5"), "04000000000000f83f");
  EXPECT_EQ(encoded(*format, R"({"double": 1})"), "04000000000000f03f");
  EXPECT_EQ(encoded(*format, R"({"ns.B": {"y": 1}})"), "0c02");
  EXPECT_EQ(encoded(*format, R"({"y": 1})"), "080202790200");  // the map comes first
  EXPECT_THAT(encoded(*format, "true"), HasSubstr("must be one of"));

  const auto records = made(R"([
      {"type": "record", "name": "A", "fields": [{"name": "x", "type": "int"}]},
      {"type": "record", "name": "B", "fields": [{"name": "y", "type": "int"}]}])");
  EXPECT_EQ(encoded(*records, R"({"y": 1})"), "0202");
}

TEST(AvroFormat, ATypeMayLeadBackToItself) {
  const auto format = made(R"({"type": "record", "name": "List", "fields": [
      {"name": "next", "type": ["null", "List"], "default": null}]})");
  EXPECT_EQ(encoded(*format, R"({"next": {"next": {}}})"), "020200");
  EXPECT_EQ(encoded(*format, R"({"next": {"List": {"next": null}}})"), "0200");
}

TEST(AvroFormat, RefusesWhatIsNoSchema) {
  EXPECT_THAT(why_not("{"), HasSubstr("not JSON"));
  EXPECT_THAT(why_not(R"("nothing")"), HasSubstr("no type `nothing`"));
  EXPECT_THAT(why_not("[]"), HasSubstr("at least one"));
  EXPECT_THAT(why_not(R"(["int", "int"])"), HasSubstr("already"));
  EXPECT_THAT(why_not(R"(["int", ["string"]])"), HasSubstr("/1: must not be a union"));
  EXPECT_THAT(why_not(R"({"type": "fixed", "name": "F", "size": -1})"), HasSubstr("/size"));
  EXPECT_THAT(why_not(R"({"type": "record", "name": "9", "fields": []})"), HasSubstr("/name"));
  EXPECT_THAT(why_not(R"({"type": "record", "name": "R", "fields": [
                          {"name": "a", "type": "int", "default": "x"}]})"),
              HasSubstr("the default of `a` in R"));
  EXPECT_THAT(why_not(R"({"type": "record", "name": "R", "fields": [
                          {"name": "a", "type": "R", "default": {}}]})"),
              HasSubstr("nested too deep"));
  EXPECT_EQ(why_not("string"), "");  // as registries hand it out
}

// A default whose unions would be found by trying 2^50 ways.
TEST(AvroFormat, ADefaultMayNotTakeForEver) {
  std::string value = R"("end")";
  for (int depth = 0; depth < 50; ++depth) value = R"({"n": )" + value + "}";
  EXPECT_THAT(why_not(R"({"type": "record", "name": "R", "fields": [{"name": "f", "type": [
                {"type": "record", "name": "A", "fields": [{"name": "n", "type": ["int", "A",
                  {"type": "record", "name": "B", "fields": [
                     {"name": "n", "type": ["int", "A", "B"]}]}]}]}], "default": )" +
                      value + "}]}"),
              HasSubstr("too much work"));
}

TEST(AvroFormat, AMessageMayNotBecomeManyTimesAsLarge) {
  const std::string large(1000, 'x');
  const auto format = made(R"({"type": "array", "items": {"type": "record", "name": "R", "fields": [
      {"name": "a", "type": "string", "default": ")" +
                           large + R"("}]}})");
  std::string value = "[{}";
  for (int i = 0; i < 5000; ++i) value += ",{}";
  value += "]";
  EXPECT_THAT(encoded(*format, value), HasSubstr("too large"));
}

TEST(AvroFormat, KnowsTypesOfItsReferences) {
  const SchemaText text{
      .text = R"({"type": "record", "name": "acme.Order", "fields": [
                  {"name": "by", "type": "acme.Person"}, {"name": "to", "type": "Person"}]})",
      .references = {{.name = "acme.Person",
                      .text = R"({"type": "record", "name": "Person", "namespace": "acme",
                                  "fields": [{"name": "n", "type": "int"}]})"}}};
  const auto format = AvroFormat::make(text, {});
  ASSERT_TRUE(format.has_value()) << format.error();
  EXPECT_EQ(encoded(**format, R"({"by": {"n": 1}, "to": {"n": 2}})"), "0204");
  EXPECT_EQ((*format)->record(), "acme.Order");
}

std::string decoded(const Format& format, std::string_view bytes) {
  const auto json = format.decode(bytes);
  return json ? *json : json.error();
}

TEST(AvroFormat, ReadsWhatItWrites) {
  const auto format = made(R"({"type": "record", "name": "R", "fields": [
      {"name": "i", "type": "int"}, {"name": "f", "type": "float"}, {"name": "d", "type": "double"},
      {"name": "s", "type": "string"}, {"name": "b", "type": "bytes"},
      {"name": "x", "type": {"type": "fixed", "name": "F", "size": 2}},
      {"name": "e", "type": {"type": "enum", "name": "E", "symbols": ["A", "B"]}},
      {"name": "m", "type": {"type": "map", "values": "long"}},
      {"name": "l", "type": {"type": "array", "items": ["null", "boolean"]}}]})");
  const std::string value = R"({"i":-7,"f":0.1,"d":21.5,"s":"é\n","b":"aÿ","x":"ab",)"
                            R"("e":"B","m":{"k":9},"l":[null,true]})";
  std::string bytes;
  ASSERT_TRUE(format->encode(boost::json::parse(value), value, bytes).has_value());
  EXPECT_EQ(decoded(*format, bytes), value);
  EXPECT_EQ(decoded(*format, bytes + "x"), "avro: 1 bytes are left behind the value");
  for (std::size_t size = 0; size < bytes.size(); ++size)
    EXPECT_THAT(decoded(*format, bytes.substr(0, size)), HasSubstr("avro: ")) << size;
}

// Blocks with their size in bytes, as Java's writer makes them.
TEST(AvroFormat, ReadsBlocksOfBothKinds) {
  const auto format = made(R"({"type": "array", "items": "long"})");
  EXPECT_EQ(decoded(*format, std::string_view("\x04\x06\x36\x00", 4)), "[3,27]");
  EXPECT_EQ(decoded(*format, std::string_view("\x03\x04\x06\x36\x02\x02\x00", 7)), "[3,27,1]");
}

TEST(AvroFormat, BelievesNoNumberThatItReads) {
  const auto nulls = made(R"({"type": "array", "items": "null"})");
  EXPECT_THAT(decoded(*nulls, "\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01"), HasSubstr("too large"));
  EXPECT_THAT(decoded(*nulls, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), HasSubstr("bounds"));
  EXPECT_THAT(decoded(*nulls, std::string(11, '\xff')), HasSubstr("longer than 64 bits"));
  const auto text = made(R"("string")");
  EXPECT_THAT(decoded(*text, "\x7f"), HasSubstr("bounds"));
  EXPECT_THAT(decoded(*text, "\x02\xff"), HasSubstr("UTF-8"));
  const auto choice = made(R"(["null", "int"])");
  EXPECT_THAT(decoded(*choice, "\x04"), HasSubstr("bounds"));
  EXPECT_THAT(decoded(*choice, "\x02\x80\x80\x80\x80\x10"), HasSubstr("32 bits"));
  const auto circle =
      made(R"({"type": "record", "name": "R", "fields": [{"name": "r", "type": "R"}]})");
  EXPECT_THAT(decoded(*circle, ""), HasSubstr("nested too deep"));
  const auto number = made(R"("double")");
  EXPECT_THAT(decoded(*number, std::string_view("\0\0\0\0\0\0\xf8\x7f", 8)), HasSubstr("JSON"));
}

}  // namespace
}  // namespace sluice::connectors::kafka::registry
