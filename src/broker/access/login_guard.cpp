#include "broker/access/login_guard.hpp"

#include <algorithm>

namespace sluice::broker {

bool LoginGuard::holds_back(std::string_view peer) {
  return peers_.with([&](auto& peers) {
    const auto* failures = peers.find(peer);
    return failures != nullptr && clock_.steady() < failures->held_until;
  });
}

void LoginGuard::failed(std::string_view peer) {
  peers_.with([&](auto& peers) {
    const auto now = clock_.steady();
    auto& failures = peers[peer];
    if (now < failures.held_until) return;  // was under way when the pause began
    if (failures.count > 0 && now - failures.last >= kForgottenAfter) failures = {};
    failures.last = now;
    ++failures.count;
    if (failures.count < kFree) return;
    const int doublings = std::min(failures.count - kFree, 16);
    failures.held_until =
        now + std::min<std::chrono::seconds>(kFirstPause * (1 << doublings), kLongestPause);
  });
}

}  // namespace sluice::broker
