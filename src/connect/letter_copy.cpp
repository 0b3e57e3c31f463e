#include "connect/letter_copy.hpp"

#include "base/json_text.hpp"
#include "connect/inbound_mapper.hpp"
#include "connect/task_spec.hpp"

namespace sluice::connect {
namespace {

namespace json = boost::json;
using schema::Problem;
using schema::Type;

constexpr std::string_view kPointer = "/delivery/dead_letter_copy";

std::string at(std::string_view name) {
  return std::string(kPointer) + std::string(name);
}

// Null with kLocal, and where `problems` says why.
const Connector* connector_of(const Registry& registry, const LetterCopy& copy,
                              std::vector<Problem>& problems) {
  const auto* connector = registry.find(copy.type);
  if (copy.type == kLocal) {
    if (!copy.connection.empty())
      problems.push_back({at("/connection"), "must be empty: this server needs no connection"});
    return nullptr;
  }
  if (connector == nullptr || connector->why_no_letters == nullptr) {
    std::string known(kLocal);
    for (const auto& [name, entry] : registry.all())
      if (entry.why_no_letters != nullptr) known += ", " + name;
    problems.push_back({at("/type"), "must be one of: " + known});
    return nullptr;
  }
  if (copy.connection.empty())
    problems.push_back(
        {at("/connection"), "is needed: name or id of a connection of type " + copy.type});
  return connector;
}

// What the connector's sinks may say, too; pointers lead into the copy.
json::object sink_of(const Connector& connector, const json::value& given,
                     std::vector<Problem>& problems) {
  if (!given.is_null() && !given.is_object()) {
    problems.push_back({at("/sink"), "must be an object, or null"});
    return {};
  }
  auto checked = schema::check(
      connector.sink_fields, given.is_object() ? given.get_object() : json::object(), at("/sink"));
  if (checked.problems.empty() && connector.check_sink != nullptr) {
    connector.check_sink(checked.value, checked.problems);
    for (auto& problem : checked.problems) problem.pointer = at(problem.pointer);
  }
  const auto* acks = checked.value.if_contains("acks");
  if (acks != nullptr && (!acks->is_string() || acks->get_string() != "all"))
    checked.problems.push_back({at("/sink/acks"), "must be `all`: no copy may be missing"});
  problems.insert(problems.end(), checked.problems.begin(), checked.problems.end());
  return std::move(checked.value);
}

}  // namespace

schema::Field letter_copy_field() {
  return {.name = "dead_letter_copy",
          .type = Type::Object,
          .help = "Where each dead letter goes besides, once it is kept. Null: nowhere.",
          .nullable = true,
          .fields = {
              {.name = "type",
               .help = "`local`: a topic of this server. Or the type of a connection, `kafka` or "
                       "`mqtt`.",
               .required = true,
               .minimum = 1,
               .maximum = 64},
              {.name = "connection",
               .help = "Name or id of the connection; none with `local`.",
               .fallback = "",
               .maximum = 64},
              {.name = "topic",
               .help = "The topic there, a template: `letters/${topic}`.",
               .required = true,
               .minimum = 1,
               .maximum = 16384},
              {.name = "sink",
               .type = Type::Any,
               .help = "What a `sink` of this type may say besides: see the connector. Null: its "
                       "defaults.",
               .nullable = true},
          }};
}

std::optional<LetterCopy> parse_letter_copy(const Registry& registry, const json::object& delivery,
                                            TemplateScope scope, std::vector<Problem>& problems) {
  const auto* given = delivery.at("dead_letter_copy").if_object();
  if (given == nullptr) return std::nullopt;
  LetterCopy copy{.type = text_at(*given, "type"),
                  .connection = text_at(*given, "connection"),
                  .topic = {},
                  .sink = {}};
  const auto before = problems.size();
  const auto* connector = connector_of(registry, copy, problems);
  if (problems.size() != before) return std::nullopt;
  if (connector != nullptr) {
    copy.sink = sink_of(*connector, given->at("sink"), problems);
  } else if (!given->at("sink").is_null()) {
    problems.push_back({at("/sink"), "must be null with `local`"});
  }
  auto topic = Template::compile(text_at(*given, "topic"), scope);
  if (!topic) {
    problems.push_back({at("/topic"), topic.error().text()});
    return std::nullopt;
  }
  copy.topic = std::move(*topic);
  std::string why;
  if (connector == nullptr) {
    why = why_never_a_topic(copy.topic);
  } else if (const auto constant = copy.topic.constant(); constant && connector->why_not_topic) {
    why = connector->why_not_topic(*constant).value_or("");
  }
  if (!why.empty()) problems.push_back({at("/topic"), std::move(why)});
  const auto& rejected = delivery.at("rejected");
  if (!rejected.is_string() || rejected.get_string() != "dead_letter")
    problems.push_back({std::string(kPointer),
                        "needs /delivery/rejected to be `dead_letter`: there are no letters "
                        "otherwise"});
  return copy;
}

}  // namespace sluice::connect
