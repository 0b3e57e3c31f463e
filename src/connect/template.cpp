#include "connect/template.hpp"

#include "connect/template_parser.hpp"
#include "connect/text.hpp"
#include "mqtt/properties.hpp"

namespace sluice::connect {
namespace {

namespace json = boost::json;

// Text as it is, everything else as JSON; null is as good as missing.
std::optional<std::string_view> text_of(const json::value* value, MessageFields& fields) {
  if (value == nullptr || value->is_null()) return std::nullopt;
  if (const auto* text = value->if_string())
    return fields.arena().copy({text->data(), text->size()});
  auto& scratch = fields.scratch();
  scratch.clear();
  append_json(scratch, *value);
  return fields.arena().copy(scratch);
}

std::optional<std::string_view> property_text(const model::Message& message, mqtt::PropertyId id) {
  return mqtt::Properties::from_checked(message.properties).text(id);
}

}  // namespace

std::string TemplateError::text() const {
  return "line " + std::to_string(line) + ", column " + std::to_string(column) + ": expected " +
         expected;
}

Result<Template, TemplateError> Template::compile(std::string_view text, TemplateScope scope) {
  Template compiled;
  auto parts = TemplateParser(text, scope).parse();
  if (!parts) return tl::unexpected(std::move(parts.error()));
  compiled.parts_ = std::move(*parts);
  return compiled;
}

std::optional<std::string_view> Template::constant() const {
  if (parts_.empty()) return std::string_view();
  if (parts_.size() == 1 && !parts_.front().name) return parts_.front().literal;
  return std::nullopt;
}

std::vector<TemplateName> Template::names() const {
  std::vector<TemplateName> names;
  for (const auto& part : parts_) {
    if (part.name) names.push_back(*part.name);
  }
  return names;
}

std::optional<std::string_view> Template::value_of(const Part& part, MessageFields& fields) {
  const auto& message = fields.message();
  if (!part.name) return part.literal;
  switch (*part.name) {
    case TemplateName::Topic:
      return message.topic;
    case TemplateName::TopicLevel:
      return fields.topic_level(part.level);
    case TemplateName::ClientId:
      return message.client_id;
    case TemplateName::Username:
      if (!message.has_username) return std::nullopt;
      return message.username;
    case TemplateName::Host:
      return message.host;
    case TemplateName::Qos:
      return qos_text(message);
    case TemplateName::Retain:
      return message.retain ? "true" : "false";
    case TemplateName::Dup:
      return message.dup ? "true" : "false";
    case TemplateName::MessageId:
      return fields.message_id();
    case TemplateName::Timestamp:
      return fields.timestamp();
    case TemplateName::Payload:
      return message.payload;
    case TemplateName::PayloadPath:
      return text_of(where::follow(fields.payload_json(), part.path), fields);
    case TemplateName::UserProperty:
      return fields.user_property(part.property);
    case TemplateName::ContentType:
      return property_text(message, mqtt::PropertyId::ContentType);
    case TemplateName::ResponseTopic:
      return property_text(message, mqtt::PropertyId::ResponseTopic);
    case TemplateName::Node:
      return fields.node_name();
    case TemplateName::Key:
      if (message.client_id.empty()) return std::nullopt;
      return message.client_id;
  }
  return std::nullopt;
}

Result<std::string_view, std::string_view> Template::evaluate(MessageFields& fields) const {
  if (parts_.size() == 1) {  // nothing to join: no copy
    const auto& part = parts_.front();
    if (const auto value = value_of(part, fields)) return *value;
    if (part.fallback) return std::string_view(*part.fallback);
    return tl::unexpected(std::string_view(part.spelling));
  }
  auto& pieces = fields.pieces();
  pieces.clear();
  std::size_t size = 0;
  for (const auto& part : parts_) {
    std::string_view piece = part.literal;
    if (part.name) {
      const auto value = value_of(part, fields);
      if (!value && !part.fallback) return tl::unexpected(std::string_view(part.spelling));
      piece = value ? *value : std::string_view(*part.fallback);
    }
    pieces.push_back(piece);
    size += piece.size();
  }
  if (size == 0) return std::string_view();

  char* text = fields.arena().allocate(size);
  char* at = text;
  for (const auto piece : pieces) {
    if (!piece.empty()) std::memcpy(at, piece.data(), piece.size());
    at += piece.size();
  }
  return std::string_view(text, size);
}

}  // namespace sluice::connect
