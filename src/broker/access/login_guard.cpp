#include "broker/access/login_guard.hpp"

#include <algorithm>

namespace sluice::broker {
namespace {

constexpr std::size_t kLongestKey = 64;  // of a user's name: strangers choose it

const metrics::Declaration kHeldBack{
    "sluice_logins_held_back_total",
    "Logins that were not looked at: too many wrong ones from their address, or for their user.",
    metrics::Kind::Counter,
    {"at", "by"}};

}  // namespace

HeldLogins LoginGuard::counters(metrics::Registry& registry, std::string_view at) {
  const auto counter = [&](std::string_view by) {
    return &registry.counter(kHeldBack, {{"at", std::string(at)}, {"by", std::string(by)}});
  };
  return {.by_address = counter("address"), .by_user = counter("user")};
}

std::string_view LoginGuard::key_of(std::string_view user) {
  return user.substr(0, kLongestKey);
}

std::string LoginGuard::pair_of(std::string_view user, std::string_view peer) {
  std::string pair(key_of(user));
  pair += '\0';  // no name has one
  pair += peer;
  return pair;
}

std::chrono::seconds LoginGuard::pause_after(int count, int free, std::chrono::seconds longest) {
  const int doublings = std::min(count - free, 16);
  return std::min<std::chrono::seconds>(kFirstPause * (1 << doublings), longest);
}

LoginGuard::Hold LoginGuard::look(State& state, std::string_view peer, std::string_view user,
                                  Time now, bool begins) const {
  if (const auto* at = state.peers.find(peer); at != nullptr && now < at->held_until)
    return {.by = Held::ByAddress, .left = at->held_until - now};
  auto* of = user.empty() || bounds_.per_user == 0 ? nullptr : state.users.find(key_of(user));
  if (of == nullptr || of->count < bounds_.per_user || now - of->last >= kForgottenAfter) return {};
  if (state.known.find(pair_of(user, peer)) != nullptr) return {};
  if (now < of->held_until) return {.by = Held::ByUser, .left = of->held_until - now};
  if (begins) of->held_until = now + pause_after(of->count, bounds_.per_user, kLongestPauseOfUser);
  return {};
}

LoginGuard::Hold LoginGuard::counted(Hold hold) const {
  auto* counter = hold.by == Held::ByUser ? counters_.by_user : counters_.by_address;
  if (hold && counter != nullptr) counter->add();
  return hold;
}

LoginGuard::Hold LoginGuard::holds_back(std::string_view peer, std::string_view user) {
  const auto now = clock_.steady();
  return counted(state_.with([&](State& state) { return look(state, peer, user, now, false); }));
}

LoginGuard::Hold LoginGuard::begin(std::string_view peer, std::string_view user) {
  const auto now = clock_.steady();
  return counted(state_.with([&](State& state) { return look(state, peer, user, now, true); }));
}

void LoginGuard::failed(std::string_view peer, std::string_view user) {
  const auto now = clock_.steady();
  const auto count = [now](Failures& failures) {
    if (failures.count > 0 && now - failures.last >= kForgottenAfter) failures = {};
    failures.last = now;
    return ++failures.count;
  };
  state_.with([&](State& state) {
    // Of the peer those that were under way when the pause began do not count.
    if (auto& at = state.peers[peer]; bounds_.per_address > 0 && now >= at.held_until) {
      if (const int failures = count(at); failures >= bounds_.per_address)
        at.held_until = now + pause_after(failures, bounds_.per_address, kLongestPause);
    }
    if (!user.empty() && bounds_.per_user > 0) count(state.users[key_of(user)]);
  });
}

void LoginGuard::succeeded(std::string_view peer, std::string_view user) {
  if (user.empty() || bounds_.per_user == 0) return;
  state_.with([&](State& state) { state.known[pair_of(user, peer)] = true; });
}

}  // namespace sluice::broker
