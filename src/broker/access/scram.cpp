#include "broker/access/scram.hpp"

#include <algorithm>
#include <charconv>

#include <openssl/evp.h>

#include "base/base64.hpp"
#include "base/check.hpp"
#include "mqtt/topic.hpp"

namespace sluice::broker {
namespace {

using Fault = ScramExchange::Fault;

constexpr std::uint32_t kMostIterations = 10'000'000;  // in a record that is whole
constexpr std::string_view kTextBegin = "SCRAM-SHA-256$";

std::string_view view_of(const Digest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

Digest xor_of(const Digest& one, const Digest& other) {
  Digest digest{};
  for (std::size_t i = 0; i < digest.size(); ++i)
    digest[i] = static_cast<unsigned char>(one[i] ^ other[i]);
  return digest;
}

std::optional<Digest> digest_from_base64(std::string_view text) {
  std::string bytes;
  Digest digest{};
  if (!decode_base64(text, bytes) || bytes.size() != digest.size()) return std::nullopt;
  std::ranges::copy(bytes, digest.begin());
  return digest;
}

// Cuts `x=value` off `rest`, up to the next comma or the end.
std::optional<std::string_view> take_attribute(std::string_view& rest, char name) {
  if (rest.size() < 2 || rest[0] != name || rest[1] != '=') return std::nullopt;
  const auto end = std::min(rest.find(','), rest.size());
  const auto value = rest.substr(2, end - 2);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return value;
}

// RFC 5802 §5.1: `,` and `=` stand as =2C and =3D.
std::optional<std::string> user_name_of(std::string_view text) {
  std::string name;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '=') {
      name.push_back(text[i]);
      continue;
    }
    const auto code = text.substr(i, 3);
    if (code != "=2C" && code != "=3D") return std::nullopt;
    name.push_back(code == "=2C" ? ',' : '=');
    i += 2;
  }
  if (name.empty() || !mqtt::is_valid_utf8(name)) return std::nullopt;
  return name;
}

bool is_nonce(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char character) {
    return character >= 0x21 && character <= 0x7e && character != ',';
  });
}

}  // namespace

ScramVerifier scram_verifier(std::string_view password, std::string_view salt,
                             std::uint32_t iterations) {
  Digest salted{};
  SL_CHECK(PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()),
                             reinterpret_cast<const unsigned char*>(salt.data()),
                             static_cast<int>(salt.size()), static_cast<int>(iterations),
                             EVP_sha256(), static_cast<int>(salted.size()), salted.data()) == 1);
  return {.salt = std::string(salt),
          .iterations = iterations,
          .stored_key = sha256(view_of(keyed_digest(view_of(salted), "Client Key"))),
          .server_key = keyed_digest(view_of(salted), "Server Key")};
}

ScramVerifier scram_verifier(std::string_view password) {
  return scram_verifier(password, random_bytes(kScramSaltBytes), kScramIterations);
}

std::string to_text(const ScramVerifier& verifier) {
  return std::string(kTextBegin) + std::to_string(verifier.iterations) + ":" +
         base64(verifier.salt) + "$" + base64(view_of(verifier.stored_key)) + ":" +
         base64(view_of(verifier.server_key));
}

std::optional<ScramVerifier> scram_from_text(std::string_view text) {
  if (!text.starts_with(kTextBegin)) return std::nullopt;
  text.remove_prefix(kTextBegin.size());
  const auto dollar = text.find('$');
  if (dollar == std::string_view::npos) return std::nullopt;
  const auto first = text.substr(0, dollar);
  const auto second = text.substr(dollar + 1);
  const auto first_colon = first.find(':');
  const auto second_colon = second.find(':');
  if (first_colon == std::string_view::npos || second_colon == std::string_view::npos)
    return std::nullopt;
  ScramVerifier verifier;
  const auto* end = first.data() + first_colon;
  const auto [at, error] = std::from_chars(first.data(), end, verifier.iterations);
  if (error != std::errc() || at != end) return std::nullopt;
  if (verifier.iterations == 0 || verifier.iterations > kMostIterations) return std::nullopt;
  const bool has_salt = decode_base64(first.substr(first_colon + 1), verifier.salt);
  const auto stored_key = digest_from_base64(second.substr(0, second_colon));
  const auto server_key = digest_from_base64(second.substr(second_colon + 1));
  if (!has_salt || verifier.salt.empty() || !stored_key || !server_key) return std::nullopt;
  verifier.stored_key = *stored_key;
  verifier.server_key = *server_key;
  return verifier;
}

Result<std::string, Fault> ScramExchange::read_first(std::string_view message) {
  if (message.size() > kMaximumMessage || message.empty()) return tl::unexpected(Fault::Malformed);
  // gs2-header: whether the channel is bound, and on whose behalf: neither is served.
  if (message.front() == 'p') return tl::unexpected(Fault::ChannelBinding);
  if (!message.starts_with("n,,") && !message.starts_with("y,,"))
    return tl::unexpected(Fault::Malformed);
  gs2_header_ = message.substr(0, 3);
  client_first_ = message.substr(3);
  std::string_view rest = client_first_;  // an extension that must be known begins with m=
  const auto name = take_attribute(rest, 'n');
  const auto nonce = name ? take_attribute(rest, 'r') : std::nullopt;
  const auto user = name ? user_name_of(*name) : std::nullopt;
  if (!user || !nonce || !is_nonce(*nonce)) return tl::unexpected(Fault::Malformed);
  nonce_ = std::string(*nonce) + nonce_;
  return *user;
}

std::string ScramExchange::challenge(const ScramVerifier& verifier) {
  server_first_ =
      "r=" + nonce_ + ",s=" + base64(verifier.salt) + ",i=" + std::to_string(verifier.iterations);
  return server_first_;
}

Result<std::string, Fault> ScramExchange::check_final(const ScramVerifier& verifier,
                                                      std::string_view message) {
  if (message.size() > kMaximumMessage) return tl::unexpected(Fault::Malformed);
  std::string_view rest = message;
  const auto binding = take_attribute(rest, 'c');
  const auto nonce = binding ? take_attribute(rest, 'r') : std::nullopt;
  const auto proof_at = message.rfind(",p=");  // the last attribute, behind extensions
  if (!nonce || proof_at == std::string_view::npos) return tl::unexpected(Fault::Malformed);
  const auto proof = digest_from_base64(message.substr(proof_at + 3));
  if (!proof) return tl::unexpected(Fault::Malformed);
  const bool is_bound = *binding == base64(gs2_header_) && *nonce == nonce_;

  const std::string what =
      client_first_ + "," + server_first_ + "," + std::string(message.substr(0, proof_at));
  const auto client_key = xor_of(*proof, keyed_digest(view_of(verifier.stored_key), what));
  const bool is_right =
      equal_in_constant_time(view_of(sha256(view_of(client_key))), view_of(verifier.stored_key));
  if (!is_bound || !is_right) return tl::unexpected(Fault::Wrong);
  return "v=" + base64(view_of(keyed_digest(view_of(verifier.server_key), what)));
}

}  // namespace sluice::broker
