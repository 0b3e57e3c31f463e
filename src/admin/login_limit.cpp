#include "admin/login_limit.hpp"

#include <algorithm>

#include "base/peer.hpp"

namespace sluice::admin {
namespace {

LoginLimit::Attempt later(const broker::LoginGuard::Hold& hold) {
  return {.is_allowed = false, .retry_after = std::chrono::ceil<std::chrono::seconds>(hold.left)};
}

}  // namespace

LoginLimit::Attempt LoginLimit::begin(std::string_view address, std::string_view user) {
  const auto peer = peer_of(address);
  if (const auto hold = guard_.holds_back(peer, user)) return later(hold);
  const bool has_place = running_.with([&](auto& running) {
    if (running.size() >= kAtOnce || std::ranges::count(running, peer) > 0) return false;
    running.push_back(peer);
    return true;
  });
  if (!has_place) return {.is_allowed = false, .retry_after = std::chrono::seconds(1)};
  if (const auto hold = guard_.begin(peer, user)) {
    running_.with([&](auto& running) { std::erase(running, peer); });
    return later(hold);
  }
  return {.is_allowed = true};
}

void LoginLimit::finished(std::string_view address, std::string_view user, bool succeeded) {
  const auto peer = peer_of(address);
  running_.with([&](auto& running) { std::erase(running, peer); });
  if (succeeded)
    guard_.succeeded(peer, user);
  else
    guard_.failed(peer, user);
}

void LoginLimit::was_right(std::string_view address, std::string_view user) {
  guard_.succeeded(peer_of(address), user);
}

}  // namespace sluice::admin
