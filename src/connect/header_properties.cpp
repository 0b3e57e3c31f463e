#include "connect/header_properties.hpp"

#include <charconv>
#include <optional>

#include "mqtt/topic.hpp"

namespace sluice::connect {
namespace {

using mqtt::PropertyId;

constexpr std::size_t kLongestHeader = 65535;  // [MQTT-1.5.4] two bytes of length

bool is_header_text(std::string_view text) {
  return text.size() <= kLongestHeader && mqtt::is_valid_utf8(text);
}

std::optional<std::uint32_t> header_number(std::string_view text) {
  std::uint32_t number = 0;
  const auto* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || at != end) return std::nullopt;
  return number;
}

}  // namespace

void HeaderProperties::add(std::string_view name, std::string_view value) {
  if (name.starts_with("mqtt.")) return add_reserved(name.substr(5), value);
  if (name.starts_with("user.")) name.remove_prefix(5);
  if (is_header_text(name) && is_header_text(value)) writer_.user(name, value);
}

void HeaderProperties::add_reserved(std::string_view name, std::string_view value) {
  if (name == "content_type") {
    if (is_header_text(value) && is_first(PropertyId::ContentType))
      writer_.text(PropertyId::ContentType, value);
  } else if (name == "response_topic") {
    if (mqtt::is_valid_topic_name(value) && is_first(PropertyId::ResponseTopic))
      writer_.text(PropertyId::ResponseTopic, value);
  } else if (name == "correlation_data") {
    if (value.size() <= kLongestHeader && is_first(PropertyId::CorrelationData))
      writer_.text(PropertyId::CorrelationData, value);
  } else if (name == "message_expiry") {
    const auto seconds = header_number(value);
    if (seconds && is_first(PropertyId::MessageExpiryInterval))
      writer_.number(PropertyId::MessageExpiryInterval, *seconds);
  } else if (name == "payload_format") {
    // Only what is text may be called so. [MQTT-3.3.2-4]
    if (value == "1" && mqtt::is_valid_utf8(payload_) &&
        is_first(PropertyId::PayloadFormatIndicator))
      writer_.number(PropertyId::PayloadFormatIndicator, 1);
  }
}

bool HeaderProperties::is_first(PropertyId id) {
  const auto bit = std::uint64_t{1} << static_cast<unsigned>(id);
  const bool is_new = (seen_ & bit) == 0;
  seen_ |= bit;
  return is_new;
}

}  // namespace sluice::connect
