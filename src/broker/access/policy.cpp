#include "broker/access/policy.hpp"

#include <algorithm>

#include "broker/access/policy_fields.hpp"

namespace sluice::broker {
namespace {

namespace json = boost::json;

std::vector<NamePattern> name_patterns(const json::array& names) {
  std::vector<NamePattern> patterns;
  for (const auto& value : names) {
    std::string_view text = value.get_string();
    const bool is_prefix = text.ends_with('*');
    if (is_prefix) text.remove_suffix(1);
    patterns.push_back({.text = std::string(text), .is_prefix = is_prefix});
  }
  return patterns;
}

bool any_matches(const std::vector<NamePattern>& patterns, std::string_view name) {
  return std::any_of(patterns.begin(), patterns.end(),
                     [&](const NamePattern& pattern) { return pattern.matches(name); });
}

}  // namespace

bool Policy::concerns(const Client& client) const {
  if (!users.empty() && !(client.has_username && any_matches(users, client.username))) return false;
  if (!client_ids.empty() && !any_matches(client_ids, client.client_id)) return false;
  const bool came_through_one =
      client.listener.is_known() ? any_matches(listeners, client.listener.text()) : !allow;
  if (!listeners.empty() && !came_through_one) return false;
  if (sources.empty()) return true;

  boost::system::error_code unreadable;
  const auto address = boost::asio::ip::make_address(client.host, unreadable);
  if (unreadable) return !allow;
  return std::any_of(sources.begin(), sources.end(),
                     [&](const Network& network) { return network.contains(address); });
}

bool Policy::has_variables() const {
  return std::ranges::any_of(resources, &ResourceTemplate::has_variables);
}

Policy policy_from(const json::object& document) {
  Policy policy;
  policy.document = document;
  if (const auto* id = document.if_contains("id")) policy.id = id->get_string();
  policy.name = document.at("name").get_string();
  policy.allow = document.at("effect").get_string() == kAllow;
  const auto& operations = list_in(document, "operations");
  policy.connect = contains_text(operations, kConnect);
  policy.publish = contains_text(operations, kPublish);
  policy.subscribe = contains_text(operations, kSubscribe);
  for (const auto& resource : list_in(document, "resources")) {
    if (auto parsed = ResourceTemplate::parse(resource.get_string())) {
      policy.resources.push_back(std::move(*parsed));
    }
  }
  policy.users = name_patterns(list_in(document, "users"));
  policy.client_ids = name_patterns(list_in(document, "client_ids"));
  for (const auto& source : list_in(document, "sources")) {
    if (const auto network = Network::parse(source.get_string()))
      policy.sources.push_back(*network);
  }
  policy.listeners = name_patterns(list_in(document, "listeners"));
  policy.qos_mask = 0;
  for (const auto& qos : list_in(document, "qos")) {
    policy.qos_mask =
        static_cast<std::uint8_t>(policy.qos_mask | (1U << qos.to_number<unsigned>()));
  }
  policy.retained = contains_text(list_in(document, "message_types"), kRetained);
  policy.general = contains_text(list_in(document, "message_types"), kGeneral);
  return policy;
}

void check_policy_listeners(const json::object& document, const std::vector<std::string>& known,
                            std::vector<schema::Problem>& problems) {
  if (known.empty()) return;
  std::size_t index = 0;
  for (const auto& pattern : name_patterns(list_in(document, "listeners"))) {
    const auto pointer = "/listeners/" + std::to_string(index++);
    if (pattern.matches(kAdministration)) continue;
    if (std::ranges::any_of(known, [&](const auto& name) { return pattern.matches(name); }))
      continue;
    std::string names;
    for (const auto& name : known) names += name + ", ";
    problems.push_back({pointer, "names no listener of the settings: " + names +
                                     "or `admin` for publishing by REST"});
  }
}

PolicySet::PolicySet(std::map<std::string, PolicyPtr> by_name) : by_name_(std::move(by_name)) {
  for (const auto& [name, policy] : by_name_) {
    const bool exact = !policy->users.empty() &&
                       std::none_of(policy->users.begin(), policy->users.end(),
                                    [](const NamePattern& pattern) { return pattern.is_prefix; });
    if (!exact) {
      of_any_user_.push_back(policy.get());
      continue;
    }
    for (const auto& user : policy->users) {
      auto& listed = by_user_[user.text];
      // A user who is named twice in one policy must not have it twice.
      if (listed.empty() || listed.back() != policy.get()) listed.push_back(policy.get());
    }
  }
}

PolicyPtr PolicySet::find(std::string_view which) const {
  for (const auto& [name, policy] : by_name_) {
    if (policy->id == which) return policy;
  }
  const auto named = by_name_.find(std::string(which));
  return named == by_name_.end() ? nullptr : named->second;
}

std::vector<const Policy*> PolicySet::candidates(const Client& client) const {
  std::vector<const Policy*> found = of_any_user_;
  if (client.has_username) {
    const auto named = by_user_.find(client.username);
    if (named != by_user_.end()) {
      found.insert(found.end(), named->second.begin(), named->second.end());
    }
  }
  return found;
}

PermissionsPtr PolicySet::shared(const std::vector<const Policy*>& concerning,
                                 FunctionRef<PermissionsPtr()> make) const {
  return shared_.with([&](auto& shared) {
    if (const auto found = shared.find(concerning); found != shared.end()) return found->second;
    auto made = make();
    if (shared.size() < kMaximumShared) shared.emplace(concerning, made);
    return made;
  });
}

}  // namespace sluice::broker
