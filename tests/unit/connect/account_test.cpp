// Tasks that run as a user: checked before they are saved, held while a right is missing.
#include <gmock/gmock.h>

#include "connect/task_account.hpp"
#include "service_fixture.hpp"
#include "support/scripted_accounts.hpp"
#include "taking_intake.hpp"

namespace sluice::connect {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class AccountTest : public ServiceTest {
 protected:
  AccountTest() {
    service.reset();
    start_with_accounts();
    EXPECT_TRUE(service->create_connection(connection(), {.is_wanted = false}));
  }
  ~AccountTest() override { service.reset(); }
  void start_with_accounts() {
    queues = std::make_unique<test::MemoryQueues>(store);
    service = std::make_unique<Service>(store, *queues, registry, clock, metrics,
                                        Options{.node_name = "node-a",
                                                .on_task_change =
                                                    [this](const TaskChange& change) {
                                                      const std::scoped_lock lock(mutex);
                                                      told_states.emplace_back(
                                                          name_of(change.state), change.reason);
                                                    },
                                                .intake = &intake_here,
                                                .accounts = &accounts});
    ASSERT_TRUE(service->start());
  }
  static json::object task_of(std::string_view account, std::string_view name = "t") {
    auto document = task(name);
    document["account"] = account;
    return document;
  }
  std::vector<std::string> refused(const json::object& document, TaskCreation how = {}) {
    const auto made = service->create_task(document, how);
    if (made) return {"none: it was made"};
    std::vector<std::string> all{made.error().code};
    for (const auto& field : made.error().fields)
      all.push_back(field.pointer + ": " + field.detail);
    return all;
  }
  bool is(std::string_view wanted) {
    return eventually([&] { return status() == wanted; });
  }
  std::string reason() { return std::string(service->task("t")->at("status_reason").as_string()); }
  std::uint64_t figure(std::string_view name) {
    return service->task("t")->at(name).to_number<std::uint64_t>();
  }
  bool arrives(std::size_t count) {
    return eventually([&] { return other_side.count() == count; });
  }
  bool keeps_account() {
    return store.get(store::StateKind::Document, "test-account/task-t")->has_value();
  }
  static json::object copying_task(std::string_view topic) {
    auto document = task_of("reader");
    change(document, "/delivery/dead_letter_copy",
           json::object{{"type", "local"}, {"topic", topic}});
    return document;
  }
  json::object copies() { return service->task("t")->at("dead_letter_copies").as_object(); }
  bool has_copies(int copied, int refused) {
    return eventually([&] {
      const auto now = copies();
      return now.at("copied").to_number<int>() == copied &&
             now.at("refused").to_number<int>() == refused;
    });
  }
  void expect_all(int count) {
    ASSERT_TRUE(arrives(static_cast<std::size_t>(count)));
    const auto arrived = other_side.arrived();
    for (int i = 0; i < count; ++i)
      EXPECT_EQ(arrived[static_cast<std::size_t>(i)].value, std::to_string(i));
  }

