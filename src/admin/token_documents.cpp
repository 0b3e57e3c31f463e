// Tokens as documents: making and deleting them.
#include <algorithm>

#include "admin/route.hpp"
#include "admin/tokens.hpp"
#include "base/entity_id.hpp"
#include "broker/access/secrets.hpp"
#include "broker/named_documents.hpp"
#include "broker/save_change.hpp"
#include "store/store.hpp"

namespace sluice::admin {
namespace {

namespace json = boost::json;

Refusal no_such_token(std::string_view which) {
  return {.errc = Errc::NotFound,
          .code = "not_found",
          .detail = "there is no token " + std::string(which),
          .hint = "list them to see names and ids"};
}

// What the creator may not give away.
void check_against(const Identity& creator, const Tokens::Grant& wanted, bool has_end,
                   std::vector<schema::Problem>& problems) {
  if (wanted.role > creator.role)
    problems.push_back({"/role", "may be " + std::string(name_of(creator.role)) +
                                     " at most, as is who makes the token"});
  if (creator.via != Via::Token) return;
  if (has_end && wanted.expires_ms > creator.expires_ms)
    problems.push_back({"/expires_in", "may not end later than the token that asks"});
  if (creator.scope.empty()) return;
  const bool is_within =
      !wanted.scope.empty() && std::ranges::all_of(wanted.scope, [&](const auto& part) {
        return std::ranges::find(creator.scope, part) != creator.scope.end();
      });
  if (!is_within)
    problems.push_back({"/scope", "may not be wider than that of the token that asks"});
}

}  // namespace

const schema::Fields& Tokens::fields() {
  using enum schema::Type;
  static const schema::Fields kFields = [] {
    auto name = broker::rule_name_field();
    name.minimum = 1;
    return schema::Fields{
        std::move(name),
        {.name = "role",
         .type = Choice,
         .help = "At most the role of who makes it; it never may more than its owner does then.",
         .required = true,
         .choices = {kRoleNames.begin(), kRoleNames.end()}},
        {.name = "expires_in",
         .type = Duration,
         .help = "How long it holds.",
         .fallback = "90d",
         .minimum = 60'000,
         .maximum = std::int64_t{366} * 24 * 3600 * 1000},
        {.name = "scope",
         .type = TextList,
         .help = "The parts of the API that it is for, the first words of paths; empty: all.",
         .fallback = json::array(),
         .choices = resources(),
         .maximum = 64},
        broker::rule_description_field(),
    };
  }();
  return kFields;
}

Outcome<Tokens::Token> Tokens::checked(const json::object& document,
                                       const Identity& creator) const {
  auto found = schema::check(fields(), document);
  auto& problems = found.problems;
  Token made;
  if (problems.empty()) {
    const auto& value = found.value;
    made.description = value.at("description").get_string();
    made.created_ms = clock_.wall_ms();
    const bool has_end = document.contains("expires_in");
    auto expires = made.created_ms + value.at("expires_in").get_int64();
    if (creator.via == Via::Token && !has_end) expires = std::min(expires, creator.expires_ms);
    made.grant = {.name = std::string(value.at("name").get_string()),
                  .owner = creator.user,
                  .owner_id = creator.account_id,
                  .role = role_of(value.at("role").get_string()).value(),
                  .scope = broker::texts_in(value.at("scope")),
                  .expires_ms = expires};
    check_against(creator, made.grant, has_end, problems);
  }
  if (problems.empty()) return made;
  return refuse({.errc = Errc::InvalidArgument,
                 .code = "invalid_document",
                 .detail = "the document has " + std::to_string(problems.size()) + " fault(s)",
                 .hint = "mend the listed fields and send it again",
                 .fields = std::move(problems)});
}

Outcome<json::object> Tokens::create(const json::object& document, const Identity& creator) {
  SL_TRY(made, checked(document, creator));
  const std::scoped_lock lock(changing_);
  std::vector<std::string> expired;
  all_.with([&](const All& all) {
    for (const auto& [id, token] : all) {
      if (token.grant.expires_ms <= made.created_ms) expired.push_back(id);
    }
  });
  SL_TRY_VOID(erase(expired));
  if (token(made.grant.name))
    return refuse({.errc = Errc::AlreadyExists,
                   .code = "name_taken",
                   .detail = "there is a token named " + made.grant.name + " already",
                   .hint = "choose another name, or delete that one",
                   .fields = {{"/name", "is taken"}}});
  if (all().size() >= kMaximum)
    return refuse({.errc = Errc::WrongState,
                   .code = "limit_reached",
                   .detail = "there are " + std::to_string(kMaximum) + " tokens already",
                   .hint = "delete some that are not used"});
  made.id = new_entity_id(clock_);
  const auto secret = broker::random_hex(32);
  made.hash = broker::to_hex(broker::sha256(secret));
  const auto batch = store_.new_batch();
  batch->put(store::StateKind::Document, std::string(kDocuments) + made.id, stored(made));
  SL_TRY_VOID(broker::save_change(store_, batch));
  auto answer = shown(made);
  answer["token"] = std::string(kPrefix) + made.id + "_" + secret;
  all_.with([&](All& all) { all.insert_or_assign(made.id, std::move(made)); });
  return answer;
}

Outcome<json::object> Tokens::find(std::string_view which) const {
  const auto found = token(which);
  if (!found) return refuse(no_such_token(which));
  return shown(*found);
}

Outcome<void> Tokens::remove(std::string_view which) {
  const std::scoped_lock lock(changing_);
  const auto found = token(which);
  if (!found) return refuse(no_such_token(which));
  return erase({found->id});
}

Outcome<void> Tokens::remove_of(std::string_view owner_id) {
  const std::scoped_lock lock(changing_);
  std::vector<std::string> owned;
  all_.with([&](const All& all) {
    for (const auto& [id, token] : all) {
      if (token.grant.owner_id == owner_id) owned.push_back(id);
    }
  });
  return erase(owned);
}

}  // namespace sluice::admin
