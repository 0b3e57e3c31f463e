#include "broker/access/token_rules.hpp"

#include <algorithm>
#include <string>
#include <string_view>

#include <boost/json/array.hpp>

#include "base/json_text.hpp"
#include "base/schema.hpp"
#include "broker/access/policy_fields.hpp"

namespace sluice::broker {
namespace {

namespace json = boost::json;

constexpr std::size_t kResourcesPerPolicy = 10;  // as policies have it

class Rules {
 public:
  // Checked as a policy that an administrator makes.
  Result<void> add(json::object document, const json::array& topics) {
    if (topics.empty()) return fail(Errc::InvalidArgument, "a rule has no topic");
    count_ += topics.size();
    if (count_ > kMaximumTokenRules)
      return fail(Errc::InvalidArgument, "it has more than 100 topic filters");
    for (std::size_t at = 0; at < topics.size(); at += kResourcesPerPolicy) {
      const auto end = std::min(topics.size(), at + kResourcesPerPolicy);
      json::array resources;
      for (std::size_t i = at; i < end; ++i) resources.push_back(topics[i]);
      document["name"] = "of-a-token";
      document["resources"] = std::move(resources);
      auto checked = schema::check(AccessControl::policy_fields(), document);
      if (checked.problems.empty()) check_policy(checked.value, checked.problems);
      if (!checked.problems.empty())
        return fail(Errc::InvalidArgument, "one of its rules is none that a policy could have");
      made_.push_back(std::make_shared<const Policy>(policy_from(checked.value)));
    }
    return {};
  }

  std::vector<PolicyPtr> take() && {
    Policy connect;
    connect.name = "of-a-token";
    connect.allow = connect.connect = true;
    made_.push_back(std::make_shared<const Policy>(std::move(connect)));
    return std::move(made_);
  }

 private:
  std::vector<PolicyPtr> made_;
  std::size_t count_ = 0;
};

Result<json::array> operations_of(std::string_view action) {
  if (action == "publish" || action == "pub") return json::array{json::value(kPublish)};
  if (action == "subscribe" || action == "sub") return json::array{json::value(kSubscribe)};
  if (action == "all") return json::array{json::value(kPublish), json::value(kSubscribe)};
  return fail(Errc::InvalidArgument, "the actions are publish, subscribe, all");
}

// {"pub": [...], "sub": [...], "all": [...]}
Result<void> add_lists(Rules& rules, const json::object& lists) {
  for (const auto& list : lists) {
    SL_TRY(operations, operations_of(list.key()));
    if (!list.value().is_array()) return fail(Errc::InvalidArgument, "it holds what is no list");
    if (list.value().get_array().empty()) continue;
    SL_TRY_VOID(rules.add({{"effect", kAllow}, {"operations", std::move(operations)}},
                          list.value().get_array()));
  }
  return {};
}

// `retain`: true, false, "all"
Result<void> add_message_types(json::object& document, const json::value& retain) {
  if (retain == "all") return {};
  if (!retain.is_bool()) return fail(Errc::InvalidArgument, "`retain` is true, false or all");
  document["message_types"] = json::array{json::value(retain.get_bool() ? kRetained : kGeneral)};
  return {};
}

Result<void> add_rule(Rules& rules, const json::object& rule) {
  json::object document;
  json::array topics;
  for (const auto& member : rule) {
    const auto& value = member.value();
    if (member.key() == "permission") {
      document["effect"] = value;
    } else if (member.key() == "action" && value.is_string()) {
      SL_TRY(operations, operations_of(value.get_string()));
      document["operations"] = std::move(operations);
    } else if (member.key() == "topic" && value.is_string()) {
      topics.push_back(value);
    } else if (member.key() == "topics" && value.is_array()) {
      topics.insert(topics.end(), value.get_array().begin(), value.get_array().end());
    } else if (member.key() == "qos") {
      document["qos"] = value.is_array() ? value : json::array{value};
    } else if (member.key() == "retain") {
      SL_TRY_VOID(add_message_types(document, value));
    } else {
      return fail(Errc::InvalidArgument,
                  "a rule has permission, action, topic or topics, qos, retain, and nothing else");
    }
  }
  return rules.add(std::move(document), topics);
}

}  // namespace

Result<std::vector<PolicyPtr>> token_rules(const json::value& claim) {
  Rules rules;
  if (claim.is_object()) {
    SL_TRY_VOID(add_lists(rules, claim.get_object()));
    return std::move(rules).take();
  }
  if (!claim.is_array())
    return fail(Errc::InvalidArgument, "it is neither lists of topics nor a list of rules");
  for (const auto& rule : claim.get_array()) {
    if (!rule.is_object()) return fail(Errc::InvalidArgument, "a rule is no object");
    SL_TRY_VOID(add_rule(rules, rule.get_object()));
  }
  return std::move(rules).take();
}

}  // namespace sluice::broker
