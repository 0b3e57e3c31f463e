#pragma once

namespace sluice::app {

// The whole program. Exit codes: 0 done, 1 refused or failed, 2 wrong arguments or settings.
int run_command_line(int argc, const char* const* argv);

}  // namespace sluice::app
