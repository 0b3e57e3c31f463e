#include "connect/saved_letter.hpp"

#include <array>

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>

#include "base/base64.hpp"
#include "base/json_text.hpp"
#include "connect/text.hpp"
#include "mqtt/topic.hpp"

namespace sluice::connect {
namespace {

namespace json = boost::json;

constexpr std::string_view kEncodedKey = "base64:";

bool flag_at(const json::object& letter, std::string_view name) {
  const auto* value = letter.if_contains(name);
  return value != nullptr && value->is_bool() && value->get_bool();
}

std::uint64_t number_at(const json::object& letter, std::string_view name) {
  const auto* value = letter.if_contains(name);
  boost::system::error_code error;
  const auto number = value == nullptr ? 0 : value->to_number<std::uint64_t>(error);
  return error ? 0 : number;
}

bool read_id(std::string_view text, model::MessageId& id) {
  const auto read = [](std::string_view digits, std::uint64_t& number) {
    const auto* end = digits.data() + digits.size();
    const auto [parsed, error] = std::from_chars(digits.data(), end, number, 16);
    return error == std::errc() && parsed == end;
  };
  return text.size() == 32 && read(text.substr(0, 16), id.time_and_node) &&
         read(text.substr(16), id.position);
}

}  // namespace

Result<std::unique_ptr<SavedLetter>> decode_letter(std::string_view saved) {
  json::error_code error;
  const auto parsed = json::parse(saved, error);
  if (error || !parsed.is_object()) return fail(Errc::Corrupt, "a dead letter cannot be read");
  const auto& letter = parsed.get_object();
  auto made = std::make_unique<SavedLetter>();
  auto& message = made->message;
  std::string payload;
  std::string properties;
  if (!read_id(text_at(letter, "message_id"), message.id) ||
      !decode_base64(text_at(letter, "payload"), payload) ||
      !decode_base64(text_at(letter, "encoded_properties"), properties) ||
      !parse_rfc3339(text_at(letter, "timestamp"), message.timestamp_ms))
    return fail(Errc::Corrupt, "a dead letter cannot be read");

  struct Part {
    std::string text;
    std::string_view* view;
  };
  const std::array<Part, 6> parts = {{{text_at(letter, "topic"), &message.topic},
                                      {std::move(payload), &message.payload},
                                      {std::move(properties), &message.properties},
                                      {text_at(letter, "client_id"), &message.client_id},
                                      {text_at(letter, "host"), &message.host},
                                      {text_at(letter, "username"), &message.username}}};
  for (const auto& part : parts) made->memory += part.text;
  std::string_view rest = made->memory;
  for (const auto& part : parts) {
    *part.view = rest.substr(0, part.text.size());
    rest.remove_prefix(part.text.size());
  }
  message.has_username = letter.contains("username");
  message.qos = static_cast<std::uint8_t>(number_at(letter, "qos"));
  message.packet_id = static_cast<std::uint16_t>(number_at(letter, "packet_id"));
  message.retain = flag_at(letter, "retain");
  message.dup = flag_at(letter, "dup");
  made->error = text_at(letter, "class");
  made->reason = text_at(letter, "reason");
  made->target = text_at(letter, "target");
  made->timestamp = text_at(letter, "timestamp");
  made->first_rejected_at = text_at(letter, "first_rejected_at");
  made->rejected_at = text_at(letter, "rejected_at");
  made->attempts = static_cast<unsigned>(number_at(letter, "attempts"));
  return made;
}

void restore_key(model::Message& message, std::string& memory) {
  if (!message.client_id.starts_with(kEncodedKey)) return;
  if (decode_base64(message.client_id.substr(kEncodedKey.size()), memory) &&
      !mqtt::is_valid_utf8(memory))
    message.client_id = memory;
}

}  // namespace sluice::connect
