#include "unit/mqtt/verdict.hpp"

namespace sluice::mqtt::test {
namespace {

TEST(DecodeSubscribe, ChecksTheList) {
  expect_verdicts(
      Sender::Client,
      {
          {"one", kV311, R"(82 {0001 "a" 00})", kGood},
          {"two", kV5, R"(82 {0001 {} "a" 02 "b/#" 01})", kGood},
          {"[MQTT-3.8.3-3] of 3.1.1: none", kV311, "82 {0001}", kProtocol},
          {"[MQTT-3.8.3-2] none", kV5, "82 {0001 {}}", kProtocol},
          {"[MQTT-2.3.1-1] of 3.1.1: identifier 0", kV311, R"(82 {0000 "a" 00})", kProtocol},
          {"[MQTT-2.2.1-3] identifier 0", kV5, R"(82 {0000 {} "a" 00})", kProtocol},
          {"[MQTT-3.8.3-1] not UTF-8", kV311, R"(82 {0001 0001 80 00})", kMalformed},
          {"[MQTT-1.5.4-2] NUL", kV5, R"(82 {0001 {} 0001 00 00})", kMalformed},
          {"options missing", kV311, R"(82 {0001 "a"})", kMalformed},
          {"second filter cut off", kV311, R"(82 {0001 "a" 00 0002 'b'})", kMalformed},
          {"an invalid filter is answered in SUBACK", kV5, R"(82 {0001 {} "a/#/b" 00})", kGood},
          {"and so is an empty one", kV5, R"(82 {0001 {} "" 00})", kGood},
          {"subscription identifier", kV5, R"(82 {0001 {0B 01 26 "n" "v"} "a" 00})", kGood},
          {"§3.8.2.1.2 identifier 0", kV5, R"(82 {0001 {0B 00} "a" 00})", kProtocol},
          {"§3.8.2.1.2 twice", kV5, R"(82 {0001 {0B 01 0B 02} "a" 00})", kProtocol},
          {"§2.2.2.2 reason string", kV5, R"(82 {0001 {1F "r"} "a" 00})", kMalformed},
      });
}

TEST(DecodeSubscribe, ChecksTheOptions) {
  expect_verdicts(
      Sender::Client,
      {
          {"[MQTT-3-8.3-4] of 3.1.1: QoS 3", kV311, R"(82 {0001 "a" 03})", kMalformed},
          {"[MQTT-3-8.3-4] of 3.1.1: no local", kV311, R"(82 {0001 "a" 04})", kMalformed},
          {"[MQTT-3-8.3-4] of 3.1.1: highest bit", kV311, R"(82 {0001 "a" 80})", kMalformed},
          {"unused in 3.1", kV31, R"(82 {0001 "a" FC})", kGood},
          {"3.1: QoS 3", kV31, R"(82 {0001 "a" 03})", kMalformed},
          {"all", kV5, R"(82 {0001 {} "a" 2E})", kGood},
          {"§3.8.3.1 QoS 3", kV5, R"(82 {0001 {} "a" 03})", kProtocol},
          {"§3.8.3.1 retain handling 3", kV5, R"(82 {0001 {} "a" 30})", kProtocol},
          {"[MQTT-3.8.3-5] bit 6", kV5, R"(82 {0001 {} "a" 40})", kMalformed},
          {"[MQTT-3.8.3-5] bit 7", kV5, R"(82 {0001 {} "a" 80})", kMalformed},
          {"[MQTT-3.8.3-4] no local, shared", kV5, R"(82 {0001 {} "$share/g/a" 04})", kProtocol},
          {"no local, not quite shared", kV5, R"(82 {0001 {} "$shared/g/a" 04})", kGood},
          {"shared", kV5, R"(82 {0001 {} "$share/g/a" 02})", kGood},
      });
}

TEST(DecodeSubscribe, ReadsEveryField) {
  std::string storage;

  const auto packet = decoded_as<Subscribe>(
      kV5, Sender::Client, R"(82 {0102 {0B 07} "a/+" 2D "$share/g/#" 12})", storage);

  EXPECT_EQ(packet.packet_id, 0x0102);
  EXPECT_EQ(packet.properties.number(PropertyId::SubscriptionIdentifier), 7U);
  ASSERT_EQ(packet.subscriptions.size(), 2U);
  EXPECT_EQ(packet.subscriptions.capacity(), 2U);
  EXPECT_EQ(packet.subscriptions[0], (SubscriptionRequest{.filter = "a/+",
                                                          .qos = Qos::AtLeastOnce,
                                                          .no_local = true,
                                                          .retain_as_published = true,
                                                          .retain_handling = 2}));
  EXPECT_EQ(packet.subscriptions[1], (SubscriptionRequest{.filter = "$share/g/#",
                                                          .qos = Qos::ExactlyOnce,
                                                          .no_local = false,
                                                          .retain_as_published = false,
                                                          .retain_handling = 1}));
}

TEST(EncodeSubscribe, WritesTheBytesOfTheStandard) {
  Subscribe packet;
  packet.packet_id = 10;
  packet.subscriptions = {{.filter = "a",
                           .qos = Qos::AtLeastOnce,
                           .no_local = true,
                           .retain_as_published = true,
                           .retain_handling = 2},
                          {.filter = "b",
                           .qos = Qos::ExactlyOnce,
                           .no_local = false,
                           .retain_as_published = false,
                           .retain_handling = 0}};

  EXPECT_EQ(hex(encoded(kV311, packet)), "82 0a 00 0a 00 01 61 01 00 01 62 02");
  EXPECT_EQ(hex(encoded(kV5, packet)), "82 0b 00 0a 00 00 01 61 2d 00 01 62 02");
}

TEST(DecodeUnsubscribe, ChecksTheList) {
  expect_verdicts(Sender::Client,
                  {
                      {"one", kV311, R"(A2 {0001 "a"})", kGood},
                      {"two", kV5, R"(A2 {0001 {26 "n" "v"} "a" "b"})", kGood},
                      {"[MQTT-3.10.3-2] none", kV311, "A2 {0001}", kProtocol},
                      {"[MQTT-3.10.3-2] none", kV5, "A2 {0001 {}}", kProtocol},
                      {"[MQTT-2.2.1-3] identifier 0", kV5, R"(A2 {0000 {} "a"})", kProtocol},
                      {"[MQTT-3.10.3-1] not UTF-8", kV5, R"(A2 {0001 {} 0001 C0})", kMalformed},
                      {"cut off", kV311, R"(A2 {0001 "a" 00})", kMalformed},
                      {"§2.2.2.2 identifier", kV5, R"(A2 {0001 {0B 01} "a"})", kMalformed},
                  });
}

TEST(DecodeSuback, AllowsItsOwnReasons) {
  expect_verdicts(Sender::Server,
                  {
                      {"all of 3.1.1", kV311, "90 {0001 00010280}", kGood},
                      {"[MQTT-3.9.3-2] of 3.1.1: reserved", kV311, "90 {0001 03}", kProtocol},
                      {"[MQTT-3.9.3-2] of 3.1.1: of 5.0", kV311, "90 {0001 87}", kProtocol},
                      {"all of 5.0", kV5, "90 {0001 {} 0001028083878F91979EA1A2}", kGood},
                      {"[MQTT-3.9.3-2] of UNSUBACK", kV5, "90 {0001 {} 11}", kProtocol},
                      {"none", kV5, "90 {0001 {}}", kProtocol},
                      {"none", kV311, "90 {0001}", kProtocol},
                      {"identifier 0", kV5, "90 {0000 {} 00}", kProtocol},
                      {"reason string", kV5, R"(90 {0001 {1F "r" 26 "n" "v"} 00})", kGood},
                  });
}

TEST(DecodeUnsuback, AllowsItsOwnReasons) {
  expect_verdicts(Sender::Server,
                  {
                      {"3.1.1", kV311, "B0 {0001}", kGood},
                      {"3.1.1 has no reasons", kV311, "B0 {0001 00}", kMalformed},
                      {"all of 5.0", kV5, "B0 {0001 {} 00118083878F91}", kGood},
                      {"[MQTT-3.11.3-2] of SUBACK", kV5, "B0 {0001 {} 01}", kProtocol},
                      {"none", kV5, "B0 {0001 {}}", kProtocol},
                      {"identifier 0", kV311, "B0 {0000}", kProtocol},
                  });
}

TEST(EncodeSuback, SpeaksTheCodesOfEachVersion) {
  const Suback packet{
      .packet_id = 10,
      .properties = {},
      .reasons = {ReasonCode::Success, ReasonCode::GrantedQos2, ReasonCode::TopicFilterInvalid}};

  EXPECT_EQ(hex(encoded(kV311, packet)), "90 05 00 0a 00 02 80");
  EXPECT_EQ(hex(encoded(kV5, packet)), "90 06 00 0a 00 00 02 8f");
}

TEST(EncodeUnsubscribe, WritesTheBytesOfTheStandard) {
  const Unsubscribe packet{.packet_id = 10, .properties = {}, .filters = {"a", "b/c"}};
  const Unsuback answer{.packet_id = 10,
                        .properties = {},
                        .reasons = {ReasonCode::Success, ReasonCode::NoSubscriptionExisted}};

  EXPECT_EQ(hex(encoded(kV311, packet)), "a2 0a 00 0a 00 01 61 00 03 62 2f 63");
  EXPECT_EQ(hex(encoded(kV5, packet)), "a2 0b 00 0a 00 00 01 61 00 03 62 2f 63");
  EXPECT_EQ(hex(encoded(kV311, answer)), "b0 02 00 0a");
  EXPECT_EQ(hex(encoded(kV5, answer)), "b0 05 00 0a 00 00 11");
}

}  // namespace
}  // namespace sluice::mqtt::test
