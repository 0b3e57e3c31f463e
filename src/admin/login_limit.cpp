#include "admin/login_limit.hpp"

#include <algorithm>

#include "base/peer.hpp"

namespace sluice::admin {

std::string LoginLimit::user_key(std::string_view user) {
  return std::string(user.substr(0, 64));
}

LoginLimit::Attempt LoginLimit::begin(std::string_view address, std::string_view user) {
  using std::chrono::ceil;
  using std::chrono::seconds;
  constexpr Attempt kSoon{.is_allowed = false, .retry_after = seconds(1)};
  const auto now = clock_.steady();
  return state_.with([&](State& state) -> Attempt {
    forget(state, now);
    if (state.running >= kAtOnce) return kSoon;
    if (state.addresses.size() >= kRemembered || state.users.size() >= kRemembered)
      return {.is_allowed = false, .retry_after = kWindow};
    auto& of_address = state.addresses[peer_of(address)];
    auto& of_user = state.users[user_key(user)];
    if (of_address.failures > 0 && now - of_address.last >= kForgottenAfter)
      of_address.failures = 0;
    if (of_user.attempts == 0 || now - of_user.since >= kWindow) of_user = {.since = now};
    if (now < of_address.held_until)
      return {.is_allowed = false, .retry_after = ceil<seconds>(of_address.held_until - now)};
    if (of_user.attempts >= kPerUser)
      return {.is_allowed = false, .retry_after = ceil<seconds>(of_user.since + kWindow - now)};
    if (of_address.is_running) return kSoon;
    of_address.is_running = true;
    ++of_user.attempts;
    ++state.running;
    return {.is_allowed = true};
  });
}

void LoginLimit::finished(std::string_view address, std::string_view user, bool succeeded) {
  const auto now = clock_.steady();
  state_.with([&](State& state) {
    --state.running;
    auto& of_address = state.addresses[peer_of(address)];
    of_address.is_running = false;
    if (succeeded) {
      const auto found = state.users.find(user_key(user));
      if (found != state.users.end() && found->second.attempts > 0) --found->second.attempts;
      return;
    }
    of_address.last = now;
    if (++of_address.failures < kPerAddress) return;
    const int doublings = std::min(of_address.failures - kPerAddress, 16);
    of_address.held_until =
        now + std::min<std::chrono::seconds>(kFirstPause * (1 << doublings), kLongestPause);
  });
}

// Only when there is need: it looks at all of them.
void LoginLimit::forget(State& state, Time now) {
  if (state.addresses.size() >= kRemembered) {
    std::erase_if(state.addresses, [&](const auto& entry) {
      const auto& address = entry.second;
      return !address.is_running && now >= address.held_until &&
             (address.failures == 0 || now - address.last >= kWindow);
    });
  }
  if (state.users.size() >= kRemembered) {
    std::erase_if(state.users, [&](const auto& entry) {
      return entry.second.attempts == 0 || now - entry.second.since >= kWindow;
    });
  }
}

}  // namespace sluice::admin
