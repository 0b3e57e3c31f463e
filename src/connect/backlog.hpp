// How long the back-log of a task may become. docs/adr/0044
#pragma once
#include "connect/task_spec.hpp"
#include "store/store.hpp"

namespace sluice::connect {

// What begins before this is beyond the bound of the back-log as it is now; 0: nothing.
[[nodiscard]] store::Position bound_of_backlog(const TaskSpec& spec, const store::Store& store);
// Of what retention has just deleted: the task would have passed it over.
[[nodiscard]] bool was_beyond_bound(const TaskSpec& spec, const store::Store& store);

}  // namespace sluice::connect
