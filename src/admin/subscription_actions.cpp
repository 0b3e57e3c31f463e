// Subscriptions of all clients.
#include <boost/json/array.hpp>

#include "admin/actions.hpp"
#include "admin/page.hpp"
#include "mqtt/topic.hpp"

namespace sluice::admin {
namespace {

namespace json = boost::json;

// Neither a client id nor a filter has a NUL in it. [MQTT-1.5.4-2]
constexpr char kBetween = '\0';

}  // namespace

Response list_subscriptions(Context& context, const Call& call) {
  if (!context.sources.subscriptions) return no_clients_here();
  const auto page = page_request(call);
  if (!page) return page.error();
  const auto text = [&](const char* name) { return call.parameter(name).value_or(""); };
  broker::SubscriptionQuery query{.limit = page->limit,
                                  .after_client = {},
                                  .after_filter = {},
                                  .client_id = text("client_id"),
                                  .filter_prefix = text("filter_prefix"),
                                  .topic = text("topic"),
                                  .group = text("group")};
  if (!query.topic.empty() &&
      (!mqtt::is_valid_utf8(query.topic) || !mqtt::is_valid_topic_name(query.topic)))
    return wrong_parameter("topic", "must be a topic name, without wildcards");
  if (!page->after.empty()) {
    const auto between = page->after.find(kBetween);
    if (between == std::string::npos)
      return wrong_parameter("page", "must be the `next` of the page before");
    query.after_client = page->after.substr(0, between);
    query.after_filter = page->after.substr(between + 1);
  }
  auto found = context.sources.subscriptions(query);
  if (!found) return problem_response(found.error());
  json::value next;
  if (found->more && !found->rows.empty()) {
    const auto& last = found->rows.back();
    next = encode_page(last.client_id + kBetween + last.filter);
  }
  json::array items;
  for (auto& row : found->rows) items.push_back(std::move(row.shown));
  return json_response(200, {{"items", std::move(items)}, {"next", std::move(next)}});
}

}  // namespace sluice::admin
