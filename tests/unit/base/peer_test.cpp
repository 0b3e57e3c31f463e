#include "base/peer.hpp"

#include <gtest/gtest.h>

#include "base/line_limit.hpp"

namespace sluice {
namespace {

TEST(Peer, IsAnIpv4AddressOrAnIpv6Network) {
  EXPECT_EQ(peer_of("192.0.2.1"), "192.0.2.1");
  EXPECT_EQ(peer_of("::ffff:192.0.2.1"), "192.0.2.1");
  EXPECT_EQ(peer_of("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
  EXPECT_EQ(peer_of("2001:DB8:1:2::"), "2001:db8:1:2::/64");
  EXPECT_EQ(peer_of("fe80::1%eth0"), "fe80::/64");
  EXPECT_EQ(peer_of("::1"), "::/64");
  EXPECT_EQ(peer_of("no address"), "no address");
  EXPECT_EQ(peer_of(""), "");
}

TEST(RecentMapTest, ForgetsWhatWasNotAskedForTheLongest) {
  RecentMap<int> map(2);
  map["a"] = 1;
  map["b"] = 2;
  ASSERT_NE(map.find("a"), nullptr);
  map["c"] = 3;

  EXPECT_EQ(map.size(), 2U);
  EXPECT_EQ(map.find("b"), nullptr);
  EXPECT_EQ(*map.find("a"), 1);
  EXPECT_EQ(map["c"], 3);
}

class MovedClock final : public Clock {
 public:
  [[nodiscard]] std::int64_t wall_ms() const override { return 0; }
  [[nodiscard]] std::chrono::steady_clock::time_point steady() const override { return now; }
  std::chrono::steady_clock::time_point now;
};

TEST(LineLimitTest, IsDueOnceAMinuteForEachPeer) {
  MovedClock clock;
  LineLimit limit(clock);
  EXPECT_EQ(limit.due("a"), 0U);
  EXPECT_EQ(limit.due("a"), std::nullopt);
  EXPECT_EQ(limit.due("a"), std::nullopt);
  EXPECT_EQ(limit.due("b"), 0U);
  clock.now += LineLimit::kInterval;
  EXPECT_EQ(limit.due("a"), 2U);
  EXPECT_EQ(limit.due("a"), std::nullopt);
}

}  // namespace
}  // namespace sluice
