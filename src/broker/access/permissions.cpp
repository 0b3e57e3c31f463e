#include "broker/access/permissions.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "mqtt/topic.hpp"

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

// One filter of one policy, as it stands for one client.
struct Rule {
  std::string filter;
  bool everything = false;
  bool allow = false;
  bool publish = false;
  bool subscribe = false;
  std::uint8_t qos_mask = kAllQos;
  bool retained = true;
  bool general = true;

  [[nodiscard]] bool has(mqtt::Qos qos) const {
    return (qos_mask >> static_cast<unsigned>(qos) & 1U) != 0;
  }
  [[nodiscard]] bool matches(std::string_view topic) const {
    return everything || mqtt::matches(filter, topic);
  }
  [[nodiscard]] bool covers(std::string_view inner) const {
    return everything || mqtt::covers(filter, inner);
  }
  // A deny of some QoS levels leaves the topic readable at the others: it refuses subscriptions,
  // not deliveries.
  [[nodiscard]] bool denies_receiving() const { return !allow && subscribe && qos_mask == kAllQos; }

  // Does it say anything, yes or no, on this?
  [[nodiscard]] bool is_on_publish(std::string_view topic, mqtt::Qos qos, bool retain) const {
    return publish && has(qos) && (retain ? retained : general) && matches(topic);
  }
  [[nodiscard]] bool is_on_subscribe(std::string_view inner, mqtt::Qos qos) const {
    return subscribe && has(qos) && covers(inner);
  }
  [[nodiscard]] bool is_on_receive(std::string_view topic) const {
    return denies_receiving() && matches(topic);
  }
};

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
  void shrink() { rules_.shrink_to_fit(); }

  [[nodiscard]] bool may_connect() const override {
    return (connect_allowed_ || (common_ && common_->connect_allowed_)) && !connect_denied_ &&
           !(common_ && common_->connect_denied_);
  }

  [[nodiscard]] bool may_publish(std::string_view topic, mqtt::Qos qos,
                                 bool retain) const override {
    return decide([&](const Rule& rule) { return rule.is_on_publish(topic, qos, retain); });
  }

  [[nodiscard]] bool may_subscribe(std::string_view filter, mqtt::Qos qos) const override {
    return decide([&](const Rule& rule) { return rule.is_on_subscribe(filter, qos); });
  }

  [[nodiscard]] bool may_stay_subscribed(std::string_view filter, mqtt::Qos qos) const override {
    return any([&](const Rule& rule) { return rule.allow && rule.is_on_subscribe(filter, qos); });
  }

  [[nodiscard]] bool may_receive(std::string_view topic) const override {
    return nothing_denied() || !any([&](const Rule& rule) { return rule.is_on_receive(topic); });
  }

  [[nodiscard]] bool nothing_denied() const override {
    return !denies_receiving_ && (!common_ || common_->nothing_denied());
  }

  // Of one policy alone: does it say anything, yes or no, on the question?
  [[nodiscard]] bool speaks_on(const AccessQuestion& asked) const {
    switch (asked.operation) {
      case Operation::Connect:
        return connect_allowed_ || connect_denied_;
      case Operation::Publish:
        return any([&](const Rule& rule) {
          return rule.is_on_publish(asked.topic, asked.qos, asked.retain);
        });
      case Operation::Subscribe:
        return any([&](const Rule& rule) { return rule.is_on_subscribe(asked.topic, asked.qos); });
      case Operation::Receive:
        return any([&](const Rule& rule) { return rule.is_on_receive(asked.topic); });
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
    rules_.push_back({.filter = std::move(filled->filter),
                      .everything = filled->everything,
                      .allow = policy.allow,
                      .publish = policy.publish,
                      .subscribe = policy.subscribe,
                      .qos_mask = policy.qos_mask,
                      .retained = policy.retained,
                      .general = policy.general});
    denies_receiving_ = denies_receiving_ || rules_.back().denies_receiving();
  }

  template <class Holds>
  [[nodiscard]] bool any(Holds holds) const {
    return std::ranges::any_of(rules_, holds) ||
           (common_ && std::ranges::any_of(common_->rules_, holds));
  }
  // Any matching deny wins; nothing matching is a no.
  template <class Matches>
  [[nodiscard]] bool decide(Matches matches) const {
    return !any([&](const Rule& rule) { return !rule.allow && matches(rule); }) &&
           any([&](const Rule& rule) { return rule.allow && matches(rule); });
  }

  std::shared_ptr<const CompiledPermissions> common_;
  bool connect_allowed_ = false;
  bool connect_denied_ = false;
  bool denies_receiving_ = false;
  std::vector<Rule> rules_;
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
    return made;
  });
  const bool has_own = client.terms && !client.terms->policies.empty();
  if (!has_own && std::ranges::none_of(concerning, &Policy::has_variables)) return common;
  auto own = std::make_shared<CompiledPermissions>(
      std::static_pointer_cast<const CompiledPermissions>(common));
  for (const Policy* policy : concerning) own->add_own(*policy, client);
  if (has_own)
    for (const auto& policy : client.terms->policies) own->add_whole(*policy, client);
  own->shrink();
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
