#include "store/cursor.hpp"

#include <algorithm>

#include "store/embedded/bytes.hpp"

namespace sluice::store {

bool Cursor::covers(Position other) const {
  return other <= position || std::ranges::binary_search(acknowledged, other) ||
         (has_ahead() && other > ahead.after && other <= ahead.up_to);
}

void Cursor::close_up() {
  if (has_ahead() && position >= ahead.after) {
    position = std::max(position, ahead.up_to);
    ahead = {};
  }
  std::erase_if(acknowledged, [this](Position each) { return each <= position; });
}

// Varints: version 1, position, number acknowledged, then each one's distance to the one before.
// Version 2 goes on: from the position to where what is ahead begins, and how long that is.
std::string encode(const Cursor& cursor) {
  std::string bytes;
  bytes.reserve(12 + cursor.acknowledged.size() * 3);
  embedded::append_varint(bytes, cursor.has_ahead() ? 2 : 1);
  embedded::append_varint(bytes, cursor.position.get());
  embedded::append_varint(bytes, cursor.acknowledged.size());
  std::uint64_t last = cursor.position.get();
  for (const Position position : cursor.acknowledged) {
    embedded::append_varint(bytes, position.get() - last);
    last = position.get();
  }
  if (cursor.has_ahead()) {
    embedded::append_varint(bytes, cursor.ahead.after.get() - cursor.position.get());
    embedded::append_varint(bytes, cursor.ahead.up_to.get() - cursor.ahead.after.get());
  }
  return bytes;
}

Result<Cursor> decode_cursor(std::string_view bytes) {
  const auto version = embedded::take_varint(bytes);
  if (!version) return fail(Errc::Corrupt, "a cursor ends too early");
  if (*version != 1 && *version != 2) return fail(Errc::Unsupported, "a cursor of a later version");
  const auto position = embedded::take_varint(bytes);
  const auto count = embedded::take_varint(bytes);
  // Every distance takes at least a byte: the count is checked before memory is taken for it.
  if (!position || !count || *count > bytes.size()) {
    return fail(Errc::Corrupt, "a cursor ends too early");
  }
  Cursor cursor{Position(*position), {}};
  cursor.acknowledged.reserve(*count);
  std::uint64_t last = *position;
  for (std::uint64_t i = 0; i < *count; ++i) {
    const auto distance = embedded::take_varint(bytes);
    if (!distance || *distance == 0 || *distance > UINT64_MAX - last) {
      return fail(Errc::Corrupt, "a cursor's acknowledged positions do not ascend");
    }
    last += *distance;
    cursor.acknowledged.emplace_back(last);
  }
  if (*version == 2) {
    const auto after = embedded::take_varint(bytes);
    const auto length = embedded::take_varint(bytes);
    if (!after || !length) return fail(Errc::Corrupt, "a cursor ends too early");
    if (*length == 0 || *after > UINT64_MAX - *position ||
        *length > UINT64_MAX - *position - *after)
      return fail(Errc::Corrupt, "what a cursor has ahead is not above it");
    cursor.ahead.after = Position(*position + *after);
    cursor.ahead.up_to = Position(*position + *after + *length);
  }
  if (!bytes.empty()) return fail(Errc::Corrupt, "a cursor has bytes behind its end");
  return cursor;
}

}  // namespace sluice::store
