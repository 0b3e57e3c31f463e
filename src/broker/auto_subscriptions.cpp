#include "broker/auto_subscriptions.hpp"

#include <algorithm>

#include "broker/access/policy.hpp"
#include "broker/wildcard.hpp"
#include "mqtt/topic.hpp"

namespace sluice::broker {
namespace {

namespace json = boost::json;
using schema::Type;

// A template of `name` without `$share/{group}/`: what policies write, too.
std::string_view filter_in_name(std::string_view name) {
  const auto shared = mqtt::parse_shared_filter(name);
  return shared ? shared->filter : name;
}

void check_auto_subscription(const json::object& document, std::vector<schema::Problem>& problems) {
  std::size_t index = 0;
  for (const auto& value : document.at("filters").get_array()) {
    const std::string_view name = value.get_string();
    const auto shared = mqtt::parse_shared_filter(name);
    const auto pointer = "/filters/" + std::to_string(index++);
    if (shared &&
        (shared->group.empty() || shared->group.find_first_of("$%") != std::string_view::npos)) {
      problems.push_back(
          {pointer, "must name a group without variables and wildcards: $share/{group}/{filter}"});
      continue;
    }
    if (shared && (shared->filter.empty() || mqtt::parse_shared_filter(shared->filter))) {
      problems.push_back(
          {pointer, "must have one topic filter behind the group: $share/{group}/{filter}"});
      continue;
    }
    if (const auto parsed = ResourceTemplate::parse(filter_in_name(name)); !parsed)
      problems.push_back({pointer, parsed.error().detail});
  }
}

const DocumentKind kAutoSubscriptionKind{.noun = "auto-subscription rule",
                                         .prefix = "auto-subscription/",
                                         .fields = AutoSubscriptions::fields,
                                         .check = check_auto_subscription,
                                         .maximum = 100};

}  // namespace

struct AutoSubscriptions::Rule {
  struct Filter {
    std::string before;  // `$share/{group}/`, or nothing
    ResourceTemplate text;
  };
  std::string name;
  std::vector<Filter> filters;
  std::vector<std::string> users;
  std::vector<std::string> client_ids;
  SubscriptionOptions options;
};

AutoSubscriptions::AutoSubscriptions(store::Store& store, const Clock& clock)
    : rules_(std::make_shared<const Rules>()),
      documents_(store, clock, kAutoSubscriptionKind,
                 [this](const NamedDocuments::All& all) { compile(all); }) {}

AutoSubscriptions::~AutoSubscriptions() = default;

void AutoSubscriptions::compile(const NamedDocuments::All& all) {
  auto rules = std::make_shared<Rules>();
  for (const auto& document : all) {
    Rule rule{.name = std::string(document.at("name").get_string()),
              .filters = {},
              .users = texts_in(document.at("users")),
              .client_ids = texts_in(document.at("client_ids")),
              .options = {.qos = static_cast<mqtt::Qos>(document.at("qos").to_number<int>()),
                          .no_local = document.at("no_local").get_bool(),
                          .retain_as_published = document.at("retain_as_published").get_bool(),
                          .retain_handling = 1}};
    for (const auto& name : texts_in(document.at("filters"))) {
      const auto filter = filter_in_name(name);
      if (auto parsed = ResourceTemplate::parse(filter))
        rule.filters.push_back({name.substr(0, name.size() - filter.size()), std::move(*parsed)});
    }
    rules->push_back(std::move(rule));
  }
  some_.store(!rules->empty(), std::memory_order_relaxed);
  rules_.with([&](auto& current) { current = std::move(rules); });
}

std::vector<AutoSubscriptions::Wanted> AutoSubscriptions::wanted_by(const Client& client) const {
  std::vector<Wanted> wanted;
  if (!some_.load(std::memory_order_relaxed)) return wanted;
  const auto rules = rules_.with([](const auto& current) { return current; });
  for (const auto& rule : *rules) {
    if (!any_wildcard_matches(rule.users, client.username) ||
        !any_wildcard_matches(rule.client_ids, client.client_id))
      continue;
    for (const auto& filter : rule.filters) {
      const auto filled = filter.text.fill_for_allow(client);
      if (!filled) continue;  // its id or name cannot stand in a filter
      auto name = filter.before + filled->filter;
      std::erase_if(wanted, [&](const Wanted& earlier) { return earlier.name == name; });
      wanted.push_back({std::move(name), rule.options, rule.name});
    }
  }
  return wanted;
}

const schema::Fields& AutoSubscriptions::fields() {
  static const schema::Fields kFields = {
      rule_name_field(),
      rule_description_field(),
      {.name = "filters",
       .type = Type::TextList,
       .help = "What they are subscribed to; ${client_id} (%c) and ${username} (%u) stand for the "
               "client's own. $share/{group}/{filter} joins a group.",
       .required = true,
       .minimum = 1,
       .maximum = 20},
      {.name = "qos",
       .type = Type::Integer,
       .help = "The QoS that they are granted.",
       .fallback = 1,
       .minimum = 0,
       .maximum = 2},
      {.name = "no_local",
       .type = Type::Boolean,
       .help = "Whether they do not get what they publish themselves.",
       .fallback = false},
      {.name = "retain_as_published",
       .type = Type::Boolean,
       .help = "Whether messages keep their retain flag.",
       .fallback = false},
      {.name = "users",
       .type = Type::TextList,
       .help = "Only clients of these users; * stands for any characters, ? for one. Empty: any.",
       .fallback = json::array(),
       .maximum = 100},
      {.name = "client_ids",
       .type = Type::TextList,
       .help = "Only clients with these ids; * and ? as above. Empty: any.",
       .fallback = json::array(),
       .maximum = 100},
  };
  return kFields;
}

}  // namespace sluice::broker
