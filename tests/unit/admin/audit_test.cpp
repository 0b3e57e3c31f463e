// Who changed what: interface.md §3, ADR 0049; security case F1.
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <gmock/gmock.h>

#include "fixture.hpp"

namespace sluice::admin {
namespace {

namespace json = boost::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using namespace std::chrono_literals;

constexpr auto kPatch = Method::Patch;

class AuditTest : public AdminTest {
 protected:
  void SetUp() override {
    ASSERT_TRUE(accounts_.ensure_first("canary-4711").has_value());
    ASSERT_TRUE(integration_.start().has_value());
  }

  // Newest first.
  std::vector<json::object> records(const std::string& query = {}) {
    const auto page = object_of(get("/api/v1/audit?limit=1000" + query));
    std::vector<json::object> found;
    for (const auto& item : page.at("items").get_array()) found.push_back(item.get_object());
    return found;
  }
  std::vector<std::string> operations(const std::string& query = {}) {
    std::vector<std::string> found;
    for (const auto& record : records(query)) found.push_back(text_in(record, "operation"));
    return found;
  }
  static std::string text_in(const json::object& record, std::string_view name) {
    const auto* value = record.if_contains(name);
    if (value == nullptr) return "(none)";
    return value->is_string() ? std::string(value->get_string()) : json::serialize(*value);
  }
  void add_user(const std::string& name) {
    ASSERT_EQ(
        post("/api/v1/users", R"({"name":")" + name + R"(","password":"canary-user"})").status,
        201U);
  }
  Response log_in(const std::string& name, const std::string& password,
                  const std::string& address = "192.0.2.7") {
    auto made = request(Method::Post, "/api/v1/session",
                        R"({"user":")" + name + R"(","password":")" + password + "\"}");
    made.remote_address = address;
    return api_->answer(made);
  }
  void be_viewer() {
    ASSERT_EQ(
        post("/api/v1/administrators", R"({"name":"ann","role":"viewer","password":"canary-ann"})")
            .status,
        201U);
    token_ = object_of(log_in("ann", "canary-ann")).at("token").get_string();
  }
};

TEST_F(AuditTest, KeepsWhoDidWhat) {
  add_user("meter");
  ASSERT_EQ(ask(kPatch, "/api/v1/users/meter", R"({"description":"new"})").status, 200U);
  ASSERT_EQ(del("/api/v1/users/meter").status, 204U);

  const auto all = records();
  ASSERT_EQ(all.size(), 3U);
  EXPECT_THAT(operations(), ElementsAre("deleteUser", "changeUser", "createUser"));
  for (const auto& record : all) {
    EXPECT_EQ(text_in(record, "user"), "local");
    EXPECT_EQ(text_in(record, "address"), "127.0.0.1");
    EXPECT_EQ(text_in(record, "subject"), "meter");
    EXPECT_EQ(text_in(record, "outcome"), "done");
    EXPECT_EQ(text_in(record, "time"), "2026-03-01T13:00:00.000Z");
  }
  EXPECT_EQ(text_in(all[2].at("after").get_object(), "name"), "meter");
  EXPECT_FALSE(all[2].contains("before"));
  EXPECT_EQ(json::serialize(all[1].at("before")), R"({"description":""})");
  EXPECT_EQ(json::serialize(all[1].at("after")), R"({"description":"new"})");
  EXPECT_EQ(text_in(all[0].at("before").get_object(), "description"), "new");
  EXPECT_FALSE(all[0].contains("after"));
}

TEST_F(AuditTest, NamesTheTokenAndTheRealName) {
  const auto made = post("/api/v1/tokens", R"({"name":"ci","role":"administrator"})");
  add_user("meter");
  const std::string id(object_of(get("/api/v1/users/meter")).at("id").get_string());
  token_ = object_of(made).at("token").get_string();
  ASSERT_EQ(ask(kPatch, "/api/v1/users/" + id, R"({"description":"x"})").status, 200U);

  const auto newest = records().front();
  EXPECT_EQ(text_in(newest, "token"), "ci");
  EXPECT_EQ(text_in(newest, "subject"), "meter");
}

TEST_F(AuditTest, HoldsNoSecret) {
  const auto made = post("/api/v1/administrators", R"({"name":"ann","role":"viewer"})");
  const std::string password(object_of(made).at("password").get_string());
  const auto token = post("/api/v1/tokens", R"({"name":"ci","role":"viewer"})");
  const std::string secret(object_of(token).at("token").get_string());
  add_user("meter");
  ASSERT_EQ(ask(kPatch, "/api/v1/users/meter", R"({"password":"canary-two"})").status, 200U);
  ASSERT_EQ(
      post("/api/v1/connections",
           R"({"name":"out","type":"memory","settings":{"address":"here","password":"canary-3"}})")
          .status,
      201U);
  ASSERT_EQ(post("/api/v1/users", R"({"name":"a","pasword":"canary-4"})").status, 422U);
  token_ = object_of(log_in("ann", password)).at("token").get_string();
  const auto own = post("/api/v1/session:password",
                        R"({"password":")" + password + R"(","new_password":"canary-new"})");
  ASSERT_EQ(own.status, 200U);
  token_ = object_of(own).at("token").get_string();

  const auto shown = get("/api/v1/audit").body;
  EXPECT_THAT(shown, HasSubstr(R"("password":"***")"));
  for (const auto& each : {password, secret, token_, std::string("canary"), std::string("scrypt")})
    EXPECT_THAT(shown, Not(HasSubstr(each)));
}

TEST_F(AuditTest, KeepsWhatFailedAndWhatWasRefused) {
  EXPECT_EQ(del("/api/v1/users/nobody").status, 404U);
  be_viewer();
  EXPECT_EQ(post("/api/v1/users", R"({"name":"x"})").status, 403U);
  EXPECT_EQ(log_in("admin", "wrong").status, 401U);

  const auto all = records();
  ASSERT_EQ(all.size(), 4U);
  EXPECT_THAT(operations(),
              ElementsAre("logIn", "createUser", "createAdministrator", "deleteUser"));
  EXPECT_EQ(text_in(all[0], "outcome"), "refused");
  EXPECT_EQ(text_in(all[0], "user"), "admin");
  EXPECT_EQ(text_in(all[0], "address"), "192.0.2.7");
  EXPECT_EQ(text_in(all[1], "outcome"), "refused");
  EXPECT_EQ(text_in(all[1], "user"), "ann");
  EXPECT_EQ(text_in(all[1], "code"), "role_needed");
  EXPECT_EQ(text_in(all[3], "outcome"), "failed");
  EXPECT_EQ(text_in(all[3], "code"), "not_found");
  EXPECT_THAT(operations("&outcome=refused"), ElementsAre("logIn", "createUser"));
}

TEST_F(AuditTest, KeepsWhatAPageOfSomebodyElseTried) {
  auto made = request(Method::Post, "/api/v1/users", R"({"name":"x","password":"canary-5"})");
  made.cookie = "sluice_session=" +
                std::string(object_of(log_in("admin", "canary-4711")).at("token").get_string());
  made.origin = "http://evil.example";
  ASSERT_EQ(api_->answer(made).status, 403U);

  const auto newest = records().front();
  EXPECT_EQ(text_in(newest, "user"), "admin");
  EXPECT_EQ(text_in(newest, "operation"), "createUser");
  EXPECT_EQ(text_in(newest, "code"), "cross_origin");
}

TEST_F(AuditTest, IsNotFilledByReadingAndPublishing) {
  ASSERT_EQ(get("/api/v1/users").status, 200U);
  static_cast<void>(post("/api/v1/messages", R"({"topic":"a","payload":"b"})"));
  static_cast<void>(post("/api/v1/policies:test", R"({"operation":"connect"})"));
  ASSERT_EQ(log_in("admin", "canary-4711").status, 200U);
  EXPECT_THAT(operations(), IsEmpty());
}

TEST_F(AuditTest, IsWrittenBeforeTheChange) {
  auto from = sources();
  std::vector<std::string> outcomes;
  from.disconnect_client = [&](const std::string& id) -> Outcome<json::object> {
    EXPECT_TRUE(store_
                    .scan(store::StateKind::Document, "audit/",
                          [&](std::string_view, std::string_view record) {
                            outcomes.emplace_back(record);
                            return true;
                          })
                    .has_value());
    return json::object{{"client_id", id}};
  };
  api_ = std::make_unique<Api>(std::move(from), accounts_, ApiOptions{});
  token_ = api_->create_local_token();

  ASSERT_EQ(post("/api/v1/clients/c1:disconnect").status, 200U);

  ASSERT_EQ(outcomes.size(), 1U);
  EXPECT_THAT(outcomes[0], HasSubstr(R"("outcome":"unknown")"));
  EXPECT_THAT(outcomes[0], HasSubstr(R"("subject":"c1")"));
  EXPECT_EQ(text_in(records().front(), "outcome"), "done");
}

TEST_F(AuditTest, SaysWhenItIsNotKnownWhatCameOfAChange) {
  AuditTrail before(store_, clock_);
  json::object record{{"user", "ann"}, {"operation", "deleteUser"}, {"subject", "meter"}};
  ASSERT_NE(before.begin(record), 0U);

  make_api();

  ASSERT_EQ(records().size(), 1U);
  EXPECT_EQ(text_in(records().front(), "outcome"), "unknown");
  add_user("meter");
  EXPECT_THAT(operations(), ElementsAre("createUser", "deleteUser"));
}

TEST_F(AuditTest, CanBeFiltered) {
  add_user("one");
  clock_.advance(1h);
  add_user("two");
  clock_.advance(1h);
  ASSERT_EQ(del("/api/v1/users/one").status, 204U);

  EXPECT_THAT(operations("&subject=one"), ElementsAre("deleteUser", "createUser"));
  EXPECT_THAT(operations("&operation=createUser&subject=two"), ElementsAre("createUser"));
  EXPECT_THAT(operations("&user=nobody"), IsEmpty());
  EXPECT_THAT(operations("&from=2026-03-01T14:00:00Z"), ElementsAre("deleteUser", "createUser"));
  EXPECT_THAT(operations("&from=2026-03-01T14:00:00Z&to=2026-03-01T15:00:00Z"),
              ElementsAre("createUser"));
  EXPECT_EQ(problem_code(get("/api/v1/audit?from=yesterday")), "invalid_parameter");
  EXPECT_EQ(problem_code(get("/api/v1/audit?page=zz")), "invalid_parameter");
  EXPECT_EQ(problem_code(get("/api/v1/audit?page=" + std::string("6162"))), "invalid_parameter");
}

TEST_F(AuditTest, HasPagesThatStayRightWhileMoreComes) {
  for (const auto* name : {"u1", "u2", "u3", "u4", "u5"}) add_user(name);
  std::vector<std::string> seen;
  std::string page;
  for (int i = 0; i < 5; ++i) {
    const auto body = object_of(get("/api/v1/audit?limit=2" + page));
    EXPECT_LE(body.at("items").get_array().size(), 2U);
    for (const auto& item : body.at("items").get_array())
      seen.push_back(text_in(item.get_object(), "subject"));
    add_user("late-" + std::to_string(i));
    if (body.at("next").is_null()) break;
    page = "&page=" + std::string(body.at("next").get_string());
  }
  EXPECT_THAT(seen, ElementsAre("u5", "u4", "u3", "u2", "u1"));
}

TEST_F(AuditTest, IsBoundedAndTheOldestGo) {
  make_api({.audit_records = 100});
  for (int i = 0; i < 130; ++i) ASSERT_EQ(del("/api/v1/users/x" + std::to_string(i)).status, 404U);

  auto all = records();
  ASSERT_EQ(all.size(), 100U);
  EXPECT_EQ(text_in(all.front(), "subject"), "x129");
  EXPECT_EQ(text_in(all.back(), "subject"), "x30");

  make_api({.audit_records = 100});
  ASSERT_EQ(del("/api/v1/users/last").status, 404U);
  all = records();
  ASSERT_EQ(all.size(), 100U);
  EXPECT_EQ(text_in(all.back(), "subject"), "x31");
}

TEST_F(AuditTest, IsNotEmptiedByRefusals) {
  make_api({.audit_records = 100});
  for (int i = 0; i < 90; ++i) ASSERT_EQ(del("/api/v1/users/x" + std::to_string(i)).status, 404U);
  be_viewer();
  for (int i = 0; i < 200; ++i) {
    ASSERT_EQ(del("/api/v1/users/y").status, 403U);
    clock_.advance(1s);
  }

  EXPECT_EQ(records("&outcome=refused").size(), 25U);
  EXPECT_EQ(records("&outcome=failed").size(), 74U);  // and one that made the viewer
}

TEST_F(AuditTest, WritesRefusalsSixtyTimesAMinuteAndCountsTheOthers) {
  be_viewer();
  for (int i = 0; i < 100; ++i) ASSERT_EQ(del("/api/v1/users/y").status, 403U);
  EXPECT_EQ(records("&outcome=refused").size(), 60U);

  clock_.advance(1min);
  ASSERT_EQ(del("/api/v1/users/y").status, 403U);
  EXPECT_EQ(records("&outcome=refused").size(), 61U);
  EXPECT_EQ(text_in(records().front(), "left_out"), "40");
}

TEST_F(AuditTest, KeepsNoMoreOfADocumentThanItMay) {
  const std::string big(20'000, 'x');
  ASSERT_EQ(
      post("/api/v1/connections",
           R"({"name":"out","type":"memory","settings":{"address":"here"},"description":"d"})")
          .status,
      201U);
  ASSERT_EQ(post("/api/v1/connections?verify=false",
                 R"({"name":"big","type":"memory","settings":{"address":")" + big + "\"}}")
                .status,
            201U);

  const auto record = records().front();
  EXPECT_LT(json::serialize(record).size(), 2'000U);
  EXPECT_EQ(text_in(record.at("after").get_object(), "name"), "big");
  EXPECT_THAT(json::serialize(record), HasSubstr("bytes)"));
  EXPECT_EQ(json::serialize(record.at("query")), R"({"verify":"false"})");
}

// A full disk must not keep anybody from acting.
TEST_F(AuditTest, DoesNotHoldUpWhatCanBeDone) {
  auto from = sources();
  from.disconnect_client = [](const std::string& id) -> Outcome<json::object> {
    return json::object{{"client_id", id}};
  };
  api_ = std::make_unique<Api>(std::move(from), accounts_, ApiOptions{});
  token_ = api_->create_local_token();
  store_.fail_appends(Errc::NoSpace);

  EXPECT_EQ(post("/api/v1/clients/c1:disconnect").status, 200U);
  EXPECT_THAT(operations(), IsEmpty());
}

TEST_F(AuditTest, DoesNotStartDamaged) {
  const auto batch = store_.new_batch();
  batch->put(store::StateKind::Document, "audit/0000000000000001", "{");
  ASSERT_TRUE(store_.append(batch).has_value());
  Api api(sources(), accounts_, {});

  EXPECT_EQ(api.load().error().code, Errc::Corrupt);
}

}  // namespace
}  // namespace sluice::admin
