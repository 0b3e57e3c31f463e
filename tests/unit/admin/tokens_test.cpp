// Tokens for programs: interface.md §3; security cases E1, F1.
#include <boost/json/array.hpp>
#include <gmock/gmock.h>

#include "fixture.hpp"

namespace sluice::admin {
namespace {

namespace json = boost::json;
using testing::HasSubstr;
using testing::Not;
using namespace std::chrono_literals;

constexpr std::string_view kDay = R"("expires_in":"1d")";

class TokensTest : public AdminTest {
 protected:
  void SetUp() override {
    ASSERT_TRUE(accounts_.ensure_first("canary-4711").has_value());
    local_ = token_;
    for (const auto* role : {"viewer", "operator", "administrator"}) {
      const std::string name = "a-" + std::string(role);
      ASSERT_EQ(post("/api/v1/administrators", R"({"name":")" + name + R"(","role":")" + role +
                                                   R"(","password":"canary-4711"})")
                    .status,
                201U);
    }
  }

  std::string log_in(const std::string& name) {
    const auto answer = api_->answer(request(
        Method::Post, "/api/v1/session", R"({"user":")" + name + R"(","password":"canary-4711"})"));
    EXPECT_EQ(answer.status, 200U) << answer.body;
    return std::string(object_of(answer).at("token").get_string());
  }
  // Made by who has `by`.
  Response made_by(const std::string& by, const std::string& name, const std::string& role,
                   const std::string& more = std::string(kDay)) {
    token_ = by;
    return post("/api/v1/tokens",
                R"({"name":")" + name + R"(","role":")" + role + "\"," + more + "}");
  }
  static std::string secret_in(const Response& answer) {
    EXPECT_EQ(answer.status, 201U) << answer.body;
    return std::string(object_of(answer).at("token").get_string());
  }
  Response asked_by(const std::string& token, Method method, std::string path,
                    std::string body = {}) {
    token_ = token;
    return ask(method, std::move(path), std::move(body));
  }
  unsigned overview_by(const std::string& token) {
    return asked_by(token, Method::Get, "/api/v1/overview").status;
  }
  std::string last_used(const std::string& name) {
    const auto shown = object_of(asked_by(local_, Method::Get, "/api/v1/tokens/" + name));
    const auto& time = shown.at("last_used");
    return time.is_null() ? "never" : std::string(time.get_string());
  }
  std::size_t writes() const { return store_.head().get(); }

  std::string local_;
};

TEST_F(TokensTest, ShowTheirSecretOnceAndKeepAHash) {
  const auto made = made_by(log_in("a-operator"), "ci", "operator");
  const auto secret = secret_in(made);
  EXPECT_THAT(secret, testing::MatchesRegex("sluice_[0-9A-Z]{26}_[0-9a-f]{64}"));
  const auto random = secret.substr(secret.size() - 64);

  const auto one = asked_by(local_, Method::Get, "/api/v1/tokens/ci");
  EXPECT_EQ(object_of(one).at("owner").get_string(), "a-operator");
  EXPECT_EQ(object_of(one).at("role").get_string(), "operator");
  EXPECT_EQ(object_of(one).at("expires").get_string(), "2026-03-02T13:00:00.000Z");
  EXPECT_FALSE(object_of(one).contains("token"));
  for (const auto& body : {one.body, get("/api/v1/tokens").body})
    EXPECT_THAT(body, Not(testing::AnyOf(HasSubstr(random), HasSubstr("hash"))));
  std::string stored;
  ASSERT_TRUE(store_
                  .scan(store::StateKind::Document, "token/",
                        [&](std::string_view, std::string_view value) {
                          stored += value;
                          return true;
                        })
                  .has_value());
  EXPECT_THAT(stored, HasSubstr("secret_hash"));
  EXPECT_THAT(stored, Not(HasSubstr(random)));
}

TEST_F(TokensTest, SayWhoTheyAre) {
  const auto secret = secret_in(made_by(log_in("a-operator"), "ci", "viewer"));

  const auto session = object_of(asked_by(secret, Method::Get, "/api/v1/session"));
  EXPECT_EQ(session.at("user").get_string(), "a-operator");
  EXPECT_EQ(session.at("role").get_string(), "viewer");
  EXPECT_EQ(session.at("token").get_string(), "ci");
  const auto refused = asked_by(secret, Method::Post, "/api/v1/tasks/x:pause");
  EXPECT_EQ(problem_code(refused), "role_needed");
  EXPECT_THAT(refused.body, HasSubstr("the token ci is viewer"));
  EXPECT_EQ(problem_code(asked_by(secret, Method::Delete, "/api/v1/session")), "wrong_state");
  EXPECT_EQ(problem_code(asked_by(secret, Method::Post, "/api/v1/session:password", "{}")),
            "login_needed");
}

