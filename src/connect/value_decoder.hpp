#pragma once
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "connect/arena.hpp"

namespace sluice::connect {

// The first step of a mapping of records: makes JSON of values that name their schema at a
// registry. docs/adr/0057-schema-registry.md
//
// Threads: one at a time. Blocks for some seconds at most, where it has to ask.
class ValueDecoder {
 public:
  struct Decoded {
    std::string_view text;  // JSON, in the arena
    std::string reason;     // why there is none; empty: there is
  };

  virtual ~ValueDecoder() = default;
  // One outcome for each value, in order. Errors: as ValueEncoder::encode().
  [[nodiscard]] virtual Result<void> decode(std::span<const std::string_view> values, Arena& arena,
                                            std::vector<Decoded>& outcomes,
                                            const std::function<bool()>& is_stopping) = 0;
};

}  // namespace sluice::connect
