#include "connect/message_fields.hpp"

#include <charconv>

#include "mqtt/properties.hpp"

namespace sluice::connect {

MessageFields::MessageFields(std::string node_name) : node_name_(std::move(node_name)) {}

void MessageFields::use(const model::Message& message, Arena& arena) {
  message_ = &message;
  arena_ = &arena;
  message_id_ = {};
  timestamp_ = {};
  payload_.use(message.payload);
}

std::optional<std::string_view> MessageFields::topic_level(std::size_t index) const {
  auto rest = message_->topic;
  for (;;) {
    const auto slash = rest.find('/');
    if (index == 0) return rest.substr(0, slash);
    if (slash == std::string_view::npos) return std::nullopt;
    rest.remove_prefix(slash + 1);
    --index;
  }
}

std::optional<std::string_view> MessageFields::user_property(std::string_view name) const {
  std::optional<std::string_view> found;
  if (message_->properties.empty()) return found;
  const auto properties = mqtt::Properties::from_checked(message_->properties);
  for (auto it = properties.begin(); it != properties.end(); ++it) {
    if (it->id == mqtt::PropertyId::UserProperty && it->name == name) found = it->text;
  }
  return found;
}

std::string_view MessageFields::message_id() {
  if (message_id_.empty()) {
    static constexpr std::string_view kDigits = "0123456789abcdef";
    char* text = arena_->allocate(32);
    for (std::size_t i = 0; i < 16; ++i) {
      text[i] = kDigits[(message_->id.time_and_node >> (60 - 4 * i)) & 0xf];
      text[16 + i] = kDigits[(message_->id.position >> (60 - 4 * i)) & 0xf];
    }
    message_id_ = {text, 32};
  }
  return message_id_;
}

std::string_view MessageFields::timestamp() {
  if (timestamp_.empty()) {
    char* text = arena_->allocate(24);
    const auto [end, error] = std::to_chars(text, text + 24, message_->timestamp_ms);
    timestamp_ = {text, static_cast<std::size_t>(end - text)};
  }
  return timestamp_;
}

}  // namespace sluice::connect
