#pragma once
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

#include "admin/identity.hpp"
#include "base/clock.hpp"
#include "base/guarded.hpp"
#include "base/refusal.hpp"
#include "broker/access/login_cache.hpp"
#include "broker/access/secrets.hpp"
#include "store/store.hpp"

namespace sluice::admin {

// An account as it was at one moment.
struct Account {
  std::string id;
  std::string name;
  Role role = Role::Viewer;
  bool has_first_password = false;  // that the first start made: another one should be set
  // Another one once its password or its role has changed; never used twice in a process.
  std::uint64_t revision = 0;
};

// The people who may use REST. They cannot connect by MQTT.
//
// Owns:    documents `administrator/...`.
// Threads: any but an event loop: calls block on the store or hash.
class AdministratorAccounts {
 public:
  static constexpr std::size_t kMaximum = 1000;
  static constexpr std::size_t kShortestPassword = 8;

  AdministratorAccounts(store::Store& store, const Clock& clock);

  // Loads the accounts. The first start makes `admin`, with `given` or a made password: the made
  // one is returned, to be shown once. Later starts change nothing, whatever is given.
  [[nodiscard]] Result<std::optional<std::string>> ensure_first(std::optional<std::string> given);

  // The same time for names that do not exist.
  [[nodiscard]] bool verify(std::string_view name, std::string_view password) const;
  // What verify() said about the same two lately, without hashing; nullopt: it was not asked.
  [[nodiscard]] std::optional<bool> remembered(std::string_view name,
                                               std::string_view password) const;

  [[nodiscard]] std::optional<Account> account(std::string_view name) const;
  [[nodiscard]] std::optional<Account> account_with_id(std::string_view id) const;

  // As documents, with `id`, `created`, `updated` added and no password but one that was made:
  // `password` in the answer that made it. `which` is an id or a name.
  [[nodiscard]] std::vector<boost::json::object> all() const;  // by name
  [[nodiscard]] Outcome<boost::json::object> find(std::string_view which) const;
  [[nodiscard]] Outcome<boost::json::object> create(const boost::json::object& document);
  // The whole document. `password` null: one is made; left out: the old one stays. The name stays.
  // Refused: to take its role from the last administrator.
  [[nodiscard]] Outcome<boost::json::object> replace(std::string_view which,
                                                     const boost::json::object& document);
  // Refused: the last administrator.
  [[nodiscard]] Outcome<void> remove(std::string_view which);
  // As the account is afterwards.
  [[nodiscard]] Outcome<Account> set_password(std::string_view id, std::string_view password);

  [[nodiscard]] static const schema::Fields& fields();

 private:
  static constexpr std::string_view kPrefix = "administrator/";
  static constexpr std::size_t kRemembered = 1024;
  struct Stored {
    boost::json::object document;  // as it is shown
    std::string password_hash;
    Account account;
  };
  using StoredPtr = std::shared_ptr<const Stored>;
  using All = std::map<std::string, StoredPtr, std::less<>>;  // by name

  [[nodiscard]] Result<void> load();
  [[nodiscard]] Result<StoredPtr> parse(std::string_view key, std::string_view text);
  [[nodiscard]] StoredPtr stored(std::string_view which) const;
  [[nodiscard]] std::string hash_of(std::string_view name) const;
  // Durable when it returns. With changing_ held.
  [[nodiscard]] Outcome<void> save(StoredPtr account);
  [[nodiscard]] bool is_last(const Stored& account) const;
  [[nodiscard]] broker::Digest login_key(std::string_view name, std::string_view hash,
                                         std::string_view password) const;

  store::Store& store_;
  const Clock& clock_;
  std::mutex changing_;  // held over the wait for durability
  std::atomic<std::uint64_t> revisions_{0};
  Guarded<All> all_;
  const broker::KeyedDigest key_;
  mutable Guarded<broker::LoginCache> logins_{kRemembered};
};

}  // namespace sluice::admin
