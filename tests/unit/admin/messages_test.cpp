// Messages: found by topic and time, shown, traced, published.
#include <boost/json/array.hpp>
#include <gmock/gmock.h>

#include "admin/message_json.hpp"
#include "base/base64.hpp"
#include "broker/access/login_guard.hpp"
#include "connect/origins.hpp"
#include "fixture.hpp"

namespace sluice::admin {
namespace {

namespace json = boost::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::int64_t kNoon = 1'772'366'400'000;  // 2026-03-01T12:00:00Z

class MessagesTest : public AdminTest {
 protected:
  model::MessageId keep(std::string_view topic, std::string_view payload,
                        std::int64_t time_ms = kNoon, std::string_view properties = {}) {
    store_.set_time(time_ms);
    const auto batch = store_.new_batch();
    store::NewMessage message;
    message.topic = topic;
    message.payload = payload;
    message.properties = properties;
    message.client_id = "meter-1";
    message.host = "192.0.2.1";
    message.qos = 1;
    batch->add_message(message, {});
    EXPECT_TRUE(store_.append(batch));
    return batch->message(0).id;
  }

  [[nodiscard]] std::vector<std::string> payloads(const std::string& query) {
    std::vector<std::string> found;
    const auto answer = get("/api/v1/messages" + query);
    EXPECT_EQ(answer.status, 200U) << answer.body;
    if (answer.status != 200) return found;
    const auto body = object_of(answer);
    for (const auto& item : body.at("items").get_array()) {
      found.emplace_back(item.at("payload").get_string());
    }
    const auto& next = body.at("next");
    next_ = next.is_string() ? std::string(next.get_string()) : "";
    return found;
  }

