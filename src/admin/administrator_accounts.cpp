#include "admin/administrator_accounts.hpp"

#include <algorithm>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "base/entity_id.hpp"
#include "base/json_text.hpp"
#include "broker/access/password_hash.hpp"
#include "broker/access/secrets.hpp"
#include "broker/access/timestamp.hpp"
#include "broker/save_change.hpp"

namespace sluice::admin {
namespace {

namespace json = boost::json;

constexpr std::string_view kFirstName = "admin";
constexpr std::string_view kFirstPassword = "has_first_password";  // stored, not shown

Error damaged(std::string_view key) {
  return {Errc::Corrupt, "the stored document " + std::string(key) + " is damaged"};
}

}  // namespace

AdministratorAccounts::AdministratorAccounts(store::Store& store, const Clock& clock)
    : store_(store), clock_(clock) {}

Result<AdministratorAccounts::StoredPtr> AdministratorAccounts::parse(std::string_view key,
                                                                      std::string_view text) {
  boost::system::error_code error;
  auto value = json::parse(text, error);
  if (error || !value.is_object()) return tl::unexpected(damaged(key));
  auto& document = value.get_object();
  auto made = std::make_shared<Stored>();
  made->password_hash = text_at(document, "password_hash");
  document.erase("password_hash");
  const bool has_first_password = document.erase(kFirstPassword) > 0;
  const auto role = role_of(text_at(document, "role"));
  made->account = {.id = text_at(document, "id"),
                   .name = text_at(document, "name"),
                   .role = role.value_or(Role::Viewer),
                   .has_first_password = has_first_password,
                   .revision = ++revisions_};
  if (!role || made->password_hash.empty() || made->account.id.empty() ||
      made->account.name.empty())
    return tl::unexpected(damaged(key));
  made->document = std::move(document);
  return made;
}

Result<void> AdministratorAccounts::load() {
  All found;
  std::optional<Error> failure;
  const auto visit = [&](std::string_view key, std::string_view text) {
    auto account = parse(key, text);
    if (!account) {
      failure = account.error();
      return false;
    }
    found.insert_or_assign((*account)->account.name, *account);
    return true;
  };
  SL_TRY_VOID(store_.scan(store::StateKind::Document, kPrefix, visit));
  if (failure) return tl::unexpected(*failure);
  all_.with([&](All& current) { current = std::move(found); });
  return {};
}

Result<std::optional<std::string>> AdministratorAccounts::ensure_first(
    std::optional<std::string> given) {
  SL_TRY_VOID(load());
  if (all_.with([](const All& all) { return !all.empty(); })) return std::nullopt;
  if (given &&
      (given->size() < kShortestPassword || given->size() > broker::kMaximumPasswordBytes)) {
    return fail(Errc::InvalidArgument,
                "the administrator's password must have 8 to 1024 characters");
  }
  const bool is_made = !given;
  const std::string password = is_made ? broker::random_password() : *given;
  SL_TRY(hash, broker::hash_password(password));

  const auto id = new_entity_id(clock_);
  const auto now = broker::rfc3339(clock_.wall_ms());
  json::object document{{"id", id},          {"name", kFirstName}, {"role", "administrator"},
                        {"description", ""}, {"created", now},     {"updated", now}};
  const std::scoped_lock lock(changing_);
  const auto saved =
      save(std::make_shared<Stored>(Stored{.document = std::move(document),
                                           .password_hash = hash,
                                           .account = {.id = id,
                                                       .name = std::string(kFirstName),
                                                       .role = Role::Administrator,
                                                       .has_first_password = is_made,
                                                       .revision = ++revisions_}}));
  if (!saved) return fail(saved.error().errc, saved.error().detail);
  if (!is_made) return std::nullopt;
  return password;
}

bool AdministratorAccounts::verify(std::string_view name, std::string_view password) const {
  if (password.size() > broker::kMaximumPasswordBytes) return false;
  const auto hash = hash_of(name);
  const bool is_right = broker::verify_password(password, hash) && hash != broker::nobodys_hash();
  const auto key = login_key(name, hash, password);
  logins_.with([&](auto& logins) { logins.remember(key, is_right); });
  return is_right;
}

std::optional<bool> AdministratorAccounts::remembered(std::string_view name,
                                                      std::string_view password) const {
  const auto key = login_key(name, hash_of(name), password);
  return logins_.with([&](auto& logins) { return logins.find(key); });
}

std::string AdministratorAccounts::hash_of(std::string_view name) const {
  return all_.with([&](const All& all) {
    const auto found = all.find(name);
    return std::string(found == all.end() ? broker::nobodys_hash() : found->second->password_hash);
  });
}

std::optional<Account> AdministratorAccounts::account(std::string_view name) const {
  return all_.with([&](const All& all) -> std::optional<Account> {
    const auto found = all.find(name);
    if (found == all.end()) return std::nullopt;
    return found->second->account;
  });
}

std::optional<Account> AdministratorAccounts::account_with_id(std::string_view id) const {
  return all_.with([&](const All& all) -> std::optional<Account> {
    for (const auto& [name, stored] : all) {
      if (stored->account.id == id) return stored->account;
    }
    return std::nullopt;
  });
}

// By id before name: an account may be called as another one's id reads.
AdministratorAccounts::StoredPtr AdministratorAccounts::stored(std::string_view which) const {
  return all_.with([&](const All& all) -> StoredPtr {
    for (const auto& [name, stored] : all) {
      if (stored->account.id == which) return stored;
    }
    const auto found = all.find(which);
    return found == all.end() ? nullptr : found->second;
  });
}

bool AdministratorAccounts::is_last(const Stored& account) const {
  if (account.account.role != Role::Administrator) return false;
  return all_.with([](const All& all) {
    return std::ranges::count_if(all, [](const auto& entry) {
             return entry.second->account.role == Role::Administrator;
           }) == 1;
  });
}

Outcome<void> AdministratorAccounts::save(StoredPtr account) {
  auto document = account->document;
  document["password_hash"] = account->password_hash;
  if (account->account.has_first_password) document[kFirstPassword] = true;
  const auto batch = store_.new_batch();
  batch->put(store::StateKind::Document, std::string(kPrefix) + account->account.id,
             json::serialize(document));
  SL_TRY_VOID(broker::save_change(store_, batch));
  all_.with([&](All& all) { all.insert_or_assign(account->account.name, std::move(account)); });
  return {};
}

// With the stored hash: a changed password makes other keys. Names hold no U+0000.
broker::Digest AdministratorAccounts::login_key(std::string_view name, std::string_view hash,
                                                std::string_view password) const {
  std::string text(name);
  text += '\0';
  text += hash;
  text += '\0';
  text += password;
  return key_.of(text);
}

}  // namespace sluice::admin
