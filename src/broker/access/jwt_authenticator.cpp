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

JwtAuthenticator::JwtAuthenticator(const Clock& clock, Options options, WantKeys want_keys)
    : clock_(clock), want_keys_(std::move(want_keys)) {
  replace(std::move(options));
}

void JwtAuthenticator::make(Options own, JwtKeys fetched, Time until,
                            std::shared_ptr<const Current>& current) {
  auto fresh = std::make_shared<Current>();
  fresh->own = std::move(own);
  fresh->fetched = std::move(fetched);
  fresh->until = until;
  fresh->all = fresh->own.keys;
  fresh->all.insert(fresh->all.end(), fresh->fetched.begin(), fresh->fetched.end());
  current = std::move(fresh);
}

void JwtAuthenticator::replace(Options options) {
  current_.with([&](auto& current) {
    if (current)
      make(std::move(options), current->fetched, current->until, current);
    else
      make(std::move(options), {}, Time::min(), current);
  });
}

void JwtAuthenticator::use_fetched(JwtKeys keys, Time until) {
  current_.with([&](auto& current) { make(current->own, std::move(keys), until, current); });
}

bool JwtAuthenticator::takes(std::string_view credential) const {
  return looks_like_jwt(credential);
}

LoginAnswer JwtAuthenticator::check(const Client& client, std::string_view credential) {
  const auto current = current_.with([](const auto& now) { return now; });
  const auto& rules = current->own.rules;
  const auto& keys = clock_.steady() < current->until ? current->all : current->own.keys;
  const auto now_ms = clock_.wall_ms();
  auto login = check_jwt(credential, client.client_id, keys, rules, now_ms);
  if (!login) {
    // Signed with a new key, perhaps: no guess, as there was nothing to try it on.
    const bool is_asked_for =
        login.error().kind == JwtFault::Kind::UnknownKey && want_keys_ && want_keys_();
    return {.reason = reason_of(login.error().kind),
            .why = "token: " + login.error().why,
            .is_guess = !is_asked_for};
  }
  auto policies = rules_in(*login, rules.rules_claim);
  if (!policies)
    return {
        .reason = ReasonCode::NotAuthorized,
        .why = "token: its `" + rules.rules_claim + "` cannot be read: " + policies.error().detail};
  const boost::intrusive_ptr<LoginTerms> terms(new LoginTerms);
  terms->policies = *std::move(policies);
  if (login->ends_ms != 0) {
    // A clock that is set later moves nobody's end.
    const auto left = std::chrono::milliseconds(login->ends_ms - now_ms);
    terms->ends = clock_.steady() + std::min<std::chrono::milliseconds>(left, kLongestLogin);
  }
  return {.reason = ReasonCode::Success, .username = std::move(login->username), .terms = terms};
}

}  // namespace sluice::broker
