// What a change of policies would take away, before it is made.
#pragma once
#include <cstddef>
#include <string>
#include <vector>

#include "base/refusal.hpp"
#include "broker/access_control.hpp"

namespace sluice::broker {

class Broker;

// What RightsReview would do after the change.
struct RightsEffect {
  static constexpr std::size_t kClientsNamed = 10;
  std::size_t clients_disconnected = 0;
  std::size_t subscriptions_dropped = 0;
  std::vector<std::string> client_ids = {};  // the first of those that lose something, ascending
};

// Looks at every session, in steps, of all workers at once. Not from a worker's thread. Overloaded:
// the workers did not come to it in time.
[[nodiscard]] Outcome<RightsEffect> preview_rights(Broker& broker, const PolicyTrialPtr& trial);

}  // namespace sluice::broker
