// Who asks, and may they?
#include <algorithm>

#include "admin/api.hpp"
#include "admin/origin.hpp"

namespace sluice::admin {
namespace {

std::string shown_name(const Identity& who) {
  return who.via == Via::Token ? "the token " + who.token : who.user;
}

std::optional<Response> refuse_role(const Route& route, const Call& call) {
  const auto needed = role_for(route.guard);
  if (!needed || call.identity->role >= *needed) return std::nullopt;
  const std::string role(name_of(*needed));
  const auto& who = *call.identity;
  return problem_response(
      Problem{.status = 403,
              .code = "role_needed",
              .detail = std::string(route.id) + " needs the role " + role + "; " + shown_name(who) +
                        " is " + std::string(name_of(who.role)),
              .hint = "ask an administrator for the role, or log in as who has it"});
}

std::optional<Response> refuse_scope(const Route& route, const Call& call) {
  const auto resource = resource_of(route);
  if (is_for_every_scope(route) || call.identity->is_for(resource)) return std::nullopt;
  return problem_response(Problem{.status = 403,
                                  .code = "scope_needed",
                                  .detail = std::string(route.id) + " needs the scope " +
                                            std::string(resource) + "; " +
                                            shown_name(*call.identity) + " is for other parts",
                                  .hint = "make a token whose scope names it, or that has none"});
}

}  // namespace

std::optional<Role> role_for(Guard guard) {
  switch (guard) {
    case Guard::Open:
      return std::nullopt;
    case Guard::Viewer:
    case Guard::Metrics:
      return Role::Viewer;
    case Guard::Operator:
    case Guard::OperatorOrUser:
      return Role::Operator;
    case Guard::Administrator:
      return Role::Administrator;
  }
  return Role::Administrator;
}

std::optional<Response> Api::refuse(const Route& route, const Call& call) {
  auto refused = refuse_role(route, call);
  return refused ? refused : refuse_scope(route, call);
}

tl::expected<Identity, Response> Api::identify(const Route& route, Call call) {
  const auto& request = call.request;
  const auto given = token_of(request);
  auto identity = identity_with(given);
  if (!identity) {
    auto response = problem_response(
        Problem{.status = 401,
                .code = given.token.empty() ? "not_logged_in" : "session_ended",
                .detail = given.token.empty() ? "a token is needed" : "the token is not valid",
                .hint = "log in: POST /api/v1/session"});
    response.headers.emplace_back("WWW-Authenticate", "Bearer realm=\"sluice\"");
    return tl::unexpected(std::move(response));
  }
  if (given.by_cookie && request.method != Method::Get && !is_same_origin(request)) {
    auto refused =
        problem_response(Problem{.status = 403,
                                 .code = "cross_origin",
                                 .detail = "a cookie is accepted from this server's own pages only",
                                 .hint = "programs send the token as Authorization: Bearer"});
    call.identity = &*identity;
    keep_refusal(route, call, refused);
    return tl::unexpected(std::move(refused));
  }
  identity->by_cookie = given.by_cookie;
  return *std::move(identity);
}

std::optional<Identity> Api::identity_with(const GivenToken& given) {
  if (!given.by_cookie && given.token.starts_with(Tokens::kPrefix))
    return identity_by_token(given.token);
  const auto owner = sessions_.owner_of(given.token);
  if (!owner) return std::nullopt;
  if (owner->account_id.empty())
    return Identity{
        .user = std::string(kLocalName), .role = Role::Administrator, .via = Via::Local};
  const auto account = accounts_.account_with_id(owner->account_id);
  if (!account || account->revision != owner->revision) {
    static_cast<void>(sessions_.close(given.token));
    return std::nullopt;
  }
  return Identity{.user = account->name, .account_id = account->id, .role = account->role};
}

// It may no more than its owner may now, and nothing once there is none.
std::optional<Identity> Api::identity_by_token(std::string_view secret) {
  auto grant = tokens_.grant_of(secret);
  if (!grant) return std::nullopt;
  auto role = grant->role;
  if (!grant->owner_id.empty()) {
    const auto owner = accounts_.account_with_id(grant->owner_id);
    if (!owner) return std::nullopt;
    role = std::min(role, owner->role);
  }
  return Identity{.user = std::move(grant->owner),
                  .account_id = std::move(grant->owner_id),
                  .role = role,
                  .via = Via::Token,
                  .token = std::move(grant->name),
                  .scope = std::move(grant->scope),
                  .expires_ms = grant->expires_ms};
}

}  // namespace sluice::admin
