// Connections, tasks and their dead letters.
#pragma once
#include <vector>

#include "admin/route.hpp"

namespace sluice::admin {

[[nodiscard]] std::vector<Route> connection_routes();
[[nodiscard]] std::vector<Route> task_routes();
[[nodiscard]] std::vector<Route> dead_letter_routes();

}  // namespace sluice::admin
