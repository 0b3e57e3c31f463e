#include <gtest/gtest.h>

#include "base/schema.hpp"

namespace sluice::schema {
namespace {

const std::vector<std::string> kKnown = {"bootstrap_servers", "durability", "tcp", "type",
                                         "security_protocol"};

TEST(Nearest, FindsTheNameThatWasMeant) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"durabilty", "durability"},                 // left out
      {"durabiliity", "durability"},               // twice
      {"durabiltiy", "durability"},                // swapped
      {"bootstrap-servers", "bootstrap_servers"},  // other punctuation
      {"bootstrap.servers", "bootstrap_servers"},
      {"Bootstrap_Server", "bootstrap_servers"},
      {"tpc", "tcp"},
      {"typ", "type"}};
  for (const auto& [wrong, meant] : cases) EXPECT_EQ(nearest(wrong, kKnown), meant) << wrong;
}

TEST(Nearest, SuggestsNothingThatIsFarAway) {
  for (const auto* wrong : {"", "x", "password", "ab", "protocol"}) {
    EXPECT_EQ(nearest(wrong, kKnown), std::nullopt) << wrong;
  }
}

TEST(Nearest, DoesNotWorkOnNamesOfAnyLength) {
  EXPECT_EQ(nearest(std::string(1'000'000, 'a'), {std::string(1'000'000, 'a')}), std::nullopt);
}

TEST(ChildPointer, EscapesTildeAndSlash) {  // RFC 6901, 3
  EXPECT_EQ(child_pointer("", "a"), "/a");
  EXPECT_EQ(child_pointer("/a", "b/c"), "/a/b~1c");
  EXPECT_EQ(child_pointer("", "m~n"), "/m~0n");
  EXPECT_EQ(child_pointer("/a", ""), "/a/");
}

}  // namespace
}  // namespace sluice::schema
