#include "model/message.hpp"

#include <charconv>

namespace sluice::model {

std::string to_hex(MessageId id) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text(32, '0');
  for (std::size_t i = 0; i < 16; ++i) {
    text[i] = kDigits[(id.time_and_node >> (60 - 4 * i)) & 0xf];
    text[16 + i] = kDigits[(id.position >> (60 - 4 * i)) & 0xf];
  }
  return text;
}

std::optional<MessageId> parse_message_id(std::string_view text) {
  if (text.size() != 32) return std::nullopt;
  MessageId id;
  const auto parse = [](std::string_view digits, std::uint64_t& number) {
    const auto* end = digits.data() + digits.size();
    const auto [parsed, error] = std::from_chars(digits.data(), end, number, 16);
    return error == std::errc() && parsed == end;
  };
  if (!parse(text.substr(0, 16), id.time_and_node) || !parse(text.substr(16), id.position)) {
    return std::nullopt;
  }
  return id;
}

}  // namespace sluice::model
