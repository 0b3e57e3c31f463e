#pragma once
#include <cstddef>
#include <deque>
#include <variant>
#include <vector>

#include "broker/delivery.hpp"
#include "broker/filter_table.hpp"
#include "broker/limits.hpp"

namespace sluice::broker {

class Worker;
struct Turn;
using TurnPtr = std::shared_ptr<const Turn>;

// Who waits for conditions (`$where`) to be asked. All conditions of a worker share the steps of a
// turn (ConditionJudge); what is left when they are spent goes on in the next turn, whoever has
// waited longest first, and other clients are served in between.
//
// A session that has QoS 1 or 2, and a group, falls behind and reads its queue when it is its turn.
// QoS 0 has no queue: its messages wait here, and are dropped beyond kUnjudgedBytes.
//
// Threads: its worker's own.
class ConditionTurns {
 public:
  explicit ConditionTurns(Worker& worker) : worker_(worker) {}

  // To be pumped when there are steps for it.
  void add(const SessionPtr& session) { readers_.emplace_back(session); }
  void add(const SharedGroupPtr& group) { readers_.emplace_back(group); }

  // From dispatch: message by message, so that each condition is asked once about it.
  void dispatch(const TurnPtr& turn, const Delivery::Run& run,
                const std::vector<ChoosyReceiver>& receivers);

  // A read of the log for a session with conditions: false when it has to wait for another one to
  // end, or behind others that wait; the session is pumped then.
  [[nodiscard]] bool begin_read(const SessionPtr& session);
  void end_read() { --reads_; }

  // Goes on with those who wait, each at most once, as far as the steps go.
  void run();
  // Somebody has to be run again.
  [[nodiscard]] bool some_wait() const {
    const bool some_may_read = reads_ < kReadsToBeJudged && !wait_for_read_.empty();
    return !readers_.empty() || !unjudged_.empty() || some_may_read;
  }

 private:
  // A run of messages of QoS 0 to receivers that are to be asked still.
  struct Unjudged {
    TurnPtr turn;  // keeps the messages and the receivers
    const std::vector<ChoosyReceiver>* receivers = nullptr;
    std::size_t index = 0;     // of the message
    std::size_t receiver = 0;  // the first that was not asked about it
    std::size_t end = 0;
    std::size_t bytes = 0;  // as counted for the bound
  };
  [[nodiscard]] bool keep(Unjudged rest);
  void drop(const Unjudged& rest);
  void let_read();
  void run_unjudged();
  void run_readers();

  Worker& worker_;
  std::deque<std::variant<SessionPtr, SharedGroupPtr>> readers_;
  std::deque<Unjudged> unjudged_;
  std::size_t unjudged_bytes_ = 0;
  bool unjudged_first_ = false;  // in the next turn: they take turns
  std::size_t reads_ = 0;
  bool lets_read_ = false;  // those who have waited
  std::deque<SessionPtr> wait_for_read_;
};

}  // namespace sluice::broker