TEST_F(TokensTest, AreTakenAsBearerAloneAndWhole) {
  const auto secret = secret_in(made_by(log_in("a-viewer"), "ci", "viewer"));
  auto wrong = secret;
  wrong.back() = wrong.back() == '0' ? '1' : '0';
  for (const auto& other : {wrong, secret.substr(0, secret.size() - 1), secret + "0",
                            std::string("sluice_"), std::string("sluice_") + std::string(91, '0')})
    EXPECT_EQ(overview_by(other), 401U) << other;
  auto made = request(Method::Get, "/api/v1/overview");
  made.cookie = "sluice_session=" + secret;
  EXPECT_EQ(api_->answer(made).status, 401U);
  EXPECT_EQ(overview_by(secret), 200U);
}

TEST_F(TokensTest, EndWhenTheySay) {
  const auto secret = secret_in(made_by(log_in("a-viewer"), "ci", "viewer"));
  clock_.advance(24h - 1ms);
  EXPECT_EQ(overview_by(secret), 200U);
  clock_.advance(1ms);
  EXPECT_EQ(overview_by(secret), 401U);

  // It makes room.
  EXPECT_EQ(made_by(log_in("a-viewer"), "ci", "viewer").status, 201U);
  EXPECT_EQ(overview_by(secret), 401U);
}

TEST_F(TokensTest, HaveAnEndInAnyCase) {
  const auto by = log_in("a-viewer");
  const auto made = made_by(by, "ci", "viewer", R"("scope":[])");
  EXPECT_EQ(object_of(made).at("expires").get_string(), "2026-05-30T13:00:00.000Z");
  for (const auto* end : {R"("expires_in":"367d")", R"("expires_in":"59s")", R"("expires_in":-1)",
                          R"("expires_in":"never")"}) {
    const auto refused = made_by(by, "other", "viewer", end);
    EXPECT_EQ(refused.status, 422U) << end;
    EXPECT_THAT(refused.body, HasSubstr("/expires_in"));
  }
}

TEST_F(TokensTest, EndWithDeletionAndWithTheirOwner) {
  const auto operators = log_in("a-operator");
  const auto one = secret_in(made_by(operators, "one", "operator"));
  const auto two = secret_in(made_by(operators, "two", "operator"));
  EXPECT_EQ(asked_by(operators, Method::Delete, "/api/v1/tokens/one").status, 204U);
  EXPECT_EQ(overview_by(one), 401U);
  EXPECT_EQ(overview_by(two), 200U);

  ASSERT_EQ(asked_by(local_, Method::Delete, "/api/v1/administrators/a-operator").status, 204U);
  EXPECT_EQ(overview_by(two), 401U);
  EXPECT_THAT(asked_by(local_, Method::Get, "/api/v1/tokens").body, Not(HasSubstr("two")));
}

// Also where the token itself is still stored: a crash between the two.
TEST_F(TokensTest, AreWorthNothingWithoutTheirOwner) {
  const auto secret = secret_in(made_by(log_in("a-operator"), "ci", "operator"));
  ASSERT_TRUE(accounts_.remove("a-operator").has_value());

  EXPECT_EQ(overview_by(secret), 401U);
}

TEST_F(TokensTest, MayNeverMoreThanTheirOwner) {
  EXPECT_EQ(made_by(log_in("a-viewer"), "ci", "operator").status, 422U);
  const auto secret = secret_in(made_by(log_in("a-administrator"), "ci", "administrator"));
  const auto act = [&] { return asked_by(secret, Method::Post, "/api/v1/users", "{}").status; };
  EXPECT_EQ(act(), 422U);

  token_ = local_;
  ASSERT_EQ(
      ask(Method::Patch, "/api/v1/administrators/a-administrator", R"({"role":"viewer"})").status,
      200U);
  EXPECT_EQ(act(), 403U);
  EXPECT_EQ(overview_by(secret), 200U);
}

