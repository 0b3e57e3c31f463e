// Which way of logging in decides, and what tokens count for who guesses.
#include <atomic>
#include <mutex>
#include <thread>
#include <utility>

#include "broker/access/jwt_authenticator.hpp"
#include "broker/access/login_guard.hpp"
#include "unit/access/fixture.hpp"
#include "unit/access/token_maker.hpp"

namespace sluice::broker {
namespace {

using mqtt::ReasonCode;

constexpr std::string_view kTokenSecret = "0123456789abcdef0123456789abcdef";

class LoginMethodsTest : public AccessControlTest {
 protected:
  std::shared_ptr<JwtAuthenticator> tokens(JwtRules rules = {}) {
    JwtAuthenticator::Options options{.keys = {}, .rules = std::move(rules)};
    options.keys.push_back(jwt_secret(kTokenSecret).value());
    return std::make_shared<JwtAuthenticator>(clock_, std::move(options));
  }
  void with_methods(std::vector<std::shared_ptr<Authenticator>> methods) {
    AccessControl::Options options;
    options.methods = std::move(methods);
    reopen(options);
    if (access_->user_exists("meter")) return;
    ASSERT_TRUE(access_->create_user(object(R"({"name":"meter","password":"right"})")).has_value());
  }
  std::string token(std::string_view user, std::string_view secret = kTokenSecret,
                    std::string_view more = "") {
    const auto exp = std::to_string(clock_.wall_ms() / 1000 + 60);
    return hs256_token(
        R"({"alg":"HS256"})",
        R"({"sub":")" + std::string(user) + R"(","exp":)" + exp + std::string(more) + "}", secret);
  }
  LoginAnswer answer(std::optional<std::string> user, std::string password,
                     std::string host = "192.0.2.1") {
    std::promise<LoginAnswer> answer;
    access_->authenticate(client_of(std::move(user), std::move(host)), std::move(password),
                          [&](LoginAnswer said) { answer.set_value(std::move(said)); });
    return answer.get_future().get();
  }
};

TEST_F(LoginMethodsTest, ATokenSaysWhoItIsInAnyOrder) {
  for (const bool users_first : {false, true}) {
    if (users_first)
      with_methods({nullptr, tokens()});
    else
      with_methods({tokens(), nullptr});

    const auto login = answer("anything", token("fleet-1"));
    EXPECT_EQ(login.reason, ReasonCode::Success) << login.why;
    EXPECT_EQ(login.username, "fleet-1");
    ASSERT_NE(login.terms, nullptr);
    EXPECT_TRUE(login.terms->ends.has_value());

    EXPECT_EQ(answer(std::nullopt, token("fleet-1")).reason, ReasonCode::Success);
    const auto stored = answer("meter", "right");
    EXPECT_EQ(stored.reason, ReasonCode::Success);
    EXPECT_FALSE(stored.username.has_value());
    EXPECT_EQ(log_in("meter", "wrong"), ReasonCode::BadUserNameOrPassword);
    EXPECT_EQ(log_in("nobody", "right"), ReasonCode::BadUserNameOrPassword);
    EXPECT_EQ(log_in("meter", std::nullopt), ReasonCode::BadUserNameOrPassword);
  }
}

TEST_F(LoginMethodsTest, NothingButTheMethodsOfTheSettingsAdmits) {
  with_methods({tokens()});
  EXPECT_EQ(log_in("meter", "right"), ReasonCode::BadUserNameOrPassword);
  EXPECT_FALSE(access_->knows_method(AccessControl::kScram));

  with_methods({nullptr});
  EXPECT_EQ(log_in("meter", token("meter")), ReasonCode::BadUserNameOrPassword);
  EXPECT_FALSE(access_->is_credential(token("meter")));
  EXPECT_TRUE(access_->knows_method(AccessControl::kScram));
}

TEST_F(LoginMethodsTest, RestTakesPasswordsAlone) {
  with_methods({tokens(), nullptr});
  const auto by_rest = [&](std::string password) {
    auto client = client_of("meter");
    client.listener = ListenerName(kAdministration);
    std::promise<ReasonCode> reason;
    access_->authenticate(client, std::move(password),
                          [&](const LoginAnswer& said) { reason.set_value(said.reason); });
    return reason.get_future().get();
  };

  EXPECT_EQ(by_rest("right"), ReasonCode::Success);
  EXPECT_EQ(by_rest(token("meter")), ReasonCode::BadUserNameOrPassword);
  with_methods({tokens()});  // no passwords at all
  EXPECT_EQ(by_rest("right"), ReasonCode::BadUserNameOrPassword);
}

TEST_F(LoginMethodsTest, ATokenForAnotherClientIsNotAuthorized) {
  with_methods({tokens({.client_id_claim = "device"})});

  EXPECT_EQ(log_in("x", token("meter", kTokenSecret, R"(,"device":"c")")), ReasonCode::Success);
  EXPECT_EQ(log_in("x", token("meter", kTokenSecret, R"(,"device":"d")")),
            ReasonCode::NotAuthorized);
  EXPECT_EQ(log_in("x", token("meter")), ReasonCode::NotAuthorized);
}

TEST_F(LoginMethodsTest, WrongTokensCountAsGuessesOnceEach) {
  with_methods({tokens(), nullptr});
  const std::string other = "another-secret-of-thirty-two-byte";
  const auto old = token("old", other);
  ASSERT_EQ(answer("x", token("known"), "2001:db8::3").reason, ReasonCode::Success);
  for (int i = 0; i < 3 * LoginGuard::kFree; ++i)
    ASSERT_EQ(answer("name-" + std::to_string(i), old, "2001:db8::2").reason,
              ReasonCode::BadUserNameOrPassword);
  EXPECT_EQ(answer("x", token("late"), "2001:db8::2").reason, ReasonCode::Success);

  for (int i = 0; i < LoginGuard::kFree; ++i)
    (void)answer("x", token("guess-" + std::to_string(i), other), "2001:db8::2");

  EXPECT_EQ(answer("x", token("one-more", other), "2001:db8::3").reason,
            ReasonCode::ConnectionRateExceeded);
  EXPECT_EQ(answer("x", token("new"), "2001:db8::3").reason, ReasonCode::Success);
  EXPECT_EQ(answer("x", old, "2001:db8::3").reason, ReasonCode::BadUserNameOrPassword);
  EXPECT_EQ(answer("x", token("new"), "2001:db8:0:1::").reason, ReasonCode::Success);
}

// A way that answers on a thread of its own, as who asks over the network does.
class SlowMethod final : public Authenticator {
 public:
  explicit SlowMethod(std::optional<LoginAnswer> says) : says_(std::move(says)) {}
  ~SlowMethod() override { stop(); }
  [[nodiscard]] bool takes(std::string_view) const override { return true; }
  [[nodiscard]] bool is_secret(std::string_view) const override { return false; }
  void ask(const Client& client, std::string_view, Done done) override {
    ++asked;
    auto said = says_;
    if (said && said->reason == ReasonCode::Success) said->username = client.username;
    const std::scoped_lock lock(mutex_);
    threads_.emplace_back([said, done = std::move(done)] { done(said); });
  }
  void stop() override {
    const std::scoped_lock lock(mutex_);
    for (auto& thread : threads_)
      if (thread.joinable()) thread.join();
  }
  std::atomic<int> asked{0};

