#pragma once
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "admin/event_kind.hpp"
#include "base/guarded.hpp"

namespace sluice::admin {

// What waits for one client that listens (GET /stream), as server-sent events.
//
// Owns:    at most kMostBytes of text. What does not fit is left out and counted; the client is
//          told how much, once there is room: a slow one holds up nobody.
// Threads: any.
class LiveStream {
 public:
  static constexpr std::size_t kMostBytes = 256 * 1024;

  // Nothing can be taken before begin_with(). `is_allowed`: whether who listens still may.
  LiveStream(EventKinds kinds, std::string account, std::function<bool()> is_allowed)
      : kinds_(kinds), account_(std::move(account)), is_allowed_(std::move(is_allowed)) {}

  [[nodiscard]] bool wants(EventKind kind) const { return kinds_.test(index_of(kind)); }
  [[nodiscard]] const std::string& account() const { return account_; }

  // --- for who tells
  // False: it has ended, or there is no room; then it is counted as missed.
  bool add(std::string_view event);
  void keep_alive();                // a comment, unless something waits anyway
  void end(std::string_view code);  // the last event: why
  [[nodiscard]] bool is_allowed() const { return !is_allowed_ || is_allowed_(); }

  // What came before all that has been added since it was made.
  void begin_with(std::string_view events);

  // --- for who writes it to the client
  // Called under its lock when there is something to take, or it has ended; not again before
  // take(). Once on_ready({}) has returned, not any more.
  void on_ready(std::function<void()> wake);
  // All that waits; empty: nothing.
  [[nodiscard]] std::string take();
  [[nodiscard]] bool is_ended() const;

 private:
  struct State {
    std::string waiting;
    std::size_t missed = 0;
    bool has_begun = false;
    bool ended = false;
    bool is_woken = false;
    std::function<void()> wake;
  };
  static void wake(State& state);
  static void tell_missed(State& state);

  const EventKinds kinds_;
  const std::string account_;
  const std::function<bool()> is_allowed_;
  Guarded<State> state_;
};

}  // namespace sluice::admin
