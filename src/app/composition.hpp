#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "admin/administrator_accounts.hpp"
#include "admin/server.hpp"
#include "app/certificate_expiry.hpp"
#include "app/key_fetcher.hpp"
#include "app/settings.hpp"
#include "base/clock.hpp"
#include "base/file.hpp"
#include "base/metrics.hpp"
#include "broker/access/jwt_authenticator.hpp"
#include "broker/access_control.hpp"
#include "broker/broker.hpp"
#include "connect/registry.hpp"
#include "connect/service.hpp"
#include "net/listener.hpp"
#include "store/embedded/engine.hpp"

namespace sluice::app {

struct ListenerPlan {
  std::string name;  // as in the settings: `tcp`
  std::string host;
  std::uint16_t port = 0;
  std::optional<net::TlsServing> tls;
  std::optional<net::WebSocketServing> web_socket;
  std::vector<std::string> proxies;
  std::uint32_t connections = UINT32_MAX;
};

// What the server is built from; made of the settings.
struct Plan {
  std::string data;
  std::string node_name;
  store::EmbeddedOptions store;
  broker::Broker::Options broker;
  broker::AccessControl::Options access;
  connect::Options connect;
  admin::Options admin;
  AuthenticationSettings authentication;
  std::vector<ListenerPlan> listeners;
  std::optional<std::string> admin_password;      // of the first administrator, at the first start
  std::function<boost::json::object()> settings;  // effective, for GET /settings
  std::function<Outcome<boost::json::object>(store::Store&, const boost::json::object& patch)>
      change_settings;
  // The store is there and nothing else yet.
  std::function<Result<void>(store::Store&)> restore_settings;
};

// The whole server: builds the parts from the bottom up and ends them in reverse.
//
// Owns:    everything; `DATA/run/addresses.json` and `DATA/run/admin.token` while it runs.
// Threads: open(), start() and stop() from one thread.
// Fails:   open() with a sentence for an administrator; nothing is left running then.
class Composition {
 public:
  explicit Composition(Plan plan);
  ~Composition();
  Composition(const Composition&) = delete;
  Composition& operator=(const Composition&) = delete;

  // Opens the store, brings everything back, binds every address. Nothing is accepted yet.
  [[nodiscard]] Result<void> open();
  // Accepts, and says where in addresses.json.
  [[nodiscard]] Result<void> start();
  // Clients are told, tasks parked, everything made durable. Idempotent.
  void stop();

  // For what comes from now on; clients that are connected keep what they were promised.
  void set_limits(const broker::Limits& limits) { broker_->set_limits(limits); }
  // Reads certificates and keys again; for connections that begin from now on. What cannot be used
  // is logged, and the old ones stay.
  void reload_certificates();
  // Of tokens, for logins from now on. What cannot be used is logged, and the old ones stay.
  void reload_keys(const JwtSettings& settings);

  // Made at the very first start: to be shown once.
  [[nodiscard]] const std::optional<std::string>& first_password() const { return first_password_; }
  // Listener name (and `admin`) to address as bound.
  [[nodiscard]] const std::vector<std::pair<std::string, std::string>>& addresses() const {
    return addresses_;
  }

 private:
  [[nodiscard]] Result<void> open_store();
  [[nodiscard]] Result<void> open_access();
  [[nodiscard]] Result<void> open_listeners();
  [[nodiscard]] Result<void> write_run_files();
  [[nodiscard]] Result<void> write_certificate();
  void list_certificates();

  Plan plan_;
  SystemClock clock_;
  metrics::Registry metrics_;
  std::unique_ptr<FileSystem> files_;
  std::unique_ptr<store::Store> store_;
  std::shared_ptr<broker::JwtAuthenticator> jwt_;  // null: no tokens
  std::unique_ptr<KeyFetcher> keys_;               // of tokens; null: no tokens
  std::unique_ptr<broker::AccessControl> access_;
  std::unique_ptr<broker::Broker> broker_;
  connect::Registry connectors_;
  std::unique_ptr<connect::Service> integration_;
  std::unique_ptr<admin::AdministratorAccounts> accounts_;
  std::unique_ptr<admin::Server> admin_;
  net::Counters net_counters_{metrics_};
  std::vector<std::unique_ptr<net::Listener>> listeners_;
  std::vector<Certificates> certificates_;
  std::optional<std::string> first_password_;
  std::vector<std::pair<std::string, std::string>> addresses_;
  bool is_stopped_ = false;
};

}  // namespace sluice::app
