#include "broker/access/jwt_authenticator.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "broker/access/token_rules.hpp"

namespace sluice::broker {
namespace {

using mqtt::ReasonCode;

// None: the token has no such claim.
Result<std::vector<PolicyPtr>> rules_in(const JwtLogin& login, const std::string& claim) {
  const auto* rules = claim.empty() ? nullptr : login.claims.if_contains(claim);
  if (rules == nullptr) return std::vector<PolicyPtr>();
  return token_rules(*rules);
}

constexpr std::chrono::hours kLongest{24 * 366 * 10};  // what the deadlines of a loop can hold

ReasonCode reason_of(JwtFault::Kind kind) {
  switch (kind) {
    case JwtFault::Kind::Wrong:
    case JwtFault::Kind::UnknownKey:
      return ReasonCode::BadUserNameOrPassword;
    case JwtFault::Kind::OtherClient:
      break;
  }
  return ReasonCode::NotAuthorized;
}

}  // namespace

JwtAuthenticator::JwtAuthenticator(const Clock& clock, Options options) : clock_(clock) {
  replace(std::move(options));
}

void JwtAuthenticator::replace(Options options) {
  auto fresh = std::make_shared<const Options>(std::move(options));
  options_.with([&](auto& current) { current = std::move(fresh); });
}

bool JwtAuthenticator::takes(std::string_view credential) const {
  return looks_like_jwt(credential);
}

LoginAnswer JwtAuthenticator::check(const Client& client, std::string_view credential) {
  const auto options = options_.with([](const auto& current) { return current; });
  const auto now_ms = clock_.wall_ms();
  auto login = check_jwt(credential, client.client_id, options->keys, options->rules, now_ms);
  if (!login)
    return {.reason = reason_of(login.error().kind), .why = "token: " + login.error().why};
  auto rules = rules_in(*login, options->rules.rules_claim);
  if (!rules)
    return {.reason = ReasonCode::NotAuthorized,
            .why = "token: its `" + options->rules.rules_claim +
                   "` cannot be read: " + rules.error().detail};
  auto terms = std::make_shared<LoginTerms>();
  terms->policies = *std::move(rules);
  if (login->ends_ms != 0) {
    // A clock that is set later moves nobody's end.
    const auto left = std::chrono::milliseconds(login->ends_ms - now_ms);
    terms->ends = clock_.steady() + std::min<std::chrono::milliseconds>(left, kLongest);
  }
  return {.reason = ReasonCode::Success,
          .username = std::move(login->username),
          .terms = std::move(terms)};
}

}  // namespace sluice::broker
