#include "connect/verify_step.hpp"

#include <utility>

namespace sluice::connect {

using SteadyClock = std::chrono::steady_clock;

bool take_step(std::vector<VerifyStep>& steps, std::string name,
               FunctionRef<void(VerifyStep&)> body) {
  VerifyStep step{.name = std::move(name), .ok = false, .ms = 0, .detail = {}, .hint = {}};
  const auto begin = SteadyClock::now();
  body(step);
  step.ms =
      std::chrono::duration_cast<std::chrono::milliseconds>(SteadyClock::now() - begin).count();
  steps.push_back(std::move(step));
  return steps.back().ok;
}

bool take_step(std::vector<VerifyStep>& steps, std::string name, std::string hint,
               std::chrono::seconds within,
               FunctionRef<Result<std::string>(SteadyClock::time_point)> body) {
  return take_step(steps, std::move(name), [&](VerifyStep& step) {
    const auto outcome = body(SteadyClock::now() + within);
    step.ok = outcome.has_value();
    step.detail = outcome ? *outcome : outcome.error().detail;
    if (!step.ok) step.hint = std::move(hint);
  });
}

}  // namespace sluice::connect
