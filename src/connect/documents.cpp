#include "connect/documents.hpp"

#include <algorithm>

#include <boost/json/array.hpp>

#include "connect/encoding.hpp"
#include "connect/letter_copy.hpp"

namespace sluice::connect {
namespace {

namespace json = boost::json;
using schema::Field;
using schema::Fields;
using schema::Type;

constexpr std::int64_t kLongestName = 64;
constexpr std::int64_t kLongestDescription = 128;
constexpr std::int64_t kLongestAccount = 32;
constexpr std::int64_t kLongestTemplate = 16384;
constexpr std::int64_t kMostFilters = 64;
constexpr std::int64_t kGiB = std::int64_t{1} << 30;

Field name_field(std::string help) {
  return {.name = "name",
          .help = std::move(help),
          .required = true,
          .minimum = 1,
          .maximum = kLongestName,
          .pattern_help = "letters, digits and _ - . (and not dots alone)",
          .allowed = is_entity_name};
}

Field description_field() {
  return {
      .name = "description", .help = "For people.", .fallback = "", .maximum = kLongestDescription};
}

// A name has few characters; what it stands for elsewhere may have any.
Field title_field() {
  return {.name = "title",
          .help = "What it is called where it came from: imports fill it.",
          .fallback = "",
          .maximum = 256};
}

Field start_field(std::string help) {
  return {.name = "start",
          .type = Type::Any,
          .help = std::move(help) +
                  "`now`, `earliest` (all that the log still holds), {\"time\": \"RFC 3339\"} or "
                  "{\"position\": n}.",
          .fallback = "now"};
}

Field end_field() {
  return {
      .name = "end",
      .type = Type::Any,
      .help =
          "The last that it takes; then it is `finished`. `now`, {\"time\": \"RFC 3339\"} (what "
          "was stored before it) or {\"position\": n} (that one, too); not in the future. "
          "`null`: it goes on for ever.",
      .nullable = true};
}

Field source_field() {
  return {.name = "source",
          .type = Type::Object,
          .help = "Where messages come from.",
          .required = true,
          .fields = {
              {.name = "type",
               .type = Type::Choice,
               .help = "`local`: a cursor over this server's log. Sources outside have fields of "
                       "their own: see the connector.",
               .fallback = "local",
               .choices = {"local"}},
              {.name = "filters",
               .type = Type::TextList,
               .help = "Topic filters, merged in the order of the log. A message that several of "
                       "them match is taken once.",
               .required = true,
               .minimum = 1,
               .maximum = kMostFilters},
              start_field("Where a new task begins: "),
              end_field(),
          }};
}

Field verify_field() {
  return {.name = "verify",
          .type = Type::Object,
          .help = "What a payload must be, behind `where` and before `map`; others are rejected.",
          .fields = {
              {.name = "json_schema",
               .type = Type::Any,
               .help = "A JSON Schema of draft 4, 6 or 7. References lead into it, not out of it.",
               .nullable = true}}};
}

Field map_field() {
  return {
      .name = "map",
      .type = Type::Object,
      .help = "How a message becomes a record.",
      .required = true,
      .fields = {
          {.name = "topic",
           .help = "The target topic, a template: `plant.${topic[1]}`.",
           .required = true,
           .minimum = 1,
           .maximum = kLongestTemplate},
          {.name = "key",
           .help = "The record's key, a template. Empty: no key, which needs `order: none`.",
           .fallback = "${client_id}",
           .maximum = kLongestTemplate},
          {.name = "value",
           .type = Type::Any,
           .help = "`raw`: the payload, byte for byte. `envelope`: JSON with the payload in "
                   "base 64 and all that is known of the message. `cloudevents`: a structured "
                   "CloudEvent 1.0. {\"template\": \"...\"}.",
           .fallback = "raw"},
          {.name = "headers",
           .type = Type::Any,
           .help = "`all`, `none`, `cloudevents` (binary mode), or a list of {\"name\", \"value\"} "
                   "with a template as value.",
           .fallback = "all"},
          {.name = "jq",
           .help = "A jq program that makes the payload anew, before all else here: templates and "
                   "`value` see its result. No result passes the message over.",
           .fallback = "",
           .maximum = kLongestTemplate},
          encoding_field(),
          {.name = "metadata",
           .type = Type::Map,
           .help = "Constants for the envelope's `metadata`.",
           .fallback = json::object()},
      }};
}

Field retry_field() {
  return {
      .name = "retry",
      .type = Type::Object,
      .help = "Waiting times while the other side is away.",
      .fields = {
          {.name = "initial",
           .type = Type::Duration,
           .help = "The first wait; each next one is twice as long, with jitter.",
           .fallback = "200ms",
           .minimum = 1,
           .maximum = 3'600'000},
          {.name = "maximum",
           .type = Type::Duration,
           .help = "The longest wait.",
           .fallback = "30s",
           .minimum = 1,
           .maximum = 3'600'000},
          {.name = "give_up_after",
           .type = Type::Duration,
           .help =
               "A message that the other side has sent back for so long is treated as rejected. "
               "Time without an answer does not count.",
           .fallback = "never",
           .choices = {"never"},
           .minimum = 1},
      }};
}

Field in_flight_field() {
  return {.name = "in_flight",
          .type = Type::Integer,
          .help =
              "The most records handed over that the saved cursor does not cover yet: so many "
              "may arrive twice when the server is killed.",
          .fallback = 16'384,
          .minimum = 1,
          .maximum = 32'768};
}

Field delivery_field() {
  return {
      .name = "delivery",
      .type = Type::Object,
      .help = "What is promised, and what happens when it cannot be kept at once.",
      .fields = {
          {.name = "guarantee",
           .type = Type::Choice,
           .help = "`exactly_once`: records and the task's place in one transaction, for readers "
                   "with `isolation.level=read_committed`; sinks of type `kafka` alone. "
                   "`best_effort` alone may use `acks` other than `all`.",
           .fallback = "at_least_once",
           .choices = {"at_least_once", "exactly_once", "best_effort"}},
          {.name = "order",
           .type = Type::Choice,
           .help = "What arrives in the order of the log; the key must be a function of it.",
           .fallback = "per_publisher",
           .choices = {"per_publisher", "per_topic", "per_key", "none"}},
          {.name = "workers",
           .type = Type::Integer,
           .help = "Threads that share the task's work, by a hash of what order is kept by.",
           .fallback = 1,
           .minimum = 1,
           .maximum = 64},
          in_flight_field(),
          retry_field(),
          {.name = "rejected",
           .type = Type::Choice,
           .help = "What becomes of a message that can never be delivered as it stands.",
           .fallback = "dead_letter",
           .choices = {"dead_letter", "drop", "stop"}},
          {.name = "dead_letter_overflow",
           .type = Type::Choice,
           .help = "When there is no room for another dead letter: `wait`, or drop this task's "
                   "oldest.",
           .fallback = "wait",
           .choices = {"wait", "drop_oldest"}},
          letter_copy_field(),
          {.name = "expired",
           .type = Type::Choice,
           .help = "What becomes of a message whose MQTT expiry has passed before delivery.",
           .fallback = "deliver",
           .choices = {"deliver", "drop", "dead_letter"}},
          {.name = "backpressure",
           .type = Type::Choice,
           .help = "What happens when messages come faster than they go. `buffer`: all wait in "
                   "the log. `block`: beyond `backlog_bytes` who publishes for the task is read "
                   "no further. `shed_oldest`: what is further back than `backlog_bytes` is passed "
                   "over, counted in `shed`. `shed_qos0`: of that, only what was published with "
                   "QoS 0.",
           .fallback = "buffer",
           .choices = {"buffer", "block", "shed_oldest", "shed_qos0"}},
          {.name = "backlog_bytes",
           .type = Type::Bytes,
           .help = "How much log, with what other topics have in it, may lie between a message and "
                   "the newest one before `backpressure` blocks or sheds.",
           .fallback = kGiB,
           .minimum = 65'536,
           .maximum = 1024 * 1024 * kGiB},
          {.name = "maximum_age",
           .type = Type::Duration,
           .help = "Messages that are older when they are read are passed over.",
           .nullable = true,
           .minimum = 1},
          {.name = "drain",
           .type = Type::Any,
           .help = "How a back-log goes out, once its next message is older than 5 s, until the "
                   "task has caught up. `in_order`: as fast as the other side takes it. "
                   "{\"rate\": n}: in order, no more than n messages a second. `fresh_first`: what "
                   "comes goes before it, which needs `order: none`.",
           .fallback = "in_order"},
          {.name = "hold_segments_bytes",
           .type = Type::Bytes,
           .help = "How much log this task may hold back from retention, at most "
                   "`store.retention.hold.tasks` of the server; without it, that much.",
           .nullable = true,
           .minimum = 0,
           .maximum = 1024 * kGiB},
          {.name = "drain_timeout",
           .type = Type::Duration,
           .help = "How long a pause waits for what is in flight; not when the other side has been "
                   "out of reach for 5 s.",
           .fallback = "30s",
           .minimum = 0,
           .maximum = 600'000},
      }};
}

Fields sink_fields(const Connector& connector) {
  Fields fields = {{.name = "type",
                    .type = Type::Choice,
                    .help = "The kind of outside system.",
                    .required = true,
                    .choices = {connector.name}}};
  if (connector.needs_connection)
    fields.push_back({.name = "connection",
                      .help = "Name or id of the connection.",
                      .required = true,
                      .minimum = 1,
                      .maximum = kLongestName});
  fields.insert(fields.end(), connector.sink_fields.begin(), connector.sink_fields.end());
  return fields;
}

}  // namespace

bool is_entity_name(std::string_view text) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
  };
  return std::ranges::all_of(text, allowed) &&
         text.find_first_not_of('.') != std::string_view::npos;
}

Fields connection_fields(const Connector& connector) {
  return {name_field("Unique among connections."),
          {.name = "type",
           .type = Type::Choice,
           .help = "The kind of outside system.",
           .required = true,
           .choices = {connector.name}},
          description_field(),
          title_field(),
          {.name = "settings",
           .type = Type::Object,
           .help = "Address and credentials: see the connector.",
           .required = true,
           .fields = connector.connection_fields}};
}

const Fields& seek_fields() {
  static const Fields kFields = [] {
    auto start = start_field("Where the task goes on: ");
    start.required = true;
    start.fallback = nullptr;
    start.help +=
        " From Kafka: `earliest`, `latest`, a time, or {\"offsets\": [{\"topic\", \"partition\", "
        "\"offset\"}]}.";
    return Fields{std::move(start)};
  }();
  return kFields;
}

const Fields& replay_fields() {
  static const Fields kFields = [] {
    auto from = start_field("The first message that goes again: ");
    from.name = "from";
    from.required = true;
    from.fallback = nullptr;
    auto to = end_field();
    to.name = "to";
    to.help =
        "The last one: `now`, {\"time\": \"RFC 3339\"} (what was stored before it) or "
        "{\"position\": n} "
        "(that one, too); not in the future.";
    to.nullable = false;
    to.fallback = "now";
    return Fields{std::move(from),
                  std::move(to),
                  {.name = "topic",
                   .help = "Where to, a template as `map.topic`; without it where the task itself "
                           "writes.",
                   .fallback = "",
                   .maximum = kLongestTemplate},
                  {.name = "name",
                   .help = "Of the task that does it; without it the task's with `-replay` behind, "
                           "and a number where that is taken.",
                   .fallback = ""}};
  }();
  return kFields;
}

Fields task_fields(const Connector& connector) {
  return {name_field("Unique among tasks."),
          description_field(),
          title_field(),
          {.name = "enabled",
           .type = Type::Boolean,
           .help = "Whether it runs; `start` and `pause` change it.",
           .fallback = true},
          {.name = "account",
           .help = "The user that it runs as: it reads filters that this user's policies let it "
                   "subscribe to, or publishes topics that they let it publish, and waits while "
                   "they do not. Empty: policies are not asked.",
           .fallback = "",
           .maximum = kLongestAccount},
          source_field(),
          {.name = "where",
           .help = "A condition that a message must meet, as SQL's WHERE: `$qos >= 1 AND "
                   "payload.temperature > 20`. Others are passed over.",
           .fallback = "",
           .maximum = kLongestTemplate},
          verify_field(),
          map_field(),
          {.name = "sink",
           .type = Type::Object,
           .help = "Where records go: see the connector.",
           .required = true,
           .fields = sink_fields(connector)},
          delivery_field()};
}

json::object readable(const Fields& fields, json::object checked) {
  for (const auto& field : fields) {
    auto* value = checked.if_contains(field.name);
    if (value == nullptr) continue;
    if (field.type == Type::Duration && value->is_int64()) {
      *value = schema::duration_text(value->get_int64());
    } else if (field.type == Type::Object && value->is_object()) {
      *value = readable(field.fields, std::move(value->get_object()));
    }
  }
  return checked;
}

std::string group_name(std::string_view connection, std::string_view task) {
  return "group-" + std::string(connection) + "-" + std::string(task);
}

std::string worker_name(std::string_view connection, std::string_view task, unsigned number) {
  return std::string(connection) + "-" + std::string(task) + "-" + std::to_string(number);
}

}  // namespace sluice::connect
