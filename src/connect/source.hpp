#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <boost/json/object.hpp>

#include "base/result.hpp"
#include "connect/arena.hpp"
#include "model/message.hpp"

namespace sluice::connect {

struct StartNow {};
struct StartEarliest {};
struct StartTime {
  std::int64_t wall_ms = 0;
};
struct StartPosition {
  std::uint64_t position = 0;
};
// Where a new task begins.
using Start = std::variant<StartNow, StartEarliest, StartTime, StartPosition>;

// What a source is made from: both objects are checked and complete.
struct SourceConfig {
  boost::json::object connection;  // the connection's `settings`
  boost::json::object source;      // the task's `source`
  Start start;                     // of it
  std::string client_id;           // `<connection>-<task>-<n>`
  std::string group;               // `group-<connection>-<task>`
  std::string member;              // the same for ever, and nobody else's: node and task
  std::string note = {};           // what the task's source has kept last: see Callbacks::keep
};

// What came from outside, as a message: `topic` is the one there, user properties are the record's
// headers as they stand, `client_id` is the record's key, and `host` its place there.
struct Arrival {
  std::uint64_t token = 0;  // given back when it is done with; they ascend
  model::Message message;   // views: see Source::receive()
};

struct ArrivalBatch {
  std::vector<Arrival> arrivals;
  Arena arena;  // for what has to be made of them
};

// From where messages enter Sluice. A source hands out what has come and is told what is done with;
// the runtime owns mapping, retries, order, dead letters and durability.
//
// Order:   arrivals that must not overtake one another come in their order. After a restart, and
//          when the other side takes a part away and gives it back, it begins behind what was
//          acknowledged: nothing is left out, some may come twice.
// Threads: every call from the worker that owns it. `on_ready` is called from any thread, but not
//          after the destructor.
class Source {
 public:
  struct Callbacks {
    // There is something to receive, or to tend. Short.
    std::function<void()> on_ready;
    // Keeps a text for the task's next source, in place of the last one: what the other side has of
    // this task, where it cannot be asked. Durable when it returns; blocks. From any thread.
    std::function<Result<void>(const std::string& note)> keep = {};
  };
  using Milliseconds = std::chrono::milliseconds;
  static constexpr Milliseconds kNotByItself = Milliseconds::max();

  virtual ~Source() = default;
  // Appends what has come, as far as it fits; nothing is waited for. Views live until it is
  // acknowledged. Errors: Unavailable (make another one after a while), InvalidArgument (a person
  // must mend it).
  [[nodiscard]] virtual Result<void> receive(ArrivalBatch& batch, std::size_t most,
                                             std::size_t most_bytes) = 0;
  // All up to this one is durable here or given up for good: it need not come again. In the order
  // of the tokens.
  virtual void acknowledge(std::uint64_t token) = 0;
  // Keeps the other side content. `is_busy`: nothing will be received for now. Returns after how
  // long it wants to be called again, even if on_ready is silent.
  [[nodiscard]] virtual Milliseconds tend(bool is_busy) = 0;
  // Whether it has come so far that what is sent there comes here. Stays so.
  [[nodiscard]] virtual bool has_begun() const = 0;
  // Why the other side cannot be reached, as far as is known; empty: all is well.
  [[nodiscard]] virtual std::string_view away() const = 0;
  // How much waits at the other side; nothing: that is not known yet.
  [[nodiscard]] virtual std::optional<std::uint64_t> lag() const = 0;
  // Messages that the other side deleted before they came here, since the last call.
  [[nodiscard]] virtual std::uint64_t take_lost() = 0;
  // The other side is told what was acknowledged. Blocks for some seconds at most.
  virtual void close() = 0;
};

}  // namespace sluice::connect
