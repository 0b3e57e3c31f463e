#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

namespace sluice {

// A queue in one piece of memory: in at the back, out at the front, now and then out of the middle.
// An empty one owns next to nothing, so that several may stand in each of a million objects; a
// std::deque takes more than half a kilobyte for its first element.
template <class T>
class Fifo {
 public:
  using iterator = typename std::vector<T>::iterator;
  using const_iterator = typename std::vector<T>::const_iterator;

  [[nodiscard]] bool empty() const { return gone_ == items_.size(); }
  [[nodiscard]] std::size_t size() const { return items_.size() - gone_; }
  [[nodiscard]] std::size_t capacity() const { return items_.capacity(); }
  [[nodiscard]] iterator begin() { return items_.begin() + offset(); }
  [[nodiscard]] iterator end() { return items_.end(); }
  [[nodiscard]] const_iterator begin() const { return items_.begin() + offset(); }
  [[nodiscard]] const_iterator end() const { return items_.end(); }
  [[nodiscard]] T& front() { return items_[gone_]; }
  [[nodiscard]] const T& front() const { return items_[gone_]; }
  [[nodiscard]] T& back() { return items_.back(); }
  [[nodiscard]] const T& back() const { return items_.back(); }

  void push_back(T&& item) {
    if (items_.size() == items_.capacity()) make_room();
    items_.push_back(std::move(item));
  }
  void push_back(const T& item) {
    if (items_.size() == items_.capacity()) make_room();
    items_.push_back(item);
  }
  void pop_front() {
    empty_out(gone_);
    ++gone_;
    forget();
  }
  iterator insert(const_iterator where, T item) { return items_.insert(where, std::move(item)); }
  iterator erase(const_iterator where) {
    const auto at = where - std::as_const(*this).begin();
    if (static_cast<std::size_t>(at) < size() / 2) {  // the shorter way
      std::move_backward(begin(), begin() + at, begin() + at + 1);
      pop_front();
    } else {
      items_.erase(where);
      forget();
    }
    return begin() + at;
  }
  void erase_front(const_iterator until) {  // all before it
    const auto count = static_cast<std::size_t>(until - std::as_const(*this).begin());
    for (std::size_t i = 0; i < count; ++i) empty_out(gone_ + i);
    gone_ += static_cast<std::uint32_t>(count);
    forget();
  }
  void clear() {
    gone_ = static_cast<std::uint32_t>(items_.size());
    forget();
  }

 private:
  static constexpr std::size_t kKeptBytes = 1024;  // by one that is empty
  static constexpr std::size_t kAtMostTimes = 4;   // its size, what one of some size keeps

  [[nodiscard]] std::ptrdiff_t offset() const { return static_cast<std::ptrdiff_t>(gone_); }
  void empty_out(std::size_t index) {
    if constexpr (std::is_trivially_destructible_v<T>) return;
    static_assert(std::is_nothrow_default_constructible_v<T>);
    std::destroy_at(&items_[index]);
    std::construct_at(&items_[index]);
  }
  // Room at the front is used before more is taken, if it is at least half of it, so that each
  // element is moved once on average. One that fills and empties again and again takes at once
  // what it needed the last time, and need not grow to it.
  void make_room() {
    if (items_.empty()) return items_.reserve(std::exchange(most_, 0));
    if (gone_ == 0 || gone_ * std::size_t{2} < items_.size()) return;
    note_most();
    items_.erase(items_.begin(), items_.begin() + offset());
    gone_ = 0;
  }
  // What went through it is not kept for ever: the memory follows the size.
  void forget() {
    if (empty()) {
      note_most();
      items_.clear();
      gone_ = 0;
      if (items_.capacity() * sizeof(T) > kKeptBytes) items_ = std::vector<T>();
    } else if (gone_ * sizeof(T) >= 4 * kKeptBytes && items_.capacity() > kAtMostTimes * size()) {
      note_most();
      std::vector<T> smaller;
      smaller.reserve(size() * 2);
      std::ranges::move(*this, std::back_inserter(smaller));
      items_ = std::move(smaller);
      gone_ = 0;
    }
  }
  void note_most() { most_ = std::max(most_, static_cast<std::uint32_t>(items_.size())); }

  std::vector<T> items_;
  std::uint32_t gone_ = 0;  // so many at the front are empty shells
  std::uint32_t most_ = 0;  // that items_ had since it was given memory last
};

}  // namespace sluice
