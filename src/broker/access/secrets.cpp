#include "broker/access/secrets.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include "base/check.hpp"

namespace sluice::broker {
namespace {

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

void fill_random(unsigned char* into, std::size_t size) {
  SL_CHECK(RAND_bytes(into, static_cast<int>(size)) == 1);
}

int digit_value(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  return -1;
}

}  // namespace

std::string random_bytes(std::size_t bytes) {
  std::string raw(bytes, '\0');
  fill_random(reinterpret_cast<unsigned char*>(raw.data()), raw.size());
  return raw;
}

std::string random_hex(std::size_t bytes) {
  return to_hex(random_bytes(bytes));
}

std::string random_password() {
  static constexpr std::string_view kAlphabet = "23456789abcdefghjkmnpqrstuvwxyzA";  // 32
  std::array<unsigned char, 24> raw{};
  fill_random(raw.data(), raw.size());
  std::string password;
  for (const unsigned char byte : raw) password.push_back(kAlphabet[byte % kAlphabet.size()]);
  return password;
}

Digest sha256(std::string_view text) {
  Digest digest{};
  SL_CHECK(EVP_Digest(text.data(), text.size(), digest.data(), nullptr, EVP_sha256(), nullptr) ==
           1);
  return digest;
}

std::string to_hex(std::string_view bytes) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::string digits;
  digits.reserve(bytes.size() * 2);
  for (const char character : bytes) {
    const auto byte = static_cast<unsigned char>(character);
    digits.push_back(kDigits[byte >> 4]);
    digits.push_back(kDigits[byte & 15]);
  }
  return digits;
}

std::string to_hex(const Digest& digest) {
  return to_hex(std::string_view(reinterpret_cast<const char*>(digest.data()), digest.size()));
}

std::optional<std::string> from_hex(std::string_view digits) {
  if (digits.size() % 2 != 0) return std::nullopt;
  std::string bytes;
  bytes.reserve(digits.size() / 2);
  for (std::size_t i = 0; i < digits.size(); i += 2) {
    const int high = digit_value(digits[i]);
    const int low = digit_value(digits[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    bytes.push_back(static_cast<char>(high * 16 + low));
  }
  return bytes;
}

bool equal_in_constant_time(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

KeyedDigest::KeyedDigest() : key_{} {
  fill_random(key_.data(), key_.size());
}

KeyedDigest::~KeyedDigest() {
  OPENSSL_cleanse(key_.data(), key_.size());
}

Digest keyed_digest(std::string_view key, std::string_view text) {
  Digest digest{};
  unsigned int size = 0;
  SL_CHECK(HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), bytes_of(text), text.size(),
                digest.data(), &size) != nullptr);
  SL_CHECK(size == digest.size());
  return digest;
}

Digest KeyedDigest::of(std::string_view text) const {
  return keyed_digest({reinterpret_cast<const char*>(key_.data()), key_.size()}, text);
}

}  // namespace sluice::broker
