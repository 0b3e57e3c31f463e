#pragma once
#include <functional>
#include <memory>
#include <string_view>

#include "base/result.hpp"
#include "store/store.hpp"

namespace sluice::broker {

// Holds back who publishes what one queue is given: that client is read no further, once the
// message that finds the log at the limit has been taken. Nothing is refused. Ends with this
// object.
//
// Threads: any.
class Brake {
 public:
  virtual ~Brake() = default;
  // From now on where the log has reached `end`; kOff: nobody. Does not block.
  virtual void hold_at(store::Position end) = 0;
  static constexpr store::Position kOff{UINT64_MAX};
};

// The queues that consumers read: what the integration runtime sees of the broker's filters.
class Queues {
 public:
  virtual ~Queues() = default;
  // A message that matches `filter` and is received from now on is in the queue. Durable when this
  // returns. Counted: as many release() calls as acquire() calls; when none is left the queue goes.
  // After a restart every owner acquires again before the listeners open, and finds the same queue.
  // Blocks.
  [[nodiscard]] virtual Result<store::Store::OpenedQueue> acquire(std::string_view filter) = 0;
  virtual void release(std::string_view filter) = 0;
  // Messages that were received before acquire() and are still on their way into the log do not
  // know the queue. When this returns they have arrived there: all that matches and stands behind
  // the log's head is in the queue. Blocks. Overloaded, Closed: the log takes nothing.
  [[nodiscard]] virtual Result<void> settle() = 0;
  // For the queue of a filter that is acquired; off at first. `on_held` is called for each client
  // that is held back, on any thread, but not once the brake has ended: short.
  [[nodiscard]] virtual std::unique_ptr<Brake> brake(std::string_view filter,
                                                     std::function<void()> on_held) = 0;
};

}  // namespace sluice::broker
