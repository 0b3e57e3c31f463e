// What the server answered to a command, printed.
#pragma once
#include "app/rest_commands.hpp"
#include "io/http_channel.hpp"

namespace sluice::app {

// Returns the exit code.
int show(const RestCommand& command, const io::HttpResponse& answer);

}  // namespace sluice::app
