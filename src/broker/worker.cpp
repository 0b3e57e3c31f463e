#include "broker/worker.hpp"

#include <algorithm>
#include <utility>

#include "base/check.hpp"
#include "base/log.hpp"
#include "broker/broker.hpp"
#include "broker/client_connection.hpp"
#include "broker/limits.hpp"
#include "broker/session.hpp"
#include "broker/shared_group.hpp"

namespace sluice::broker {

namespace {

constexpr std::size_t kCachedTopics = 100'000;
constexpr std::size_t kCachedTopicBytes = 16 << 20;
constexpr std::chrono::seconds kTrimInterval{1};
// The first append after a start leaves out far more positions than ever wait for the disk.
constexpr std::uint64_t kGapBytes = std::uint64_t{1} << 35;
constexpr std::size_t kSpareBuffers = 256;
constexpr std::size_t kSpareBufferBytes = 16 << 10;

thread_local const Worker* current_worker = nullptr;

}  // namespace

Worker::Worker(Broker& broker, std::size_t index)
    : broker_(broker),
      index_(index),
      loop_(broker.clock()),
      state_(broker.store().new_batch()),
      publishing_(broker.store().new_batch()),
      turn_(std::make_shared<Turn>()) {}

// Sessions, connections and groups refer to each other while they are in use.
Worker::~Worker() {
  for (const auto& session : sessions_) {
    if (const auto connection = session->connection()) connection->shut_down();
    session->delivery().let_go();
  }
}

bool Worker::is_current() const {
  return current_worker == nullptr || current_worker == this;
}

void Worker::run() {
  current_worker = this;
  while (!stopping_.load(std::memory_order_relaxed)) {
    loop_.run_once(EventLoop::Time::max(), [this] { return turn_is_full(); });
    end_turn();
  }
  shut_down();
  current_worker = nullptr;
}

void Worker::run_round() {
  current_worker = this;
  loop_.poll();
  end_turn();
  current_worker = nullptr;
}

void Worker::stop() {
  stopping_.store(true);
  post([] {});
}

// Clients are told, cursors are written; what is not durable yet was not acknowledged.
void Worker::shut_down() {
  const std::vector<SessionPtr> sessions(sessions_.begin(), sessions_.end());
  for (const auto& session : sessions) {
    const auto connection = session->connection();
    if (!connection) continue;  // its cursor was written when its client left
    connection->shut_down();
    if (session->persistent()) mark_cursor(*session, true);
    session->save_unfinished();
  }
  timers().stop();
  end_turn();
  loop_.poll();  // what was posted in the meantime, e.g. to groups; nobody is admitted any more
  write_cursors(true);
  end_turn();
}

void Worker::post(std::function<void()> work) {
  loop_.post(std::move(work));
}

// One turn's changes of state survive together or not at all: a QoS 2 packet id must not end
// without the cursor that says why.
store::Batch& Worker::state() {
  if (!std::exchange(state_is_open_, true)) state_->begin_atomic();
  return *state_;
}

store::Batch& Worker::publishing() {
  return *publishing_;
}

store::Batch& Worker::publishing_state() {
  turn_is_qos_0_ = false;
  return *publishing_;
}

store::Batch& Worker::publishing_with_record() {
  turn_records_ = true;
  return *publishing_;
}

void Worker::publish(const store::NewMessage& message, const MatchPtr& match) {
  publishing_->add_message(message, match->queues);
  turn_is_qos_0_ = turn_is_qos_0_ && message.qos == 0;
  turn_retains_ = turn_retains_ || message.retain;
  if (turn_->kept.empty() || turn_->kept.back() != match) turn_->kept.push_back(match);
  turn_->matches.push_back(match.get());
}

void Worker::when_durable(std::function<void()> work) {
  current_.work.push_back(std::move(work));
}

bool Worker::turn_is_full() const {
  return stalled_ || publishing_->bytes() >= kTurnBytes;
}

void Worker::when_flowing(std::function<void()> work) {
  flowing_.push_back(std::move(work));
}

const MatchPtr& Worker::match(std::string_view topic) {
  const auto version = broker_.filters().version();
  if (version != match_version_ || match_cache_.size() >= kCachedTopics ||
      match_cache_bytes_ >= kCachedTopicBytes) {
    match_cache_.clear();
    match_cache_bytes_ = 0;
    last_match_ = nullptr;
    match_version_ = version;
  }
  // One read mostly brings several messages on one topic.
  if (last_match_ != nullptr && last_match_->first == topic) return last_match_->second;
  auto it = match_cache_.find(topic);
  if (it == match_cache_.end()) {
    it = match_cache_.emplace(std::string(topic), broker_.filters().match(topic)).first;
    match_cache_bytes_ += topic.size();
  }
  last_match_ = &*it;
  return it->second;
}

// --- the turn

void Worker::end_turn() {
  // Dispatch and durable work may produce state of their own (QoS 2): a few rounds settle it.
  for (int round = 0; round < 4; ++round) {
    // State first: a packet id that was released and used again in one turn must end as used.
    write_cursors(false);
    append_state();
    append_publishing();
    seal_waiting();
    run_durable();
    condition_turns_.run();  // before new messages ask for more
    drain_mailbox();
    for (const auto& session : std::exchange(pumps_, {})) session->delivery().pump();
    if (!has_state() && !has_to_publish() && pumps_.empty() && !has_unsealed_work() &&
        (!condition_turns_.some_wait() || judge_.is_spent()))
      break;
  }
  flush_output();
  count_traffic();
  end_turn_of_conditions();
  // What did not settle goes on at once; what the log refuses waits for its news.
  if (!pumps_.empty() || (has_state() && !state_refused_) || has_unsealed_work() ||
      (!stalled_ && !events_.empty()))
    post([] {});
  expect_durable();
  const auto& store = broker_.store();
  const auto behind = store.head().get() - store.durable().get();
  log_is_busy_ = behind > kLogBusyBytes && behind < kGapBytes;
}

// What they have no steps for goes on when others have been served.
void Worker::end_turn_of_conditions() {
  if (judge_.is_spent()) broker_.counters().condition_turns_spent.add();
  judge_.begin_turn();
  if (condition_turns_.some_wait()) post([] {});
}

void Worker::count_traffic() {
  const auto traffic = std::exchange(traffic_, {});
  if (traffic.received > 0) broker_.counters().messages_received.add(traffic.received);
  if (traffic.sent > 0) broker_.counters().messages_sent.add(traffic.sent);
}

// QoS 0 to subscribers that are sent it before it is durable: no acknowledgement, and no queue that
// a task might read.
bool Worker::nobody_waits() const {
  return turn_is_qos_0_ && current_.work.empty() && !broker_.options().deliver_after_durable &&
         std::ranges::all_of(turn_->kept,
                             [](const MatchPtr& match) { return match->queues.empty(); });
}

void Worker::append_publishing() {
  if (!stalled_ && !events_.empty()) events_.flush();
  if (publishing_->empty()) return;
  turn_->batch = publishing_;
  if (nobody_waits()) publishing_->let_wait();
  std::vector<Worker*> concerned;
  for (std::size_t i = 0; i < broker_.worker_count(); ++i) {
    const auto has_receiver = [i](const MatchPtr& match) { return !match->workers[i].empty(); };
    if (std::ranges::any_of(turn_->kept, has_receiver)) concerned.push_back(&broker_.worker(i));
  }
  auto& retained = broker_.retained();
  auto records = turn_records_ ? retained.hold_records() : std::unique_lock<std::mutex>();
  const auto appended = broker_.store().append(publishing_, [&] {
    if (turn_retains_) retained.take(publishing_);
    for (auto* worker : concerned) worker->deliver(turn_);
  });
  if (records) records.unlock();
  if (!appended && appended.error().code == Errc::Overloaded) {
    if (!std::exchange(stalled_, true)) log::warn("log is behind: reading from clients waits");
    return;
  }
  if (std::exchange(stalled_, false)) {
    for (auto& work : std::exchange(flowing_, {})) post(std::move(work));
  }
  if (!appended) {
    refuse_publishing(appended.error().code);
  } else {
    answer_when_durable(*appended);
    if (auto& tracer = broker_.tracer(); tracer.is_on()) tracer.note_received(*publishing_);
    trim_later(*turn_);
    wills_.on_appended();
    delayed_.on_appended();
  }
  publishing_ = broker_.store().new_batch();
  turn_is_qos_0_ = true;
  turn_retains_ = turn_records_ = false;
  const auto size = turn_->matches.size();
  turn_ = std::make_shared<Turn>();
  turn_->matches.reserve(size);
}

// A retained message is acknowledged once it is durable as such, too: with the turn's state.
void Worker::answer_when_durable(store::Position end) {
  for (std::size_t i = 0; turn_retains_ && i < publishing_->message_count(); ++i)
    if (publishing_->message(i).retain) note_retained(store::message_of(publishing_, i));
  current_.end = std::max(current_.end, end);
  auto answers = std::exchange(answers_, {});
  if (!turn_retains_) {
    if (!answers.empty())
      waiting_.push_back({end, std::move(answers), {}, false, broker_.clock().steady()});
    return;
  }
  if (!answers.empty() && current_.since == std::chrono::steady_clock::time_point())
    current_.since = broker_.clock().steady();
  current_.answers.append(std::move(answers));
}

// The log takes nothing (disk full, failed): each publish of the turn is refused, none is lost.
void Worker::refuse_publishing(Errc reason) {
  log::warn("publishes refused: the log takes nothing",
            {{"reason", name_of(reason)}, {"messages", publishing_->message_count()}});
  turn_->refused = true;
  for (const auto& refused : std::exchange(answers_, {})) refuse(refused);
  wills_.on_refused(reason);
  delayed_.on_refused();
}

// False: tried again with the next turn.
bool Worker::append_records() {
  if (retained_.empty()) return true;
  const auto appended = broker_.record_retained(retained_);
  if (appended)
    current_.end = std::max(current_.end, *appended);
  else if (appended.error().code == Errc::Closed)
    current_.never = true;  // what waited for them is never answered
  else
    return false;
  retained_.clear();
  return true;
}

void Worker::append_state() {
  state_refused_ = !append_records();
  if (state_->empty()) return;
  if (std::exchange(state_is_open_, false)) state_->end_atomic();
  const auto appended = broker_.store().append(state_);
  if (appended) {
    current_.end = std::max(current_.end, *appended);
  } else if (appended.error().code == Errc::Closed) {
    current_.never = true;  // what waited for it is never answered
  } else {
    state_refused_ = true;
    return;  // tried again with the next turn
  }
  state_ = broker_.store().new_batch();
}

void Worker::seal_waiting() {
  if (current_.answers.empty() && current_.work.empty()) {
    current_ = {};
    return;
  }
  if (stalled_ || has_state()) return;  // not all of it is in the log yet
  if (current_.never) {
    current_ = {};
    return;
  }
  if (current_.end == store::Position()) current_.end = broker_.store().head();
  waiting_.push_back(std::exchange(current_, {}));
}

void Worker::run_durable() {
  const bool woken = durable_wake_pending_.exchange(false, std::memory_order_acq_rel);
  const auto durable = broker_.store().durable();
  while (!waiting_.empty() && waiting_.front().end <= durable) {
    const auto done = std::move(waiting_.front());
    waiting_.pop_front();
    for (const auto& answer : done.answers)
      answer.connection->acknowledge_publish(answer.type, answer.packet_id, answer.reason);
    if (done.since != std::chrono::steady_clock::time_point())
      broker_.counters().acknowledgement_seconds.observe(
          std::chrono::duration<double>(broker_.clock().steady() - done.since).count(),
          done.answers.size());
    for (const auto& work : done.work) work();
  }
  if (woken && wills_.has_kept()) wills_.send_kept();
  if (woken && !waiting_.empty()) refuse_waiting_if_log_stopped();
}

// The log takes nothing: who waits for an acknowledgement learns that there will be none soon, by a
// refusal or a closed connection. What was appended may be on disk all the same: after a failed
// sync nobody knows, and on a full disk it is written when space returns. So a QoS 2 message is not
// refused, which would have the client send it again as a new one: its connection ends, its packet
// id stays taken, and the client repeats it under that id. [MQTT-4.3.3-1]
void Worker::refuse_waiting_if_log_stopped() {
  const auto health = broker_.store().health();
  if (health.accepting) return;
  for (auto& waiting : waiting_) {
    for (const auto& unanswered : std::exchange(waiting.answers, {})) {
      if (unanswered.type == mqtt::PacketType::Puback)
        refuse(unanswered);
      else
        unanswered.connection->disconnect(mqtt::ReasonCode::QuotaExceeded);
    }
    if (health.reason == Errc::Closed) waiting.work.clear();
  }
  if (health.reason == Errc::Closed) waiting_.clear();
}

void Worker::refuse(const Answers::Answer& refused) {
  broker_.counters().refused_by_log.add();
  auto& connection = *refused.connection;
  // The client may use the packet id for another message now, or send this one again, on the next
  // connection of its session if this one has ended: it must not count as known.
  if (refused.type == mqtt::PacketType::Pubrec) {
    const auto session =
        connection.session_ ? connection.session_ : find_session(connection.client_->client_id);
    if (session) session->release_incoming(refused.packet_id);
  }
  connection.acknowledge_publish(refused.type, refused.packet_id, mqtt::ReasonCode::QuotaExceeded);
}

void Worker::wake_durable() {
  if (!wants_durable_.load()) return;
  if (!durable_wake_pending_.exchange(true, std::memory_order_acq_rel)) post([] {});
}

// News of the disk is only told to a worker where something waits for it. What came between the
// look that found it missing and this is looked for once more.
void Worker::expect_durable() {
  const bool wants =
      !waiting_.empty() || !held_.empty() || stalled_ || state_refused_ || wills_.has_kept();
  if (wants == wants_durable_.load(std::memory_order_relaxed)) return;
  wants_durable_.store(wants);
  if (!wants) return;
  const auto& store = broker_.store();
  const auto durable = store.durable();
  const bool missed = (!waiting_.empty() && waiting_.front().end <= durable) ||
                      (!held_.empty() && held_.front()->batch->end() <= durable) || stalled_ ||
                      state_refused_ || wills_.has_kept() || !store.health().accepting;
  if (missed) wake_durable();
}

// --- dispatch

void Worker::deliver(const TurnPtr& turn) {
  {
    const std::scoped_lock lock(mailbox_mutex_);
    mailbox_.push_back(turn);
  }
  if (current_worker != this && !mailbox_wake_pending_.exchange(true)) post([] {});
}

void Worker::drain_mailbox() {
  mailbox_wake_pending_.store(false);
  std::vector<TurnPtr> turns;
  {
    const std::scoped_lock lock(mailbox_mutex_);
    turns.swap(mailbox_);
  }
  if (!broker_.options().deliver_after_durable) {
    for (const auto& turn : turns) dispatch(turn);
    return;
  }
  held_.insert(held_.end(), turns.begin(), turns.end());
  const auto durable = broker_.store().durable();
  while (!held_.empty() && held_.front()->batch->end() <= durable) {
    dispatch(held_.front());
    held_.pop_front();
  }
}

// Every session and every group that matches is handed the messages, a run of neighbours with the
// same receivers at a time.
void Worker::dispatch(const TurnPtr& turn) {
  for (std::size_t first = 0, end = 0; first < turn->matches.size(); first = end) {
    end = end_of_run(*turn, first);
    const auto& here = turn->matches[first]->workers[index_];
    const bool many = here.sessions() > 1;
    if (many) forms_.begin(*turn->batch, first, end);
    const Delivery::Run run{turn->batch, first, end, many ? &forms_ : nullptr};
    for (const auto& receiver : here.receivers) receiver.session->delivery().offer(run, receiver);
    if (here.choosy) condition_turns_.dispatch(turn, run, *here.choosy);
    for (const auto& group : here.groups) group->offer(run);
  }
}

std::size_t Worker::end_of_run(const Turn& turn, std::size_t first) {
  std::size_t bytes = 0;
  std::size_t end = first;
  do {
    bytes += turn.batch->message(end).payload.size();
    ++end;
  } while (end < turn.matches.size() && turn.matches[end] == turn.matches[first] &&
           end - first < WireForms::kMostMessages && bytes < WireForms::kMostBytes);
  return end;
}

// A queue keeps what somebody may still need; now and then the store learns what nobody does.
void Worker::trim_later(const Turn& turn) {
  for (const auto& match : turn.kept)
    for (const auto& filter : match->queue_filters)
      if (grown_.size() < kCachedTopics) grown_.insert(filter);
  if (grown_.empty() || std::exchange(trim_timer_armed_, true)) return;
  timers().after(kTrimInterval, [this] {
    trim_timer_armed_ = false;
    for (const auto& filter : std::exchange(grown_, {})) broker_.filters().trim(*filter);
  });
}

void Worker::mark_pump(const SessionPtr& session) {
  if (session->conditions() > 0)
    condition_turns_.add(session);
  else
    pumps_.push_back(session);
}

void Worker::mark_dirty(std::shared_ptr<Link> link) {
  auto& output = link->output();
  if (output.empty() && !spare_buffers_.empty()) {
    output.swap(spare_buffers_.back());
    spare_buffers_.pop_back();
  }
  dirty_.push_back(std::move(link));
}

void Worker::flush_output() {
  for (const auto& link : std::exchange(dirty_, {})) {
    link->dirty = false;
    link->flush();
    take_buffer(link->output());
  }
}

// What has been written leaves its buffer for the next one that has something to say.
void Worker::take_buffer(std::string& output) {
  static const std::size_t own = std::string().capacity();
  if (!output.empty() || output.capacity() == own) return;
  if (output.capacity() <= kSpareBufferBytes && spare_buffers_.size() < kSpareBuffers)
    spare_buffers_.push_back(std::move(output));
  output = std::string();
}

// --- cursors

void Worker::mark_cursor(Session& session, bool now) {
  if (!session.delivery().cursor_is_marked()) {
    session.delivery().mark_cursor();
    dirty_sessions_.push_back(session.shared_from_this());
  }
  want_cursors(now);
}

void Worker::mark_cursor(SharedGroup& group, bool now) {
  if (!group.cursor_is_marked()) {
    group.mark_cursor();
    dirty_groups_.push_back(group.shared_from_this());
  }
  want_cursors(now);
}

void Worker::want_cursors(bool now) {
  if (now) {
    cursors_now_ = true;
    return;
  }
  if (std::exchange(cursor_timer_armed_, true)) return;
  timers().after(kCursorInterval, [this] {
    cursor_timer_armed_ = false;
    cursors_now_ = true;
  });
}

void Worker::write_cursors(bool all) {
  if (!all && !std::exchange(cursors_now_, false)) return;
  if (dirty_sessions_.empty() && dirty_groups_.empty()) return;
  for (const auto& session : std::exchange(dirty_sessions_, {}))
    if (!session->ended()) session->delivery().write_cursor(state());
  for (const auto& group : std::exchange(dirty_groups_, {})) group->write_cursor(state());
  append_state();
}

// --- sessions

std::size_t Worker::SessionHash::operator()(const SessionPtr& session) const {
  return (*this)(session->client().client_id);
}

bool Worker::SessionEqual::operator()(const SessionPtr& one, const SessionPtr& other) const {
  return one->client().client_id == other->client().client_id;
}

bool Worker::SessionEqual::operator()(std::string_view client_id, const SessionPtr& session) const {
  return client_id == session->client().client_id;
}

std::string_view Worker::client_id_of(const Session& session) {
  return session.client().client_id;
}

SessionPtr Worker::find_session(std::string_view client_id) const {
  const auto it = sessions_.find(client_id);
  return it == sessions_.end() ? nullptr : *it;
}

void Worker::add_session(const SessionPtr& session) {
  remove_session(session->client().client_id);
  sessions_.insert(session);
  order_.insert(*session);
}

void Worker::remove_session(std::string_view client_id) {
  const auto it = sessions_.find(client_id);
  if (it == sessions_.end()) return;
  broker_.session_counts().remove(broker_.counted_user((*it)->client()));
  order_.erase(client_id);
  sessions_.erase(it);
}

}  // namespace sluice::broker
