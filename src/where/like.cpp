#include "where/like.hpp"

#include <cstring>

namespace sluice::where {
namespace {

constexpr std::size_t kNone = std::string_view::npos;

// How many bytes the character at `at` has.
std::size_t character(std::string_view text, std::size_t at) {
  auto end = at + 1;
  while (end < text.size() && end < at + 4 &&
         (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80)
    ++end;
  return end - at;
}

}  // namespace

std::optional<bool> like(std::string_view text, std::string_view pattern, char escape,
                         Budget& budget) {
  std::size_t at = 0;             // in the text
  std::size_t in = 0;             // in the pattern
  std::size_t resume_text = 0;    // where the last % goes on if what follows does not match
  std::size_t resume_in = kNone;  // behind the last %
  while (at < text.size() || in < pattern.size()) {
    if (!budget.take(1)) return std::nullopt;
    if (in < pattern.size()) {
      const bool is_escaped = escape != 0 && pattern[in] == escape && in + 1 < pattern.size();
      const auto token = pattern[in + (is_escaped ? 1 : 0)];
      if (!is_escaped && token == '%') {
        resume_in = ++in;
        resume_text = at;
        if (in == pattern.size()) return true;
        continue;
      }
      if (at < text.size() && !is_escaped && token == '_') {
        at += character(text, at);
        ++in;
        continue;
      }
      if (at < text.size() && text[at] == token) {
        ++at;
        in += is_escaped ? 2 : 1;
        continue;
      }
    }
    if (resume_in == kNone || resume_text >= text.size()) return false;
    resume_text += character(text, resume_text);
    at = resume_text;
    in = resume_in;
  }
  return true;
}

}  // namespace sluice::where
