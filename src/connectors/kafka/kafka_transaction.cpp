#include "connectors/kafka/kafka_transaction.hpp"

#include <algorithm>
#include <limits>

#include "base/log.hpp"
#include "connectors/kafka/kafka_cursors.hpp"

namespace sluice::connectors::kafka {
namespace {

using connect::Delivery;
using connect::Sink;
using connect::Verdict;

constexpr int kPrepareMs = 3000;
constexpr int kEndMs = 500;
constexpr auto kAgainAfter = std::chrono::milliseconds(200);
// Of the record with the place, which is none of the runtime's.
constexpr std::uint64_t kPlaceToken = std::numeric_limits<std::uint64_t>::max();

std::string text_of(const KafkaError& error) {
  return explain(rd_kafka_error_code(error.get()), rd_kafka_error_string(error.get()));
}

}  // namespace

Transaction::Transaction(std::string transactional_id, Reader reader)
    : id_(std::move(transactional_id)), reader_(std::move(reader)) {}

void Transaction::producer_was_replaced() {
  is_prepared_ = false;
  is_spent_ = false;
}

Result<void> Transaction::prepare(Producer& producer) {
  if (is_prepared_) return {};
  const KafkaError error(rd_kafka_init_transactions(producer.client(), kPrepareMs));
  if (error) {
    // Rights and settings are looked at once: another producer asks again.
    is_spent_ = rd_kafka_error_is_retriable(error.get()) == 0;
    return fail(Errc::Unavailable, "the transactional id " + id_ + ": " + text_of(error));
  }
  is_prepared_ = true;
  return {};
}

Result<std::string> Transaction::last_place(Producer& producer) {
  SL_TRY(topic, cursors_topic(producer));
  return read_place(producer, *topic, reader_.client, reader_.tokens, id_);
}

Result<void> Transaction::begin(Producer& producer) {
  if (phase_ == Phase::Open) return {};
  const KafkaError error(rd_kafka_begin_transaction(producer.client()));
  if (error) {
    is_spent_ = true;
    return fail(Errc::Unavailable, "a transaction cannot be begun: " + text_of(error));
  }
  phase_ = Phase::Open;
  return {};
}

void Transaction::end(std::string place) {
  if (phase_ != Phase::Open) return;
  place_ = std::move(place);
  is_place_written_ = false;
  phase_ = Phase::Ending;
}

Sink::Milliseconds Transaction::go_on(Producer& producer, std::vector<Delivery>& reports,
                                      std::vector<Delivery>& outcomes) {
  take(reports);
  if ((phase_ == Phase::Open || phase_ == Phase::Ending) &&
      (!came_back_.empty() || producer.is_broken()))
    undo_because("the producer was replaced");
  if (phase_ == Phase::Ending) {
    producer.send_what_lingers();  // makes room for the place
    if (!is_place_written_ && !write_place(producer)) {
      return phase_ == Phase::Ending ? kAgainAfter : Milliseconds(0);
    }
    producer.send_what_lingers();
    if (producer.outstanding() == 0) phase_ = Phase::Committing;
  }
  if (phase_ == Phase::InDoubt && is_abandoned_) leave_in_doubt(outcomes);
  if (phase_ == Phase::Committing) return commit(producer, outcomes);
  if (phase_ == Phase::Undoing) return undo(producer, outcomes);
  return Sink::kNotByItself;
}

void Transaction::take(std::vector<Delivery>& reports) {
  for (auto& report : reports) {
    if (report.verdict == Verdict::Delivered) {
      if (report.token != kPlaceToken) arrived_.push_back(report.token);
      continue;
    }
    // Whatever the brokers have of it, no reader will see it.
    report.maybe_arrived = false;
    at_once_ = at_once_ || report.at_once;
    if (reason_.empty()) reason_ = report.reason;
    if (report.token == kPlaceToken) {
      if (phase_ == Phase::Ending) phase_ = Phase::Undoing;
      continue;
    }
    came_back_.push_back(std::move(report));
  }
  reports.clear();
}

// False: it cannot be written now. A record that went alone stays alone in what it is judged by.
bool Transaction::write_place(Producer& producer) {
  const auto topic = cursors_topic(producer);
  if (!topic) {
    trouble_ = topic.error().detail;
    return false;
  }
  const connect::Record record{.token = kPlaceToken,
                               .topic = kCursorsTopic,
                               .key = id_,
                               .value = place_,
                               .timestamp_ms = 0,
                               .headers = {}};
  const auto error = producer.produce(**topic, record, producer.is_alone());
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
    trouble_.clear();
    is_place_written_ = true;
    return true;
  }
  if (error != RD_KAFKA_RESP_ERR__QUEUE_FULL) undo_because(explain(error, ""));
  return false;
}

