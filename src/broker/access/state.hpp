#pragma once
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "base/guarded.hpp"
#include "base/line_limit.hpp"
#include "broker/access/login_cache.hpp"
#include "broker/access/login_guard.hpp"
#include "broker/access/password_pool.hpp"
#include "broker/access/policy.hpp"
#include "broker/access/scram.hpp"
#include "broker/access/secrets.hpp"
#include "broker/access_control.hpp"

namespace sluice::broker {

struct User {
  boost::json::object document;  // as it is shown: without password
  std::string id;
  std::string password_hash;
  std::optional<ScramVerifier> scram;  // none: stored by a version that did not know it
  std::uint64_t revision = 0;          // never used twice in a process
};
using UserPtr = std::shared_ptr<const User>;
using Users = std::map<std::string, UserPtr, std::less<>>;  // by name

// What AccessControl works on.
//
// Threads: `changing` is held by whoever changes entities, over the wait for durability; never
// while
//          `users`, `policies` or `logins` is held. Nothing else is locked inside these.
struct AccessControl::State {
  State(store::Store& where, const Clock& time, Options chosen);

  store::Store& store;
  const Clock& clock;
  const Options options;
  const PermissionsPtr all_permissions;
  const KeyedDigest login_key;
  std::string salts_key;  // of users that do not exist; from load() on as it is stored

  std::mutex changing;
  std::atomic<std::uint64_t> revisions{0};
  Guarded<std::shared_ptr<const Users>> users;
  Guarded<std::shared_ptr<const PolicySet>> policies;
  Guarded<LoginCache> logins;
  Guarded<std::function<void()>> change_listener;  // held while it runs
  Guarded<std::function<void()>> task_listener;    // likewise
  LoginGuard guard;
  LineLimit refusal_lines;
  PasswordPool pool;  // last: its threads end before what they use

  [[nodiscard]] std::shared_ptr<const Users> all_users() const;
  [[nodiscard]] std::shared_ptr<const PolicySet> all_policies() const;
  [[nodiscard]] UserPtr find_user(std::string_view which) const;  // id or name

  // Durable when these return.
  [[nodiscard]] Outcome<void> put(const std::string& key, const boost::json::object& document);
  [[nodiscard]] Outcome<void> erase(const std::string& key);

  // Does the password belong to the user, as far as it is known without hashing?
  [[nodiscard]] Digest login_of(const User* user, std::string_view username,
                                std::string_view password) const;
  [[nodiscard]] Digest login_of(const Authenticator& method, std::string_view username,
                                std::string_view credential) const;
  [[nodiscard]] std::optional<bool> remembered(const Digest& login);
  void note_refusal(const Client& client, std::string_view peer, const LoginAnswer& answer);
  // Hashes. On a thread of the pool.
  struct Attempt;
  [[nodiscard]] mqtt::ReasonCode check_password(const UserPtr& user, const Digest& login,
                                                const Attempt& attempt);

  // --- login_methods.cpp
  struct Attempt {
    Client client;
    std::string peer;
    bool has_password = false;
    std::string password;
    std::function<void(LoginAnswer)> done;
    std::size_t next = 0;       // of the methods
    bool is_nobody = false;     // there is no stored user of that name
    bool is_token = false;      // what is asked about names its user itself
    bool is_held_back = false;  // a token of an address that guesses: only a right one passes
    // Whom it is a guess at, where that is known before it is looked at.
    [[nodiscard]] std::string_view guessed() const {
      return is_token ? std::string_view() : client.username;
    }
  };
  [[nodiscard]] bool has_users() const;
  void submit(const std::shared_ptr<Attempt>& attempt, std::function<void()> check);
  void answer(const Attempt& attempt, const LoginAnswer& said);
  void ask_users(const std::shared_ptr<Attempt>& attempt);  // the stored users alone
  // The methods in their order, from the next one on. On a thread of the pool.
  void ask_next(const std::shared_ptr<Attempt>& attempt);
  void ask_method(Authenticator& method, const std::shared_ptr<Attempt>& attempt);
  // On any thread.
  void take_answer(const std::shared_ptr<Attempt>& attempt, const Digest& login, bool is_known,
                   const LoginAnswer& said);
  [[nodiscard]] UserPtr user_named(std::string_view username) const;

  [[nodiscard]] Result<void> load_salts_key();
  [[nodiscard]] ScramVerifier nobodys_verifier(std::string_view username) const;
  void add_verifier(const UserPtr& user, std::string_view password);

 private:
};

inline constexpr std::size_t kMaximumUsers = 100'000;
inline constexpr std::size_t kMaximumPolicies = 10'000;

inline constexpr std::string_view kUserPrefix = "user/";
inline constexpr std::string_view kPolicyPrefix = "policy/";
inline constexpr std::string_view kSaltsKey = "access/salts";

// `fields` between id and times, so that every entity begins and ends alike.
[[nodiscard]] boost::json::object as_entity(const boost::json::object& fields,
                                            const std::string& id, const std::string& now);

[[nodiscard]] Result<UserPtr> user_from_stored(const boost::json::object& stored,
                                               std::uint64_t revision);

}  // namespace sluice::broker
