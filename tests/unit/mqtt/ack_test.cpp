#include "unit/mqtt/verdict.hpp"

namespace sluice::mqtt::test {
namespace {

TEST(DecodeAck, TakesBodiesOfTwoThreeAndMoreBytes) {
  expect_verdicts(
      Sender::Client,
      {
          {"PUBACK", kV311, "40 {0001}", kGood},
          {"PUBREC", kV311, "50 {0001}", kGood},
          {"PUBREL", kV311, "62 {0001}", kGood},
          {"PUBCOMP", kV311, "70 {0001}", kGood},
          {"3.1.1 has no reason", kV311, "40 {0001 00}", kMalformed},
          {"3.1 has no reason", kV31, "50 {0001 00}", kMalformed},
          {"§3.4.2.1 reason left out", kV5, "40 {0001}", kGood},
          {"§3.4.2.2.1 properties left out", kV5, "40 {0001 10}", kGood},
          {"properties empty", kV5, "40 {0001 00 {}}", kGood},
          {"properties", kV5, R"(40 {0001 87 {1F "why" 26 "n" "v"}})", kGood},
          {"[MQTT-2.2.1-3] identifier 0", kV5, "40 {0000}", kProtocol},
          {"[MQTT-2.3.1-1] of 3.1.1: identifier 0", kV311, "62 {0000}", kProtocol},
          {"one byte", kV5, "40 {00}", kMalformed},
          {"empty", kV311, "40 {}", kMalformed},
          {"bytes behind", kV5, "40 {0001 00 {} 00}", kMalformed},
          {"§3.4.2.2.2 reason string twice", kV5, R"(40 {0001 00 {1F "a" 1F "b"}})", kProtocol},
          {"§2.2.2.2 a property of PUBLISH", kV5, R"(40 {0001 00 {03 "t"}})", kMalformed},
      });
}

TEST(DecodeAck, AllowsEachPacketItsOwnReasons) {
  expect_verdicts(Sender::Client,
                  {
                      {"[MQTT-3.4.2-1]", kV5, "40 {0001 99}", kGood},
                      {"[MQTT-3.4.2-1] granted QoS", kV5, "40 {0001 01}", kProtocol},
                      {"[MQTT-3.4.2-1] of PUBREL", kV5, "40 {0001 92}", kProtocol},
                      {"[MQTT-3.5.2-1]", kV5, "50 {0001 91}", kGood},
                      {"[MQTT-3.5.2-1] of PUBREL", kV5, "50 {0001 92}", kProtocol},
                      {"[MQTT-3.6.2-1]", kV5, "62 {0001 92}", kGood},
                      {"[MQTT-3.6.2-1] of PUBREC", kV5, "62 {0001 10}", kProtocol},
                      {"[MQTT-3.7.2-1]", kV5, "70 {0001 92}", kGood},
                      {"[MQTT-3.7.2-1] of PUBACK", kV5, "70 {0001 80}", kProtocol},
                      {"not a code at all", kV5, "70 {0001 FF}", kProtocol},
                  });
}

TEST(EncodeAck, LeavesOutWhatSaysNothing) {
  std::string properties;
  PropertyWriter(properties).text(PropertyId::ReasonString, "r");
  Ack packet;
  packet.type = PacketType::Pubrel;
  packet.packet_id = 0x0102;

  EXPECT_EQ(hex(encoded(kV311, packet)), "62 02 01 02");
  EXPECT_EQ(hex(encoded(kV5, packet)), "62 02 01 02");
  packet.reason = ReasonCode::PacketIdentifierNotFound;
  EXPECT_EQ(hex(encoded(kV311, packet)), "62 02 01 02");
  EXPECT_EQ(hex(encoded(kV5, packet)), "62 03 01 02 92");
  packet.properties = Properties::from_checked(properties);
  EXPECT_EQ(hex(encoded(kV5, packet)), "62 08 01 02 92 04 1f 00 01 72");
  packet.reason = ReasonCode::Success;
  packet.type = PacketType::Puback;
  EXPECT_EQ(hex(encoded(kV5, packet)), "40 08 01 02 00 04 1f 00 01 72");
}

}  // namespace
}  // namespace sluice::mqtt::test
