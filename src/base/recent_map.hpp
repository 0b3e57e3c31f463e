#pragma once
#include <cstddef>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace sluice {

// Values by name, at most `maximum`: the one that was not asked for the longest makes room. For
// what strangers can make us remember.
//
// Threads: one at a time.
template <class Value>
class RecentMap {
 public:
  explicit RecentMap(std::size_t maximum) : maximum_(maximum) {}

  // Null: there is none.
  [[nodiscard]] Value* find(std::string_view name) {
    const auto found = places_.find(name);
    if (found == places_.end()) return nullptr;
    entries_.splice(entries_.begin(), entries_, found->second);
    return &found->second->second;
  }
  // Made when there is none.
  Value& operator[](std::string_view name) {
    if (auto* known = find(name)) return *known;
    if (places_.size() >= maximum_) {
      places_.erase(entries_.back().first);
      entries_.pop_back();
    }
    entries_.emplace_front(std::string(name), Value());
    places_.emplace(entries_.front().first, entries_.begin());
    return entries_.front().second;
  }
  [[nodiscard]] std::size_t size() const { return places_.size(); }

 private:
  using Entries = std::list<std::pair<const std::string, Value>>;
  std::size_t maximum_;
  Entries entries_;                                                          // latest used first
  std::unordered_map<std::string_view, typename Entries::iterator> places_;  // into entries_
};

}  // namespace sluice
