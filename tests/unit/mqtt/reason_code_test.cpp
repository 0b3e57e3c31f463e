#include "mqtt/reason_code.hpp"

#include <set>
#include <string>

#include <gtest/gtest.h>

namespace sluice::mqtt::test {
namespace {

TEST(ReasonCode, HasANameOfItsOwn) {
  std::set<std::string_view> names;
  for (unsigned code = 0; code < 256; ++code) {
    const auto name = name_of(static_cast<ReasonCode>(code));
    if (name == "unknown") continue;
    EXPECT_TRUE(names.insert(name).second) << name;
    EXPECT_EQ(name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_012"), std::string_view::npos);
  }

  EXPECT_EQ(names.size(), 43U);  // §2.4, table 2-6
  EXPECT_EQ(name_of(ReasonCode::PacketTooLarge), "packet_too_large");
  EXPECT_EQ(name_of(ReasonCode::GrantedQos1), "granted_qos_1");
}

TEST(ReasonCode, IsAnErrorFrom0x80) {
  EXPECT_FALSE(is_error(ReasonCode::Success));
  EXPECT_FALSE(is_error(ReasonCode::ReAuthenticate));
  EXPECT_TRUE(is_error(ReasonCode::UnspecifiedError));
}

// §3.2.2.3 of MQTT 3.1.1, table 3.1.
TEST(ReasonCode, HasAReturnCodeInMqtt3) {
  EXPECT_EQ(connect_return_code_v3(ReasonCode::Success), 0);
  EXPECT_EQ(connect_return_code_v3(ReasonCode::UnsupportedProtocolVersion), 1);
  EXPECT_EQ(connect_return_code_v3(ReasonCode::ClientIdentifierNotValid), 2);
  EXPECT_EQ(connect_return_code_v3(ReasonCode::ServerUnavailable), 3);
  EXPECT_EQ(connect_return_code_v3(ReasonCode::BadUserNameOrPassword), 4);
  EXPECT_EQ(connect_return_code_v3(ReasonCode::NotAuthorized), 5);
  EXPECT_EQ(connect_return_code_v3(ReasonCode::QuotaExceeded), 3);
  for (unsigned code = 0x80; code < 256; ++code) {
    const auto answer = connect_return_code_v3(static_cast<ReasonCode>(code));
    EXPECT_TRUE(answer >= 1 && answer <= 5) << code;  // a refusal never reads as accepted
  }
}

}  // namespace
}  // namespace sluice::mqtt::test
