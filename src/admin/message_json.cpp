#include "admin/message_json.hpp"

#include <charconv>

#include <boost/json/array.hpp>

#include "base/base64.hpp"
#include "base/json_text.hpp"
#include "connect/text.hpp"
#include "mqtt/topic.hpp"

namespace sluice::admin {
namespace {

namespace json = boost::json;
using mqtt::PropertyId;

constexpr std::int64_t kLongestText = 65'535;  // [MQTT-1.5.4]
constexpr std::int64_t kLargestPayload = 1024 * 1024;

// The first `most` bytes, without a character that is cut in two at the end.
std::string_view beginning(std::string_view payload, std::size_t most) {
  auto shown = payload.substr(0, most);
  if (shown.size() == payload.size()) return shown;
  auto whole = shown;
  for (int i = 0; i < 4 && !whole.empty(); ++i) {
    if (mqtt::is_valid_utf8(whole)) return whole;
    whole.remove_suffix(1);
  }
  return shown;
}

void add_payload(const model::Message& message, std::size_t most, json::object& shown) {
  const auto part = beginning(message.payload, most);
  shown["payload_bytes"] = message.payload.size();
  shown["truncated"] = part.size() < message.payload.size();
  shown["payload"] = mqtt::is_valid_utf8(part) ? json::value(part) : json::value(nullptr);
  shown["payload_base64"] = base64(part);
}

void add_properties(const model::Message& message, json::object& shown) {
  const auto properties = mqtt::Properties::from_checked(message.properties);
  json::array user;
  for (const auto& property : properties) {
    switch (property.id) {
      case PropertyId::ContentType:
        shown["content_type"] = property.text;
        break;
      case PropertyId::ResponseTopic:
        shown["response_topic"] = property.text;
        break;
      case PropertyId::CorrelationData:
        shown["correlation_data_base64"] = base64(property.text);
        break;
      case PropertyId::MessageExpiryInterval:
        shown["message_expiry"] = property.number;
        break;
      case PropertyId::PayloadFormatIndicator:
        shown["payload_format"] = property.number;
        break;
      case PropertyId::UserProperty:
        user.push_back(json::object{{"name", property.name}, {"value", property.text}});
        break;
      default:  // of no other is there one in a message
        break;
    }
  }
  shown["user_properties"] = std::move(user);
}

tl::unexpected<Refusal> refused_at(std::string pointer, std::string detail) {
  return refuse({.errc = Errc::InvalidArgument,
                 .code = "invalid_document",
                 .detail = "the message cannot be published as it stands",
                 .hint = "`fields` says where and what is right",
                 .fields = {{std::move(pointer), std::move(detail)}}});
}

Outcome<void> write_properties(const json::object& document, std::string& encoded) {
  mqtt::PropertyWriter writer(encoded);
  if (document.at("payload_is_text").get_bool()) {
    writer.number(PropertyId::PayloadFormatIndicator, 1);
  }
  const auto* expiry = document.if_contains("message_expiry");
  if (expiry != nullptr && expiry->is_int64()) {
    writer.number(PropertyId::MessageExpiryInterval,
                  static_cast<std::uint32_t>(expiry->get_int64()));
  }
  const auto put = [&](PropertyId id, const std::string& text) {
    if (!text.empty()) writer.text(id, text);
  };
  put(PropertyId::ContentType, text_at(document, "content_type"));
  const auto response = text_at(document, "response_topic");
  if (!response.empty() && !mqtt::is_valid_topic_name(response)) {
    return refused_at("/response_topic", "must be a topic name, without wildcards");
  }
  put(PropertyId::ResponseTopic, response);
  std::string correlation;
  if (!decode_base64(text_at(document, "correlation_data_base64"), correlation) ||
      correlation.size() > kLongestText) {
    return refused_at("/correlation_data_base64", "must be base 64 of at most 65535 bytes");
  }
  put(PropertyId::CorrelationData, correlation);
  const auto* user = document.if_contains("user_properties");
  if (user == nullptr || !user->is_object()) return {};
  for (const auto& [name, value] : user->get_object()) {
    const std::string_view text = value.get_string();
    if (!mqtt::is_valid_utf8(text) || text.size() > kLongestText || name.size() > kLongestText) {
      return refused_at("/user_properties", "a name or value is UTF-8 of at most 65535 bytes");
    }
    writer.user(name, text);
  }
  return {};
}

}  // namespace

json::object message_json(const model::Message& message, std::size_t most_payload) {
  json::object shown{{"id", model::to_hex(message.id)},
                     {"timestamp", connect::rfc3339(message.timestamp_ms)},
                     {"topic", message.topic},
                     {"qos", message.qos},
                     {"retain", message.retain},
                     {"dup", message.dup},
                     {"client_id", message.client_id},
                     {"host", message.host},
                     {"username", nullptr},
                     {"packet_id", nullptr}};
  if (message.has_username) shown["username"] = message.username;
  if (message.packet_id != 0) shown["packet_id"] = message.packet_id;
  add_payload(message, most_payload, shown);
  add_properties(message, shown);
  return shown;
}

const schema::Fields& message_fields() {
  using enum schema::Type;
  static const schema::Fields kFields = {
      {.name = "topic",
       .help = "The topic name.",
       .required = true,
       .maximum = kLongestText,
       .pattern_help = "UTF-8",
       .allowed = mqtt::is_valid_utf8},
      {.name = "payload", .help = "The payload as text.", .maximum = kLargestPayload},
      {.name = "payload_base64", .help = "The payload as base 64: instead of `payload`."},
      {.name = "qos",
       .type = Integer,
       .help = "Quality of service.",
       .fallback = 1,
       .minimum = 0,
       .maximum = 2},
      {.name = "retain",
       .type = Boolean,
       .help = "Keep it as the topic's retained message.",
       .fallback = false},
      {.name = "username",
       .help =
           "The MQTT user whose policies decide; a user who calls may only name itself. Without "
           "one an administrator's own right does: every topic but those that begin with `$`.",
       .maximum = 64},
      {.name = "client_id",
       .help = "Shown as the publisher. Of a user who calls: its name when left out.",
       .fallback = "administration",
       .maximum = 256,
       .pattern_help = "UTF-8",
       .allowed = mqtt::is_valid_utf8},
      {.name = "content_type",
       .help = "MQTT 5 property.",
       .maximum = kLongestText,
       .pattern_help = "UTF-8",
       .allowed = mqtt::is_valid_utf8},
      {.name = "response_topic",
       .help = "MQTT 5 property.",
       .maximum = kLongestText,
       .pattern_help = "UTF-8",
       .allowed = mqtt::is_valid_utf8},
      {.name = "correlation_data_base64", .help = "MQTT 5 property, as base 64."},
      {.name = "message_expiry",
       .type = Integer,
       .help = "MQTT 5 property, in seconds.",
       .minimum = 0,
       .maximum = 4'294'967'295},
      {.name = "payload_is_text",
       .type = Boolean,
       .help = "MQTT 5 payload format indicator: the payload is UTF-8.",
       .fallback = false},
      {.name = "user_properties",
       .type = Map,
       .help = "MQTT 5 user properties by name.",
       .pattern_help = "UTF-8",
       .allowed = mqtt::is_valid_utf8},
  };
  return kFields;
}

Outcome<broker::OutsideMessage> parse_message(const json::object& given) {
  const auto checked = schema::check(message_fields(), given);
  if (!checked.problems.empty()) {
    return refuse({.errc = Errc::InvalidArgument,
                   .code = "invalid_document",
                   .detail = "the message cannot be published as it stands",
                   .hint = R"(send {"topic": "...", "payload": "..."})",
                   .fields = checked.problems});
  }
  const auto& document = checked.value;
  broker::OutsideMessage message;
  message.topic = text_at(document, "topic");
  if (!mqtt::is_valid_topic_name(message.topic)) {
    return refused_at("/topic",
                      "must be a topic name: not empty, no wildcards, at most 128 levels");
  }
  if (given.contains("payload") && given.contains("payload_base64")) {
    return refused_at("/payload_base64", "give either `payload` or `payload_base64`");
  }
  message.payload = text_at(document, "payload");
  if (given.contains("payload_base64") &&
      !decode_base64(text_at(document, "payload_base64"), message.payload)) {
    return refused_at("/payload_base64", "must be base 64 with padding");
  }
  if (document.at("payload_is_text").get_bool() && !mqtt::is_valid_utf8(message.payload)) {
    return refused_at("/payload_is_text", "the payload is not UTF-8");
  }
  message.qos = static_cast<mqtt::Qos>(document.at("qos").to_number<int>());
  message.retain = document.at("retain").get_bool();
  message.client.client_id = text_at(document, "client_id");
  message.client.username = text_at(document, "username");
  message.client.has_username = given.contains("username");
  message.checks_policies = message.client.has_username;
  if (auto written = write_properties(document, message.properties); !written) {
    return tl::unexpected(written.error());
  }
  return message;
}

}  // namespace sluice::admin
