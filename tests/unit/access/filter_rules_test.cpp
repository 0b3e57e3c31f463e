// Few rules are looked through and many stand in a tree: both say what each rule says for itself.
#include "broker/access/filter_rules.hpp"

#include <algorithm>
#include <array>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "mqtt/topic.hpp"

namespace sluice::broker {
namespace {

class Drawn {
 public:
  explicit Drawn(unsigned seed) : random_(seed) {}
  std::size_t below(std::size_t bound) {
    return std::uniform_int_distribution<std::size_t>(0, bound - 1)(random_);
  }
  // Of few names, so that they meet; with empty levels and `$`.
  std::string topic() {
    constexpr std::array kLevels{"a", "b", "", "$s"};
    std::string topic = kLevels.at(below(kLevels.size()));
    for (auto more = below(4); more > 0; --more) topic += '/' + std::string(kLevels.at(below(3)));
    return topic.empty() ? "/" : topic;
  }
  std::string filter() {
    std::string filter;
    const auto drawn = topic();
    for (const char character : drawn + '/') {
      if (character == '/' && below(3) == 0) {
        filter.resize(filter.rfind('/') == std::string::npos ? 0 : filter.rfind('/') + 1);
        filter += '+';
      }
      filter += character;
    }
    filter.pop_back();
    if (below(4) == 0) filter = filter.empty() ? "#" : filter + "/#";
    return filter.empty() ? "+" : filter;
  }
  Says says() { return Says(1U << below(19)); }

 private:
  std::mt19937 random_;
};

struct Rule {
  std::string filter;
  Says says;
};

template <class Holds>
Says said_by_each(const std::vector<Rule>& rules, Holds holds) {
  Says says;
  for (const auto& rule : rules)
    if (rule.filter.empty() || holds(rule.filter)) says |= rule.says;
  return says;
}

class FilterRulesOf : public testing::TestWithParam<std::size_t> {};

TEST_P(FilterRulesOf, SayWhatEachSays) {
  for (unsigned seed = 0; seed < 200; ++seed) {
    Drawn drawn(seed);
    std::vector<Rule> each;
    FilterRules rules;
    for (std::size_t i = 0; i < GetParam(); ++i) {
      each.push_back({.filter = drawn.below(20) == 0 ? "" : drawn.filter(), .says = drawn.says()});
      ASSERT_TRUE(each.back().filter.empty() || mqtt::is_valid_topic_filter(each.back().filter))
          << each.back().filter;
      rules.add(each.back().filter, each.back().says);
    }
    rules.make_ready();
    const auto said_on = [&](const std::string& topic) {
      return said_by_each(each, [&](const auto& filter) { return mqtt::matches(filter, topic); });
    };
    const auto said_on_all_of = [&](const std::string& inner) {
      return said_by_each(each, [&](const auto& filter) { return mqtt::covers(filter, inner); });
    };
    for (int question = 0; question < 20; ++question) {
      const auto topic = drawn.topic();
      EXPECT_EQ(rules.on_topic(topic), said_on(topic)) << topic;
      const auto inner = drawn.filter();
      EXPECT_EQ(rules.on_filter(inner), said_on_all_of(inner)) << inner;
    }
    for (const std::string inner : {"#", "/#", "+/#", "/", "$s/#"})
      EXPECT_EQ(rules.on_filter(inner), said_on_all_of(inner)) << inner;
  }
}

INSTANTIATE_TEST_SUITE_P(Rules, FilterRulesOf, testing::Values(1, 8, 9, 100));

}  // namespace
}  // namespace sluice::broker
