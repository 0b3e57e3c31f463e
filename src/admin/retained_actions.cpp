// Retained messages, by topic.
#include <boost/json/array.hpp>

#include "admin/actions.hpp"
#include "admin/message_json.hpp"
#include "admin/page.hpp"
#include "mqtt/topic.hpp"

namespace sluice::admin {

namespace json = boost::json;

Response list_retained(Context& context, const Call& call) {
  if (!context.sources.retained) return no_clients_here();
  const auto filter = call.parameter("filter").value_or("#");
  if (!mqtt::is_valid_topic_filter(filter) || filter.starts_with("$share/"))
    return wrong_parameter("filter", "must be a topic filter, without $share/ and a group's name");
  const auto page = page_request(call);
  if (!page) return page.error();
  const auto found = context.sources.retained(filter, page->after, page->limit + 1);
  json::array items;
  for (const auto& message : found) {
    if (items.size() == page->limit) break;
    items.push_back(message_json(*message, kListedPayload));
  }
  json::value next;
  if (found.size() > page->limit) next = encode_page(found[page->limit - 1]->topic);
  return json_response(200, {{"items", std::move(items)}, {"next", std::move(next)}});
}

Response show_retained(Context& context, const Call& call) {
  if (!context.sources.retained_message) return no_clients_here();
  const auto message = context.sources.retained_message(call.name());
  if (!message)
    return problem_response(Problem{.status = 404,
                                    .code = "not_found",
                                    .detail = "no message is retained on this topic",
                                    .hint = "GET /retained lists them"});
  return json_response(200, message_json(*message, kShownPayload));
}

Response delete_retained(Context& context, const Call& call) {
  if (!context.sources.remove_retained) return no_clients_here();
  return deleted_response(context.sources.remove_retained(call.name()));
}

}  // namespace sluice::admin
