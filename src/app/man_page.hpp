#pragma once
#include <CLI/App.hpp>
#include <string>

namespace sluice::app {

// Pages for man(1), in the macros of man(7), made from the one declaration of commands and of
// settings. They hold no date: the same program always makes the same page.
[[nodiscard]] std::string program_man_page(const CLI::App& app);  // sluice(1)
[[nodiscard]] std::string settings_man_page();                    // sluice.yaml(5)

}  // namespace sluice::app
