#include "unit/mqtt/verdict.hpp"

namespace sluice::mqtt::test {
namespace {

constexpr auto kUnsupported = ReasonCode::UnsupportedProtocolVersion;

TEST(DecodeConnect, KnowsThreeProtocolsAndNoOther) {
  expect_verdicts(
      Sender::Client,
      {
          {"MQTT 3.1", kV31, R"(10 {"MQIsdp" 03 02 003C "c"})", kGood},
          {"MQTT 3.1.1", kV311, R"(10 {"MQTT" 04 02 003C "c"})", kGood},
          {"MQTT 5.0", kV5, R"(10 {"MQTT" 05 02 003C {} "c"})", kGood},
          {"[MQTT-3.1.2-1] other name", kV5, R"(10 {"MQTX" 05 02 003C {} "c"})", kUnsupported},
          {"[MQTT-3.1.2-1] case", kV5, R"(10 {"mqtt" 05 02 003C {} "c"})", kUnsupported},
          {"[MQTT-3.1.2-1] no name", kV5, R"(10 {"" 05 02 003C {} "c"})", kUnsupported},
          {"[MQTT-3.1.2-1] name of 3.1", kV311, R"(10 {"MQIsdp" 04 02 003C "c"})", kUnsupported},
          {"[MQTT-3.1.2-2] level of 3.1", kV31, R"(10 {"MQTT" 03 02 003C "c"})", kUnsupported},
          {"[MQTT-3.1.2-2] level 6", kV5, R"(10 {"MQTT" 06 02 003C {} "c"})", kUnsupported},
          {"[MQTT-3.1.2-2] level 0", kV5, R"(10 {"MQTT" 00 02 003C {} "c"})", kUnsupported},
          {"bridge bit", kV311, R"(10 {"MQTT" 84 02 003C "c"})", kUnsupported},
          {"bridge bit 3.1", kV31, R"(10 {"MQIsdp" 83 02 003C "c"})", kUnsupported},
          {"name cut off", kV311, R"(10 {0004 'MQT'})", kMalformed},
          {"level missing", kV311, R"(10 {"MQTT"})", kMalformed},
          {"empty", kV311, "10 {}", kMalformed},
      });
}

TEST(DecodeConnect, ChecksTheFlags) {
  expect_verdicts(
      Sender::Client,
      {
          {"[MQTT-3.1.2-3] reserved", kV311, R"(10 {"MQTT" 04 03 003C "c"})", kMalformed},
          {"[MQTT-3.1.2-3] reserved", kV5, R"(10 {"MQTT" 05 03 003C {} "c"})", kMalformed},
          {"unused in 3.1", kV31, R"(10 {"MQIsdp" 03 03 003C "c"})", kGood},
          {"[MQTT-3.1.2-11] will QoS without will", kV311, R"(10 {"MQTT" 04 0A 003C "c"})",
           kMalformed},
          {"[MQTT-3.1.2-11] will QoS without will", kV5, R"(10 {"MQTT" 05 0A 003C {} "c"})",
           kMalformed},
          {"[MQTT-3.1.2-13] will retain without will", kV311, R"(10 {"MQTT" 04 22 003C "c"})",
           kMalformed},
          {"[MQTT-3.1.2-13] will retain without will", kV5, R"(10 {"MQTT" 05 22 003C {} "c"})",
           kMalformed},
          {"[MQTT-3.1.2-12] will QoS 3", kV311, R"(10 {"MQTT" 04 1E 003C "c" "w" "m"})",
           kMalformed},
          {"[MQTT-3.1.2-12] will QoS 3", kV5, R"(10 {"MQTT" 05 1E 003C {} "c" {} "w" "m"})",
           kMalformed},
          {"[MQTT-3.1.2-12] will QoS 2", kV311, R"(10 {"MQTT" 04 16 003C "c" "w" "m"})", kGood},
          {"[MQTT-3.1.2-22] 3.1.1 password alone", kV311, R"(10 {"MQTT" 04 42 003C "c" "p"})",
           kMalformed},
          {"3.1 password alone", kV31, R"(10 {"MQIsdp" 03 42 003C "c" "p"})", kMalformed},
          {"password alone is new in 5.0", kV5, R"(10 {"MQTT" 05 42 003C {} "c" "p"})", kGood},
      });
}

TEST(DecodeConnect, ChecksThePayload) {
  expect_verdicts(
      Sender::Client,
      {
          {"[MQTT-3.1.3-3] no client id", kV311, R"(10 {"MQTT" 04 02 003C})", kMalformed},
          {"[MQTT-3.1.3-3] no client id", kV5, R"(10 {"MQTT" 05 02 003C {}})", kMalformed},
          {"an empty client id is for the broker", kV311, R"(10 {"MQTT" 04 02 003C ""})", kGood},
          {"[MQTT-3.1.3-4] not UTF-8", kV311, R"(10 {"MQTT" 04 02 003C 0001 FF})", kMalformed},
          {"[MQTT-1.5.4-2] NUL", kV311, R"(10 {"MQTT" 04 02 003C 0001 00})", kMalformed},
          {"[MQTT-3.1.2-7] will missing", kV311, R"(10 {"MQTT" 04 06 003C "c"})", kMalformed},
          {"[MQTT-3.1.2-9] will message missing", kV311, R"(10 {"MQTT" 04 06 003C "c" "w"})",
           kMalformed},
          {"[MQTT-3.1.3-11] will topic not UTF-8", kV311,
           R"(10 {"MQTT" 04 06 003C "c" 0002 C080 "m"})", kMalformed},
          {"will payload is any bytes", kV311, R"(10 {"MQTT" 04 06 003C "c" "w" 0002 00FF})",
           kGood},
          {"will payload may be empty", kV311, R"(10 {"MQTT" 04 06 003C "c" "w" ""})", kGood},
          {"[MQTT-4.7.3-1] will topic empty", kV311, R"(10 {"MQTT" 04 06 003C "c" "" "m"})",
           kMalformed},
          {"[MQTT-4.7.3-1] will topic empty", kV5, R"(10 {"MQTT" 05 06 003C {} "c" {} "" "m"})",
           kProtocol},
          {"[MQTT-4.7.1-1] wildcard in will topic", kV5,
           R"(10 {"MQTT" 05 06 003C {} "c" {} "a/#" "m"})", ReasonCode::TopicNameInvalid},
          {"[MQTT-3.1.3-12] user name not UTF-8", kV311, R"(10 {"MQTT" 04 82 003C "c" 0002 C328})",
           kMalformed},
          {"[MQTT-3.1.2-17] user name missing", kV311, R"(10 {"MQTT" 04 82 003C "c"})", kMalformed},
          {"[MQTT-3.1.2-17] user name missing", kV5, R"(10 {"MQTT" 05 82 003C {} "c"})",
           kMalformed},
          {"3.1: the remaining length counts more", kV31, R"(10 {"MQIsdp" 03 82 003C "c"})", kGood},
          {"3.1: password missing", kV31, R"(10 {"MQIsdp" 03 C2 003C "c" "u"})", kGood},
          {"3.1: user name cut off", kV31, R"(10 {"MQIsdp" 03 82 003C "c" 00})", kMalformed},
          {"[MQTT-3.1.2-19] password missing", kV311, R"(10 {"MQTT" 04 C2 003C "c" "u"})",
           kMalformed},
          {"password is any bytes", kV311, R"(10 {"MQTT" 04 C2 003C "c" "u" 0002 00FF})", kGood},
          {"[MQTT-3.1.2-16] user name without flag", kV311, R"(10 {"MQTT" 04 02 003C "c" "u"})",
           kMalformed},
          {"bytes behind the packet", kV5, R"(10 {"MQTT" 05 02 003C {} "c" 00})", kMalformed},
          {"properties in 3.1.1", kV311, R"(10 {"MQTT" 04 02 003C {} "c"})", kMalformed},
      });
}

TEST(DecodeConnect, ChecksTheProperties) {
  expect_verdicts(
      Sender::Client,
      {
          {"all of them", kV5,
           R"(10 {"MQTT" 05 02 003C {11 FFFFFFFF 21 0001 27 00000001 22 0000 19 01 17 00
                  26 "n" "v" 26 "n" "v" 15 "m" 16 "d"} "c"})",
           kGood},
          {"§3.1.2.11.10 data without method", kV5, R"(10 {"MQTT" 05 02 003C {16 "d"} "c"})",
           kProtocol},
          {"§3.1.2.11.3 receive maximum 0", kV5, R"(10 {"MQTT" 05 02 003C {21 0000} "c"})",
           kProtocol},
          {"§3.1.2.11.4 maximum packet size 0", kV5, R"(10 {"MQTT" 05 02 003C {27 00000000} "c"})",
           kProtocol},
          {"§3.1.2.11.6 value 2", kV5, R"(10 {"MQTT" 05 02 003C {19 02} "c"})", kProtocol},
          {"§3.1.2.11.7 value 2", kV5, R"(10 {"MQTT" 05 02 003C {17 02} "c"})", kProtocol},
          {"§2.2.2.2 will delay outside the will", kV5,
           R"(10 {"MQTT" 05 02 003C {18 00000001} "c"})", kMalformed},
          {"all of the will", kV5,
           R"(10 {"MQTT" 05 06 003C {} "c" {18 00000005 01 01 02 0000000A 03 "t" 08 "r" 09 "c"
                  26 "n" "v"} "w" "m"})",
           kGood},
          {"§2.2.2.2 topic alias in the will", kV5,
           R"(10 {"MQTT" 05 06 003C {} "c" {23 0001} "w" "m"})", kMalformed},
          {"[MQTT-3.3.2-14] response topic", kV5,
           R"(10 {"MQTT" 05 06 003C {} "c" {08 "r/+"} "w" "m"})", kProtocol},
          {"length past the end", kV5, R"(10 {"MQTT" 05 02 003C 7F "c"})", kMalformed},
      });
}

