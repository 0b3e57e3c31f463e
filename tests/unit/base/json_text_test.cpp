#include "base/json_text.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <gtest/gtest.h>

namespace sluice {
namespace {

namespace json = boost::json;

TEST(JsonText, WritesDecimalsPlainly) {
  EXPECT_EQ(json_text({{"age", 2.028}, {"none", 0.0}, {"list", {0.5, -3.25}}}),
            R"({"age":2.028,"none":0,"list":[0.5,-3.25]})");
}

TEST(JsonText, IsJsonWhateverTheNumber) {
  for (const double number : {1e300, 5e-324, -1e21, 123456789.5}) {
    EXPECT_EQ(json::parse(json_text(number)).to_number<double>(), number);
  }
}

TEST(JsonText, WritesEverythingElseAsTheLibraryDoes) {
  const auto value =
      json::parse(R"({"a\n\"":[{},[],null,true,-1,18446744073709551615,"\u0001é/"]})");
  EXPECT_EQ(json_text(value), json::serialize(value));
}

}  // namespace
}  // namespace sluice
