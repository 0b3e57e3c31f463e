// What a restart brings back. Runs before the workers' threads, so everything is touched from one.
#include <algorithm>

#include "base/log.hpp"
#include "broker/auto_subscriptions.hpp"
#include "broker/block_rules.hpp"
#include "broker/broker.hpp"
#include "broker/enrichment_rules.hpp"
#include "broker/made_groups.hpp"
#include "broker/session.hpp"
#include "broker/session_records.hpp"
#include "broker/shared_group.hpp"
#include "broker/worker.hpp"

namespace sluice::broker {

namespace {

// scan() takes a visitor that cannot fail: the first failure is kept and ends the scan.
class FirstFailure {
 public:
  bool keep(Result<void> result) {
    if (!result && outcome_) outcome_ = std::move(result);
    return outcome_.has_value();
  }
  [[nodiscard]] Result<void> take(Result<void> scanned) {
    if (!scanned) return scanned;
    return std::move(outcome_);
  }

 private:
  Result<void> outcome_;
};

}  // namespace

// The sessions by client id, for scans whose keys ascend by client id: what belongs to them is
// found by going on, not by a look into a table that no cache holds.
class Broker::Restored {
 public:
  void add(SessionPtr session) { sessions_.push_back(std::move(session)); }
  // From here on for keys that begin again.
  void rewind() { at_ = 0; }
  // Contract: not below the one that was asked for before.
  [[nodiscard]] Session* find(std::string_view client_id) {
    while (at_ < sessions_.size() && sessions_[at_]->client().client_id < client_id) ++at_;
    const bool found = at_ < sessions_.size() && sessions_[at_]->client().client_id == client_id;
    return found ? sessions_[at_].get() : nullptr;
  }