TEST(DecodeConnect, ReadsEveryField) {
  std::string storage;

  const auto packet = decoded_as<Connect>(
      kV5, Sender::Client,
      R"(10 {"MQTT" 05 EC 1234 {21 000A} "id" {18 00000007} "will" 0002 00FF "user" 0001 FE})",
      storage);

  EXPECT_EQ(packet.version, Version::V5);
  EXPECT_FALSE(packet.clean_start);
  EXPECT_EQ(packet.keep_alive_s, 0x1234);
  EXPECT_EQ(packet.client_id, "id");
  EXPECT_EQ(packet.username, "user");
  EXPECT_EQ(packet.password, "\xFE");
  EXPECT_EQ(packet.properties.number(PropertyId::ReceiveMaximum), 10U);
  ASSERT_TRUE(packet.will);
  EXPECT_EQ(packet.will->topic, "will");
  EXPECT_EQ(packet.will->payload, std::string_view("\0\xFF", 2));
  EXPECT_EQ(packet.will->qos, Qos::AtLeastOnce);
  EXPECT_TRUE(packet.will->retain);
  EXPECT_EQ(packet.will->properties.number(PropertyId::WillDelayInterval), 7U);
}

TEST(DecodeConnect, TellsTheVersionOfABrokenPacket) {
  EXPECT_EQ(version_of_connect(bytes(R"("MQTT" 05 FF)")), Version::V5);
  EXPECT_EQ(version_of_connect(bytes(R"("MQTT" 04)")), Version::V311);
  EXPECT_EQ(version_of_connect(bytes(R"("MQIsdp" 03)")), Version::V31);
  EXPECT_EQ(version_of_connect(bytes(R"("MQTT" 06 FF)")), std::nullopt);
  EXPECT_EQ(version_of_connect(bytes(R"("MQTT")")), std::nullopt);
}

