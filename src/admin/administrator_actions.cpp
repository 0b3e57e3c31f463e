#include "admin/administrator_actions.hpp"

#include <map>

#include "admin/page.hpp"
#include "base/json_text.hpp"
#include "base/log.hpp"
#include "connect/merge_patch.hpp"

namespace sluice::admin {
namespace {

namespace json = boost::json;
using enum Method;

constexpr std::string_view kAdministrators = "/api/v1/administrators";
constexpr std::string_view kOne = "/api/v1/administrators/{name}";

constexpr std::string_view kOpenLogins = "logins";
constexpr std::string_view kOwnTokens = "tokens";

// What hangs on accounts: logins, which another role or password ends, and tokens.
class Hanging {
 public:
  explicit Hanging(const Context& context)
      : accounts_(context.accounts),
        logins_(context.sessions.counts()),
        tokens_(context.tokens.counts()) {}

  [[nodiscard]] json::object shown_with(json::object document) const {
    const auto account = accounts_.account_with_id(text_at(document, "id"));
    const auto count = [](const auto& counts, const auto& of) {
      const auto found = counts.find(of);
      return found == counts.end() ? 0 : found->second;
    };
    document[kOpenLogins] =
        account ? count(logins_, LoginSessions::Owner{account->id, account->revision}) : 0;
    document[kOwnTokens] = account ? count(tokens_, account->id) : 0;
    return document;
  }

 private:
  const AdministratorAccounts& accounts_;
  std::map<LoginSessions::Owner, std::size_t> logins_;
  std::map<std::string, std::size_t> tokens_;
};

Outcome<json::object> with_hanging(const Context& context, Outcome<json::object> account) {
  if (account) *account = Hanging(context).shown_with(*std::move(account));
  return account;
}

Response create_administrator(Context& context, const Call& call) {
  return created_response(with_hanging(context, context.accounts.create(call.body)),
                          kAdministrators);
}

Response list_administrators(Context& context, const Call& call) {
  const Hanging hanging(context);
  auto accounts = context.accounts.all();
  for (auto& account : accounts) account = hanging.shown_with(std::move(account));
  return list_response(call, std::move(accounts));
}

Response show_administrator(Context& context, const Call& call) {
  return entity_response(with_hanging(context, context.accounts.find(call.name())));
}

Response change_administrator(Context& context, const Call& call) {
  const auto old = context.accounts.find(call.name());
  if (!old) return problem_response(old.error());
  if (auto stale = refuse_stale(call, old)) return *stale;
  auto document = connect::merge_patch(*old, call.body);
  for (const auto name : {kOpenLogins, kOwnTokens})
    document.erase(name);  // sent back as they were shown
  // A patch takes away what it says is null; of a password that means another one is to be made.
  if (const auto* password = call.body.if_contains("password"); password && password->is_null())
    document["password"] = nullptr;
  return entity_response(with_hanging(context, context.accounts.replace(call.name(), document)));
}

Response delete_administrator(Context& context, const Call& call) {
  const auto old = context.accounts.find(call.name());
  if (auto stale = refuse_stale(call, old)) return *stale;
  const auto removed = context.accounts.remove(call.name());
  // Without their owner they are worth nothing already; this is to have them out of the list.
  if (removed && old) {
    if (const auto gone = context.tokens.remove_of(text_at(*old, "id")); !gone)
      log::warn("tokens of a deleted administrator are still listed",
                {{"administrator", call.name()}, {"reason", gone.error().detail}});
  }
  return deleted_response(removed);
}

}  // namespace

std::vector<Route> administrator_routes() {
  return {
      {.method = Post,
       .path = kAdministrators,
       .id = "createAdministrator",
       .summary = "Make an account of the administration. A password that was made is shown in "
                  "this answer alone.",
       .answers = {201},
       .run = create_administrator,
       .guard = Guard::Administrator,
       .body = Body::Document,
       .document = AdministratorAccounts::fields},
      {.path = kAdministrators,
       .id = "listAdministrators",
       .summary = "Accounts of the administration, by name, each with its `logins` that are open "
                  "and its `tokens` that have not expired.",
       .run = list_administrators,
       .guard = Guard::Viewer,
       .query = {kName, kNameContains, {"role", "Only those of this role."}},
       .is_list = true},
      {.path = kOne,
       .id = "showAdministrator",
       .summary = "One account of the administration.",
       .run = show_administrator,
       .guard = Guard::Viewer},
      {.method = Patch,
       .path = kOne,
       .id = "changeAdministrator",
       .summary = "Change role, password or description of an account; `password` null: one is "
                  "made and shown in this answer alone. Another role or password ends its logins "
                  "at once.",
       .run = change_administrator,
       .guard = Guard::Administrator,
       .body = Body::Patch,
       .document_of = "administrator"},
      {.method = Delete,
       .path = kOne,
       .id = "deleteAdministrator",
       .summary = "Delete an account of the administration; its logins and tokens end at once. The "
                  "last one "
                  "with the role administrator stays.",
       .answers = {204},
       .run = delete_administrator,
       .guard = Guard::Administrator},
  };
}

}  // namespace sluice::admin
