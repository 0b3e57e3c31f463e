#include "model/message.hpp"

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

}  // namespace sluice::model
