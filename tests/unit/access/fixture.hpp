#pragma once
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/parse.hpp>
#include <gtest/gtest.h>

#include "broker/access_control.hpp"
#include "support/memory_store.hpp"

namespace sluice::broker {

[[nodiscard]] inline boost::json::object object(std::string_view text) {
  return boost::json::parse(text).get_object();
}

// A clock that only a test moves.
class MovedClock final : public Clock {
 public:
  [[nodiscard]] std::int64_t wall_ms() const override { return 1'772'366'400'000; }
  [[nodiscard]] std::chrono::steady_clock::time_point steady() const override { return now; }
  std::chrono::steady_clock::time_point now{std::chrono::hours(1)};
};

class AccessControlTest : public testing::Test {
 protected:
  void SetUp() override { reopen(); }

  void reopen(AccessControl::Options options = {}) {
    access_ = std::make_unique<AccessControl>(store_, clock_, options);
    ASSERT_TRUE(access_->load().has_value());
  }

  static Client client_of(std::optional<std::string> user, std::string host = "192.0.2.1") {
    Client client{.client_id = "c", .username = {}, .has_username = user.has_value(), .host = host};
    client.username = std::move(user).value_or("");
    return client;
  }

  mqtt::ReasonCode log_in(std::optional<std::string> user, std::optional<std::string> password,
                          std::string host = "192.0.2.1") {
    std::promise<mqtt::ReasonCode> answer;
    access_->authenticate(client_of(std::move(user), std::move(host)), std::move(password),
                          [&](const LoginAnswer& said) { answer.set_value(said.reason); });
    return answer.get_future().get();
  }

  std::vector<std::string> pointers(std::string_view policy) {
    const auto made = access_->create_policy(object(policy));
    std::vector<std::string> found;
    if (made) return {"none: it was taken"};
    EXPECT_EQ(made.error().code, "invalid_document");
    EXPECT_EQ(made.error().errc, Errc::InvalidArgument);
    for (const auto& problem : made.error().fields) found.push_back(problem.pointer);
    return found;
  }

  SystemClock clock_;
  MovedClock stopped_clock_;
  test::MemoryStore store_;
  std::unique_ptr<AccessControl> access_;
};

// No time passes, however slow the machine is.
class StoppedClockTest : public AccessControlTest {
 protected:
  void reopen_with_bound_of_user(int guesses) {
    AccessControl::Options options;
    options.login_bounds.per_user = guesses;
    access_ = std::make_unique<AccessControl>(store_, stopped_clock_, options);
    ASSERT_TRUE(access_->load().has_value());
  }
};

}  // namespace sluice::broker
