#include "connectors/kafka/kafka_token.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/base64.hpp"

namespace sluice::connectors::kafka {
namespace {

using testing::HasSubstr;

constexpr std::int64_t kNow = 1'700'000'000'000;

std::string jwt(std::string_view claims) {
  auto middle = base64(claims);
  middle.resize(middle.find_last_not_of('=') + 1);
  return "eyJhbGciOiJub25lIn0." + middle + ".";
}

std::int64_t lasts_ms(const std::string& answer) {
  const auto token = token_in(answer, kNow);
  EXPECT_TRUE(token.has_value()) << answer;
  return token ? token->expires_ms - kNow : 0;
}

TEST(KafkaToken, LastsAsLongAsTheAnswerSays) {
  EXPECT_EQ(lasts_ms(R"({"access_token": "t", "expires_in": 60})"), 60'000);
  EXPECT_EQ(lasts_ms(R"({"access_token": "t", "expires_in": 59.5})"), 59'000);
  EXPECT_EQ(lasts_ms(R"({"access_token": "t", "expires_in": 1e300})"), 366LL * 24 * 3600 * 1000);
}

TEST(KafkaToken, LastsAsLongAsItSaysItselfOtherwise) {
  const auto token = jwt(R"({"sub": "bob", "exp": 1700000090})");
  EXPECT_EQ(lasts_ms(R"({"access_token": ")" + token + R"("})"), 90'000);
  for (const auto* opaque : {"t", "a.b", "a.b.c", "a.!!!!.c", "a..c"})
    EXPECT_EQ(lasts_ms(std::string(R"({"access_token": ")") + opaque + R"("})"), 300'000) << opaque;
}

TEST(KafkaToken, IsRefusedWhenItIsNone) {
  for (const auto* answer : {"", "[]", "{}", R"({"access_token": 7})", R"({"access_token": ""})",
                             R"({"access_token": "a b"})", R"({"access_token": "a\u0001"})"})
    EXPECT_FALSE(token_in(answer, kNow).has_value()) << answer;
  const auto old =
      token_in(R"({"access_token": ")" + jwt(R"({"exp": 1600000000})") + R"("})", kNow);
  ASSERT_FALSE(old.has_value());
  EXPECT_THAT(old.error().detail, HasSubstr("expired"));
}

TEST(KafkaToken, IsAskedForWhereTheAddressRuleAllowsIt) {
  TokenEndpoint endpoint;
  endpoint.url = "https://169.254.169.254/token";

  const auto token = fetch_token(endpoint, kNow);

  ASSERT_FALSE(token.has_value());
  EXPECT_THAT(token.error().detail, HasSubstr("never called"));
}

}  // namespace
}  // namespace sluice::connectors::kafka
