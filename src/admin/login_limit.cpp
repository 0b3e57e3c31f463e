#include "admin/login_limit.hpp"

#include "base/peer.hpp"

namespace sluice::admin {

std::string LoginLimit::address_key(std::string_view text) {
  return "a " + peer_of(text);
}

std::string LoginLimit::user_key(std::string_view user) {
  return "u " + std::string(user.substr(0, 64));
}

LoginLimit::Attempt LoginLimit::begin(std::string_view address, std::string_view user) {
  using std::chrono::ceil;
  using std::chrono::seconds;
  constexpr Attempt kSoon{.is_allowed = false, .retry_after = seconds(1)};
  const auto now = clock_.steady();
  const auto by_address = address_key(address);
  const auto by_user = user_key(user);
  return state_.with([&](State& state) -> Attempt {
    auto& counts = state.counts;
    if (counts.size() >= kRemembered) {
      std::erase_if(counts, [&](const auto& entry) {
        return now - entry.second.since >= kWindow && !entry.second.is_running;
      });
    }
    if (state.running >= kAtOnce) return kSoon;
    if (counts.size() >= kRemembered) return {.is_allowed = false, .retry_after = kWindow};
    for (const auto& key : {by_address, by_user}) {
      auto& count = counts[key];
      if (count.attempts == 0 || now - count.since >= kWindow) {
        count.attempts = 0;
        count.since = now;
      }
    }
    auto& of_address = counts[by_address];
    auto& of_user = counts[by_user];
    const auto left = [&](const Count& count) {
      return Attempt{.is_allowed = false,
                     .retry_after = ceil<seconds>(count.since + kWindow - now)};
    };
    if (of_address.attempts >= kPerAddress) return left(of_address);
    if (of_user.attempts >= kPerUser) return left(of_user);
    if (of_address.is_running) return kSoon;
    of_address.is_running = true;
    ++of_address.attempts;
    ++of_user.attempts;
    ++state.running;
    return {.is_allowed = true};
  });
}

void LoginLimit::finished(std::string_view address, std::string_view user, bool succeeded) {
  state_.with([&](State& state) {
    --state.running;
    state.counts[address_key(address)].is_running = false;
    if (!succeeded) return;
    for (const auto& key : {address_key(address), user_key(user)}) {
      const auto found = state.counts.find(key);
      if (found != state.counts.end() && --found->second.attempts <= 0) state.counts.erase(found);
    }
  });
}

}  // namespace sluice::admin
