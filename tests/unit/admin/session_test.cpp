// Who may: accounts, logins, tokens, cookies, origins. Security cases E1, F1.
#include <boost/json/serialize.hpp>
#include <gmock/gmock.h>

#include "fixture.hpp"

namespace sluice::admin {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr std::string_view kPassword = "canary-4711";

class SessionTest : public AdminTest {
 protected:
  void SetUp() override {
    ASSERT_TRUE(accounts_.ensure_first(std::string(kPassword)).has_value());
    token_.clear();
  }

  Response log_in(std::string_view password, std::string address = "127.0.0.1",
                  std::string user = "admin") {
    auto made =
        request(Method::Post, "/api/v1/session",
                R"({"user":")" + user + R"(","password":")" + std::string(password) + "\"}");
    made.remote_address = std::move(address);
    return api_->answer(made);
  }

  void guess(int times) {
    for (int i = 0; i < times; ++i) {
      ASSERT_EQ(log_in("wrong-" + std::to_string(i)).status, 401U);
    }
  }

  std::string token_after_login() {
    return std::string(object_of(log_in(kPassword)).at("token").get_string());
  }
};

TEST_F(SessionTest, GivesATokenForTheRightPassword) {
  const auto answer = log_in(kPassword);

  ASSERT_EQ(answer.status, 200U);
  const auto body = object_of(answer);
  EXPECT_EQ(body.at("token").get_string().size(), 64U);
  EXPECT_EQ(body.at("expires").get_string(), "2026-03-02T01:00:00.000Z");
  const auto cookie = header_of(answer, "Set-Cookie");
  EXPECT_THAT(cookie, HasSubstr("SameSite=Strict"));
  EXPECT_THAT(cookie, HasSubstr("HttpOnly"));
  EXPECT_THAT(cookie, HasSubstr(std::string(body.at("token").get_string())));
  token_ = body.at("token").get_string();
  EXPECT_EQ(get("/api/v1/overview").status, 200U);
  EXPECT_EQ(object_of(get("/api/v1/session")).at("user").get_string(), "admin");
}

TEST_F(SessionTest, TellsNothingAboutWhatWasWrong) {
  const auto wrong_password = log_in("wrong");
  const auto wrong_user = log_in("wrong", "127.0.0.1", "nobody");

  EXPECT_EQ(wrong_password.status, 401U);
  EXPECT_EQ(problem_code(wrong_password), "wrong_credentials");
  EXPECT_EQ(wrong_password.body, wrong_user.body);
  EXPECT_EQ(header_of(wrong_password, "Set-Cookie"), "");
}

TEST_F(SessionTest, RefusesIncompleteLogins) {
  auto made = request(Method::Post, "/api/v1/session", R"({"user":"admin","passwort":"x"})");

  const auto answer = api_->answer(made);

  EXPECT_EQ(answer.status, 422U);
  EXPECT_THAT(answer.body, HasSubstr("/password"));
}

TEST_F(SessionTest, EndsWithLogout) {
  token_ = token_after_login();
  ASSERT_EQ(get("/api/v1/overview").status, 200U);

  EXPECT_EQ(del("/api/v1/session").status, 204U);

  const auto after = get("/api/v1/overview");
  EXPECT_EQ(after.status, 401U);
  EXPECT_EQ(problem_code(after), "session_ended");
}

TEST_F(SessionTest, EndsByItself) {
  token_ = token_after_login();
  clock_.advance(std::chrono::hours(11));
  EXPECT_EQ(get("/api/v1/overview").status, 200U);

  clock_.advance(std::chrono::hours(1));

  EXPECT_EQ(get("/api/v1/overview").status, 401U);
}

TEST_F(SessionTest, KeepsTheLocalToken) {
  token_ = api_->create_local_token();
  clock_.advance(std::chrono::hours(1000));

  EXPECT_EQ(get("/api/v1/overview").status, 200U);
}

