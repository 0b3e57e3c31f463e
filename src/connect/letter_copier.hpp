#pragma once
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/guarded.hpp"
#include "base/metrics.hpp"
#include "base/threads.hpp"
#include "connect/backoff.hpp"
#include "connect/dead_letters.hpp"
#include "connect/letter_record.hpp"
#include "connect/sink.hpp"

namespace sluice::connect {

// Sends the dead letters of a task that are to be copied, through a sink of its own and beside the
// task, which it never holds up. What waits stands in the store (DeadLetters::copies()), durable
// like the letter itself, and goes from there once the other side has acknowledged it: after a kill
// some go twice, and none is left out. What is refused stays, and is tried again from time to time
// and at each start. docs/adr/0065-dead-letter-copies.md
//
// Owns:    its thread and its sink, which it makes when the first letter comes.
// Threads: status() and try_refused_again() from any; the rest from one at a time.
class LetterCopier {
 public:
  using MakeSink = std::function<Result<std::unique_ptr<Sink>>(Sink::Callbacks)>;
  struct Context {
    DeadLetters& letters;
    const Clock& clock;
    metrics::Counter& copied;
    std::string task_id;
    LetterRecord::Names names;
    bool has_records = false;              // of a source outside: client ids are keys
    Threads* threads = &system_threads();  // outlive it
    std::uint64_t seed = std::random_device()();
    std::chrono::milliseconds refused_again_after{60'000};
  };
  struct Status {
    std::string trouble;  // why nothing goes just now; empty: nothing keeps it
    std::string last_error;
    std::int64_t last_error_ms = 0, last_success_ms = 0;
  };

  // `copy` outlives it.
  LetterCopier(Context context, const LetterCopy& copy, MakeSink make_sink);
  ~LetterCopier();
  LetterCopier(const LetterCopier&) = delete;
  LetterCopier& operator=(const LetterCopier&) = delete;

  void start();
  void request_stop();  // does not wait
  void stop();          // waits a moment for what is on its way; what is not answered goes again
  void try_refused_again();  // soon; does not wait
  [[nodiscard]] Status status() const;

 private:
  using SteadyTime = std::chrono::steady_clock::time_point;
  struct Entry {
    std::unique_ptr<SavedLetter> letter;
    std::string key;  // memory of a key that is no text
    Record record;
    enum class State : std::uint8_t { Ready, InSink, Arrived, Refused } state = State::Ready;
    std::string reason;
  };

  void run();
  [[nodiscard]] bool turn();
  void take_mail();
  [[nodiscard]] bool is_stopping() const;
  [[nodiscard]] bool look_again();
  [[nodiscard]] bool load();
  [[nodiscard]] bool add(model::Position position);
  void end_pass();
  [[nodiscard]] bool open_sink();
  void hand_over();
  void collect();
  void settle(Delivery& delivery);
  void give_up_sink();
  [[nodiscard]] bool settle_letters();
  void park();
  void wait();
  void wait_for(std::string reason);
  void note_error(const std::string& reason);
  void show(std::string trouble);
  [[nodiscard]] SteadyTime now() const { return context_.clock.steady(); }
  [[nodiscard]] std::size_t count(Entry::State state) const;

  Context context_;
  const MakeSink make_sink_;
  Guarded<Status> status_;

  mutable std::mutex mutex_;  // guards the five that follow
  std::condition_variable wake_;
  bool has_news_ = false;  // from the sink
  bool stopping_ = false;
  bool takes_all_ = false;               // something has changed for those that were refused
  std::optional<model::Position> kept_;  // the lowest of the letters that were kept meanwhile

  // The thread's own.
  LetterRecord records_;
  Backoff backoff_;
  Arena arena_;
  // What was loaded last, until all of it is settled. They stay where they are: records point at
  // keys.
  std::deque<Entry> entries_;
  std::unique_ptr<Sink> sink_;  // after what it points at
  model::Position next_;        // what stands behind it has not been looked at
  bool takes_refused_ = true;   // this pass tries those, too, that were refused before
  bool has_all_ = false;        // the pass is over
  bool came_back_ = false;      // nothing goes out before all that the sink has is settled
  bool is_spent_ = false;       // the sink cannot go on
  std::string wait_reason_, away_;
  std::optional<SteadyTime> resume_at_;  // not before: a back-off is running
  SteadyTime collect_at_ = SteadyTime::max();
  SteadyTime pass_ended_at_ = SteadyTime::min();
  SteadyTime refused_again_at_ = SteadyTime::max();
  std::unique_ptr<Threads::Thread> thread_;
};

}  // namespace sluice::connect
