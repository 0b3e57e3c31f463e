// Reference pages, made from what the program declares: docs/reference/ is written with them.
#pragma once
#include <string>

namespace sluice::app {

[[nodiscard]] std::string settings_reference();    // Markdown
[[nodiscard]] std::string metrics_reference();     // Markdown
[[nodiscard]] std::string errors_reference();      // Markdown
[[nodiscard]] std::string connectors_reference();  // Markdown
[[nodiscard]] std::string openapi_reference();     // YAML

}  // namespace sluice::app
