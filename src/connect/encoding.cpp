#include "connect/encoding.hpp"

#include <boost/json/serialize.hpp>

#include "base/json_text.hpp"

namespace sluice::connect {
namespace {

namespace json = boost::json;
using schema::Problem;
using schema::Type;

constexpr std::size_t kLongestDefinition = std::size_t{256} * 1024;
constexpr std::int64_t kLongestRecordName = 1024;

void read_definition(const json::value& given, Encoding& encoding, std::vector<Problem>& problems) {
  if (given.is_null()) return;
  if (given.is_string()) encoding.definition = std::string(given.get_string());
  if (given.is_object() || given.is_array()) encoding.definition = json::serialize(given);
  if (encoding.definition.empty())
    problems.push_back(
        {"/map/schema/definition", "must be the text of a schema, or the schema as JSON"});
  if (encoding.definition.size() > kLongestDefinition)
    problems.push_back({"/map/schema/definition", "must not be longer than 256 KiB"});
}

}  // namespace

schema::Field encoding_field() {
  return {
      .name = "schema",
      .type = Type::Object,
      .help =
          "Encoding by a schema registry, the last step: the value must be JSON by then. Needs a "
          "Kafka connection with `schema_registry`.",
      .nullable = true,
      .fields = {
          {.name = "format",
           .type = Type::Choice,
           .help = "What the value becomes. `json` stays JSON.",
           .required = true,
           .choices = {"avro", "protobuf", "json"}},
          {.name = "subject",
           .type = Type::Choice,
           .help = "Under what the registry knows the schema: `topic_name` is `<topic>-value`, "
                   "`record_name` the full name of the record, `topic_record_name` "
                   "`<topic>-<record>`.",
           .fallback = "topic_name",
           .choices = {"topic_name", "record_name", "topic_record_name"}},
          {.name = "record",
           .help = "Full name of the record. Protobuf: the message of the schema that is meant; "
                   "empty, its first one. Otherwise needed where the subject is named after it and "
                   "no `definition` says it.",
           .fallback = "",
           .maximum = kLongestRecordName},
          {.name = "definition",
           .type = Type::Any,
           .help = "The schema: its text, or a JSON object for Avro and JSON Schema. Null: the one "
                   "that the registry has.",
           .nullable = true},
          {.name = "references",
           .type = Type::ObjectMap,
           .help =
               "Other schemas of the registry that `definition` refers to, by the name by which "
               "it does: a full name of Avro, a file that Protobuf imports, the `$ref` of JSON.",
           .fallback = json::object(),
           .maximum = 64,
           .fields = {{.name = "subject",
                       .help = "Under what the registry has it.",
                       .required = true,
                       .minimum = 1,
                       .maximum = kLongestRecordName},
                      {.name = "version",
                       .type = Type::Integer,
                       .help = "Which version of the subject.",
                       .required = true,
                       .minimum = 1,
                       .maximum = 2'147'483'647}}},
          {.name = "auto_register",
           .type = Type::Boolean,
           .help = "Whether `definition` is registered where it is not yet. Otherwise the task "
                   "waits until somebody does.",
           .fallback = false},
          {.name = "version",
           .type = Type::Integer,
           .help = "Which version of the subject, without `definition`. `latest` is asked for "
                   "again every five minutes.",
           .fallback = "latest",
           .choices = {"latest"},
           .minimum = 1,
           .maximum = 2'147'483'647},
          {.name = "form",
           .type = Type::Choice,
           .help =
               "How a record names its schema. `prefix`: a zero byte and the schema's id before "
               "the value. `header`: the schema's GUID in the header `__value_schema_id`, the "
               "value as it is.",
           .fallback = "prefix",
           .choices = {"prefix", "header"}},
          {.name = "check",
           .type = Type::Boolean,
           .help = "Of `json`: whether values are held against the schema (draft 4, 6 or 7) before "
                   "they are written.",
           .fallback = true},
      }};
}

schema::Field decoding_field() {
  return {.name = "schema",
          .type = Type::Object,
          .help =
              "Decoding by a schema registry, the first step: values begin with a zero byte and "
              "the id of their schema, and become JSON. Needs a Kafka connection with "
              "`schema_registry`.",
          .nullable = true,
          .fields = {{.name = "format",
                      .type = Type::Choice,
                      .help = "What the values are.",
                      .required = true,
                      .choices = {"avro", "protobuf", "json"}}}};
}

Encoding::Format parse_decoding(const json::object& checked) {
  const auto format = text_at(checked, "format");
  if (format == "protobuf") return Encoding::Format::Protobuf;
  return format == "json" ? Encoding::Format::Json : Encoding::Format::Avro;
}

Encoding parse_encoding(const json::object& checked, std::vector<Problem>& problems) {
  Encoding encoding;
  encoding.format = parse_decoding(checked);
  const auto subject = text_at(checked, "subject");
  if (subject == "record_name") encoding.subject = Encoding::Subject::RecordName;
  if (subject == "topic_record_name") encoding.subject = Encoding::Subject::TopicRecordName;
  if (text_at(checked, "form") == "header") encoding.form = Encoding::Form::Header;
  encoding.record = text_at(checked, "record");
  encoding.auto_register = checked.at("auto_register").as_bool();
  encoding.check = checked.at("check").as_bool();
  if (const auto& version = checked.at("version"); version.is_int64())
    encoding.version = version.get_int64();
  read_definition(checked.at("definition"), encoding, problems);
  for (const auto& [name, reference] : checked.at("references").as_object())
    encoding.references.push_back({.name = name,
                                   .subject = text_at(reference.as_object(), "subject"),
                                   .version = reference.at("version").as_int64()});

  const auto problem = [&](std::string_view field, std::string detail) {
    problems.push_back({"/map/schema/" + std::string(field), std::move(detail)});
  };
  const bool is_given = !encoding.definition.empty();
  if (encoding.auto_register && !is_given)
    problem("auto_register", "needs `definition`: there is nothing to register");
  if (!encoding.references.empty() && !is_given)
    problem("references", "needs `definition`: a schema of the registry has its own");
  if (!encoding.references.empty() && encoding.record.empty() &&
      encoding.subject != Encoding::Subject::TopicName)
    problem("record", "is needed beside `references`: the subject is named after it");
  if (encoding.version && is_given)
    problem("version", "must be `latest` beside `definition`: that says which schema is meant");
  if (encoding.subject != Encoding::Subject::TopicName && encoding.record.empty() && !is_given)
    problem("record", "is needed: the subject is named after it");
  return encoding;
}

}  // namespace sluice::connect
