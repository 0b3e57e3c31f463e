// Connections and tasks that are changed while messages flow.
#include <algorithm>

#include <boost/json/serialize.hpp>

#include "connect/merge_patch.hpp"
#include "service_fixture.hpp"

namespace sluice::connect {
namespace {

class EditTest : public ServiceTest {
 protected:
  Outcome<json::object> change_connection(std::string_view patch, ConnectionChange how = {}) {
    return service->change_connection("c", parsed(patch), how);
  }
  Outcome<json::object> change_task(std::string_view patch) {
    return service->change_task("t", parsed(patch));
  }
  bool arrives(std::size_t count) {
    return eventually([&] { return other_side.count() == count; });
  }
  // Everything that was published, once and in order.
  void expect_all(int count) {
    ASSERT_TRUE(arrives(static_cast<std::size_t>(count)));
    const auto arrived = other_side.arrived();
    for (int i = 0; i < count; ++i)
      EXPECT_EQ(arrived[static_cast<std::size_t>(i)].value, std::to_string(i));
  }
  void publish_to(const std::string& topic, const std::string& payload) {
    queues->publish({.topic = topic, .payload = payload});
  }
  std::vector<std::string> values() {
    std::vector<std::string> all;
    for (const auto& record : other_side.arrived()) all.push_back(record.value);
    return all;
  }
};

TEST(MergePatch, LaysMembersOverAndTakesNullsAway) {
  const auto merged = [](std::string_view target, std::string_view patch) {
    return json::serialize(
        merge_patch(json::parse(target).as_object(), json::parse(patch).as_object()));
  };

  EXPECT_EQ(merged(R"({"a":1,"b":{"c":2,"d":3}})", R"({"a":null,"b":{"c":4}})"),
            R"({"b":{"c":4,"d":3}})");
  EXPECT_EQ(merged(R"({"a":[1,2]})", R"({"a":[3]})"), R"({"a":[3]})");
  EXPECT_EQ(merged(R"({"a":"x"})", R"({"a":{"b":null,"c":1}})"), R"({"a":{"c":1}})");
}

TEST_F(EditTest, ANewPasswordRestartsTheTasksWithoutLossOrRepetition) {
  create_both();
  publish(50);
  ASSERT_TRUE(arrives(50));
  publish(25);
  const auto before = service->connection("c")->at("updated").as_string();

  const auto changed = change_connection(R"({"settings":{"password":"another"}})");

  ASSERT_TRUE(changed) << changed.error().detail;
  EXPECT_EQ(changed->at("settings").at("password").as_string(), "***");
  EXPECT_EQ(changed->at("settings").at("address").as_string(), "here");
  EXPECT_NE(changed->at("updated").as_string(), before);
  publish(25);
  expect_all(100);
  EXPECT_EQ(other_side.last_connection().at("password").as_string(), "another");
}

TEST_F(EditTest, AMaskThatComesBackKeepsTheSecret) {
  create_both();

  ASSERT_TRUE(change_connection(R"({"description":"d","settings":{"password":"***"}})"));

  ASSERT_TRUE(eventually([&] { return status() == "running"; }));
  EXPECT_EQ(other_side.last_connection().at("password").as_string(), "s3cret");
}

TEST_F(EditTest, TasksThatAreNotRestartedKeepTheOldSettingsUntilTheyStartAgain) {
  create_both();
  ASSERT_TRUE(eventually([&] { return status() == "running"; }));
  ASSERT_TRUE(
      change_connection(R"({"settings":{"password":"another"}})", {.restart_tasks = false}));
  EXPECT_EQ(other_side.last_connection().at("password").as_string(), "s3cret");

  ASSERT_TRUE(service->pause_task("t"));
  ASSERT_TRUE(service->start_task("t"));

  ASSERT_TRUE(eventually([&] { return status() == "running"; }));
  EXPECT_EQ(other_side.last_connection().at("password").as_string(), "another");
}

TEST_F(EditTest, AConnectionThatCannotBeReachedIsNotSaved) {
  create_both();

  const auto refused = change_connection(R"({"settings":{"address":"nowhere"}})");

  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "verification_failed");
  EXPECT_EQ(service->connection("c")->at("settings").at("address").as_string(), "here");
  EXPECT_EQ(change_connection(R"({"settings":{"adress":"here"}})").error().code,
            "invalid_document");
  EXPECT_EQ(change_connection(R"({"type":"other"})").error().code, "invalid_document");
  EXPECT_EQ(service->change_connection("x", {}, {}).error().code, "not_found");
}

TEST_F(EditTest, ARenamedConnectionKeepsItsTasksAndTheirCursors) {
  create_both();
  publish(40);
  ASSERT_TRUE(arrives(40));
  EXPECT_EQ(
      change_connection(R"({"name":"renamed"})", {.restart_tasks = false}).error().fields.size(),
      1U);
  ASSERT_TRUE(service->create_connection(connection("other"), {}));
  EXPECT_EQ(change_connection(R"({"name":"other"})").error().code, "name_taken");

  ASSERT_TRUE(change_connection(R"({"name":"renamed"})"));
  publish(40);

  expect_all(80);
  EXPECT_EQ(service->task("t")->at("group").as_string(), "group-renamed-t");
  EXPECT_EQ(service->task("t")->at("sink").at("connection").as_string(), "renamed");
  EXPECT_TRUE(service->owns_group("group-renamed-t"));
  EXPECT_FALSE(service->owns_group("group-c-t"));
  EXPECT_EQ(service->remove_connection("renamed").error().code, "connection_in_use");

  service.reset();
  store.crash();
  start();
  publish(20);
  expect_all(100);
  EXPECT_EQ(service->task("t")->at("group").as_string(), "group-renamed-t");
}

TEST_F(EditTest, AConnectionInUseNamesItsTasks) {
  create_both();
  ASSERT_TRUE(service->create_task(task("u")));

  const auto refused = service->remove_connection("c");

  EXPECT_NE(refused.error().detail.find("`t`"), std::string::npos) << refused.error().detail;
  EXPECT_NE(refused.error().detail.find("`u`"), std::string::npos) << refused.error().detail;
}

TEST_F(EditTest, ATaskGoesOnByItsNewDocumentWhereItStopped) {
  create_both();
  publish(50);
  ASSERT_TRUE(arrives(50));
  other_side.hold(true);
  publish(10);
  ASSERT_TRUE(eventually([&] { return other_side.handed_over() == 60; }));
  other_side.hold(false);

  const auto changed = change_task(R"({"name":"renamed","map":{"topic":"elsewhere"}})");

  ASSERT_TRUE(changed) << changed.error().detail;
  EXPECT_EQ(changed->at("group").as_string(), "group-c-renamed");
  EXPECT_EQ(service->task("t").error().code, "not_found");
  publish(40);
  expect_all(100);
  EXPECT_EQ(other_side.arrived().front().topic, "a");
  EXPECT_EQ(other_side.arrived().back().topic, "elsewhere");
  EXPECT_TRUE(eventually(  // what has arrived is counted a moment later
      [&] { return service->task("renamed")->at("delivered").to_number<int>() >= 100; }));
  EXPECT_NE(metrics.exposition().find("task=\"renamed\""), std::string::npos);
  EXPECT_EQ(metrics.exposition().find("task=\"t\""), std::string::npos);
}

TEST_F(EditTest, ATaskIsPausedAndStartedByItsDocumentToo) {
  create_both();

  ASSERT_TRUE(change_task(R"({"enabled":false,"description":"waits"})"));
  EXPECT_EQ(status(), "paused");
  publish(5);
  EXPECT_EQ(service->task("t")->at("lag_messages").to_number<int>(), 5);
  ASSERT_TRUE(change_task(R"({"description":"still"})"));
  EXPECT_EQ(status(), "paused");
  ASSERT_TRUE(change_task(R"({"enabled":true})"));

  expect_all(5);
}

TEST_F(EditTest, AWrongDocumentChangesNothing) {
  create_both();
  ASSERT_TRUE(service->create_task(task("u")));

  EXPECT_EQ(change_task(R"({"map":{"topic":"${"}})").error().code, "invalid_document");
  EXPECT_EQ(change_task(R"({"name":"u"})").error().code, "name_taken");
  EXPECT_EQ(change_task(R"({"sink":{"connection":"x"}})").error().fields.front().pointer,
            "/sink/connection");
  EXPECT_EQ(change_task(R"({"map":{"key":"${topic}"}})").error().code, "order_needs_key");
  publish(10);

  ASSERT_TRUE(arrives(20));  // both tasks
  EXPECT_TRUE(eventually([&] { return status() == "running"; }));
}

// Messages that nobody had asked for before the edit are not delivered by it.
TEST_F(EditTest, AnAddedFilterCountsFromNowOn) {
  create_both();
  publish_to("b/1", "before");
  publish_to("a/1", "one");
  publish_to("b/1", "before, too");
  ASSERT_TRUE(arrives(1));

  ASSERT_TRUE(change_task(R"({"source":{"filters":["a/#","b/#"]}})"));
  publish_to("b/1", "two");
  publish_to("a/1", "three");

  ASSERT_TRUE(arrives(3));
  EXPECT_EQ(values(), (std::vector<std::string>{"one", "two", "three"}));
}

TEST_F(EditTest, WhatWaitsForTheOldFiltersIsDeliveredBesideTheNew) {
  create_both();
  ASSERT_TRUE(service->pause_task("t"));
  publish_to("a/1", "waits");
  publish_to("b/1", "not asked for");
  publish_to("a/1", "waits, too");

  ASSERT_TRUE(change_task(R"({"source":{"filters":["b/#","a/#"]}})"));
  service.reset();  // it is kept, too
  store.crash();
  start();
  publish_to("b/1", "asked for");
  ASSERT_TRUE(service->start_task("t"));

  ASSERT_TRUE(arrives(3));
  EXPECT_EQ(values(), (std::vector<std::string>{"waits", "waits, too", "asked for"}));
}

TEST_F(EditTest, AFilterThatIsGoneCountsNoMore) {
  auto document = task();
  document["source"].as_object()["filters"] = json::array{"a/#", "b/#"};
  ASSERT_TRUE(service->create_connection(connection(), {}));
  ASSERT_TRUE(service->create_task(document));
  ASSERT_TRUE(service->pause_task("t"));
  publish_to("b/1", "no more");
  publish_to("a/1", "still");

  ASSERT_TRUE(change_task(R"({"source":{"filters":["a/#"]},"enabled":true})"));

  ASSERT_TRUE(arrives(1));
  EXPECT_EQ(values(), (std::vector<std::string>{"still"}));
  EXPECT_EQ(queues->open(), 1U);
}

TEST_F(EditTest, OtherFiltersAltogetherBeginNow) {
  create_both();
  ASSERT_TRUE(service->pause_task("t"));
  publish_to("a/1", "no more");
  publish_to("b/1", "not yet");

  ASSERT_TRUE(change_task(R"({"source":{"filters":["b/#"]},"enabled":true})"));
  publish_to("b/1", "now");

  ASSERT_TRUE(arrives(1));
  EXPECT_EQ(values(), (std::vector<std::string>{"now"}));
}

TEST_F(EditTest, ACopyHasItsOwnNameAndWaitsToBeStarted) {
  create_both();

  EXPECT_EQ(service->copy_task("t", {}).error().fields.front().pointer, "/name");
  const auto copy = service->copy_task("t", parsed(R"({"name":"u","map":{"topic":"copied"}})"));

  ASSERT_TRUE(copy) << copy.error().detail;
  EXPECT_EQ(copy->at("status").as_string(), "paused");
  EXPECT_EQ(copy->at("map").at("topic").as_string(), "copied");
  EXPECT_EQ(copy->at("source"), service->task("t")->at("source"));
  EXPECT_NE(copy->at("id"), service->task("t")->at("id"));
}

TEST_F(EditTest, WhatIsBeingDeletedIsNotSavedAgain) {
  create_both();
  const auto id = std::string(service->task("t")->at("id").as_string());

  ASSERT_TRUE(service->remove_task("t"));

  EXPECT_EQ(service->start_task("t").error().code, "not_found");
  EXPECT_FALSE(*store.get(store::StateKind::Document, "task/" + id));
}

}  // namespace
}  // namespace sluice::connect
