#pragma once
#include <string>

namespace sluice::app {

// A settings file (YAML) that says nothing: every setting with its default and what it is, all of
// it behind `#`. Texts stand behind `##`; a line with one `#` less is a setting.
[[nodiscard]] std::string commented_settings();

}  // namespace sluice::app
