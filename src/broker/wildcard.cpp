#include "broker/wildcard.hpp"

#include <cstddef>
#include <cstdint>

namespace sluice::broker {
namespace {

constexpr auto kNone = std::string_view::npos;
constexpr std::size_t kBits = 64;
constexpr std::size_t kShort = 1024;  // then the plain search is quicker, even where it is slow

// `piece` has no `*`.
bool stands_at(std::string_view piece, std::string_view text, std::size_t at) {
  for (std::size_t i = 0; i < piece.size(); ++i)
    if (piece[i] != '?' && piece[i] != text[at + i]) return false;
  return true;
}

// Where the first place ends in which a piece with `?` stands. All places are tried at once, a bit
// for each character of the piece (shift-and): as many steps as the text has characters, for each
// 64 characters of the piece.
std::size_t end_of_first(std::string_view piece, std::string_view text, std::size_t from) {
  const auto words = (piece.size() + kBits - 1) / kBits;
  std::vector<std::uint64_t> fits(256 * words);  // by character: where in the piece it may stand
  for (std::size_t i = 0; i < piece.size(); ++i) {
    const auto bit = std::uint64_t{1} << (i % kBits);
    for (std::size_t c = 0; c < 256; ++c)
      if (piece[i] == '?' || static_cast<unsigned char>(piece[i]) == c)
        fits[c * words + i / kBits] |= bit;
  }
  std::vector<std::uint64_t> begun(words);  // beginnings of the piece that end here
  const auto last = std::uint64_t{1} << ((piece.size() - 1) % kBits);
  for (auto at = from; at < text.size(); ++at) {
    const auto* fit = &fits[static_cast<unsigned char>(text[at]) * words];
    std::uint64_t carry = 1;
    for (std::size_t word = 0; word < words; ++word) {
      const auto next = begun[word] >> (kBits - 1);
      begun[word] = (begun[word] << 1 | carry) & fit[word];
      carry = next;
    }
    if ((begun.back() & last) != 0) return at + 1;
  }
  return kNone;
}

// `piece` is not empty and has no `*`.
std::size_t find_end(std::string_view piece, std::string_view text, std::size_t from) {
  if (text.size() - from > kShort || piece.find('?') != kNone)
    return end_of_first(piece, text, from);
  const auto at = text.find(piece, from);
  return at == kNone ? kNone : at + piece.size();
}

}  // namespace

// What stands between two `*` is looked for from the left: if a match exists, one does where each
// piece stands as early as it can.
bool matches_wildcard(std::string_view pattern, std::string_view text) {
  auto star = pattern.find('*');
  if (star == kNone) return pattern.size() == text.size() && stands_at(pattern, text, 0);
  if (star > text.size() || !stands_at(pattern.substr(0, star), text, 0)) return false;
  auto at = star;
  pattern.remove_prefix(star + 1);
  while ((star = pattern.find('*')) != kNone) {
    const auto piece = pattern.substr(0, star);
    if (!piece.empty()) at = find_end(piece, text, at);
    if (at == kNone) return false;
    pattern.remove_prefix(star + 1);
  }
  return at + pattern.size() <= text.size() &&
         stands_at(pattern, text, text.size() - pattern.size());
}

}  // namespace sluice::broker
