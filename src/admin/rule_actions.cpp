// Rules that an administrator makes: who is kept out, who is subscribed to what; and subscriptions
// made for one client.
#include "admin/rule_actions.hpp"

#include <boost/json/array.hpp>

#include "admin/actions.hpp"
#include "admin/page.hpp"
#include "admin/target.hpp"
#include "base/json_text.hpp"
#include "broker/access/timestamp.hpp"
#include "broker/limits.hpp"
#include "connect/merge_patch.hpp"

namespace sluice::admin {
namespace {

namespace json = boost::json;
using broker::NamedDocuments;

}  // namespace

Response create_rule(NamedDocuments* rules, const Call& call, std::string_view collection) {
  if (rules == nullptr) return no_clients_here();
  return created_response(rules->create(call.body), collection);
}

Response list_rules(NamedDocuments* rules, const Call& call) {
  return rules == nullptr ? no_clients_here() : list_response(call, rules->all());
}

Response show_rule(NamedDocuments* rules, const Call& call) {
  return rules == nullptr ? no_clients_here() : entity_response(rules->find(call.name()));
}

Response change_rule(NamedDocuments* rules, const Call& call) {
  if (rules == nullptr) return no_clients_here();
  const auto old = rules->find(call.name());
  if (!old) return problem_response(old.error());
  if (auto stale = refuse_stale(call, old)) return *stale;
  return entity_response(rules->replace(call.name(), connect::merge_patch(*old, call.body)));
}

Response remove_rule(NamedDocuments* rules, const Call& call) {
  if (rules == nullptr) return no_clients_here();
  if (auto stale = refuse_stale(call, rules->find(call.name()))) return *stale;
  return deleted_response(rules->remove(call.name()));
}

Response show_refusals(Context& context, const Call& call) {
  const auto& sources = context.sources;
  if (sources.block_rules == nullptr || !sources.refusals_of) return no_clients_here();
  const auto rule = sources.block_rules->find(call.name());
  if (!rule) return problem_response(rule.error());
  const auto refused = sources.refusals_of(text_at(*rule, "name"));
  json::value last;
  if (refused.count > 0) last = broker::rfc3339(refused.last_ms);
  return json_response(200, {{"refused", refused.count}, {"last", std::move(last)}});
}

const schema::Fields& client_subscription_fields() {
  using enum schema::Type;
  static const schema::Fields kFields = {
      {.name = "filter",
       .help = "A topic filter, or $share/{group}/{filter}. The client's policies must cover it.",
       .required = true,
       .minimum = 1,
       .maximum = 65535},
      {.name = "qos",
       .type = Integer,
       .help = "The QoS that it is granted.",
       .fallback = 1,
       .minimum = 0,
       .maximum = 2},
      {.name = "no_local",
       .type = Boolean,
       .help = "Whether the client does not get what it publishes itself.",
       .fallback = false},
      {.name = "retain_as_published",
       .type = Boolean,
       .help = "Whether messages keep their retain flag.",
       .fallback = false},
      {.name = "where",
       .type = Text,
       .help = "Only messages that meet this condition, as $where of SUBSCRIBE has it; empty: all.",
       .fallback = "",
       .maximum = std::int64_t{broker::kLongestCondition}},
  };
  return kFields;
}

Response list_client_subscriptions(Context& context, const Call& call) {
  if (!context.sources.subscriptions_of) return no_clients_here();
  auto found = context.sources.subscriptions_of(call.name());
  if (!found) return problem_response(found.error());
  std::vector<json::object> items;
  for (auto& subscription : *found) {
    auto& item = items.emplace_back(std::move(subscription.get_object()));
    auto name = item.at("filter");   // a copy: a new member moves the others
    item["name"] = std::move(name);  // pages go by name
  }
  return list_response(call, std::move(items));
}

Response create_client_subscription(Context& context, const Call& call) {
  if (!context.sources.subscribe_client) return no_clients_here();
  const auto checked = schema::check(client_subscription_fields(), call.body);
  if (!checked.problems.empty())
    return problem_response(Problem{.status = 422,
                                    .code = "invalid_document",
                                    .detail = "no subscription can be made of this",
                                    .hint = R"(send {"filter": "plant/+/state", "qos": 1})",
                                    .fields = checked.problems});
  const auto& wanted = checked.value;
  const broker::ClientSubscription subscription{
      .filter = std::string(wanted.at("filter").get_string()),
      .qos = static_cast<mqtt::Qos>(wanted.at("qos").get_int64()),
      .no_local = wanted.at("no_local").get_bool(),
      .retain_as_published = wanted.at("retain_as_published").get_bool(),
      .where = std::string(wanted.at("where").get_string())};
  const auto made = context.sources.subscribe_client(call.name(), subscription);
  if (!made) return problem_response(made.error());
  auto response = json_response(201, *made);
  response.headers.emplace_back("Location", "/api/v1/clients/" + percent_encode(call.name()) +
                                                "/subscriptions/" +
                                                percent_encode(subscription.filter));
  return response;
}

Response delete_client_subscription(Context& context, const Call& call) {
  if (!context.sources.unsubscribe_client) return no_clients_here();
  return deleted_response(context.sources.unsubscribe_client(call.parts[0], call.parts[1]));
}

}  // namespace sluice::admin
