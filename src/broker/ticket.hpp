#pragma once
#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <utility>

#include "base/refusal.hpp"
#include "broker/worker.hpp"

namespace sluice::broker {

// The answer of a worker to another thread that waits for it. One that is lost on the way, because
// the log closed, is an answer too.
template <class Value>
class Ticket {
 public:
  Ticket() = default;
  Ticket(const Ticket&) = delete;
  Ticket& operator=(const Ticket&) = delete;
  ~Ticket() {
    if (!is_answered_) answer(refuse(unanswered()));
  }

  void answer(Outcome<Value> outcome) {
    is_answered_ = true;
    promise_.set_value(std::move(outcome));
  }
  [[nodiscard]] auto future() { return promise_.get_future(); }

  [[nodiscard]] static Refusal unanswered() {
    return {
        .errc = Errc::Overloaded,
        .code = "overloaded",
        .detail = "the server did not come to it in time; it may be done all the same",
        .hint = "GET /health/ready says whether the log takes anything; look before you repeat"};
  }

 private:
  std::promise<Outcome<Value>> promise_;
  bool is_answered_ = false;
};

inline constexpr std::chrono::seconds kAnswerWithin{10};

// Has `work` done by the worker. Not from a worker's thread.
template <class Value>
[[nodiscard]] std::future<Outcome<Value>> post_question(
    Worker& worker, std::function<void(const std::shared_ptr<Ticket<Value>>&)> work) {
  auto ticket = std::make_shared<Ticket<Value>>();
  auto answer = ticket->future();
  worker.post([ticket = std::move(ticket), work = std::move(work)] { work(ticket); });
  return answer;
}

// The same, and waits for its answer.
template <class Value>
[[nodiscard]] Outcome<Value> ask_worker(
    Worker& worker, std::function<void(const std::shared_ptr<Ticket<Value>>&)> work) {
  auto answer = post_question<Value>(worker, std::move(work));
  if (answer.wait_for(kAnswerWithin) != std::future_status::ready)
    return refuse(Ticket<Value>::unanswered());
  return answer.get();
}

}  // namespace sluice::broker
