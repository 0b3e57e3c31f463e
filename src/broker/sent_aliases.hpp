#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace sluice::broker {

// The topic aliases that a client has been told, on one connection. The first topics that are sent
// get one each and keep it: a client that allows fewer aliases than it has topics gains least from
// aliases that change hands. [MQTT-3.1.2-26] [MQTT-3.3.2-7]
//
// Threads: the connection's worker alone.
class SentAliases {
 public:
  // Longer topics get none, so that what is remembered of a client stays small.
  static constexpr std::size_t kLongestTopic = 1024;

  struct Alias {
    std::uint16_t number = 0;  // 0: none
    bool is_known = false;     // to the client: the topic itself can be left out
  };

  explicit SentAliases(std::uint16_t maximum) : maximum_(maximum) {}

  [[nodiscard]] Alias of(std::string_view topic) const {
    const auto found = numbers_.find(topic);
    if (found != numbers_.end()) return {.number = found->second, .is_known = true};
    if (numbers_.size() >= maximum_ || topic.size() > kLongestTopic) return {};
    return {.number = static_cast<std::uint16_t>(numbers_.size() + 1), .is_known = false};
  }

  // The PUBLISH with both topic and alias is on its way.
  void add(std::string_view topic, Alias alias) { numbers_.emplace(topic, alias.number); }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>()(text);
    }
  };

  std::uint16_t maximum_;
  std::unordered_map<std::string, std::uint16_t, Hash, std::equal_to<>> numbers_;
};

}  // namespace sluice::broker
