#include "broker/access/tdmq_document.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <span>
#include <string_view>

#include <boost/json/array.hpp>

#include "broker/access/policy.hpp"

namespace sluice::broker {
namespace {

namespace json = boost::json;
using Problems = std::vector<schema::Problem>;
using Names = std::span<const std::string_view>;

constexpr std::array<std::string_view, 17> kApiNames = {
    "Actions",   "ClientId",   "CreatedTime", "Effect",        "Id",     "InstanceId",
    "Ip",        "PolicyName", "Priority",    "PolicyVersion", "Qos",    "Remark",
    "Resources", "Retain",     "UpdateTime",  "Username",      "Version"};
constexpr std::array<std::string_view, 8> kConsoleNames = {
    "name", "priority", "version", "remark", "effect", "actions", "topics", "conditions"};
constexpr std::array<std::string_view, 5> kConditionNames = {"clientId", "username", "qos",
                                                             "retain", "ip"};

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

std::optional<std::int64_t> number_in(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// The members of one object. What is wrong is told where it stands.
class Members {
 public:
  Members(const json::object& object, std::string pointer, Problems& problems)
      : object_(object), pointer_(std::move(pointer)), problems_(problems) {}

  void refuse_unknown(Names known) {
    const std::vector<std::string> names(known.begin(), known.end());
    for (const auto& member : object_) {
      if (std::ranges::find(known, std::string_view(member.key())) != known.end()) continue;
      const auto meant = schema::nearest(member.key(), names);
      problem(member.key(), meant ? "is not known; `" + *meant + "` is" : "is not known");
    }
  }
  [[nodiscard]] bool has(std::string_view name) const {
    const auto* value = object_.if_contains(name);
    return value != nullptr && !value->is_null();
  }
  [[nodiscard]] std::string text(std::string_view name) {
    if (!has(name)) return {};
    const auto& value = object_.at(name);
    if (value.is_string()) return std::string(value.get_string());
    problem(name, "must be text");
    return {};
  }
  // "a,b", ["a", "b"], or 7: all as texts.
  [[nodiscard]] std::vector<std::string> texts(std::string_view name) {
    std::vector<std::string> found;
    if (!has(name)) return found;
    const auto& value = object_.at(name);
    const auto add = [&](const json::value& one) {
      if (one.is_string() && !one.get_string().empty()) {
        found.emplace_back(one.get_string());
      } else if (one.is_int64()) {
        found.push_back(std::to_string(one.get_int64()));
      } else if (one.is_bool()) {
        found.emplace_back(one.get_bool() ? "true" : "false");
      } else if (!one.is_string()) {
        problem(name, "must be text, or a list of texts");
      }
    };
    if (value.is_string()) {
      std::string_view rest = value.get_string();
      while (!rest.empty()) {
        const auto comma = rest.find(',');
        if (const auto one = trimmed(rest.substr(0, comma)); !one.empty()) found.emplace_back(one);
        rest.remove_prefix(comma == std::string_view::npos ? rest.size() : comma + 1);
      }
    } else if (value.is_array()) {
      for (const auto& one : value.get_array()) add(one);
    } else {
      add(value);
    }
    return found;
  }
  [[nodiscard]] std::optional<std::int64_t> number(std::string_view name) {
    const auto all = texts(name);
    if (all.empty()) return std::nullopt;
    const auto number = all.size() == 1 ? number_in(all.front()) : std::nullopt;
    if (!number) problem(name, "must be a whole number");
    return number;
  }
  void problem(std::string_view name, std::string detail) {
    problems_.push_back({schema::child_pointer(pointer_, name), std::move(detail)});
  }

 private:
  const json::object& object_;
  const std::string pointer_;
  Problems& problems_;
};

void read_effect(Members& members, std::string_view name, TdmqPolicy& policy) {
  const auto effect = members.text(name);
  policy.allow = effect == "allow";
  if (!policy.allow && effect != "deny") members.problem(name, "must be `allow` or `deny`");
}

void read_actions(Members& members, std::string_view name, TdmqPolicy& policy) {
  const auto actions = members.texts(name);
  if (actions.empty()) members.problem(name, "is required: connect, pub, sub");
  for (const auto& action : actions) {
    if (action == "connect")
      policy.connect = true;
    else if (action == "pub")
      policy.publish = true;
    else if (action == "sub")
      policy.subscribe = true;
    else
      members.problem(name, "must be of connect, pub, sub");
  }
}

void read_qos(Members& members, std::string_view name, TdmqPolicy& policy) {
  if (!members.has(name)) return;
  policy.qos.clear();
  for (const auto& text : members.texts(name)) {
    const auto level = number_in(text);
    if (!level || *level < 0 || *level > 2) return members.problem(name, "must be of 0, 1, 2");
    if (std::ranges::find(policy.qos, *level) == policy.qos.end()) policy.qos.push_back(*level);
  }
  if (policy.qos.empty()) members.problem(name, "must be of 0, 1, 2");
}

void read_addresses(Members& members, std::string_view name, TdmqPolicy& policy) {
  for (auto& address : members.texts(name)) {
    if (!Network::parse(address)) members.problem(name, "must be an address or a range");
    policy.addresses.push_back(std::move(address));
  }
}

// In the API 1: retained alone, 2: the others alone, 3: both.
void read_retain_number(Members& members, std::string_view name, TdmqPolicy& policy) {
  const auto retain = members.number(name);
  if (!retain) return;
  if (*retain < 1 || *retain > 3) return members.problem(name, "must be 1, 2 or 3");
  policy.retained = (*retain & 1) != 0;
  policy.general = (*retain & 2) != 0;
}

void read_retain_flags(Members& members, std::string_view name, TdmqPolicy& policy) {
  const auto flags = members.texts(name);
  if (flags.empty()) return;
  policy.retained = policy.general = false;
  for (const auto& flag : flags) {
    if (flag == "true")
      policy.retained = true;
    else if (flag == "false")
      policy.general = true;
    else
      members.problem(name, "must be true or false");
  }
}

void read_version(Members& members, std::string_view name) {
  const auto version = members.number(name);
  if (version && *version != 1) members.problem(name, "must be 1: no other version is known");
}

struct Read {
  TdmqPolicy policy;
  std::optional<std::int64_t> priority;
};

Read read_api(Members& members) {
  members.refuse_unknown(kApiNames);
  Read read{.policy = {}, .priority = members.number("Priority")};
  auto& policy = read.policy;
  policy.name = members.text("PolicyName");
  policy.remark = members.text("Remark");
  read_version(members, "PolicyVersion");
  read_version(members, "Version");
  read_effect(members, "Effect", policy);
  read_actions(members, "Actions", policy);
  policy.topics = members.texts("Resources");
  policy.users = members.texts("Username");
  policy.client_ids = members.texts("ClientId");
  read_addresses(members, "Ip", policy);
  read_qos(members, "Qos", policy);
  read_retain_number(members, "Retain", policy);
  return read;
}

Read read_console(Members& members, const json::object& object, const std::string& pointer,
                  Problems& problems) {
  members.refuse_unknown(kConsoleNames);
  Read read{.policy = {}, .priority = members.number("priority")};
  auto& policy = read.policy;
  policy.name = members.text("name");
  policy.remark = members.text("remark");
  read_version(members, "version");
  read_effect(members, "effect", policy);
  read_actions(members, "actions", policy);
  policy.topics = members.texts("topics");
  const auto* given = object.if_contains("conditions");
  if (given == nullptr || given->is_null()) return read;
  if (!given->is_object()) {
    members.problem("conditions", "must be an object");
    return read;
  }
  Members conditions(given->get_object(), pointer + "/conditions", problems);
  conditions.refuse_unknown(kConditionNames);
  policy.users = conditions.texts("username");
  policy.client_ids = conditions.texts("clientId");
  read_addresses(conditions, "ip", policy);
  read_qos(conditions, "qos", policy);
  read_retain_flags(conditions, "retain", policy);
  return read;
}

bool is_policy(const json::object& object) {
  return object.contains("Effect") || object.contains("effect");
}

// The list in `document`, and where it stands.
std::pair<const json::array*, std::string> list_of(const json::object& document) {
  const json::object* at = &document;
  std::string pointer;
  if (const auto* response = at->if_contains("Response"); response && response->is_object()) {
    at = &response->get_object();
    pointer = "/Response";
  }
  for (const auto* name : {"Data", "policies"}) {
    const auto* list = at->if_contains(name);
    if (list != nullptr && list->is_array()) return {&list->get_array(), pointer + "/" + name};
  }
  return {nullptr, {}};
}

// All have a priority, each its own, or none has.
void order(std::vector<Read>& all, const std::string& pointer, Problems& problems) {
  const auto with = std::ranges::count_if(all, [](const Read& read) { return !!read.priority; });
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto here = pointer + "/" + std::to_string(i);
    auto& read = all[i];
    if (!read.priority && with > 0)
      problems.push_back({here, "has no priority, and others have one"});
    read.policy.priority = read.priority.value_or(static_cast<std::int64_t>(i) + 1);
    if (read.policy.name.empty()) read.policy.name = "tdmq-" + std::to_string(i + 1);
    const auto same = [&](const Read& other) {
      return other.policy.priority == read.policy.priority;
    };
    if (read.priority &&
        std::any_of(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(i), same))
      problems.push_back({here, "has the priority of another one: which came first?"});
  }
  std::ranges::sort(all, {}, [](const Read& read) { return read.policy.priority; });
}

tl::unexpected<Refusal> no_tdmq_policies(Problems problems) {
  return refuse(
      {.errc = Errc::InvalidArgument,
       .code = "invalid_document",
       .detail = "these are no policies of TDMQ that can be read",
       .hint = "send what DescribeAuthorizationPolicies answers, or {\"policies\": [...]}",
       .fields = std::move(problems)});
}

}  // namespace

Outcome<std::vector<TdmqPolicy>> read_tdmq_policies(const json::object& document) {
  const bool is_one = is_policy(document);
  const json::array alone = is_one ? json::array{document} : json::array();
  auto [list, pointer] = is_one ? std::pair(&alone, std::string()) : list_of(document);
  if (list == nullptr)
    return no_tdmq_policies({{"", "must have `Response`, `Data` or `policies`"}});
  if (list->size() > kMostImportedPolicies)
    return no_tdmq_policies({{pointer, "holds more than 1000 policies: send them in parts"}});
  Problems problems;
  std::vector<Read> all;
  for (std::size_t i = 0; i < list->size(); ++i) {
    const auto& value = (*list)[i];
    const auto here = is_one ? pointer : pointer + "/" + std::to_string(i);
    if (!value.is_object()) {
      problems.push_back({here, "must be an object"});
      continue;
    }
    const auto& object = value.get_object();
    Members members(object, here, problems);
    const bool is_api = object.contains("Effect") || object.contains("PolicyName");
    all.push_back(is_api ? read_api(members) : read_console(members, object, here, problems));
  }
  if (problems.empty()) order(all, pointer, problems);
  if (!problems.empty()) return no_tdmq_policies(std::move(problems));
  std::vector<TdmqPolicy> policies;
  for (auto& read : all) policies.push_back(std::move(read.policy));
  return policies;
}

}  // namespace sluice::broker
