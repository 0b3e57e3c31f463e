// Messages for subscriptions with a condition, `$where`.
#include <algorithm>

#include "broker/broker.hpp"
#include "broker/client_connection.hpp"
#include "broker/delivery.hpp"
#include "broker/session.hpp"
#include "broker/worker.hpp"

namespace sluice::broker {

using mqtt::Qos;

void Delivery::on_read_allowed() {
  if (rare_) rare_->waits_for_read = false;
  mark_pump();
}

bool Delivery::accepts(const SubscriptionCondition* condition,
                       const model::Message& message) const {
  if (condition == nullptr) return true;
  auto& worker = session_.worker();
  const auto verdict = worker.judge().ask(*condition, message);
  if (verdict != ConditionJudge::Verdict::GivesUp)
    return verdict == ConditionJudge::Verdict::Accepts;
  worker.broker().counters().not_judged.add();
  worker.events().add_undelivered(session_.client(), message, "condition_too_costly");
  return false;
}

// By the subscriptions whose conditions accept it; nothing where there is none.
std::optional<DeliveryOptions> Delivery::options_by_conditions(
    const model::Message& message, const ChoosyReceiver& receiver) const {
  std::optional<DeliveryOptions> options;
  const bool own = is_own(message);
  for (const auto& wish : receiver.wishes) {
    if (own && wish.options.no_local) continue;
    if (!accepts(wish.condition.get(), message)) continue;
    if (!options) options.emplace();
    merge(wish.options, message, *options);
  }
  if (options) options->qos = std::min(options->qos, static_cast<Qos>(message.qos));
  return options;
}

// The same steps as for a session without conditions (offer()), but what it wants comes last: of
// one that is away or behind no condition is asked.
void Delivery::offer_by_conditions(const Run& run, std::size_t index,
                                   const ChoosyReceiver& receiver) {
  const auto& message = run.batch->message(index);
  const bool queued = receiver.qos != Qos::AtMostOnce;
  if (queued) {
    if (message.position() <= tracker_.read()) return;  // found in the queue already
    if (!at_tail_) return;                              // to be found there later
    if (!ready() || is_put_off()) {
      at_tail_ = false;
      if (ready()) mark_pump();
      return;
    }
  } else if (leftovers() > 0 && !goes_directly(message)) {
    return;
  }
  if (!ready()) return;
  auto options = options_by_conditions(message, receiver);
  const bool is_sent = options && wants(message, false);
  if (queued) {
    if (is_sent && options->qos != Qos::AtMostOnce && !has_room()) {
      at_tail_ = false;
      return;
    }
    tracker_.read_up_to(message.position());
  }
  if (is_sent && options->qos == Qos::AtMostOnce) {
    send_unacknowledged(run, index, options->retain, options->identifiers);
  } else if (is_sent) {
    auto form = WireForms::Form();
    if (run.forms != nullptr && options->identifiers.empty())
      form = run.forms->of(index, session_.connection()->version(), options->qos, options->retain);
    hand_out(store::message_of(run.batch, index), std::move(*options), form);
    return;
  }
  if (queued) note_low();
}

}  // namespace sluice::broker
