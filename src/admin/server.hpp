#pragma once
#include <chrono>
#include <memory>
#include <string>

#include "admin/administrator_accounts.hpp"
#include "admin/route.hpp"
#include "admin/sources.hpp"
#include "broker/limits.hpp"
#include "io/tls_context.hpp"

namespace sluice::admin {

struct Options {
  std::string bind = "127.0.0.1:8080";     // port 0: any free one
  std::optional<io::TlsOptions> tls = {};  // none: HTTP as it is
  ApiOptions api = {};
  std::size_t maximum_connections = broker::kAdminConnections;
  // Of one address (base/peer.hpp). At a bound the connection that has waited longest for its
  // client makes room, so that nobody is kept out by connections that say nothing.
  std::size_t maximum_connections_per_peer = broker::kAdminConnectionsPerPeer;
  std::size_t kept_for_loopback =
      broker::kAdminKeptForLoopback;  // of maximum_connections: other addresses leave them free
  std::size_t maximum_queries =
      broker::kAdminQueries;  // questions about the log at a time, waiting ones included
  std::uint32_t maximum_header_bytes = broker::kAdminHeaderBytes;
  std::uint64_t maximum_body_bytes = broker::kAdminBodyBytes;
  // From the first byte to the last, and from the connection to the first byte.
  std::chrono::milliseconds request_deadline = broker::kAdminRequestDeadline;
  std::chrono::milliseconds idle_deadline = broker::kAdminIdleDeadline;  // between requests
  std::chrono::milliseconds drain_deadline{2'000};  // for what a client sends behind a refusal
};

// The administration's HTTP server.
//
// Owns:    its listening socket, its connections, one thread for them, and three small pools:
//          reading requests are not held up by those that wait for the outside world or read the
//          log.
// Threads: start() and stop() from one thread; create_local_token() from any.
// Fails:   start() says what is wrong with the address; afterwards nothing ends the server but
// stop().
class Server {
 public:
  // `accounts` and what `sources` refers to outlive the server.
  Server(Sources sources, AdministratorAccounts& accounts, Options options);
  ~Server();  // stops
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Before start(): what it keeps in the store. Errors: which document is damaged.
  [[nodiscard]] Result<void> load();
  // Before start(), and again whenever the files may have changed; for connections that begin from
  // then on. Errors: which file, and why; the old ones stay.
  [[nodiscard]] Result<void> load_certificate();
  // When it expires, in seconds since 1970; none: it has none.
  [[nodiscard]] std::optional<std::int64_t> certificate_expires_s() const;

  [[nodiscard]] std::string certificate_pem() const;  // empty: it has none
  // The address it accepts at: `127.0.0.1:39011`.
  [[nodiscard]] Result<std::string> start();
  // Answers what is under way, then ends. Idempotent.
  void stop();

  [[nodiscard]] std::string create_local_token();
  // What happens in the broker, and to tasks (as `$events/task/...` tells it): for GET /stream. Any
  // thread, as long as the server is there.
  [[nodiscard]] broker::EventListener& event_listener();
  void take_task_event(boost::json::object event);
  void take_task_rejection(connect::TaskRejection rejection);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sluice::admin
