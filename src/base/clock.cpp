#include "base/clock.hpp"

namespace sluice {

const Clock& system_clock() {
  static const SystemClock clock;  // holds nothing
  return clock;
}

}  // namespace sluice
