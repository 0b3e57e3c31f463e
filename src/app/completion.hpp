#pragma once
#include <CLI/App.hpp>
#include <string>
#include <string_view>

namespace sluice::app {

// A script that lets a shell (bash, zsh, fish) complete every command of `app`, its options and
// what they take: made from the one declaration of them, so none can be missing.
[[nodiscard]] std::string completion_script(const CLI::App& app, std::string_view shell);

}  // namespace sluice::app
