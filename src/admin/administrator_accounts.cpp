#include "admin/administrator_accounts.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "base/entity_id.hpp"
#include "broker/access/password_hash.hpp"
#include "broker/access/secrets.hpp"
#include "broker/access/timestamp.hpp"

namespace sluice::admin {
namespace {

namespace json = boost::json;

constexpr std::string_view kPrefix = "administrator/";
constexpr std::string_view kFirstName = "admin";
constexpr std::size_t kShortestPassword = 8;

const json::string* text_in(const json::object& document, std::string_view name) {
  const auto* value = document.if_contains(name);
  return value == nullptr ? nullptr : value->if_string();
}

}  // namespace

AdministratorAccounts::AdministratorAccounts(store::Store& store, const Clock& clock)
    : store_(store), clock_(clock) {}

Result<void> AdministratorAccounts::load() {
  std::map<std::string, std::string, std::less<>> hashes;
  std::optional<Error> failure;
  const auto visit = [&](std::string_view key, std::string_view text) {
    boost::system::error_code error;
    const auto value = json::parse(text, error);
    const auto* document = error ? nullptr : value.if_object();
    const auto* name = document == nullptr ? nullptr : text_in(*document, "name");
    const auto* hash = document == nullptr ? nullptr : text_in(*document, "password_hash");
    if (name == nullptr || hash == nullptr) {
      failure = Error{Errc::Corrupt, "the stored document " + std::string(key) + " is damaged"};
      return false;
    }
    hashes.insert_or_assign(std::string(*name), std::string(*hash));
    return true;
  };
  SL_TRY_VOID(store_.scan(store::StateKind::Document, kPrefix, visit));
  if (failure) return tl::unexpected(*failure);
  hashes_.with([&](auto& current) { current = std::move(hashes); });
  return {};
}

Result<std::optional<std::string>> AdministratorAccounts::ensure_first(
    std::optional<std::string> given) {
  SL_TRY_VOID(load());
  if (hashes_.with([](const auto& current) { return !current.empty(); })) return std::nullopt;
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
  const json::object document{{"id", id},       {"name", kFirstName}, {"role", "administrator"},
                              {"created", now}, {"updated", now},     {"password_hash", hash}};
  const auto batch = store_.new_batch();
  batch->put(store::StateKind::Document, std::string(kPrefix) + id, json::serialize(document));
  SL_TRY(end, store_.append(batch));
  SL_TRY_VOID(store_.wait_durable(end));

  hashes_.with([&](auto& current) { current.insert_or_assign(std::string(kFirstName), hash); });
  if (!is_made) return std::nullopt;
  return password;
}

bool AdministratorAccounts::verify(std::string_view name, std::string_view password) const {
  if (password.size() > broker::kMaximumPasswordBytes) return false;
  const auto known = hash_of(name);
  const std::string hash(known ? *known : broker::nobodys_hash());
  const bool is_right = broker::verify_password(password, hash) && known.has_value();
  const auto key = login_key(name, hash, password);
  logins_.with([&](auto& logins) { logins.remember(key, is_right); });
  return is_right;
}

std::optional<bool> AdministratorAccounts::remembered(std::string_view name,
                                                      std::string_view password) const {
  const auto known = hash_of(name);
  const auto key = login_key(name, known ? *known : broker::nobodys_hash(), password);
  return logins_.with([&](auto& logins) { return logins.find(key); });
}

std::optional<std::string> AdministratorAccounts::hash_of(std::string_view name) const {
  return hashes_.with([&](const auto& current) -> std::optional<std::string> {
    const auto found = current.find(name);
    if (found == current.end()) return std::nullopt;
    return found->second;
  });
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
