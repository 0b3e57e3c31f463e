#pragma once
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "broker/filter_table.hpp"
#include "store/store.hpp"

namespace sluice::broker {

// How far a new subscription has got with the retained messages that it is sent.
struct RetainedWalk {
  std::string after;      // the topic of the last one that was sent; empty: none yet
  store::Position until;  // later ones came to it as new messages
};

// What a subscription still owes from before its QoS was lowered to 0: what waited then may not be
// lost. [MQTT-3.8.4-4]
struct Leftover {
  static constexpr store::Position kOpen{std::numeric_limits<std::uint64_t>::max()};
  SubscriptionOptions options;  // as they were
  store::Position since;
  store::Position until = kOpen;  // open: messages may be on the way that know the old options
};

// What a subscription has not done yet and a restart may not forget; most have nothing.
struct Unfinished {
  std::optional<RetainedWalk> retained;
  std::vector<Leftover> leftovers;
};

}  // namespace sluice::broker
