#include "broker/sorted_blocks.hpp"

#include <map>
#include <memory>
#include <random>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::broker::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

struct Named {
  std::string name;
};
std::string_view name_of(const Named& named) {
  return named.name;
}
using Order = SortedBlocks<Named, name_of>;

std::vector<std::string> names_from(const Order& order, std::string_view name,
                                    std::size_t most = SIZE_MAX) {
  std::vector<std::string> found;
  order.each_from(name, [&](Named& named) {
    if (found.size() == most) return false;
    found.push_back(named.name);
    return true;
  });
  return found;
}

TEST(SortedBlocks, GiveWhatStandsFromANameOn) {
  Order order;
  EXPECT_THAT(names_from(order, ""), IsEmpty());
  order.erase("nobody");
  Named b{"b"}, a{"a"}, d{"d"};
  for (auto* each : {&b, &a, &d}) order.insert(*each);

  EXPECT_THAT(names_from(order, ""), ElementsAre("a", "b", "d"));
  EXPECT_THAT(names_from(order, "b"), ElementsAre("b", "d"));
  EXPECT_THAT(names_from(order, std::string_view("b\0", 2)), ElementsAre("d"));
  EXPECT_THAT(names_from(order, "", 2), ElementsAre("a", "b"));
  order.erase("b");
  order.erase("c");
  EXPECT_THAT(names_from(order, ""), ElementsAre("a", "d"));
}

TEST(SortedBlocks, AreAsASortedMapWhateverComesAndGoes) {
  std::mt19937 random(4711);  // NOLINT(cert-msc51-cpp): the same each time
  Order order;
  std::map<std::string, std::unique_ptr<Named>> all;
  const auto expect_same = [&](const std::string& from) {
    std::vector<std::string> wanted;
    for (auto it = all.lower_bound(from); it != all.end(); ++it) wanted.push_back(it->first);
    ASSERT_EQ(names_from(order, from), wanted);
  };
  for (const int share_of_new : {90, 50, 5, 70}) {  // of a hundred steps
    for (int i = 0; i < 20'000; ++i) {
      const auto name = "device-" + std::to_string(random() % 30'000);
      const auto known = all.find(name);
      if (static_cast<int>(random() % 100) < share_of_new) {
        if (known != all.end()) continue;
        order.insert(*(all[name] = std::make_unique<Named>(Named{name})));
      } else if (known != all.end()) {
        order.erase(name);
        all.erase(known);
      }
    }
    expect_same("");
    for (int i = 0; i < 5; ++i) expect_same("device-" + std::to_string(random() % 30'000));
  }
  while (!all.empty()) {
    order.erase(all.begin()->first);
    all.erase(all.begin());
  }
  expect_same("");
}

}  // namespace
}  // namespace sluice::broker::test
