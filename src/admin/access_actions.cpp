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
  const auto dry_run = call.parameter("dry_run").value_or("false");
  if (dry_run != "true" && dry_run != "false")
    return wrong_parameter("dry_run", "must be true or false");
  const auto report = context.sources.access.import_policies(
      format == "tdmq" ? broker::PolicyFormat::Tdmq : broker::PolicyFormat::Sluice, call.body,
      dry_run == "true");
  return report ? json_response(200, *report) : problem_response(report.error());
}

Response test_policies(Context& context, const Call& call) {
  const auto answer = context.sources.access.test_policies(call.body);
  return answer ? json_response(200, *answer) : problem_response(answer.error());
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
