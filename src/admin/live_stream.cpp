#include "admin/live_stream.hpp"

#include <fmt/format.h>

namespace sluice::admin {

void LiveStream::wake(State& state) {
  if (state.is_woken || !state.wake || !state.has_begun) return;
  state.is_woken = true;
  state.wake();
}

void LiveStream::tell_missed(State& state) {
  if (state.missed == 0) return;
  state.waiting += fmt::format("event: missed\ndata: {{\"missed\":{}}}\n\n", state.missed);
  state.missed = 0;
}

bool LiveStream::add(std::string_view event) {
  return state_.with([&](State& state) {
    if (state.ended) return false;
    if (state.waiting.size() + event.size() > kMostBytes) {
      ++state.missed;
      return false;
    }
    tell_missed(state);
    state.waiting += event;
    wake(state);
    return true;
  });
}

void LiveStream::begin_with(std::string_view events) {
  state_.with([&](State& state) {
    state.waiting.insert(0, events);
    state.has_begun = true;
    if (!state.waiting.empty() || state.ended) wake(state);
  });
}

void LiveStream::keep_alive() {
  state_.with([&](State& state) {
    if (state.ended || !state.waiting.empty()) return;
    state.waiting = ":\n\n";
    wake(state);
  });
}

void LiveStream::end(std::string_view code) {
  state_.with([&](State& state) {
    if (std::exchange(state.ended, true)) return;
    tell_missed(state);
    state.waiting += fmt::format("event: end\ndata: {{\"code\":\"{}\"}}\n\n", code);
    wake(state);
  });
}

void LiveStream::on_ready(std::function<void()> wake_up) {
  state_.with([&](State& state) {
    state.wake = std::move(wake_up);
    state.is_woken = false;
    if (!state.waiting.empty() || state.ended) wake(state);
  });
}

std::string LiveStream::take() {
  return state_.with([](State& state) -> std::string {
    if (!state.has_begun) return {};
    state.is_woken = false;
    tell_missed(state);
    return std::exchange(state.waiting, {});
  });
}

bool LiveStream::is_ended() const {
  return state_.with([](const State& state) { return state.ended && state.waiting.empty(); });
}

}  // namespace sluice::admin
