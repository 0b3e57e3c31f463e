// What happened: GET /events and what stands on it, ADR 0052.
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <gmock/gmock.h>

#include "admin/event_feed.hpp"
#include "fixture.hpp"

namespace sluice::admin {
namespace {

namespace json = boost::json;
using broker::Event;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;
using namespace std::chrono_literals;

class EventsTest : public AdminTest {
 protected:
  EventFeed& feed() { return api_->feed(); }
  void tell(Event event, const std::string& client_id, const std::string& name = "x") {
    if (!feed().admits(event)) return;
    feed().take(event, {{"event", name}, {"clientid", client_id}, {"timestamp", clock_.wall_ms()}});
  }
  void tell_task(const std::string& task, const std::string& id, const std::string& state,
                 const std::string& reason = {}) {
    feed().take_task({{"event", "task." + state},
                      {"task", task},
                      {"task_id", id},
                      {"state", state},
                      {"reason", reason},
                      {"timestamp", clock_.wall_ms()}});
  }
  void round() { feed().round(); }
  std::vector<json::object> items(const std::string& target) {
    const auto response = get(target);
    EXPECT_EQ(response.status, 200U) << response.body;
    const auto page = object_of(response);
    next_ = page.at("next").is_string() ? std::string(page.at("next").as_string()) : std::string();
    std::vector<json::object> found;
    for (const auto& item : page.at("items").as_array()) found.push_back(item.as_object());
    return found;
  }
  std::vector<std::string> subjects(const std::string& query = {}) {
    std::vector<std::string> found;
    for (const auto& item : items("/api/v1/events?limit=1000" + query))
      found.emplace_back(item.at("subject").as_string());
    return found;
  }
  std::string next_;
};

TEST_F(EventsTest, AreFoundByKindSubjectAndTimeNewestFirst) {
  tell(Event::ClientConnected, "a", "client.connected");
  tell(Event::SessionCreated, "a", "session.created");
  round();
  clock_.advance(1h);
  tell(Event::ClientConnected, "b", "client.connected");
  tell_task("t", "01", "failed", "no");
  round();

  EXPECT_THAT(subjects(), ElementsAre("t", "b", "a", "a"));
  EXPECT_THAT(subjects("&kind=clients"), ElementsAre("b", "a"));
  EXPECT_THAT(subjects("&subject=a"), ElementsAre("a", "a"));
  EXPECT_THAT(subjects("&event=session.created"), ElementsAre("a"));
  EXPECT_THAT(subjects("&from=2026-03-01T13:30:00Z"), ElementsAre("t", "b"));
  EXPECT_THAT(subjects("&to=2026-03-01T13:30:00Z&kind=sessions"), ElementsAre("a"));
  EXPECT_THAT(items("/api/v1/clients/a/events"), SizeIs(2));
  EXPECT_THAT(items("/api/v1/clients/nobody/events"), IsEmpty());
  EXPECT_EQ(problem_code(get("/api/v1/events?kind=weather")), "invalid_parameter");
  EXPECT_EQ(problem_code(get("/api/v1/events?from=yesterday")), "invalid_parameter");
  EXPECT_EQ(problem_code(get("/api/v1/events?page=00ff")), "invalid_parameter");
  EXPECT_EQ(problem_code(get("/api/v1/tasks/none/events")), "not_found");
}

TEST_F(EventsTest, ComeInPagesThatStayRightWhileMoreHappens) {
  for (int i = 0; i < 5; ++i) tell(Event::ClientConnected, std::to_string(i));
  round();
  ASSERT_THAT(items("/api/v1/events?limit=2"), SizeIs(2));
  tell(Event::ClientConnected, "later");
  round();
  std::vector<std::string> rest;
  while (!next_.empty())
    for (const auto& item : items("/api/v1/events?limit=2&page=" + next_))
      rest.emplace_back(item.at("subject").as_string());
  EXPECT_THAT(rest, ElementsAre("2", "1", "0"));
}

TEST_F(EventsTest, AreThereAfterARestartAndTheirNumbersGoOn) {
  tell(Event::ClientConnected, "before");
  round();
  const auto old = std::stoull(std::string(items("/api/v1/events")[0].at("id").as_string()));
  make_api();
  tell(Event::ClientConnected, "after");
  round();

  const auto all = items("/api/v1/events");
  ASSERT_THAT(subjects(), ElementsAre("after", "before"));
  EXPECT_GT(std::stoull(std::string(all[0].at("id").as_string())), old);
  EXPECT_THAT(subjects("&after=" + std::to_string(old)), ElementsAre("after"));
}

TEST_F(EventsTest, AreSoManyAndAStormPushesOutNoOtherKind) {
  make_api({.event_records = 100});
  for (int i = 0; i < 20; ++i) tell_task("t", "01", "running");
  round();
  for (int i = 0; i < 300; ++i) tell(Event::ClientConnected, std::to_string(i));
  round();

  EXPECT_THAT(subjects(), SizeIs(100));
  EXPECT_THAT(subjects("&kind=tasks"), SizeIs(20)) << "within its quarter";
  EXPECT_EQ(subjects("&kind=clients").front(), "299");
  make_api({.event_records = 100});
  EXPECT_THAT(subjects(), SizeIs(100));
}

TEST_F(EventsTest, GoOnInAStreamWhereItEnded) {
  tell(Event::ClientConnected, "known");
  round();
  const std::string id(items("/api/v1/events")[0].at("id").as_string());
  tell(Event::ClientConnected, "missed");
  tell(Event::SessionCreated, "of another kind");
  round();
  tell(Event::ClientConnected, "under way");

  auto again = request(Method::Get, "/api/v1/stream?kinds=clients");
  again.authorization = "Bearer " + token_;
  again.last_event_id = id;
  const auto stream = api_->answer(again).live;
  ASSERT_NE(stream, nullptr);
  round();
  const auto text = stream->take();

  EXPECT_THAT(text, Not(HasSubstr("known")));
  EXPECT_THAT(text, Not(HasSubstr("another kind")));
  EXPECT_LT(text.find("\"subject\":\"missed\""), text.find("\"subject\":\"under way\""));
  constexpr std::string_view kUnderWay = R"("subject":"under way")";
  EXPECT_EQ(text.find(kUnderWay), text.rfind(kUnderWay)) << "told once";
  EXPECT_THAT(text, Not(HasSubstr("event: missed")));
}

TEST_F(EventsTest, SayThatSomeHaveGoneWhenAStreamGoesOn) {
  make_api({.event_records = 100});
  tell(Event::ClientConnected, "first");
  round();
  const std::string id(items("/api/v1/events")[0].at("id").as_string());
  for (int i = 0; i < 200; ++i) tell(Event::ClientConnected, std::to_string(i));
  round();

  const auto stream = get("/api/v1/stream?kinds=clients&after=" + id).live;
  ASSERT_NE(stream, nullptr);
  const auto text = stream->take();
  EXPECT_THAT(text, StartsWith("event: missed\ndata: {\"missed\":null}\n\n"));
  EXPECT_THAT(text, HasSubstr("\"subject\":\"199\""));
  EXPECT_EQ(problem_code(get("/api/v1/stream?after=soon")), "invalid_parameter");
}

TEST_F(EventsTest, CountWhatATaskRejectsByReason) {
  ASSERT_TRUE(integration_.start().has_value());
  ASSERT_EQ(
      post("/api/v1/connections", R"({"name":"m","type":"memory","settings":{"address":"here"}})")
          .status,
      201U);
  const auto made = post("/api/v1/tasks", R"({"name":"t","source":{"type":"local","filters":["a"]},
      "map":{"topic":"x"},"sink":{"type":"memory","connection":"m"}})");
  ASSERT_EQ(made.status, 201U) << made.body;
  const std::string id(object_of(made).at("id").as_string());
  for (const auto* message : {"0a", "0b", "0c"})
    feed().take_rejection({.task = "t", .task_id = id, .reason = "no key", .message_id = message});
  tell_task("t", id, "waiting", "nobody answers");
  round();
  clock_.advance(10s);
  feed().take_rejection({.task = "t", .task_id = id, .reason = "no key", .message_id = "0d"});
  feed().take_rejection({.task = "o", .task_id = "02", .reason = "other", .message_id = "0e"});
  round();

