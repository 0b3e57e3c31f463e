#pragma once
#include <vector>

#include "admin/route.hpp"

namespace sluice::admin {

// Notes how the figures stand now.
void take_figures(const Sources& sources, Latency& latency, History& history,
                  TaskHistory& of_tasks);
// How they were over the last day, of all and of one task.
[[nodiscard]] std::vector<Route> history_routes();

}  // namespace sluice::admin
