// Certificates and keys as people paste them.
#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace sluice::io {

// Why this is no list of certificates in PEM; nothing when it is one. The text is never repeated.
[[nodiscard]] std::optional<std::string> why_not_certificates(std::string_view pem);
// Why this is no private key in PEM that `password` opens.
[[nodiscard]] std::optional<std::string> why_not_key(std::string_view pem,
                                                     std::string_view password);
// Whether the key is that of the first certificate. Contract: both are good.
[[nodiscard]] bool belong_together(std::string_view certificate_pem, std::string_view key_pem,
                                   std::string_view password);

}  // namespace sluice::io