Sink::Milliseconds Transaction::commit(Producer& producer, std::vector<Delivery>& outcomes) {
  const KafkaError error(rd_kafka_commit_transaction(producer.client(), kEndMs));
  if (!error) {
    give_delivered(outcomes);
    return Sink::kNotByItself;
  }
  trouble_ = "the transaction cannot be committed yet: " + text_of(error);
  if (rd_kafka_error_is_retriable(error.get()) != 0 && !is_abandoned_) return kAgainAfter;
  if (rd_kafka_error_txn_requires_abort(error.get()) != 0) {
    undo_because(text_of(error));
    return Milliseconds(0);
  }
  log::warn("a kafka transaction has an unknown end",
            {{"transactional_id", id_}, {"detail", text_of(error)}});
  is_spent_ = true;
  phase_ = Phase::InDoubt;
  if (is_abandoned_) leave_in_doubt(outcomes);
  return Milliseconds(0);
}

Sink::Milliseconds Transaction::undo(Producer& producer, std::vector<Delivery>& outcomes) {
  if (producer.outstanding() > 0) {
    producer.purge_queued();  // what is on its way has to be answered first
    return Sink::kNotByItself;
  }
  const KafkaError error(rd_kafka_abort_transaction(producer.client(), kEndMs));
  if (error) {
    trouble_ = "the transaction cannot be undone yet: " + text_of(error);
    if (rd_kafka_error_is_retriable(error.get()) != 0 && !is_abandoned_) return kAgainAfter;
    is_spent_ = true;  // the next producer undoes it
  }
  give_back(outcomes);
  return Sink::kNotByItself;
}

void Transaction::undo_because(std::string reason) {
  if (reason_.empty()) reason_ = std::move(reason);
  phase_ = Phase::Undoing;
}

Result<void> Transaction::resolve(Producer& producer, std::vector<Delivery>& outcomes) {
  const auto last = last_place(producer);
  if (!last) {
    trouble_ = last.error().detail;
    return tl::unexpected(last.error());
  }
  if (*last == place_) {
    give_delivered(outcomes);
  } else {
    give_back(outcomes);
  }
  return {};
}

void Transaction::abandon(Producer& producer) {
  is_abandoned_ = true;
  producer.purge();
  if (phase_ == Phase::Open || phase_ == Phase::Ending) undo_because("the task stops");
}

void Transaction::give_delivered(std::vector<Delivery>& outcomes) {
  for (const auto token : arrived_)
    outcomes.push_back({.token = token,
                        .verdict = Verdict::Delivered,
                        .maybe_arrived = false,
                        .at_once = false,
                        .reason = {}});
  arrived_.clear();
  phase_ = Phase::None;
  trouble_.clear();
  reason_.clear();
  at_once_ = false;
}

void Transaction::leave_in_doubt(std::vector<Delivery>& outcomes) {
  was_left_in_doubt_ = true;
  give_back(outcomes);
}

// Those first because of which the others come back.
void Transaction::give_back(std::vector<Delivery>& outcomes) {
  std::ranges::move(came_back_, std::back_inserter(outcomes));
  for (const auto token : arrived_)
    outcomes.push_back({.token = token,
                        .verdict = Verdict::RetryLater,
                        .maybe_arrived = false,
                        .at_once = at_once_,
                        .reason = reason_});
  came_back_.clear();
  arrived_.clear();
  phase_ = Phase::None;
  trouble_.clear();
  reason_.clear();
  at_once_ = false;
}

}  // namespace sluice::connectors::kafka
