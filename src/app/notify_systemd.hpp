#pragma once
#include <string_view>

namespace sluice::app {

// Tells the service manager, if there is one (NOTIFY_SOCKET): "READY=1", "STOPPING=1",
// "STATUS=...". Does nothing, silently, where nobody listens. See sd_notify(3).
void notify_systemd(std::string_view state);

}  // namespace sluice::app
