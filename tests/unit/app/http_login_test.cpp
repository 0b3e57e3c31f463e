#include "app/http_login.hpp"

#include <atomic>
#include <future>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::app {
namespace {

using broker::LoginAnswer;
using mqtt::ReasonCode;
using testing::HasSubstr;
using testing::Not;

class HttpLoginTest : public testing::Test {
 protected:
  void begin(HttpLogin::Options options = {}) {
    login_ = std::make_unique<HttpLogin>(clock_, std::move(options), [this] {
      return [this](const std::string& body) -> Result<io::HttpResponse> {
        ++asked_;
        is_held_.wait(true);
        last_.with([&](auto& last) { last = body; });
        if (status_ == 0) return fail(Errc::Timeout, "it took too long");
        return io::HttpResponse{.status = status_, .headers = {}, .body = body_};
      };
    });
  }
  std::optional<LoginAnswer> ask(std::string password = "canary", std::string user = "meter") {
    std::promise<std::optional<LoginAnswer>> answer;
    const broker::Client client{
        .client_id = "c", .username = user, .has_username = true, .host = "192.0.2.1"};
    login_->ask(client, password,
                [&](std::optional<LoginAnswer> said) { answer.set_value(std::move(said)); });
    return answer.get_future().get();
  }
  std::optional<LoginAnswer> answer_to(unsigned status, std::string body) {
    status_ = status;
    body_ = std::move(body);
    begin();
    return ask();
  }

  SystemClock clock_;
  std::atomic<int> asked_{0};
  std::atomic<bool> is_held_{false};  // the server that is asked says nothing
  Guarded<std::string> last_;
  unsigned status_ = 200;
  std::string body_ = R"({"result":"allow"})";
  std::unique_ptr<HttpLogin> login_;
};

TEST_F(HttpLoginTest, AsksWithWhatIsKnownOfTheClient) {
  begin();
  const auto said = ask();

  ASSERT_TRUE(said.has_value());
  EXPECT_EQ(said->reason, ReasonCode::Success);
  EXPECT_EQ(said->username, "meter");
  EXPECT_EQ(last_.with([](const auto& last) { return last; }),
            R"({"username":"meter","password":"canary","client_id":"c",)"
            R"("address":"192.0.2.1","listener":""})");
}

TEST_F(HttpLoginTest, TakesRulesAndAnEnd) {
  const auto said = answer_to(200, R"({"result":"allow","acl":{"pub":["a"]},"expire_at":)" +
                                       std::to_string(clock_.wall_ms() / 1000 + 60) + "}");

  ASSERT_TRUE(said.has_value());
  EXPECT_EQ(said->reason, ReasonCode::Success) << said->why;
  EXPECT_EQ(said->terms->policies.size(), 2U);
  EXPECT_TRUE(said->terms->ends.has_value());
}

TEST_F(HttpLoginTest, DeniesIgnoresAndOtherwiseFailsClosed) {
  EXPECT_EQ(answer_to(200, R"({"result":"ignore"})"), std::nullopt);
  for (const unsigned status : {401U, 403U})
    EXPECT_EQ(answer_to(status, "").value().reason, ReasonCode::BadUserNameOrPassword);
  const auto denied = answer_to(200, R"({"result":"deny"})");
  EXPECT_EQ(denied->reason, ReasonCode::BadUserNameOrPassword);
  EXPECT_TRUE(denied->is_guess);
  for (const auto* body :
       {"", "allow", "[]", "{}", R"({"result":true})", R"({"result":"ALLOW"})",
        R"({"result":"allow","acl":7})", R"({"result":"allow","expire_at":"never"})"}) {
    const auto said = answer_to(200, body);
    ASSERT_TRUE(said.has_value()) << body;
    EXPECT_EQ(said->reason, ReasonCode::ServerUnavailable) << body;
    EXPECT_FALSE(said->is_guess) << body;
  }
  for (const unsigned status : {0U, 204U, 302U, 404U, 500U})
    EXPECT_EQ(answer_to(status, R"({"result":"allow"})").value().reason,
              ReasonCode::ServerUnavailable)
        << status;
  EXPECT_EQ(answer_to(200, R"({"result":"allow","expire_at":1})").value().reason,
            ReasonCode::BadUserNameOrPassword);
  EXPECT_THAT(answer_to(500, R"({"canary":1})").value().why, Not(HasSubstr("canary")));
}

TEST_F(HttpLoginTest, RemembersClearAnswersToTheSameLogin) {
  begin();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(ask()->reason, ReasonCode::Success);
  EXPECT_EQ(asked_, 1);
  (void)ask("other");
  (void)ask("canary", "other");
  EXPECT_EQ(asked_, 3);

  status_ = 500;
  begin();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(ask()->reason, ReasonCode::ServerUnavailable);
  EXPECT_EQ(asked_, 6);

  status_ = 200;
  begin({.remember = std::chrono::milliseconds(0)});
  for (int i = 0; i < 3; ++i) EXPECT_EQ(ask()->reason, ReasonCode::Success);
  EXPECT_EQ(asked_, 9);
}

TEST_F(HttpLoginTest, LetsSoManyLoginsOfOneAddressWaitAndNoMore) {
  begin({.concurrency = 1});
  is_held_ = true;
  Guarded<std::vector<ReasonCode>> answers;
  const broker::Client client{
      .client_id = "c", .username = "meter", .has_username = true, .host = "192.0.2.1"};
  const auto count = broker::kLoginsWaitingPerPeer + 2;  // one is being asked about
  for (std::size_t i = 0; i < count; ++i)
    login_->ask(client, std::to_string(i), [&](const std::optional<LoginAnswer>& said) {
      answers.with([&](auto& all) { all.push_back(said->reason); });
    });
  const auto at_once = answers.with([](const auto& all) { return all; });
  is_held_ = false;
  is_held_.notify_all();
  login_->stop();

  ASSERT_FALSE(at_once.empty());
  EXPECT_LE(at_once.size(), 2U);  // the thread may not have begun by then
  EXPECT_THAT(at_once, testing::Each(ReasonCode::QuotaExceeded));
}

TEST_F(HttpLoginTest, AsksNobodyOnceStopped) {
  begin();
  login_->stop();

  EXPECT_EQ(ask()->reason, ReasonCode::ServerBusy);
  EXPECT_EQ(asked_, 0);
  EXPECT_FALSE(login_->takes("\xff"));
}

}  // namespace
}  // namespace sluice::app
