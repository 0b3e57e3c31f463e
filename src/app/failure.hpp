#pragma once
#include <string_view>

namespace sluice::app {

// One line for the terminal, on standard error; what a client or a server wrote in it does not move
// the cursor. Returns 1: the exit status of what was refused or failed.
int fail_with(std::string_view sentence);

}  // namespace sluice::app
