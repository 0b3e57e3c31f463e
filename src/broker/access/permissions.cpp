#include "broker/access/permissions.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "broker/access/filter_rules.hpp"

namespace sluice::broker {
namespace {

class AllPermissions final : public Permissions {
 public:
  [[nodiscard]] bool may_connect() const override { return true; }
  [[nodiscard]] bool may_publish(std::string_view, mqtt::Qos, bool) const override { return true; }
  [[nodiscard]] bool may_subscribe(std::string_view, mqtt::Qos) const override { return true; }
  [[nodiscard]] bool may_stay_subscribed(std::string_view, mqtt::Qos) const override {
    return true;
  }
  [[nodiscard]] bool may_receive(std::string_view) const override { return true; }
  [[nodiscard]] bool nothing_denied() const override { return true; }
};

constexpr std::uint8_t kAllQos = 0b111;

// What a policy says on the topics of its resources.
Says said_by(const Policy& policy) {
  Says says;
  const auto qos = static_cast<std::uint8_t>(policy.qos_mask & kAllQos);
  if (policy.publish) {
    const auto publish = policy.allow ? Says::kPublishAllowed : Says::kPublishDenied;
    if (policy.general) says.add(publish, qos);
    if (policy.retained) says.add(publish, qos, true);
  }
  if (policy.subscribe) {
    says.add(policy.allow ? Says::kSubscribeAllowed : Says::kSubscribeDenied, qos);
    // A deny of some QoS levels leaves the topic readable at the others: it refuses subscriptions,
    // not deliveries.
    if (!policy.allow && qos == kAllQos) says.deny_receiving();
  }
  return says;
}

// The rules of the resources without a variable are the same for all clients whom the same policies
// concern, and stand in memory once for them.
class CompiledPermissions final : public Permissions {
 public:
  explicit CompiledPermissions(std::shared_ptr<const CompiledPermissions> common)
      : common_(std::move(common)) {}

  void add_common(const Policy& policy) {
    if (policy.connect) (policy.allow ? connect_allowed_ : connect_denied_) = true;
    for (const auto& resource : policy.resources)
      if (!resource.has_variables()) add(policy, resource, Client());
  }
  void add_own(const Policy& policy, const Client& client) {
    for (const auto& resource : policy.resources)
      if (resource.has_variables()) add(policy, resource, client);
  }
  // A policy that is of this client alone.
  void add_whole(const Policy& policy, const Client& client) {
    if (policy.connect) (policy.allow ? connect_allowed_ : connect_denied_) = true;
    for (const auto& resource : policy.resources) add(policy, resource, client);
  }
  void make_ready() { rules_.make_ready(); }

  [[nodiscard]] bool may_connect() const override {
    return (connect_allowed_ || (common_ && common_->connect_allowed_)) && !connect_denied_ &&
           !(common_ && common_->connect_denied_);
  }

  // Any matching deny wins; nothing matching is a no.
  [[nodiscard]] bool may_publish(std::string_view topic, mqtt::Qos qos,
                                 bool retain) const override {
    const auto says = on_topic(topic);
    return says.has(Says::kPublishAllowed, qos, retain) &&
           !says.has(Says::kPublishDenied, qos, retain);
  }

  [[nodiscard]] bool may_subscribe(std::string_view filter, mqtt::Qos qos) const override {
    const auto says = on_filter(filter);
    return says.has(Says::kSubscribeAllowed, qos) && !says.has(Says::kSubscribeDenied, qos);
  }

  [[nodiscard]] bool may_stay_subscribed(std::string_view filter, mqtt::Qos qos) const override {
    return on_filter(filter).has(Says::kSubscribeAllowed, qos);
  }

  [[nodiscard]] bool may_receive(std::string_view topic) const override {
    return nothing_denied() || !on_topic(topic).denies_receiving();
  }

