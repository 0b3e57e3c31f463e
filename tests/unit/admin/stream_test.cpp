// What is told while it happens: GET /stream, ADR 0052; security cases F (bounds of what a client
// can make grow).
#include <atomic>
#include <future>
#include <thread>

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

class StreamTest : public AdminTest {
 protected:
  EventFeed& feed() { return api_->feed(); }
  std::shared_ptr<LiveStream> listen(const std::string& query = "") {
    const auto response = get("/api/v1/stream" + query);
    EXPECT_EQ(response.status, 200U) << response.body;
    EXPECT_EQ(response.content_type, "text/event-stream");
    return response.live;
  }
  bool tell(Event event, const std::string& client_id) {
    if (!feed().admits(event)) return false;
    feed().take(event, {{"event", "client.connected"},
                        {"clientid", client_id},
                        {"username", nullptr},
                        {"peername", "192.0.2.1"},
                        {"node", "n"},
                        {"proto_ver", 5},
                        {"timestamp", clock_.wall_ms()}});
    return true;
  }
  void round() { feed().round(); }
  // The `data` of every message, parsed.
  static std::vector<json::object> data_of(const std::string& text) {
    std::vector<json::object> found;
    for (std::size_t at = text.find("data: "); at != std::string::npos;
         at = text.find("data: ", at + 1)) {
      const auto begin = at + 6;
      found.push_back(json::parse(text.substr(begin, text.find('\n', begin) - begin)).as_object());
    }
    return found;
  }
};

TEST_F(StreamTest, TellsWhatHappensUnderTheNamesOfTheApi) {
  const auto stream = listen("?kinds=clients");

  ASSERT_TRUE(tell(Event::ClientConnected, "meter\n1"));
  ASSERT_TRUE(tell(Event::SessionCreated, "meter\n1"));
  round();

  const auto text = stream->take();
  EXPECT_THAT(text, StartsWith("event: clients\nid: "));
  EXPECT_THAT(text, testing::EndsWith("}\n\n"));
  const auto all = data_of(text);
  ASSERT_THAT(all, SizeIs(1)) << "sessions were not asked for: " << text;
  EXPECT_EQ(all[0].at("subject"), "meter\n1");
  EXPECT_EQ(all[0].at("client_id"), "meter\n1");
  EXPECT_EQ(all[0].at("address"), "192.0.2.1");
  EXPECT_EQ(all[0].at("protocol"), "5.0");
  EXPECT_EQ(all[0].at("time"), "2026-03-01T13:00:00.000Z");
  EXPECT_FALSE(all[0].contains("peername"));
}

TEST_F(StreamTest, TellsOfChangesByRest) {
  const auto stream = listen("?kinds=audit");

  ASSERT_EQ(post("/api/v1/users", R"({"name":"meter","password":"canary-4711"})").status, 201U);
  round();

  const auto text = stream->take();
  EXPECT_THAT(text, HasSubstr(R"("operation":"createUser")"));
  EXPECT_THAT(text, Not(HasSubstr("canary-4711")));
}

TEST_F(StreamTest, TakesNothingWhileNobodyListensAndNothingIsKept) {
  make_api({.event_records = 0});
  EXPECT_FALSE(tell(Event::ClientConnected, "a"));
  auto stream = listen();
  EXPECT_TRUE(tell(Event::ClientConnected, "a"));
  stream.reset();
  clock_.advance(1s);
  round();
  EXPECT_FALSE(tell(Event::ClientConnected, "a"));
}

TEST_F(StreamTest, SaysHowMuchOfAStormItLeftOut) {
  const auto stream = listen("?kinds=clients,tasks");
  for (std::uint32_t i = 0; i < EventFeed::kPerSecond[0] + 7; ++i)
    tell(Event::ClientConnected, std::to_string(i));
  feed().take_task({{"event", "task.failed"}, {"task", "t"}, {"timestamp", 0}});
  round();
  const auto storm = data_of(stream->take());
  clock_.advance(1s);
  ASSERT_TRUE(tell(Event::ClientConnected, "later"));
  round();
  const auto later = data_of(stream->take());

  ASSERT_THAT(storm, SizeIs(EventFeed::kPerSecond[0] + 1));
  EXPECT_EQ(storm.back().at("subject"), "t") << "a storm of clients keeps nothing from tasks";
  ASSERT_FALSE(later.empty());
  EXPECT_EQ(later.front().at("left_out"), 7);
  EXPECT_THAT(metrics_.exposition(), HasSubstr("sluice_events_left_out_total{kind=\"clients\"} 7"));
}

