#pragma once
#include <string>
#include <vector>

#include "broker/accounts.hpp"
#include "connect/task_spec.hpp"

namespace sluice::connect {

// What the policy of an account that is made for the task allows: the filters that it reads; of a
// task from outside one filter, of every topic that its mapping can make.
[[nodiscard]] std::vector<std::string> needed_resources(const TaskSpec& spec);
// Where in the document the n-th of these comes from.
[[nodiscard]] std::string place_of_resource(const TaskSpec& spec, std::size_t n);
// One filter of every topic that copies of its dead letters can have here; none: none go here.
[[nodiscard]] std::vector<std::string> copied_here(const TaskSpec& spec);
inline constexpr std::string_view kCopyTopic = "/delivery/dead_letter_copy/topic";

// Whether a task that may run as `before` need not be asked about again. Contract: their workers
// have the same names.
[[nodiscard]] bool needs_same_rights(const TaskSpec& before, const TaskSpec& after);

// What keeps the task from running whatever comes, and where in its document that stands. Empty:
// nothing does.
[[nodiscard]] std::vector<schema::Problem> missing_rights(const TaskSpec& spec,
                                                          const broker::AccountRights& rights);
// So, what keeps copies of its dead letters from this server's topics: the task runs without.
[[nodiscard]] std::vector<schema::Problem> missing_copy_rights(const TaskSpec& spec,
                                                               const broker::AccountRights& rights);

}  // namespace sluice::connect