  const auto events = items("/api/v1/tasks/t/events");
  ASSERT_THAT(events, SizeIs(3));
  EXPECT_EQ(events[0].at("count"), 1);
  EXPECT_EQ(events[1].at("count"), 3);
  EXPECT_EQ(events[1].at("message_id"), "0c");
  const auto errors = items("/api/v1/tasks/t/errors");
  ASSERT_THAT(errors, SizeIs(2));
  EXPECT_EQ(errors[0].at("reason"), "no key");
  EXPECT_EQ(errors[0].at("count"), 4);
  EXPECT_EQ(errors[0].at("first"), "2026-03-01T13:00:00.000Z");
  EXPECT_EQ(errors[0].at("last"), "2026-03-01T13:00:10.000Z");
  EXPECT_EQ(errors[1].at("event"), "task.waiting");
  EXPECT_EQ(items("/api/v1/tasks/t/errors?event=task.waiting").size(), 1U);
}

TEST_F(EventsTest, BoundWhatReasonsThereAre) {
  for (std::size_t i = 0; i < EventFeed::kMostReasons + 50; ++i)
    feed().take_rejection(
        {.task = "t", .task_id = "01", .reason = std::to_string(i), .message_id = {}});
  round();
  const auto all = items("/api/v1/events?kind=tasks&limit=1000");
  ASSERT_THAT(all, SizeIs(EventFeed::kMostReasons + 1));
  std::int64_t count = 0;
  for (const auto& each : all) count += each.at("count").to_number<std::int64_t>();
  EXPECT_EQ(count, static_cast<std::int64_t>(EventFeed::kMostReasons) + 50);
}

TEST_F(EventsTest, LetAnAuditRecordBeShownAlone) {
  ASSERT_EQ(post("/api/v1/users", R"({"name":"meter","password":"canary-4711"})").status, 201U);
  const auto record = items("/api/v1/audit")[0];
  const auto shown = get("/api/v1/audit/" + std::string(record.at("id").as_string()));
  EXPECT_EQ(shown.status, 200U);
  EXPECT_EQ(object_of(shown), record);
  EXPECT_EQ(problem_code(get("/api/v1/audit/4711")), "not_found");
  EXPECT_EQ(problem_code(get("/api/v1/audit/x")), "not_found");
}

}  // namespace
}  // namespace sluice::admin
