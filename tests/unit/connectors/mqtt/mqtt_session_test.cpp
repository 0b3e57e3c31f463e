#include "connectors/mqtt/mqtt_session.hpp"

#include <gtest/gtest.h>

namespace sluice::connectors::bridge {
namespace {

TEST(SessionNote, ComesBackAsItWasKept) {
  const SessionNote note{
      .server = "b:1883", .client_id = "c", .subscriptions = {"a/#", "$share/g/b"}};
  EXPECT_EQ(SessionNote::from_text(note.to_text()), note);
}

TEST(SessionNote, OfWhatCannotBeUnderstoodNothingIsKnown) {
  for (const auto* text : {"", "[]", "{", R"({"subscriptions": 3})", R"({"client_id": 1})"})
    EXPECT_EQ(SessionNote::from_text(text), SessionNote()) << text;
}

TEST(FilterOf, LeavesOutTheGroup) {
  EXPECT_EQ(filter_of("a/b"), "a/b");
  EXPECT_EQ(filter_of("$share/g/a/b"), "a/b");
  EXPECT_EQ(filter_of("$share/g//b"), "/b");
}

struct Pair {
  const char* one;
  const char* other;
  bool overlap;
};

TEST(MayOverlap, SaysWhetherATopicMatchesBoth) {
  for (const auto& [one, other, overlap] : {
           Pair{"a", "a", true},
           Pair{"a", "b", false},
           Pair{"a/#", "b/#", false},
           Pair{"a/#", "a", true},
           Pair{"a/#", "a/b/c", true},
           Pair{"#", "x/y", true},
           Pair{"a/+", "a", false},
           Pair{"a/+", "+/b", true},
           Pair{"a/+/c", "a/b", false},
           Pair{"a/+/c", "a/#", true},
           Pair{"a/b/#", "a", false},
           Pair{"+", "/a", false},
           Pair{"+/+", "/a", true},
           Pair{"a/b/#", "a/+", true},
           Pair{"a/", "a", false},
       }) {
    EXPECT_EQ(may_overlap(one, other), overlap) << one << " " << other;
    EXPECT_EQ(may_overlap(other, one), overlap) << other << " " << one;
  }
}

}  // namespace
}  // namespace sluice::connectors::bridge
