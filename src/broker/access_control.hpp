#pragma once
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

#include "base/clock.hpp"
#include "base/refusal.hpp"
#include "base/shared_value.hpp"
#include "broker/access/login_guard.hpp"
#include "broker/accounts.hpp"
#include "broker/authenticator.hpp"
#include "broker/limits.hpp"
#include "broker/listener_name.hpp"
#include "mqtt/packet.hpp"
#include "store/store.hpp"

namespace sluice::broker {

// Who wants to act, as far as policies can see.
struct Client {
  std::string client_id;
  std::string username;
  bool has_username = false;
  bool is_certified = false;   // a verified certificate says the user name: no password is asked
  std::string host;            // address without port
  ListenerName listener = {};  // through which it came
  LoginTermsPtr terms = {};    // of its login; null: there are none
};
// Shared by a connection and its session.
using ClientPtr = SharedValue<Client>;
static_assert(sizeof(Client) <= 120);  // with its count 128 bytes: a size that the allocator has

// What one client may do, compiled from the policies of one generation. Immutable, any thread, no
// allocation per question.
class Permissions {
 public:
  virtual ~Permissions() = default;
  [[nodiscard]] virtual bool may_connect() const = 0;
  [[nodiscard]] virtual bool may_publish(std::string_view topic, mqtt::Qos qos,
                                         bool retain) const = 0;
  // `filter` without `$share/{group}/`. Allowed when it is covered by allows and no deny covers it.
  [[nodiscard]] virtual bool may_subscribe(std::string_view filter, mqtt::Qos qos) const = 0;
  // Whether an allow still covers what was subscribed to. Denies do not end a subscription: what
  // they take away is held back at delivery.
  [[nodiscard]] virtual bool may_stay_subscribed(std::string_view filter, mqtt::Qos qos) const = 0;
  // Each delivery is checked again for denies. `nothing_denied()` spares the check.
  [[nodiscard]] virtual bool may_receive(std::string_view topic) const = 0;
  [[nodiscard]] virtual bool nothing_denied() const = 0;
};
using PermissionsPtr = std::shared_ptr<const Permissions>;

// One login by an authentication method, message by message. MQTT 5.0 §4.12.
//
// Threads: one at a time, any; nothing of it waits. Ends before its AccessControl.
class LoginExchange {
 public:
  virtual ~LoginExchange() = default;
  // ContinueAuthentication: `data` is for the client, who answers. Success: `data` is for the
  // client, who is `username()`. BadUserNameOrPassword; BadAuthenticationMethod: of the method it
  // asks for something that there is not; ProtocolError: no message of the method;
  // ConnectionRateExceeded: as AccessControl::authenticate.
  struct Answer {
    mqtt::ReasonCode reason = mqtt::ReasonCode::NotAuthorized;
    std::string data;
  };
  [[nodiscard]] virtual Answer next(std::string_view data) = 0;
  [[nodiscard]] virtual const std::string& username() const = 0;  // known after the first message
};

// Users and policies as they would be after a change that is not made.
//
// Threads: immutable, any.
class PolicyTrial {
 public:
  virtual ~PolicyTrial() = default;
  [[nodiscard]] virtual PermissionsPtr compile(const Client& client) const = 0;
  [[nodiscard]] virtual AccountRightsPtr rights_of(const std::string& user,
                                                   const std::string& client_id) const = 0;
};
using PolicyTrialPtr = std::shared_ptr<const PolicyTrial>;

// How policies are written that come together.
enum class PolicyFormat : std::uint8_t { Sluice, Tdmq };

// MQTT users and policies: kept in the store, decided on in memory.
//
// Owns:    documents `user/...` and `policy/...` of StateKind::Document, and a pool of threads for
//          password hashing.
// Threads: every call from any thread; calls that change something block until it is durable.
class AccessControl final : public Accounts {
 public:
  struct Options {
    bool enabled = true;  // the policy switch; off: everybody is admitted and may do everything
    std::size_t maximum_waiting_logins = kLoginsWaiting;
    // Of one peer: about ten seconds of hashing, the patience of a client.
    std::size_t maximum_waiting_logins_per_peer = kLoginsWaitingPerPeer;
    // That policies may name, beside `admin`; empty: nobody knows, any.
    std::vector<std::string> listeners = {};
    // Ways to log in, in the order in which they are asked; null: with the password of a stored
    // user.
    std::vector<std::shared_ptr<Authenticator>> methods = {nullptr};
    LoginBounds login_bounds = {};
    metrics::Registry* metrics = nullptr;  // outlives it; null: what is held back nobody counts
  };
  AccessControl(store::Store& store, const Clock& clock, Options options);
  ~AccessControl() override;
  AccessControl(const AccessControl&) = delete;
  AccessControl& operator=(const AccessControl&) = delete;

  [[nodiscard]] Result<void> load();
  // Forgets the logins that wait: no `done` runs any more once this returns. Before what they refer
  // to ends; the destructor calls it.
  void stop();
  [[nodiscard]] bool enabled() const;

  // Grows with every change of users or policies: compiled permissions of an older generation are
  // to be compiled again. One load.
  [[nodiscard]] std::uint64_t generation() const {
    return generation_.load(std::memory_order_acquire);
  }
  [[nodiscard]] PermissionsPtr compile(const Client& client) const;
  // Runs after each change of users or policies, on the thread that made it; may not block. One
  // listener; after nullptr none runs any more.
  void set_change_listener(std::function<void()> changed);

