#pragma once
#include <algorithm>
#include <cstddef>
#include <iterator>
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
  [[nodiscard]] iterator begin() { return items_.begin() + offset(); }
  [[nodiscard]] iterator end() { return items_.end(); }
  [[nodiscard]] const_iterator begin() const { return items_.begin() + offset(); }
  [[nodiscard]] const_iterator end() const { return items_.end(); }
  [[nodiscard]] T& front() { return items_[gone_]; }
  [[nodiscard]] const T& front() const { return items_[gone_]; }
  [[nodiscard]] T& back() { return items_.back(); }
  [[nodiscard]] const T& back() const { return items_.back(); }

  void push_back(T item) {
    if (items_.size() == items_.capacity()) close_gap();
    items_.push_back(std::move(item));
  }
  void pop_front() {
    if constexpr (!std::is_trivially_destructible_v<T>) items_[gone_] = T();
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
    if constexpr (!std::is_trivially_destructible_v<T>)
      for (std::size_t i = 0; i < count; ++i) items_[gone_ + i] = T();
    gone_ += count;
    forget();
  }
  void clear() {
    gone_ = items_.size();
    forget();
  }

 private:
  static constexpr std::size_t kKeptBytes = 1024;  // by one that is empty

  [[nodiscard]] std::ptrdiff_t offset() const { return static_cast<std::ptrdiff_t>(gone_); }
  // Room at the front is used before more is taken; at least half of it, so that each element is
  // moved once on average.
  void close_gap() {
    if (gone_ == 0 || gone_ * 2 < items_.size()) return;
    items_.erase(items_.begin(), items_.begin() + offset());
    gone_ = 0;
  }
  // What went through it is not kept for ever: the memory follows the size.
  void forget() {
    if (empty()) {
      items_.clear();
      gone_ = 0;
      if (items_.capacity() * sizeof(T) > kKeptBytes) items_ = std::vector<T>();
    } else if (gone_ * sizeof(T) >= 4 * kKeptBytes && gone_ * 2 > items_.size()) {
      items_ = std::vector<T>(std::move_iterator(begin()), std::move_iterator(end()));
      gone_ = 0;
    }
  }

  std::vector<T> items_;
  std::size_t gone_ = 0;  // so many at the front are empty shells
};

}  // namespace sluice