  std::string next_;
};

TEST_F(MessagesTest, AreFoundByFilterTimeAndOrder) {
  keep("plant/7/state", "1", kNoon);
  keep("plant/8/state", "2", kNoon + 60'000);
  keep("plant/7/state", "3", kNoon + 120'000);

  EXPECT_THAT(payloads("?filter=plant/7/%23"), ElementsAre("3", "1"));
  EXPECT_THAT(payloads("?filter=plant/7/%23&order=oldest"), ElementsAre("1", "3"));
  EXPECT_THAT(payloads("?from=2026-03-01T12:01:00Z"), ElementsAre("3", "2"));
  EXPECT_THAT(payloads("?to=2026-03-01T12:01:00Z"), ElementsAre("1"));
  EXPECT_THAT(payloads("?from=2026-03-01T12:01:00Z&to=2026-03-01T13:02:00%2B01:00"),
              ElementsAre("2"));
  EXPECT_THAT(payloads("?filter=other"), IsEmpty());
}

TEST_F(MessagesTest, ComeInPages) {
  for (int i = 0; i < 5; ++i) keep("a", std::to_string(i));

  EXPECT_THAT(payloads("?limit=2"), ElementsAre("4", "3"));
  EXPECT_THAT(payloads("?limit=2&page=" + next_), ElementsAre("2", "1"));
  EXPECT_THAT(payloads("?limit=2&page=" + next_), ElementsAre("0"));
  EXPECT_EQ(next_, "");
}

TEST_F(MessagesTest, AWrongQuestionSaysWhatIsRight) {
  const auto refused = [&](const std::string& query, std::string_view about) {
    const auto answer = get("/api/v1/messages?" + query);
    EXPECT_EQ(answer.status, 400U) << query;
    EXPECT_EQ(problem_code(answer), "invalid_parameter") << query;
    EXPECT_THAT(answer.body, HasSubstr(std::string(about))) << query;
  };

  refused("filter=plant/%23/state", "filter must be a topic filter");
  refused("filter=", "filter must be");
  refused("filter=$share/g/a", "$share");
  refused("from=yesterday", "from must be a time");
  refused("to=2026-13-01T00:00:00Z", "to must be a time");
  refused("from=2026-03-02T00:00:00Z&to=2026-03-01T00:00:00Z", "not be later");
  refused("order=random", "newest or oldest");
  refused("limit=0", "limit must be");
  refused("page=xyz", "page must be");
  refused("page=abcd", "page must be");
  keep("a", "1");
  keep("a", "2");
  static_cast<void>(payloads("?limit=1"));
  refused("order=oldest&page=" + next_, "same order");
}

TEST_F(MessagesTest, AreShownWithAllThatIsKnown) {
  std::string properties;
  mqtt::PropertyWriter writer(properties);
  writer.text(mqtt::PropertyId::ContentType, "text/plain");
  writer.user("unit", "C");
  writer.user("unit", "F");
  const auto id = keep("plant/7/state", "21 \xC2\xB0", kNoon, properties);

  const auto answer = get("/api/v1/messages/" + model::to_hex(id));

  ASSERT_EQ(answer.status, 200U) << answer.body;
  const auto body = object_of(answer);
  EXPECT_EQ(body.at("id").get_string(), model::to_hex(id));
  EXPECT_EQ(body.at("timestamp").get_string(), "2026-03-01T12:00:00.000Z");
  EXPECT_EQ(body.at("topic").get_string(), "plant/7/state");
  EXPECT_EQ(body.at("client_id").get_string(), "meter-1");
  EXPECT_TRUE(body.at("username").is_null());
  EXPECT_EQ(body.at("payload").get_string(), "21 \xC2\xB0");
  EXPECT_EQ(body.at("payload_base64").get_string(), "MjEgwrA=");
  EXPECT_FALSE(body.at("truncated").get_bool());
  EXPECT_EQ(body.at("content_type").get_string(), "text/plain");
  EXPECT_EQ(body.at("user_properties").get_array().size(), 2U);
}

TEST_F(MessagesTest, ALargeOrBinaryPayloadIsShownInPart) {
  std::string text(kShownPayload - 1, 'x');
  text += "\xC2\xB0 and more";
  const auto cut = object_of(get("/api/v1/messages/" + model::to_hex(keep("a", text))));
  EXPECT_TRUE(cut.at("truncated").get_bool());
  EXPECT_EQ(cut.at("payload_bytes").to_number<std::size_t>(), text.size());
  EXPECT_EQ(cut.at("payload").get_string(), std::string(kShownPayload - 1, 'x'))
      << "no half of a character";

  const auto binary = object_of(get("/api/v1/messages/" + model::to_hex(keep("a", "\xFF\x00x"))));
  EXPECT_TRUE(binary.at("payload").is_null());
  EXPECT_EQ(binary.at("payload_base64").get_string(), "/w==");  // the literal ends at its NUL
}

TEST_F(MessagesTest, AnIdThatDoesNotFitIsNotFound) {
  auto id = keep("a", "1");
  const auto path = [](const model::MessageId& named) {
    return "/api/v1/messages/" + model::to_hex(named);
  };
  id.time_and_node += 1;
  EXPECT_EQ(problem_code(get(path(id))), "not_found");
  id.time_and_node -= 1;
  id.position += 1;
  EXPECT_EQ(problem_code(get(path(id))), "not_found");
  EXPECT_EQ(problem_code(get("/api/v1/messages/nonsense")), "not_found");
  EXPECT_EQ(problem_code(get("/api/v1/messages/" + std::string(32, 'g'))), "not_found");
  EXPECT_EQ(problem_code(get(path(id) + "/trace")), "not_found");
}

TEST_F(MessagesTest, ATraceSaysWhoHasPassedIt) {
  const auto id = keep("plant/7/state", "1");
  auto with_consumers = sources();
  with_consumers.consumers = [](const model::Message& message) {
    return json::object{{"sessions", json::array{message.topic}}};
  };
  Api api(with_consumers, accounts_, {});
  auto asked = request(Method::Get, "/api/v1/messages/" + model::to_hex(id) + "/trace");
  asked.authorization = "Bearer " + api.create_local_token();

  const auto answer = api.answer(asked);

  ASSERT_EQ(answer.status, 200U) << answer.body;
  const auto body = object_of(answer);
  EXPECT_EQ(body.at("received").at("client_id").get_string(), "meter-1");
  EXPECT_TRUE(body.at("durable").get_bool());
  EXPECT_EQ(body.at("sessions").get_array().at(0).get_string(), "plant/7/state");
}

TEST_F(MessagesTest, TopicsAreCountedInTheNewestMessages) {
  const auto at = clock_.wall_ms() - 10'000;
  for (int i = 0; i < 20; ++i) keep("plant/" + std::to_string(i % 2) + "/state", "x", at);
  keep("site", "x", at);

  const auto body = object_of(get("/api/v1/topics"));
  const auto& items = body.at("items").get_array();
  ASSERT_EQ(items.size(), 2U);
  EXPECT_EQ(items[0].at("topic").get_string(), "plant");
  EXPECT_EQ(items[0].at("messages").to_number<int>(), 20);
  EXPECT_DOUBLE_EQ(items[0].at("per_second").to_number<double>(), 2.0);
  EXPECT_EQ(items[1].at("topic").get_string(), "site");
  EXPECT_TRUE(body.at("whole_log").get_bool());

  const auto deeper = object_of(get("/api/v1/topics?depth=2&filter=plant/%23"));
  ASSERT_EQ(deeper.at("items").get_array().size(), 2U);
  EXPECT_EQ(deeper.at("items").get_array()[0].at("topic").get_string(), "plant/0");
  EXPECT_EQ(problem_code(get("/api/v1/topics?depth=0")), "invalid_parameter");
  EXPECT_EQ(problem_code(get("/api/v1/topics?filter=a/%23/b")), "invalid_parameter");
}

class PublishTest : public MessagesTest {
 protected:
  Response publish(const std::string& body, const std::string& authorization = {}) {
    auto with_publish = sources();
    with_publish.publish =
        [this](const broker::OutsideMessage& message) -> Outcome<broker::Published> {
      published_ = message;
      return broker::Published{{1, 2}, message.topic != "for/nobody"};
    };
    Api api(with_publish, accounts_, {});
    auto asked = request(Method::Post, "/api/v1/messages", body);
    asked.authorization =
        authorization.empty() ? "Bearer " + api.create_local_token() : authorization;
    asked.origins = origins_;
    return api.answer(asked);
  }
  void add_user(std::string_view name) {
    ASSERT_TRUE(access_.create_user({{"name", name}, {"password", "secret:1"}}));
  }
  static std::string basic(std::string_view login) { return "Basic " + base64(login); }

  std::optional<broker::OutsideMessage> published_;
  std::string origins_;
};

TEST_F(PublishTest, TakesAMessageWithItsProperties) {
  const auto answer = publish(
      R"({"topic":"plant/7/set","payload_base64":"/wA=","qos":2,"retain":true,"username":"meter",
          "content_type":"text/plain","user_properties":{"unit":"C"},"message_expiry":60})");

  ASSERT_EQ(answer.status, 201U) << answer.body;
  EXPECT_EQ(object_of(answer).at("id").get_string(), "00000000000000010000000000000002");
  EXPECT_TRUE(object_of(answer).at("matching_subscribers").get_bool());
  EXPECT_EQ(header_of(answer, "Location"), "/api/v1/messages/00000000000000010000000000000002");
  ASSERT_TRUE(published_);
  EXPECT_EQ(published_->topic, "plant/7/set");
  EXPECT_EQ(published_->payload, std::string("\xFF\0", 2));
  EXPECT_EQ(published_->qos, mqtt::Qos::ExactlyOnce);
  EXPECT_TRUE(published_->retain);
  EXPECT_TRUE(published_->checks_policies);
  EXPECT_EQ(published_->client.host, "127.0.0.1");
  const auto properties = mqtt::Properties::from_checked(published_->properties);
  EXPECT_EQ(properties.text(mqtt::PropertyId::ContentType), "text/plain");
  EXPECT_EQ(properties.number(mqtt::PropertyId::MessageExpiryInterval), 60U);
}

TEST_F(PublishTest, WithoutAUserTheAdministratorsRightDecides) {
  ASSERT_EQ(publish(R"({"topic":"a","payload":"1"})").status, 201U);
  EXPECT_FALSE(published_->checks_policies);
  EXPECT_FALSE(published_->client.has_username);
  EXPECT_EQ(published_->qos, mqtt::Qos::AtLeastOnce);
}

TEST_F(PublishTest, SaysWhetherThereIsSomebodyToReach) {
  const auto answer = publish(R"({"topic":"for/nobody","payload":"1"})");
  EXPECT_FALSE(object_of(answer).at("matching_subscribers").get_bool());
}

TEST_F(PublishTest, KeepsWhichTasksHaveCarriedIt) {
  origins_ = "aaaa,>bbbb";
  ASSERT_EQ(publish(R"({"topic":"a","user_properties":{"sluice-origins":"x"}})").status, 201U);
  model::Message message;
  message.properties = published_->properties;
  EXPECT_EQ(connect::origins_of(message), "aaaa,>bbbb");
}

TEST_F(PublishTest, WithAUsersPasswordThatUsersRightDecides) {
  add_user("meter");
  ASSERT_EQ(publish(R"({"topic":"a","payload":"1"})", basic("meter:secret:1")).status, 201U);

  EXPECT_TRUE(published_->checks_policies);
  EXPECT_TRUE(published_->is_by_user);
  EXPECT_EQ(published_->client.username, "meter");
  EXPECT_EQ(published_->client.client_id, "meter");
  EXPECT_EQ(published_->client.listener.text(), "admin");
  ASSERT_EQ(publish(R"({"topic":"a","client_id":"m-1","username":"meter"})",
                    "bASIC " + base64("meter:secret:1"))
                .status,
            201U);
  EXPECT_EQ(published_->client.client_id, "m-1");
}

TEST_F(PublishTest, AUserMayNotPublishAsAnother) {
  add_user("meter");
  const auto answer = publish(R"({"topic":"a","username":"other"})", basic("meter:secret:1"));

  EXPECT_EQ(answer.status, 422U);
  EXPECT_EQ(problem_code(answer), "invalid_document");
  EXPECT_FALSE(published_);
}

TEST_F(PublishTest, AWrongPasswordIsRefusedBeforeTheBodyIsRead) {
  add_user("meter");
  for (const auto* login : {"meter:wrong", "meter:", "nobody:secret:1", "meter", ":secret:1", ""}) {
    const auto answer = publish("{", basic(login));
    EXPECT_EQ(answer.status, 401U) << login;
    EXPECT_EQ(problem_code(answer), "wrong_credentials") << login;
    EXPECT_EQ(header_of(answer, "WWW-Authenticate"), "");  // no browser is to ask
  }
  EXPECT_EQ(publish("{}", "Basic !").status, 401U);
  EXPECT_FALSE(published_);
}

TEST_F(PublishTest, WhoGuessesIsHeldBack) {
  add_user("meter");
  Response answer;
  for (int i = 0; i <= broker::LoginGuard::kFree; ++i)
    answer = publish("{}", basic("meter:" + std::to_string(i)));

  EXPECT_EQ(answer.status, 429U);
  EXPECT_EQ(problem_code(answer), "too_many_logins");
  EXPECT_EQ(header_of(answer, "Retry-After"), "1");
}

// A user's password opens this one route.
TEST_F(PublishTest, AUserMayDoNothingElse) {
  add_user("meter");
  make_api();
  for (const auto* path : {"/api/v1/messages", "/api/v1/users", "/metrics"}) {
    auto asked = request(Method::Get, path);
    asked.authorization = basic("meter:secret:1");
    EXPECT_EQ(api_->answer(asked).status, 401U) << path;
  }
}

TEST_F(PublishTest, RefusesWhatCannotBePublished) {
  for (const auto* body :
       {R"({"payload":"1"})", R"({"topic":"a/+","payload":"1"})", R"({"topic":""})",
        R"({"topic":"a","payload":"1","payload_base64":"MQ=="})",
        R"({"topic":"a","payload_base64":"?"})", R"({"topic":"a","qos":3})",
        R"({"topic":"a","response_topic":"b/#"})", R"({"topic":"a","colour":"red"})",
        R"({"topic":"a","payload_base64":"/w==","payload_is_text":true})"}) {
    published_.reset();
    const auto answer = publish(body);
    EXPECT_EQ(answer.status, 422U) << body;
    EXPECT_EQ(problem_code(answer), "invalid_document") << body;
    EXPECT_FALSE(published_) << body;
  }
}

}  // namespace
}  // namespace sluice::admin
