// Dead letters are copied elsewhere, too: none is left out, and nobody waits for it.
#include <algorithm>
#include <set>

#include <boost/json/serialize.hpp>
#include <gmock/gmock.h>

#include "connect/origins.hpp"
#include "mqtt/properties.hpp"
#include "service_fixture.hpp"
#include "taking_intake.hpp"

namespace sluice::connect {
namespace {

using testing::HasSubstr;
using testing::UnorderedElementsAre;

class LetterCopiesTest : public ServiceTest {
 protected:
  LetterCopiesTest() { other_sides()["archive"] = &archive; }
  ~LetterCopiesTest() override { service.reset(); }

  static json::object copying_task() {
    auto document = task();
    change(document, "/delivery/dead_letter_copy",
           json::object{{"type", "test"}, {"connection", "d"}, {"topic", "letters"}});
    return document;
  }
  // Whatever is published is rejected from now on.
  void create_all(const json::object& document = copying_task()) {
    other_side.judge([](const Record&) { return Verdict::Rejected; });
    auto second = connection("d");
    change(second, "/settings/address", "archive");
    ASSERT_TRUE(service->create_connection(second, {.is_wanted = false}));
    ASSERT_TRUE(service->create_connection(connection(), {.is_wanted = false}));
    const auto created = service->create_task(document);
    ASSERT_TRUE(created) << json::serialize(created.error().fields.front().pointer)
                         << created.error().fields.front().detail;
  }
  json::object copies() { return service->task("t")->at("dead_letter_copies").as_object(); }
  int number(std::string_view name) { return copies().at(name).to_number<int>(); }
  int letters() { return service->task("t")->at("dead_letters").to_number<int>(); }
  bool arrives(std::size_t count) {
    return eventually([&] { return archive.count() >= count && number("waiting") == 0; });
  }
  std::vector<std::string> values() {
    std::vector<std::string> all;
    for (const auto& record : archive.arrived()) all.push_back(record.value);
    return all;
  }
  static std::string header(const Arrived& record, std::string_view name) {
    const auto found = std::ranges::find(
        record.headers, name, [](const auto& header) { return std::string_view(header.first); });
    return found == record.headers.end() ? "" : found->second;
  }

