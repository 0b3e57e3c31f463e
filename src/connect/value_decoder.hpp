#pragma once
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "connect/arena.hpp"
#include "model/message.hpp"

namespace sluice::connect {

// The first step of a mapping of records: makes JSON of values that name their schema at a
// registry. docs/adr/0057-schema-registry.md
//
// Threads: one at a time. Blocks for some seconds at most, where it has to ask.
class ValueDecoder {
 public:
  virtual ~ValueDecoder() = default;
  // One reason for each message, in order; empty: its payload is JSON, in the arena, and what named
  // the schema among its properties is gone. A message without a payload stays without.
  // Errors: as ValueEncoder::encode().
  [[nodiscard]] virtual Result<void> decode(std::span<model::Message* const> messages, Arena& arena,
                                            std::vector<std::string>& reasons,
                                            const std::function<bool()>& is_stopping) = 0;
};

}  // namespace sluice::connect
