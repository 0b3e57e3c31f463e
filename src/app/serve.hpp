#pragma once
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "app/settings.hpp"

namespace sluice::app {

// What `serve` is given besides the settings.
struct ServeOptions {
  const EffectiveSettings& effective;  // outlives the call
  // Of the first administrator, from SLUICE_ADMIN_PASSWORD; used at the first start only.
  std::optional<std::string> admin_password;
  // Reads all sources again, with what was changed by REST (JSON, or empty). Any thread.
  std::function<tl::expected<EffectiveSettings, std::vector<SettingProblem>>(std::string)> reload;
};

// Runs the server until it is told to stop. Returns the exit code: 0 stopped, 1 refused or failed.
int serve(const Settings& settings, const ServeOptions& options);

}  // namespace sluice::app
