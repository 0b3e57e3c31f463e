// One declaration per route: dispatch, checks and the OpenAPI document come from it.
#pragma once
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "admin/administrator_accounts.hpp"
#include "admin/audit_trail.hpp"
#include "admin/event_feed.hpp"
#include "admin/history.hpp"
#include "admin/http.hpp"
#include "admin/latency.hpp"
#include "admin/login_limit.hpp"
#include "admin/login_sessions.hpp"
#include "admin/sources.hpp"
#include "admin/task_history.hpp"
#include "admin/tokens.hpp"
#include "admin/watched_answers.hpp"
#include "base/line_limit.hpp"
#include "base/schema.hpp"

namespace sluice::admin {

struct ApiOptions {
  bool metrics_public = false;
  std::vector<std::string> host_names = {};  // besides loopback names and our own addresses
  std::string node_name = "sluice-1";
  std::string version = "0.1.0";
  std::size_t audit_records = AuditTrail::kDefaultMaximum;
  std::string_view console_pack = {};  // of the web console; empty: there is none
  std::size_t event_records = EventFeed::kDefaultMaximum;
  broker::LoginBounds login_bounds = {};
};

struct GivenToken;

// What routes work on. Threads: any; every part guards itself.
struct Context {
  const Sources& sources;
  AdministratorAccounts& accounts;
  Tokens& tokens;
  AuditTrail& audit;
  EventFeed& feed;
  WatchedAnswers& watched;
  WatchedAnswers& watched_queries;
  const Latency& latency;
  const History& history;
  const TaskHistory& task_history;
  const ApiOptions& options;
  LoginSessions& sessions;
  LoginLimit& logins;
  LineLimit& refusal_lines;
  std::atomic<int>& waiting_users;               // whose password is being checked
  std::function<bool(const GivenToken&)> knows;  // whether a token is still good for something
  std::int64_t started_ms = 0;
};

// A request that has found its route.
struct Call {
  const Request& request;
  const Identity* identity = nullptr;    // null where the route is open, or an MQTT user asks
  std::optional<std::string> user = {};  // of MQTT, who has logged in for this call
  std::map<std::string, std::string> query = {};
  std::vector<std::string> parts = {};  // what stood for `{...}`, in order
  boost::json::object body = {};

  [[nodiscard]] const std::string& name() const { return parts.front(); }
  [[nodiscard]] std::optional<std::string> parameter(const std::string& key) const {
    const auto found = query.find(key);
    if (found == query.end()) return std::nullopt;
    return found->second;
  }
};

// Who may.
enum class Guard : std::uint8_t {
  Open,
  Viewer,  // and who may more: role.hpp
  Operator,
  Administrator,
  OperatorOrUser,  // of MQTT, with name and password
  Metrics,         // viewers; open when metrics are public
};
// The least role that passes; none where it is open.
[[nodiscard]] std::optional<Role> role_for(Guard guard);

// A Guard that has to be said: a route without one does not compile.
class StatedGuard {
 public:
  constexpr StatedGuard(Guard guard) : guard_(guard) {}  // NOLINT(*-explicit-*): stands for it
  constexpr operator Guard() const { return guard_; }    // NOLINT(*-explicit-*)

 private:
  Guard guard_;
};

enum class Body : std::uint8_t {
  None,
  Document,
  Patch,  // a merge patch (RFC 7396) of the document
};

struct Parameter {
  std::string_view name;
  std::string_view help;
  std::span<const std::string_view> sorts = {};  // these alone, and each behind a `-`
};

struct Route {
  Method method = Method::Get;
  std::string_view path;  // `/api/v1/tasks/{name}:start`
  std::string_view id;    // operationId
  std::string_view summary;
  std::vector<unsigned> answers = {200};  // when it goes well
  Response (*run)(Context& context, const Call& call) = nullptr;
  StatedGuard guard;
  Body body = Body::None;
  const schema::Fields& (*document)() = nullptr;  // of the body
  std::string_view document_of = {};  // or: `Connection`, `Task`, as the connectors declare them
  std::vector<Parameter> query = {};
  bool is_list = false;  // takes `limit` and `page`
  bool is_audited =
      true;  // if it changes something; false: what it does is kept elsewhere, or is nothing
  bool takes_long = false;  // a second or two: no stream answers it every other second
  bool is_query = false;    // reads the log: few at a time, on a pool of their own
  std::string_view content_type = "application/json";
  std::string_view resource = {};  // the part of the API that it belongs to; else its path says it
};

// Every route there is.
[[nodiscard]] const std::vector<Route>& routes();
// The part of the API that it belongs to, `tasks` of /api/v1/tasks/{name}:start: what a token's
// scope names, and a tag of the description.
[[nodiscard]] std::string_view resource_of(const Route& route);
// Whatever the scope of who asks: what says who it is, and what there is.
[[nodiscard]] bool is_for_every_scope(const Route& route);
// Those that a scope may name.
[[nodiscard]] const std::vector<std::string>& resources();

// A path as it is matched: `{...}` stands for one part.
struct RoutePath {
  std::vector<std::string> parts;
  std::string verb;
};
[[nodiscard]] RoutePath route_path(const Route& route);

}  // namespace sluice::admin
