#include "broker/access/task_rights.hpp"

#include <algorithm>

#include "broker/access/access_question.hpp"

namespace sluice::broker {
namespace {

// A task asks as a subscriber of QoS 1 does: it takes each message at least once.
constexpr mqtt::Qos kReadQos = mqtt::Qos::AtLeastOnce;

// It runs in this server. No listener can have this name, so policies of listeners do not concern
// it.
Client client_of(const std::string& user, const std::string& client_id) {
  static const ListenerName kTask("$task");
  return {.client_id = client_id,
          .username = user,
          .has_username = true,
          .host = "127.0.0.1",
          .listener = kTask};
}

class RightsOfAccount final : public AccountRights {
 public:
  RightsOfAccount(std::shared_ptr<const PolicySet> policies, PermissionsPtr permissions,
                  Client client, bool exists)
      : policies_(std::move(policies)),
        permissions_(std::move(permissions)),
        client_(std::move(client)),
        exists_(exists) {}

  [[nodiscard]] bool exists() const override { return exists_; }
  [[nodiscard]] std::string why_not_read(std::string_view filter) const override {
    if (permissions_->may_subscribe(filter, kReadQos)) return {};
    return why_denied(
        *policies_, client_,
        {.operation = Operation::Subscribe, .topic = std::string(filter), .qos = kReadQos});
  }
  [[nodiscard]] std::string why_not_publish(std::string_view topic, mqtt::Qos qos,
                                            bool retain) const override {
    if (may_publish(topic, qos, retain)) return {};
    return why_denied(*policies_, client_,
                      {.operation = Operation::Publish,
                       .topic = std::string(topic),
                       .qos = qos,
                       .retain = retain});
  }
  [[nodiscard]] bool may_publish(std::string_view topic, mqtt::Qos qos,
                                 bool retain) const override {
    return permissions_->may_publish(topic, qos, retain);
  }
  [[nodiscard]] bool may_publish_something() const override {
    return std::ranges::any_of(concerning_policies(*policies_, client_), [](const Policy* policy) {
      return policy->allow && policy->publish;
    });
  }
  [[nodiscard]] bool may_receive(std::string_view topic) const override {
    return permissions_->may_receive(topic);
  }
  [[nodiscard]] bool nothing_denied() const override { return permissions_->nothing_denied(); }

 private:
  const std::shared_ptr<const PolicySet> policies_;
  const PermissionsPtr permissions_;
  const Client client_;
  const bool exists_;
};

// With the policy switch off.
class AllRights final : public AccountRights {
 public:
  [[nodiscard]] bool exists() const override { return true; }
  [[nodiscard]] std::string why_not_read(std::string_view) const override { return {}; }
  [[nodiscard]] std::string why_not_publish(std::string_view, mqtt::Qos, bool) const override {
    return {};
  }
  [[nodiscard]] bool may_publish(std::string_view, mqtt::Qos, bool) const override { return true; }
  [[nodiscard]] bool may_publish_something() const override { return true; }
  [[nodiscard]] bool may_receive(std::string_view) const override { return true; }
  [[nodiscard]] bool nothing_denied() const override { return true; }
};

}  // namespace

AccountRightsPtr rights_by(std::shared_ptr<const PolicySet> policies, const Users& users,
                           const std::string& user, const std::string& client_id) {
  auto client = client_of(user, client_id);
  auto permissions = compile_permissions(*policies, client);
  return std::make_shared<RightsOfAccount>(std::move(policies), std::move(permissions),
                                           std::move(client), users.contains(user));
}

AccountRightsPtr all_rights() {
  return std::make_shared<AllRights>();
}

}  // namespace sluice::broker
