#pragma once
#include <vector>

#include "admin/route.hpp"

namespace sluice::admin {

// What happened, and what happens, while it does.
[[nodiscard]] std::vector<Route> event_routes();

}  // namespace sluice::admin
