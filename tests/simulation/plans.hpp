#pragma once
#include <vector>

#include "simulation/client.hpp"

namespace sluice::simulation {

// Who takes part in an episode.
[[nodiscard]] std::vector<Client::Plan> client_plans(Random& random);

}  // namespace sluice::simulation
