#pragma once
#include <array>
#include <mutex>
#include <string>

#include "admin/actions.hpp"
#include "admin/console.hpp"

namespace sluice::admin {

// Answers requests: who asks, what for, and may they.
//
// Owns:    login sessions and their limits, tokens, the audit.
// Threads: any but an event loop; calls block as long as what they ask for.
class Api {
 public:
  Api(Sources sources, AdministratorAccounts& accounts, ApiOptions options);

  // Before the first answer.
  [[nodiscard]] Result<void> load();

  // Never throws; every fault is a problem document.
  [[nodiscard]] Response answer(const Request& request);

  // Between start() and stop() those who listen are told what happens. From one thread.
  void start();
  void stop();
  [[nodiscard]] EventFeed& feed() { return feed_; }
  [[nodiscard]] WatchedAnswers& watched() { return watched_; }
  [[nodiscard]] WatchedAnswers& watched_queries() { return watched_queries_; }

  // It reads the log: its answer takes longer than that of others. Any thread, never blocks.
  [[nodiscard]] static bool is_query(const Request& request);
  // Whether `GET target` is known, and answered in JSON.
  [[nodiscard]] static bool is_watchable(std::string_view target);

  // The token of DATA/run/admin.token.
  [[nodiscard]] std::string create_local_token() { return sessions_.open_local(); }

 private:
  [[nodiscard]] Response dispatch_safely(const Request& request);
  [[nodiscard]] Response dispatch(const Request& request);
  [[nodiscard]] Response run(const Route& route, const Request& request, Call call);
  [[nodiscard]] Response run_audited(const Route& route, const Call& call);
  [[nodiscard]] tl::expected<Identity, Response> identify(const Route& route, Call call);
  // Of its role or its scope.
  [[nodiscard]] static std::optional<Response> refuse(const Route& route, const Call& call);
  void keep_refusal(const Route& route, const Call& call, const Response& response);
  [[nodiscard]] std::optional<Identity> identity_with(const GivenToken& given);
  [[nodiscard]] std::optional<Identity> identity_by_token(std::string_view secret);

  const Sources sources_;
  AdministratorAccounts& accounts_;
  const ApiOptions options_;
  const Console console_;
  LoginSessions sessions_;
  Tokens tokens_;
  AuditTrail audit_;
  Latency latency_;
  History history_;
  TaskHistory task_history_;
  EventFeed feed_;  // whose thread uses those before it
  WatchedAnswers watched_;
  WatchedAnswers watched_queries_;  // which take longer: apart, so that they make no others late
  LoginLimit logins_;
  LineLimit refusal_lines_;
  std::atomic<int> waiting_users_{0};
  Context context_;
  // Held by a change with `If-Match` from the look at the version to its end: of two that name the
  // same one, one wins. By what they name, so that a slow one holds up few others.
  std::array<std::mutex, 16> conditional_;
  std::array<metrics::Counter*, 4> answered_;  // 2xx, 3xx, 4xx, 5xx
};

}  // namespace sluice::admin
