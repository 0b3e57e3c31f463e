// What one client's policies say, by topic filter.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "broker/filter_tree.hpp"
#include "mqtt/packet.hpp"

namespace sluice::broker {

// What rules say together, a bit for each thing: more rules only ever add to it. One word, as it is
// put together for every message.
class Says {
 public:
  static constexpr std::uint32_t kPublishAllowed = 1U << 0U;  // QoS 0, 1, 2, the same retained
  static constexpr std::uint32_t kPublishDenied = 1U << 6U;
  static constexpr std::uint32_t kSubscribeAllowed = 1U << 12U;  // QoS 0, 1, 2
  static constexpr std::uint32_t kSubscribeDenied = 1U << 15U;
  static constexpr std::uint32_t kReceiveDenied = 1U << 18U;

  Says() = default;
  explicit Says(std::uint32_t bits) : bits_(bits) {}
  // `what` for each QoS of the mask.
  void add(std::uint32_t what, std::uint8_t qos_mask, bool retain = false) {
    bits_ |= what * qos_mask << (retain ? 3U : 0U);
  }
  void deny_receiving() { bits_ |= kReceiveDenied; }

  [[nodiscard]] bool has(std::uint32_t what, mqtt::Qos qos, bool retain = false) const {
    return (bits_ & what << (static_cast<unsigned>(qos) + (retain ? 3U : 0U))) != 0;
  }
  [[nodiscard]] bool denies_receiving() const { return (bits_ & kReceiveDenied) != 0; }
  Says& operator|=(Says more) {
    bits_ |= more.bits_;
    return *this;
  }
  friend bool operator==(const Says&, const Says&) = default;

 private:
  std::uint32_t bits_ = 0;
};

// Immutable once it is ready. A client has few rules, and there may be a million clients: few stand
// in a list, which is small, and more than that in a tree, where an answer takes as long with ten
// thousand rules as with ten.
class FilterRules {
 public:
  // `filter` of "" stands for everything, `$`-topics too. Contract: not ready yet.
  void add(std::string filter, Says says);
  void make_ready();

  [[nodiscard]] Says on_topic(std::string_view topic) const;
  // Of the rules whose filters match all that `filter` matches (mqtt::covers).
  [[nodiscard]] Says on_filter(std::string_view filter) const;
  [[nodiscard]] Says of_all() const { return of_all_; }  // whatever the topic

 private:
  struct Rule {
    std::string filter;
    Says says;
  };

  Says on_everything_;
  Says of_all_;
  std::vector<Rule> few_;
  std::unique_ptr<FilterTree<Says>> many_;
};

}  // namespace sluice::broker
