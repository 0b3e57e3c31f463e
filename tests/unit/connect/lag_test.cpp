// What waits for a task whose filters overlap.
#include "service_fixture.hpp"

namespace sluice::connect {
namespace {

class LagTest : public ServiceTest {
 protected:
  LagTest() { EXPECT_TRUE(service->create_connection(connection(), {.is_wanted = false})); }
  // Paused: all that is published waits.
  void create(std::string_view name, const json::array& filters) {
    auto document = task(name);
    document["enabled"] = false;
    document["source"].as_object()["filters"] = filters;
    const auto made = service->create_task(document);
    ASSERT_TRUE(made) << made.error().detail;
  }
  int lag(std::string_view name) {
    return service->task(name)->at("lag_messages").to_number<int>();
  }
};

TEST_F(LagTest, CountsOnceWhatAWiderFilterOfTheTaskHasToo) {
  create("wide_first", {"a/#", "a/b"});
  create("wide_last", {"a/b", "a/+", "a/#", "c"});
  create("same", {"#", "+/#"});
  publish(5);  // to a/b
  queues->publish({.topic = "a/b/c"});
  queues->publish({.topic = "c"});

  EXPECT_EQ(lag("wide_first"), 6);
  EXPECT_EQ(lag("wide_last"), 7);
  EXPECT_EQ(lag("same"), 7);
}

// An upper bound: neither of them has all that the other has.
TEST_F(LagTest, CountsTwiceWhatTwoFiltersShareInPart) {
  create("t", {"a/+", "+/b"});
  publish(5);  // to a/b
  queues->publish({.topic = "a/c"});

  EXPECT_EQ(lag("t"), 11);
}

// The narrower one's queue was there before, for another task, and holds what the task need not
// have.
TEST_F(LagTest, CountsFromWhereTheTaskBegins) {
  create("narrow", {"a/b"});
  publish(3);
  create("t", {"a/#", "a/b"});
  publish(2);
  EXPECT_EQ(lag("narrow"), 5);
  EXPECT_EQ(lag("t"), 2);

  // What waited before a filter was added is `back_fill_bytes`.
  ASSERT_TRUE(service->change_task("narrow", parsed(R"({"source":{"filters":["a/b","a/#"]}})")));
  publish(1);
  EXPECT_EQ(lag("narrow"), 1);
  EXPECT_EQ(lag("t"), 3);
}

TEST_F(LagTest, ComesDownToNothing) {
  create("t", {"a/#", "a/b"});
  publish(20);
  ASSERT_TRUE(service->start_task("t"));

  EXPECT_TRUE(eventually([&] { return other_side.count() == 20 && lag("t") == 0; }));
}

}  // namespace
}  // namespace sluice::connect
