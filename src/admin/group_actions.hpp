#pragma once
#include <array>
#include <string_view>
#include <vector>

#include "admin/route.hpp"

namespace sluice::admin {

// What their list may go by.
inline constexpr std::array<std::string_view, 4> kGroupSorts = {"name", "members", "created",
                                                                "updated"};
// Shared subscription groups: those that were made, and those that clients are in.
[[nodiscard]] std::vector<Route> group_routes();

}  // namespace sluice::admin
