// A page of the subscriptions of all clients, from parts that several workers have seen.
#include "broker/client_page.hpp"

#include <algorithm>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::broker {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Place = std::pair<std::string, std::string>;

constexpr auto kNothing = [] { return boost::json::object{}; };

std::vector<Place> places(const ClientPage::Whole& page) {
  std::vector<Place> found;
  for (const auto& row : page.rows) found.emplace_back(row.client_id, row.filter);
  return found;
}

// A page as the workers make it: `parts` of them, each of which has seen its share in any order.
ClientPage::Whole page_of(const std::vector<Place>& all, std::size_t parts, std::size_t limit,
                          const Place& after = {}) {
  std::vector<ClientPage> pages(parts, ClientPage(limit));
  for (const auto& place : all)
    if (place > after)
      pages[std::hash<std::string>()(place.first) % parts].add(place.first, place.second, kNothing);
  return ClientPage::merge(std::move(pages), limit);
}

TEST(ClientPage, HoldsTheFirstByClientAndFilter) {
  const std::vector<Place> all = {{"c", "x"}, {"a", "z"}, {"b", "y"}, {"a", "b"}};

  EXPECT_THAT(places(page_of(all, 2, 3)),
              ElementsAre(Place("a", "b"), Place("a", "z"), Place("b", "y")));
  EXPECT_TRUE(page_of(all, 2, 3).more);
  EXPECT_FALSE(page_of(all, 2, 4).more);
  EXPECT_THAT(places(page_of({}, 2, 4)), IsEmpty());
  EXPECT_FALSE(page_of({}, 2, 4).more);
}

TEST(ClientPage, MakesNothingOfWhatStandsBehindIt) {
  ClientPage page(1);
  int shown = 0;
  const auto show = [&] {
    ++shown;
    return boost::json::object{};
  };
  EXPECT_TRUE(page.add("b", "x", show));
  EXPECT_TRUE(page.add("a", "x", show));

  EXPECT_FALSE(page.add("c", "x", show));
  EXPECT_FALSE(page.may_take("c"));
  EXPECT_TRUE(page.may_take("a"));
  EXPECT_EQ(shown, 2);
}

TEST(ClientPage, GoesOverEverythingOncePageByPage) {
  std::mt19937 random(20260301);
  std::vector<Place> all;
  for (int i = 0; i < 300; ++i)
    all.emplace_back("c" + std::to_string(random() % 40), "f" + std::to_string(i));
  auto sorted = all;
  std::ranges::sort(sorted);

  for (const std::size_t limit : {1U, 7U, 300U}) {
    std::vector<Place> seen;
    ClientPage::Whole page;
    do {
      std::ranges::shuffle(all, random);
      page = page_of(all, 3, limit, seen.empty() ? Place() : seen.back());
      ASSERT_FALSE(page.rows.empty());
      for (const auto& place : places(page)) seen.push_back(place);
    } while (page.more);
    EXPECT_EQ(seen, sorted) << limit;
  }
}

TEST(ClientPage, IsShortWhenItsFiltersAreLongAndLeavesNothingOut) {
  const std::string longest(65'000, 'f');
  std::vector<Place> all;
  for (int i = 0; i < 150; ++i) all.emplace_back("c" + std::to_string(i), longest);
  for (int i = 0; i < 50; ++i) all.emplace_back("c" + std::to_string(i), "short");
  auto sorted = all;
  std::ranges::sort(sorted);
  std::vector<Place> seen;
  ClientPage::Whole page;
  do {
    page = page_of(all, 2, 1000, seen.empty() ? Place() : seen.back());
    ASSERT_FALSE(page.rows.empty());
    std::size_t bytes = 0;
    for (const auto& place : places(page)) {
      bytes += place.first.size() + place.second.size();
      seen.push_back(place);
    }
    EXPECT_LE(bytes, ClientPage::kMostBytes);
  } while (page.more);
  EXPECT_EQ(seen, sorted);
}

}  // namespace
}  // namespace sluice::broker
