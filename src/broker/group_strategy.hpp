#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace sluice::broker {

// To which member of a shared group a message goes.
enum class GroupStrategy : std::uint8_t {
  RoundRobin,    // to each in turn
  Random,        // to any
  Sticky,        // to one, as long as it is connected
  HashClientId,  // of one publisher to one member, as long as the members stay the same
  HashTopic,     // of one topic to one member, likewise
  LeastInFlight  // to the one with the fewest that it has not acknowledged
};

inline constexpr std::array<std::string_view, 6> kGroupStrategies{
    "round_robin", "random", "sticky", "hash_client_id", "hash_topic", "least_in_flight"};

[[nodiscard]] constexpr std::string_view name_of(GroupStrategy strategy) {
  return kGroupStrategies[static_cast<std::size_t>(strategy)];
}

[[nodiscard]] constexpr std::optional<GroupStrategy> group_strategy(std::string_view name) {
  for (std::size_t i = 0; i < kGroupStrategies.size(); ++i)
    if (kGroupStrategies[i] == name) return static_cast<GroupStrategy>(i);
  return std::nullopt;
}

// Each member has its share of the keys.
[[nodiscard]] constexpr bool is_hashed(GroupStrategy strategy) {
  return strategy == GroupStrategy::HashClientId || strategy == GroupStrategy::HashTopic;
}

// Who gets a message is a matter of the message: others may pass it while that member has no room.
[[nodiscard]] constexpr bool is_keyed(GroupStrategy strategy) {
  return strategy == GroupStrategy::Sticky || is_hashed(strategy);
}

}  // namespace sluice::broker