TEST(EncodeConnect, WritesTheBytesOfTheStandard) {
  std::string properties;
  PropertyWriter(properties).number(PropertyId::SessionExpiryInterval, 10);  // figure 3-6
  Connect packet;
  packet.client_id = "id";
  packet.keep_alive_s = 10;
  packet.username = "u";
  packet.password = "p";
  packet.will =
      Will{.topic = "w", .payload = "m", .qos = Qos::AtLeastOnce, .retain = true, .properties = {}};
  packet.properties = Properties::from_checked(properties);

  packet.version = Version::V31;
  EXPECT_EQ(hex(encoded(kV31, packet)),
            "10 1c 00 06 4d 51 49 73 64 70 03 ee 00 0a 00 02 69 64 00 01 77 00 01 6d 00 01 75 00 "
            "01 70");
  packet.version = Version::V311;
  EXPECT_EQ(hex(encoded(kV311, packet)),
            "10 1a 00 04 4d 51 54 54 04 ee 00 0a 00 02 69 64 00 01 77 00 01 6d 00 01 75 00 01 70");
  packet.version = Version::V5;
  EXPECT_EQ(hex(encoded(kV5, packet)),
            "10 21 00 04 4d 51 54 54 05 ee 00 0a 05 11 00 00 00 0a 00 02 69 64 00 00 01 77 00 01 "
            "6d 00 01 75 00 01 70");
}

