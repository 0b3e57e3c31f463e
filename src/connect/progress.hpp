#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "store/store.hpp"

namespace sluice::connect {

enum class TaskState : std::uint8_t {
  Starting,
  Running,
  Waiting,  // the other side, or the log, is away: goes on by itself
  Paused,
  Failed,    // only a person can mend it
  Finished,  // all up to the end of its range is done with; nothing more will come
};
[[nodiscard]] std::string_view name_of(TaskState state);

// What is told when a task's state becomes another one, or it begins to shed.
struct TaskChange {
  std::string task;  // its name
  std::string task_id;
  TaskState state = TaskState::Starting;
  std::string reason;
  std::int64_t at_ms = 0;
  bool is_shedding = false;  // its state is as it was, and it begins to shed messages
};
// What a task has rejected: a message, and why.
struct TaskRejection {
  std::string task;  // its name
  std::string task_id;
  std::string reason;
  std::string message_id;  // empty: of a source, whose messages have none yet
};
using RejectionListener = std::function<void(TaskRejection)>;
// On any thread; must not block.
using TaskListener = std::function<void(const TaskChange&)>;
// Where these are told as messages: `$events/task/{name}/{state}`. A task does not carry its own.
inline constexpr std::string_view kTaskEvents = "$events/task/";

struct Progress;
// Tells the listener of a state that has just begun, and the log.
void announce(const TaskListener& listener, std::string_view task, std::string_view task_id,
              std::string_view worker, const Progress& progress);

// How a worker stands, as of its last turn. Wall-clock times in ms, 0 for none.
struct Progress {
  TaskState state = TaskState::Starting;
  std::string reason;  // why it waits or failed
  std::int64_t since_ms = 0;
  std::int64_t next_try_ms = 0;

  std::uint64_t delivered = 0;
  std::uint64_t retried = 0;
  std::uint64_t rejected = 0;
  std::uint64_t filtered = 0;  // passed over by rule: `where`, age, expired
  std::uint64_t denied = 0;    // passed over: its account may not have them
  std::uint64_t looped = 0;    // stopped by the loop guard
  std::uint64_t shed = 0;      // passed over because the back-log was beyond its bound
  std::uint64_t lost = 0;      // deleted by retention before they were read
  std::uint64_t possible_duplicates = 0;
  std::string last_error;
  std::int64_t last_error_ms = 0;
  std::int64_t last_success_ms = 0;

  store::Position cursor;                // as it was written last
  store::Position read_position;         // what stands behind it in the queues has not been read
  store::Cursor::Ahead ahead;            // but these have been
  std::uint64_t acknowledged_ahead = 0;  // behind it, and done with all the same (parked only)
  std::uint64_t unfinished = 0;          // read and not done with
  std::uint64_t unfinished_bytes = 0;
  std::uint64_t in_sink = 0;
  std::int64_t oldest_unfinished_ms = 0;  // when it was stored
  std::uint64_t messages_read = 0;
  std::uint64_t bytes_read = 0;
  // What waits at the other side, of a source; nothing: not known yet.
  std::optional<std::uint64_t> source_lag = std::nullopt;
  // When the sink last reported anything, or had nothing to report.
  std::chrono::steady_clock::time_point last_movement;
};

}  // namespace sluice::connect
