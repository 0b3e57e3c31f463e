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

// What rules say together: more rules only ever add to it.
struct Says {
  std::uint8_t publish_allowed = 0;  // a bit for each QoS, and again for each QoS of retained ones
  std::uint8_t publish_denied = 0;
  std::uint8_t subscribe_allowed = 0;  // a bit for each QoS
  std::uint8_t subscribe_denied = 0;
  bool receive_denied = false;

  [[nodiscard]] static std::uint8_t publish_bit(mqtt::Qos qos, bool retain) {
    return static_cast<std::uint8_t>(1U << (static_cast<unsigned>(qos) + (retain ? 3U : 0U)));
  }
  [[nodiscard]] static std::uint8_t subscribe_bit(mqtt::Qos qos) {
    return static_cast<std::uint8_t>(1U << static_cast<unsigned>(qos));
  }
  Says& operator|=(const Says& more);
};

// Immutable once it is ready. A client has few rules, and there may be a million clients: few stand
// in a list, which is small, and more than that in a tree, where an answer takes as long with ten
// thousand rules as with ten.
class FilterRules {
 public:
  // `filter` of "" stands for everything, `$`-topics too. Contract: not ready yet.
  void add(std::string filter, const Says& says);
  void make_ready();

  [[nodiscard]] Says on_topic(std::string_view topic) const;
  // Of the rules whose filters match all that `filter` matches (mqtt::covers).
  [[nodiscard]] Says on_filter(std::string_view filter) const;
  [[nodiscard]] const Says& of_all() const { return of_all_; }  // whatever the topic

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
