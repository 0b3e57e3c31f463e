#pragma once
#include <vector>

#include "admin/route.hpp"

namespace sluice::admin {

// Who changed what.
[[nodiscard]] std::vector<Route> audit_routes();

}  // namespace sluice::admin
