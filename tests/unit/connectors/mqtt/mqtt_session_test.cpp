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

}  // namespace
}  // namespace sluice::connectors::bridge
