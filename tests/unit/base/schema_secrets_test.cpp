#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <gtest/gtest.h>

#include "base/schema.hpp"

namespace sluice::schema {
namespace {

namespace json = boost::json;

const Fields kFields = {
    {.name = "username"},
    {.name = "password", .secret = true},
    {.name = "tls", .type = Type::Object, .fields = {{.name = "key", .secret = true}}},
    {.name = "properties", .type = Type::Map, .secret = true},
    {.name = "remotes", .type = Type::ObjectMap, .fields = {{.name = "token", .secret = true}}}};

json::object parsed(std::string_view text) {
  return json::parse(text).as_object();
}

std::string masked(std::string_view text) {
  return json::serialize(mask(kFields, parsed(text)));
}

std::string unmasked(std::string_view old, std::string_view update) {
  return json::serialize(unmask(kFields, parsed(old), parsed(update)));
}

TEST(Mask, HidesEverySecretThatIsSet) {
  EXPECT_EQ(masked(R"({"username":"u","password":"p"})"), R"({"username":"u","password":"***"})");
  EXPECT_EQ(masked(R"({"tls":{"key":"k"}})"), R"({"tls":{"key":"***"}})");
  EXPECT_EQ(masked(R"({"properties":{"a":"1","b":""}})"), R"({"properties":{"a":"***","b":""}})");
  EXPECT_EQ(masked(R"({"remotes":{"r":{"token":"t"}}})"), R"({"remotes":{"r":{"token":"***"}}})");
}

TEST(Mask, ShowsThatASecretIsNotSet) {
  EXPECT_EQ(masked(R"({"password":""})"), R"({"password":""})");
  EXPECT_EQ(masked(R"({"password":null})"), R"({"password":null})");
}

TEST(Unmask, KeepsTheSavedSecretBehindAMask) {
  EXPECT_EQ(unmasked(R"({"password":"p"})", R"({"password":"***"})"), R"({"password":"p"})");
  EXPECT_EQ(unmasked(R"({"tls":{"key":"k"}})", R"({"tls":{"key":"***"}})"),
            R"({"tls":{"key":"k"}})");
  EXPECT_EQ(unmasked(R"({"properties":{"a":"1"}})", R"({"properties":{"a":"***","b":"2"}})"),
            R"({"properties":{"a":"1","b":"2"}})");
  EXPECT_EQ(unmasked(R"({"remotes":{"r":{"token":"t"}}})", R"({"remotes":{"r":{"token":"***"}}})"),
            R"({"remotes":{"r":{"token":"t"}}})");
}

TEST(Unmask, TakesANewSecret) {
  EXPECT_EQ(unmasked(R"({"password":"p"})", R"({"password":"new"})"), R"({"password":"new"})");
}

TEST(Unmask, LeavesAMaskWithNothingBehindItForTheCheckToRefuse) {
  const auto update = unmask(kFields, {}, parsed(R"({"password":"***"})"));

  EXPECT_EQ(json::serialize(update), R"({"password":"***"})");
  EXPECT_FALSE(check(kFields, update).problems.empty());
}

TEST(Unmask, TouchesOnlySecrets) {
  EXPECT_EQ(unmasked(R"({"username":"u"})", R"({"username":"***"})"), R"({"username":"***"})");
}

TEST(Unmask, UndoesMask) {
  const auto* const document = R"({"username":"u","password":"p","tls":{"key":"k"},)"
                               R"("properties":{"a":"1"},"remotes":{"r":{"token":"t"}}})";

  EXPECT_EQ(unmasked(document, masked(document)), document);
}

}  // namespace
}  // namespace sluice::schema
