#include "connect/record_mapper.hpp"

#include <algorithm>
#include <charconv>

#include "broker/message_expiry.hpp"
#include "connect/cloud_event.hpp"
#include "connect/envelope.hpp"
#include "connect/origins.hpp"
#include "mqtt/properties.hpp"

namespace sluice::connect {
namespace {

using mqtt::PropertyId;

std::string_view boolean(bool value) {
  return value ? "true" : "false";
}

tl::unexpected<std::string> missing(MessageFields& fields, std::string_view place,
                                    std::string_view name) {
  const bool is_of_json = name.starts_with("payload");
  std::string why(place);
  why += ": ${";
  why += name;
  why += is_of_json && fields.payload_json() == nullptr
             ? "} has no default, and the payload is not JSON"
             : "} is not in this message and has no default";
  return tl::unexpected(std::move(why));
}

}  // namespace

RecordMapper::RecordMapper(const Mapping& mapping, std::string node_name, std::string worker,
                           std::string origin)
    : mapping_(mapping),
      worker_(std::move(worker)),
      origin_(std::move(origin)),
      fields_(std::move(node_name)) {}

std::optional<where::Truth> RecordMapper::judge(const where::Condition& condition,
                                                const model::Message& message, Arena& arena,
                                                std::vector<std::string_view>* missing) {
  fields_.use(message, arena);
  judged_ = &message;
  return condition.evaluate(message, fields_.payload(), missing);
}

Result<Record, std::string> RecordMapper::map(const model::Message& message, Arena& arena,
                                              std::int64_t now_ms,
                                              std::optional<std::string_view> payload) {
  const bool is_judged = std::exchange(judged_, nullptr) == &message;
  if (payload) {
    processed_ = message;
    processed_.payload = *payload;
    fields_.use(processed_, arena);
  } else if (!is_judged) {
    fields_.use(message, arena);
  }
  Record record;
  record.timestamp_ms = message.timestamp_ms;
  record.value = fields_.message().payload;

  const auto topic = mapping_.topic.evaluate(fields_);
  if (!topic) return missing(fields_, "topic", topic.error());
  record.topic = *topic;

  if (!mapping_.key.is_empty()) {
    const auto key = mapping_.key.evaluate(fields_);
    if (!key) return missing(fields_, "key", key.error());
    record.key = *key;
  }
  if (mapping_.value_form == ValueForm::Envelope) {
    record.value = envelope();
  } else if (mapping_.value_form == ValueForm::Template) {
    const auto value = mapping_.value.evaluate(fields_);
    if (!value) return missing(fields_, "value", value.error());
    record.value = *value;
  } else if (mapping_.value_form == ValueForm::CloudEvent) {
    record.value = cloud_event(record.key);
  }
  if (mapping_.header_form == HeaderForm::All) {
    record.headers = all_headers(now_ms);
  } else if (mapping_.header_form == HeaderForm::List) {
    auto headers = listed_headers();
    if (!headers) return tl::unexpected(std::move(headers.error()));
    record.headers = *headers;
  } else if (mapping_.header_form == HeaderForm::CloudEvent) {
    begin_headers();
    CloudEvent(fields_, record.key).add_headers(headers_);
    record.headers = take_headers();
  } else if (mapping_.value_form == ValueForm::CloudEvent) {
    begin_headers();
    record.headers = take_headers();
  }
  const bool has_none = mapping_.header_form != HeaderForm::All && !message.properties.empty();
  if (has_none || !origin_.empty()) {
    SL_TRY(headers, with_origins(record.headers));
    record.headers = headers;
  }
  return record;
}

// Whatever headers are wanted: without it nobody could tell that a message goes round in circles.
Result<RecordMapper::Headers, std::string> RecordMapper::with_origins(Headers headers) {
  static constexpr std::size_t kLongest = 65535;  // [MQTT-1.5.4] two bytes of length
  const auto given = fields_.user_property(kOrigins);
  if (!given && origin_.empty()) return headers;
  auto origins = given.value_or(std::string_view());
  if (!origin_.empty()) {
    const auto all = origins.empty() ? origin_ : std::string(origins) + "," + origin_;
    if (all.size() > kLongest) return tl::unexpected(std::string(kOrigins) + ": is too long");
    origins = fields_.arena().copy(all);
  }
  headers_.assign(headers.begin(), headers.end());
  std::erase_if(headers_, [](const auto& header) { return header.first == kOrigins; });
  headers_.emplace_back(kOrigins, origins);
  return take_headers();
}

// The table of interface.md §5, in its order.
RecordMapper::Headers RecordMapper::all_headers(std::int64_t now_ms) {
  const auto& message = fields_.message();
  begin_headers();
  headers_.emplace_back("mqtt.topic", message.topic);
  headers_.emplace_back("mqtt.qos", qos_text(message));
  headers_.emplace_back("mqtt.retain", boolean(message.retain));
  headers_.emplace_back("mqtt.dup", boolean(message.dup));
  if (message.packet_id != 0) headers_.emplace_back("mqtt.packet_id", number(message.packet_id));
  headers_.emplace_back("mqtt.message_id", fields_.message_id());
  headers_.emplace_back("mqtt.timestamp", fields_.timestamp());
  headers_.emplace_back("mqtt.client_id", message.client_id);
  if (!message.host.empty()) headers_.emplace_back("mqtt.host", message.host);
  if (message.has_username) headers_.emplace_back("mqtt.username", message.username);
  if (!message.properties.empty()) add_properties(now_ms);
  return take_headers();
}

void RecordMapper::add_properties(std::int64_t now_ms) {
  const auto& message = fields_.message();
  const auto properties = mqtt::Properties::from_checked(message.properties);
  if (const auto text = properties.text(PropertyId::ContentType))
    headers_.emplace_back("mqtt.content_type", *text);
  if (const auto text = properties.text(PropertyId::ResponseTopic))
    headers_.emplace_back("mqtt.response_topic", *text);
  if (const auto bytes = properties.text(PropertyId::CorrelationData))
    headers_.emplace_back("mqtt.correlation_data", *bytes);
  if (const auto format = properties.number(PropertyId::PayloadFormatIndicator))
    headers_.emplace_back("mqtt.payload_format", number(*format));
  if (const auto left = broker::seconds_left(message, now_ms))
    headers_.emplace_back("mqtt.message_expiry", number(*left));
  for (auto it = properties.begin(); it != properties.end(); ++it) {
    if (it->id != PropertyId::UserProperty) continue;
    auto name = it->name;
    if (name.starts_with("mqtt.") || name.starts_with("user.")) {
      // Never mistaken for one of ours: the way back takes exactly one `user.` off.
      static constexpr std::string_view kPrefix = "user.";
      char* text = fields_.arena().allocate(kPrefix.size() + name.size());
      std::ranges::copy(kPrefix, text);
      std::ranges::copy(name, text + kPrefix.size());
      name = {text, kPrefix.size() + name.size()};
    }
    headers_.emplace_back(name, it->text);
  }
}

Result<RecordMapper::Headers, std::string> RecordMapper::listed_headers() {
  begin_headers();
  for (const auto& [name, value] : mapping_.headers) {
    const auto text = value.evaluate(fields_);
    if (!text) return missing(fields_, "header " + name, text.error());
    headers_.emplace_back(name, *text);
  }
  return take_headers();
}

// Receivers know a structured event by this header alone, so that no form leaves it out.
void RecordMapper::begin_headers() {
  headers_.clear();
  if (mapping_.value_form == ValueForm::CloudEvent)
    headers_.emplace_back("content-type", CloudEvent::kStructured);
}

RecordMapper::Headers RecordMapper::take_headers() {
  const auto headers =
      fields_.arena().array<std::pair<std::string_view, std::string_view>>(headers_.size());
  std::ranges::copy(headers_, headers.begin());
  return headers;
}

std::string_view RecordMapper::envelope() {
  auto& text = fields_.scratch();
  text.clear();
  append_envelope(text, fields_.message(),
                  {.worker = worker_, .node = fields_.node_name(), .metadata = mapping_.metadata});
  return fields_.arena().copy(text);
}

std::string_view RecordMapper::cloud_event(std::optional<std::string_view> key) {
  auto& text = fields_.scratch();
  text.clear();
  CloudEvent(fields_, key).append_structured(text);
  return fields_.arena().copy(text);
}

std::string_view RecordMapper::number(std::uint64_t value) {
  char* text = fields_.arena().allocate(20);
  const auto [end, error] = std::to_chars(text, text + 20, value);
  return {text, static_cast<std::size_t>(end - text)};
}

}  // namespace sluice::connect
