// Random values, hashes and comparisons for passwords and tokens.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace sluice::broker {

using Digest = std::array<unsigned char, 32>;

// A machine without randomness stops.
[[nodiscard]] std::string random_bytes(std::size_t bytes);
// `bytes` random bytes as lower-case hexadecimal digits.
[[nodiscard]] std::string random_hex(std::size_t bytes);
// A password for people: 24 characters without look-alikes, 120 bits.
[[nodiscard]] std::string random_password();

[[nodiscard]] Digest sha256(std::string_view text);
[[nodiscard]] std::string to_hex(std::string_view bytes);
[[nodiscard]] std::string to_hex(const Digest& digest);
[[nodiscard]] std::optional<std::string> from_hex(std::string_view digits);

// RFC 4648 §4, with padding; strict when it is read.

// HMAC-SHA-256.
[[nodiscard]] Digest keyed_digest(std::string_view key, std::string_view text);

// Takes the same time wherever the two differ; their lengths are no secret.
[[nodiscard]] bool equal_in_constant_time(std::string_view a, std::string_view b);

// HMAC-SHA-256 with a random key of this process. Thread-safe.
class KeyedDigest {
 public:
  KeyedDigest();
  ~KeyedDigest();
  KeyedDigest(const KeyedDigest&) = delete;
  KeyedDigest& operator=(const KeyedDigest&) = delete;
  [[nodiscard]] Digest of(std::string_view text) const;

 private:
  Digest key_;
};

}  // namespace sluice::broker
