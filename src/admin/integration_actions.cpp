#include <boost/json/array.hpp>

#include "admin/actions.hpp"
#include "admin/page.hpp"
#include "connect/task_spec.hpp"

namespace sluice::admin {
namespace {

namespace json = boost::json;

// A task that was told to start answers 202 until it runs.
Response task_response(const Outcome<json::object>& outcome) {
  auto response = entity_response(outcome);
  if (!outcome) return response;
  const auto* status = outcome->if_contains("status");
  if (status != nullptr && status->is_string() && status->get_string() == "starting") {
    response.status = 202;
  }
  return response;
}

// An account that is made or deleted with its task is a user and policies: a token needs these
// parts of the API in its scope, too.
std::optional<Response> refuse_accounts(const Call& call) {
  for (const auto part : {"users", "policies"}) {
    if (call.identity->is_for(part)) continue;
    return problem_response(Problem{
        .status = 403,
        .code = "scope_needed",
        .detail = std::string("an account goes with the task, which needs the scope ") + part +
                  ", too; the token is for other parts",
        .hint = "make a token whose scope names `users` and `policies`, too, or that has none"});
  }
  return std::nullopt;
}

std::string topic_of(const Call& call) {
  return call.parameter("topic").value_or("");
}

tl::expected<connect::Verification, Response> verification_of(const Call& call) {
  const auto is_wanted = switch_of(call, "verify", "true");
  if (!is_wanted) return tl::unexpected(is_wanted.error());
  return connect::Verification{.is_wanted = *is_wanted, .topic = topic_of(call)};
}

}  // namespace

Response create_connection(Context& context, const Call& call) {
  const auto verification = verification_of(call);
  if (!verification) return verification.error();
  return created_response(context.sources.integration.create_connection(call.body, *verification),
                          "/api/v1/connections");
}

Response list_connections(Context& context, const Call& call) {
  return list_response(call, context.sources.integration.connections(), {}, kConnectionSorts);
}

Response show_connection(Context& context, const Call& call) {
  return entity_response(context.sources.integration.connection(call.name()));
}

Response change_connection(Context& context, const Call& call) {
  auto& owner = context.sources.integration;
  const auto verification = verification_of(call);
  if (!verification) return verification.error();
  const auto restart = switch_of(call, "restart_tasks", "true");
  if (!restart) return restart.error();
  const auto force = switch_of(call, "force", "false");
  if (!force) return force.error();
  if (auto stale = refuse_stale(call, owner.connection(call.name()))) return *stale;
  return entity_response(owner.change_connection(
      call.name(), call.body,
      {.verification = *verification, .restart_tasks = *restart, .is_forced = *force}));
}

Response delete_connection(Context& context, const Call& call) {
  auto& owner = context.sources.integration;
  if (auto stale = refuse_stale(call, owner.connection(call.name()))) return *stale;
  return deleted_response(owner.remove_connection(call.name()));
}

Response verify_connection(Context& context, const Call& call) {
  return entity_response(context.sources.integration.verify_connection(call.body, topic_of(call)));
}

Response verify_saved_connection(Context& context, const Call& call) {
  return entity_response(
      context.sources.integration.verify_saved_connection(call.name(), topic_of(call)));
}

Response create_task(Context& context, const Call& call) {
  const auto makes_account = switch_of(call, "create_account", "false");
  if (!makes_account) return makes_account.error();
  if (*makes_account)
    if (auto refused = refuse_accounts(call)) return *refused;
  return created_response(
      context.sources.integration.create_task(call.body, {.makes_account = *makes_account}),
      "/api/v1/tasks");
}

Response list_tasks(Context& context, const Call& call) {
  return list_response(call, context.sources.integration.tasks(), {}, kTaskSorts);
}

Response show_task(Context& context, const Call& call) {
  return entity_response(context.sources.integration.task(call.name()));
}

Response change_task(Context& context, const Call& call) {
  auto& owner = context.sources.integration;
  if (auto stale = refuse_stale(call, owner.task(call.name()))) return *stale;
  const auto force = switch_of(call, "force", "false");
  if (!force) return force.error();
  return task_response(owner.change_task(call.name(), call.body, *force));
}

Response copy_task(Context& context, const Call& call) {
  return created_response(context.sources.integration.copy_task(call.name(), call.body),
                          "/api/v1/tasks");
}

Response start_task(Context& context, const Call& call) {
  auto& owner = context.sources.integration;
  if (auto stale = refuse_stale(call, owner.task(call.name()))) return *stale;
  return task_response(owner.start_task(call.name()));
}

Response pause_task(Context& context, const Call& call) {
  auto& owner = context.sources.integration;
  if (auto stale = refuse_stale(call, owner.task(call.name()))) return *stale;
  return task_response(owner.pause_task(call.name()));
}

Response seek_task(Context& context, const Call& call) {
  auto& owner = context.sources.integration;
  if (auto stale = refuse_stale(call, owner.task(call.name()))) return *stale;
  return task_response(owner.seek_task(call.name(), call.body));
}

Response preview_seek(Context& context, const Call& call) {
  const auto start = connect::parse_place(call.parameter("start").value_or(""));
  if (!start) return wrong_parameter("start", start.error());
  return entity_response(context.sources.integration.preview_seek(call.name(), *start));
}

Response preview_replay(Context& context, const Call& call) {
  const auto from = connect::parse_place(call.parameter("from").value_or(""));
  if (!from) return wrong_parameter("from", from.error());
  const auto to = connect::parse_place(call.parameter("to").value_or("now"));
  if (!to) return wrong_parameter("to", to.error());
  return entity_response(context.sources.integration.preview_replay(call.name(), *from, *to));
}

Response replay_task(Context& context, const Call& call) {
  return created_response(context.sources.integration.replay_task(call.name(), call.body),
                          "/api/v1/tasks");
}

Response delete_task(Context& context, const Call& call) {
  auto& owner = context.sources.integration;
  const auto task = owner.task(call.name());
  if (auto stale = refuse_stale(call, task)) return *stale;
  if (task && task->at("account_made").as_bool())
    if (auto refused = refuse_accounts(call)) return *refused;
  return deleted_response(owner.remove_task(call.name()));
}

Response import_flow(Context& context, const Call& call) {
  const auto verification = verification_of(call);
  if (!verification) return verification.error();
  const auto made = context.sources.integration.import_flow(call.name(), call.body, *verification);
  return made ? json_response(201, *made) : problem_response(made.error());
}

Response list_connectors(Context& context, const Call& call) {
  std::vector<json::object> items;
  for (const auto& [name, connector] : context.sources.connectors.all()) {
    json::object item{{"name", name},
                      {"summary", connector.summary},
                      {"needs_connection", connector.needs_connection},
                      {"connection", schema::to_json_schema(connector.connection_fields)},
                      {"sink", schema::to_json_schema(connector.sink_fields)},
                      {"source", nullptr},
                      {"sends_records", connector.sends_records}};
    if (connector.make_source != nullptr)
      item["source"] = schema::to_json_schema(connector.source_fields);
    items.push_back(std::move(item));
  }
  return list_response(call, std::move(items));
}

}  // namespace sluice::admin