 private:
  std::vector<SessionPtr> sessions_;
  std::size_t at_ = 0;
};

Result<void> Broker::load() {
  SL_TRY_VOID(block_rules_->load());
  SL_TRY_VOID(auto_subscriptions_->documents().load());
  SL_TRY_VOID(enrichment_rules_->documents().load());
  SL_TRY_VOID(made_groups_->documents().load());
  Restored restored;
  SL_TRY_VOID(load_retained());
  SL_TRY_VOID(load_sessions(restored));
  SL_TRY_VOID(load_subscriptions(restored));
  SL_TRY_VOID(load_deliveries(restored));
  SL_TRY_VOID(load_wills());
  SL_TRY_VOID(load_delayed());
  std::size_t sessions = 0;
  for (const auto& worker : workers_) {
    sessions += worker->sessions().size();
    worker->end_turn();
  }
  log::info("sessions restored",
            {{"sessions", sessions}, {"filters", filters_.size()}, {"retained", retained_.size()}});
  return {};
}

Result<void> Broker::load_retained() {
  FirstFailure failure;
  std::vector<model::MessagePtr> unplaced;
  SL_TRY_VOID(failure.take(
      store_.scan(store::StateKind::Retained, "", [&](std::string_view, std::string_view value) {
        auto message = decode_message(value);
        if (!message) return failure.keep(tl::unexpected(std::move(message).error()));
        retained_.set(*message);
        if ((*message)->id.time_and_node == 0) unplaced.push_back(*message);
        return true;
      })));
  for (const auto& message : unplaced) {
    SL_TRY(placed, find_place(message));
    if (!placed) continue;
    retained_.set(placed);
    workers_[0]->note_retained(placed);
  }
  return {};
}

// The process ended between a message and the record that says where it stands: not far behind the
// place that was the head when it was published. None: retention has deleted it since.
Result<model::MessagePtr> Broker::find_place(const model::MessagePtr& retained) {
  const std::vector<std::string> filters{std::string(retained->topic)};
  auto after = last_before(retained->position());
  while (true) {
    SL_TRY(part, store_.scan_log({.filters = filters, .after = after, .before = store_.durable()}));
    for (const auto& entry : part.entries) {
      const auto& found = *entry.message;
      if (found.retain && found.payload == retained->payload &&
          found.client_id == retained->client_id)
        return entry.message;
    }
    if (part.at_end) return nullptr;
    after = part.next;
  }
}

Result<void> Broker::load_sessions(Restored& restored) {
  FirstFailure failure;
  return failure.take(
      store_.scan(store::StateKind::Session, "", [&](std::string_view key, std::string_view value) {
        const auto record = decode_session(value);
        if (!record) return failure.keep(tl::unexpected(record.error()));
        auto& worker = worker_of(key);
        auto session =
            std::make_shared<Session>(worker, ClientPtr(Client{.client_id = std::string(key),
                                                               .username = record->username,
                                                               .has_username = record->has_username,
                                                               .host = record->host,
                                                               .listener = record->listener}));
        session->restore(record->expiry_s, record->created_ms, record->user_id);
        session_counts_.add(counted_user(session->client()));
        worker.add_session(session);
        restored.add(std::move(session));
        return true;
      }));
}

Result<void> Broker::load_subscriptions(Restored& restored) {
  FirstFailure failure;
  restored.rewind();
  return failure.take(store_.scan(
      store::StateKind::Subscription, "", [&](std::string_view key, std::string_view value) {
        const auto [client_id, name] = split_key(key);
        auto* session = restored.find(client_id);
        if (session == nullptr) return true;
        auto record = decode_subscription(name, value);
        if (!record) return failure.keep(tl::unexpected(record.error()));
        ConditionPtr condition;
        if (!record->condition.empty()) {
          // Whatever the limit is now: it was acknowledged.
          auto compiled = conditions_.compile(record->condition, SIZE_MAX);
          if (!compiled) return failure.keep(tl::unexpected(compiled.error()));
          condition = std::move(*compiled);
        }
        return failure.keep(session->restore_subscription(
            std::move(record->subscription), std::move(record->unfinished), std::move(condition),
            std::move(record->user_properties)));
      }));
}

Result<void> Broker::restore_member(const SessionPtr& session, const Subscription& subscription,
                                    const ConditionPtr& condition) {
  const auto key = SharedGroup::key_of(subscription.group(), subscription.filter());
  return groups_.with([&](Groups& groups) -> Result<void> {
    auto it = groups.find(key);
    if (it == groups.end()) {
      auto group =
          std::make_shared<SharedGroup>(worker_of_group(key), std::string(subscription.group()),
                                        std::string(subscription.filter()));
      SL_TRY(record, store_.get(store::StateKind::Cursor, group_cursor_key(key)));
      store::Cursor cursor{subscription.since, {}};
      if (record) {
        SL_TRY(decoded, store::decode_cursor(*record));
        cursor = decoded;
      }
      SL_TRY_VOID(group->open(&cursor));
      it = groups.emplace(key, GroupEntry{std::move(group), 0, {}}).first;
    }
    ++it->second.members;
    note_condition(it->second, *session, condition);
    it->second.group->restore_member(session, subscription.options, condition);
    return {};
  });
}

Result<void> Broker::load_deliveries(Restored& restored) {
  FirstFailure failure;
  restored.rewind();
  std::vector<std::string> orphans;
  SL_TRY_VOID(failure.take(store_.scan(
      store::StateKind::Cursor, "session/", [&](std::string_view key, std::string_view value) {
        const auto client_id = key.substr(std::string_view("session/").size());
        auto* session = restored.find(client_id);
        if (session == nullptr) {
          orphans.emplace_back(key);
          return true;
        }
        const auto cursor = store::decode_cursor(value);
        if (!cursor) return failure.keep(tl::unexpected(cursor.error()));
        session->delivery().restore_cursor(*cursor);
        return true;
      })));
  SL_TRY_VOID(
      store_.scan(store::StateKind::Cursor, "group/", [&](std::string_view key, std::string_view) {
        if (!find_group(key.substr(std::string_view("group/").size()))) orphans.emplace_back(key);
        return true;
      }));
  // Groups of clients whose sessions ended with the process.
  for (const auto& key : orphans) workers_[0]->state().erase(store::StateKind::Cursor, key);
  SL_TRY_VOID(failure.take(store_.scan(
      store::StateKind::Outgoing, "", [&](std::string_view key, std::string_view value) {
        const auto [client_id, rest] = split_key(key);
        const auto session = worker_of(client_id).find_session(client_id);
        if (!session) return true;
        return failure.keep(session->delivery().restore_outgoing(packet_id_of(rest), value));
      })));
  return store_.scan(store::StateKind::Incoming, "", [&](std::string_view key, std::string_view) {
    const auto [client_id, rest] = split_key(key);
    if (const auto session = worker_of(client_id).find_session(client_id))
      session->restore_incoming(packet_id_of(rest));
    return true;
  });
}

// The wills of sessions that were connected when the process ended are due after a while, unless
// the client is back before.
Result<void> Broker::load_wills() {
  FirstFailure failure;
  SL_TRY_VOID(failure.take(
      store_.scan(store::StateKind::Will, "", [&](std::string_view key, std::string_view value) {
        auto will = decode_will(value);
        if (!will) return failure.keep(tl::unexpected(will.error()));
        will->memory = memory_.wills->hold(bytes_of(*will));
        const auto [client_id, own] = split_key(key);
        auto& worker = worker_of(client_id);
        if (!own.empty()) {  // was due already, and its client was back
          worker.wills().restore({std::string(client_id), std::move(*will), std::string(key)});
          return true;
        }
        auto session = worker.find_session(key);
        if (!session) {
          // Its session ended with the connection; only the will is left of it.
          session =
              std::make_shared<Session>(worker, ClientPtr(Client{.client_id = std::string(key),
                                                                 .username = will->username,
                                                                 .has_username = will->has_username,
                                                                 .host = will->host,
                                                                 .listener = will->listener}));
          session->restore_for_will(kWillGraceAfterRestart);
          session_counts_.add(counted_user(session->client()));
          worker.add_session(session);
        }
        session->will = std::make_unique<WillMessage>(std::move(*will));
        return true;
      })));
  end_sessions_without_user();
  for (const auto& worker : workers_)
    for (const auto& session : worker->sessions()) session->start_waiting(kWillGraceAfterRestart);
  return {};
}

// What became due meanwhile is published by the first turn.
Result<void> Broker::load_delayed() {
  FirstFailure failure;
  return failure.take(
      store_.scan(kDelayedKind, "", [&](std::string_view key, std::string_view value) {
        const auto client_id = DelayedMessages::client_of(value);
        if (!client_id) return failure.keep(tl::unexpected(client_id.error()));
        return failure.keep(worker_of(*client_id).delayed().restore(key, value));
      }));
}

// Their users were deleted, and the process ended before the sessions did.
void Broker::end_sessions_without_user() {
  std::vector<SessionPtr> gone;
  for (const auto& worker : workers_)
    for (const auto& session : worker->sessions())
      if (session->user_is_gone()) gone.push_back(session);
  for (const auto& session : gone) session->end_with_user();
  if (!gone.empty())
    log::info("sessions ended: their users were deleted", {{"sessions", gone.size()}});
}

}  // namespace sluice::broker
