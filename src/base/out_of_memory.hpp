#pragma once

namespace sluice {

// Says so on stderr and ends the process as a kill does: no destructor runs, and nothing goes on
// with half of what it was about to do. What was acknowledged is in the log.
[[noreturn]] void end_for_want_of_memory() noexcept;

// From now on that is what an allocation does that fails, whoever makes it: libraries catch
// exceptions and go on. Once, at the start of the process.
void end_process_when_memory_ends() noexcept;

}  // namespace sluice
