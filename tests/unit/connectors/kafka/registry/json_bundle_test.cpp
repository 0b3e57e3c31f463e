#include "connectors/kafka/registry/json_bundle.hpp"

#include <boost/json/parse.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::connectors::kafka::registry {
namespace {

namespace json = boost::json;
using testing::HasSubstr;

json::value bundle_of(const SchemaText& schema) {
  const auto made = bundled(schema);
  EXPECT_TRUE(made) << made.error();
  return made ? json::parse(*made) : json::value();
}

TEST(JsonBundle, LeavesASchemaAloneThatRefersToNothingElse) {
  EXPECT_EQ(bundled({.text = R"( {"$ref": "#/definitions/x"} )"}).value(),
            R"( {"$ref": "#/definitions/x"} )");
}

TEST(JsonBundle, MakesDefinitionsOfReferencesAndPointsAtThem) {
  const auto bundle = bundle_of(
      {.text = R"({"$id":"https://a/b.json","properties":{"a":{"$ref":"site.json"},
          "b":[{"$ref":"site.json#/definitions/name"}],"c":{"$ref":"#/definitions/own"},
          "$ref":{"type":"string"},"d":{"const":{"$ref":"site.json"}}},
          "definitions":{"own":true,"reference-1":false}})",
       .references = {{.name = "deep/one", .text = R"({"type":"integer"})"},
                      {.name = "site.json",
                       .text = R"({"$id":"site.json","items":{"$ref":"#/definitions/name"},
                           "not":{"$ref":"#"},"definitions":{"name":{"$ref":"deep/one"}}})"}}});

  EXPECT_EQ(bundle, json::parse(R"({"properties":{"a":{"$ref":"#/definitions/reference-2"},
      "b":[{"$ref":"#/definitions/reference-2/definitions/name"}],
      "c":{"$ref":"#/definitions/own"},
      "$ref":{"type":"string"},"d":{"const":{"$ref":"site.json"}}},
      "definitions":{"own":true,"reference-1":false,"reference-1x":{"type":"integer"},
        "reference-2":{"items":{"$ref":"#/definitions/reference-2/definitions/name"},
          "not":{"$ref":"#/definitions/reference-2"},
          "definitions":{"name":{"$ref":"#/definitions/reference-1x"}}}}})"));
}

TEST(JsonBundle, SaysWhatIsNotThere) {
  const SchemaText::Reference site{.name = "site.json", .text = "{}"};
  const auto why = [&](std::string text) {
    return bundled({.text = std::move(text), .references = {site}}).error();
  };

  EXPECT_THAT(why(R"({"$ref":"other.json"})"), HasSubstr("`other.json`"));
  EXPECT_THAT(why(R"({"$ref":"site.json#name"})"), HasSubstr("names no place"));
  EXPECT_THAT(why("true"), HasSubstr("must be an object"));
  EXPECT_THAT(why(std::string(200, '[') + std::string(200, ']')), HasSubstr("must be an object"));
  EXPECT_THAT(bundled({.text = "{}", .references = {{.name = "x", .text = "7"}}}).error(),
              HasSubstr("x: json: the schema must be"));
}

}  // namespace
}  // namespace sluice::connectors::kafka::registry
