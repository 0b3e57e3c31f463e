#pragma once
#include <algorithm>

#include "base/fifo.hpp"
#include "store/store.hpp"

namespace sluice::broker {

// The last position that is in the log when its head is `head`: the next record may begin at head
// itself.
[[nodiscard]] inline store::Position last_before(store::Position head) {
  return head == store::Position() ? head : store::Position(head.get() - 1);
}

// What one consumer has been handed and what of it is acknowledged: from this its cursor follows.
// Positions come almost always in ascending order.
class CursorTracker {
 public:
  CursorTracker() = default;
  // Continues where a stored cursor stands.
  explicit CursorTracker(const store::Cursor& cursor) : read_(cursor.position) {
    for (const auto position : cursor.acknowledged) entries_.push_back({position, true});
  }

  // Everything up to here has been handed out or passed over; reading goes on after it.
  [[nodiscard]] store::Position read() const { return read_; }
  void read_up_to(store::Position position) { read_ = std::max(read_, position); }

  // Nothing up to here is needed any more. Constant time: may lag behind cursor().position.
  [[nodiscard]] store::Position low() const {
    if (entries_.empty()) return read_;
    return std::min(read_, last_before(entries_.front().position));
  }

  // Handed out, or acknowledged before a restart: not to be handed out again.
  [[nodiscard]] bool knows(store::Position position) const {
    const auto it = find(position);
    return it != entries_.end() && it->position == position;
  }
  // Handed out and not acknowledged.
  [[nodiscard]] bool waits_for(store::Position position) const {
    const auto it = find(position);
    return it != entries_.end() && it->position == position && !it->acknowledged;
  }
  void hand_out(store::Position position) {
    if (entries_.empty() || entries_.back().position < position) {
      entries_.push_back({position, false});
      return;
    }
    const auto it = find(position);
    if (it == entries_.end() || it->position != position) entries_.insert(it, {position, false});
  }
  void acknowledge(store::Position position) {
    const auto it = find(position);
    if (it == entries_.end() || it->position != position) return;
    entries_.begin()[it - std::as_const(entries_).begin()].acknowledged = true;
    forget_acknowledged();
  }

  // What was acknowledged before reading came to it holds low() back until then.
  void forget_acknowledged() {
    while (!entries_.empty() && entries_.front().acknowledged && entries_.front().position <= read_)
      entries_.pop_front();
  }

  [[nodiscard]] store::Cursor cursor() const {
    store::Cursor cursor{read_, {}};
    for (const auto& entry : entries_) {
      if (!entry.acknowledged) {
        cursor.position = std::min(cursor.position, last_before(entry.position));
        break;
      }
    }
    for (const auto& entry : entries_)
      if (entry.acknowledged && entry.position > cursor.position)
        cursor.acknowledged.push_back(entry.position);
    return cursor;
  }

 private:
  struct Entry {
    store::Position position;
    bool acknowledged = false;
  };
  [[nodiscard]] Fifo<Entry>::const_iterator find(store::Position position) const {
    if (entries_.empty() || entries_.back().position < position) return entries_.end();
    if (entries_.front().position == position) return entries_.begin();  // clients answer in order
    return std::ranges::lower_bound(entries_, position, {}, &Entry::position);
  }

  store::Position read_;
  Fifo<Entry> entries_;
};

}  // namespace sluice::broker
