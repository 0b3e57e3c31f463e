#include <boost/json/array.hpp>

#include "admin/actions.hpp"
#include "admin/page.hpp"
#include "connect/merge_patch.hpp"

namespace sluice::admin {

namespace json = boost::json;

Response create_user(Context& context, const Call& call) {
  return created_response(context.sources.access.create_user(call.body), "/api/v1/users");
}

Response list_users(Context& context, const Call& call) {
  return list_response(call, context.sources.access.users());
}

Response show_user(Context& context, const Call& call) {
  return entity_response(context.sources.access.user(call.name()));
}

Response change_user(Context& context, const Call& call) {
  auto& owner = context.sources.access;
  const auto old = owner.user(call.name());
  if (!old) return problem_response(old.error());
  if (auto stale = refuse_stale(call, old)) return *stale;
  auto document = connect::merge_patch(*old, call.body);
  // A patch takes away what it says is null; of a password that means another one is to be made.
  if (const auto* password = call.body.if_contains("password"); password && password->is_null())
    document["password"] = nullptr;
  return entity_response(owner.replace_user(call.name(), document));
}

Response delete_user(Context& context, const Call& call) {
  auto& owner = context.sources.access;
  if (auto stale = refuse_stale(call, owner.user(call.name()))) return *stale;
  return deleted_response(owner.remove_user(call.name()));
}

Response create_policy(Context& context, const Call& call) {
  return created_response(context.sources.access.create_policy(call.body), "/api/v1/policies");
}

Response list_policies(Context& context, const Call& call) {
  return list_response(call, context.sources.access.policies());
}

Response show_policy(Context& context, const Call& call) {
  return entity_response(context.sources.access.policy(call.name()));
}

Response change_policy(Context& context, const Call& call) {
  auto& owner = context.sources.access;
  const auto old = owner.policy(call.name());
  if (!old) return problem_response(old.error());
  if (auto stale = refuse_stale(call, old)) return *stale;
  return entity_response(owner.replace_policy(call.name(), connect::merge_patch(*old, call.body)));
}

Response delete_policy(Context& context, const Call& call) {
  auto& owner = context.sources.access;
  if (auto stale = refuse_stale(call, owner.policy(call.name()))) return *stale;
  return deleted_response(owner.remove_policy(call.name()));
}

Response import_policies(Context& context, const Call& call) {
  const auto format = call.parameter("format").value_or("sluice");
  if (format != "sluice" && format != "tdmq")
    return wrong_parameter("format", "must be sluice or tdmq");
  const auto dry_run = switch_of(call, "dry_run", "false");
  if (!dry_run) return dry_run.error();
  const auto report = context.sources.access.import_policies(
      format == "tdmq" ? broker::PolicyFormat::Tdmq : broker::PolicyFormat::Sluice, call.body,
      *dry_run);
  return report ? json_response(200, *report) : problem_response(report.error());
}

Response test_policies(Context& context, const Call& call) {
  const auto answer = context.sources.access.test_policies(call.body);
  return answer ? json_response(200, *answer) : problem_response(answer.error());
}

const schema::Fields& policy_change_fields() {
  static const schema::Fields kFields = {
      {.name = "name",
       .help = "Of the policy that would be changed, or its id. Left out: it would be a new one.",
       .maximum = 256},
      {.name = "policy",
       .type = schema::Type::Any,
       .help = "A merge patch of it, as PATCH takes one; of a new one its document. Left out: it "
               "would be deleted."},
  };
  return kFields;
}

Response preview_policy_change(Context& context, const Call& call) {
  auto& owner = context.sources.access;
  const auto checked = schema::check(policy_change_fields(), call.body);
  auto problems = checked.problems;
  std::optional<std::string> which;
  if (const auto* name = checked.value.if_contains("name"); name && name->is_string())
    which = std::string(name->get_string());
  std::optional<json::object> document;
  if (const auto* policy = checked.value.if_contains("policy"); policy && !policy->is_null()) {
    if (policy->is_object())
      document = policy->get_object();
    else
      problems.push_back({"/policy", "must be an object"});
  }
  if (problems.empty() && !which && !document)
    problems.push_back({"/name", "name a policy, or send one in `policy`"});
  if (!problems.empty())
    return problem_response(Problem{.status = 422,
                                    .code = "invalid_document",
                                    .detail = "this is no change of a policy",
                                    .hint = R"(send {"name": "meters", "policy": {...}})",
                                    .fields = std::move(problems)});
  if (which && document) {
    const auto old = owner.policy(*which);
    if (!old) return problem_response(old.error());
    document = connect::merge_patch(*old, *document);
  }
  auto trial = owner.try_policy(which, document);
  if (!trial) {
    for (auto& field : trial.error().fields) field.pointer.insert(0, "/policy");
    return problem_response(trial.error());
  }
  const auto effect =
      context.sources.preview_rights ? context.sources.preview_rights(*trial) : RightsEffect{};
  if (!effect) return problem_response(effect.error());
  const auto tasks =
      context.sources.integration.tasks_held_up([&](const auto& user, const auto& client_id) {
        return (*trial)->rights_of(user, client_id);
      });
  return json_response(
      200, {{"clients_disconnected", effect->clients_disconnected},
            {"subscriptions_dropped", effect->subscriptions_dropped},
            {"clients", json::array(effect->client_ids.begin(), effect->client_ids.end())},
            {"tasks", json::array(tasks.begin(), tasks.end())}});
}

Response list_clients(Context& context, const Call& call) {
  if (!context.sources.clients) {
    return problem_response(Problem{.status = 404,
                                    .code = "not_found",
                                    .detail = "this server does not list clients",
                                    .hint = "see /api/v1/overview for their number"});
  }
  const auto page = page_request(call);
  if (!page) return page.error();
  const auto found =
      context.sources.clients({.limit = page->limit,
                               .after = page->after,
                               .client_id = call.parameter("client_id"),
                               .client_id_contains = call.parameter("client_id_contains"),
                               .username = call.parameter("username"),
                               .status = call.parameter("status"),
                               .address = call.parameter("address"),
                               .listener = call.parameter("listener")});
  if (!found) return problem_response(found.error());
  json::value next;
  if (found->size() == page->limit && !call.parameter("client_id"))
    next = encode_page(found->back().at("client_id").get_string());
  return json_response(200, {{"items", *found}, {"next", std::move(next)}});
}

}  // namespace sluice::admin
