#include "admin/tokens.hpp"

#include <algorithm>

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "base/json_text.hpp"
#include "broker/access/secrets.hpp"
#include "broker/access/timestamp.hpp"
#include "broker/save_change.hpp"

namespace sluice::admin {
namespace {

namespace json = boost::json;

constexpr std::size_t kIdLength = 26;
constexpr std::size_t kSecretLength = 64;

json::array list_of(const std::vector<std::string>& texts) {
  return json::array(texts.begin(), texts.end());
}

}  // namespace

Result<void> Tokens::load() {
  All found;
  std::optional<std::string> damaged;
  SL_TRY_VOID(store_.scan(store::StateKind::Document, kDocuments,
                          [&](std::string_view key, std::string_view text) {
                            auto token = parse(text);
                            if (token) {
                              found.insert_or_assign(token->id, *std::move(token));
                            } else {
                              damaged = key;
                            }
                            return !damaged;
                          }));
  if (damaged) return fail(Errc::Corrupt, "the stored document " + *damaged + " is damaged");
  all_.with([&](All& current) { current = std::move(found); });
  return {};
}

json::object Tokens::shown(const Token& token) {
  const auto time = [](std::int64_t ms) { return json::value(broker::rfc3339(ms)); };
  return {{"id", token.id},
          {"name", token.grant.name},
          {"role", name_of(token.grant.role)},
          {"scope", list_of(token.grant.scope)},
          {"description", token.description},
          {"owner", token.grant.owner},
          {"created", time(token.created_ms)},
          {"expires", time(token.grant.expires_ms)},
          {"last_used", token.used_ms == 0 ? json::value() : time(token.used_ms)}};
}

std::string Tokens::stored(const Token& token) {
  auto document = shown(token);
  document["owner_id"] = token.grant.owner_id;
  document["secret_hash"] = token.hash;
  return json::serialize(document);
}

std::optional<Tokens::Token> Tokens::parse(std::string_view text) {
  boost::system::error_code error;
  const auto value = json::parse(text, error);
  if (error || !value.is_object()) return std::nullopt;
  const auto& document = value.get_object();
  const auto role = role_of(text_at(document, "role"));
  const auto created = broker::parse_utc(text_at(document, "created"));
  const auto expires = broker::parse_utc(text_at(document, "expires"));
  const auto* scope = document.if_contains("scope");
  Token token{.id = text_at(document, "id"),
              .hash = text_at(document, "secret_hash"),
              .description = text_at(document, "description"),
              .grant = {.name = text_at(document, "name"),
                        .owner = text_at(document, "owner"),
                        .owner_id = text_at(document, "owner_id"),
                        .role = role.value_or(Role::Viewer),
                        .scope = {},
                        .expires_ms = expires.value_or(0)},
              .created_ms = created.value_or(0),
              .used_ms = broker::parse_utc(text_at(document, "last_used")).value_or(0)};
  const bool is_whole = role && created && expires && scope != nullptr && scope->is_array() &&
                        token.id.size() == kIdLength && !token.grant.name.empty() &&
                        token.hash.size() == kSecretLength;
  if (!is_whole) return std::nullopt;
  for (const auto& part : scope->get_array()) {
    if (!part.is_string()) return std::nullopt;
    token.grant.scope.emplace_back(part.get_string());
  }
  token.noted_ms = token.used_ms;
  return token;
}

std::optional<Tokens::Grant> Tokens::grant_of(std::string_view secret) {
  if (!secret.starts_with(kPrefix)) return std::nullopt;
  secret.remove_prefix(kPrefix.size());
  if (secret.size() != kIdLength + 1 + kSecretLength || secret[kIdLength] != '_')
    return std::nullopt;
  const auto hash = broker::to_hex(broker::sha256(secret.substr(kIdLength + 1)));
  const auto now = clock_.wall_ms();
  const auto used = all_.with([&](All& all) -> std::optional<Token> {
    const auto found = all.find(secret.substr(0, kIdLength));
    if (found == all.end() || !broker::equal_in_constant_time(found->second.hash, hash))
      return std::nullopt;
    if (found->second.grant.expires_ms <= now) return std::nullopt;
    found->second.used_ms = now;
    return found->second;
  });
  if (!used) return std::nullopt;
  if (now - used->noted_ms >= std::chrono::milliseconds(kNotedEvery).count()) note_use(*used);
  return used->grant;
}

// Nobody waits for it, and who changes tokens at this moment goes first: what is deleted must not
// come back.
void Tokens::note_use(const Token& token) {
  const std::unique_lock lock(changing_, std::try_to_lock);
  if (!lock.owns_lock()) return;
  const bool is_there = all_.with([&](All& all) {
    const auto found = all.find(token.id);
    if (found != all.end()) found->second.noted_ms = token.used_ms;
    return found != all.end();
  });
  if (!is_there) return;
  const auto batch = store_.new_batch();
  batch->put(store::StateKind::Document, std::string(kDocuments) + token.id, stored(token));
  batch->let_wait();
  static_cast<void>(store_.append(batch));  // a store that takes nothing says so elsewhere
}

std::optional<Tokens::Token> Tokens::token(std::string_view which) const {
  return all_.with([&](const All& all) -> std::optional<Token> {
    if (const auto found = all.find(which); found != all.end()) return found->second;
    const auto found = std::ranges::find_if(
        all, [&](const auto& entry) { return entry.second.grant.name == which; });
    if (found == all.end()) return std::nullopt;
    return found->second;
  });
}

std::optional<std::string> Tokens::owner_id_of(std::string_view which) const {
  const auto found = token(which);
  if (!found) return std::nullopt;
  return found->grant.owner_id;
}

std::vector<json::object> Tokens::all() const {
  std::vector<json::object> found;
  all_.with([&](const All& all) {
    for (const auto& [id, token] : all) found.push_back(shown(token));
  });
  return found;
}

std::map<std::string, std::size_t> Tokens::counts() const {
  const auto now = clock_.wall_ms();
  std::map<std::string, std::size_t> found;
  all_.with([&](const All& all) {
    for (const auto& [id, token] : all)
      if (token.grant.expires_ms > now) ++found[token.grant.owner_id];
  });
  return found;
}

Outcome<void> Tokens::erase(const std::vector<std::string>& ids) {
  if (ids.empty()) return {};
  const auto batch = store_.new_batch();
  for (const auto& id : ids) batch->erase(store::StateKind::Document, std::string(kDocuments) + id);
  SL_TRY_VOID(broker::save_change(store_, batch));
  all_.with([&](All& all) {
    for (const auto& id : ids) all.erase(id);
  });
  return {};
}

}  // namespace sluice::admin
