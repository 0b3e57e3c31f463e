#include "connect/progress.hpp"

#include "base/log.hpp"

namespace sluice::connect {

std::string_view name_of(TaskState state) {
  switch (state) {
    case TaskState::Starting:
      return "starting";
    case TaskState::Running:
      return "running";
    case TaskState::Waiting:
      return "waiting";
    case TaskState::Paused:
      return "paused";
    case TaskState::Finished:
      return "finished";
    case TaskState::Failed:
      return "failed";
  }
  return "unknown";
}

void announce(const TaskListener& listener, std::string_view task, std::string_view task_id,
              std::string_view worker, const Progress& progress) {
  if (listener)
    listener({.task = std::string(task),
              .task_id = std::string(task_id),
              .state = progress.state,
              .reason = progress.reason,
              .at_ms = progress.since_ms});
  const auto level = progress.state == TaskState::Failed    ? log::Level::Error
                     : progress.state == TaskState::Waiting ? log::Level::Warn
                                                            : log::Level::Info;
  if (!log::enabled(level)) return;
  log::write(level, "task changed its state",
             {{"task", task_id},
              {"worker", worker},
              {"state", name_of(progress.state)},
              {"reason", progress.reason}});
}

}  // namespace sluice::connect
