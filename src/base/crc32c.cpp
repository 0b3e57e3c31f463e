#include "base/crc32c.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstring>

#if defined(__x86_64__)
#include <nmmintrin.h>
#include <wmmintrin.h>
#endif

namespace sluice {
namespace {

constexpr std::uint32_t kPolynomial = 0x82f63b78;  // reversed
using Table = std::array<std::array<std::uint32_t, 256>, 8>;

// "Slicing by 8": table[k][b] is the checksum of byte b followed by k zero bytes.
constexpr Table make_table() {
  Table table{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? kPolynomial : 0);
    table[0][byte] = crc;
  }
  for (std::size_t k = 1; k < 8; ++k) {
    for (std::size_t byte = 0; byte < 256; ++byte) {
      const std::uint32_t shorter = table[k - 1][byte];
      table[k][byte] = (shorter >> 8) ^ table[0][shorter & 0xff];
    }
  }
  return table;
}
constexpr Table kTable = make_table();

#if defined(__x86_64__)
// The instruction takes three cycles but one can begin in each: three lanes side by side are three
// times as fast. A lane's checksum is carried over the n words behind it by a multiplication with
// x^(64n-33), and put into the last word of the last lane.
constexpr std::size_t kLaneWords = 64;
constexpr std::size_t kLeastWords = 12;  // below, one lane is as fast

constexpr std::array<std::uint32_t, 2 * kLaneWords + 1> make_shifts() {
  std::array<std::uint32_t, 2 * kLaneWords + 1> shifts{};
  std::uint32_t power = 0x80000000;  // x^0, reversed
  for (std::size_t bit = 0, word = 1; word < shifts.size(); ++bit) {
    if (bit == 64 * word - 33) shifts[word++] = power;
    power = (power >> 1) ^ ((power & 1) != 0 ? kPolynomial : 0);
  }
  return shifts;
}
constexpr auto kShifts = make_shifts();

std::uint64_t word_at(const char* at, std::size_t index) {
  std::uint64_t word = 0;
  std::memcpy(&word, at + 8 * index, 8);
  return word;
}

__attribute__((target("sse4.2,pclmul"))) std::uint64_t carry(std::uint64_t crc, std::size_t words) {
  const __m128i product =
      _mm_clmulepi64_si128(_mm_cvtsi64_si128(static_cast<long long>(crc)),
                           _mm_cvtsi32_si128(static_cast<int>(kShifts[words])), 0);
  return static_cast<std::uint64_t>(_mm_cvtsi128_si64(product));
}

__attribute__((target("sse4.2,pclmul"))) std::uint64_t three_lanes(const char* at,
                                                                   std::size_t words,
                                                                   std::uint64_t crc) {
  std::uint64_t second = 0;
  std::uint64_t third = 0;
  const std::size_t last = words - 1;
  for (std::size_t i = 0; i < last; ++i) {
    crc = _mm_crc32_u64(crc, word_at(at, i));
    second = _mm_crc32_u64(second, word_at(at, words + i));
    third = _mm_crc32_u64(third, word_at(at, 2 * words + i));
  }
  crc = _mm_crc32_u64(crc, word_at(at, last));
  second = _mm_crc32_u64(second, word_at(at, words + last));
  const std::uint64_t carried = carry(crc, 2 * words) ^ carry(second, words);
  return _mm_crc32_u64(third, word_at(at, 2 * words + last) ^ carried);
}

__attribute__((target("sse4.2,pclmul"))) std::uint32_t crc32c_sse42(std::string_view bytes,
                                                                    std::uint32_t before) {
  std::uint64_t crc = ~before;
  const char* at = bytes.data();
  std::size_t left = bytes.size();
  while (left >= 8 * kLeastWords) {
    const std::size_t words = std::min(left / 24, kLaneWords);
    crc = three_lanes(at, words, crc);
    at += 24 * words;
    left -= 24 * words;
  }
  for (; left >= 8; left -= 8, at += 8) crc = _mm_crc32_u64(crc, word_at(at, 0));
  auto narrow = static_cast<std::uint32_t>(crc);
  if (left >= 4) {
    std::uint32_t word = 0;
    std::memcpy(&word, at, 4);
    narrow = _mm_crc32_u32(narrow, word);
    left -= 4;
    at += 4;
  }
  for (; left > 0; --left, ++at) narrow = _mm_crc32_u8(narrow, static_cast<unsigned char>(*at));
  return ~narrow;
}
#endif

using Checksum = std::uint32_t (*)(std::string_view, std::uint32_t);

Checksum fastest() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("sse4.2") != 0 && __builtin_cpu_supports("pclmul") != 0) {
    return crc32c_sse42;
  }
#endif
  return crc32c_portable;
}
const Checksum kFastest = fastest();

}  // namespace

std::uint32_t crc32c(std::string_view bytes, std::uint32_t before) {
  return kFastest(bytes, before);
}

std::uint32_t crc32c_portable(std::string_view bytes, std::uint32_t before) {
  std::uint32_t crc = ~before;
  const auto* at = reinterpret_cast<const unsigned char*>(bytes.data());
  std::size_t left = bytes.size();
  for (; left >= 8; left -= 8, at += 8) {
    crc ^= static_cast<std::uint32_t>(at[0]) | static_cast<std::uint32_t>(at[1]) << 8 |
           static_cast<std::uint32_t>(at[2]) << 16 | static_cast<std::uint32_t>(at[3]) << 24;
    crc = kTable[7][crc & 0xff] ^ kTable[6][(crc >> 8) & 0xff] ^ kTable[5][(crc >> 16) & 0xff] ^
          kTable[4][crc >> 24] ^ kTable[3][at[4]] ^ kTable[2][at[5]] ^ kTable[1][at[6]] ^
          kTable[0][at[7]];
  }
  for (; left > 0; --left, ++at) crc = (crc >> 8) ^ kTable[0][(crc ^ *at) & 0xff];
  return ~crc;
}

}  // namespace sluice
