#pragma once
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "connect/arena.hpp"
#include "connect/sink.hpp"

namespace sluice::connect {

// The last step of a mapping: makes the values of records anew by a schema that stands at a
// registry outside. docs/adr/0057-schema-registry.md
//
// Threads: one, and always the same. Blocks for some seconds at most, where it has to ask.
class ValueEncoder {
 public:
  virtual ~ValueEncoder() = default;
  // One reason for each record, in order; empty: it has its new value, and the headers that go with
  // it. What is new stands in the arena.
  // Errors, when nothing came of it: InvalidArgument (a person must mend it), anything else is
  // worth another try, with all of them.
  [[nodiscard]] virtual Result<void> encode(std::span<Record* const> records, Arena& arena,
                                            std::vector<std::string>& reasons,
                                            const std::function<bool()>& is_stopping) = 0;
};

}  // namespace sluice::connect
