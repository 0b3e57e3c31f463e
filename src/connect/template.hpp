// Templates: text with ${names} that each message fills in. interface.md §6 is the contract.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.hpp"
#include "connect/message_fields.hpp"

namespace sluice::connect {

// What a ${name} asks for.
enum class TemplateName : std::uint8_t {
  Topic,
  TopicLevel,
  ClientId,
  Username,
  Host,
  Qos,
  Retain,
  Dup,
  MessageId,
  Timestamp,
  Payload,
  PayloadPath,
  UserProperty,
  ContentType,
  ResponseTopic,
  Node,
  Key,
};

// Whose names a template may use.
enum class TemplateScope : std::uint8_t {
  Message,   // a message of this server
  Record,    // what comes from a source that sends records: key, headers
  Received,  // what comes from another MQTT server: it does not tell who published it
};

struct TemplateError {
  std::size_t line = 1;    // from 1
  std::size_t column = 1;  // from 1, in characters
  std::string expected;    // "a name"

  [[nodiscard]] std::string text() const;
};

// Compiled once, evaluated for every message.
//
// Threads: immutable; evaluate() from any thread with its own MessageFields.
class Template {
 public:
  // The empty text.
  Template() = default;
  [[nodiscard]] static Result<Template, TemplateError> compile(
      std::string_view text, TemplateScope scope = TemplateScope::Message);

  // The text for the message in `fields`: in its arena, in the message, or in this template. Fails
  // with the name (`payload.id`) that is missing and has no default.
  [[nodiscard]] Result<std::string_view, std::string_view> evaluate(MessageFields& fields) const;

  [[nodiscard]] bool is_empty() const { return parts_.empty(); }
  // The text when no message can change it.
  [[nodiscard]] std::optional<std::string_view> constant() const;
  [[nodiscard]] std::vector<TemplateName> names() const;

  using PathStep = where::PathStep;
  struct Part {
    std::string literal;  // when `name` is nothing
    std::optional<TemplateName> name;
    std::string spelling;        // as written, for error texts
    std::size_t level = 0;       // of TopicLevel
    std::string property;        // of UserProperty
    std::vector<PathStep> path;  // of PayloadPath
    std::optional<std::string> fallback;
  };
  [[nodiscard]] const std::vector<Part>& parts() const { return parts_; }

 private:
  [[nodiscard]] static std::optional<std::string_view> value_of(const Part& part,
                                                                MessageFields& fields);
  std::vector<Part> parts_;
};

}  // namespace sluice::connect
