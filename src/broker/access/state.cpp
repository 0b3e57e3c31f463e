#include "broker/access/state.hpp"

#include <boost/json/serialize.hpp>

#include "base/log.hpp"
#include "broker/access/password_hash.hpp"
#include "broker/access/permissions.hpp"
#include "broker/save_change.hpp"
#include "mqtt/reason_code.hpp"

namespace sluice::broker {
namespace {

constexpr std::size_t kRememberedLogins = 65'536;  // about 10 MiB when full
constexpr std::size_t kSaltsKeyBytes = 32;
constexpr std::size_t kHashingThreads = 2;  // 32 MiB each while they hash

void append_number(std::string& text, std::uint64_t number) {
  for (int shift = 0; shift < 64; shift += 8) {
    text.push_back(static_cast<char>(number >> shift & 0xFF));
  }
}

}  // namespace

AccessControl::State::State(store::Store& where, const Clock& time, Options chosen)
    : store(where),
      clock(time),
      options(chosen),
      all_permissions(everything_allowed()),
      salts_key(random_bytes(kSaltsKeyBytes)),
      users(std::make_shared<const Users>()),
      policies(std::make_shared<const PolicySet>(std::map<std::string, PolicyPtr>())),
      logins(kRememberedLogins),
      guard(
          time, chosen.login_bounds,
          chosen.metrics != nullptr ? LoginGuard::counters(*chosen.metrics, "mqtt") : HeldLogins()),
      refusal_lines(time),
      pool(kHashingThreads, {.waiting = chosen.maximum_waiting_logins,
                             .waiting_per_peer = chosen.maximum_waiting_logins_per_peer}) {}

std::shared_ptr<const Users> AccessControl::State::all_users() const {
  return users.with([](const auto& current) { return current; });
}

std::shared_ptr<const PolicySet> AccessControl::State::all_policies() const {
  return policies.with([](const auto& current) { return current; });
}

UserPtr AccessControl::State::find_user(std::string_view which) const {
  const auto all = all_users();
  for (const auto& [name, user] : *all) {
    if (user->id == which) return user;
  }
  const auto named = all->find(which);
  return named == all->end() ? nullptr : named->second;
}

Outcome<void> AccessControl::State::put(const std::string& key,
                                        const boost::json::object& document) {
  const auto batch = store.new_batch();
  batch->put(store::StateKind::Document, key, boost::json::serialize(document));
  return save_change(store, batch);
}

Outcome<void> AccessControl::State::erase(const std::string& key) {
  const auto batch = store.new_batch();
  batch->erase(store::StateKind::Document, key);
  return save_change(store, batch);
}

Digest AccessControl::State::login_of(const User* user, std::string_view username,
                                      std::string_view password) const {
  std::string text;
  text.reserve(16 + username.size() + password.size());
  append_number(text, user == nullptr ? 0 : user->revision);
  append_number(text, username.size());
  text += username;
  text += password;
  return login_key.of(text);
}

std::optional<bool> AccessControl::State::remembered(const Digest& login) {
  return logins.with([&](LoginCache& cache) { return cache.find(login); });
}

// No user has this revision.
Digest AccessControl::State::login_of(const Authenticator& method, std::string_view username,
                                      std::string_view credential) const {
  std::string text;
  append_number(text, UINT64_MAX);
  append_number(text, reinterpret_cast<std::uintptr_t>(&method));
  append_number(text, username.size());
  text += username;
  text += credential;
  return login_key.of(text);
}

void AccessControl::State::note_refusal(const Client& client, std::string_view peer,
                                        const LoginAnswer& answer) {
  const auto untold = refusal_lines.due(peer);
  if (!untold) return;
  const auto reason = mqtt::name_of(answer.reason);
  if (answer.why.empty())
    log::info("client refused", {{"client_id", client.client_id},
                                 {"username", client.username},
                                 {"host", client.host},
                                 {"reason", reason},
                                 {"refused_since_last_line", *untold}});
  else
    log::info("client refused", {{"client_id", client.client_id},
                                 {"username", client.username},
                                 {"host", client.host},
                                 {"reason", reason},
                                 {"why", answer.why},
                                 {"refused_since_last_line", *untold}});
}

mqtt::ReasonCode AccessControl::State::check_password(const UserPtr& user, const Digest& login,
                                                      const Attempt& attempt) {
  using mqtt::ReasonCode;
  // The first of many with the same password has it hashed for all.
  auto is_right = remembered(login);
  if (!is_right) {
    if (guard.begin(attempt.peer, attempt.client.username))
      return ReasonCode::ConnectionRateExceeded;
    const std::string_view hash = user ? std::string_view(user->password_hash) : nobodys_hash();
    is_right = verify_password(attempt.password, hash) && user != nullptr;
    logins.with([&](LoginCache& cache) { cache.remember(login, *is_right); });
    if (!*is_right) guard.failed(attempt.peer, attempt.client.username);
    if (*is_right && !user->scram) add_verifier(user, attempt.password);
  }
  if (*is_right) guard.succeeded(attempt.peer, attempt.client.username);
  return *is_right ? ReasonCode::Success : ReasonCode::BadUserNameOrPassword;
}

}  // namespace sluice::broker
