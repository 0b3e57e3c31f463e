#pragma once
#include <cstddef>

#include "connect/sink.hpp"

namespace sluice::connectors::kafka {

// What a record takes in a batch of its own, at least and at most: the difference is in the
// lengths of numbers that only the library knows.
struct RecordSize {
  std::size_t at_least = 0;
  std::size_t at_most = 0;
};
[[nodiscard]] RecordSize size_of(const connect::Record& record);
// What it adds to a batch of several, at most.
[[nodiscard]] std::size_t size_in_batch(const connect::Record& record);

}  // namespace sluice::connectors::kafka