 private:
  const std::optional<LoginAnswer> says_;
  std::mutex mutex_;
  std::vector<std::thread> threads_;
};

TEST_F(LoginMethodsTest, AsksTheNextWayWhenOneHasNoAnswer) {
  const auto silent = std::make_shared<SlowMethod>(std::nullopt);
  with_methods({silent, tokens(), nullptr});

  EXPECT_EQ(log_in("meter", "right"), ReasonCode::Success);
  EXPECT_EQ(log_in("meter", "wrong"), ReasonCode::BadUserNameOrPassword);
  EXPECT_EQ(log_in("nobody", "right"), ReasonCode::BadUserNameOrPassword);
  EXPECT_EQ(answer("x", token("fleet-1")).username, "fleet-1");
  EXPECT_EQ(silent->asked, 4);
  EXPECT_FALSE(access_->is_credential("a name that it takes"));
}

TEST_F(LoginMethodsTest, AnAnswerIsTheLastWord) {
  with_methods({nullptr, std::make_shared<SlowMethod>(LoginAnswer{.reason = ReasonCode::Success})});
  EXPECT_EQ(answer("outside", "any").username, "outside");
  EXPECT_EQ(log_in("meter", "wrong"), ReasonCode::BadUserNameOrPassword);  // a stored user

  with_methods(
      {std::make_shared<SlowMethod>(LoginAnswer{.reason = ReasonCode::NotAuthorized}), nullptr});
  EXPECT_EQ(log_in("meter", "right"), ReasonCode::NotAuthorized);
}

TEST_F(LoginMethodsTest, WhoIsOutOfReachMakesNobodyAGuesser) {
  const auto away = std::make_shared<SlowMethod>(
      LoginAnswer{.reason = ReasonCode::ServerUnavailable, .is_guess = false});
  with_methods({away});
  for (int i = 0; i < 2 * LoginGuard::kFree; ++i)
    EXPECT_EQ(log_in("meter", "try-" + std::to_string(i)), ReasonCode::ServerUnavailable);
  EXPECT_EQ(away->asked, 2 * LoginGuard::kFree);

  with_methods(
      {std::make_shared<SlowMethod>(LoginAnswer{.reason = ReasonCode::BadUserNameOrPassword})});
  for (int i = 0; i < LoginGuard::kFree; ++i) (void)log_in("meter", "try-" + std::to_string(i));
  EXPECT_EQ(log_in("meter", "once more"), ReasonCode::ConnectionRateExceeded);
}

TEST_F(LoginMethodsTest, TakesOtherKeysFromNowOn) {
  const auto method = tokens();
  with_methods({method});
  const std::string fresh = "fresh-secret-of-thirty-two-bytes!";
  JwtAuthenticator::Options options;
  options.keys.push_back(jwt_secret(fresh).value());

  method->replace(std::move(options));

  EXPECT_EQ(log_in("x", token("meter")), ReasonCode::BadUserNameOrPassword);
  EXPECT_EQ(log_in("x", token("meter", fresh)), ReasonCode::Success);
}

}  // namespace
}  // namespace sluice::broker
