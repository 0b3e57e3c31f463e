// Where a task is, as its sink keeps it beside the records of who writes exactly once.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "model/message.hpp"
#include "store/store.hpp"

namespace sluice::connect {

struct Place {
  std::string task_id;
  std::uint64_t generation = 0;  // of the task's start: a place from before a seek is void
  store::Cursor cursor;
  model::MessageId newest;      // message that it covers: tells one log from another
  std::uint64_t delivered = 0;  // in all, up to here; of a place of an earlier version: 0
};

// JSON: people and their tools may look at it.
[[nodiscard]] std::string encode(const Place& place);
// Errors: Corrupt.
[[nodiscard]] Result<Place> decode_place(std::string_view text);

// What the one or the other is done with.
[[nodiscard]] store::Cursor furthest(const store::Cursor& one, const store::Cursor& other);

}  // namespace sluice::connect
