#pragma once
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/refusal.hpp"
#include "mqtt/packet.hpp"
#include "store/store.hpp"

namespace sluice::broker {

// What an account may do, as of one moment. A task is a client at 127.0.0.1 that came through no
// listener, with the client id of its worker.
//
// Threads: immutable, any. Only reasons allocate.
class AccountRights {
 public:
  virtual ~AccountRights() = default;
  [[nodiscard]] virtual bool exists() const = 0;  // the user
  // Reasons: which policy denies it, or that none allows it. Empty: it may.
  [[nodiscard]] virtual std::string why_not_read(std::string_view filter) const = 0;
  [[nodiscard]] virtual std::string why_not_publish(std::string_view topic, mqtt::Qos qos,
                                                    bool retain) const = 0;
  [[nodiscard]] virtual bool may_publish(std::string_view topic, mqtt::Qos qos,
                                         bool retain) const = 0;
  // Whether any policy lets it publish anything.
  [[nodiscard]] virtual bool may_publish_something() const = 0;
  // Each message of a filter that it may read is asked about again, for denies that are narrower.
  // `nothing_denied()` spares that.
  [[nodiscard]] virtual bool may_receive(std::string_view topic) const = 0;
  [[nodiscard]] virtual bool nothing_denied() const = 0;
};
using AccountRightsPtr = std::shared_ptr<const AccountRights>;

// A user and its policies that were made for one task.
struct MadeAccount {
  std::string user;  // its name
  std::string user_id;
  std::vector<std::string> policy_ids;
};

// What is to be made for one.
struct AccountWish {
  std::string user;  // its name; empty: one is made of `owner`
  std::string owner;
  bool publishes = false;  // otherwise it reads
  std::vector<std::string> resources;
  std::vector<std::string> published_besides = {};  // whatever else it does
};

// A change of users and policies that becomes durable together with what it is for: nothing, or
// all. While there is one nothing else changes users or policies.
//
// Threads: the one that made it.
class AccountChange {
 public:
  virtual ~AccountChange() = default;
  [[nodiscard]] virtual const MadeAccount& account() const = 0;
  // Of the account, once this is done.
  [[nodiscard]] virtual AccountRightsPtr rights(const std::string& client_id) const = 0;
  virtual void put(store::Batch& batch) const = 0;
  // Contract: that batch is durable. From now on it holds.
  virtual void apply() = 0;
};

// As whom tasks read and publish: what the integration runtime sees of users and policies.
//
// Threads: any.
class Accounts {
 public:
  virtual ~Accounts() = default;
  // Runs after each change of users or policies, on the thread that made it; may not block. One
  // listener; after nullptr none runs any more.
  virtual void watch(std::function<void()> changed) = 0;
  [[nodiscard]] virtual AccountRightsPtr rights_of(const std::string& user,
                                                   const std::string& client_id) const = 0;
  // A user whose password nobody knows, with policies that allow it exactly this. Blocks for a
  // hash. Refuses: name_taken (/account), invalid_document (/account, /resources/n,
  // /published_besides/n), limit_reached, overloaded.
  [[nodiscard]] virtual Outcome<std::unique_ptr<AccountChange>> prepare_account(
      const AccountWish& wish) = 0;
  // What of it is still there and nobody else's.
  [[nodiscard]] virtual std::unique_ptr<AccountChange> prepare_removal(const MadeAccount& made) = 0;
};

}  // namespace sluice::broker
