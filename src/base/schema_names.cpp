// Names in documents: pointers to them, and which one was meant.
#include <algorithm>
#include <cstddef>

#include "base/ascii.hpp"
#include "base/schema.hpp"

namespace sluice::schema {
namespace {

constexpr std::size_t kLongestName = 64;  // longer ones get no suggestion: the work is quadratic

std::string folded(std::string_view name) {
  auto text = ascii_lower(name);
  for (char& c : text) {
    if (c == '-' || c == '.') c = '_';
  }
  return text;
}

// How many letters must be added, removed, replaced or swapped with their neighbour.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1);
  std::vector<std::size_t> last(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({replaced, last[j] + 1, row[j - 1] + 1});
      const bool is_swap = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (is_swap) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    std::swap(before, last);
    std::swap(last, row);
  }
  return last[b.size()];
}

std::size_t common_beginning(std::string_view a, std::string_view b) {
  const auto ends = std::ranges::mismatch(a, b);
  return static_cast<std::size_t>(ends.in1 - a.begin());
}

}  // namespace

std::optional<std::string> nearest(std::string_view name, const std::vector<std::string>& known) {
  if (name.empty() || name.size() > kLongestName) return std::nullopt;
  const auto wanted = folded(name);
  const std::string* best = nullptr;
  std::size_t best_distance = 0;
  std::size_t best_beginning = 0;  // of two that are as near, the one that begins alike
  for (const auto& candidate : known) {
    if (candidate.size() > kLongestName) continue;
    const auto folded_candidate = folded(candidate);
    const auto found = distance(wanted, folded_candidate);
    const std::size_t near_enough = std::max(wanted.size(), candidate.size()) / 3;
    if (found > near_enough) continue;
    const auto beginning = common_beginning(wanted, folded_candidate);
    const bool is_nearer =
        found < best_distance || (found == best_distance && beginning > best_beginning);
    if (best == nullptr || is_nearer) {
      best = &candidate;
      best_distance = found;
      best_beginning = beginning;
    }
  }
  if (best == nullptr) return std::nullopt;
  return *best;
}

std::string child_pointer(std::string_view parent, std::string_view name) {
  std::string pointer(parent);
  pointer += '/';
  for (const char c : name) {
    if (c == '~') {
      pointer += "~0";
    } else if (c == '/') {
      pointer += "~1";
    } else {
      pointer += c;
    }
  }
  return pointer;
}

}  // namespace sluice::schema
