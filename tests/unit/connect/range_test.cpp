// Tasks whose range of the log has an end, and `:replay`, which makes one: docs/adr/0062.
#include "service_fixture.hpp"

namespace sluice::connect {
namespace {

class RangeTest : public ServiceTest {
 protected:
  std::vector<std::string> values_of(std::string_view topic) const {
    std::vector<std::string> values;
    for (const auto& record : other_side.arrived())
      if (record.topic == topic) values.push_back(record.value);
    return values;
  }
  std::vector<std::string> numbers(int from, int to) const {
    std::vector<std::string> all;
    for (int i = from; i < to; ++i) all.push_back(std::to_string(i));
    return all;
  }
  json::object shown(std::string_view name) { return *service->task(name); }
  bool has_finished(std::string_view name) { return shown(name).at("status") == "finished"; }
  std::uint64_t newest() { return store.head().get() - 1; }
  std::string refusal(std::string_view range) {
    const auto made = service->replay_task("t", parsed(range));
    if (made) return "accepted";
    return made.error().code + (made.error().fields.empty()
                                    ? ""
                                    : " " + made.error().fields.front().pointer + ": " +
                                          made.error().fields.front().detail);
  }
};

TEST_F(RangeTest, ARangeGoesAgainToAnotherTopicAndNothingElse) {
  create_both();
  publish(10);
  const auto last = newest();
  publish(10);
  ASSERT_TRUE(eventually([&] { return values_of("a").size() == 20; }));

  const auto made = service->replay_task(
      "t", json::object{
               {"from", "earliest"}, {"to", json::object{{"position", last}}}, {"topic", "again"}});
  ASSERT_TRUE(made) << made.error().detail;
  EXPECT_EQ(made->at("name"), "t-replay");
  ASSERT_TRUE(eventually([&] { return has_finished("t-replay"); }));

  EXPECT_EQ(values_of("again"), numbers(0, 10));
  publish(5);
  ASSERT_TRUE(eventually([&] { return values_of("a").size() == 25; }));
  const auto replay = shown("t-replay");
  EXPECT_EQ(values_of("again"), numbers(0, 10));
  EXPECT_EQ(replay.at("delivered"), 10);
  EXPECT_EQ(replay.at("lag_messages"), 0);
  EXPECT_EQ(replay.at("back_fill_bytes"), 0);
  EXPECT_EQ(replay.at("status_reason"), "");
}

TEST_F(RangeTest, OneThatHasFinishedStaysSoAndHoldsNothing) {
  create_both();
  publish(10);
  ASSERT_TRUE(service->replay_task("t", parsed(R"({"from":"earliest","topic":"again"})")));
  ASSERT_TRUE(eventually([&] { return has_finished("t-replay"); }));
  ASSERT_TRUE(service->pause_task("t"));
  const auto before = service->holds().size();
  service.reset();
  other_side.refuse_writes(Error{Errc::Unavailable, "away"});
  start();
  publish(3);

  EXPECT_TRUE(has_finished("t-replay"));
  EXPECT_EQ(before, 1U);  // of `t` alone
  EXPECT_EQ(service->holds().size(), 1U);
  EXPECT_NE(metrics.exposition().find(R"(sluice_task_up{task="t-replay",task_id=")"),
            std::string::npos);
}

TEST_F(RangeTest, ARestartInTheMiddleGoesOnToTheEnd) {
  create_both();
  publish(100);
  ASSERT_TRUE(eventually([&] { return values_of("a").size() == 100; }));
  other_side.judge([](const Record& record) {
    return record.topic == "again" && record.value == "50" ? Verdict::RetryLater
                                                           : Verdict::Delivered;
  });
  ASSERT_TRUE(service->replay_task("t", parsed(R"({"from":"earliest","topic":"again"})")));
  ASSERT_TRUE(eventually([&] { return values_of("again").size() >= 50; }));
  EXPECT_FALSE(has_finished("t-replay"));
  service.reset();
  other_side.judge(nullptr);
  start();
  publish(10);

  ASSERT_TRUE(eventually([&] { return has_finished("t-replay"); }));
  EXPECT_EQ(values_of("again"), numbers(0, 100));
}

TEST_F(RangeTest, SeveralWorkersFinishTogether) {
  ASSERT_TRUE(service->create_connection(connection(), {.is_wanted = false}));
  auto document = task();
  document["source"].as_object()["start"] = "earliest";
  document["source"].as_object()["end"] = "now";
  document["delivery"] = parsed(R"({"workers":3})");
  std::vector<test::Publication> all;
  for (int i = 0; i < 60; ++i) {
    all.push_back({.topic = "a/b", .payload = std::to_string(i)});
    all.back().client_id = "c" + std::to_string(i % 12);
  }
  queues->publish_all(all);
  ASSERT_TRUE(service->create_task(document));

  ASSERT_TRUE(eventually([&] { return has_finished("t"); }));
  EXPECT_EQ(values_of("a").size(), 60U);
  EXPECT_EQ(shown("t").at("delivered"), 60);
}

TEST_F(RangeTest, AnEndThatIsTakenAwayLetsItGoOn) {
  ASSERT_TRUE(service->create_connection(connection(), {.is_wanted = false}));
  publish(5);
  auto document = task();
  document["source"].as_object()["start"] = "earliest";
  document["source"].as_object()["end"] = "now";
  ASSERT_TRUE(service->create_task(document));
  ASSERT_TRUE(eventually([&] { return has_finished("t"); }));
  publish(5);
  EXPECT_EQ(values_of("a"), numbers(0, 5));

  ASSERT_TRUE(service->change_task("t", parsed(R"({"source":{"end":null}})")));
  ASSERT_TRUE(eventually([&] { return values_of("a").size() == 10; }));
  EXPECT_EQ(values_of("a"), numbers(0, 10));
  EXPECT_EQ(status(), "running");
}

TEST_F(RangeTest, SaysWhatIsWrongWhereTheCallerSaidIt) {
  create_both();
  publish(3);
  EXPECT_EQ(refusal("{}"), "invalid_document /from: is missing: any value");
  EXPECT_TRUE(refusal(R"({"from":"yesterday"})").starts_with("invalid_document /from: must be"));
  EXPECT_TRUE(refusal(R"({"from":"now","to":"earliest"})").starts_with("invalid_document /to: "));
  EXPECT_EQ(refusal(R"({"from":"earliest","to":{"position":1000000}})"),
            "invalid_document /to: must not lie behind the newest message, which stands at " +
                std::to_string(newest()));
  EXPECT_EQ(refusal(R"({"from":"earliest","to":{"time":"2999-01-01T00:00:00Z"}})"),
            "invalid_document /to: must not lie in the future");
  EXPECT_TRUE(refusal(R"({"from":"earliest","topic":"no/slashes"})")
                  .starts_with("invalid_document /topic"));
  EXPECT_TRUE(refusal(R"({"from":"earliest","wrong":1})").starts_with("invalid_document /wrong"));
  EXPECT_EQ(refusal(R"({"from":"earliest","name":"t"})").substr(0, 4), "name");
  EXPECT_EQ(service->replay_task("nobody", parsed("{}")).error().errc, Errc::InvalidArgument);
  EXPECT_EQ(service->tasks().size(), 1U);

  EXPECT_EQ(refusal(R"({"from":{"time":"2020-01-01T00:00:00Z"},"topic":"x"})"), "accepted");
  const auto second = service->replay_task("t", parsed(R"({"from":"earliest","topic":"x"})"));
  ASSERT_TRUE(second);
  EXPECT_EQ(second->at("name"), "t-replay-2");
  auto document = task("u");
  document["source"].as_object()["end"] = "now";
  document["delivery"] = parsed(R"({"drain":"fresh_first","order":"none"})");
  EXPECT_FALSE(service->create_task(document));
}

}  // namespace
}  // namespace sluice::connect
