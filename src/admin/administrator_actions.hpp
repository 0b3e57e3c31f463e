#pragma once
#include <vector>

#include "admin/route.hpp"

namespace sluice::admin {

// Accounts of the administration.
[[nodiscard]] std::vector<Route> administrator_routes();

}  // namespace sluice::admin
