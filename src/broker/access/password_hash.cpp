#include "broker/access/password_hash.hpp"

#include <charconv>
#include <cstdint>
#include <optional>
#include <vector>

#include <openssl/evp.h>

#include "broker/access/secrets.hpp"

namespace sluice::broker {
namespace {

struct Parameters {
  std::uint64_t n = 1 << 15;
  std::uint64_t r = 8;
  std::uint64_t p = 1;
};

struct ParsedHash {
  Parameters parameters;
  std::string salt;
  std::string hash;
};

constexpr std::size_t kSaltBytes = 16;
constexpr std::size_t kHashBytes = 32;

std::optional<std::string> scrypt(std::string_view password, std::string_view salt,
                                  const Parameters& parameters) {
  std::string out(kHashBytes, '\0');
  const std::uint64_t memory = 128 * parameters.r * (parameters.n + parameters.p + 2) + (1 << 20);
  const int done = EVP_PBE_scrypt(password.data(), password.size(),
                                  reinterpret_cast<const unsigned char*>(salt.data()), salt.size(),
                                  parameters.n, parameters.r, parameters.p, memory,
                                  reinterpret_cast<unsigned char*>(out.data()), out.size());
  if (done != 1) return std::nullopt;
  return out;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const auto end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

std::optional<std::uint64_t> number_in(std::string_view text, std::uint64_t maximum) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (number < 1 || number > maximum) return std::nullopt;
  return number;
}

std::optional<ParsedHash> parse(std::string_view text) {
  const auto parts = split(text, '$');
  if (parts.size() != 6 || parts[0] != "scrypt") return std::nullopt;
  // Bounded, so that a damaged document cannot take all memory.
  const auto n = number_in(parts[1], 1 << 20);
  const auto r = number_in(parts[2], 32);
  const auto p = number_in(parts[3], 16);
  auto salt = from_hex(parts[4]);
  auto hash = from_hex(parts[5]);
  if (!n || !r || !p || !salt || !hash || hash->size() != kHashBytes) return std::nullopt;
  return ParsedHash{.parameters = {.n = *n, .r = *r, .p = *p},
                    .salt = std::move(*salt),
                    .hash = std::move(*hash)};
}

}  // namespace

Result<std::string> hash_password(std::string_view password) {
  const Parameters parameters;
  const auto salt = from_hex(random_hex(kSaltBytes)).value_or("");
  const auto hash = scrypt(password, salt, parameters);
  if (!hash) return fail(Errc::Overloaded, "no memory to hash a password");
  return "scrypt$" + std::to_string(parameters.n) + "$" + std::to_string(parameters.r) + "$" +
         std::to_string(parameters.p) + "$" + to_hex(salt) + "$" + to_hex(*hash);
}

bool verify_password(std::string_view password, std::string_view hash) {
  const auto parsed = parse(hash);
  if (!parsed) return false;
  const auto made = scrypt(password, parsed->salt, parsed->parameters);
  return made && equal_in_constant_time(*made, parsed->hash);
}

std::string_view nobodys_hash() {
  return "scrypt$32768$8$1$00000000000000000000000000000000$"
         "0000000000000000000000000000000000000000000000000000000000000000";
}

}  // namespace sluice::broker