  OtherSide archive;
};

TEST_F(LetterCopiesTest, GoOutAndTheLettersStay) {
  create_all();
  publish(600);

  ASSERT_TRUE(arrives(600));
  EXPECT_EQ(archive.count(), 600U);
  EXPECT_EQ(letters(), 600);
  EXPECT_TRUE(eventually([&] { return number("copied") == 600; }));
  EXPECT_EQ(copies().at("last_error"), nullptr);
  EXPECT_EQ(copies().at("status_reason"), "");
  EXPECT_EQ(archive.arrived().front().topic, "letters");
}

TEST_F(LetterCopiesTest, SayAllThatTheLetterSays) {
  std::string properties;
  mqtt::PropertyWriter writer(properties);
  writer.user("a", "1");
  writer.number(mqtt::PropertyId::MessageExpiryInterval, 60);
  writer.text(mqtt::PropertyId::ContentType, "text/x");
  create_all();
  queues->publish({.topic = "a/b",
                   .payload = std::string("\0\x80 raw", 6),
                   .client_id = "meter",
                   .properties = properties,
                   .host = "10.1.2.3",
                   .username = "u",
                   .has_username = true,
                   .packet_id = 7,
                   .qos = 2,
                   .retain = true,
                   .dup = true});

  ASSERT_TRUE(arrives(1));
  const auto copy = archive.arrived().front();
  const auto letter = service->dead_letters("t", 1, "")->at("items").at(0).as_object();
  EXPECT_EQ(copy.value, std::string("\0\x80 raw", 6));
  EXPECT_EQ(copy.key, "meter");
  EXPECT_EQ(header(copy, "dead_letter.task"), "t");
  for (const auto* name : {"class", "reason", "first_rejected_at", "rejected_at", "message_id",
                           "timestamp", "target", "topic", "client_id"})
    EXPECT_EQ(header(copy, "dead_letter." + std::string(name)), letter.at(name).as_string())
        << name;
  EXPECT_EQ(header(copy, "dead_letter.attempts"), "1");
  EXPECT_EQ(header(copy, "dead_letter.position"),
            std::to_string(letter.at("position").to_number<std::uint64_t>()));
  EXPECT_EQ(header(copy, "dead_letter.qos"), "2");
  EXPECT_EQ(header(copy, "dead_letter.retain"), "true");
  EXPECT_EQ(header(copy, "dead_letter.message_expiry"), "60");
  EXPECT_EQ(header(copy, "mqtt.content_type"), "text/x");
  EXPECT_EQ(header(copy, "mqtt.username"), "u");
  EXPECT_EQ(header(copy, "a"), "1");
  // The copy is no retained message, and does not expire.
  EXPECT_EQ(header(copy, "mqtt.retain"), "");
  EXPECT_EQ(header(copy, "mqtt.message_expiry"), "");
  EXPECT_EQ(header(copy, kOrigins), outward_origin(service->task("t")->at("id").as_string()));
}

TEST_F(LetterCopiesTest, WaitForWhoIsAwayAndHoldUpNobody) {
  archive.refuse_writes(Error{Errc::Unavailable, "nobody there"});
  create_all();
  publish(3);
  ASSERT_TRUE(eventually([&] { return letters() == 3; }));
  other_side.judge({});
  publish(2);

  ASSERT_TRUE(eventually([&] { return other_side.count() == 2; }));
  ASSERT_TRUE(eventually([&] { return copies().at("status_reason") == "nobody there"; }));
  EXPECT_EQ(number("waiting"), 3);
  EXPECT_EQ(status(), "running");
  EXPECT_EQ(service->connection("d")->at("status"), "failed");
  EXPECT_EQ(service->connection("c")->at("status"), "healthy");

  archive.refuse_writes({});
  ASSERT_TRUE(arrives(3));
  EXPECT_THAT(values(), UnorderedElementsAre("0", "1", "2"));
  EXPECT_TRUE(eventually([&] { return copies().at("status_reason") == ""; }));
}

TEST_F(LetterCopiesTest, GoAgainWhenTheyComeBack) {
  create_all();
  archive.at_once(true);
  int times = 0;
  archive.judge([&times](const Record&) {
    return ++times % 3 == 0 ? Verdict::RetryLater : Verdict::Delivered;
  });
  publish(50);

  ASSERT_TRUE(arrives(50));
  const auto all = values();
  EXPECT_EQ(std::set<std::string>(all.begin(), all.end()).size(), 50U);
}

// What the other side has and has not acknowledged goes once more.
TEST_F(LetterCopiesTest, AreNotLostWithTheProcess) {
  archive.hold(true);
  archive.away("silent");
  create_all();
  publish(40);
  ASSERT_TRUE(eventually([&] { return letters() == 40 && archive.handed_over() > 0; }));

  service.reset();
  store.crash();
  archive.hold(false);
  archive.away("");
  start();

  ASSERT_TRUE(arrives(40));
  const auto all = values();
  EXPECT_EQ(std::set<std::string>(all.begin(), all.end()).size(), 40U);
  EXPECT_EQ(letters(), 40);
}

TEST_F(LetterCopiesTest, ThatAreRefusedStayAndAreTriedAgain) {
  archive.judge([](const Record& record) {
    return record.value == "1" ? Verdict::Rejected : Verdict::Delivered;
  });
  create_all();
  publish(3);

  ASSERT_TRUE(eventually(
      [&] { return archive.count() == 2 && number("refused") == 1 && number("waiting") == 1; }));
  EXPECT_EQ(copies().at("last_error"), "refused: the script says so");
  publish(1);
  ASSERT_TRUE(eventually([&] { return archive.count() == 3; }));
  EXPECT_EQ(number("refused"), 1);

  archive.judge({});
  ASSERT_TRUE(service->pause_task("t"));
  ASSERT_TRUE(service->start_task("t"));
  ASSERT_TRUE(arrives(4));
  EXPECT_EQ(number("refused"), 0);
}

TEST_F(LetterCopiesTest, DoNotComeBackToTheTask) {
  create_all();
  std::string properties;
  mqtt::PropertyWriter writer(properties);
  writer.user(kOrigins, "x," + outward_origin(service->task("t")->at("id").as_string()));
  queues->publish({.topic = "a/b", .payload = "0", .properties = properties});
  queues->publish({.topic = "a/b", .payload = "1"});

  ASSERT_TRUE(arrives(1));
  EXPECT_THAT(values(), UnorderedElementsAre("1"));
  EXPECT_EQ(service->task("t")->at("looped").to_number<int>(), 1);
  EXPECT_EQ(letters(), 1);
}

TEST_F(LetterCopiesTest, GoWithTheirLetters) {
  archive.refuse_writes(Error{Errc::Unavailable, "nobody there"});
  create_all();
  publish(4);
  ASSERT_TRUE(eventually(
      [&] { return number("waiting") == 4 && copies().at("status_reason") == "nobody there"; }));
  other_side.judge({});
  const auto first = service->dead_letters("t", 1, "")->at("items").at(0).as_object();
  model::MessageId id;
  id.position = first.at("position").to_number<std::uint64_t>();

  ASSERT_TRUE(service->remove_dead_letter("t", id));
  EXPECT_EQ(number("waiting"), 3);
  ASSERT_TRUE(service->redrive("t", {}));
  EXPECT_EQ(number("waiting"), 0);

  archive.refuse_writes({});
  other_side.judge([](const Record&) { return Verdict::Rejected; });
  publish(1);
  ASSERT_TRUE(arrives(1));
  EXPECT_THAT(values(), UnorderedElementsAre("4"));
}

TEST_F(LetterCopiesTest, AreNotMadeAnyMoreOnceTheTaskSaysNone) {
  archive.refuse_writes(Error{Errc::Unavailable, "nobody there"});
  create_all();
  publish(2);
  ASSERT_TRUE(eventually([&] { return number("waiting") == 2; }));
  ASSERT_TRUE(service->change_task("t", parsed(R"({"delivery":{"dead_letter_copy":null}})")));
  EXPECT_EQ(service->task("t")->at("dead_letter_copies"), nullptr);

  ASSERT_TRUE(service->change_task("t", copying_task()));

  EXPECT_EQ(number("waiting"), 0);
  EXPECT_EQ(letters(), 2);
  ASSERT_TRUE(service->remove_connection("d").error().code == "connection_in_use");
}

TEST_F(LetterCopiesTest, FollowTheirConnection) {
  create_all();
  ASSERT_TRUE(service->change_connection("d", parsed(R"({"name":"e"})"), {}));
  const auto shown = *service->task("t");
  EXPECT_EQ(shown.at("delivery").at("dead_letter_copy").at("connection"), "e");
  EXPECT_EQ(shown.at("group"), "group-c-t");
  EXPECT_EQ(service->remove_connection("e").error().code, "connection_in_use");
  service.reset();
  start();
  publish(1);
  ASSERT_TRUE(arrives(1));
}

TEST_F(LetterCopiesTest, GoToATopicOfThisServer) {
  TakingIntake taking;
  service.reset();
  intake = &taking;
  start();
  auto document = copying_task();
  change(document, "/delivery/dead_letter_copy",
         json::object{{"type", "local"}, {"topic", "letters/${topic}"}});
  create_all(document);
  publish(2);

  ASSERT_TRUE(eventually([&] { return number("copied") == 2; }));
  const auto all = taking.all();
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].topic, "letters/a/b");
  EXPECT_EQ(all[0].payload, "0");
  EXPECT_FALSE(all[0].retain);
  EXPECT_EQ(all[0].qos, mqtt::Qos::AtLeastOnce);
  EXPECT_EQ(all[0].client.client_id, "c-t-0-letters");
  std::vector<std::string> names;
  const auto properties = mqtt::Properties::from_checked(all[0].properties);
  for (auto it = properties.begin(); it != properties.end(); ++it) names.emplace_back(it->name);
  EXPECT_THAT(names, testing::IsSupersetOf({"dead_letter.reason", "sluice-origins"}));
  service.reset();
}

