// Messages of an outside system, many at a time and in order: each goes the way of one that an
// administrator publishes, and all are answered at once.
#include <utility>

#include "broker/broker.hpp"
#include "broker/point_to_point.hpp"
#include "broker/worker.hpp"

namespace sluice::broker {

// The answers to one batch; when they are lost on the way, because the log closed or the server
// stops, those who were accepted are refused.
class Broker::BatchTicket {
 public:
  BatchTicket(store::Store& store, Messages messages, Done done)
      : store_(store),
        messages_(std::move(messages)),
        done_(std::move(done)),
        answers_(messages_->size()) {}
  BatchTicket(const BatchTicket&) = delete;
  BatchTicket& operator=(const BatchTicket&) = delete;
  ~BatchTicket() {
    if (!is_durable_) refuse_the_rest();
    done_(std::move(answers_));
  }

  [[nodiscard]] const std::vector<OutsideMessage>& messages() const { return *messages_; }
  void refuse(std::size_t index, Refusal refusal) { answers_[index] = std::move(refusal); }
  // Those that were not refused are in the log for good.
  void settle() { is_durable_ = true; }

 private:
  void refuse_the_rest() {
    const auto why = log_refused(store_.health());
    for (auto& answer : answers_) {
      if (!answer) answer = why;
    }
  }

  store::Store& store_;
  Messages messages_;
  Done done_;
  Answers answers_;
  bool is_durable_ = false;
};

void Broker::publish_all(Messages messages, Done done) {
  if (messages->empty()) return done({});
  auto& worker = worker_of(messages->front().client.client_id);
  auto ticket = std::make_shared<BatchTicket>(store_, std::move(messages), std::move(done));
  worker.post([this, &worker, ticket = std::move(ticket)] { publish_batch_on(worker, ticket); });
}

// Whoever cannot be taken now holds up all behind it: they would overtake it.
void Broker::publish_batch_on(Worker& worker, const std::shared_ptr<BatchTicket>& ticket) {
  const auto& messages = ticket->messages();
  std::optional<Refusal> later;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    auto refused = later ? later : refuse_outside(worker, messages[i]);
    if (refused) {
      if (!is_for_good(*refused)) later = refused;
      counters_.publishes_refused.add();
      ticket->refuse(i, std::move(*refused));
      continue;
    }
    if (limits().point_to_point && messages[i].retain && addressee_of(messages[i].topic)) {
      auto mail = messages[i];
      mail.retain = false;
      publish_one(worker, mail);
    } else {
      publish_one(worker, messages[i]);
    }
  }
  worker.when_durable([ticket, turn = worker.publishing_turn()] {
    if (!turn->refused) ticket->settle();
  });
}

}  // namespace sluice::broker
