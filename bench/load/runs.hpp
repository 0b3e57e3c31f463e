#pragma once
#include "load/options.hpp"

namespace sluice::load {

// Each does one run, prints its figures, and returns the exit code: 1 when something was refused,
// lost or not acknowledged that the server owed.
int run_flow(const Options& options);      // messages from publishers to subscribers
int run_offline(const Options& options);   // the queue of an absent session
int run_idle(const Options& options);      // connections that say nothing
int run_connects(const Options& options);  // clients that come, log in and leave, at a rate
int run_sessions(const Options& options);  // sessions whose clients are away

}  // namespace sluice::load
