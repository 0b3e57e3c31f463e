// Policies that come together: ours as a list shows them, or those of TDMQ. All of them or none.
#include <algorithm>
#include <optional>
#include <string>

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include "base/entity_id.hpp"
#include "broker/access/policy.hpp"
#include "broker/access/policy_fields.hpp"
#include "broker/access/state.hpp"
#include "broker/access/tdmq_policies.hpp"
#include "broker/access/timestamp.hpp"
#include "broker/access_control.hpp"
#include "broker/named_documents.hpp"
#include "broker/save_change.hpp"

namespace sluice::broker {
namespace {

namespace json = boost::json;
using Problems = std::vector<schema::Problem>;

constexpr std::size_t kMostDifferences = 20;  // told of one policy

tl::unexpected<Refusal> invalid_policies(Problems problems) {
  return refuse({.errc = Errc::InvalidArgument,
                 .code = "invalid_document",
                 .detail = "the document has " + std::to_string(problems.size()) +
                           " fault(s): no policy was made",
                 .hint = "mend the listed fields and send it again",
                 .fields = std::move(problems)});
}

// What `GET /policies` answers, or {"policies": [...]}.
std::pair<const json::array*, std::string> our_list(const json::object& document) {
  for (const auto* name : {"policies", "items"}) {
    const auto* list = document.if_contains(name);
    if (list != nullptr && list->is_array()) return {&list->get_array(), "/" + std::string(name)};
  }
  return {nullptr, {}};
}

json::object entry_of(std::string name, const std::vector<std::string>& made,
                      std::vector<std::string> differences) {
  const auto count = differences.size();
  if (count > kMostDifferences) {
    differences.resize(kMostDifferences);
    differences.push_back("and " + std::to_string(count - kMostDifferences) + " more");
  }
  return {{"name", std::move(name)},
          {"carried", made.empty() ? "not"
                      : count == 0 ? "whole"
                                   : "differently"},
          {"made", json::array(made.begin(), made.end())},
          {"differences", json::array(differences.begin(), differences.end())}};
}

std::string rank(const TranslatedPolicy& policy) {
  return '`' + policy.name + "` (priority " + std::to_string(policy.priority) + ')';
}

using Parsed = std::vector<std::vector<Policy>>;  // of each translated policy, what was made of it

bool any_meet(const std::vector<Policy>& allows, const std::vector<Policy>& denies) {
  return std::ranges::any_of(allows, [&](const Policy& allow) {
    return allow.allow && std::ranges::any_of(denies, [&](const Policy& deny) {
             return !deny.allow && may_meet(allow, deny);
           });
  });
}

// There the first that matches decides: an allow before a deny wins. Here the deny does.
void note_order(std::vector<TranslatedPolicy>& translated, const Parsed& parsed) {
  for (std::size_t first = 0; first < translated.size(); ++first)
    for (std::size_t later = first + 1; later < translated.size(); ++later) {
      if (!any_meet(parsed[first], parsed[later])) continue;
      auto& allow = translated[first];
      auto& deny = translated[later];
      allow.differences.push_back("here " + rank(deny) +
                                  " wins where both match: any deny does; there this one, with "
                                  "priority " +
                                  std::to_string(allow.priority) + ", came first");
      deny.differences.push_back("here it wins over " + rank(allow) +
                                 ", which came first there, where both match");
    }
}

void note_denies_here(std::vector<TranslatedPolicy>& translated, const Parsed& parsed,
                      const PolicySet& here) {
  for (const auto& [name, policy] : here.by_name()) {
    if (policy->allow) continue;
    for (std::size_t i = 0; i < translated.size(); ++i)
      if (std::ranges::any_of(
              parsed[i], [&](const Policy& made) { return made.allow && may_meet(made, *policy); }))
        translated[i].differences.push_back("the deny `" + name +
                                            "`, which is here already, wins where both match");
  }
}

json::array general_notes() {
  return {
      "There the first policy that matches decides, by priority; here any deny that matches wins "
      "over every allow, and there is no order.",
      "Here a deny of subscribing also holds back what would come through a wider filter, and a "
      "wildcard at the beginning does not match topics that begin with $."};
}

}  // namespace

struct AccessControl::Import {
  std::vector<json::object> documents;  // checked
  json::array entries;                  // of the report
  json::array notes = {};
};

Outcome<AccessControl::Import> AccessControl::read_policies(const json::object& document) const {
  const auto [list, pointer] = our_list(document);
  if (list == nullptr) return invalid_policies({{"/policies", "is required: a list of policies"}});
  if (list->size() > kMostImportedPolicies)
    return invalid_policies({{pointer, "holds more than 1000 policies: send them in parts"}});
  Import result;
  Problems problems;
  for (std::size_t i = 0; i < list->size(); ++i) {
    const auto here = pointer + "/" + std::to_string(i);
    const auto* object = (*list)[i].if_object();
    if (object == nullptr) {
      problems.push_back({here, "must be an object"});
      continue;
    }
    auto checked = checked_policy(without_additions(*object));
    if (!checked) {
      for (auto& problem : checked.error().fields)
        problems.push_back({here + problem.pointer, std::move(problem.detail)});
      continue;
    }
    std::string name(checked->at("name").get_string());
    result.entries.push_back(entry_of(name, {name}, {}));
    result.documents.push_back(*std::move(checked));
  }
  if (!problems.empty()) return invalid_policies(std::move(problems));
  return result;
}

Outcome<AccessControl::Import> AccessControl::read_tdmq(const json::object& document) const {
  SL_TRY(theirs, read_tdmq_policies(document));
  auto translated = translate(theirs);
  Import result;
  Parsed parsed;
  for (const auto& policy : translated) {
    auto& made = parsed.emplace_back();
    for (const auto& ours : policy.made) {
      auto checked = checked_policy(ours);
      if (!checked) {
        auto refusal = checked.error();
        refusal.detail = "the policy `" + policy.name + "` cannot be made: no policy was";
        return refuse(std::move(refusal));
      }
      made.push_back(policy_from(*checked));
      result.documents.push_back(*std::move(checked));
    }
  }
  note_order(translated, parsed);
  note_denies_here(translated, parsed, *state_->all_policies());
  for (std::size_t i = 0; i < translated.size(); ++i) {
    std::vector<std::string> names;
    for (const auto& made : parsed[i]) names.push_back(made.name);
    result.entries.push_back(
        entry_of(translated[i].name, names, std::move(translated[i].differences)));
    result.entries.back().get_object()["priority"] = translated[i].priority;
  }
  result.notes = general_notes();
  return result;
}

Outcome<json::object> AccessControl::import_policies(PolicyFormat format,
                                                     const json::object& document, bool is_trial) {
  auto read = format == PolicyFormat::Tdmq ? read_tdmq(document) : read_policies(document);
  if (!read) return tl::unexpected(std::move(read).error());
  SL_TRY_VOID(add_policies(read->documents, is_trial));
  const auto differing = std::ranges::count_if(
      read->entries, [](const json::value& entry) { return entry.at("carried") != "whole"; });
  return json::object{{"made", is_trial ? 0 : read->documents.size()},
                      {"differing", differing},
                      {"policies", std::move(read->entries)},
                      {"notes", std::move(read->notes)}};
}

Outcome<void> AccessControl::add_policies(const std::vector<json::object>& documents,
                                          bool is_trial) {
  const std::scoped_lock lock(state_->changing);
  auto changed = state_->all_policies()->by_name();
  if (changed.size() + documents.size() > kMaximumPolicies)
    return refuse(
        {.errc = Errc::WrongState,
         .code = "limit_reached",
         .detail = "there would be more than " + std::to_string(kMaximumPolicies) + " policies",
         .hint = "delete some that are not used"});
  Problems taken;
  const auto batch = state_->store.new_batch();
  const auto now = rfc3339(state_->clock.wall_ms());
  for (const auto& fields : documents) {
    const std::string name(fields.at("name").get_string());
    const auto id = new_entity_id(state_->clock);
    const auto stored = as_entity(fields, id, now);
    if (!changed.emplace(name, std::make_shared<const Policy>(policy_from(stored))).second)
      taken.push_back({"", '`' + name + "` is taken"});
    batch->put(store::StateKind::Document, std::string(kPolicyPrefix) + id,
               json::serialize(stored));
  }
  if (!taken.empty())
    return refuse({.errc = Errc::AlreadyExists,
                   .code = "name_taken",
                   .detail = "there are policies of these names already: no policy was made",
                   .hint = "rename or delete them here, or rename them in the document",
                   .fields = std::move(taken)});
  if (is_trial || documents.empty()) return {};
  SL_TRY_VOID(save_change(state_->store, batch));
  auto set = std::make_shared<const PolicySet>(std::move(changed));
  state_->policies.with([&](auto& current) { current = std::move(set); });
  note_change();
  return {};
}

}  // namespace sluice::broker
