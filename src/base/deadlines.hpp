#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include <boost/intrusive/list.hpp>

#include "base/timers.hpp"

namespace sluice {

// A deadline that stands in the object which it concerns: none costs an allocation, and it goes
// with its object.
class Deadline : public boost::intrusive::list_base_hook<
                     boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
 public:
  [[nodiscard]] bool has_deadline() const { return is_linked(); }
  void clear_deadline() {
    if (is_linked()) unlink();
  }

 protected:
  Deadline() = default;
  ~Deadline() = default;
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;
  // Once; it is not set any more and may be set again. It may end its object and any other one.
  virtual void on_deadline() = 0;

 private:
  friend class Deadlines;
  std::uint32_t tick_ = 0;
};

// The deadlines of very many objects of one event loop: keep-alives, the ends of sessions. They are
// met up to a quarter of a second late, never early; setting and clearing one costs the same
// whatever their number. Timers are for few and exact ones.
//
// A wheel: each slot lists what is due at its tick, in this turn of the wheel or a later one.
// Threads: the loop's own.
class Deadlines {
 public:
  using Time = Timers::Time;
  static constexpr std::chrono::milliseconds kTick{250};

  Deadlines(const Clock& clock, Timers& timers);

  void set(Deadline& deadline, Time due);  // replaces an earlier one
  // A time in four bytes, for who has very many of them: the tick in which it lies, and its end.
  [[nodiscard]] std::uint32_t tick_at(Time time) const {
    return static_cast<std::uint32_t>((time - began_) / kTick);
  }
  [[nodiscard]] Time end_of(std::uint32_t tick) const { return time_of(tick + 1); }

 private:
  static constexpr std::size_t kSlots = 4096;  // about 17 minutes
  static constexpr std::size_t kPerRound = 1024;
  using Slot = boost::intrusive::list<Deadline, boost::intrusive::constant_time_size<false>>;

  [[nodiscard]] Time time_of(std::uint32_t tick) const { return began_ + tick * kTick; }
  void arm(Time due);
  void run();
  [[nodiscard]] bool empty_slot(std::uint32_t tick, std::uint32_t now, std::size_t& left);

  const Clock& clock_;
  Timers& timers_;
  const Time began_;
  std::vector<Slot> slots_;
  std::uint32_t next_ = 0;  // the first tick that has not been met
  std::optional<Timers::Id> armed_;
};

}  // namespace sluice
