#include "admin/group_actions.hpp"

#include <map>

#include <boost/json/array.hpp>

#include "admin/page.hpp"
#include "admin/sources.hpp"
#include "broker/made_groups.hpp"
#include "connect/merge_patch.hpp"

namespace sluice::admin {
namespace {

namespace json = boost::json;

Response no_groups_here() {
  return problem_response(Problem{.status = 503,
                                  .code = "unavailable",
                                  .detail = "there are no clients here",
                                  .hint = "start the server"});
}

bool has_groups(const Context& context) {
  return context.sources.groups != nullptr && context.sources.groups_in_use;
}

// What clients and administrator know of a group, in one entity. Null: nobody has made it.
json::object with_use(json::object made, json::array subscriptions) {
  std::uint64_t members = 0;
  for (auto& subscription : subscriptions) {
    auto& shown = subscription.get_object();
    members += shown.at("members").to_number<std::uint64_t>();
    shown.erase("group");
  }
  made["made"] = made.contains("id");
  made["members"] = members;
  made["subscriptions"] = std::move(subscriptions);
  return made;
}

json::object not_made(std::string_view name) {
  return {{"name", name},
          {"description", ""},
          {"strategy", "default"},
          {"strategy_latency_seconds", 0}};
}

Response create_group(Context& context, const Call& call) {
  if (!has_groups(context)) return no_groups_here();
  const auto* name = call.body.if_contains("name");
  if (name != nullptr && name->is_string() &&
      context.sources.integration.owns_group(name->get_string()))
    return problem_response(Problem{.status = 409,
                                    .code = "group_name_taken",
                                    .detail = "a task's group has this name",
                                    .hint = "choose another name",
                                    .fields = {{"/name", "is taken"}}});
  auto made = context.sources.groups->create(call.body);
  if (made) {
    const std::string taken(made->at("name").get_string());
    made = with_use(*std::move(made), context.sources.groups_in_use(taken));
  }
  return created_response(made, "/api/v1/groups");
}

Response list_groups(Context& context, const Call& call) {
  if (!has_groups(context)) return no_groups_here();
  std::map<std::string, json::array> used;
  auto in_use = context.sources.groups_in_use(std::nullopt);
  json::object counts{{"used", in_use.size()}};
  if (context.sources.groups_allowed) counts["allowed"] = context.sources.groups_allowed();
  for (auto& group : in_use)
    used[std::string(group.at("group").get_string())].push_back(std::move(group));
  std::vector<json::object> items;
  for (auto& made : context.sources.groups->all()) {
    const auto found = used.extract(std::string(made.at("name").get_string()));
    items.push_back(with_use(std::move(made), found ? std::move(found.mapped()) : json::array()));
  }
  for (auto& [name, subscriptions] : used)
    items.push_back(with_use(not_made(name), std::move(subscriptions)));
  return list_response(call, std::move(items), std::move(counts), kGroupSorts);
}

// By name or id; also one that was not made, as long as somebody is in it.
Outcome<json::object> find_group(Context& context, const std::string& which) {
  auto made = context.sources.groups->find(which);
  const std::string name = made ? std::string(made->at("name").get_string()) : which;
  auto used = context.sources.groups_in_use(name);
  if (!made && used.empty()) return made;
  return with_use(made ? *std::move(made) : not_made(name), std::move(used));
}

Response show_group(Context& context, const Call& call) {
  if (!has_groups(context)) return no_groups_here();
  return entity_response(find_group(context, call.name()));
}

Response change_group(Context& context, const Call& call) {
  if (!has_groups(context)) return no_groups_here();
  auto& groups = *context.sources.groups;
  const auto old = groups.find(call.name());
  if (!old) return problem_response(old.error());
  if (auto stale = refuse_stale(call, old)) return *stale;
  const auto* name = call.body.if_contains("name");
  if (name != nullptr && *name != old->at("name"))
    return problem_response(
        Problem{.status = 422,
                .code = "invalid_document",
                .detail = "a group's name is what its members subscribe with: it does not change",
                .hint = "make another group, and delete this one when nobody is in it",
                .fields = {{"/name", "cannot change"}}});
  auto changed = groups.replace(call.name(), connect::merge_patch(*old, call.body));
  if (!changed) return problem_response(changed.error());
  return entity_response(find_group(context, call.name()));
}

Response delete_group(Context& context, const Call& call) {
  if (!has_groups(context)) return no_groups_here();
  const auto force = switch_of(call, "force", "false");
  if (!force) return force.error();
  const auto group = find_group(context, call.name());
  if (!group) return problem_response(group.error());
  if (auto stale = refuse_stale(call, group)) return *stale;
  const std::string name(group->at("name").get_string());
  const auto members = group->at("members").to_number<std::uint64_t>();
  if (members > 0 && !*force)
    return problem_response(
        Problem{.status = 409,
                .code = "group_has_members",
                .detail = "clients in the group: " + std::to_string(members),
                .hint = "?force=true ends their subscriptions; what they have not acknowledged is "
                        "given up"});
  // In this order nobody joins behind our back where groups must exist.
  if (group->contains("id")) {
    if (auto removed = context.sources.groups->remove(call.name()); !removed)
      return problem_response(removed.error());
  }
  if (members > 0) {
    if (const auto ended = context.sources.end_group(name); !ended)
      return problem_response(Refusal{.errc = ended.error().code,
                                      .code = std::string(name_of(ended.error().code)),
                                      .detail = ended.error().detail,
                                      .hint = "GET /health/ready says more"});
  }
  return deleted_response({});
}

}  // namespace

std::vector<Route> group_routes() {
  return {
      {.method = Method::Post,
       .path = "/api/v1/groups",
       .id = "createGroup",
       .summary = "Make a shared subscription group, with a strategy of its own. With "
                  "`mqtt.groups_must_exist` clients may subscribe in those alone that are made.",
       .answers = {201},
       .run = create_group,
       .guard = Guard::Administrator,
       .body = Body::Document,
       .document = broker::MadeGroups::fields},
      {.path = "/api/v1/groups",
       .id = "listGroups",
       .summary = "Shared subscription groups, by name, or as `sort` says: those that were made, "
                  "and those that clients are in, with what waits. Groups of tasks are shown with "
                  "their tasks. `used` filters of groups have members, of `allowed` "
                  "(`mqtt.groups`).",
       .run = list_groups,
       .guard = Guard::Viewer,
       .query = {kName,
                 kNameContains,
                 sort_by(kGroupSorts),
                 {"made", "Only those that were made (`true`), or were not (`false`)."}},
       .is_list = true},
      {.path = "/api/v1/groups/{name}",
       .id = "showGroup",
       .summary = "One group: for each filter its members, at most 1000 of them, and what waits.",
       .run = show_group,
       .guard = Guard::Viewer},
      {.method = Method::Patch,
       .path = "/api/v1/groups/{name}",
       .id = "changeGroup",
       .summary = "Change a group that was made. Its strategy holds at once.",
       .run = change_group,
       .guard = Guard::Administrator,
       .body = Body::Patch,
       .document_of = "group"},
      {.method = Method::Delete,
       .path = "/api/v1/groups/{name}",
       .id = "deleteGroup",
       .summary = "Delete a group, if nobody is in it.",
       .answers = {204},
       .run = delete_group,
       .guard = Guard::Administrator,
       .query = {{"force", "true: end the subscriptions of its members first."}}},
  };
}

}  // namespace sluice::admin