  test::ScriptedAccounts accounts;
  TakingIntake intake_here;
  std::mutex mutex;  // guards the next
  std::vector<std::pair<std::string, std::string>> told_states;
};

TEST_F(AccountTest, IsNotSavedWithoutItsRights) {
  accounts.allow("reader", {.reads = {"b/#"}, .publishes = {}, .denied = {}});

  EXPECT_THAT(refused(task_of("nobody")),
              ElementsAre("account_lacks_right", "/account: there is no user `nobody`"));
  auto document = task_of("reader");
  document["source"].as_object()["filters"] = json::array{"b/#", "a/#"};
  EXPECT_THAT(refused(document), ElementsAre("account_lacks_right",
                                             "/source/filters/1: the account `reader` may not "
                                             "subscribe to `a/#`: no policy allows it"));
  EXPECT_TRUE(service->tasks().empty());
  document["source"].as_object()["filters"] = json::array{"b/#"};
  EXPECT_TRUE(service->create_task(document));
}

TEST_F(AccountTest, AsksNobodyWithoutOne) {
  ASSERT_TRUE(service->create_task(task()));
  publish(3);

  expect_all(3);
  EXPECT_EQ(service->task("t")->at("account").as_string(), "");
  EXPECT_FALSE(service->task("t")->at("account_made").as_bool());
}

TEST_F(AccountTest, IsMadeWithTheTaskAndGoesWithIt) {
  const auto made = service->create_task(task(), {.makes_account = true});

  ASSERT_TRUE(made) << made.error().detail;
  EXPECT_EQ(made->at("account").as_string(), "task-t");
  EXPECT_TRUE(made->at("account_made").as_bool());
  EXPECT_THAT(accounts.wishes().front().resources, ElementsAre("a/#"));
  EXPECT_FALSE(accounts.wishes().front().publishes);
  EXPECT_TRUE(keeps_account());
  publish(2);
  expect_all(2);
  ASSERT_TRUE(service->change_task("t", parsed(R"({"name":"t2"})")));

  ASSERT_TRUE(service->remove_task("t2"));
  EXPECT_FALSE(accounts.has("task-t"));
  EXPECT_FALSE(keeps_account());
}

TEST_F(AccountTest, StaysWhileAnotherTaskRunsAsIt) {
  ASSERT_TRUE(service->create_task(task(), {.makes_account = true}));
  ASSERT_TRUE(service->copy_task("t", parsed(R"({"name":"u"})")));

  ASSERT_TRUE(service->remove_task("t"));

  EXPECT_TRUE(accounts.has("task-t"));
  EXPECT_FALSE(service->task("u")->at("account_made").as_bool());
}

// A task that the log does not take leaves no account, and a kill behind the append leaves both.
TEST_F(AccountTest, IsThereWithTheTaskOrNotAtAll) {
  store.fail_appends(Errc::NoSpace);
  EXPECT_FALSE(service->create_task(task(), {.makes_account = true}));
  store.fail_appends(std::nullopt);
  EXPECT_FALSE(accounts.has("task-t"));
  EXPECT_FALSE(keeps_account());

  ASSERT_TRUE(service->create_task(task(), {.makes_account = true}));
  service.reset();
  store.crash();
  start_with_accounts();
  EXPECT_TRUE(keeps_account());
  EXPECT_EQ(service->task("t")->at("account").as_string(), "task-t");
  EXPECT_TRUE(service->task("t")->at("account_made").as_bool());
}

TEST_F(AccountTest, HoldsWhileTheRightIsAwayAndGoesOnByItself) {
  accounts.allow("reader", {.reads = {"a/#"}, .publishes = {}, .denied = {}});
  ASSERT_TRUE(service->create_task(task_of("reader")));
  publish(20);
  ASSERT_TRUE(arrives(20));

  accounts.allow("reader", {});
  ASSERT_TRUE(is("waiting"));
  EXPECT_THAT(reason(), HasSubstr("`reader` may not subscribe to `a/#`"));
  publish(20);
  EXPECT_TRUE(eventually([&] { return figure("lag_messages") == 20; }));
  EXPECT_EQ(other_side.count(), 20U);
  {
    const std::scoped_lock lock(mutex);
    EXPECT_EQ(told_states.back().first, "waiting");
    EXPECT_THAT(told_states.back().second, HasSubstr("no policy allows it"));
  }

  accounts.remove("reader");
  ASSERT_TRUE(eventually([&] { return reason() == "there is no user `reader`"; }));
  accounts.allow("reader", {.reads = {"a/#"}, .publishes = {}, .denied = {}});
  expect_all(40);
  ASSERT_TRUE(is("running"));
  EXPECT_TRUE(eventually([&] { return figure("delivered") == 40; }));
  EXPECT_EQ(figure("denied"), 0U);
}

// Also what was read, and came back from a sink that is away, while it was allowed.
TEST_F(AccountTest, HandsNothingOverThatIsNotAllowedAnyMore) {
  accounts.allow("reader", {.reads = {"a/#"}, .publishes = {}, .denied = {}});
  ASSERT_TRUE(service->create_task(task_of("reader")));
  other_side.refuse_writes(Error{.code = Errc::Unavailable, .detail = "away"});
  publish(10);
  ASSERT_TRUE(is("waiting"));

  accounts.allow("reader", {});
  ASSERT_TRUE(eventually([&] { return reason().find("may not") != std::string::npos; }));
  other_side.refuse_writes(std::nullopt);
  publish(1);
  EXPECT_EQ(other_side.handed_over(), 0U);

  accounts.allow("reader", {.reads = {"a/#"}, .publishes = {}, .denied = {}});
  expect_all(11);
}

TEST_F(AccountTest, StartsHeldAfterARestart) {
  accounts.allow("reader", {.reads = {"a/#"}, .publishes = {}, .denied = {}});
  ASSERT_TRUE(service->create_task(task_of("reader")));
  service.reset();
  store.crash();
  accounts.remove("reader");

  start_with_accounts();
  publish(5);
  ASSERT_TRUE(is("waiting"));
  EXPECT_EQ(other_side.count(), 0U);
  accounts.allow("reader", {.reads = {"a/#"}, .publishes = {}, .denied = {}});
  expect_all(5);
}

TEST_F(AccountTest, PassesOverWhatANarrowerDenyTakesAway) {
  accounts.allow("reader", {.reads = {"a/#"}, .publishes = {}, .denied = {"a/secret"}});
  ASSERT_TRUE(service->create_task(task_of("reader")));
  queues->publish({.topic = "a/secret", .payload = "secret"});
  publish(2);
  expect_all(2);
  ASSERT_TRUE(eventually([&] { return figure("denied") == 1; }));
  EXPECT_EQ(figure("filtered"), 0U);
  EXPECT_NE(metrics.exposition().find("sluice_task_denied_total{task=\"t\""), std::string::npos);

  // Read while it was allowed, and waiting for the sink.
  accounts.allow("reader", {.reads = {"a/#"}, .publishes = {}, .denied = {}});
  other_side.refuse_writes(Error{.code = Errc::Unavailable, .detail = "away"});
  queues->publish({.topic = "a/secret", .payload = "secret"});
  publish(1);
  ASSERT_TRUE(eventually([&] { return figure("lag_messages") == 2 && status() == "waiting"; }));
  accounts.allow("reader", {.reads = {"a/#"}, .publishes = {}, .denied = {"a/secret"}});
  other_side.refuse_writes(std::nullopt);
  expect_all(3);
  ASSERT_TRUE(eventually([&] { return figure("denied") == 2; }));
}

TEST_F(AccountTest, IsCheckedAgainWhenItsFiltersChange) {
  accounts.allow("reader", {.reads = {"a/#"}, .publishes = {}, .denied = {}});
  ASSERT_TRUE(service->create_task(task_of("reader")));

  const auto wider = service->change_task("t", parsed(R"({"source":{"filters":["a/#","b/#"]}})"));
  ASSERT_FALSE(wider);
  EXPECT_EQ(wider.error().code, "account_lacks_right");
  EXPECT_EQ(wider.error().fields.front().pointer, "/source/filters/1");
  accounts.allow("reader", {});
  EXPECT_TRUE(service->change_task("t", parsed(R"({"description":"held, and mended"})")));
  EXPECT_FALSE(service->change_task("t", parsed(R"({"account":"other"})")));
  EXPECT_TRUE(service->change_task("t", parsed(R"({"account":null})")));
  publish(1);
  expect_all(1);
}

TEST_F(AccountTest, SendsNoLetterAgainThatItMayNotHave) {
  accounts.allow("reader", {.reads = {"a/#"}, .publishes = {}, .denied = {}});
  ASSERT_TRUE(service->create_task(task_of("reader")));
  other_side.judge([](const Record&) { return Verdict::Rejected; });
  publish(2);
  ASSERT_TRUE(eventually([&] { return figure("dead_letters") == 2; }));
  other_side.judge({});

  accounts.allow("reader", {});
  EXPECT_EQ(service->redrive("t", {}).error().code, "wrong_state");
  accounts.allow("reader", {.reads = {"a/#"}, .publishes = {}, .denied = {"a/b"}});
  const auto report = service->redrive("t", {});
  ASSERT_TRUE(report);
  EXPECT_EQ(report->at("refused").to_number<int>(), 2);
  const auto letters = service->dead_letters("t", 1, "");
  EXPECT_EQ(letters->at("items").as_array().front().at("class").as_string(), "denied");
  accounts.allow("reader", {.reads = {"a/#"}, .publishes = {}, .denied = {}});
  EXPECT_EQ(service->redrive("t", {})->at("redriven").to_number<int>(), 2);
}

TEST_F(AccountTest, CopiesLettersOnlyToWhereItMayPublish) {
  accounts.allow("reader", {.reads = {"a/#"}, .publishes = {"open"}, .denied = {}});

  EXPECT_THAT(refused(copying_task("secret")),
              ElementsAre("account_lacks_right",
                          "/delivery/dead_letter_copy/topic: the account `reader` may not publish "
                          "`secret`: no policy allows it"));
  ASSERT_TRUE(service->create_task(copying_task("open")));
  const auto edited =
      service->change_task("t", parsed(R"({"delivery":{"dead_letter_copy":{"topic":"secret"}}})"));
  ASSERT_FALSE(edited);
  EXPECT_EQ(edited.error().code, "account_lacks_right");
  EXPECT_EQ(edited.error().fields.front().pointer, "/delivery/dead_letter_copy/topic");
  accounts.allow("reader", {.reads = {"a/#"}, .publishes = {}, .denied = {}});
  auto another = copying_task("to/${topic}");
  another["name"] = "u";
  EXPECT_THAT(refused(another),
              ElementsAre("account_lacks_right",
                          "/delivery/dead_letter_copy/topic: the account `reader` may not publish "
                          "anything: no policy allows it"));
  EXPECT_TRUE(service->change_task("t", parsed(R"({"description":"without its right"})")));
  accounts.allow("reader", {});
  EXPECT_TRUE(service->change_task("t", parsed(R"({"delivery":{"dead_letter_copy":null}})")));
}

// The letter stays, the task goes on, and the copy goes once it may.
TEST_F(AccountTest, CopiesNoLetterWhileTheRightIsAway) {
  accounts.allow("reader", {.reads = {"a/#"}, .publishes = {"to/#"}, .denied = {}});
  ASSERT_TRUE(service->create_task(copying_task("to/${topic[1]}")));
  other_side.judge([](const Record&) { return Verdict::Rejected; });
  queues->publish({.topic = "a/0"});
  ASSERT_TRUE(has_copies(1, 0));

  accounts.allow("reader", {.reads = {"a/#"}, .publishes = {"to/2"}, .denied = {}});
  queues->publish({.topic = "a/1"});
  queues->publish({.topic = "a/2"});
  ASSERT_TRUE(has_copies(2, 1));
  EXPECT_EQ(copies().at("last_error"),
            "refused: topic to/1: the account `reader` may not publish this: no policy allows it");
  EXPECT_EQ(figure("dead_letters"), 3U);
  EXPECT_EQ(status(), "running");
  accounts.remove("reader");
  ASSERT_TRUE(eventually(
      [&] { return copies().at("last_error") == "refused: there is no user `reader`"; }));
  EXPECT_EQ(intake_here.all().size(), 2U);

  accounts.allow("reader", {.reads = {"a/#"}, .publishes = {"to/#"}, .denied = {}});
  ASSERT_TRUE(has_copies(3, 0));
  std::vector<std::string> topics;
  for (const auto& message : intake_here.all()) topics.push_back(message.topic);
  EXPECT_THAT(topics, ElementsAre("to/0", "to/2", "to/1"));
}

TEST_F(AccountTest, IsMadeWithTheRightToPublishCopies) {
  ASSERT_TRUE(service->create_task(copying_task("to/${topic}"), {.makes_account = true}));

  EXPECT_THAT(accounts.wishes().front().resources, ElementsAre("a/#"));
  EXPECT_THAT(accounts.wishes().front().published_besides, ElementsAre("to/#"));
  other_side.judge([](const Record&) { return Verdict::Rejected; });
  publish(1);
  EXPECT_TRUE(has_copies(1, 0));
}

TEST(NeededResources, CoverEveryTopicThatAMappingCanMake) {
  const auto of = [](std::string_view topic, TemplateScope scope = TemplateScope::Received) {
    TaskSpec spec;
    spec.source_type = "other";
    spec.inbound.topic = *Template::compile(topic, scope);
    return needed_resources(spec).front();
  };

  EXPECT_EQ(of("in/constant"), "in/constant");
  EXPECT_EQ(of("in/${topic}"), "in/#");
  EXPECT_EQ(of("in/${topic[1]}/x"), "in/+/x");
  EXPECT_EQ(of("in/a-${topic[1]}-b/x"), "in/+/x");
  EXPECT_EQ(of("in/a-${topic[1]}${qos}-b"), "in/+");
  EXPECT_EQ(of("in/${topic[9]:-a/b}/x"), "in/#");
  EXPECT_EQ(of("${topic}"), "#");
  EXPECT_EQ(of("in/a${payload.x}/y"), "in/#");
  EXPECT_EQ(of("d/${key}/c", TemplateScope::Record), "d/#");
}

}  // namespace
}  // namespace sluice::connect