TEST_F(SessionTest, DoesNotEndTheLocalToken) {
  token_ = api_->create_local_token();

  const auto answer = del("/api/v1/session");

  EXPECT_EQ(answer.status, 409U);
  EXPECT_EQ(problem_code(answer), "local_token");
  EXPECT_EQ(get("/api/v1/overview").status, 200U);
}

TEST_F(SessionTest, KnowsNoOtherToken) {
  for (const auto& token :
       {std::string(), std::string("x"), std::string(64, '0'), std::string(100'000, 'a')}) {
    auto made = request(Method::Get, "/api/v1/overview");
    made.authorization = "Bearer " + token;
    EXPECT_EQ(api_->answer(made).status, 401U);
    made.authorization = "Basic " + token;
    EXPECT_EQ(api_->answer(made).status, 401U);
    made.authorization = {};
    made.cookie = "sluice_session=" + token;
    EXPECT_EQ(api_->answer(made).status, 401U);
  }
}

TEST_F(SessionTest, IsBounded) {
  token_ = token_after_login();
  const auto first = token_;
  LoginSessions sessions(clock_);
  const auto local = sessions.open_local();
  const Account admin{.id = "id", .name = "admin", .role = Role::Administrator, .revision = 1};
  const auto oldest = sessions.open(admin).token;
  for (std::size_t i = 0; i < LoginSessions::kMaximum; ++i) {
    clock_.advance(std::chrono::milliseconds(1));
    static_cast<void>(sessions.open(admin));
  }

  EXPECT_FALSE(sessions.owner_of(oldest).has_value());
  ASSERT_TRUE(sessions.owner_of(local).has_value());
  EXPECT_EQ(sessions.owner_of(local)->account_id, "");
}

TEST_F(SessionTest, TakesACookieForReading) {
  auto made = request(Method::Get, "/api/v1/overview");
  made.cookie = "theme=dark; sluice_session=" + token_after_login() + "; x=y";

  EXPECT_EQ(api_->answer(made).status, 200U);
}

TEST_F(SessionTest, TakesACookieForChangesFromItsOwnPagesOnly) {
  auto made = request(Method::Post, "/api/v1/users", R"({"name":"x","password":"p"})");
  made.cookie = "sluice_session=" + token_after_login();
  for (const auto* origin : {"", "null", "http://evil.example", "http://127.0.0.1:8081",
                             "http://127.0.0.1:8080.evil.example", "127.0.0.1:8080"}) {
    made.origin = origin;
    const auto answer = api_->answer(made);
    EXPECT_EQ(answer.status, 403U) << origin;
    EXPECT_EQ(problem_code(answer), "cross_origin");
  }
  made.origin = {};
  for (const auto* site : {"cross-site", "same-site", "none"}) {
    made.fetch_site = site;
    EXPECT_EQ(api_->answer(made).status, 403U) << site;
  }
  EXPECT_TRUE(access_.users().empty());

  made.origin = "http://127.0.0.1:8080";
  EXPECT_EQ(api_->answer(made).status, 201U);
}

TEST_F(SessionTest, RefusesLoginsFromOtherPages) {
  auto made = request(Method::Post, "/api/v1/session", R"({"user":"admin","password":"x"})");
  made.origin = "http://evil.example";

  EXPECT_EQ(problem_code(api_->answer(made)), "cross_origin");
}

TEST_F(SessionTest, LimitsAttempts) {
  guess(LoginLimit::kPerAddress);

  const auto limited = log_in("another guess");
  EXPECT_EQ(limited.status, 429U);
  EXPECT_EQ(problem_code(limited), "too_many_logins");
  EXPECT_EQ(header_of(limited, "Retry-After"), "1");

  clock_.advance(LoginLimit::kFirstPause);
  EXPECT_EQ(log_in("one more").status, 401U);
  EXPECT_EQ(header_of(log_in("and one more"), "Retry-After"), "2");
}

TEST_F(SessionTest, LetsTheRightPasswordInAfterAShortPause) {
  guess(LoginLimit::kPerAddress);

  EXPECT_EQ(log_in(kPassword).status, 429U);
  clock_.advance(LoginLimit::kFirstPause);
  EXPECT_EQ(log_in(kPassword).status, 200U);
}

TEST_F(SessionTest, LetsTheRightPasswordInFromElsewhere) {
  guess(LoginLimit::kPerAddress);

  EXPECT_EQ(log_in(kPassword, "192.0.2.7").status, 200U);
}

TEST_F(SessionTest, LetsWhoWasRightBeforeInWhateverOthersGuess) {
  ASSERT_EQ(log_in(kPassword, "192.0.2.7").status, 200U);
  guess(LoginLimit::kPerAddress);
  ASSERT_EQ(log_in("another guess").status, 429U);

  EXPECT_EQ(log_in(kPassword).status, 200U);
  EXPECT_EQ(log_in("another guess").status, 429U);  // which buys no guesses
}

TEST_F(SessionTest, CountsTheSameWrongPasswordOnce) {
  for (int i = 0; i < 3 * LoginLimit::kPerAddress; ++i) {
    ASSERT_EQ(log_in("an old password").status, 401U);
  }

  EXPECT_EQ(log_in(kPassword).status, 200U);
}

TEST_F(SessionTest, DoesNotCountSuccesses) {
  for (int i = 0; i < LoginLimit::kPerAddress + 2; ++i) {
    ASSERT_EQ(log_in(kPassword).status, 200U);
  }
}

TEST(LoginLimit, CountsUsersAcrossAddresses) {
  TestClock clock;
  LoginLimit limit(clock);
  for (int i = 0; i < LoginLimit::kPerUser; ++i) {
    const auto address = "192.0.2." + std::to_string(i);
    ASSERT_TRUE(limit.begin(address, "admin"));
    limit.finished(address, "admin", false);
  }

  ASSERT_TRUE(limit.begin("198.51.100.1", "admin"));
  limit.finished("198.51.100.1", "admin", false);
  const auto next = limit.begin("198.51.100.2", "admin");
  EXPECT_FALSE(next);
  EXPECT_EQ(next.retry_after, std::chrono::seconds(1));
  EXPECT_TRUE(limit.begin("198.51.100.2", "other"));
}

// However many addresses guess: who has logged in from where he is gets in.
TEST(LoginLimit, LocksNobodyOutWhoIsKnownThere) {
  TestClock clock;
  LoginLimit limit(clock);
  ASSERT_TRUE(limit.begin("203.0.113.9", "admin"));
  limit.finished("203.0.113.9", "admin", true);
  limit.was_right("203.0.113.10", "admin");
  for (int i = 0; i < 2 * LoginLimit::kPerUser; ++i) {
    const auto address = "192.0.2." + std::to_string(i);
    if (!limit.begin(address, "admin")) continue;
    limit.finished(address, "admin", false);
  }
  ASSERT_FALSE(limit.begin("198.51.100.1", "admin"));

  for (const auto* address : {"203.0.113.9", "203.0.113.10"}) {
    EXPECT_TRUE(limit.begin(address, "admin"));
    limit.finished(address, "admin", false);
  }
}

TEST(LoginLimit, CountsAnIpv6NetworkAsOne) {
  TestClock clock;
  LoginLimit limit(clock);
  for (int i = 0; i < LoginLimit::kPerAddress; ++i) {
    const auto address = "2001:db8::" + std::to_string(i);
    ASSERT_TRUE(limit.begin(address, "user-" + std::to_string(i)));
    limit.finished(address, "user-" + std::to_string(i), false);
  }

  EXPECT_FALSE(limit.begin("2001:db8::ffff", "admin"));
  EXPECT_TRUE(limit.begin("2001:db8:1::1", "admin"));
}

TEST(LoginLimit, BoundsHashesAtOnce) {
  TestClock clock;
  LoginLimit limit(clock);
  ASSERT_TRUE(limit.begin("192.0.2.1", "a"));
  ASSERT_TRUE(limit.begin("192.0.2.2", "b"));

  EXPECT_FALSE(limit.begin("192.0.2.3", "c"));
  limit.finished("192.0.2.1", "a", true);
  EXPECT_TRUE(limit.begin("192.0.2.3", "c"));
}

TEST(LoginLimit, LeavesAPlaceForOtherAddresses) {
  TestClock clock;
  LoginLimit limit(clock);
  ASSERT_TRUE(limit.begin("192.0.2.1", "a"));

  const auto second = limit.begin("192.0.2.1", "b");
  EXPECT_FALSE(second);
  EXPECT_EQ(second.retry_after, std::chrono::seconds(1));
  EXPECT_TRUE(limit.begin("192.0.2.2", "admin"));
}

// Who fills its memory keeps nobody out: the longest quiet are forgotten.
TEST(LoginLimit, KeepsNobodyOutForWhatItRemembers) {
  TestClock clock;
  LoginLimit limit(clock);
  for (int i = 0; i < 12'000; ++i) {
    const auto address = "10." + std::to_string(i / 62'500) + "." + std::to_string(i / 250 % 250) +
                         "." + std::to_string(i % 250);
    ASSERT_TRUE(limit.begin(address, "user-" + std::to_string(i)));
    limit.finished(address, "user-" + std::to_string(i), false);
  }

  EXPECT_TRUE(limit.begin("192.0.2.1", "admin"));
}

TEST_F(SessionTest, HasNoDefaultPassword) {
  test::MemoryStore store;
  AdministratorAccounts accounts(store, clock_);

  const auto first = accounts.ensure_first(std::nullopt);

  ASSERT_TRUE(first.has_value());
  ASSERT_TRUE(first->has_value());
  EXPECT_GE((*first)->size(), 20U);
  EXPECT_TRUE(accounts.verify("admin", **first));
  EXPECT_FALSE(accounts.verify("admin", "admin"));
  EXPECT_FALSE(accounts.verify("admin", ""));
}

TEST_F(SessionTest, SaysThatThePasswordIsStillTheOneThatTheFirstStartMade) {
  test::MemoryStore store;
  std::string first;
  {
    AdministratorAccounts accounts(store, clock_);
    first = accounts.ensure_first(std::nullopt).value().value();
    EXPECT_TRUE(accounts.account("admin")->has_first_password);
    EXPECT_FALSE(accounts.all()[0].contains("has_first_password"));
  }
  AdministratorAccounts accounts(store, clock_);
  ASSERT_TRUE(accounts.ensure_first(std::nullopt).has_value());
  Api api(sources(), accounts, {});
  const auto log_in = [&](std::string_view password) {
    return api.answer(request(Method::Post, "/api/v1/session",
                              R"({"user":"admin","password":")" + std::string(password) + "\"}"));
  };
  const auto ask = [&](const Response& login, Method method, std::string target,
                       std::string body = "") {
    auto made = request(method, std::move(target), std::move(body));
    made.authorization = "Bearer " + std::string(object_of(login).at("token").as_string());
    return api.answer(made);
  };
  const auto login = log_in(first);
  EXPECT_EQ(object_of(ask(login, Method::Get, "/api/v1/session")).at("has_first_password"), true);

  EXPECT_EQ(problem_code(ask(login, Method::Post, "/api/v1/session:password",
                             R"({"password":")" + first + R"(","new_password":")" + first + "\"}")),
            "invalid_document");
  const auto changed =
      ask(login, Method::Post, "/api/v1/session:password",
          R"({"password":")" + first + R"(","new_password":"chosen by somebody"})");
  ASSERT_EQ(changed.status, 200U) << changed.body;
  EXPECT_EQ(object_of(ask(changed, Method::Get, "/api/v1/session")).at("has_first_password"),
            false);
  AdministratorAccounts later(store, clock_);
  ASSERT_TRUE(later.ensure_first(std::nullopt).has_value());
  EXPECT_FALSE(later.account("admin")->has_first_password);
}

TEST_F(SessionTest, IsNotToldToChangeAPasswordThatSomebodyChose) {
  EXPECT_FALSE(accounts_.account("admin")->has_first_password);
}

TEST_F(SessionTest, KeepsTheFirstPasswordAcrossRestarts) {
  AdministratorAccounts again(store_, clock_);

  const auto second = again.ensure_first("another-password");

  ASSERT_TRUE(second.has_value());
  EXPECT_FALSE(second->has_value());
  EXPECT_TRUE(again.verify("admin", kPassword));
  EXPECT_FALSE(again.verify("admin", "another-password"));
}

TEST_F(SessionTest, RefusesAWeakFirstPassword) {
  test::MemoryStore store;
  AdministratorAccounts accounts(store, clock_);

  EXPECT_EQ(accounts.ensure_first("short").error().code, Errc::InvalidArgument);
}

TEST_F(SessionTest, DoesNotStartWithADamagedAccount) {
  test::MemoryStore store;
  const auto batch = store.new_batch();
  batch->put(store::StateKind::Document, "administrator/x", R"({"name":"admin"})");
  ASSERT_TRUE(store.append(batch).has_value());
  AdministratorAccounts accounts(store, clock_);

  EXPECT_EQ(accounts.ensure_first(std::nullopt).error().code, Errc::Corrupt);
}

// F1: a canary in every answer there is.
TEST_F(SessionTest, ShowsNoSecretAnywhere) {
  token_ = token_after_login();
  ASSERT_EQ(post("/api/v1/users", R"({"name":"meter","password":"canary-user"})").status, 201U);
  for (const auto& route : routes()) {
    if (route.method != Method::Get) continue;
    std::string path(route.path);
    if (const auto brace = path.find("{name}"); brace != std::string::npos) {
      path.replace(brace, 6, "meter");
    }
    const auto answer = get(path);
    EXPECT_THAT(answer.body, Not(HasSubstr("canary"))) << path;
    EXPECT_THAT(answer.body, Not(HasSubstr("scrypt$"))) << path;
    EXPECT_THAT(answer.body, Not(HasSubstr(token_))) << path;
  }
}

struct HostCase {
  std::string host;
  bool expected;
};
class Hosts : public AdminTest, public testing::WithParamInterface<HostCase> {};

// E1: DNS rebinding.
TEST_P(Hosts, AreKnownOrRefused) {
  make_api({.host_names = {"mqtt.example.org"}});
  auto made = request(Method::Get, "/health/live");
  made.local_address = "192.0.2.5";
  made.host = GetParam().host;

  const auto answer = api_->answer(made);

  EXPECT_EQ(answer.status, GetParam().expected ? 200U : 421U);
}

INSTANTIATE_TEST_SUITE_P(
    Table, Hosts,
    testing::Values(HostCase{"localhost", true}, HostCase{"LocalHost:8080", true},
                    HostCase{"127.0.0.1:8080", true}, HostCase{"[::1]:8080", true},
                    HostCase{"192.0.2.5", true}, HostCase{"192.0.2.5:1", true},
                    HostCase{"mqtt.example.org", true}, HostCase{"MQTT.example.org.:8080", true},
                    HostCase{"192.0.2.6", false}, HostCase{"evil.example", false},
                    HostCase{"localhost.evil.example", false},
                    HostCase{"127.0.0.1.evil.example", false}, HostCase{"", false},
                    HostCase{"localhost:evil", false}, HostCase{"[::1", false},
                    HostCase{"user@localhost", false}, HostCase{"0.0.0.0", false}));

}  // namespace
}  // namespace sluice::admin
