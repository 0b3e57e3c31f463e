#include "broker/access/jwt.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

#include <boost/json/parse.hpp>

#include "base/base64.hpp"
#include "base/json_text.hpp"
#include "mqtt/topic.hpp"

namespace sluice::broker {
namespace {

namespace json = boost::json;
using Kind = JwtFault::Kind;

constexpr std::size_t kMaximumUsernameBytes = 256;
constexpr double kLastSecond = 1e12;  // far beyond every calendar, and exact as milliseconds
constexpr int kMaximumTried = 8;      // signatures looked at for one token

tl::unexpected<JwtFault> wrong(std::string why, Kind kind = Kind::Wrong) {
  return tl::unexpected(JwtFault{kind, std::move(why)});
}

std::optional<json::object> object_in(std::string_view part) {
  std::string text;
  if (!decode_base64url(part, text)) return std::nullopt;
  boost::system::error_code error;
  auto parsed = json::parse(text, error);
  if (error || !parsed.is_object()) return std::nullopt;
  return std::move(parsed.get_object());
}

struct Parts {
  json::object header;
  std::string_view payload;      // encoded
  std::string_view signed_text;  // header and payload as they came
  std::string signature;
};

// Nothing: it is no signed token.
std::optional<Parts> parts_of(std::string_view token) {
  if (token.size() > kMaximumJwtBytes) return std::nullopt;
  const auto first = token.find('.');
  const auto second = token.find('.', first == token.npos ? first : first + 1);
  if (second == token.npos || token.find('.', second + 1) != token.npos) return std::nullopt;
  auto header = object_in(token.substr(0, first));
  Parts parts;
  if (!header || !header->contains("alg") ||
      !decode_base64url(token.substr(second + 1), parts.signature))
    return std::nullopt;
  parts.header = *std::move(header);
  parts.payload = token.substr(first + 1, second - first - 1);
  parts.signed_text = token.substr(0, second);
  return parts;
}

// Of the keys of the token's algorithm those that it may mean: with its `kid`, or without any. No
// key is used for an algorithm of another kind than its own.
Result<void, JwtFault> check_signature(const Parts& parts, const JwtKeys& keys) {
  const auto algorithm = jwt_algorithm(text_at(parts.header, "alg"));
  if (!algorithm)
    return wrong("its algorithm is none of HS256, RS256 to RS512, PS256 to PS512, ES256, EdDSA");
  if (parts.header.contains("crit")) return wrong("it asks for extensions that there are not");
  const auto id = text_at(parts.header, "kid");
  int tried = 0;
  for (const auto& key : keys) {
    const bool is_meant = id.empty() || key.id.empty() || key.id == id;
    if (!key.is_for(*algorithm) || !is_meant) continue;
    if (key.verifies(*algorithm, parts.signed_text, parts.signature)) return {};
    if (++tried == kMaximumTried) break;
  }
  if (tried == 0) return wrong("there is no key for its algorithm and kid", Kind::UnknownKey);
  return wrong("its signature is wrong");
}

// RFC 7519 §2: seconds since 1970, with a fraction or without.
Result<std::optional<std::int64_t>, JwtFault> time_in(const json::object& claims,
                                                      std::string_view name) {
  const auto* value = claims.if_contains(name);
  if (value == nullptr) return std::optional<std::int64_t>();
  const auto seconds = value->is_number() ? value->to_number<double>() : -1;
  if (!std::isfinite(seconds) || seconds < 0 || seconds > kLastSecond)
    return wrong("its `" + std::string(name) + "` is no time");
  return std::optional<std::int64_t>(static_cast<std::int64_t>(seconds * 1000));
}

// Returns when it ends; 0: never.
Result<std::int64_t, JwtFault> check_times(const json::object& claims, const JwtRules& rules,
                                           std::int64_t now_ms) {
  const auto leeway = rules.leeway.count();
  SL_TRY(expires, time_in(claims, "exp"));
  if (!expires && rules.expiry_required) return wrong("it has no `exp`");
  if (expires && *expires + leeway <= now_ms) return wrong("it has expired");
  SL_TRY(begins, time_in(claims, "nbf"));
  if (begins && *begins - leeway > now_ms) return wrong("it is not valid yet");
  SL_TRY(issued, time_in(claims, "iat"));
  if (issued && *issued - leeway > now_ms) return wrong("it was issued in the future");
  return expires ? *expires + leeway : 0;
}

bool is_for_audience(const json::object& claims, std::string_view audience) {
  const auto* value = claims.if_contains("aud");
  if (value == nullptr) return false;
  if (value->is_string()) return value->get_string() == audience;
  return value->is_array() && std::ranges::any_of(value->get_array(), [&](const auto& member) {
           return member.is_string() && member.get_string() == audience;
         });
}

// As policies and logs can take it.
bool is_username(std::string_view name) {
  return !name.empty() && name.size() <= kMaximumUsernameBytes && mqtt::is_valid_utf8(name) &&
         std::ranges::none_of(name, [](unsigned char c) { return c < ' ' || c == 0x7f; });
}

}  // namespace

bool looks_like_jwt(std::string_view text) {
  return parts_of(text).has_value();
}

Result<JwtLogin, JwtFault> check_jwt(std::string_view token, std::string_view client_id,
                                     const JwtKeys& keys, const JwtRules& rules,
                                     std::int64_t now_ms) {
  const auto parts = parts_of(token);
  if (!parts) return wrong("it is no signed token");
  SL_TRY_VOID(check_signature(*parts, keys));
  auto claims = object_in(parts->payload);
  if (!claims) return wrong("its claims are no JSON object");
  SL_TRY(ends_ms, check_times(*claims, rules, now_ms));
  if (!rules.issuer.empty() && text_at(*claims, "iss") != rules.issuer)
    return wrong("its `iss` is not access.jwt.issuer");
  if (!rules.audience.empty() && !is_for_audience(*claims, rules.audience))
    return wrong("its `aud` is not access.jwt.audience");
  auto username = text_at(*claims, rules.username_claim);
  if (!is_username(username))
    return wrong("its `" + rules.username_claim + "` is no user name: 1 to 256 visible characters");
  const auto meant = text_at(*claims, rules.client_id_claim);
  if (!rules.client_id_claim.empty() && (meant.empty() || meant != client_id))
    return wrong("its `" + rules.client_id_claim + "` is not the client id", Kind::OtherClient);
  return JwtLogin{
      .username = std::move(username), .ends_ms = ends_ms, .claims = *std::move(claims)};
}

}  // namespace sluice::broker
