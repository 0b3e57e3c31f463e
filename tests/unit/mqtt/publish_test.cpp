#include "unit/mqtt/verdict.hpp"

namespace sluice::mqtt::test {
namespace {

constexpr auto kBadTopic = ReasonCode::TopicNameInvalid;

TEST(DecodePublish, ChecksFlagsAndPacketIdentifier) {
  expect_verdicts(
      Sender::Client,
      {
          {"QoS 0", kV311, R"(30 {"t" 'm'})", kGood},
          {"QoS 1", kV311, R"(32 {"t" 0001 'm'})", kGood},
          {"QoS 2, DUP, retain", kV311, R"(3D {"t" FFFF 'm'})", kGood},
          {"[MQTT-3.3.1-4] QoS 3", kV311, R"(36 {"t" 0001 'm'})", kMalformed},
          {"[MQTT-3.3.1-4] QoS 3", kV5, R"(36 {"t" 0001 {} 'm'})", kMalformed},
          {"[MQTT-3.3.1-2] DUP with QoS 0", kV311, R"(38 {"t" 'm'})", kMalformed},
          {"[MQTT-3.3.1-2] DUP with QoS 0", kV5, R"(38 {"t" {} 'm'})", kMalformed},
          {"[MQTT-2.3.1-1] of 3.1.1: identifier 0", kV311, R"(32 {"t" 0000 'm'})", kProtocol},
          {"[MQTT-2.2.1-3] identifier 0", kV5, R"(34 {"t" 0000 {} 'm'})", kProtocol},
          {"identifier cut off", kV311, R"(32 {"t" 00})", kMalformed},
          {"no identifier", kV5, R"(32 {"t"})", kMalformed},
          {"[MQTT-3.3.2-3] properties missing", kV5, R"(30 {"t"})", kMalformed},
      });
}

TEST(DecodePublish, ChecksTheTopic) {
  expect_verdicts(Sender::Client,
                  {
                      {"no payload", kV311, R"(30 {"t"})", kGood},
                      {"leading $ is for access control", kV311, R"(30 {"$SYS/x"})", kGood},
                      {"one slash", kV311, R"(30 {"/"})", kGood},
                      {"[MQTT-3.3.2-2] #", kV311, R"(30 {"a/#" 'm'})", kBadTopic},
                      {"[MQTT-3.3.2-2] +", kV311, R"(30 {"a/+/b" 'm'})", kBadTopic},
                      {"[MQTT-3.3.2-2] +", kV5, R"(30 {"sport+tennis" {} 'm'})", kBadTopic},
                      {"[MQTT-3.3.2-1] not UTF-8", kV311, R"(30 {0003 61 ED A0})", kMalformed},
                      {"[MQTT-1.5.4-1] surrogate", kV311, R"(30 {0003 ED A0 80})", kMalformed},
                      {"[MQTT-1.5.4-2] NUL", kV5, R"(30 {0003 610062 {}})", kMalformed},
                      {"[MQTT-1.5.4-3] U+FEFF stays", kV311, R"(30 {0004 EFBBBF 61})", kGood},
                      {"[MQTT-4.7.3-1] empty", kV311, R"(30 {"" 'm'})", kMalformed},
                      {"§3.3.2.1 empty without alias", kV5, R"(30 {"" {} 'm'})", kProtocol},
                      {"§3.3.2.1 empty with alias", kV5, R"(30 {"" {23 0001} 'm'})", kGood},
                      {"topic past the end", kV311, R"(30 {0004 'abc'})", kMalformed},
                      {"length cut off", kV311, R"(30 {00})", kMalformed},
                      {"empty packet", kV311, R"(30 {})", kMalformed},
                  });
}

TEST(DecodePublish, ChecksTheProperties) {
  expect_verdicts(
      Sender::Client,
      {
          {"all a client may send", kV5,
           R"(30 {"t" {01 01 02 00000000 23 FFFF 08 "r" 09 0002 00FF 26 "n" "v" 26 "n" "v" 03 "c"}
                  'm'})",
           kGood},
          {"[MQTT-3.3.4-6] subscription identifier", kV5, R"(30 {"t" {0B 01} 'm'})", kProtocol},
          {"[MQTT-3.3.2-8] topic alias 0", kV5, R"(30 {"t" {23 0000} 'm'})", kProtocol},
          {"§3.3.2.3.2 payload format 2", kV5, R"(30 {"t" {01 02} 'm'})", kProtocol},
          {"[MQTT-3.3.2-14] response topic #", kV5, R"(30 {"t" {08 "a/#"} 'm'})", kProtocol},
          {"[MQTT-3.3.2-14] response topic +", kV5, R"(30 {"t" {08 "+"} 'm'})", kProtocol},
          {"[MQTT-4.7.3-1] response topic empty", kV5, R"(30 {"t" {08 ""} 'm'})", kProtocol},
          {"[MQTT-3.3.2-13] response topic not UTF-8", kV5, R"(30 {"t" {08 0001 FF} 'm'})",
           kMalformed},
          {"[MQTT-3.3.2-19] content type not UTF-8", kV5, R"(30 {"t" {03 0001 FF} 'm'})",
           kMalformed},
          {"§3.3.2.3.3 expiry twice", kV5, R"(30 {"t" {02 00000001 02 00000001} 'm'})", kProtocol},
          {"§2.2.2.2 a property of CONNECT", kV5, R"(30 {"t" {21 0001} 'm'})", kMalformed},
          {"value cut off", kV5, R"(30 {"t" {02 000000} 'm'})", kMalformed},
          {"length past the end", kV5, R"(30 {"t" 05 0101})", kMalformed},
      });
}

TEST(DecodePublish, LetsTheServerSayWhichSubscriptionsMatched) {
  expect_verdicts(
      Sender::Server,
      {
          {"§3.3.2.3.8 two of them", kV5, R"(30 {"t" {0B 01 0B FFFFFF7F} 'm'})", kGood},
          {"§3.3.2.3.8 zero", kV5, R"(30 {"t" {0B 00} 'm'})", kProtocol},
          {"[MQTT-1.5.5-1] not minimal", kV5, R"(30 {"t" {0B 8100} 'm'})", kMalformed},
          {"[MQTT-1.5.5-1] five bytes", kV5, R"(30 {"t" {0B 8080808001} 'm'})", kMalformed},
      });
}

TEST(DecodePublish, ReadsEveryField) {
  std::string storage;

  const auto packet =
      decoded_as<Publish>(kV5, Sender::Client, R"(3B {"a/b" 1234 {26 "n" "v"} 00FF})", storage);

  EXPECT_EQ(packet.topic, "a/b");
  EXPECT_EQ(packet.payload, std::string_view("\0\xFF", 2));
  EXPECT_EQ(packet.qos, Qos::AtLeastOnce);
  EXPECT_TRUE(packet.dup);
  EXPECT_TRUE(packet.retain);
  EXPECT_EQ(packet.packet_id, 0x1234);
  EXPECT_EQ(hex(packet.properties.encoded()), "26 00 01 6e 00 01 76");
}

TEST(EncodePublish, WritesTheBytesOfTheStandard) {
  std::string properties;
  PropertyWriter(properties).number(PropertyId::PayloadFormatIndicator, 1);
  Publish packet;
  packet.topic = "a/b";
  packet.payload = "m";
  packet.packet_id = 10;
  packet.properties = Properties::from_checked(properties);

  EXPECT_EQ(hex(encoded(kV311, packet)), "30 06 00 03 61 2f 62 6d");
  EXPECT_EQ(hex(encoded(kV5, packet)), "30 09 00 03 61 2f 62 02 01 01 6d");
  packet.qos = Qos::ExactlyOnce;
  packet.dup = true;
  packet.retain = true;
  EXPECT_EQ(hex(encoded(kV31, packet)), "3d 08 00 03 61 2f 62 00 0a 6d");
  EXPECT_EQ(hex(encoded(kV5, packet)), "3d 0b 00 03 61 2f 62 00 0a 02 01 01 6d");
}

TEST(EncodePublish, HeadAndPayloadMakeThePacket) {
  const std::string before = "kept";
  // Remaining lengths on both sides of every step of the variable byte integer. [MQTT-1.5.5-1]
  for (const std::size_t size : {0UL, 1UL, 123UL, 124UL, 125UL, 126UL, 16'379UL, 16'380UL, 16'381UL,
                                 2'097'147UL, 2'097'148UL, 2'097'149UL}) {
    const std::string payload(size, 'p');
    Publish packet;
    packet.topic = "t";
    packet.payload = payload;
    std::string whole = before;
    std::string head = before;

    encode(whole, kV311, packet);
    encode_publish_head(head, kV311, packet, payload.size());

    EXPECT_EQ(whole.size(), before.size() + encoded_size(kV311, packet));
    EXPECT_TRUE(whole == head + payload) << size;
    const auto again = decoded(kV311, Sender::Server, std::string_view(whole).substr(4));
    ASSERT_TRUE(again && *again) << size;
    EXPECT_TRUE(std::get<Publish>(**again) == packet) << size;
  }
}

}  // namespace
}  // namespace sluice::mqtt::test
