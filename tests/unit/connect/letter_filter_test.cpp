// Dead letters are found by what is known of them, and acted on by the same filters.
#include <boost/json/array.hpp>
#include <gmock/gmock.h>

#include "connect/dead_letters.hpp"
#include "connect/text.hpp"
#include "mqtt/properties.hpp"
#include "service_fixture.hpp"

namespace sluice::connect {
namespace {

using testing::ElementsAre;

constexpr std::int64_t kNoon = 1'767'268'800'000;  // 2026-01-01T12:00:00Z

struct Given {
  std::string topic = "plant/1/state";
  std::string reason = "no such topic";
  std::string client = "meter";
  LetterClass error = LetterClass::Refused;
  std::int64_t at_ms = kNoon;
  std::string payload = "x";
  std::string properties = {};
};

class LetterFilterTest : public testing::Test {
 protected:
  LetterFilterTest() { EXPECT_TRUE(letters.load()); }

  // At the positions 1, 2, 3, ...
  void keep(const std::vector<Given>& all) {
    for (const auto& given : all) {
      model::Message message;
      message.id.position = ++kept;
      message.topic = given.topic;
      message.payload = given.payload;
      message.client_id = given.client;
      message.properties = given.properties;
      const DeadLetter letter{.message = &message,
                              .reason = given.reason,
                              .target = "out",
                              .attempts = 1,
                              .at_ms = given.at_ms,
                              .error = given.error};
      ASSERT_TRUE(letters.keep("t", std::span(&letter, 1), {}));
    }
  }
  static std::vector<int> positions_in(const json::object& page) {
    std::vector<int> positions;
    for (const auto& item : page.at("items").as_array())
      positions.push_back(item.at("position").to_number<int>());
    return positions;
  }
  std::vector<int> found(const LetterFilter& filter) {
    return positions_in(*letters.page("t", 1000, "", filter));
  }