TEST(DecodeConnack, ChecksFlagsAndCodes) {
  expect_verdicts(
      Sender::Server,
      {
          {"accepted", kV311, "20 {0000}", kGood},
          {"session present", kV311, "20 {0100}", kGood},
          {"[MQTT-3.2.2-1] reserved bits", kV311, "20 {0200}", kMalformed},
          {"[MQTT-3.2.2-1] reserved bits", kV5, "20 {8000 {}}", kMalformed},
          {"unused in 3.1", kV31, "20 {FF00}", kGood},
          {"[MQTT-3.2.2-4] of 3.1.1: present and refused", kV311, "20 {0105}", kProtocol},
          {"[MQTT-3.2.2-6] present and refused", kV5, "20 {0187 {}}", kProtocol},
          {"last return code", kV311, "20 {0005}", kGood},
          {"reserved return code", kV311, "20 {0006}", kMalformed},
          {"properties in 3.1.1", kV311, "20 {0000 {}}", kMalformed},
          {"properties missing", kV5, "20 {0000}", kMalformed},
          {"[MQTT-3.2.2-8] code of another packet", kV5, "20 {0092 {}}", kProtocol},
          {"[MQTT-3.2.2-8] return code of 3.1.1", kV5, "20 {0005 {}}", kProtocol},
          {"code missing", kV5, "20 {00}", kMalformed},
          {"all properties", kV5,
           R"(20 {0100 {11 00000001 21 0001 24 01 25 00 27 00000001 12 "id" 22 0001 1F "r"
                  26 "n" "v" 28 01 29 01 2A 00 13 0001 1A "i" 1C "s" 15 "m" 16 "d"}})",
           kGood},
          {"§3.2.2.3.4 maximum QoS 2", kV5, "20 {0000 {24 02}}", kProtocol},
          {"§3.2.2.3.5 retain available 2", kV5, "20 {0000 {25 02}}", kProtocol},
          {"§2.2.2.2 a property of CONNECT", kV5, "20 {0000 {17 01}}", kMalformed},
      });
}

TEST(EncodeConnack, SpeaksTheCodesOfEachVersion) {
  const Connack refused{.session_present = false, .reason = ReasonCode::Banned, .properties = {}};
  const Connack resumed{.session_present = true, .reason = ReasonCode::Success, .properties = {}};

  EXPECT_EQ(hex(encoded(kV5, refused)), "20 03 00 8a 00");
  EXPECT_EQ(hex(encoded(kV311, refused)), "20 02 00 05");
  EXPECT_EQ(hex(encoded(kV5, resumed)), "20 03 01 00 00");
  EXPECT_EQ(hex(encoded(kV311, resumed)), "20 02 01 00");
  EXPECT_EQ(hex(encoded(kV31, resumed)), "20 02 00 00");  // has no session present
}

}  // namespace
}  // namespace sluice::mqtt::test