TEST_F(LetterCopiesTest, AreRefusedWhereTheyCannotBe) {
  ASSERT_TRUE(service->create_connection(connection(), {.is_wanted = false}));
  auto mute = connection("mute");
  change(mute, "/settings/address", "mute");
  ASSERT_TRUE(service->create_connection(mute, {.is_wanted = false}));
  const auto copy = [&](std::string_view text) {
    return refused("/delivery/dead_letter_copy", parsed(text));
  };

  EXPECT_THAT(copy(R"({"type":"x","topic":"t"})"), HasSubstr("dead_letter_copy/type: must be one"));
  EXPECT_THAT(copy(R"({"type":"test","topic":"t"})"), HasSubstr("/connection: is needed"));
  EXPECT_THAT(copy(R"({"type":"test","topic":"t","connection":"nobody"})"),
              HasSubstr("/delivery/dead_letter_copy/connection: there is no connection `nobody`"));
  EXPECT_THAT(copy(R"({"type":"test","topic":"t","connection":"mute"})"),
              HasSubstr("it cannot say why"));
  EXPECT_THAT(copy(R"({"type":"test","topic":"a/b","connection":"c"})"),
              HasSubstr("/delivery/dead_letter_copy/topic: no slashes"));
  EXPECT_THAT(copy(R"({"type":"test","topic":"${x","connection":"c"})"),
              HasSubstr("/delivery/dead_letter_copy/topic"));
  EXPECT_THAT(copy(R"({"type":"test","topic":"t","connection":"c","sink":{"acks":"1"}})"),
              HasSubstr("/delivery/dead_letter_copy/sink/acks: must be `all`"));
  EXPECT_THAT(copy(R"({"type":"test","topic":"t","connection":"c","sink":{"x":1}})"),
              HasSubstr("/delivery/dead_letter_copy/sink/x"));
  EXPECT_THAT(copy(R"({"type":"local","topic":"t","connection":"c"})"),
              HasSubstr("/connection: must be empty"));
  EXPECT_THAT(copy(R"({"type":"local","topic":"$SYS/x"})"), HasSubstr("/topic: topic $SYS/x"));
  EXPECT_THAT(copy(R"({"type":"local","topic":"a/+/${topic}"})"), HasSubstr("/topic: must be"));
  EXPECT_THAT(refused("/delivery", parsed(R"({"rejected":"drop",
      "dead_letter_copy":{"type":"local","topic":"t"}})")),
              HasSubstr("needs /delivery/rejected to be `dead_letter`"));
}

// A mark never outlives its letter, so that the bound for letters bounds them, too.
TEST(LetterMarks, GoWhereTheOldestLettersAreDropped) {
  test::MemoryStore store;
  DeadLetters letters(store, 1500);
  ASSERT_TRUE(letters.load());
  model::Message message;
  message.topic = "a";
  for (std::uint64_t position = 1; position <= 20; ++position) {
    message.id.position = position;
    const DeadLetter letter{.message = &message, .reason = "r", .target = {}};
    ASSERT_EQ(letters.keep("t", std::span(&letter, 1), {.drop_oldest = true, .is_copied = true}),
              1U);
  }

  EXPECT_GT(letters.count("t"), 0U);
  EXPECT_LT(letters.count("t"), 20U);
  EXPECT_EQ(letters.count_copies("t").waiting, letters.count("t"));
  const auto waiting = letters.copies("t", {}, 100, true);
  ASSERT_TRUE(waiting);
  EXPECT_EQ(waiting->size(), letters.count("t"));
  EXPECT_EQ(waiting->back(), model::Position(20));
}

}  // namespace
}  // namespace sluice::connect
