#pragma once
#include <array>
#include <cstdint>
#include <deque>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/check.hpp"
#include "connect/arena.hpp"
#include "connect/sink.hpp"
#include "store/store.hpp"

namespace sluice::connect {

// One read's worth of messages and the records made of them. Nothing in it moves, so that a sink
// may point into it.
//
// The messages are copies: a view into the store keeps a whole batch of the log alive, and a task
// that takes one message in a thousand would keep all thousand while its sink is away.
struct ReadBatch {
  std::vector<model::Message> messages;
  std::vector<Record> records;  // one per message
  Arena arena;
  std::size_t unfinished = 0;  // messages that still stand in the window

  void copy(const model::Message& message);
};

// What a worker has read and is not yet done with, in the order in which it was read; from it the
// cursor follows. Tokens number the messages in that order.
//
// Mostly it is read in the order of the log, in one lane. A cut divides what has not been read:
// what lies behind it is read in a lane of its own, and goes first. Once all before the cut is done
// with, there is one lane again.
//
// Owns:    the batches that its messages stand in, until the cursor has passed them.
// Threads: one at a time.
class Window {
 public:
  using Token = std::uint64_t;
  enum class State : std::uint8_t {
    Ready,       // to be handed over
    HandedOver,  // the sink has it
    Held,        // rejected; its dead letter is not durable yet
    Done,
  };
  enum class Lane : std::uint8_t { Main, Fresh };

  explicit Window(store::Cursor start);

  // An empty batch to read into, with the memory of an old one where there is one.
  [[nodiscard]] std::unique_ptr<ReadBatch> new_batch();
  // Adds the batch's messages; those the cursor knows as acknowledged are Done at once. `next` is
  // where reading goes on in that lane. Returns the token of the first.
  Token add(std::unique_ptr<ReadBatch> batch, store::Position next, Lane lane = Lane::Main);
  [[nodiscard]] store::Position read_position(Lane lane = Lane::Main) const {
    return read_[at(lane)];
  }
  // Contract: there is no cut, and nothing behind `where` has been read.
  void cut(store::Position where);
  [[nodiscard]] std::optional<store::Position> cut_at() const { return cut_; }
  // The lane that reads what comes.
  [[nodiscard]] Lane newest_lane() const { return cut_ ? Lane::Fresh : Lane::Main; }

  // The first run of records that are to be handed over, at most `maximum`; they stand in one
  // batch. What came back goes before what has not been handed over yet, and then what is fresh.
  // Empty: nothing to hand over.
  [[nodiscard]] std::span<const Record> next_records(std::size_t maximum);
  void handed_over(std::span<const Record> records);

  [[nodiscard]] State state(Token token) const { return slot(token).state; }
  [[nodiscard]] bool holds(Token token) const { return token >= base_ && token < end_; }
  void done(Token token);
  void hold(Token token);  // Ready or HandedOver -> Held
  // Of one that is handed over: what happened to it was no attempt.
  void was_not_tried(Token token);
  void give_back(Token token);  // HandedOver -> Ready: to be handed over again, in its place
  [[nodiscard]] const model::Message& message(Token token) const;
  [[nodiscard]] const Record& record(Token token) const;
  [[nodiscard]] unsigned attempts(Token token) const { return slot(token).attempts; }
  [[nodiscard]] std::int64_t timestamp_ms(Token token) const { return slot(token).timestamp_ms; }

  [[nodiscard]] store::Cursor cursor() const { return cursor_when({State::Done}); }
  // Where the cursor is once all that is handed over has been delivered.
  [[nodiscard]] store::Cursor cursor_once_delivered() const {
    return cursor_when({State::Done, State::HandedOver});
  }
  // Of the newest message that is handed over; nothing when there is none.
  [[nodiscard]] std::optional<model::MessageId> newest_in_sink() const;
  // Acknowledged before the start, not read again in that lane, and not behind `position`.
  [[nodiscard]] std::uint64_t known_up_to(store::Position position, Lane lane = Lane::Main) const;
  [[nodiscard]] bool empty() const { return base_ == end_; }
  [[nodiscard]] std::size_t size() const { return static_cast<std::size_t>(end_ - base_); }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  [[nodiscard]] std::size_t in_sink() const { return in_sink_; }  // HandedOver
  [[nodiscard]] std::size_t unfinished() const {                  // not Done
    return unfinished_[0] + unfinished_[1];
  }
  [[nodiscard]] std::size_t ready() const { return ready_[0] + ready_[1]; }
  [[nodiscard]] std::size_t ready(Lane lane) const { return ready_[at(lane)]; }
  // What lies before it has been read, and is done with. Behind a cut there is nothing older.
  [[nodiscard]] store::Position oldest_position();
  // When the oldest message that is not done with was stored; 0 when that has not been read.
  [[nodiscard]] std::int64_t oldest_timestamp_ms();

 private:
  // All that is asked for once a message is on its way, so that its memory need not be touched.
  struct Slot {
    store::Position position;
    ReadBatch* batch = nullptr;
    std::int64_t timestamp_ms = 0;
    std::uint32_t index = 0;
    std::uint32_t bytes = 0;
    std::uint16_t attempts = 0;
    State state = State::Ready;
    Lane lane = Lane::Main;
  };
  template <typename T>
  using PerLane = std::array<T, 2>;
  [[nodiscard]] static constexpr std::size_t at(Lane lane) {
    return static_cast<std::size_t>(lane);
  }
  [[nodiscard]] Slot& slot(Token token) {
    SL_CHECK(holds(token));
    return ring_[token & (ring_.size() - 1)];
  }
  [[nodiscard]] const Slot& slot(Token token) const {
    SL_CHECK(holds(token));
    return ring_[token & (ring_.size() - 1)];
  }
  [[nodiscard]] store::Cursor cursor_when(std::initializer_list<State> done) const;
  void make_room(std::size_t count);
  [[nodiscard]] static std::size_t cost(const model::Message& message, const Record& record);
  void change(Slot& slot, State state);
  void pass_done();
  void join_lanes();
  [[nodiscard]] Lane lane_to_hand_over() const;
  [[nodiscard]] const Slot* oldest();

  std::vector<Slot> ring_;  // a power of two of them; a slot stands at its token, modulo
  Token base_ = 0;          // token of the front
  Token end_ = 0;
  PerLane<Token> next_{};  // nothing of the lane before it is Ready
  Token oldest_ = 0;       // nothing of the main lane before it is not Done
  std::deque<std::unique_ptr<ReadBatch>> batches_;
  std::vector<std::unique_ptr<ReadBatch>> spares_;
  PerLane<store::Position> passed_;  // all of the lane up to here is done with
  PerLane<store::Position> read_;
  std::optional<store::Position> cut_;           // the main lane ends here, the other one begins
  PerLane<std::vector<store::Position>> known_;  // acknowledged before the start, ascending
  std::size_t bytes_ = 0;
  std::size_t in_sink_ = 0;
  PerLane<std::size_t> unfinished_{};
  PerLane<std::size_t> ready_{};
  PerLane<std::size_t> came_back_{};  // Ready, and handed over before
};

}  // namespace sluice::connect
