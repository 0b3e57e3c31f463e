#include "admin/token_actions.hpp"

#include "admin/page.hpp"

namespace sluice::admin {
namespace {

using enum Method;

constexpr std::string_view kTokens = "/api/v1/tokens";
constexpr std::string_view kOneToken = "/api/v1/tokens/{name}";

Response create_token(Context& context, const Call& call) {
  return created_response(context.tokens.create(call.body, *call.identity), kTokens);
}

Response list_tokens(Context& context, const Call& call) {
  return list_response(call, context.tokens.all());
}

Response show_token(Context& context, const Call& call) {
  return entity_response(context.tokens.find(call.name()));
}

Response delete_token(Context& context, const Call& call) {
  const auto owner = context.tokens.owner_id_of(call.name());
  const auto& who = *call.identity;
  // A token that somebody has got hold of ends itself, and no other one.
  const bool is_own = who.via == Via::Token ? who.token == call.name() : owner == who.account_id;
  if (owner && !is_own && who.role != Role::Administrator) {
    return problem_response(
        Problem{.status = 403,
                .code = "not_yours",
                .detail = "it is a token of another account, or not the one "
                          "that asks",
                .hint = "its owner, logged in, or an administrator deletes it"});
  }
  if (auto stale = refuse_stale(call, context.tokens.find(call.name()))) return *stale;
  return deleted_response(context.tokens.remove(call.name()));
}

}  // namespace

std::vector<Route> token_routes() {
  return {
      {.method = Post,
       .path = kTokens,
       .id = "createToken",
       .summary = "Make a bearer token of who asks, with at most its role. `token`, the secret, is "
                  "shown in this answer alone. What a token makes may neither do more nor hold "
                  "longer than it.",
       .answers = {201},
       .run = create_token,
       .guard = Guard::Viewer,
       .body = Body::Document,
       .document = Tokens::fields},
      {.path = kTokens,
       .id = "listTokens",
       .summary =
           "Tokens of all accounts, by name, without their secrets. The last use is exact to "
           "a minute after a restart.",
       .run = list_tokens,
       .guard = Guard::Viewer,
       .query = {kName,
                 kNameContains,
                 {"owner", "Only those of this account."},
                 {"role", "Only those of this role."}},
       .is_list = true},
      {.path = kOneToken,
       .id = "showToken",
       .summary = "One token, without its secret.",
       .run = show_token,
       .guard = Guard::Viewer},
      {.method = Delete,
       .path = kOneToken,
       .id = "deleteToken",
       .summary = "End a token at once: an own one, or as an administrator any.",
       .answers = {204},
       .run = delete_token,
       .guard = Guard::Viewer},
  };
}

}  // namespace sluice::admin
