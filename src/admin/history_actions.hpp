#pragma once
#include <vector>

#include "admin/route.hpp"

namespace sluice::admin {

// How the figures stand now.
[[nodiscard]] History::Sample sample_of(const Sources& sources);
// How they were over the last day.
[[nodiscard]] std::vector<Route> history_routes();

}  // namespace sluice::admin
