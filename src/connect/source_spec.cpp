#include "connect/source_spec.hpp"

#include <algorithm>

#include <boost/json/array.hpp>

#include "base/json_text.hpp"
#include "connect/documents.hpp"
#include "mqtt/topic.hpp"

namespace sluice::connect {
namespace {

namespace json = boost::json;
using schema::Field;
using schema::Fields;
using schema::Problem;
using schema::Type;

constexpr std::int64_t kLongestMapping = 16384;
constexpr std::size_t kMostProperties = 256;

// Out of a task's fields that which this kind of task has, too.
Fields only(const Fields& fields, std::initializer_list<std::string_view> names) {
  Fields kept;
  for (const auto& field : fields) {
    if (std::ranges::find(names, field.name) != names.end()) kept.push_back(field);
  }
  return kept;
}

Fields source_fields(const Connector& connector) {
  Fields fields = {{.name = "type",
                    .type = Type::Choice,
                    .help = "The kind of outside system.",
                    .required = true,
                    .choices = {connector.name}},
                   {.name = "connection",
                    .help = "Name or id of the connection.",
                    .required = true,
                    .minimum = 1,
                    .maximum = 64}};
  fields.insert(fields.end(), connector.source_fields.begin(), connector.source_fields.end());
  return fields;
}

Field map_field(const Connector& connector, const Fields& common) {
  Field map{
      .name = "map",
      .type = Type::Object,
      .help = "How what comes becomes a message.",
      .required = true,
      .fields = {{.name = "topic",
                  .help = "The topic here, a template: `devices/${key}/commands`.",
                  .required = true,
                  .minimum = 1,
                  .maximum = kLongestMapping},
                 {.name = "qos",
                  .type = Type::Integer,
                  .help = "Null: as it came, and 1 for records.",
                  .nullable = true,
                  .minimum = 0,
                  .maximum = 2},
                 {.name = "retain",
                  .type = Type::Boolean,
                  .help = "Null: as it came, and false for records.",
                  .nullable = true},
                 {.name = "value",
                  .type = Type::Any,
                  .help = "`raw`: byte for byte as it came. {\"template\": \"...\"}.",
                  .fallback = "raw"},
                 {.name = "properties",
                  .type = Type::Any,
                  .help = "`all`: those it came with, and headers as user properties. `none`. "
                          "A list of {\"name\", \"value\"} with a template as value: these "
                          "user properties alone.",
                  .fallback = "all"}}};
  for (const auto& field : only(common, {"jq"})) map.fields.push_back(field);
  if (connector.make_decoder != nullptr) map.fields.push_back(decoding_field());
  return map;
}

Field delivery_field(Field common) {
  common.fields = only(common.fields, {"guarantee", "retry", "rejected", "dead_letter_overflow",
                                       "dead_letter_copy"});
  for (auto& field : common.fields) {
    if (field.name == "guarantee") {
      field.help = "A message may come twice when the server is killed, and is never left out.";
      field.choices = {"at_least_once"};
    }
    if (field.name == "retry") field.fields = only(field.fields, {"initial", "maximum"});
  }
  return common;
}

bool says(const json::value& value, std::string_view text) {
  return value.is_string() && std::string_view(value.get_string()) == text;
}

TemplateScope scope_of(const Connector& connector) {
  return connector.sends_records ? TemplateScope::Record : TemplateScope::Received;
}

// Reads one checked document. A member function per part; problems collect.
class SourceTaskReader {
 public:
  SourceTaskReader(const Connector& connector, std::vector<Problem>& problems)
      : scope_(scope_of(connector)), problems_(problems) {
    spec_.source_type = connector.name;
    spec_.sink_type = kLocal;
    spec_.inbound.is_of_records = connector.sends_records;
  }
  void source(const json::object& source);
  void steps(const json::object& document);
  void mapping(const json::object& map);
  TaskSpec take() { return std::move(spec_); }

