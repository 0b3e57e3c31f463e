// Numbers as they stand on disk: little-endian in the log, big-endian where keys must sort.
#pragma once
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::store::embedded {

template <class Number>
inline Number swapped(Number number) {
  if constexpr (sizeof(Number) == 2) return __builtin_bswap16(number);
  if constexpr (sizeof(Number) == 4) return __builtin_bswap32(number);
  if constexpr (sizeof(Number) == 8) return __builtin_bswap64(number);
}

template <class Number>
inline void store_le(char* at, Number number) {
  if constexpr (std::endian::native == std::endian::big) number = swapped(number);
  std::memcpy(at, &number, sizeof number);
}

template <class Number>
inline Number load_le(const char* at) {
  Number number{};
  std::memcpy(&number, at, sizeof number);
  if constexpr (std::endian::native == std::endian::big) number = swapped(number);
  return number;
}

// The number `at` bytes into `bytes`, which the caller knows to be long enough.
template <class Number>
inline Number load_le(std::string_view bytes, std::size_t at) {
  return load_le<Number>(bytes.data() + at);
}

inline void append_be(std::string& to, std::uint64_t number) {
  if constexpr (std::endian::native == std::endian::little) number = swapped(number);
  to.append(reinterpret_cast<const char*>(&number), sizeof number);
}

inline std::uint64_t load_be(const char* at) {
  std::uint64_t number = 0;
  std::memcpy(&number, at, sizeof number);
  if constexpr (std::endian::native == std::endian::little) number = swapped(number);
  return number;
}

inline void append_varint(std::string& to, std::uint64_t number) {
  for (; number >= 0x80; number >>= 7) to.push_back(static_cast<char>(number | 0x80));
  to.push_back(static_cast<char>(number));
}

// Takes one number from the front of `bytes`; nothing if there is no whole one.
inline std::optional<std::uint64_t> take_varint(std::string_view& bytes) {
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < bytes.size() && i < 10; ++i) {
    const auto byte = static_cast<unsigned char>(bytes[i]);
    if (i == 9 && byte > 1) return std::nullopt;
    number |= static_cast<std::uint64_t>(byte & 0x7f) << (7 * i);
    if (byte < 0x80) {
      bytes.remove_prefix(i + 1);
      return number;
    }
  }
  return std::nullopt;
}

}  // namespace sluice::store::embedded
