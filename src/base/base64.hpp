#pragma once
#include <string>
#include <string_view>

namespace sluice {

// RFC 4648 §4, with padding.
void append_base64(std::string& out, std::string_view bytes);
[[nodiscard]] std::string base64(std::string_view bytes);
// False unless it is the one text of some bytes: canonical, with padding.
[[nodiscard]] bool decode_base64(std::string_view text, std::string& out);
// RFC 4648 §5 as JSON Web Tokens have it: `-` and `_`, without padding, canonical.
[[nodiscard]] bool decode_base64url(std::string_view text, std::string& out);

}  // namespace sluice
