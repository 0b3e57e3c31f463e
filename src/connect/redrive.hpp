#pragma once
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "broker/accounts.hpp"
#include "connect/dead_letters.hpp"
#include "connect/processing/processor.hpp"
#include "connect/record_mapper.hpp"
#include "connect/saved_letter.hpp"
#include "connect/task_spec.hpp"
#include "connect/value_encoder.hpp"

namespace sluice::connect {

// Sends dead letters of a task again, by the task's document as it is now, through a sink of its
// own beside the worker's. A letter goes once the other side has acknowledged its record, not
// before; one that is refused again stays, with the new reason. What is neither in time stays as it
// is, and may have arrived.
//
// Threads: one; it blocks, until its deadline at most and some seconds more.
class Redrive {
 public:
  using SteadyTime = std::chrono::steady_clock::time_point;
  using MakeSink = std::function<Result<std::unique_ptr<Sink>>(Sink::Callbacks)>;
  struct Context {
    DeadLetters& letters;
    const Clock& clock;
    std::string task_id;
    std::string node_name;
    std::string worker_name;
    std::string origin;  // as the worker's
    SteadyTime until;
    std::function<bool()> is_stopping;                // the server ends: no further letters
    std::unique_ptr<ValueEncoder> encoder = nullptr;  // as the worker's
    broker::AccountRightsPtr rights = nullptr;        // of the account; null: nobody is asked
  };
  struct Refused {
    model::MessageId id;
    std::string reason;
  };
  static constexpr std::size_t kMostTold = 100;  // refused letters in a report
  struct Report {
    std::size_t redriven = 0;
    std::size_t refused = 0;
    std::vector<Refused> some_refused;  // the first of them
    std::string stopped;                // why it did not try all: empty, it did
  };

  // `spec` outlives this.
  Redrive(Context context, const TaskSpec& spec);
  ~Redrive();
  Redrive(const Redrive&) = delete;
  Redrive& operator=(const Redrive&) = delete;

  // Errors: what the sink or the store says before anything was tried.
  [[nodiscard]] Result<void> open(const MakeSink& make_sink);
  // Those of them that are there. False: it has stopped, and `report().stopped` says why.
  [[nodiscard]] Result<bool> send(std::span<const model::Position> positions);
  [[nodiscard]] const Report& report() const { return report_; }

 private:
  struct Entry {
    std::unique_ptr<SavedLetter> letter;
    Record record;
    enum class State : std::uint8_t { Ready, InSink, Delivered, Refused } state = State::Ready;
    std::string reason;
    LetterClass error = LetterClass::Unmapped;
  };
  [[nodiscard]] Result<std::size_t> load(std::span<const model::Position> positions);
  void refuse(model::MessageId id, const std::string& reason);
  void map(Entry& entry);
  void map(Entry& entry, std::optional<std::string_view> payload);
  void encode_value(Entry& entry);
  void run();
  void hand_over();
  void collect();
  void settle(Delivery& delivery);
  void take_back();
  void wait(SteadyTime until);
  [[nodiscard]] Result<void> settle_letters();
  [[nodiscard]] bool has_ended() const;
  [[nodiscard]] std::size_t count(Entry::State state) const;

  Context context_;
  const TaskSpec& spec_;
  RecordMapper mapper_;
  std::optional<processing::Processor> processor_;
  std::mutex mutex_;  // guards is_ready_
  std::condition_variable ready_;
  bool is_ready_ = false;
  Arena arena_;
  std::vector<Entry> entries_;
  std::unique_ptr<Sink> sink_;                 // after what it points at
  SteadyTime here_at_{};                       // when the other side could be reached last
  SteadyTime not_before_{};                    // the next try after something came back
  SteadyTime collect_at_ = SteadyTime::max();  // at the latest
  Report report_;
};

}  // namespace sluice::connect
