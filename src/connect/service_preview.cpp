// What a task would make of a message, before anything is saved or written.
#include <algorithm>

#include <boost/json/array.hpp>

#include "base/base64.hpp"
#include "broker/message_expiry.hpp"
#include "connect/dead_letters.hpp"
#include "connect/documents.hpp"
#include "connect/inbound_mapper.hpp"
#include "connect/service_state.hpp"
#include "connect/text.hpp"
#include "mqtt/topic.hpp"

namespace sluice::connect {
namespace {

namespace json = boost::json;

constexpr std::string_view kNoConnection =
    "the registry cannot be asked: there is no such connection yet";
constexpr std::string_view kPreviewed = "preview";         // in the origins, for the task's id
constexpr std::size_t kMostShown = std::size_t{64} << 10;  // of a value

// Text where it is text; base 64 always, for it is bytes that are written.
void show_bytes(json::object& out, std::string_view name, std::string_view bytes) {
  out[name] = mqtt::is_valid_utf8(bytes) ? json::value(bytes) : json::value(nullptr);
  out[std::string(name) + "_base64"] = base64(bytes);
}

json::object shown(const Record& record) {
  json::object out{{"topic", record.topic}};
  if (record.key) {
    show_bytes(out, "key", *record.key);
  } else {
    out["key"] = nullptr;
  }
  json::array headers;
  for (const auto& [name, value] : record.headers) {
    json::object header{{"name", name}};
    show_bytes(header, "value", value);
    headers.push_back(std::move(header));
  }
  out["headers"] = std::move(headers);
  show_bytes(out, "value", record.value.substr(0, kMostShown));
  out["value_bytes"] = record.value.size();
  out["truncated"] = record.value.size() > kMostShown;
  out["timestamp"] = rfc3339(record.timestamp_ms);
  return out;
}

std::string_view name_of(RejectedPolicy policy) {
  return policy == RejectedPolicy::DeadLetter ? "dead_letter"
         : policy == RejectedPolicy::Drop     ? "drop"
                                              : "stop";
}

// Why there is no record, and what the task would do with the message.
json::object no_record(json::object out, std::string detail, std::string_view becomes) {
  out["ok"] = false;
  out["error"] = json::object{{"detail", std::move(detail)}, {"becomes", becomes}};
  return out;
}

struct Judged {
  std::string_view truth = {};  // empty: it took too long
  std::string reason = {};      // why there is no record
  bool is_rejected = false;
};

template <class Mapper>
Judged judge(Mapper& mapper, const where::Condition& condition, const model::Message& message,
             Arena& arena) {
  std::vector<std::string_view> missing;
  const auto truth = mapper.judge(condition, message, arena, &missing);
  if (!truth) return {.reason = std::string(RecordMapper::kTooMuchWork), .is_rejected = true};
  Judged judged{.truth = where::name_of(*truth)};
  if (*truth == where::Truth::True) return judged;
  judged.reason = "the condition is ";
  judged.reason += where::name_of(*truth);
  for (const auto name : missing) {
    judged.reason += name == missing.front() ? "; this message has no " : ", ";
    judged.reason += name;
  }
  return judged;
}

Outcome<processing::Processor::Outcome> process(const TaskSpec& spec, const model::Message& message,
                                                Arena& arena) {
  if (auto checked = check_steps(spec.steps); !checked)
    return tl::unexpected(std::move(checked.error()));
  std::vector<processing::Processor::Outcome> outcomes;
  processing::Processor processor(spec.steps);
  const auto ran = processor.run({&message.payload, 1}, arena, outcomes, [] { return false; });
  if (!ran) return failed(ran.error());
  auto outcome = outcomes.front();
  if (outcome.kind == processing::Processor::Outcome::Kind::PassedOver)
    outcome.text = "jq: the program has no result for this message";
  return outcome;
}

struct Previewed {
  TaskSpec spec;
  ConnectionPtr connection;  // null: none is needed, or there is none yet
};

// The registry, or what it has, does not do now.
json::object not_by_registry(json::object out, Error error) {
  const bool is_final = error.code == Errc::InvalidArgument;
  return no_record(std::move(out), std::move(error.detail), is_final ? "fails" : "waits");
}

// Encodes the record where the task does that; false: there is none, and `out` says why.
Outcome<bool> shows_encoded(json::object& out, const Registry& registry, const Previewed& task,
                            Record& record, Arena& arena) {
  if (!task.spec.encoding) return true;
  if (!task.connection) {
    out = no_record(std::move(out), std::string(kNoConnection), "waits");
    return false;
  }
  auto encoder = encoder_for(registry, task.spec, task.connection);
  if (!encoder) return tl::unexpected(std::move(encoder.error()));
  auto* given = &record;
  std::vector<std::string> reasons;
  if (auto encoded = (*encoder)->encode({&given, 1}, arena, reasons, [] { return false; });
      !encoded) {
    out = not_by_registry(std::move(out), std::move(encoded.error()));
    return false;
  }
  if (reasons.front().empty()) return true;
  out = no_record(std::move(out), std::move(reasons.front()), name_of(task.spec.rejected));
  return false;
}

void add_placement(json::object& out, const Connector& connector, const Previewed& task,
                   const Record& record, std::string client_id) {
  auto& fields = out.at("record").as_object();
  fields["partition"] = nullptr;
  if (connector.place == nullptr || (connector.needs_connection && !task.connection)) {
    out["note"] = "where it would go cannot be asked: there is no such connection yet";
    return;
  }
  const auto placement =
      connector.place({.connection = task.connection ? task.connection->settings : json::object(),
                       .sink = task.spec.sink,
                       .client_id = std::move(client_id),
                       .task_id = ""},
                      record);
  if (placement.partition) fields["partition"] = *placement.partition;
  fields["bytes"] = placement.bytes;
  if (!placement.note.empty()) out["note"] = placement.note;
  if (!placement.problem.empty())
    out = no_record(std::move(out), placement.problem, name_of(task.spec.rejected));
}

json::object shown(const broker::OutsideMessage& message) {
  json::object out{{"topic", message.topic},
                   {"qos", static_cast<int>(message.qos)},
                   {"retain", message.retain},
                   {"client_id", message.client.client_id}};
  show_bytes(out, "payload", std::string_view(message.payload).substr(0, kMostShown));
  out["payload_bytes"] = message.payload.size();
  out["truncated"] = message.payload.size() > kMostShown;
  model::Message properties;
  properties.properties = message.properties;
  out["properties"] = properties_of(properties);
  return out;
}

// What the condition says of the message; false: it ends here, and `out` says why.
bool shows_accepted(json::object& out, Judged judged, const TaskSpec& spec) {
  out["where"] = judged.truth.empty() ? json::value(nullptr) : json::value(judged.truth);
  if (judged.reason.empty()) return true;
  out = no_record(std::move(out), std::move(judged.reason),
                  judged.is_rejected ? name_of(spec.rejected) : "filtered");
  return false;
}

// Decodes the value where the task does that; false: it cannot, and `out` says why.
Outcome<bool> shows_decoded(json::object& out, const Registry& registry, const Previewed& task,
                            model::Message& message, Arena& arena) {
  if (!task.spec.decoding) return true;
  if (!task.connection) {
    out = no_record(std::move(out), std::string(kNoConnection), "waits");
    return false;
  }
  auto decoder = decoder_for(registry, task.spec, task.connection);
  if (!decoder) return tl::unexpected(std::move(decoder.error()));
  auto* decoded = &message;
  std::vector<std::string> reasons;
  if (auto done = (*decoder)->decode({&decoded, 1}, arena, reasons, [] { return false; }); !done) {
    out = not_by_registry(std::move(out), std::move(done.error()));
    return false;
  }
  if (reasons.front().empty()) return true;
  out = no_record(std::move(out), std::move(reasons.front()), name_of(task.spec.rejected));
  return false;
}

// What a task whose source is outside would publish here for what came.
Outcome<json::object> preview_source(const Registry& registry, const Previewed& task,
                                     model::Message message, InboundMapper::Names names) {
  using Kind = processing::Processor::Outcome::Kind;
  const auto& spec = task.spec;
  json::object out{{"ok", true}};
  Arena arena;
  auto decoded = shows_decoded(out, registry, task, message, arena);
  if (!decoded) return tl::unexpected(std::move(decoded.error()));
  if (!*decoded) return out;
  InboundMapper mapper(spec.inbound, std::move(names));
  if (mapper.circles(message))
    return no_record(std::move(out), "it was brought in too often: see `connect.maximum_hops`",
                     "looped");
  if (spec.where && !shows_accepted(out, judge(mapper, *spec.where, message, arena), spec))
    return out;
  std::optional<std::string_view> payload;
  if (!spec.steps.is_empty()) {
    auto processed = process(spec, message, arena);
    if (!processed) return tl::unexpected(std::move(processed.error()));
    if (processed->kind != Kind::Value)
      return no_record(std::move(out), std::string(processed->text),
                       processed->kind == Kind::Rejected ? name_of(spec.rejected) : "filtered");
    payload = processed->text;
  }
  const auto made = mapper.map(message, arena, payload);
  if (!made) return no_record(std::move(out), made.error(), name_of(spec.rejected));
  out["message"] = shown(*made);
  if (auto why = why_not_topic(made->topic); !why.empty())
    return no_record(std::move(out), std::move(why), name_of(spec.rejected));
  return out;
}

}  // namespace

Outcome<json::object> Service::preview(const json::value& task,
                                       const model::Message& message) const {
  Previewed given;
  if (task.is_object()) {
    auto spec = parse_task(state_->around.registry, task.get_object());
    if (!spec) return tl::unexpected(std::move(spec.error()));
    given.spec = std::move(*spec);
    given.connection = state_->find_connection(given.spec.connection);
  } else {
    const auto which = task.is_string() ? std::string_view(task.get_string()) : std::string_view();
    const auto saved = state_->find_task(which);
    if (!saved) return not_found("task", which);
    given.spec = saved->spec();
    given.connection = state_->find_connection(saved->connection_id());
  }
  const auto& spec = given.spec;
  if (spec.is_inbound())
    return preview_source(
        state_->around.registry, given, message,
        {.node = state_->options.node_name,
         .client_id = worker_name(flow_name(given.connection, spec), spec.name, 0),
         .task_id = std::string(kPreviewed),
         .maximum_hops = state_->options.maximum_hops,
         .account = spec.account});
  const auto* connector = state_->around.registry.find(spec.sink_type);
  if (connector == nullptr) return not_found("connector", spec.sink_type);

  json::object out{{"ok", true}};
  out["matches"] = std::ranges::any_of(spec.filters, [&](const std::string& filter) {
    return mqtt::matches(filter, message.topic);
  });
  auto worker = worker_name(flow_name(given.connection, spec), spec.name, 0);
  Arena arena;
  RecordMapper mapper(spec.mapping, state_->options.node_name, worker);
  if (spec.where && !shows_accepted(out, judge(mapper, *spec.where, message, arena), spec))
    return out;
  const auto now_ms = state_->around.clock.wall_ms();
  if (spec.maximum_age && now_ms - message.timestamp_ms > spec.maximum_age->count())
    return no_record(std::move(out), "the message is older than `maximum_age`", "filtered");
  if (spec.expired != ExpiredPolicy::Deliver && broker::seconds_left(message, now_ms) == 0U)
    return no_record(std::move(out), "the message expired before it could be delivered",
                     spec.expired == ExpiredPolicy::Drop ? "drop" : "dead_letter");
  std::optional<std::string_view> payload;
  if (!spec.steps.is_empty()) {
    auto processed = process(spec, message, arena);
    if (!processed) return tl::unexpected(std::move(processed.error()));
    using Kind = processing::Processor::Outcome::Kind;
    if (processed->kind != Kind::Value)
      return no_record(std::move(out), std::string(processed->text),
                       processed->kind == Kind::Rejected ? name_of(spec.rejected) : "filtered");
    payload = processed->text;
  }
  auto record = mapper.map(message, arena, now_ms, payload);
  if (!record) return no_record(std::move(out), record.error(), name_of(spec.rejected));
  auto encoded = shows_encoded(out, state_->around.registry, given, *record, arena);
  if (!encoded) return tl::unexpected(std::move(encoded.error()));
  if (!*encoded) return out;
  out["record"] = shown(*record);
  if (connector->why_not_topic != nullptr) {
    if (auto why = connector->why_not_topic(record->topic))
      return no_record(std::move(out), std::move(*why), name_of(spec.rejected));
  }
  add_placement(out, *connector, given, *record, std::move(worker));
  return out;
}

}  // namespace sluice::connect