  [[nodiscard]] bool nothing_denied() const override {
    return !rules_.of_all().denies_receiving() && (!common_ || common_->nothing_denied());
  }

  // Of one policy alone: does it say anything, yes or no, on the question?
  [[nodiscard]] bool speaks_on(const AccessQuestion& asked) const {
    switch (asked.operation) {
      case Operation::Connect:
        return connect_allowed_ || connect_denied_;
      case Operation::Publish: {
        const auto says = on_topic(asked.topic);
        return says.has(Says::kPublishAllowed, asked.qos, asked.retain) ||
               says.has(Says::kPublishDenied, asked.qos, asked.retain);
      }
      case Operation::Subscribe: {
        const auto says = on_filter(asked.topic);
        return says.has(Says::kSubscribeAllowed, asked.qos) ||
               says.has(Says::kSubscribeDenied, asked.qos);
      }
      case Operation::Receive:
        return on_topic(asked.topic).denies_receiving();
    }
    return false;
  }

 private:
  void add(const Policy& policy, const ResourceTemplate& resource, const Client& client) {
    std::optional<ResourceTemplate::Filled> filled;
    if (policy.allow)
      filled = resource.fill_for_allow(client);
    else
      filled = resource.fill_for_deny(client);
    if (!filled || !(policy.publish || policy.subscribe)) return;
    rules_.add(filled->everything ? std::string() : std::move(filled->filter), said_by(policy));
  }

  [[nodiscard]] Says on_topic(std::string_view topic) const {
    auto says = rules_.on_topic(topic);
    if (common_) says |= common_->rules_.on_topic(topic);
    return says;
  }
  [[nodiscard]] Says on_filter(std::string_view filter) const {
    auto says = rules_.on_filter(filter);
    if (common_) says |= common_->rules_.on_filter(filter);
    return says;
  }

  std::shared_ptr<const CompiledPermissions> common_;
  bool connect_allowed_ = false;
  bool connect_denied_ = false;
  FilterRules rules_;
};

}  // namespace

std::vector<const Policy*> concerning_policies(const PolicySet& policies, const Client& client) {
  auto concerning = policies.candidates(client);
  std::erase_if(concerning, [&](const Policy* policy) { return !policy->concerns(client); });
  return concerning;
}

PermissionsPtr compile_permissions(const PolicySet& policies, const Client& client) {
  const auto concerning = concerning_policies(policies, client);
  const auto common = policies.shared(concerning, [&] {
    auto made = std::make_shared<CompiledPermissions>(nullptr);
    for (const Policy* policy : concerning) made->add_common(*policy);
    made->make_ready();
    return made;
  });
  const bool has_own = client.terms && !client.terms->policies.empty();
  if (!has_own && std::ranges::none_of(concerning, &Policy::has_variables)) return common;
  auto own = std::make_shared<CompiledPermissions>(
      std::static_pointer_cast<const CompiledPermissions>(common));
  for (const Policy* policy : concerning) own->add_own(*policy, client);
  if (has_own)
    for (const auto& policy : client.terms->policies) own->add_whole(*policy, client);
  own->make_ready();
  return own;
}

bool is_allowed(const Permissions& permissions, const AccessQuestion& asked) {
  switch (asked.operation) {
    case Operation::Connect:
      return permissions.may_connect();
    case Operation::Publish:
      return permissions.may_publish(asked.topic, asked.qos, asked.retain);
    case Operation::Subscribe:
      return permissions.may_subscribe(asked.topic, asked.qos);
    case Operation::Receive:
      return permissions.may_receive(asked.topic);
  }
  return false;
}

bool speaks_on(const Policy& policy, const Client& client, const AccessQuestion& asked) {
  CompiledPermissions alone(nullptr);
  alone.add_whole(policy, client);
  return alone.speaks_on(asked);
}

PermissionsPtr everything_allowed() {
  return std::make_shared<AllPermissions>();
}

}  // namespace sluice::broker
