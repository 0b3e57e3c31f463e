// Tasks whose range of the log has an end, and `:replay`, which makes one: docs/adr/0062.
#include "connect/task_spec.hpp"
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
  EXPECT_TRUE(eventually([&] { return service->holds().size() == 1; }));  // of `t` alone
  service.reset();
  other_side.refuse_writes(Error{Errc::Unavailable, "away"});
  start();
  publish(3);

  EXPECT_TRUE(has_finished("t-replay"));
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
  EXPECT_TRUE(eventually([&] { return status() == "running"; }));
}

TEST_F(RangeTest, SaysWhatIsWrongWhereTheCallerSaidIt) {
  create_both();
  publish(3);
  ASSERT_TRUE(service->pause_task("t"));  // nothing more is written: the newest one stays so
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

// --- what it would mean, before it is done

class MovePreviewTest : public RangeTest {
 protected:
  // Again and passed over, `+` behind one that is a lower bound.
  std::string effect_of(std::string_view place) {
    const auto effect = service->preview_seek("t", *parse_place(place));
    if (!effect) return effect.error().code;
    return counted(*effect, "again") + " " + counted(*effect, "passed_over");
  }
  std::string replayed(std::string_view from, std::string_view to = "now") {
    const auto count = service->preview_replay("t", *parse_place(from), *parse_place(to));
    return count ? json::serialize(*count) : count.error().code;
  }
  static std::string counted(const json::object& effect, const std::string& name) {
    return json::serialize(effect.at(name)) + (effect.at(name + "_at_least").as_bool() ? "+" : "");
  }
};

TEST_F(MovePreviewTest, GoingBackCountsWhatGoesAgainAndForwardWhatIsPassedOver) {
  create_both();
  publish(10);
  const auto tenth = std::to_string(newest());
  ASSERT_TRUE(eventually([&] { return shown("t").at("lag_messages") == 0; }));
  ASSERT_TRUE(service->pause_task("t"));
  publish(7);
  queues->publish({.topic = "other/topic", .payload = "of no filter"});

  EXPECT_EQ(effect_of("earliest"), "10 0");
  EXPECT_EQ(effect_of(tenth), "0 0");  // that one stands before it
  EXPECT_EQ(effect_of("now"), "0 7");
  EXPECT_EQ(effect_of("2020-01-01T00:00:00Z"), "10 0");
  EXPECT_EQ(shown("t").at("lag_messages"), 7);  // nothing was moved
  ASSERT_TRUE(service->seek_task("t", parsed(R"({"start":"earliest"})")));
  ASSERT_TRUE(service->start_task("t"));
  EXPECT_TRUE(eventually([&] { return values_of("a").size() == 10 + 10 + 7; }));
}

TEST_F(MovePreviewTest, ARangeIsCountedWithBothOfItsEnds) {
  create_both();
  publish(10);
  const auto tenth = std::to_string(newest());
  publish(7);

  EXPECT_EQ(replayed("earliest"), R"({"messages":17,"at_least":false})");
  EXPECT_EQ(replayed("earliest", tenth), R"({"messages":10,"at_least":false})");
  EXPECT_EQ(replayed(tenth), R"({"messages":7,"at_least":false})");
  EXPECT_EQ(replayed("now"), R"({"messages":0,"at_least":false})");
  EXPECT_EQ(replayed("earliest", "2999-01-01T00:00:00Z"), "invalid_document");
}

TEST_F(MovePreviewTest, APlaceIsReadAsAPersonWritesIt) {
  for (const auto* place : {"now", "earliest", "2024-05-01T12:00:00Z", "17"})
    EXPECT_TRUE(parse_place(place)) << place;
  for (const auto* wrong : {"", "latest", "-1", "1.5", "17 ", "yesterday", "99999999999999999999"})
    EXPECT_FALSE(parse_place(wrong)) << wrong;
}

}  // namespace
}  // namespace sluice::connect
