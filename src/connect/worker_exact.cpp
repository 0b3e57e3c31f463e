// What a worker does besides where its sink writes exactly once. docs/adr/0041 says why so.
#include <algorithm>

#include "connect/place.hpp"
#include "connect/worker.hpp"

namespace sluice::connect {

// Before anything is read. False: it is asked to stop, or a person must mend something.
bool Worker::find_last_place() {
  transactions_ = sink_->transactions();
  if (transactions_ == nullptr) return true;
  while (!stopping_) {
    const auto place = transactions_->last_place();
    if (place) {
      is_place_known_ = true;
      resume_at_.reset();
      wait_reason_.clear();
      backoff_.reset();
      return place->empty() || go_on_from(*place);
    }
    if (place.error().code == Errc::InvalidArgument) {
      fail_for_good(place.error().detail);
      return false;
    }
    note_error(place.error().detail);
    wait_for(place.error().detail);
    sleep_before_next_try();
  }
  return false;
}

bool Worker::go_on_from(const std::string& saved) {
  const auto place = decode_place(saved);
  if (!place) {
    fail_for_good(place.error().detail + ", seek the task to say where it goes on");
    return false;
  }
  // It was sought to another place since, or other workers share it.
  if (place->generation < context_.generation) return true;
  if (place->generation > context_.generation || !is_of_this_log(place->newest)) {
    fail_for_good(
        "the other side has records of messages that this log does not have, as after a backup "
        "was restored: seek the task to say where it goes on");
    return false;
  }
  window_ = Window(furthest(context_.cursor, place->cursor));
  progress_.delivered = std::max(progress_.delivered, place->delivered);
  cursor_moved_ = true;
  return true;
}

// Whether the message stands in the log, or stood there before retention deleted it.
bool Worker::is_of_this_log(model::MessageId newest) const {
  const store::Position position(newest.position);
  if (position >= context_.store.head()) return false;
  if (position < context_.store.statistics().begin) return true;
  const auto message = context_.store.message_at(position);
  // Damage says nothing about which log it is: the task meets it where it reads.
  return message ? (*message)->id == newest : message.error().code != Errc::NotFound;
}

// Whether the cursor here is where the other side says it is, so that nobody needs to ask there.
bool Worker::knows_its_place() const {
  if (!spec_.exactly_once) return true;
  return is_place_known_ && transactions_ != nullptr && !transactions_->is_in_doubt();
}

// While there is more to read and room for it, another record costs less than another transaction.
bool Worker::is_transaction_due() {
  if (transactions_ == nullptr || is_ending_ || window_.in_sink() == 0) return false;
  const auto now = steady_now();
  if (!end_by_) end_by_ = now + kLongestTransaction;
  const bool has_all = has_read_all() && window_.ready() == 0;
  return has_all || is_sink_full_ || came_back_ || room_in_flight() == 0 || now >= *end_by_;
}

// The place must not cover what the sink has rejected by itself: that is heard first.
void Worker::end_transaction() {
  collect();
  const auto newest = window_.newest_in_sink();
  if (!newest) return;
  is_ending_ = true;
  transactions_->end(encode(Place{.task_id = context_.task_id,
                                  .generation = context_.generation,
                                  .cursor = window_.cursor_once_delivered(),
                                  .newest = *newest,
                                  .delivered = progress_.delivered + window_.in_sink()}));
}

}  // namespace sluice::connect
