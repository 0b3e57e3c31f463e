// Of which messages exact times are kept.
#include <algorithm>

#include <boost/json/array.hpp>

#include "admin/actions.hpp"
#include "admin/page.hpp"
#include "admin/record_list.hpp"
#include "broker/tracer.hpp"
#include "connect/text.hpp"
#include "mqtt/topic.hpp"

namespace sluice::admin {
namespace {

namespace json = boost::json;
using broker::Tracer;

bool is_filter(std::string_view text) {
  return mqtt::is_valid_utf8(text) && mqtt::is_valid_topic_filter(text) &&
         !text.starts_with("$share/");
}

bool is_text(std::string_view text) {
  return !text.empty() && mqtt::is_valid_utf8(text);
}

std::vector<std::string> texts_of(const json::object& document, std::string_view name) {
  std::vector<std::string> texts;
  const auto* list = document.if_contains(name);
  if (list == nullptr || !list->is_array()) return texts;
  for (const auto& text : list->get_array()) texts.emplace_back(text.get_string());
  return texts;
}

Response no_tracer() {
  return problem_response(Problem{.status = 503,
                                  .code = "unavailable",
                                  .detail = "no messages are delivered here",
                                  .hint = "start the server"});
}

json::object shown_event(store::Store& store, const Tracer::Event& event) {
  json::object shown{{"id", std::to_string(event.number)},
                     {"time", connect::rfc3339(event.at_ms)},
                     {"event", broker::name_of(event.what)},
                     {"qos", event.qos},
                     {"message_id", model::to_hex(event.message)},
                     {"topic", nullptr},
                     {"publisher", nullptr}};
  // Unless retention has deleted it.
  const auto message = store.message_at(store::Position(event.message.position));
  if (!message || (*message)->id != event.message) return shown;
  shown["topic"] = (*message)->topic;
  shown["publisher"] = (*message)->client_id;
  return shown;
}

}  // namespace

const schema::Fields& tracing_fields() {
  using enum schema::Type;
  static const schema::Fields kFields = {
      {.name = "filters",
       .type = TextList,
       .help = "Messages that one of these topic filters matches.",
       .fallback = json::array(),
       .maximum = Tracer::kMostRules,
       .pattern_help = "a topic filter as in plant/+/state",
       .allowed = is_filter},
      {.name = "client_ids",
       .type = TextList,
       .help = "Messages that one of these clients published or is sent.",
       .fallback = json::array(),
       .maximum = Tracer::kMostRules,
       .pattern_help = "a client id",
       .allowed = is_text},
      {.name = "one_in",
       .type = Integer,
       .help = "Besides, one message in so many; 0: none.",
       .fallback = 0,
       .minimum = 0,
       .maximum = 1'000'000'000},
  };
  return kFields;
}

Response show_tracing(Context& context, const Call&) {
  if (context.sources.tracer == nullptr) return no_tracer();
  const auto rules = context.sources.tracer->rules();
  const auto kept = context.sources.tracer->kept();
  json::array filters(rules.filters.begin(), rules.filters.end());
  json::array client_ids(rules.client_ids.begin(), rules.client_ids.end());
  json::object body{{"filters", std::move(filters)},
                    {"client_ids", std::move(client_ids)},
                    {"one_in", rules.one_in},
                    {"events", kept.events},
                    {"most_events", Tracer::kMostEvents},
                    {"since", nullptr}};
  if (kept.since_ms != 0) body["since"] = connect::rfc3339(kept.since_ms);
  return json_response(200, body);
}

// What the tracer kept of one client, which need not be there any more.
Response list_client_trace(Context& context, const Call& call) {
  if (context.sources.tracer == nullptr) return no_tracer();
  const auto& tracer = *context.sources.tracer;
  const auto page = record_page(call);
  if (!page) return page.error();
  const auto events = tracer.events_of_client(call.name(), page->before, page->limit);
  json::array items;
  for (const auto& event : events) items.push_back(shown_event(context.sources.store, event));
  const auto rules = tracer.rules();
  const auto kept = tracer.kept();
  json::object body{
      {"items", std::move(items)},
      {"next", nullptr},
      {"traced", std::ranges::find(rules.client_ids, call.name()) != rules.client_ids.end()},
      {"since", nullptr}};
  if (events.size() == page->limit)
    body["next"] = encode_page(std::to_string(events.back().number));
  if (kept.since_ms != 0) body["since"] = connect::rfc3339(kept.since_ms);
  return json_response(200, body);
}

Response set_tracing(Context& context, const Call& call) {
  if (context.sources.tracer == nullptr) return no_tracer();
  const auto checked = schema::check(tracing_fields(), call.body);
  if (!checked.problems.empty()) {
    return problem_response(Problem{.status = 422,
                                    .code = "invalid_document",
                                    .detail = "these are no rules for tracing",
                                    .hint = R"(send {"filters": ["plant/7/#"]})",
                                    .fields = checked.problems});
  }
  context.sources.tracer->set_rules(
      {.filters = texts_of(checked.value, "filters"),
       .client_ids = texts_of(checked.value, "client_ids"),
       .one_in = checked.value.at("one_in").to_number<std::uint32_t>()});
  return show_tracing(context, call);
}

}  // namespace sluice::admin
