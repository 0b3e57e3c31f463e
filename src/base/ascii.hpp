#pragma once
#include <string>
#include <string_view>

namespace sluice {

// Letters of ASCII alone, whatever the locale: names of settings, hosts, headers.
[[nodiscard]] constexpr char ascii_lower(char character) {
  return character >= 'A' && character <= 'Z' ? static_cast<char>(character - 'A' + 'a')
                                              : character;
}

[[nodiscard]] inline std::string ascii_lower(std::string_view text) {
  std::string lowered(text);
  for (auto& character : lowered) character = ascii_lower(character);
  return lowered;
}

}  // namespace sluice
