#pragma once
#include <cstdint>
#include <vector>

#include "connect/progress.hpp"

namespace sluice::connect {

// What runs a task: a Worker from the log to a sink, a SourceWorker from a source into the log.
//
// Threads: start(), stop() from one thread at a time; the rest from any.
class Runner {
 public:
  virtual ~Runner() = default;
  virtual void start() = 0;
  // Asks the thread to end; does not wait.
  virtual void request_stop() = 0;
  // Users or policies are not what they were: the task's account may do more now, or less.
  virtual void rights_changed() = 0;
  // Retention has deleted the beginning of the log; `lost` messages of it were before the queues
  // and had not been read. What of the queues is gone the worker counts itself.
  virtual void log_deleted(std::uint64_t lost) = 0;
  virtual void stop() = 0;  // request_stop(), and waits; the progress afterwards is the last word
  [[nodiscard]] virtual Progress progress() const = 0;
  // Of each worker, where several share the task.
  [[nodiscard]] virtual std::vector<Progress> workers() const { return {progress()}; }
};

}  // namespace sluice::connect
