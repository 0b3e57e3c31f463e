#pragma once
#include <string_view>

#include "base/result.hpp"
#include "store/store.hpp"

namespace sluice::broker {

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
};

}  // namespace sluice::broker
