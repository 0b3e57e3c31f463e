#include "broker/access/permissions.hpp"

#include <algorithm>
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
};

struct Rules {
  std::vector<Rule> allow;
  std::vector<Rule> deny;

  // Any matching deny wins; nothing matching is a no.
  template <class Matches>
  [[nodiscard]] bool decide(Matches matches) const {
    return std::none_of(deny.begin(), deny.end(), matches) &&
           std::any_of(allow.begin(), allow.end(), matches);
  }
};

class CompiledPermissions final : public Permissions {
 public:
  void add(const Policy& policy, const Client& client) {
    if (policy.connect) (policy.allow ? connect_allowed_ : connect_denied_) = true;
    for (const auto& resource : policy.resources) {
      if (policy.allow) {
        if (const auto filled = resource.fill_for_allow(client)) add(policy, *filled);
      } else {
        add(policy, resource.fill_for_deny(client));
      }
    }
  }

  [[nodiscard]] bool may_connect() const override { return connect_allowed_ && !connect_denied_; }

  [[nodiscard]] bool may_publish(std::string_view topic, mqtt::Qos qos,
                                 bool retain) const override {
    return publish_.decide([&](const Rule& rule) {
      return rule.has(qos) && (retain ? rule.retained : rule.general) && rule.matches(topic);
    });
  }

  [[nodiscard]] bool may_subscribe(std::string_view filter, mqtt::Qos qos) const override {
    return subscribe_.decide(
        [&](const Rule& rule) { return rule.has(qos) && rule.covers(filter); });
  }

  [[nodiscard]] bool may_stay_subscribed(std::string_view filter, mqtt::Qos qos) const override {
    return std::ranges::any_of(
        subscribe_.allow, [&](const Rule& rule) { return rule.has(qos) && rule.covers(filter); });
  }

  [[nodiscard]] bool may_receive(std::string_view topic) const override {
    return std::none_of(receive_denied_.begin(), receive_denied_.end(),
                        [&](const Rule& rule) { return rule.matches(topic); });
  }

  [[nodiscard]] bool nothing_denied() const override { return receive_denied_.empty(); }

 private:
  void add(const Policy& policy, const ResourceTemplate::Filled& filled) {
    const Rule rule{.filter = filled.filter,
                    .everything = filled.everything,
                    .qos_mask = policy.qos_mask,
                    .retained = policy.retained,
                    .general = policy.general};
    if (policy.publish) (policy.allow ? publish_.allow : publish_.deny).push_back(rule);
    if (!policy.subscribe) return;
    (policy.allow ? subscribe_.allow : subscribe_.deny).push_back(rule);
    // A deny of some QoS levels leaves the topic readable at the others: it refuses subscriptions,
    // not deliveries.
    if (!policy.allow && policy.qos_mask == kAllQos) receive_denied_.push_back(rule);
  }

  bool connect_allowed_ = false;
  bool connect_denied_ = false;
  Rules publish_;
  Rules subscribe_;
  std::vector<Rule> receive_denied_;
};

}  // namespace

PermissionsPtr compile_permissions(const PolicySet& policies, const Client& client) {
  auto compiled = std::make_shared<CompiledPermissions>();
  for (const Policy* policy : policies.candidates(client)) {
    if (policy->concerns(client)) compiled->add(*policy, client);
  }
  return compiled;
}

PermissionsPtr everything_allowed() {
  return std::make_shared<AllPermissions>();
}

}  // namespace sluice::broker
