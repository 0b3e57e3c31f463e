#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"

namespace sluice::connect {

// One message on its way out, already mapped. Views into the arena of the batch that owns it.
struct Record {
  std::uint64_t token = 0;  // given back with the outcome
  std::string_view topic;
  std::optional<std::string_view> key;
  std::string_view value;
  std::int64_t timestamp_ms = 0;
  std::span<const std::pair<std::string_view, std::string_view>> headers;  // order, repeats kept
};

enum class Verdict : std::uint8_t {
  Delivered,
  RetryLater,  // the other side is away or busy; the same record is to be handed over again
  Rejected,    // this record can never be delivered as it stands
  Fatal,       // the sink cannot go on as configured: a person must mend it
};

struct Delivery {
  std::uint64_t token = 0;
  Verdict verdict = Verdict::Delivered;
  bool maybe_arrived = false;  // of RetryLater: handing it over again may make a duplicate
  bool at_once = false;   // of RetryLater: the sink will do otherwise, there is no need to wait
  std::string reason;     // empty when delivered
  bool was_tried = true;  // of RetryLater: not, if it only waited for one that came back
};

// How a sink writes exactly once: what is handed over between two ends becomes visible at one
// moment, together with the place that is reached with it, or not at all. docs/adr/0041.
//
// Threads: as the sink's.
class Transactions {
 public:
  virtual ~Transactions() = default;
  // The place that was given with the last end that took effect, ever; empty: there was none. What
  // an earlier run had not ended is undone first. To be asked once, before anything is written.
  // Blocks for a few seconds. Errors: as Sink::write().
  [[nodiscard]] virtual Result<std::string> last_place() = 0;
  // Ends what was written since the last end. All outcomes of its records come together: Delivered,
  // or something came in between, and then none of them has arrived. Until then no record is taken.
  // To be called right after collect(): `place` cannot know of rejections that wait there.
  virtual void end(std::string place) = 0;
  // An end was given up before it was known whether it took effect: last_place() would tell.
  [[nodiscard]] virtual bool is_in_doubt() const = 0;
};

// Where records leave Sluice. A sink hands over and reports; the runtime owns retries, order,
// batches, cursors and dead letters.
//
// Order:   records of one topic and key arrive in the order they were handed over. When one of them
//          comes back (RetryLater), so does every later one that was accepted, and nothing more is
//          accepted before the runtime has collected what came back.
// Threads: every call from the worker that owns the sink. `on_ready` is called from any thread, but
//          not after the destructor.
class Sink {
 public:
  struct Callbacks {
    // There is something to collect. Short.
    std::function<void()> on_ready;
  };
  using Milliseconds = std::chrono::milliseconds;
  static constexpr Milliseconds kNotByItself = Milliseconds::max();

  virtual ~Sink() = default;
  // Takes as many records as there is room for, from the front; the number taken. What is not taken
  // is offered again after the next outcome: a full client queue is not an error. The record's
  // memory must stay valid until its outcome. May block for a few seconds.
  // Errors, when nothing was taken: Unavailable (the first record cannot be handed over now: try
  // again after a while, whether or not outcomes come), InvalidArgument (Fatal, as above).
  [[nodiscard]] virtual Result<std::size_t> write(std::span<const Record> records) = 0;
  // Appends the outcomes that have come: exactly one for every record that was taken. Returns after
  // how long it wants to be called again, even if on_ready is silent.
  [[nodiscard]] virtual Milliseconds collect(std::vector<Delivery>& outcomes) = 0;
  // Why the other side cannot be reached, as far as the last collect() knew; empty: all is well.
  [[nodiscard]] virtual std::string_view away() const = 0;
  // While records come without a pause: how long the next ones may gather before they are handed
  // over together. The first after a pause never waits. Part of the time that the task's document
  // lets a record wait for others.
  [[nodiscard]] virtual Milliseconds gathers_for() const { return Milliseconds(0); }
  // What waits to be sent in larger batches is sent. Blocks for a moment.
  virtual void flush() = 0;
  // Gives up what is still accepted: each such record comes back soon. Blocks for a moment.
  virtual void abandon() = 0;
  // Of a sink that was made with SinkConfig::transactional_id; the sink's own.
  [[nodiscard]] virtual Transactions* transactions() { return nullptr; }
};

// Where a record would go and what it takes there, as far as it can be known without writing it.
struct Placement {
  std::optional<int> partition = std::nullopt;  // where the key decides, and the other side answers
  std::size_t bytes = 0;                        // in a batch of its own
  std::string problem;                          // why it would be refused
  std::string note;                             // what could not be found out
};

struct VerifyStep {
  std::string name;  // resolve, connect, tls, authenticate, metadata, topic ...
  bool ok = false;
  std::int64_t ms = 0;
  std::string detail;
  std::string hint;  // what to do when it is not ok
};

}  // namespace sluice::connect
