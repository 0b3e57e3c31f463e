#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "model/message.hpp"

namespace sluice::store {

using model::Position;

// How far one consumer has come: every position up to and including `position`, those in
// `acknowledged` (ascending, all above it), and those behind `ahead.after` up to and including
// `ahead.up_to`, are done with.
struct Cursor {
  // Done with before what lies in front of it; above `position`. None: both 0.
  struct Ahead {
    Position after, up_to;
    friend auto operator<=>(const Ahead&, const Ahead&) = default;
  };
  Position position;
  std::vector<Position> acknowledged;
  Ahead ahead = {};
  [[nodiscard]] bool has_ahead() const { return ahead.up_to != Position(); }
  // Whether it is done with this one.
  [[nodiscard]] bool covers(Position other) const;
  // The same, moved on: what is done with right behind `position` belongs to it.
  void close_up();
  friend bool operator==(const Cursor&, const Cursor&) = default;
};
[[nodiscard]] std::string encode(const Cursor& cursor);
[[nodiscard]] Result<Cursor> decode_cursor(std::string_view bytes);

}  // namespace sluice::store
