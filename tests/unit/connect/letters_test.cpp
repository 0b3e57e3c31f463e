// Dead letters are sent again or deleted; what a task would make of a message is shown.
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <gmock/gmock.h>

#include "connect/saved_letter.hpp"
#include "mqtt/properties.hpp"
#include "service_fixture.hpp"

namespace sluice::connect {
namespace {

using testing::HasSubstr;

class LettersTest : public ServiceTest {
 protected:
  // `count` messages that the other side refuses.
  void reject(int count) {
    other_side.judge([](const Record&) { return Verdict::Rejected; });
    create_both();
    publish(count);
    ASSERT_TRUE(eventually([&] { return left() == count; }));
    other_side.judge({});
  }
  int left() { return service->task("t")->at("dead_letters").to_number<int>(); }
  json::array letters() { return service->dead_letters("t", 1000, "")->at("items").as_array(); }
  model::MessageId id_of(std::size_t index) {
    const auto letter = letters().at(index);
    model::MessageId id;
    id.position = letter.at("position").to_number<std::uint64_t>();
    return id;
  }
};

TEST_F(LettersTest, GoOnceTheyHaveArrived) {
  reject(20);

  const auto report = service->redrive("t", {});

  ASSERT_TRUE(report) << report.error().detail;
  EXPECT_TRUE(report->at("ok").as_bool());
  EXPECT_EQ(report->at("redriven").to_number<int>(), 20);
  EXPECT_EQ(left(), 0);
  ASSERT_EQ(other_side.count(), 20U);
  for (int i = 0; i < 20; ++i)
    EXPECT_EQ(other_side.arrived()[static_cast<std::size_t>(i)].value, std::to_string(i));

  service.reset();
  store.crash();
  start();
  EXPECT_EQ(left(), 0);
}

TEST_F(LettersTest, CarryAllThatTheMessageHad) {
  std::string properties;
  mqtt::PropertyWriter writer(properties);
  writer.user("a", "1");
  writer.user("a", "2");
  writer.text(mqtt::PropertyId::CorrelationData, std::string("\0\xff", 2));
  other_side.judge([](const Record&) { return Verdict::Rejected; });
  create_both();
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
  ASSERT_TRUE(eventually([&] { return left() == 1; }));
  other_side.judge({});
  ASSERT_TRUE(service->redrive("t", {}));
  const auto again = other_side.arrived().front();

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
  ASSERT_TRUE(eventually([&] { return other_side.count() == 2; }));
  const auto first = other_side.arrived().back();

  EXPECT_EQ(again.value, first.value);
  EXPECT_EQ(again.key, first.key);
  ASSERT_EQ(again.headers.size(), first.headers.size());
  for (std::size_t i = 0; i < first.headers.size(); ++i) {
    EXPECT_EQ(again.headers[i].first, first.headers[i].first);
    const auto& name = first.headers[i].first;
    if (name == "mqtt.message_id" || name == "mqtt.timestamp") continue;
    EXPECT_EQ(again.headers[i].second, first.headers[i].second) << name;
  }
}

TEST_F(LettersTest, StayWithTheNewReasonWhenTheyAreRefusedAgain) {
  reject(3);
  other_side.judge([](const Record& record) {
    return record.value == "1" ? Verdict::Rejected : Verdict::Delivered;
  });

  const auto report = service->redrive("t", {});

  EXPECT_FALSE(report->at("ok").as_bool());
  EXPECT_EQ(report->at("redriven").to_number<int>(), 2);
  EXPECT_EQ(report->at("refused").to_number<int>(), 1);
  EXPECT_EQ(report->at("left").to_number<int>(), 1);
  EXPECT_EQ(report->at("letters").as_array().size(), 1U);
  const auto letter = letters().at(0);
  EXPECT_EQ(letter.at("attempts").to_number<int>(), 2);
  EXPECT_EQ(letter.at("class"), "refused");
  EXPECT_LE(letter.at("first_rejected_at").as_string(), letter.at("rejected_at").as_string());
}

TEST_F(LettersTest, StayWhenTheTaskWouldPassThemOverNow) {
  reject(3);
  ASSERT_TRUE(service->change_task("t", parsed(R"({"where":"payload LIKE '1'"})")));

  const auto report = service->redrive("t", {});

  EXPECT_EQ(report->at("redriven").to_number<int>(), 1);
  EXPECT_EQ(report->at("refused").to_number<int>(), 2);
  EXPECT_EQ(left(), 2);
  EXPECT_THAT(std::string(letters().at(0).at("reason").as_string()), HasSubstr("where: "));
  EXPECT_EQ(letters().at(0).at("class"), "unmapped");
}

TEST_F(LettersTest, FollowTheTaskAsItIsNow) {
  ASSERT_TRUE(service->create_connection(connection(), {}));
  auto document = task();
  change(document, "/map/topic", "${payload.kind}");
  ASSERT_TRUE(service->create_task(document));
  publish(2);
  ASSERT_TRUE(eventually([&] { return left() == 2; }));
  const auto in_vain = service->redrive("t", {});
  EXPECT_EQ(in_vain->at("refused").to_number<int>(), 2);

  ASSERT_TRUE(service->change_task("t", parsed(R"({"map":{"topic":"mended"}})")));
  ASSERT_TRUE(service->redrive("t", {}));

  EXPECT_EQ(left(), 0);
  ASSERT_EQ(other_side.count(), 2U);
  EXPECT_EQ(other_side.arrived().front().topic, "mended");
}

TEST_F(LettersTest, GoOneByOne) {
  reject(3);
  const auto second = id_of(1);

  const auto report = service->redrive("t", std::span(&second, 1));
  EXPECT_EQ(report->at("redriven").to_number<int>(), 1);
  EXPECT_EQ(other_side.arrived().front().value, "1");
  EXPECT_EQ(service->dead_letter("t", second).error().code, "not_found");

  const auto first = id_of(0);
  EXPECT_EQ(service->dead_letter("t", first)->at("topic").as_string(), "a/b");
  ASSERT_TRUE(service->remove_dead_letter("t", first));
  EXPECT_EQ(service->remove_dead_letter("t", first).error().code, "not_found");
  EXPECT_EQ(left(), 1);
  ASSERT_TRUE(service->remove_dead_letters("t"));
  EXPECT_EQ(left(), 0);
  EXPECT_EQ(other_side.count(), 1U);
}

TEST_F(LettersTest, StayWhileTheOtherSideIsAway) {
  reject(2);
  other_side.refuse_writes(Error{Errc::InvalidArgument, "no such cluster"});

  const auto report = service->redrive("t", {});

  ASSERT_TRUE(report);
  EXPECT_EQ(report->at("stopped").as_string(), "no such cluster");
  EXPECT_EQ(report->at("left").to_number<int>(), 2);
}

// What was sent back once is sent again, in the same call.
TEST_F(LettersTest, AreTriedAgainWhenTheyComeBack) {
  reject(10);
  other_side.at_once(true);
  int times = 0;
  other_side.judge(
      [&times](const Record&) { return ++times <= 3 ? Verdict::RetryLater : Verdict::Delivered; });

  const auto report = service->redrive("t", {});

  EXPECT_EQ(report->at("redriven").to_number<int>(), 10) << json::serialize(*report);
  EXPECT_EQ(left(), 0);
}

TEST(SavedLetter, IsNotReadFromWhatIsNone) {
  for (const auto* text : {"", "{}", "[]", R"({"message_id":"00"})",
                           R"({"message_id":"00000000000000000000000000000001","payload":"%"})"})
    EXPECT_FALSE(decode_letter(text)) << text;
}

class PreviewTest : public ServiceTest {
 protected:
  static model::Message sample() {
    model::Message message;
    message.topic = "a/b";
    message.payload = R"({"kind":"x"})";
    message.client_id = "meter";
    message.timestamp_ms = 1'700'000'000'000;
    return message;
  }
  json::object preview(const json::value& task) {
    const auto shown = service->preview(task, sample());
    EXPECT_TRUE(shown) << shown.error().detail;
    return shown ? *shown : json::object();
  }
};

TEST_F(PreviewTest, ShowsTheVeryRecordThatTheTaskWrites) {
  create_both();
  const auto shown = preview("t");
  queues->publish({.topic = "a/b", .payload = R"({"kind":"x"})", .client_id = "meter"});
  ASSERT_TRUE(eventually([&] { return other_side.count() == 1; }));
  const auto written = other_side.arrived().front();

  EXPECT_TRUE(shown.at("ok").as_bool());
  EXPECT_TRUE(shown.at("matches").as_bool());
  const auto& record = shown.at("record").as_object();
  EXPECT_EQ(record.at("topic").as_string(), written.topic);
  EXPECT_EQ(record.at("key").as_string(), written.key);
  EXPECT_EQ(record.at("value").as_string(), written.value);
  EXPECT_EQ(record.at("partition").to_number<int>(), 3);
  EXPECT_EQ(record.at("headers").as_array().front().at("name").as_string(),
            written.headers.front().first);
}

TEST_F(PreviewTest, TakesADocumentThatIsNotSaved) {
  auto document = task("new");
  change(document, "/map/topic", "${payload.kind}");

  const auto without = preview(document);
  EXPECT_THAT(std::string(without.at("note").as_string()), HasSubstr("no such connection"));
  EXPECT_EQ(without.at("record").at("topic").as_string(), "x");

  ASSERT_TRUE(service->create_connection(connection(), {}));
  EXPECT_EQ(preview(document).at("record").at("bytes").to_number<int>(), 12);
  EXPECT_TRUE(service->tasks().empty());
  change(document, "/map/topic", "${");
  EXPECT_EQ(service->preview(document, sample()).error().code, "invalid_document");
  EXPECT_EQ(service->preview("nobody", sample()).error().code, "not_found");
}

TEST_F(PreviewTest, SaysWhyThereIsNoRecordAndWhatBecomesOfTheMessage) {
  auto document = task("new");
  change(document, "/map/topic", "${payload.id}");

  const auto missing = preview(document);
  EXPECT_FALSE(missing.at("ok").as_bool());
  EXPECT_THAT(std::string(missing.at("error").at("detail").as_string()),
              HasSubstr("${payload.id}"));
  EXPECT_EQ(missing.at("error").at("becomes").as_string(), "dead_letter");

  change(document, "/map/topic", "${topic}");
  change(document, "/delivery", json::object{{"rejected", "stop"}});
  const auto slashes = preview(document);
  EXPECT_EQ(slashes.at("error").at("detail").as_string(), "no slashes");
  EXPECT_EQ(slashes.at("error").at("becomes").as_string(), "stop");

  change(document, "/map/topic", "x");
  change(document, "/source/filters/0", "elsewhere/#");
  EXPECT_FALSE(preview(document).at("matches").as_bool());
}

TEST_F(PreviewTest, SaysThatAMessageIsPassedOverAndWhatItLacks) {
  auto document = task("new");
  change(document, "/where", "payload.kind = 'x' AND zone = 'a'");

  const auto unknown = preview(document);
  EXPECT_FALSE(unknown.at("ok").as_bool());
  EXPECT_EQ(unknown.at("where").as_string(), "unknown");
  EXPECT_EQ(unknown.at("error").at("detail").as_string(),
            "the condition is unknown; this message has no zone");
  EXPECT_EQ(unknown.at("error").at("becomes").as_string(), "filtered");
  EXPECT_FALSE(unknown.contains("record"));

  change(document, "/where", "payload.kind <> 'x'");
  EXPECT_EQ(preview(document).at("where").as_string(), "false");
  change(document, "/where", "payload.kind = 'x'");
  EXPECT_EQ(preview(document).at("where").as_string(), "true");
  EXPECT_TRUE(preview(document).contains("record"));
}

}  // namespace
}  // namespace sluice::connect
