#include "admin/api.hpp"

#include <algorithm>
#include <exception>

#include <boost/json/parse.hpp>

#include "admin/actions.hpp"
#include "admin/audit_record.hpp"
#include "admin/duplicate_names.hpp"
#include "admin/history_actions.hpp"
#include "admin/origin.hpp"
#include "admin/target.hpp"
#include "admin/user_login.hpp"
#include "base/ascii.hpp"
#include "base/json_text.hpp"
#include "base/log.hpp"

namespace sluice::admin {
namespace {

namespace json = boost::json;

constexpr std::size_t kMaximumDepth = 32;

struct Found {
  const Route* route = nullptr;
  std::vector<std::string> parts;
  std::string other_methods = {};  // that the path knows
};

struct Place {
  const Route* route;
  RoutePath path;
};

const std::vector<Place>& places() {
  static const std::vector<Place> kPlaces = [] {
    std::vector<Place> all;
    for (const auto& route : routes()) all.push_back({&route, route_path(route)});
    return all;
  }();
  return kPlaces;
}

bool fits(const RoutePath& path, const Target& target, std::vector<std::string>& parts) {
  if (path.verb != target.verb || path.parts.size() != target.parts.size()) return false;
  parts.clear();
  for (std::size_t i = 0; i < path.parts.size(); ++i) {
    if (path.parts[i].starts_with('{')) {
      if (target.parts[i].empty()) return false;
      parts.push_back(target.parts[i]);
    } else if (path.parts[i] != target.parts[i]) {
      return false;
    }
  }
  return true;
}

Found find_route(Method method, const Target& target) {
  Found found;
  std::vector<std::string> parts;
  for (const auto& [route, path] : places()) {
    if (!fits(path, target, parts)) continue;
    if (route->method == method) return {.route = route, .parts = std::move(parts)};
    if (!found.other_methods.empty()) found.other_methods += ", ";
    found.other_methods += name_of(route->method);
  }
  return found;
}

bool is_safe(Method method) {
  return method == Method::Get;
}

bool is_json(std::string_view content_type, Body body) {
  auto type = ascii_lower(content_type.substr(0, content_type.find(';')));
  while (type.ends_with(' ')) type.pop_back();
  return type == "application/json" ||
         (body == Body::Patch && type == "application/merge-patch+json");
}

tl::expected<json::object, Response> parse_body(const Request& request, Body body) {
  if (!is_json(request.content_type, body)) {
    return tl::unexpected(problem_response(Problem{.status = 415,
                                                   .code = "unsupported_media_type",
                                                   .detail = "the body must be JSON",
                                                   .hint = "send Content-Type: application/json"}));
  }
  json::parse_options options;
  options.max_depth = kMaximumDepth;
  boost::system::error_code error;
  auto value = json::parse(request.body, error, {}, options);
  if (error) {
    return tl::unexpected(
        problem_response(Problem{.status = 400,
                                 .code = "not_json",
                                 .detail = "the body is not JSON: " + error.message(),
                                 .hint = "UTF-8, one object, nested at most 32 deep"}));
  }
  if (!value.is_object()) {
    return tl::unexpected(problem_response(Problem{.status = 422,
                                                   .code = "invalid_document",
                                                   .detail = "the body must be a JSON object",
                                                   .fields = {{"", "must be an object"}}}));
  }
  if (auto twice = duplicate_names(request.body, kMaximumDepth); !twice.empty()) {
    return tl::unexpected(
        problem_response(Problem{.status = 422,
                                 .code = "invalid_document",
                                 .detail = "the body gives a name twice",
                                 .hint = "leave one of them out: only one could be meant",
                                 .fields = std::move(twice)}));
  }
  return std::move(value.get_object());
}

// Who sends one means something by it that would not be done.
std::optional<Response> refuse_body(const Request& request) {
  const auto end = request.body.find_last_not_of(" \t\r\n");
  if (end == std::string::npos || request.body.substr(0, end + 1) == "{}") return std::nullopt;
  return problem_response(
      Problem{.status = 400,
              .code = "unexpected_body",
              .detail = "this request takes no body, so nothing was done",
              .hint = "what it is about stands in the path and the query: leave the body out"});
}

std::optional<Response> check_query(const Route& route,
                                    const std::map<std::string, std::string>& query) {
  std::vector<std::string> known;
  if (route.is_list) known = {"limit", "page"};
  for (const auto& parameter : route.query) known.emplace_back(parameter.name);
  for (const auto& [name, value] : query) {
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    const auto meant = schema::nearest(name, known);
    return problem_response(
        Problem{.status = 400,
                .code = "unknown_parameter",
                .detail = "there is no parameter " + name,
                .hint = meant ? "did you mean " + *meant + "?" : "see /api/v1/openapi.yaml"});
  }
  return std::nullopt;
}

// What the request was about, for the log.
std::string subject_of(const Call& call) {
  if (!call.parts.empty()) return call.name();
  return text_at(call.body, "name");
}

std::string told(const Identity& who) {
  switch (who.via) {
    case Via::Session:
      return "login";
    case Via::Token:
      return "token " + who.token;
    case Via::Local:
      return "local token";
  }
  return {};
}

void note(const Route& route, const Call& call, unsigned status) {
  log::info("administration request", {{"operation", route.id},
                                       {"subject", subject_of(call)},
                                       {"user", call.identity->user},
                                       {"by", told(*call.identity)},
                                       {"address", call.request.remote_address},
                                       {"status", status}});
}

}  // namespace

Api::Api(Sources sources, AdministratorAccounts& accounts, ApiOptions options)
    : sources_(std::move(sources)),
      accounts_(accounts),
      options_(std::move(options)),
      console_(options_.console_pack),
      sessions_(sources_.clock),
      tokens_(sources_.store, sources_.clock),
      audit_(sources_.store, sources_.clock, options_.audit_records),
      latency_(sources_.metrics),
      feed_(sources_.store, sources_.clock, sources_.metrics, options_.event_records),
      watched_([this](const Request& request) { return dispatch_safely(request); }),
      watched_queries_([this](const Request& request) { return dispatch_safely(request); }),
      logins_(sources_.clock, options_.login_bounds,
              broker::LoginGuard::counters(sources_.metrics, "admin")),
      refusal_lines_(sources_.clock),
      context_{.sources = sources_,
               .accounts = accounts_,
               .tokens = tokens_,
               .audit = audit_,
               .feed = feed_,
               .watched = watched_,
               .watched_queries = watched_queries_,
               .latency = latency_,
               .history = history_,
               .task_history = task_history_,
               .options = options_,
               .sessions = sessions_,
               .logins = logins_,
               .refusal_lines = refusal_lines_,
               .waiting_users = waiting_users_,
               .knows = [this](const auto& given) { return identity_with(given).has_value(); },
               .started_ms = sources_.clock.wall_ms()},
      answered_{} {
  const metrics::Declaration answered{.name = "sluice_admin_requests_total",
                                      .help = "Requests that the administration answered.",
                                      .labels = {"status"}};
  for (std::size_t i = 0; i < answered_.size(); ++i) {
    answered_[i] = &sources_.metrics.counter(answered, {{"status", std::to_string(i + 2) + "xx"}});
  }
  audit_.set_listener([this](const auto& record) { feed_.take_audit(record); });
  feed_.set_overview([this] { return overview_of(context_); });
  feed_.set_sampler([this] { take_figures(sources_, latency_, history_, task_history_); });
}

Result<void> Api::load() {
  SL_TRY_VOID(tokens_.load());
  SL_TRY_VOID(feed_.load());
  return audit_.load();
}

void Api::start() {
  feed_.start();
  watched_.start();
  watched_queries_.start();
}

void Api::stop() {
  watched_queries_.stop();
  watched_.stop();
  feed_.stop();
}

Response Api::answer(const Request& request) {
  auto response = dispatch_safely(request);
  answered_.at(std::clamp(response.status / 100, 2U, 5U) - 2)->add();
  return response;
}

bool Api::is_query(const Request& request) {
  const auto target = parse_target(request.target);
  if (!target) return false;
  const auto found = find_route(request.method, *target);
  return found.route != nullptr && found.route->is_query;
}

bool Api::is_watchable(std::string_view target) {
  const auto parsed = parse_target(target);
  if (!parsed) return false;
  const auto* route = find_route(Method::Get, *parsed).route;
  return route != nullptr && !route->takes_long && route->content_type == "application/json";
}

Response Api::dispatch_safely(const Request& request) {
  try {
    return dispatch(request);
  } catch (const std::exception& fault) {  // of a third party below, and ours to mend
    log::error("administration request failed",
               {{"method", name_of(request.method)}, {"fault", fault.what()}});
    return problem_response(Problem{.status = 500,
                                    .code = "internal_error",
                                    .detail = "the server could not answer",
                                    .hint = "its log says why"});
  }
}

Response Api::dispatch(const Request& request) {
  if (!is_known_host(request, options_.host_names)) {
    return problem_response(
        Problem{.status = 421,
                .code = "unknown_host",
                .detail = "this server is not known by that host name",
                .hint = "use its address or localhost, or name the host in admin.host_names"});
  }
  if (auto page = console_.answer(request)) return *std::move(page);
  auto target = parse_target(request.target);
  if (!target) {
    return problem_response(Problem{.status = 400,
                                    .code = "invalid_target",
                                    .detail = "the path or query cannot be read",
                                    .hint = "percent-encode what is not a letter or digit"});
  }
  if (!target->repeated.empty())
    return wrong_parameter(target->repeated, "is given twice: only one could be meant");
  auto found = find_route(request.method, *target);
  if (found.route != nullptr) {
    return run(
        *found.route, request,
        {.request = request, .query = std::move(target->query), .parts = std::move(found.parts)});
  }
  if (found.other_methods.empty()) {
    return problem_response(Problem{.status = 404,
                                    .code = "unknown_path",
                                    .detail = "there is nothing at this path",
                                    .hint = "see /api/v1/openapi.yaml"});
  }
  auto response = problem_response(Problem{.status = 405,
                                           .code = "method_not_allowed",
                                           .detail = "the path does not take this method",
                                           .hint = "it takes " + found.other_methods});
  response.headers.emplace_back("Allow", found.other_methods);
  return response;
}

Response Api::run(const Route& route, const Request& request, Call call) {
  Identity identity;
  const bool is_open =
      route.guard == Guard::Open || (route.guard == Guard::Metrics && options_.metrics_public);
  if (route.guard == Guard::OperatorOrUser && comes_from_a_user(request)) {
    auto user = admit_user(context_, request);
    if (!user) return user.error();
    call.user = std::move(*user);
  } else if (!is_open) {
    auto known = identify(route, call);
    if (!known) return known.error();
    identity = std::move(*known);
    call.identity = &identity;
    if (auto refused = refuse(route, call)) {
      keep_refusal(route, call, *refused);
      return *std::move(refused);
    }
  }
  if (auto wrong = check_query(route, call.query)) return *wrong;
  if (route.body != Body::None) {
    auto body = parse_body(request, route.body);
    if (!body) return body.error();
    call.body = std::move(*body);
  } else if (!is_safe(route.method)) {
    if (auto refused = refuse_body(request)) return *refused;
  }
  std::unique_lock<std::mutex> alone;
  if (!is_safe(route.method) && !request.if_match.empty()) {
    const auto place = std::hash<std::string>()(request.if_match);
    alone = std::unique_lock(conditional_.at(place % conditional_.size()));
  }
  auto response = call.identity != nullptr && is_audited(route) ? run_audited(route, call)
                                                                : route.run(context_, call);
  if (!is_safe(route.method) && call.identity != nullptr) note(route, call, response.status);
  return response;
}

// The record goes before the change and is durable with it, so that no crash leaves a change
// without one. ADR 0049.
Response Api::run_audited(const Route& route, const Call& call) {
  auto record = audit_record(route, call);
  auto before = audited_entity(context_, route, call);
  const auto number = audit_.begin(record);
  auto response = route.run(context_, call);
  add_outcome(record, route, std::move(before), response);
  audit_.finish(number, record);
  return response;
}

void Api::keep_refusal(const Route& route, const Call& call, const Response& response) {
  if (is_safe(route.method)) return;
  note(route, call, response.status);
  auto record = audit_record(route, call);
  add_outcome(record, route, std::nullopt, response);
  audit_.note_refusal(std::move(record));
}

}  // namespace sluice::admin
