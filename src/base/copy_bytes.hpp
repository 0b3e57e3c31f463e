// Copies of a few bytes without a call: names, topics and ids, several for each message.
#pragma once
#include <cstddef>
#include <cstring>

namespace sluice {

// Like memcpy, made for sizes up to 32; both pointers may be null when `size` is 0.
inline void copy_bytes(char* to, const char* from, std::size_t size) {
  // Two pieces that may overlap in the middle: each has a size that the compiler knows.
  const auto both_ends = [=]<std::size_t kPiece>() {
    char front[kPiece];
    char back[kPiece];
    std::memcpy(front, from, kPiece);
    std::memcpy(back, from + size - kPiece, kPiece);
    std::memcpy(to, front, kPiece);
    std::memcpy(to + size - kPiece, back, kPiece);
  };
  if (size > 32) {
    std::memcpy(to, from, size);
  } else if (size >= 16) {
    both_ends.operator()<16>();
  } else if (size >= 8) {
    both_ends.operator()<8>();
  } else if (size >= 4) {
    both_ends.operator()<4>();
  } else {
    for (std::size_t i = 0; i < size; ++i) to[i] = from[i];
  }
}

}  // namespace sluice
