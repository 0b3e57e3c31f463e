#include "admin/history_actions.hpp"

#include <algorithm>
#include <span>

#include <boost/json/array.hpp>

#include "admin/record_list.hpp"
#include "base/json_text.hpp"

namespace sluice::admin {
namespace {

namespace json = boost::json;

constexpr std::int64_t kPoints = 360;  // about as many as a chart shows
constexpr std::int64_t kDayMs = 24LL * 60 * 60 * 1000;

double number_in(const json::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  return value != nullptr && value->is_number() ? value->to_number<double>() : 0;
}

std::optional<Response> read_step(const Call& call, History::Query& query) {
  constexpr auto kLeast = History::kIntervalMs / 1000;
  const auto text = call.parameter("step");
  if (!text) {
    const auto steps = (query.to_ms - query.from_ms) / kPoints / History::kIntervalMs + 1;
    query.step_ms = steps * History::kIntervalMs;
    return std::nullopt;
  }
  const auto seconds = read_number(*text);
  if (!seconds || *seconds < kLeast || *seconds > 24 * 60 * 60)
    return wrong_parameter("step", "must be 10 to 86400, in seconds");
  query.step_ms = static_cast<std::int64_t>(*seconds) * 1000;
  return std::nullopt;
}

std::optional<Response> read_query(const Call& call, const Clock& clock, History::Query& query) {
  std::optional<std::int64_t> from;
  std::optional<std::int64_t> to;
  if (auto wrong = read_time(call, "from", from)) return wrong;
  if (auto wrong = read_time(call, "to", to)) return wrong;
  query.to_ms = to.value_or(clock.wall_ms() + 1);
  query.from_ms = std::max(from.value_or(query.to_ms - kDayMs), query.to_ms - kDayMs);
  return read_step(call, query);
}

Response points_response(const History::Query& query, std::vector<json::object> points) {
  json::array items;
  for (auto& point : points) items.push_back(std::move(point));
  return json_response(200, {{"step_seconds", query.step_ms / 1000}, {"items", std::move(items)}});
}

Response show_history(Context& context, const Call& call) {
  History::Query query;
  if (auto wrong = read_query(call, context.sources.clock, query)) return *std::move(wrong);
  return points_response(query, context.history.points(query));
}

Response show_task_history(Context& context, const Call& call) {
  const auto task = context.sources.integration.task(call.name());
  if (!task) return problem_response(task.error());
  History::Query query;
  if (auto wrong = read_query(call, context.sources.clock, query)) return *std::move(wrong);
  return points_response(query, context.task_history.points(text_at(*task, "id"), query));
}

const std::vector<Parameter>& time_parameters() {
  static const std::vector<Parameter> kParameters = {
      {"from", "Then or later: RFC 3339. Without it a day before `to`."},
      {"to", "Before then: RFC 3339. Without it now."},
      {"step",
       "Seconds from one point to the next, 10 to 86400; without it as many as make 360 "
       "points."}};
  return kParameters;
}

History::Sample sample_of(const Sources& sources, std::span<const json::object> tasks,
                          const Latency::Figures& latency) {
  const auto broker = sources.broker_overview ? sources.broker_overview() : json::object();
  const auto store = sources.store.statistics();
  double lag = 0;
  double delivered = 0;
  double rejected = 0;
  for (const auto& task : tasks) {
    lag += number_in(task, "lag_messages");
    delivered += number_in(task, "delivered");
    rejected += number_in(task, "rejected");
  }
  return {
      .time_ms = sources.clock.wall_ms(),
      .figures = {number_in(broker, "connections"), number_in(broker, "sessions"),
                  number_in(broker, "subscriptions"), number_in(broker, "retained"),
                  static_cast<double>(store.log_bytes), lag, number_in(broker, "messages_received"),
                  number_in(broker, "messages_sent"), static_cast<double>(store.messages_appended),
                  static_cast<double>(store.bytes_appended), delivered, rejected,
                  latency.acknowledged_p50, latency.acknowledged_p99, latency.delivered_p50,
                  latency.delivered_p99}};
}

}  // namespace

void take_figures(const Sources& sources, Latency& latency, History& history,
                  TaskHistory& of_tasks) {
  const auto tasks = sources.integration.tasks();
  const auto sample = sample_of(sources, tasks, latency.take());
  history.add(sample);
  of_tasks.add(sample.time_ms, tasks);
}

std::vector<Route> history_routes() {
  return {
      {.path = "/api/v1/history",
       .id = "showHistory",
       .summary = "How connections, messages and tasks were over the last day, oldest first: a "
                  "sample every ten seconds, kept in memory since the start. At most 1,000 points, "
                  "the newest.",
       .run = show_history,
       .guard = Guard::Viewer,
       .query = time_parameters()},
      {.path = "/api/v1/tasks/{name}/history",
       .id = "showTaskHistory",
       .summary = "How a task was over the last day, oldest first: what it delivered, rejected and "
                  "retried per second, and the most that waited. The last hour every ten seconds, "
                  "before that every minute; in memory since the start. Of the first 1,000 tasks.",
       .run = show_task_history,
       .guard = Guard::Viewer,
       .query = time_parameters()},
  };
}

}  // namespace sluice::admin
