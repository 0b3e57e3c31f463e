#pragma once
#include <vector>

#include "admin/route.hpp"

namespace sluice::admin {

// Tokens for programs.
[[nodiscard]] std::vector<Route> token_routes();

}  // namespace sluice::admin
