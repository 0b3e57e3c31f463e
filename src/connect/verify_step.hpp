#pragma once
#include <chrono>
#include <string>
#include <vector>

#include "base/function_ref.hpp"
#include "base/result.hpp"
#include "connect/sink.hpp"

namespace sluice::connect {

// Takes the next step of a verification and notes how long it took. Returns whether it went well;
// `body` says so in the step.
bool take_step(std::vector<VerifyStep>& steps, std::string name,
               FunctionRef<void(VerifyStep&)> body);

// The same where a step has `within` and one thing to do about whatever goes wrong: `hint`.
bool take_step(std::vector<VerifyStep>& steps, std::string name, std::string hint,
               std::chrono::seconds within,
               FunctionRef<Result<std::string>(std::chrono::steady_clock::time_point)> body);

}  // namespace sluice::connect
