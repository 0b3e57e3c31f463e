// What can be set: interface names in settings_fields.cpp, values for the program here.
#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

#include "app/setting_sources.hpp"
#include "base/log.hpp"
#include "base/result.hpp"
#include "base/schema.hpp"
#include "broker/access/jwt.hpp"
#include "broker/access/login_guard.hpp"
#include "broker/group_strategy.hpp"
#include "io/address_rule.hpp"
#include "net/tls_session.hpp"
#include "net/web_socket_upgrade.hpp"

namespace sluice::app {

// Where to listen: an address of this machine, not a name. Port 0: any free one.
struct BindAddress {
  std::string host;  // without brackets
  std::uint16_t port = 0;

  [[nodiscard]] std::string text() const;  // IPv6 in brackets
};
// Errors: InvalidArgument, with what is allowed.
[[nodiscard]] Result<BindAddress> parse_bind_address(std::string_view text);

struct ListenerSettings {
  std::string name;
  BindAddress bind;
  std::optional<net::TlsServing> tls;               // none: not encrypted
  std::optional<net::WebSocketServing> web_socket;  // none: packets stand there as they are
  std::vector<std::string> proxies;                 // addresses and ranges
  std::uint32_t connections = 0;
  std::optional<std::uint32_t> maximum_packet_size;  // none: that of `mqtt`
  std::optional<std::uint32_t> messages_per_second_per_client;
};

struct AdminSettings {
  BindAddress bind;
  std::optional<io::TlsOptions> tls;  // none: HTTP
  std::vector<std::string> host_names;
  std::size_t audit_records = 10'000;
  std::size_t event_records = 10'000;
  bool metrics_public = false;
  broker::LoginBounds login_bounds;
};

struct JwtSettings {
  std::string secret;
  std::string public_key;  // a file
  std::string jwks;        // a file
  std::string jwks_url;    // empty: none
  std::string jwks_ca;     // a file; empty: whom the machine trusts
  std::chrono::milliseconds jwks_refresh{};
  std::chrono::milliseconds jwks_keep{};
  broker::JwtRules rules;
};

struct HttpLoginSettings {
  std::string url;
  std::string ca;     // a file; empty: whom the machine trusts
  std::string token;  // empty: none
  std::chrono::milliseconds timeout{};
  std::chrono::milliseconds remember{};
  std::size_t concurrency = 1;
};

struct AuthenticationSettings {
  std::vector<std::string> methods;
  HttpLoginSettings http;
  JwtSettings jwt;
};

struct StoreSettings {
  enum class Durability : std::uint8_t { Fsync, Os };
  enum class DeliverAfter : std::uint8_t { Ordered, Durable };
  Durability durability = Durability::Fsync;
  DeliverAfter deliver_after = DeliverAfter::Ordered;
  std::uint64_t segment_bytes = 0;
  std::optional<std::int64_t> retention_ms;      // none: never for their age
  std::optional<std::uint64_t> retention_bytes;  // none: unlimited
  std::optional<std::uint64_t> hold_sessions_bytes;
  std::optional<std::uint64_t> hold_tasks_bytes;
  std::uint64_t cache_bytes = 0;
  std::uint64_t dead_letter_bytes = 0;
};

struct MqttSettings {
  std::uint32_t maximum_packet_size = 0;
  std::uint8_t maximum_qos = 2;
  std::uint16_t receive_maximum = 0;
  std::uint16_t maximum_inflight = 0;
  std::uint16_t topic_alias_maximum = 0;
  std::uint32_t session_expiry_maximum_s = 0;
  std::uint16_t keep_alive_maximum_s = 0;
  std::uint32_t connections = 0;
  std::uint32_t subscriptions_per_client = 0;
  std::uint32_t conditions_per_client = 0;
  std::uint64_t conditions_bytes = 0;
  std::uint32_t topic_levels = 0;
  std::uint32_t retained_maximum = 0;
  std::uint64_t retained_bytes = 0;
  std::uint64_t wills_bytes = 0;
  std::uint64_t sessions_bytes = 0;
  std::uint64_t aliases_bytes = 0;
  std::uint64_t packets_bytes = 0;
  std::uint64_t strangers_bytes = 0;
  std::uint32_t delayed_maximum = 0;
  std::uint32_t groups = 0;
  broker::GroupStrategy group_strategy = broker::GroupStrategy::RoundRobin;
  std::uint32_t sessions_per_user = 0;
  std::string redirect_to;
  bool redirect_permanently = false;
  bool groups_must_exist = false;
  bool point_to_point = false;
  std::uint32_t messages_per_second_per_client = 0;  // 0: no limit
};

struct ConnectSettings {
  io::AllowedNetworks networks;
  std::uint32_t maximum_hops = 0;
};

struct LogSettings {
  log::Level level = log::Level::Info;
  log::Format format = log::Format::Text;
  std::string file;  // empty: standard error
};

// Everything that `serve` needs, checked and complete.
struct Settings {
  std::string node_name;
  std::string data;
  std::size_t io_threads = 1;
  std::vector<ListenerSettings> listeners;  // those that are enabled, by name
  std::vector<std::string> listener_names;  // also of those that are not
  AdminSettings admin;
  bool access_enabled = true;
  bool names_refused_subscriptions = true;
  AuthenticationSettings authentication;
  broker::LoginBounds login_bounds;
  StoreSettings store;
  MqttSettings mqtt;
  ConnectSettings connect;
  LogSettings log;
};

// Settings, and where each value comes from.
struct EffectiveSettings {
  Settings settings;
  boost::json::object values;                  // as declared: bytes and milliseconds as integers
  std::map<std::string, std::string> origins;  // dotted name -> place; not there: default
  std::vector<std::string> warnings;           // sentences for the log
};

// Every setting there is, declared once.
[[nodiscard]] const schema::Fields& setting_fields();

// Reads all sources and checks everything; all problems at once.
[[nodiscard]] tl::expected<EffectiveSettings, std::vector<SettingProblem>> load_settings(
    const SettingSources& sources);

// The values for the program; they have passed every check.
[[nodiscard]] Settings settings_of(const boost::json::object& values);

// What no single field can say: rules across settings, and what this version does not serve yet.
// Each pointer is that of the setting to change. `values` has passed the fields' own checks.
[[nodiscard]] std::vector<schema::Problem> check_setting_rules(const boost::json::object& values);

// What SIGHUP makes of the settings in effect: of the fresh ones those that can change while
// running, of the others the old ones.
struct ReloadedSettings {
  EffectiveSettings effective;
  std::vector<std::string> changed;       // dotted names, in effect now
  std::vector<std::string> need_restart;  // changed in the sources, not in effect
};
// Errors: what is in effect then would break a rule across settings.
[[nodiscard]] tl::expected<ReloadedSettings, std::vector<SettingProblem>> merge_reloaded(
    const EffectiveSettings& current, const EffectiveSettings& fresh);

// One line per value in effect. `name` is dotted, `value` as one would write it; secrets are
// masked.
struct ShownSetting {
  std::string name;
  boost::json::value value;
  std::string origin;
  bool reloadable = false;
};
[[nodiscard]] std::vector<ShownSetting> show_settings(const EffectiveSettings& effective);
// {"items":[{"name","value","origin","reloadable"}]}: GET /settings and `sluice check -o json`.
[[nodiscard]] boost::json::object settings_document(const EffectiveSettings& effective);

}  // namespace sluice::app
