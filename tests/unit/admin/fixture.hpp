#pragma once
#include <memory>
#include <string>
#include <string_view>

#include <boost/json/object.hpp>
#include <gtest/gtest.h>

#include "admin/api.hpp"
#include "base/guarded.hpp"
#include "support/memory_store.hpp"

namespace sluice::admin {

// A clock that only a test moves.
class TestClock final : public Clock {
 public:
  [[nodiscard]] std::int64_t wall_ms() const override {
    return now_.with([](const auto& now) { return kStart + now.count(); });
  }
  [[nodiscard]] std::chrono::steady_clock::time_point steady() const override {
    return now_.with([](const auto& now) { return std::chrono::steady_clock::time_point(now); });
  }
  void advance(std::chrono::milliseconds by) {
    now_.with([&](auto& now) { now += by; });
  }

 private:
  static constexpr std::int64_t kStart = 1'772'366'400'000;  // 2026-03-01T12:00:00Z
  Guarded<std::chrono::milliseconds> now_{std::chrono::hours(1)};
};

class TestQueues final : public broker::Queues {
 public:
  explicit TestQueues(store::Store& store) : store_(store) {}
  [[nodiscard]] Result<store::Store::OpenedQueue> acquire(std::string_view filter) override {
    return store_.open_queue(filter, true);
  }
  void release(std::string_view) override {}
  [[nodiscard]] Result<void> settle() override { return {}; }
  [[nodiscard]] std::unique_ptr<broker::Brake> brake(std::string_view,
                                                     std::function<void()>) override {
    return nullptr;
  }

 private:
  store::Store& store_;
};

// A connector `memory` whose connections verify when their `address` is `here`, and whose sink
// takes everything.
[[nodiscard]] connect::Registry test_connectors();

// Everything that the administration works on, without sockets.
class AdminTest : public testing::Test {
 protected:
  AdminTest();
  ~AdminTest() override;

  [[nodiscard]] Sources sources();
  void make_api(ApiOptions options = {});

  // With the local token, if any.
  [[nodiscard]] Response ask(Method method, std::string target, std::string body = {});
  [[nodiscard]] Response get(std::string target) { return ask(Method::Get, std::move(target)); }
  [[nodiscard]] Response post(std::string target, std::string body = {}) {
    return ask(Method::Post, std::move(target), std::move(body));
  }
  [[nodiscard]] Response del(std::string target) { return ask(Method::Delete, std::move(target)); }
  [[nodiscard]] Request request(Method method, std::string target, std::string body = {}) const;

  test::MemoryStore store_;
  TestClock clock_;
  metrics::Registry metrics_;
  connect::Registry connectors_ = test_connectors();
  TestQueues queues_{store_};
  broker::AccessControl access_{store_, clock_, {}};
  connect::Service integration_{store_, queues_,  connectors_,
                                clock_, metrics_, {.accounts = &access_}};
  AdministratorAccounts accounts_{store_, clock_};
  std::function<boost::json::array(const ClientQuery&)> clients_;
  std::unique_ptr<Api> api_;
  std::string token_;
};

[[nodiscard]] boost::json::object object_of(const Response& response);
[[nodiscard]] std::string header_of(const Response& response, std::string_view name);
// The code of a problem document; also checks that it is a whole one.
[[nodiscard]] std::string problem_code(const Response& response);

}  // namespace sluice::admin
