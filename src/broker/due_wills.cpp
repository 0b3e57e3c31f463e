#include "broker/due_wills.hpp"

#include <algorithm>
#include <utility>

#include "base/entity_id.hpp"
#include "base/log.hpp"
#include "broker/broker.hpp"
#include "broker/session.hpp"
#include "broker/session_records.hpp"
#include "broker/worker.hpp"

namespace sluice::broker {
namespace {

std::size_t bytes_of(const DueWill& due) {
  return due.will.topic.size() + due.will.payload.size() + due.will.properties.size() +
         due.client_id.size() + due.record.size() + sizeof(DueWill);
}

}  // namespace

// With the message or not at all: a crash may neither lose the will nor send it twice.
void DueWills::send(DueWill due) {
  auto& batch = worker_.publishing();
  batch.begin_atomic();
  worker_.broker().publish_will(worker_, due.client_id, due.will);
  batch.erase(due.kind, due.record);
  batch.end_atomic();
  sent_.push_back(std::move(due));
}

void DueWills::on_refused(Errc reason) {
  auto refused = std::exchange(sent_, {});
  if (reason != Errc::NoSpace) return;  // after the restart that this needs, its record is found
  for (auto& due : refused) {
    const auto session = worker_.find_session(due.client_id);
    if (due.record == due.client_id && session && session->connection()) {
      // Back in the same turn: its new record was to follow what was refused.
      move_record(due);
      session->save_will();
    }
    keep(std::move(due));
  }
}

void DueWills::keep(DueWill due) {
  const auto bytes = bytes_of(due);
  if (kept_.size() >= kMaximum || kept_bytes_ + bytes > kMaximumBytes) {
    worker_.broker().counters().wills_refused.add();
    log::warn("will refused: the log takes nothing and too many wait; the next start sends it",
              {{"client_id", due.client_id}, {"topic", due.will.topic}});
    return;
  }
  log::debug("will kept until the log takes messages", {{"client_id", due.client_id}});
  kept_bytes_ += bytes;
  kept_.push_back(std::move(due));
}

void DueWills::send_kept() {
  if (kept_.empty() || !worker_.broker().store().health().accepting) return;
  while (!kept_.empty() && !worker_.turn_is_full()) {
    auto due = std::move(kept_.front());
    kept_.pop_front();
    kept_bytes_ -= bytes_of(due);
    send(std::move(due));
  }
  if (!kept_.empty()) worker_.post([this] { send_kept(); });
}

void DueWills::restore(DueWill due) {
  if (kept_.empty()) worker_.post([this] { send_kept(); });
  kept_bytes_ += bytes_of(due);
  kept_.push_back(std::move(due));
}

void DueWills::make_way(std::string_view client_id) {
  for (auto& due : kept_) {
    if (due.record != client_id) continue;
    kept_bytes_ -= bytes_of(due);
    move_record(due);
    kept_bytes_ += bytes_of(due);
  }
}

bool DueWills::ends_record(std::string_view client_id) const {
  return std::ranges::any_of(sent_, [&](const DueWill& due) { return due.record == client_id; });
}

// client id, NUL, a name of its own: no client has such an id.
void DueWills::move_record(DueWill& due) {
  auto& state = worker_.state();
  state.erase(store::StateKind::Will, due.record);
  due.record = subscription_key(due.client_id, new_entity_id(worker_.broker().clock()));
  state.put(store::StateKind::Will, due.record, encode(due.will));
}

}  // namespace sluice::broker
