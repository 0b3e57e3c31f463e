#include <boost/json/array.hpp>

#include "admin/actions.hpp"
#include "admin/openapi.hpp"
#include "broker/access/timestamp.hpp"

namespace sluice::admin {
namespace {

namespace json = boost::json;

// {"total": n, "running": n, ...}
json::object counted_by_status(const std::vector<json::object>& entities) {
  json::object counts{{"total", entities.size()}};
  for (const auto& entity : entities) {
    const auto* status = entity.if_contains("status");
    if (status == nullptr || !status->is_string()) continue;
    auto& count = counts[status->get_string()];
    count = count.is_null() ? 1 : count.to_number<std::int64_t>() + 1;
  }
  return counts;
}

json::object store_overview(const store::Store& store) {
  const auto health = store.health();
  const auto statistics = store.statistics();
  json::object shown{{"accepting", health.accepting},
                     {"messages_appended", statistics.messages_appended},
                     {"bytes_appended", statistics.bytes_appended},
                     {"commits", statistics.commits},
                     {"syncs", statistics.syncs},
                     {"log_bytes", statistics.log_bytes},
                     {"segments", statistics.segments},
                     {"queues", statistics.queues},
                     {"head", statistics.head.get()},
                     {"durable", statistics.durable.get()},
                     {"damaged_reads", statistics.damaged_reads}};
  if (!health.damage.empty()) shown["damage"] = health.damage;
  if (!health.accepting) {
    shown["reason"] = name_of(health.reason);
    shown["detail"] = health.detail;
  }
  return shown;
}

// Says which kind of trouble, never paths or addresses.
json::object readiness_of(const Context& context) {
  const auto& sources = context.sources;
  json::array reasons;
  const auto health = sources.store.health();
  if (!health.accepting) {
    reasons.push_back(json::object{{"component", "store"},
                                   {"code", name_of(health.reason)},
                                   {"detail", "the store accepts no messages"}});
  }
  if (!health.damage.empty()) {
    reasons.push_back(
        json::object{{"component", "store"},
                     {"code", name_of(Errc::Corrupt)},
                     {"detail",
                      "a part of the log on the disk is damaged: the overview and the server's log "
                      "say where, the guide `damaged-log` what to do"}});
  }
  if (sources.unready) {
    for (const auto& reason : sources.unready()) {
      reasons.push_back(
          json::object{{"component", "server"}, {"code", "not_ready"}, {"detail", reason}});
    }
  }
  if (reasons.empty()) {
    json::object ready{{"status", "ready"}};
    const auto notices = sources.notices ? sources.notices() : std::vector<std::string>();
    if (!notices.empty()) ready["notices"] = json::array(notices.begin(), notices.end());
    return ready;
  }
  // Degraded: messages are taken and delivered, but a person is needed.
  const bool only_damage = reasons.size() == 1 && health.accepting && !health.damage.empty();
  return {{"status", only_damage ? "degraded" : "unready"}, {"reasons", std::move(reasons)}};
}

}  // namespace

json::object overview_of(const Context& context) {
  const auto& sources = context.sources;
  const auto now = sources.clock.wall_ms();
  json::object body{{"node", context.options.node_name},
                    {"version", context.options.version},
                    {"started", broker::rfc3339(context.started_ms)},
                    {"uptime_seconds", (now - context.started_ms) / 1000},
                    {"health", readiness_of(context)},
                    {"store", store_overview(sources.store)},
                    {"connections", counted_by_status(sources.integration.connections())},
                    {"tasks", counted_by_status(sources.integration.tasks())},
                    {"users", sources.access.users().size()},
                    {"policies", sources.access.policies().size()},
                    {"access_enabled", sources.access.enabled()},
                    {"latency", context.latency.shown()}};
  if (sources.broker_overview) body["broker"] = sources.broker_overview();
  return body;
}

Response show_overview(Context& context, const Call&) {
  return json_response(200, overview_of(context));
}

Response show_settings(Context& context, const Call&) {
  return json_response(200, context.sources.settings ? context.sources.settings() : json::object());
}

Response change_settings(Context& context, const Call& call) {
  if (!context.sources.change_settings)
    return problem_response(Refusal{.errc = Errc::Unavailable,
                                    .code = "unavailable",
                                    .detail = "settings cannot be changed here",
                                    .hint = "change the settings file"});
  const auto changed = context.sources.change_settings(call.body);
  return changed ? json_response(200, *changed) : problem_response(changed.error());
}

Response show_openapi(Context& context, const Call&) {
  return {.status = 200,
          .content_type = "application/yaml",
          .body = openapi_yaml(context.sources.connectors)};
}

Response show_metrics(Context& context, const Call&) {
  return {.status = 200,
          .content_type = "text/plain; version=0.0.4; charset=utf-8",
          .body = context.sources.metrics.exposition()};
}

Response show_live(Context&, const Call&) {
  return json_response(200, {{"status", "live"}});
}

// Open to everybody.
Response show_ready(Context& context, const Call&) {
  const auto ready = readiness_of(context);
  return json_response(ready.at("status") == "ready" ? 200 : 503, ready);
}

}  // namespace sluice::admin