  // Asks the methods in their order, on the pool: a password with a memory-hard hash, the same time
  // for unknown users. `done` runs on a pool thread, or inside this call when there is nothing to
  // compute: the switch is off, a certificate says who it is, a name or password is missing, this
  // very login was checked lately, or too many wait. Refusals are logged, once a minute and peer
  // (base/peer.hpp of the client's host). Success; BadUserNameOrPassword; NotAuthorized: it may be
  // right, but not for this client; QuotaExceeded: too many of this peer wait;
  // ConnectionRateExceeded: this peer guesses, or many guess at the user, and it is held back;
  // ServerBusy: too many wait in all.
  void authenticate(const Client& client, std::optional<std::string> password,
                    std::function<void(LoginAnswer)> done);
  // Whether a user name is none, but what one of the methods takes as a secret.
  [[nodiscard]] bool is_credential(std::string_view username) const;
  // The one authentication method: SCRAM-SHA-256, for users whose password was set, or checked
  // once, by a version that knows it. Not while the switch is off: nobody's password is known then.
  static constexpr std::string_view kScram = "SCRAM-SHA-256";
  [[nodiscard]] bool knows_method(std::string_view method) const {
    return enabled() && method == kScram && has_users();
  }
  [[nodiscard]] std::unique_ptr<LoginExchange> begin_login(const Client& client);
  // Is there still such a user? (For sessions whose user was deleted.)
  [[nodiscard]] bool user_exists(std::string_view username) const;
  // The same, where other methods may admit users that are not stored: then nobody knows.
  [[nodiscard]] bool user_may_exist(std::string_view username) const;
  // A user that was deleted and made again has another id. Empty: no such user, or the switch is
  // off and names mean nothing.
  [[nodiscard]] std::string user_id(std::string_view username) const;

  // Entities as documents of interface.md §4, with `id`, `created`, `updated` added; passwords are
  // never shown, but for one that was made: `password` in the answer of create_user alone.
  // `which` is an id or a name.
  [[nodiscard]] Outcome<boost::json::object> create_user(const boost::json::object& document);
  // The whole document. `password` null: a new one is made and shown; left out: the old one stays.
  // The name stays. Sessions and connections of the user stay.
  [[nodiscard]] Outcome<boost::json::object> replace_user(std::string_view which,
                                                          const boost::json::object& document);
  [[nodiscard]] std::vector<boost::json::object> users() const;  // by name
  [[nodiscard]] Outcome<boost::json::object> user(std::string_view which) const;
  [[nodiscard]] Outcome<void> remove_user(std::string_view which);
  [[nodiscard]] Outcome<boost::json::object> create_policy(const boost::json::object& document);
  // The whole document; holds at once, for connected clients too.
  [[nodiscard]] Outcome<boost::json::object> replace_policy(std::string_view which,
                                                            const boost::json::object& document);
  [[nodiscard]] std::vector<boost::json::object> policies() const;
  [[nodiscard]] Outcome<boost::json::object> policy(std::string_view which) const;
  [[nodiscard]] Outcome<void> remove_policy(std::string_view which);
  // Changes nothing. `which` alone: it would be deleted; with `document`, whole, it would be that;
  // `document` alone would be a new one. Refuses as those do.
  [[nodiscard]] Outcome<PolicyTrialPtr> try_policy(
      const std::optional<std::string>& which,
      const std::optional<boost::json::object>& document) const;
  // All policies of `document`, or none: {"policies": [...]}, what a list of ours shows, or what
  // TDMQ for MQTT has. A report: what was made of each, and whose result differs here. `is_trial`:
  // nothing is made.
  [[nodiscard]] Outcome<boost::json::object> import_policies(PolicyFormat format,
                                                             const boost::json::object& document,
                                                             bool is_trial);
  // What policies would say to somebody who is not here: `ok`, `decision`, `reason`, the policies
  // that speak on it, those that decide first. Changes nothing.
  [[nodiscard]] Outcome<boost::json::object> test_policies(
      const boost::json::object& document) const;

  // --- accounts of tasks: broker/accounts.hpp
  void watch(std::function<void()> changed) override;
  [[nodiscard]] AccountRightsPtr rights_of(const std::string& user,
                                           const std::string& client_id) const override;
  [[nodiscard]] Outcome<std::unique_ptr<AccountChange>> prepare_account(
      const AccountWish& wish) override;
  [[nodiscard]] std::unique_ptr<AccountChange> prepare_removal(const MadeAccount& made) override;

  [[nodiscard]] static const schema::Fields& user_fields();
  [[nodiscard]] static const schema::Fields& policy_fields();
  [[nodiscard]] static const schema::Fields& question_fields();

 private:
  [[nodiscard]] Outcome<boost::json::object> checked_policy(
      const boost::json::object& document) const;
  struct Import;
  [[nodiscard]] Outcome<Import> read_policies(const boost::json::object& document) const;
  [[nodiscard]] Outcome<Import> read_tdmq(const boost::json::object& document) const;
  [[nodiscard]] Outcome<void> add_policies(const std::vector<boost::json::object>& documents,
                                           bool is_trial);
  void note_change();
  [[nodiscard]] bool has_users() const;

  struct State;
  class ScramLogin;
  class PreparedChange;
  std::unique_ptr<State> state_;
  std::atomic<std::uint64_t> generation_{1};
};

}  // namespace sluice::broker