TEST_F(StreamTest, TellsASlowReaderHowMuchItMissedAndKeepsNoMoreForIt) {
  const auto slow = listen("?kinds=tasks");
  const std::string reason(60'000, 'x');
  for (int i = 0; i < 10; ++i) {
    feed().take_task(
        {{"event", "task.failed"}, {"task", "t"}, {"reason", reason}, {"timestamp", 0}});
    round();
  }
  const auto text = slow->take();

  EXPECT_LE(text.size(), LiveStream::kMostBytes + 100);
  EXPECT_THAT(text, testing::EndsWith("event: missed\ndata: {\"missed\":6}\n\n"));
  EXPECT_THAT(slow->take(), IsEmpty());
}

TEST_F(StreamTest, SamplesOnceForAllAndOnlyWhileTheyListen) {
  int samples = 0;
  feed().set_overview([&] { return json::object{{"sample", ++samples}}; });
  auto one = listen("?kinds=overview");
  auto other = listen("?kinds=overview,clients");
  for (int i = 0; i < 6; ++i) {
    clock_.advance(1s);
    round();
  }
  EXPECT_EQ(samples, 3);
  EXPECT_THAT(data_of(one->take()), SizeIs(3));
  EXPECT_THAT(data_of(other->take()), SizeIs(3));
  one.reset();
  other.reset();
  const auto third = listen("?kinds=clients");
  for (int i = 0; i < 6; ++i) {
    clock_.advance(1s);
    round();
  }
  EXPECT_EQ(samples, 3);
}

TEST_F(StreamTest, SaysSomethingNowAndThenSoThatNobodyHangsUp) {
  const auto stream = listen("?kinds=clients");
  std::string text;
  for (int i = 0; i < 31; ++i) {
    clock_.advance(1s);
    round();
    text += stream->take();
  }
  EXPECT_EQ(text, ":\n\n:\n\n:\n\n");
}

TEST_F(StreamTest, EndsWithTheLoginThatOpenedIt) {
  const auto made =
      object_of(post("/api/v1/tokens", R"({"name":"t","role":"viewer","expires_in":"1h"})"));
  const auto local = std::exchange(token_, std::string(made.at("token").as_string()));
  const auto stream = listen("?kinds=clients");
  token_ = local;
  clock_.advance(1s);
  round();
  EXPECT_FALSE(stream->is_ended());
  (void)stream->take();

  ASSERT_EQ(del("/api/v1/tokens/t").status, 204U);
  clock_.advance(1s);
  round();

  EXPECT_EQ(stream->take(), "event: end\ndata: {\"code\":\"session_ended\"}\n\n");
  EXPECT_TRUE(stream->is_ended());
}

// The answers that it looks at, each with a round of their own.
class WatchTest : public StreamTest {
 protected:
  std::vector<json::object> answers(const std::shared_ptr<LiveStream>& stream) {
    api_->watched().round();
    return data_of(stream->take());
  }
  json::object made(const std::string& name) {
    return object_of(
        post("/api/v1/users", R"({"name":")" + name + R"(","password":"correct horse"})"));
  }
};

TEST_F(WatchTest, TellsAnAnswerOnceAndThenWhenItIsAnother) {
  const auto stream = listen("?kinds=audit&watch=/users%3Flimit%3D5");
  const auto first = answers(stream);
  ASSERT_THAT(first, SizeIs(1));
  EXPECT_EQ(first[0].at("target"), "/users?limit=5") << "as it was asked for";
  EXPECT_EQ(first[0].at("status"), 200);
  EXPECT_EQ(first[0].at("body"), object_of(get("/api/v1/users?limit=5")));
  api_->watched().round();
  EXPECT_EQ(stream->take(), "event: unchanged\ndata: {\"targets\":[\"/users?limit=5\"]}\n\n");

  ASSERT_TRUE(made("meter").contains("id"));

  const auto second = answers(stream);
  ASSERT_THAT(second, SizeIs(1));
  EXPECT_EQ(second[0].at("body").at("items").as_array().size(), 1U);
}

TEST_F(WatchTest, TellsOfWhatIsGoneOrLargeWithoutABody) {
  ASSERT_TRUE(made("meter").contains("id"));
  const auto stream = listen("?kinds=audit&watch=/users/meter%20/settings");
  ASSERT_THAT(answers(stream), SizeIs(2));

  ASSERT_EQ(del("/api/v1/users/meter").status, 204U);

  const auto gone = answers(stream);
  ASSERT_THAT(gone, SizeIs(2)) << "and the one that is as it was";
  EXPECT_EQ(gone[0].at("target"), "/users/meter");
  EXPECT_EQ(gone[0].at("status"), 404);
  EXPECT_FALSE(gone[0].contains("body"));
  const Response large{.body = std::string(WatchedAnswers::kMostBytes + 1, '1')};
  EXPECT_EQ(answer_event("/api/v1/clients", large),
            "event: answer\ndata: {\"target\":\"/clients\",\"status\":200}\n\n");
  const Response lines{.body = "{\n}"};
  EXPECT_THAT(answer_event("/api/v1/clients", lines), Not(HasSubstr("body")));
}

TEST_F(WatchTest, AnswersOnceForAllWhoMayAndNotForWhoMayNot) {
  int asked = 0;
  WatchedAnswers watched([&](const Request&) {
    ++asked;
    return Response{.body = "{}"};
  });
  const auto one = listen("?kinds=audit"), other = listen("?kinds=audit");
  auto listening = request(Method::Get, "/api/v1/stream");
  listening.authorization = "Bearer a";
  watched.watch(one, listening, {"/api/v1/tasks", "/api/v1/overview"});
  watched.watch(other, listening, {"/api/v1/tasks"});
  watched.round();
  EXPECT_EQ(asked, 2);
  EXPECT_THAT(data_of(one->take()), SizeIs(2));
  EXPECT_THAT(data_of(other->take()), SizeIs(1));

  listening.authorization = "Bearer b";
  const auto third = listen("?kinds=audit");
  watched.watch(third, listening, {"/api/v1/tasks"});
  watched.round(true);
  EXPECT_EQ(asked, 3) << "of another login, and only of those who have just come";

  const auto token =
      object_of(post("/api/v1/tokens", R"({"name":"t","role":"viewer","scope":["stream"]})"));
  token_ = token.at("token").as_string();
  const auto narrow = listen("?watch=/tasks");
  const auto refused = answers(narrow);
  ASSERT_THAT(refused, SizeIs(1));
  EXPECT_EQ(refused[0].at("status"), 403);
}

TEST_F(WatchTest, WhatASlowReaderHadNoRoomForComesLater) {
  WatchedAnswers watched([](const Request&) { return Response{.body = std::string(60'000, '1')}; });
  const auto slow = listen("?kinds=audit");
  watched.watch(slow, request(Method::Get, "/api/v1/stream"),
                {"/api/v1/a", "/api/v1/b", "/api/v1/c", "/api/v1/d", "/api/v1/e"});
  watched.round();
  EXPECT_LE(slow->take().size(), LiveStream::kMostBytes + 100);

  watched.round();

  EXPECT_THAT(slow->take(), HasSubstr("\"target\":\"/e\""));
}

TEST_F(WatchTest, KeepsOfTheRequestWhoAsksAndNothingElse) {
  std::vector<Request> asked;
  WatchedAnswers watched([&](const Request& request) {
    asked.push_back(request);
    return Response{.body = "{}"};
  });
  const auto stream = listen("?kinds=audit");
  auto listening = request(Method::Get, "/api/v1/stream", std::string(100'000, 'x'));
  listening.cookie = "sluice_session=a";
  listening.if_none_match = "*";
  watched.watch(stream, listening, {"/api/v1/tasks"});

  watched.round();

  ASSERT_THAT(asked, SizeIs(1));
  EXPECT_EQ(asked[0].target, "/api/v1/tasks");
  EXPECT_EQ(asked[0].cookie, "sluice_session=a");
  EXPECT_EQ(asked[0].host, listening.host);
  EXPECT_THAT(asked[0].body, IsEmpty());
  EXPECT_THAT(asked[0].if_none_match, IsEmpty());
}

TEST_F(WatchTest, AnswersNobodyWhoHasGone) {
  int asked = 0;
  WatchedAnswers watched([&](const Request&) {
    ++asked;
    return Response{.body = "{}"};
  });
  watched.watch(listen("?kinds=audit"), request(Method::Get, "/api/v1/stream"), {"/api/v1/tasks"});
  const auto ended = listen("?kinds=audit");
  ended->end("session_ended");
  EXPECT_THAT(ended->take(), HasSubstr("session_ended"));
  watched.watch(ended, request(Method::Get, "/api/v1/stream"), {"/api/v1/tasks"});
  watched.round();
  EXPECT_EQ(asked, 0);
}

TEST_F(WatchTest, RefusesWhatNobodyCanLookAt) {
  for (const auto* wrong :
       {"/clients%20/nothing-here", "/stream", "/tasks/t/seek-preview?start=now", "/tasks:preview",
        "/openapi.yaml", "clients", "/../../health/ready"}) {
    EXPECT_EQ(problem_code(get(std::string("/api/v1/stream?watch=") + wrong)), "invalid_parameter")
        << wrong;
  }
  std::string many = "/overview";
  for (std::size_t i = 0; i < WatchedAnswers::kMostOfStream; ++i) many += "%20/overview";
  EXPECT_EQ(problem_code(get("/api/v1/stream?watch=" + many)), "invalid_parameter");
}

TEST_F(WatchTest, ItsThreadAnswersWhoHasJustCome) {
  std::promise<void> told;
  api_->watched().start();
  const auto stream = listen("?kinds=audit&watch=/overview");
  stream->on_ready([&] { told.set_value(); });

  ASSERT_EQ(told.get_future().wait_for(30s), std::future_status::ready);

  stream->on_ready({});
  api_->watched().stop();
  EXPECT_THAT(stream->take(), HasSubstr("\"health\":{\"status\":\"ready\"}"));
}

TEST_F(WatchTest, AStopWaitsForOneAnswerAtMost) {
  std::promise<void> asked_first, may_go_on;
  std::atomic<int> asked = 0;
  WatchedAnswers watched([&, go_on = may_go_on.get_future().share()](const Request&) {
    if (++asked == 1) asked_first.set_value();
    go_on.wait();
    return Response{.body = "{}"};
  });
  const auto stream = listen("?kinds=audit");
  watched.watch(stream, request(Method::Get, "/api/v1/stream"), {"/api/v1/a", "/api/v1/b"});
  watched.start();
  asked_first.get_future().wait();
  std::thread stopping([&] { watched.stop(); });
  while (!watched.is_stopping()) std::this_thread::yield();

  may_go_on.set_value();
  stopping.join();

  EXPECT_EQ(asked, 1);
}

TEST_F(StreamTest, TakesSoManyOfAnAccountAndInAll) {
  std::vector<std::shared_ptr<LiveStream>> open;
  for (std::size_t i = 0; i < EventFeed::kMostOfAccount; ++i) open.push_back(listen());
  const auto refused = get("/api/v1/stream");
  EXPECT_EQ(refused.status, 429U);
  EXPECT_EQ(problem_code(refused), "too_many_streams");
  for (std::size_t i = open.size(); i < EventFeed::kMostStreams; ++i) {
    auto other = feed().open({.kinds = {}, .account = std::to_string(i), .is_allowed = {}});
    ASSERT_TRUE(other.has_value());
    open.push_back(*std::move(other));
  }
  open.erase(open.begin());
  open.push_back(*feed().open({.kinds = {}, .account = "x", .is_allowed = {}}));
  EXPECT_EQ(problem_code(get("/api/v1/stream")), "overloaded");
  open.pop_back();
  EXPECT_NE(listen(), nullptr) << "one that has gone makes room";
}

TEST_F(StreamTest, RefusesWhoMayNotAndWhatThereIsNot) {
  EXPECT_EQ(problem_code(get("/api/v1/stream?kinds=clients,weather")), "invalid_parameter");
  EXPECT_EQ(problem_code(get("/api/v1/stream?kinds=")), "invalid_parameter");
  const auto made = object_of(
      post("/api/v1/tokens", R"({"name":"t","role":"viewer","scope":["stream","clients"]})"));
  token_ = made.at("token").as_string();
  EXPECT_EQ(problem_code(get("/api/v1/stream?kinds=clients,audit")), "scope_needed");
  const auto stream = listen();
  ASSERT_TRUE(tell(Event::SessionCreated, "s"));
  feed().take_task({{"event", "task.failed"}, {"task", "t"}, {"timestamp", 0}});
  round();
  EXPECT_THAT(data_of(stream->take()), SizeIs(1)) << "only what the scope names";
  token_.clear();
  EXPECT_EQ(problem_code(get("/api/v1/stream")), "not_logged_in");
}

}  // namespace
}  // namespace sluice::admin
