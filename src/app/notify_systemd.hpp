#pragma once
#include <string_view>

namespace sluice::app {

// Tells the service manager, if there is one (NOTIFY_SOCKET): "READY=1", "STOPPING=1",
// "STATUS=...". Does nothing, silently, where nobody listens. See sd_notify(3).
void notify_systemd(std::string_view state);

// Does the journal of systemd keep what is written there? Then it is no place for a password.
// JOURNAL_STREAM names the device and inode of its stream, systemd.exec(5).
[[nodiscard]] bool goes_to_journal(int descriptor);

}  // namespace sluice::app
