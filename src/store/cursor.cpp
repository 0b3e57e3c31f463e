#include "store/embedded/bytes.hpp"
#include "store/store.hpp"

namespace sluice::store {

// Varints: version 1, position, number acknowledged, then each one's distance to the one before.
std::string encode(const Cursor& cursor) {
  std::string bytes;
  bytes.reserve(12 + cursor.acknowledged.size() * 3);
  embedded::append_varint(bytes, 1);
  embedded::append_varint(bytes, cursor.position.get());
  embedded::append_varint(bytes, cursor.acknowledged.size());
  std::uint64_t last = cursor.position.get();
  for (const Position position : cursor.acknowledged) {
    embedded::append_varint(bytes, position.get() - last);
    last = position.get();
  }
  return bytes;
}

Result<Cursor> decode_cursor(std::string_view bytes) {
  const auto version = embedded::take_varint(bytes);
  if (!version) return fail(Errc::Corrupt, "a cursor ends too early");
  if (*version != 1) return fail(Errc::Unsupported, "a cursor of a later version");
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
  if (!bytes.empty()) return fail(Errc::Corrupt, "a cursor has bytes behind its end");
  return cursor;
}

}  // namespace sluice::store
