#pragma once
#include <atomic>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "model/message.hpp"
#include "store/store.hpp"

namespace sluice::broker {

// When traced messages came, were sent to clients and acknowledged by them, to the millisecond.
// Which are traced is switched by an operator; none are at the start, and then it costs one load a
// message.
// docs/adr/0021-message-trace.md
//
// Owns:    the newest kMostEvents events; they end with the process.
// Threads: every call from any thread.
class Tracer {
 public:
  static constexpr std::size_t kMostEvents = 65'536;
  static constexpr std::size_t kMostRules = 100;      // filters, and client ids
  static constexpr std::size_t kMostNameBytes = 256;  // of a client id in an event

  // A message is traced if one of the filters matches it, one of the clients has published it or is
  // sent it, or it is one in so many.
  struct Rules {
    std::vector<std::string> filters;
    std::vector<std::string> client_ids;
    std::uint32_t one_in = 0;  // 0: none
    [[nodiscard]] bool any() const { return !filters.empty() || !client_ids.empty() || one_in > 0; }
  };
  enum class What : std::uint8_t { Received, Sent, SentAgain, Acknowledged };
  struct Event {
    std::uint64_t number = 0;  // grows with each
    model::MessageId message;
    std::int64_t at_ms = 0;
    What what = What::Sent;
    std::uint8_t qos = 0;
    std::string client_id;  // who has published it, was sent it, or acknowledged it
  };

  explicit Tracer(const Clock& clock) : clock_(clock) {}

  [[nodiscard]] bool is_on() const { return on_.load(std::memory_order_relaxed); }
  void set_rules(Rules rules);
  [[nodiscard]] Rules rules() const;
  [[nodiscard]] bool is_traced(const model::Message& message, std::string_view client_id) const;

  // Only while is_on().
  void note(What what, const model::Message& message, std::string_view client_id, std::uint8_t qos);

  // Of what has just been appended; only while is_on().
  void note_received(const store::Batch& batch);

  // Of one message once it was received, in order.
  [[nodiscard]] std::vector<Event> events_of(model::Position position) const;
  // Of one client, newest first: those with a number below `before`. Not on an event loop.
  [[nodiscard]] std::vector<Event> events_of_client(std::string_view client_id,
                                                    std::uint64_t before, std::size_t most) const;
  struct Kept {
    std::size_t events = 0;
    std::int64_t since_ms = 0;  // of the oldest; 0: there is none
  };
  [[nodiscard]] Kept kept() const;

 private:
  [[nodiscard]] bool is_traced_locked(const model::Message& message,
                                      std::string_view client_id) const;
  void keep_locked(Event event);

  const Clock& clock_;
  std::atomic<bool> on_{false};
  mutable std::mutex mutex_;
  Rules rules_;
  std::deque<Event> events_;  // the newest
  std::uint64_t last_number_ = 0;
};

[[nodiscard]] std::string_view name_of(Tracer::What what);

}  // namespace sluice::broker
