#pragma once
#include <string>
#include <vector>

#include "app/settings.hpp"

namespace sluice::app {

// The effective settings, one line each: `name = value  # where it comes from`.
[[nodiscard]] std::string settings_text(const EffectiveSettings& effective);
// What is wrong with the settings, for standard error.
[[nodiscard]] std::string problems_text(const std::vector<SettingProblem>& problems);

}  // namespace sluice::app
