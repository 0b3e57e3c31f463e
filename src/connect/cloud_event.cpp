#include "connect/cloud_event.hpp"

#include <algorithm>

#include "base/ascii.hpp"
#include "base/base64.hpp"
#include "connect/text.hpp"
#include "mqtt/properties.hpp"
#include "mqtt/topic.hpp"

namespace sluice::connect {
namespace {

using mqtt::PropertyId;

// A name of a node may hold what a URI may not.
std::string source_of(std::string_view node) {
  static constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string source = "/mqtt/";
  for (const char c : node) {
    const auto byte = static_cast<unsigned char>(c);
    const bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                          (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~';
    if (is_plain) {
      source += c;
    } else {
      source += '%';
      source += kDigits[byte >> 4U];
      source += kDigits[byte & 0xFU];
    }
  }
  return source;
}

// `application/json; charset=utf-8` -> `application/json`
std::string media_type(std::string_view text) {
  text = text.substr(0, text.find(';'));
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return ascii_lower(text);
}

void append_member(std::string& out, std::string_view name, std::string_view value) {
  out += out.back() == '{' ? "\"" : ",\"";
  out += name;
  out += "\":";
  append_json_string(out, value);
}

}  // namespace

std::optional<std::string_view> CloudEvent::content_type() const {
  const auto& properties = fields_.message().properties;
  if (properties.empty()) return std::nullopt;
  return mqtt::Properties::from_checked(properties).text(PropertyId::ContentType);
}

// Without a word from the publisher the payload itself decides.
bool CloudEvent::is_json(std::optional<std::string_view> content_type) {
  if (content_type) {
    const auto type = media_type(*content_type);
    if (type != "application/json" && type != "text/json" && !type.ends_with("+json")) return false;
  }
  return fields_.payload_json() != nullptr;
}

std::vector<CloudEvent::Attribute> CloudEvent::attributes() {
  const auto& message = fields_.message();
  auto& arena = fields_.arena();
  std::vector<Attribute> list = {
      {"specversion", "1.0"},
      {"id", fields_.message_id()},
      {"source", arena.copy(source_of(fields_.node_name()))},
      {"type", "mqtt.publish"},
      {"subject", message.topic},
      {"time", arena.copy(rfc3339(message.timestamp_ms))},
      {"mqttclientid", message.client_id},
      {"mqttqos", qos_text(message)},
      {"mqttretain", message.retain ? "true" : "false"},
  };
  if (key_ && mqtt::is_valid_utf8(*key_)) list.push_back({"partitionkey", *key_});
  for (const std::string_view name : {"traceparent", "tracestate"})
    if (const auto value = fields_.user_property(name)) list.push_back({name, *value});
  // An attribute with nothing in it is not allowed: such a one is left out.
  std::erase_if(list, [](const Attribute& attribute) { return attribute.value.empty(); });
  return list;
}

void CloudEvent::append_structured(std::string& out) {
  out += '{';
  for (const auto& [name, value] : attributes()) append_member(out, name, value);
  append_data(out);
  out += '}';
}

void CloudEvent::append_data(std::string& out) {
  const auto& message = fields_.message();
  const auto type = content_type();
  if (message.payload.empty()) {
    if (type && !type->empty()) append_member(out, "datacontenttype", *type);
    return;
  }
  if (is_json(type)) {
    append_member(out, "datacontenttype", type ? *type : "application/json");
    out += ",\"data\":";
    out += message.payload;
    return;
  }
  append_member(out, "datacontenttype",
                type && !type->empty() ? *type : std::string_view("application/octet-stream"));
  const bool says_text =
      (type && type->starts_with("text/")) ||
      (!message.properties.empty() && mqtt::Properties::from_checked(message.properties)
                                              .number(PropertyId::PayloadFormatIndicator) == 1U);
  if (says_text && mqtt::is_valid_utf8(message.payload)) {
    append_member(out, "data", message.payload);
    return;
  }
  out += ",\"data_base64\":\"";
  append_base64(out, message.payload);
  out += '"';
}

void CloudEvent::add_headers(Headers& headers) {
  static constexpr std::string_view kPrefix = "ce_";
  for (const auto& [name, value] : attributes()) {
    char* text = fields_.arena().allocate(kPrefix.size() + name.size());
    std::ranges::copy(kPrefix, text);
    std::ranges::copy(name, text + kPrefix.size());
    headers.emplace_back(std::string_view(text, kPrefix.size() + name.size()), value);
  }
  // Where tracers of Kafka clients look for it.
  for (const std::string_view name : {"traceparent", "tracestate"})
    if (const auto value = fields_.user_property(name)) headers.emplace_back(name, *value);
  const auto type = content_type();
  if (type && !type->empty()) headers.emplace_back("content-type", *type);
}

}  // namespace sluice::connect
