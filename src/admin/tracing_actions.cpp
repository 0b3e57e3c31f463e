// Of which messages exact times are kept.
#include <boost/json/array.hpp>

#include "admin/actions.hpp"
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
