#pragma once
#include <vector>

#include "admin/route.hpp"

namespace sluice::admin {

// Shared subscription groups: those that were made, and those that clients are in.
[[nodiscard]] std::vector<Route> group_routes();

}  // namespace sluice::admin
