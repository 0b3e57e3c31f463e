// Messages by topic and time: what a person asks of the log.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "store/store.hpp"

namespace sluice::store {

struct FindRequest {
  std::string_view filter = {};                // a topic filter; empty: every message
  std::optional<std::int64_t> from_ms = {};    // stored then or later
  std::optional<std::int64_t> before_ms = {};  // stored earlier than that
  bool newest_first = false;
  // Where the call before stopped: only what lies beyond it, in the order of the search. 0: nothing
  // has been found yet.
  Position beyond = {};
  std::size_t maximum_messages = 50;
  std::size_t maximum_bytes = 4 << 20;     // of messages; at least one is given
  std::size_t maximum_scanned = 32 << 20;  // of log that one call reads; a block at least
};

struct FindResult {
  std::vector<MessagePtr> messages;  // durable ones, in the order that was asked for
  Position next;                     // the next `beyond`
  bool at_end = false;               // there are no more
  std::uint64_t scanned_bytes = 0;
  // Records that cannot be read. What lies behind each in its block (about 1 MiB) is left out.
  std::vector<Position> damaged = {};
};

}  // namespace sluice::store
