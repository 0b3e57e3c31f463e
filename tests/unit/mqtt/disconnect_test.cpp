#include "unit/mqtt/verdict.hpp"

namespace sluice::mqtt::test {
namespace {

TEST(DecodeDisconnect, OfTheClient) {
  expect_verdicts(Sender::Client,
                  {
                      {"3.1.1", kV311, "E0 {}", kGood},
                      {"3.1.1 has no reason", kV311, "E0 {00}", kMalformed},
                      {"§3.14.2.1 reason left out", kV5, "E0 {}", kGood},
                      {"§3.14.2.2.1 properties left out", kV5, "E0 {04}", kGood},
                      {"properties", kV5, R"(E0 {00 {11 00000000 1F "r" 26 "n" "v"}})", kGood},
                      {"[MQTT-3.14.2-1] of the server", kV5, "E0 {8B}", kProtocol},
                      {"[MQTT-3.14.2-1] of SUBACK", kV5, "E0 {01}", kProtocol},
                      {"bytes behind", kV5, "E0 {00 {} 00}", kMalformed},
                      {"§3.14.2.2.2 twice", kV5, "E0 {00 {11 00000000 11 00000000}}", kProtocol},
                      {"§2.2.2.2 receive maximum", kV5, "E0 {00 {21 0001}}", kMalformed},
                  });
}

TEST(DecodeDisconnect, OfTheServer) {
  expect_verdicts(Sender::Server,
                  {
                      {"3.1.1 has none", kV311, "E0 {}", kProtocol},
                      {"5.0", kV5, "E0 {8B}", kGood},
                      {"server reference", kV5, R"(E0 {9C {1C "other"}})", kGood},
                      {"[MQTT-3.14.2-1] of the client", kV5, "E0 {04}", kProtocol},
                      {"[MQTT-3.14.2-2] session expiry", kV5, "E0 {00 {11 00000001}}", kProtocol},
                  });
}

TEST(EncodeDisconnect, LeavesOutWhatSaysNothing) {
  std::string properties;
  PropertyWriter(properties).text(PropertyId::ReasonString, "r");
  Disconnect packet;

  EXPECT_EQ(hex(encoded(kV5, packet)), "e0 00");
  packet.reason = ReasonCode::ServerShuttingDown;
  EXPECT_EQ(hex(encoded(kV311, packet)), "e0 00");
  EXPECT_EQ(hex(encoded(kV5, packet)), "e0 01 8b");
  packet.properties = Properties::from_checked(properties);
  EXPECT_EQ(hex(encoded(kV5, packet)), "e0 06 8b 04 1f 00 01 72");
}

TEST(DecodeAuth, NeedsAMethod) {
  expect_verdicts(Sender::Client,
                  {
                      {"continue", kV5, R"(F0 {18 {15 "m" 16 "d"}})", kGood},
                      {"re-authenticate", kV5, R"(F0 {19 {15 "m"}})", kGood},
                      {"§3.15.2.1 success is the server's", kV5, R"(F0 {00 {15 "m"}})", kProtocol},
                      {"§3.15.2.1 success is the server's", kV5, "F0 {}", kProtocol},
                      {"§3.15.2.2.2 no method", kV5, "F0 {18 {}}", kProtocol},
                      {"§3.15.2.2.2 data only", kV5, R"(F0 {18 {16 "d"}})", kProtocol},
                      {"[MQTT-3.15.2-1] other code", kV5, R"(F0 {80 {15 "m"}})", kProtocol},
                      {"[MQTT-2.2.2-1] no properties", kV5, "F0 {18}", kMalformed},
                      {"reserved in 3.1.1", kV311, "F0 {}", kMalformed},
                      {"bytes behind", kV5, R"(F0 {18 {15 "m"} 00})", kMalformed},
                  });
  expect_verdicts(Sender::Server,
                  {
                      {"§3.15.2.1 all left out", kV5, "F0 {}", kGood},
                      {"success", kV5, R"(F0 {00 {15 "m" 1F "r" 26 "n" "v"}})", kGood},
                      {"success and nothing else", kV5, "F0 {00 {}}", kGood},
                      {"§3.15.2.1 the client's", kV5, R"(F0 {19 {15 "m"}})", kProtocol},
                  });
}

TEST(EncodeAuth, WritesTheBytesOfTheStandard) {
  std::string properties;
  PropertyWriter(properties).text(PropertyId::AuthenticationMethod, "m");

  EXPECT_EQ(hex(encoded(kV5, Auth{})), "f0 00");
  EXPECT_EQ(hex(encoded(kV5, Auth{.reason = ReasonCode::ContinueAuthentication,
                                  .properties = Properties::from_checked(properties)})),
            "f0 06 18 04 15 00 01 6d");
}

TEST(DecodePing, HasNoBody) {
  expect_verdicts(Sender::Client, {{"request", kV311, "C0 {}", kGood},
                                   {"request", kV5, "C0 {}", kGood},
                                   {"with body", kV311, "C0 {00}", kMalformed}});
  expect_verdicts(Sender::Server,
                  {{"response", kV311, "D0 {}", kGood}, {"with body", kV5, "D0 {00}", kMalformed}});
}

TEST(EncodePing, WritesTwoBytes) {
  EXPECT_EQ(hex(encoded(kV311, Pingreq{})), "c0 00");
  EXPECT_EQ(hex(encoded(kV311, Pingresp{})), "d0 00");
}

// §2.1.2, table 2-1.
TEST(Decode, RefusesWhatTheOtherSideAloneMaySend) {
  expect_verdicts(Sender::Client, {{"CONNACK", kV5, "20 {0000 {}}", kProtocol},
                                   {"SUBACK", kV311, "90 {0001 00}", kProtocol},
                                   {"UNSUBACK", kV311, "B0 {0001}", kProtocol},
                                   {"PINGRESP", kV5, "D0 {}", kProtocol}});
  expect_verdicts(Sender::Server, {{"CONNECT", kV311, R"(10 {"MQTT" 04 02 003C "c"})", kProtocol},
                                   {"SUBSCRIBE", kV311, R"(82 {0001 "a" 00})", kProtocol},
                                   {"UNSUBSCRIBE", kV5, R"(A2 {0001 {} "a"})", kProtocol},
                                   {"PINGREQ", kV311, "C0 {}", kProtocol}});
}

}  // namespace
}  // namespace sluice::mqtt::test