 private:
  void problem(std::string pointer, std::string detail) {
    problems_.push_back({std::move(pointer), std::move(detail)});
  }
  Template compile(std::string pointer, std::string_view text);
  void delivered_by(const json::object& source);
  void properties(const json::value& properties);
  void property(const json::value& entry, const std::string& pointer);

  const TemplateScope scope_;
  std::vector<Problem>& problems_;
  TaskSpec spec_;
};

Template SourceTaskReader::compile(std::string pointer, std::string_view text) {
  auto compiled = Template::compile(text, scope_);
  if (compiled) return std::move(*compiled);
  problem(std::move(pointer), compiled.error().text());
  return {};
}

void SourceTaskReader::source(const json::object& source) {
  spec_.source = source;
  spec_.connection = text_at(source, "connection");
  delivered_by(source);
  const auto* start = source.if_contains("start");
  if (start == nullptr) return;
  auto parsed = parse_start(*start);
  if (!parsed || std::holds_alternative<StartPosition>(*parsed))
    return problem("/source/start",
                   "must be `now`, `earliest` or {\"time\": \"2024-05-01T12:00:00Z\"}");
  spec_.start = *parsed;
}

void SourceTaskReader::delivered_by(const json::object& source) {
  const auto* names = source.if_contains("delivered_by");
  if (names == nullptr) return;
  for (const auto& name : names->as_array()) spec_.delivered_by.emplace_back(name.as_string());
  const bool is_asked_for = text_at(source, "acknowledge") == "delivered";
  if (is_asked_for && spec_.delivered_by.empty())
    problem("/source/delivered_by",
            "is needed with `acknowledge` `delivered`: the tasks that are to deliver what comes");
  if (!is_asked_for && !spec_.delivered_by.empty())
    problem("/source/delivered_by", "needs `acknowledge` to be `delivered`");
}

void SourceTaskReader::steps(const json::object& document) {
  if (const auto where = text_at(document, "where"); !where.empty()) {
    auto compiled = where::Condition::compile(where);
    if (compiled)
      spec_.where = std::move(*compiled);
    else
      problem("/where", compiled.error().text());
  }
  read_steps(document, spec_.steps, problems_);
}

void SourceTaskReader::mapping(const json::object& map) {
  auto& inbound = spec_.inbound;
  inbound.topic = compile("/map/topic", map.at("topic").as_string());
  if (auto why = why_never_a_topic(inbound.topic); !why.empty())
    problem("/map/topic", std::move(why));
  if (const auto& qos = map.at("qos"); qos.is_int64())
    inbound.qos = static_cast<mqtt::Qos>(qos.get_int64());
  if (const auto& retain = map.at("retain"); retain.is_bool()) inbound.retain = retain.get_bool();
  const auto& value = map.at("value");
  const auto* object = value.if_object();
  const auto* text = object != nullptr ? object->if_contains("template") : nullptr;
  if (text != nullptr && text->is_string() && object->size() == 1) {
    inbound.value = compile("/map/value/template", text->get_string());
  } else if (!says(value, "raw")) {
    problem("/map/value", "must be `raw` or {\"template\": \"...\"}");
  }
  properties(map.at("properties"));
  const auto* schema = map.if_contains("schema");
  if (schema != nullptr && schema->is_object())
    spec_.decoding = parse_decoding(schema->get_object());
}

void SourceTaskReader::properties(const json::value& properties) {
  if (says(properties, "all")) return;
  spec_.inbound.keeps_properties = false;
  if (says(properties, "none")) return;
  const auto* list = properties.if_array();
  if (list == nullptr || list->size() > kMostProperties)
    return problem("/map/properties",
                   "must be `all`, `none` or a list of at most 256 {\"name\", \"value\"}");
  std::size_t index = 0;
  for (const auto& entry : *list) property(entry, "/map/properties/" + std::to_string(index++));
}

void SourceTaskReader::property(const json::value& entry, const std::string& pointer) {
  const auto* object = entry.if_object();
  const auto* name = object != nullptr ? object->if_contains("name") : nullptr;
  const auto* value = object != nullptr ? object->if_contains("value") : nullptr;
  if (name == nullptr || value == nullptr || !name->is_string() || !value->is_string() ||
      name->get_string().empty() || name->get_string().size() > 65535 || object->size() != 2)
    return problem(pointer, "must be {\"name\": \"...\", \"value\": \"...\"}");
  std::string text(name->get_string());
  if (!mqtt::is_valid_utf8(text))
    return problem(pointer + "/name", "must be UTF-8 text without U+0000");
  if (text == kOrigins) return problem(pointer + "/name", "is the server's own: see origins");
  spec_.inbound.properties.emplace_back(std::move(text),
                                        compile(pointer + "/value", value->get_string()));
}

// Nothing: `problems` says why.
const Connector* source_connector(const Registry& registry, const std::string& type,
                                  std::vector<Problem>& problems) {
  if (const auto* found = registry.find(type); found != nullptr && found->make_source != nullptr)
    return found;
  std::string known(kLocal);
  for (const auto& [name, connector] : registry.all()) {
    if (connector.make_source != nullptr) known += ", " + name;
  }
  problems.push_back({"/source/type", "must be one of: " + known});
  return nullptr;
}

}  // namespace

Fields source_task_fields(const Connector& connector) {
  auto fields = task_fields(connector);
  for (auto& field : fields) {
    if (field.name == "source") {
      field.help = "Where messages come from.";
      field.fields = source_fields(connector);
    } else if (field.name == "where") {
      field.help =
          "A condition that what comes must meet, as SQL's WHERE: `payload.temperature > 20`. "
          "Others are passed over.";
    } else if (field.name == "map") {
      field = map_field(connector, field.fields);
    } else if (field.name == "sink") {
      field.help = "Where messages go: into this server's log, as if a client had published them.";
      field.fields = {{.name = "type",
                       .type = Type::Choice,
                       .help = "This server.",
                       .required = true,
                       .choices = {std::string(kLocal)}}};
    } else if (field.name == "delivery") {
      field = delivery_field(std::move(field));
    }
  }
  return fields;
}

std::string source_type_of(const json::object& document) {
  const auto* source = document.if_contains("source");
  const auto* object = source != nullptr ? source->if_object() : nullptr;
  const auto* type = object != nullptr ? object->if_contains("type") : nullptr;
  return type != nullptr && type->is_string() ? std::string(type->get_string())
                                              : std::string(kLocal);
}

Outcome<TaskSpec> parse_source_task(const Registry& registry, const json::object& document) {
  std::vector<Problem> problems;
  const auto* connector = source_connector(registry, source_type_of(document), problems);
  if (connector == nullptr) return invalid_task(std::move(problems));
  const auto fields = source_task_fields(*connector);
  auto checked = schema::check(fields, document);
  if (!checked.problems.empty()) return invalid_task(std::move(checked.problems));

  SourceTaskReader reader(*connector, problems);
  const auto& source = checked.value.at("source").as_object();
  reader.source(source);
  if (connector->check_source != nullptr) connector->check_source(source, problems);
  reader.steps(checked.value);
  reader.mapping(checked.value.at("map").as_object());
  auto spec = reader.take();
  const auto& delivery = checked.value.at("delivery").as_object();
  read_failures(delivery, spec, problems);
  spec.letter_copy = parse_letter_copy(registry, delivery, scope_of(*connector), problems);
  spec.name = text_at(checked.value, "name");
  if (std::ranges::find(spec.delivered_by, spec.name) != spec.delivered_by.end())
    problems.push_back(
        {"/source/delivered_by",
         "must not name the task itself: it would wait for its own acknowledgement"});
  spec.enabled = checked.value.at("enabled").as_bool();
  spec.account = text_at(checked.value, "account");
  spec.shown = readable(fields, std::move(checked.value));
  if (!problems.empty()) return invalid_task(std::move(problems));
  return spec;
}

}  // namespace sluice::connect