  test::MemoryStore store;
  DeadLetters letters{store, 1 << 20};
  std::uint64_t kept = 0;
};

TEST_F(LetterFilterTest, FindsByEachThingThatIsKnown) {
  keep({{.topic = "plant/1/state"},
        {.topic = "plant/2/state", .reason = "Missing property 'watts'"},
        {.client = "pump", .error = LetterClass::Unmapped},
        {.topic = "office", .at_ms = kNoon + 1000}});

  EXPECT_THAT(found({}), ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(found({.error = "unmapped"}), ElementsAre(3));
  EXPECT_THAT(found({.reason = "PROPERTY 'w"}), ElementsAre(2));
  EXPECT_THAT(found({.reason = "missing property 'watts' here"}), ElementsAre());
  EXPECT_THAT(found({.topic = "plant/+/state"}), ElementsAre(1, 2, 3));
  EXPECT_THAT(found({.topic = "plant/2/#"}), ElementsAre(2));
  EXPECT_THAT(found({.client_id = "pump"}), ElementsAre(3));
  EXPECT_THAT(found({.client_id = "pum"}), ElementsAre());
  EXPECT_THAT(found({.from_ms = kNoon + 1000}), ElementsAre(4));
  EXPECT_THAT(found({.before_ms = kNoon + 1000}), ElementsAre(1, 2, 3));
  EXPECT_THAT(found({.from_ms = kNoon, .before_ms = kNoon + 1}), ElementsAre(1, 2, 3));
  EXPECT_THAT(found({.error = "refused", .topic = "plant/#"}), ElementsAre(1, 2));
}

// What stands in a message is no part of what is asked about.
TEST_F(LetterFilterTest, IsNotMistakenByWhatMessagesHold) {
  std::string properties;
  mqtt::PropertyWriter(properties).user(R"(,"payload":")", R"(","class":"denied)");
  keep({{.reason = R"(a ","payload":" of its own)",
         .payload = R"(","class":"denied","payload":")",
         .properties = properties}});

  EXPECT_THAT(found({.error = "refused"}), ElementsAre(1));
  EXPECT_THAT(found({.error = "denied"}), ElementsAre());
  EXPECT_THAT(found({.reason = R"(,"payload":" of)"}), ElementsAre(1));
}

TEST_F(LetterFilterTest, PagesThroughWhatMatches) {
  for (int i = 0; i < 5; ++i) keep({{.client = "a"}, {.client = "b"}});
  const LetterFilter filter{.client_id = "b"};

  const auto first = *letters.page("t", 2, "", filter);
  const auto second = *letters.page("t", 2, first.at("next").as_string(), filter);
  const auto third = *letters.page("t", 2, second.at("next").as_string(), filter);

  EXPECT_THAT(positions_in(first), ElementsAre(2, 4));
  EXPECT_THAT(positions_in(second), ElementsAre(6, 8));
  EXPECT_THAT(positions_in(third), ElementsAre(10));
  EXPECT_TRUE(third.at("next").is_null());
}

// One call looks at a part, whatever it finds there, and says where to go on.
TEST_F(LetterFilterTest, LooksAtABoundedPart) {
  DeadLetters narrow(store, 1 << 20, 1);  // byte: at one letter
  keep({{.client = "a"}, {.client = "a"}, {.client = "b"}});
  const LetterFilter filter{.client_id = "b"};

  auto page = *narrow.page("t", 10, "", filter);
  EXPECT_THAT(positions_in(page), ElementsAre());
  int requests = 1;
  while (page.at("next").is_string()) {
    page = *narrow.page("t", 10, page.at("next").as_string(), filter);
    ++requests;
  }
  EXPECT_THAT(positions_in(page), ElementsAre(3));
  EXPECT_EQ(requests, 3);

  const auto part = narrow.search("t", model::Position(1), 10, {});
  EXPECT_THAT(part->positions, ElementsAre(model::Position(2)));
  EXPECT_FALSE(part->at_end);
}

TEST_F(LetterFilterTest, KnowsTheCommonestReasonWithoutALook) {
  EXPECT_EQ(letters.summary("t").letters, 0U);
  keep({{.reason = "a", .at_ms = kNoon},
        {.reason = "b", .at_ms = kNoon + 2},
        {.reason = "b", .at_ms = kNoon + 1}});
  const auto check = [](const DeadLetters::Summary& summary) {
    EXPECT_EQ(summary.letters, 3U);
    EXPECT_EQ(summary.last_ms, kNoon + 2);
    EXPECT_EQ(summary.commonest->reason, "b");
    EXPECT_EQ(summary.commonest->letters, 2U);
  };
  check(letters.summary("t"));
  const auto bytes = letters.summary("t").bytes;
  EXPECT_GT(bytes, 0U);
  ASSERT_TRUE(letters.load());  // as after a start
  check(letters.summary("t"));
  EXPECT_EQ(letters.summary("t").bytes, bytes);

  ASSERT_TRUE(letters.refused_again("t", model::Position(2), "a", LetterClass::Refused, kNoon + 9));
  EXPECT_EQ(letters.summary("t").commonest->reason, "a");
  EXPECT_EQ(letters.summary("t").last_ms, kNoon + 9);
  EXPECT_EQ(letters.summary("t").letters, 3U);
  const auto gone = {model::Position(1), model::Position(2)};
  ASSERT_EQ(letters.erase("t", gone), 2U);
  EXPECT_EQ(letters.summary("t").commonest->reason, "b");
  EXPECT_EQ(letters.summary("t").commonest->letters, 1U);
  ASSERT_TRUE(letters.erase_all("t"));
  EXPECT_FALSE(letters.summary("t").commonest);
}

TEST(LetterReasons, AreCountedWithinABound) {
  LetterReasons reasons;
  EXPECT_FALSE(reasons.commonest());
  for (std::size_t i = 0; i < 10 * LetterReasons::kMost; ++i) reasons.add(std::to_string(i));
  reasons.add("7");
  reasons.add("600");  // which found no place
  reasons.add("600");
  EXPECT_EQ(reasons.commonest()->reason, "7");
  reasons.remove("600");
  for (std::size_t i = 0; i < LetterReasons::kMost; ++i) reasons.remove(std::to_string(i));
  EXPECT_EQ(reasons.commonest()->letters, 1U);
  reasons.remove("7");
  EXPECT_FALSE(reasons.commonest());
}

// Of a task whose other side has refused everything.
class MatchingLettersTest : public ServiceTest {
 protected:
  void reject(int of_meter, int of_pump) {
    other_side.judge([](const Record&) { return Verdict::Rejected; });
    create_both();
    for (int i = 0; i < of_meter + of_pump; ++i)
      queues->publish({.topic = i < of_meter ? "a/meter" : "a/pump", .payload = "x"});
    ASSERT_TRUE(eventually([&] { return left() == of_meter + of_pump; }));
    other_side.judge({});
  }
  int left() { return service->task("t")->at("dead_letters").to_number<int>(); }
};

TEST_F(MatchingLettersTest, AreCountedBeforeAnythingIsDone) {
  reject(2, 300);

  const auto counted = service->count_dead_letters("t", {.topic = "a/pump"});
  ASSERT_TRUE(counted);
  EXPECT_EQ(counted->at("letters").to_number<int>(), 300);
  EXPECT_GT(counted->at("bytes").to_number<int>(), 300 * 100);
  EXPECT_FALSE(counted->at("at_least").as_bool());

  // What comes after the question is not what was asked about.
  std::int64_t to_ms = 0;
  ASSERT_TRUE(parse_rfc3339(counted->at("to").as_string(), to_ms));
  EXPECT_EQ(service->count_dead_letters("t", {.before_ms = to_ms})->at("letters").to_number<int>(),
            302);
  EXPECT_EQ(service->count_dead_letters("t", {.from_ms = to_ms})->at("letters").to_number<int>(),
            0);
  EXPECT_EQ(service->count_dead_letters("nobody", {}).error().code, "not_found");
}

TEST_F(MatchingLettersTest, GoAndTheOthersStay) {
  reject(2, 300);

  const auto report = service->redrive("t", {}, {.topic = "a/pump"});

  ASSERT_TRUE(report) << report.error().detail;
  EXPECT_EQ(report->at("redriven").to_number<int>(), 300);
  EXPECT_EQ(report->at("left").to_number<int>(), 2);
  EXPECT_TRUE(report->at("ok").as_bool());
  EXPECT_EQ(other_side.count(), 300U);
}

TEST_F(MatchingLettersTest, AreDeletedAndTheOthersStay) {
  reject(2, 300);

  const auto report = service->remove_dead_letters("t", {.topic = "a/pump"});

  ASSERT_TRUE(report) << report.error().detail;
  EXPECT_EQ(report->at("deleted").to_number<int>(), 300);
  EXPECT_EQ(report->at("left").to_number<int>(), 2);
  EXPECT_TRUE(report->at("stopped").is_null());
  EXPECT_EQ(left(), 2);
  EXPECT_EQ(other_side.count(), 0U);
}

TEST_F(MatchingLettersTest, AreToldOfEachTaskThatHasSome) {
  reject(2, 1);
  ASSERT_TRUE(service->create_task(task("without")));

  const auto tasks = service->letters_of_tasks();

  ASSERT_EQ(tasks.size(), 1U);
  const auto& shown = tasks.front();
  EXPECT_EQ(shown.at("name").as_string(), "t");
  EXPECT_EQ(shown.at("dead_letters").to_number<int>(), 3);
  EXPECT_EQ(shown.at("reason_letters").to_number<int>(), 3);
  EXPECT_EQ(shown.at("reason").as_string(), "the script says so");
  EXPECT_EQ(shown.at("last_rejected_at"),
            service->dead_letters("t", 3, "")->at("items").at(2).at("rejected_at"));
}

}  // namespace
}  // namespace sluice::connect
