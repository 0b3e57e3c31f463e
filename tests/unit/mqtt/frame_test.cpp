#include "unit/mqtt/verdict.hpp"

namespace sluice::mqtt::test {
namespace {

constexpr std::size_t kLarge = 300'000'000;

[[nodiscard]] ReasonCode refusal(std::string_view notation, Version version = kV311) {
  const auto frame = next_frame(bytes(notation), kLarge, version);
  return frame ? ReasonCode::Success : frame.error();
}

// [MQTT-2.1.3-1] and §2.1.3, table 2-2: the first byte decides, before anything else is there.
TEST(NextFrame, RefusesReservedTypesAndFlags) {
  for (unsigned first = 0; first < 256; ++first) {
    const unsigned type = first >> 4;
    const unsigned flags = first & 0x0F;
    const bool has_two = type == 6 || type == 8 || type == 10;
    const bool is_allowed = type == 3 || (type != 0 && flags == (has_two ? 2U : 0U));
    const std::string packet(1, static_cast<char>(first));

    const auto frame = next_frame(packet, kLarge);

    EXPECT_EQ(frame.has_value(), is_allowed) << first;
    if (!frame) EXPECT_EQ(frame.error(), kMalformed);
    if (frame) EXPECT_FALSE(*frame) << "one byte is no packet";
  }
}

TEST(NextFrame, KnowsTheDupFlagOfMqtt31) {
  EXPECT_EQ(refusal("6A {0001}", kV31), kGood);
  EXPECT_EQ(refusal(R"(8A {0001 "a" 00})", kV31), kGood);
  EXPECT_EQ(refusal(R"(AA {0001 "a"})", kV31), kGood);
  EXPECT_EQ(refusal("6A {0001}", kV311), kMalformed);
  EXPECT_EQ(refusal("6A {0001}", kV5), kMalformed);
  EXPECT_EQ(refusal("6B {0001}", kV31), kMalformed);
  EXPECT_EQ(refusal("4A {0001}", kV31), kMalformed);
}

TEST(NextFrame, ReadsRemainingLengthsOfOneToFourBytes) {
  struct Length {
    std::size_t value;
    std::string_view encoded;
  };
  // §1.5.5, table 1-1.
  for (const auto& [value, encoded] :
       {Length{0, "00"}, Length{127, "7F"}, Length{128, "8001"}, Length{16'383, "FF7F"},
        Length{16'384, "808001"}, Length{2'097'151, "FFFF7F"}, Length{2'097'152, "80808001"},
        Length{268'435'455, "FFFFFF7F"}}) {
    const std::string head = bytes("30" + std::string(encoded));

    EXPECT_EQ(frame_size(head), head.size() + value);
    const auto frame = next_frame(head, kLarge);
    ASSERT_TRUE(frame);
    EXPECT_EQ(frame->has_value(), value == 0);
  }
}

TEST(NextFrame, RefusesRemainingLengthsThatAreNoneAtOnce) {
  EXPECT_EQ(refusal("30 80 00"), kMalformed);           // [MQTT-1.5.5-1] not minimal
  EXPECT_EQ(refusal("30 FF 80 00"), kMalformed);        // [MQTT-1.5.5-1]
  EXPECT_EQ(refusal("30 FF FF 80 00"), kMalformed);     // [MQTT-1.5.5-1]
  EXPECT_EQ(refusal("30 FF FF FF FF"), kMalformed);     // §1.5.5 more than four bytes
  EXPECT_EQ(refusal("30 80 80 80 80 01"), kMalformed);  // §1.5.5
}

TEST(NextFrame, RefusesAPacketThatIsTooLargeBeforeItsBodyIsThere) {
  const std::string head = bytes("30 80 01");  // 131 bytes in all

  EXPECT_EQ(next_frame(head, 130).error(), ReasonCode::PacketTooLarge);
  EXPECT_TRUE(next_frame(head, 131).has_value());
  EXPECT_EQ(next_frame(bytes("C0 00"), 1).error(), ReasonCode::PacketTooLarge);
}

TEST(NextFrame, TakesOnePacketAndLeavesTheNext) {
  const std::string two = bytes(R"(32 {"t" 0001 'm'} C0 {})");

  const auto first = next_frame(two, kLarge);
  ASSERT_TRUE(first && *first);
  const auto second = next_frame(std::string_view(two).substr((*first)->size), kLarge);
  ASSERT_TRUE(second && *second);

  EXPECT_EQ((*first)->type, PacketType::Publish);
  EXPECT_EQ((*first)->flags, 2);
  EXPECT_EQ((*first)->body, bytes(R"("t" 0001 'm')"));
  EXPECT_EQ((*first)->size, 8U);
  EXPECT_EQ((*second)->type, PacketType::Pingreq);
  EXPECT_TRUE((*second)->body.empty());
  EXPECT_EQ((*second)->size, 2U);
}

TEST(NextFrame, AsksForMoreAtEveryByteButTheLast) {
  std::string whole = "\x30";
  append_varint(whole, 203);
  whole += bytes(R"("t")") + std::string(200, 'x');
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const ExactCopy part(std::string_view(whole).substr(0, size));

    const auto frame = next_frame(part.view(), kLarge);

    ASSERT_TRUE(frame) << size;
    EXPECT_FALSE(*frame) << size;
    const auto total = frame_size(part.view());
    EXPECT_EQ(total.has_value(), size >= 3) << size;
    if (total) EXPECT_EQ(*total, whole.size());
  }
  EXPECT_TRUE(next_frame(whole, kLarge).value().has_value());
}

}  // namespace
}  // namespace sluice::mqtt::test
