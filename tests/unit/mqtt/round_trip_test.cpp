#include <array>
#include <random>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "unit/mqtt/random_packets.hpp"

namespace sluice::mqtt::test {
namespace {

constexpr std::uint64_t kSeed = 20'260'101;

struct Side {
  Version version;
  Sender sender;
};
constexpr std::array kSides{
    Side{Version::V31, Sender::Client},  Side{Version::V31, Sender::Server},
    Side{Version::V311, Sender::Client}, Side{Version::V311, Sender::Server},
    Side{Version::V5, Sender::Client},   Side{Version::V5, Sender::Server}};

// Calls visit(version, sender, packet) for `count` packets of each version and each sender.
template <class Visit>
void for_each_packet(int count, const Visit& visit) {
  for (const auto& [version, sender] : kSides) {
    RandomPackets packets(kSeed);
    for (int i = 0; i < count; ++i) {
      SCOPED_TRACE(testing::Message()
                   << "seed " << kSeed << ", version " << static_cast<int>(version) << ", sender "
                   << static_cast<int>(sender) << ", packet " << i);
      visit(version, sender, packets.next(version, sender));
      if (testing::Test::HasFailure()) return;
    }
  }
}

TEST(RoundTrip, DecodesWhatItEncoded) {
  std::set<std::size_t> types;
  for_each_packet(4'000, [&](Version version, Sender sender, const Packet& packet) {
    types.insert(packet.index());
    const ExactCopy wire(encoded(version, packet));

    const auto again = decoded(version, sender, wire.view());

    ASSERT_TRUE(again) << hex(wire.view());
    ASSERT_TRUE(*again) << name_of(again->error()) << ": " << hex(wire.view());
    EXPECT_TRUE(**again == packet) << hex(wire.view());
    EXPECT_EQ(hex(encoded(version, **again)), hex(wire.view()));
  });

  EXPECT_EQ(types.size(), std::variant_size_v<Packet>);
}

TEST(RoundTrip, AsksForMoreAtEveryByteOfAPacket) {
  for_each_packet(150, [](Version version, Sender, const Packet& packet) {
    const std::string wire = encoded(version, packet);
    for (std::size_t size = 0; size < wire.size(); ++size) {
      const ExactCopy part(std::string_view(wire).substr(0, size));

      const auto frame = next_frame(part.view(), 1'000'000, version);

      ASSERT_TRUE(frame) << name_of(frame.error());
      ASSERT_FALSE(*frame);
      const auto total = frame_size(part.view());
      if (total) ASSERT_EQ(*total, wire.size());
    }
  });
}

// A body that ends early, with a header that says so, is either refused or another valid packet.
TEST(RoundTrip, DoesNotReadPastABodyThatEndsEarly) {
  for_each_packet(300, [](Version version, Sender sender, const Packet& packet) {
    const std::string wire = encoded(version, packet);
    const auto whole = next_frame(wire, 1'000'000, version).value().value();
    for (std::size_t size = 0; size < whole.body.size(); ++size) {
      const ExactCopy body(whole.body.substr(0, size));
      Frame frame = whole;
      frame.body = body.view();

      const auto outcome = decode(version, sender, frame);

      if (!outcome) continue;
      const ExactCopy again(encoded(version, *outcome));
      const auto same = decoded(version, sender, again.view());
      ASSERT_TRUE(same && *same);
      ASSERT_TRUE(**same == *outcome) << hex(body.view());
    }
  });
}

TEST(RoundTrip, SurvivesBytesThatChanged) {
  std::mt19937_64 random(kSeed);
  int refused = 0;
  int accepted = 0;
  for_each_packet(3'000, [&](Version version, Sender sender, const Packet& packet) {
    std::string wire = encoded(version, packet);
    for (int i = 0; i < 3; ++i) wire[random() % wire.size()] = static_cast<char>(random());
    const ExactCopy copy(wire);
    const auto frame = next_frame(copy.view(), 1'000'000, version);
    if (!frame || !*frame) return;

    const auto outcome = decode(version, sender, **frame);

    ++(outcome ? accepted : refused);
    if (!outcome) return;
    const ExactCopy again(encoded(version, *outcome));
    const auto same = decoded(version, sender, again.view());
    ASSERT_TRUE(same && *same) << hex(wire);
    ASSERT_TRUE(**same == *outcome) << hex(wire);
  });

  EXPECT_GT(refused, 100);
  EXPECT_GT(accepted, 100);
}

}  // namespace
}  // namespace sluice::mqtt::test
