#pragma once
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/guarded.hpp"
#include "broker/access/login_cache.hpp"
#include "broker/access/secrets.hpp"
#include "store/store.hpp"

namespace sluice::admin {

// The people who may use REST. They cannot connect by MQTT.
//
// Owns:    documents `administrator/...`.
// Threads: any but an event loop: calls block on the store or hash.
class AdministratorAccounts {
 public:
  AdministratorAccounts(store::Store& store, const Clock& clock);

  // Loads the accounts. The first start makes `admin`, with `given` or a made password: the made
  // one is returned, to be shown once. Later starts change nothing, whatever is given.
  [[nodiscard]] Result<std::optional<std::string>> ensure_first(std::optional<std::string> given);

  // The same time for names that do not exist.
  [[nodiscard]] bool verify(std::string_view name, std::string_view password) const;
  // What verify() said about the same two lately, without hashing; nullopt: it was not asked.
  [[nodiscard]] std::optional<bool> remembered(std::string_view name,
                                               std::string_view password) const;

 private:
  static constexpr std::size_t kRemembered = 1024;

  [[nodiscard]] Result<void> load();
  [[nodiscard]] std::optional<std::string> hash_of(std::string_view name) const;
  [[nodiscard]] broker::Digest login_key(std::string_view name, std::string_view hash,
                                         std::string_view password) const;

  store::Store& store_;
  const Clock& clock_;
  Guarded<std::map<std::string, std::string, std::less<>>> hashes_;  // by name
  const broker::KeyedDigest key_;
  mutable Guarded<broker::LoginCache> logins_{kRemembered};
};

}  // namespace sluice::admin