TEST_F(TokensTest, MakeNothingThatMayMoreOrLongerThanThey) {
  const auto operators = secret_in(made_by(log_in("a-administrator"), "op", "operator",
                                           R"("expires_in":"1d","scope":["tokens","tasks"])"));
  EXPECT_EQ(problem_code(asked_by(operators, Method::Post, "/api/v1/administrators", "{}")),
            "role_needed");
  for (const auto& [role, more, pointer] :
       {std::tuple("administrator", R"("expires_in":"1h","scope":["tasks"])", "/role"),
        std::tuple("viewer", R"("expires_in":"2d","scope":["tasks"])", "/expires_in"),
        std::tuple("viewer", R"("expires_in":"1h","scope":["tasks","users"])", "/scope"),
        std::tuple("viewer", R"("expires_in":"1h")", "/scope")}) {
    const auto refused = made_by(operators, "ci", role, more);
    EXPECT_EQ(refused.status, 422U) << more;
    EXPECT_THAT(refused.body, HasSubstr(pointer)) << more;
  }
  clock_.advance(1h);
  const auto made = made_by(operators, "ci", "viewer", R"("scope":["tasks"])");
  EXPECT_EQ(object_of(made).at("expires").get_string(), "2026-03-02T13:00:00.000Z");
  EXPECT_EQ(object_of(made).at("owner").get_string(), "a-administrator");
}

TEST_F(TokensTest, AreForTheirScopeAlone) {
  const auto by = log_in("a-administrator");
  const auto secret = secret_in(
      made_by(by, "ci", "administrator", R"("expires_in":"1h","scope":["metrics","tasks"])"));
  EXPECT_EQ(asked_by(secret, Method::Get, "/metrics").status, 200U);
  EXPECT_EQ(asked_by(secret, Method::Get, "/api/v1/tasks").status, 200U);
  EXPECT_EQ(asked_by(secret, Method::Get, "/api/v1/tasks/x/dead-letters").status, 404U);
  EXPECT_EQ(asked_by(secret, Method::Get, "/api/v1/session").status, 200U);
  EXPECT_EQ(asked_by(secret, Method::Get, "/api/v1/openapi.yaml").status, 200U);
  for (const auto* path : {"/api/v1/users", "/api/v1/tokens", "/api/v1/overview"}) {
    const auto refused = asked_by(secret, Method::Get, path);
    EXPECT_EQ(problem_code(refused), "scope_needed") << path;
    EXPECT_THAT(refused.body, HasSubstr("the token ci"));
  }
  const auto unknown = made_by(by, "other", "viewer", R"("scope":["task"])");
  EXPECT_EQ(unknown.status, 422U);
  EXPECT_THAT(unknown.body, HasSubstr("/scope/0"));
}

TEST_F(TokensTest, AreDeletedByTheirOwnerOrAnAdministrator) {
  const auto operators = log_in("a-operator");
  const auto one = secret_in(made_by(operators, "one", "viewer"));
  const auto two = secret_in(made_by(operators, "two", "viewer"));
  const auto remove = [&](const std::string& by, const std::string& name) {
    return asked_by(by, Method::Delete, "/api/v1/tokens/" + name);
  };
  EXPECT_EQ(problem_code(remove(log_in("a-viewer"), "one")), "not_yours");
  EXPECT_EQ(problem_code(remove(one, "two")), "not_yours");
  EXPECT_EQ(remove(one, "one").status, 204U);
  EXPECT_EQ(overview_by(two), 200U);
  EXPECT_EQ(remove(log_in("a-administrator"), "two").status, 204U);
  EXPECT_EQ(remove(local_, "two").status, 404U);
}

TEST_F(TokensTest, OutliveARestartWithTheirLastUse) {
  const auto secret = secret_in(made_by(log_in("a-viewer"), "ci", "viewer"));
  EXPECT_EQ(last_used("ci"), "never");
  clock_.advance(5min);
  ASSERT_EQ(overview_by(secret), 200U);

  const auto options = ApiOptions{};
  make_api(options);
  local_ = token_;

  EXPECT_EQ(last_used("ci"), "2026-03-01T13:05:00.000Z");
  EXPECT_EQ(overview_by(secret), 200U);
}

TEST_F(TokensTest, WriteTheirLastUseDownOnceAMinute) {
  const auto secret = secret_in(made_by(log_in("a-viewer"), "ci", "viewer"));
  ASSERT_EQ(overview_by(secret), 200U);
  const auto before = writes();
  for (int i = 0; i < 100; ++i) {
    clock_.advance(500ms);
    ASSERT_EQ(overview_by(secret), 200U);
  }
  EXPECT_EQ(writes(), before);
  EXPECT_EQ(last_used("ci"), "2026-03-01T13:00:50.000Z");
  clock_.advance(10s);
  ASSERT_EQ(overview_by(secret), 200U);
  EXPECT_GT(writes(), before);
}

TEST_F(TokensTest, DoNotStartDamaged) {
  const auto batch = store_.new_batch();
  batch->put(store::StateKind::Document, "token/x", R"({"id":"x","name":"ci"})");
  ASSERT_TRUE(store_.append(batch).has_value());
  Api api(sources(), accounts_, {});

  EXPECT_EQ(api.load().error().code, Errc::Corrupt);
}

}  // namespace
}  // namespace sluice::admin
