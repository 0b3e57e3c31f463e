// Whatever the bytes: a token that was not signed with the key is never taken, and reading keys and
// tokens ends. The first byte, from `0` on, says what the rest is: a token, a key set, PEM, the
// claims of a token that is signed here, or topic rules.
//
// To make a key takes OpenSSL milliseconds, and finds no fault of ours: of many inputs that hold
// one it is made for few.
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <string>
#include <string_view>

#include <boost/json/parse.hpp>

#include "base/base64.hpp"
#include "broker/access/jwt.hpp"
#include "broker/access/secrets.hpp"
#include "broker/access/token_rules.hpp"

namespace {

using namespace sluice::broker;  // a fuzzer has no other names

constexpr std::string_view kSecret = "a secret that no input can know..";
constexpr std::int64_t kNow = 1'800'000'000'000;

const JwtKeys& keys() {
  static const JwtKeys kKeys = [] {
    JwtKeys made;
    made.push_back(jwt_secret(kSecret).value());
    return made;
  }();
  return kKeys;
}

std::string base64url(std::string_view bytes) {
  auto text = sluice::base64(bytes);
  for (auto& c : text) c = c == '+' ? '-' : c == '/' ? '_' : c;
  while (text.ends_with('=')) text.pop_back();
  return text;
}

bool is_one_of(std::string_view input, std::size_t many) {
  return std::hash<std::string_view>()(input) % many == 0;
}

// Without what it takes to make a key of any member, as if it stood there wrongly.
std::string without_numbers(std::string_view set) {
  std::string text(set);
  for (const std::string_view name : {"\"n\"", "\"y\""})
    for (auto at = text.find(name); at != text.npos; at = text.find(name, at + 1))
      text[at + 1] = '-';
  return text;
}

// Whatever key was read: nobody has signed this with it.
void check_key(const JwtKey& key) {
  for (const auto* name :
       {"HS256", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "EdDSA"}) {
    const auto algorithm = jwt_algorithm(name);
    if (!algorithm) std::abort();
    if (key.is_for(*algorithm) && key.verifies(*algorithm, "text", std::string(64, 's')))
      std::abort();
  }
}

void check_set(std::string_view set) {
  const auto found = jwt_keys_from_jwks(set);
  if (!found) return;
  if (found->empty() || found->size() > kMaximumJwtKeys) std::abort();
  check_key(found->front());
}

void check_pem(std::string_view pem) {
  const auto found = jwt_keys_from_pem(pem);
  if (found) check_key(found->front());
}

void check_claims(std::string_view claims) {
  const auto text = base64url(R"({"alg":"HS256"})") + "." + base64url(claims);
  const auto digest = keyed_digest(kSecret, text);
  const auto token =
      text + "." + base64url({reinterpret_cast<const char*>(digest.data()), digest.size()});
  const auto login = check_jwt(token, "c", keys(), {}, kNow);
  // With the rules as they are by default it ends, after now and not for ever.
  if (login && (login->username.empty() || login->ends_ms <= kNow)) std::abort();
}

// Rules give rights to publish and subscribe as far as their filters go, and to connect; nobody
// gets a rule without a filter.
void check_rules(std::string_view text) {
  boost::system::error_code error;
  const auto claim = boost::json::parse(text, error);
  if (error) return;
  const auto rules = token_rules(claim);
  if (!rules) return;
  if (rules->empty() || rules->size() > kMaximumTokenRules + 1) std::abort();
  for (const auto& rule : *rules)
    if ((rule->publish || rule->subscribe) == rule->resources.empty()) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data + 1), size - 1);
  switch ((data[0] - unsigned{'0'}) % 5) {
    case 0:
      if (check_jwt(input, "c", keys(), {}, kNow)) std::abort();
      break;
    case 1:
      check_set(is_one_of(input, 128) ? std::string(input) : without_numbers(input));
      break;
    case 2:
      if (is_one_of(input, 16)) check_pem(input);
      break;
    case 3:
      check_claims(input);
      break;
    default:
      check_rules(input);
  }
  return 0;
}
