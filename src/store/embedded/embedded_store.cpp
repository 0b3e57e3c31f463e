#include "store/embedded/embedded_store.hpp"

#include <algorithm>
#include <utility>

#include "base/check.hpp"
#include "base/log.hpp"
#include "store/embedded/bytes.hpp"

namespace sluice::store::embedded {
namespace {

constexpr std::uint64_t kVolatileBit = 1ULL << 63;

CommitLog::Options commit_options(const EmbeddedOptions& options) {
  return {options.durability == EmbeddedOptions::Durability::Fsync,
          options.maximum_waiting_bytes,
          options.reserve_bytes,
          options.retry_interval,
          options.sync_behind_after,
          options.append_seconds,
          options.sync_seconds};
}

// Under `os` the system's cache is what makes a record durable, and nothing waits for a sync.
SegmentFiles::Options segment_options(const EmbeddedOptions& options) {
  const bool fsync = options.durability == EmbeddedOptions::Durability::Fsync;
  return {.first_fill_bytes = fsync ? options.first_fill_bytes : 0,
          .prepare_next = fsync && options.prepare_segments,
          .direct = fsync,
          .segment_bytes = options.segment_bytes};
}

}  // namespace

EmbeddedStore::EmbeddedStore(FileSystem& files, const Clock& clock, EmbeddedOptions options,
                             DirectoryLock lock)
    : files_(files),
      clock_(clock),
      options_(std::move(options)),
      log_directory_(options_.directory + "/log"),
      lock_(std::move(lock)),
      index_(options_.maximum_volatile_entries),
      topics_(options_.topic_block_bytes),
      cache_(options_.cache_bytes),
      segments_(files, *options_.threads, options_.directory, segment_options(options_)),
      log_(files, clock, *options_.threads, segments_, options_.directory, commit_options(options_),
           [this] { committed(); }) {
  checkpoint_due_at_ = options_.checkpoint_bytes;
}

EmbeddedStore::~EmbeddedStore() {
  close();
}

BatchPtr EmbeddedStore::new_batch() {
  return std::make_shared<LogBatch>(LogBatch::SizeHint{
      hint_bytes_.load(std::memory_order_relaxed), hint_messages_.load(std::memory_order_relaxed)});
}

Result<Position> EmbeddedStore::append(const BatchPtr& batch, FunctionRef<void()> when_ordered) {
  return append_if(batch, [] { return true; }, when_ordered);
}

Result<Position> EmbeddedStore::append_if(const BatchPtr& batch, FunctionRef<bool()> is_valid,
                                          FunctionRef<void()> when_ordered) {
  const auto log_batch = std::static_pointer_cast<LogBatch>(batch);
  Waiters woken;
  {
    const std::scoped_lock order(order_mutex_);
    SL_TRY_VOID(admit(*log_batch));
    if (!is_valid()) return fail(Errc::WrongState, "changed in the meantime");
    if (log_batch->empty()) {
      log_batch->place_empty(head_.load());
      when_ordered();
      return log_batch->end();
    }
    place(*log_batch);
    cache_.add(log_batch);
    index_.add(*log_batch, woken);
    topics_.add(*log_batch);
    log_batch->for_each_state(
        [this](RecordType type, std::uint64_t position, const StateBody& state) {
          apply_state(type, position, state);
        });
    head_.store(log_batch->end_position(), std::memory_order_release);
    when_ordered();
    // Last: no commit is heard of before what is ordered has been handed on.
    log_.stage(log_batch);
  }
  log_.commit_staged();
  learn_sizes(*log_batch);
  index_.wake(woken);
  return log_batch->end();
}

Result<void> EmbeddedStore::admit(const LogBatch& batch) const {
  if (closing_) return fail(Errc::Closed, "the store is closed");
  return log_.admit(batch.bytes(), batch.message_count() > 0);
}

void EmbeddedStore::place(LogBatch& batch) {
  if (std::exchange(roll_next_, false) || tail_ + batch.bytes() > plan_->limit()) {
    rolled_.store(true, std::memory_order_relaxed);
    plan_ = new_segment(plan_->limit(), batch.bytes());
    tail_ = plan_->first_record();
  }
  // Never lower than the last, also when the machine's clock is set back.
  const std::uint64_t now = join_time(std::max<std::int64_t>(clock_.wall_ms(), 0), options_.node);
  time_and_node_ = std::max(now, join_time(milliseconds_of(time_and_node_), options_.node));
  batch.place({plan_, tail_, log_.synced(), time_and_node_, clock_.steady()});
  tail_ = batch.end_position();
  head_generation_ = plan_->generation;
  messages_appended_.fetch_add(batch.message_count(), std::memory_order_relaxed);
  bytes_appended_.fetch_add(batch.bytes(), std::memory_order_relaxed);
  uncheckpointed_bytes_.fetch_add(batch.bytes(), std::memory_order_relaxed);
}

SegmentPlanPtr EmbeddedStore::new_segment(std::uint64_t base, std::uint64_t batch_bytes) {
  auto plan = std::make_shared<SegmentPlan>();
  plan->base = base;
  plan->capacity = std::max(segments_.next_capacity(plan_ == nullptr ? 0 : plan_->capacity),
                            kSegmentHeaderBytes + batch_bytes);
  // Not to be guessed, so that nobody can publish bytes that recovery would take for ours.
  while (plan->generation == 0) plan->generation = random_();
  plan->previous_end = head_.load();
  plan->seed = seed_of(plan->generation);
  return plan;
}

void EmbeddedStore::apply_state(RecordType type, std::uint64_t position, const StateBody& state) {
  if (type == RecordType::Erase) {
    overlay_.erase(state.kind, state.key);
  } else if (state.kind == StateKind::Queue && state.value.size() == 8) {
    // The view also says since when there has been the queue.
    char value[16];
    std::memcpy(value, state.value.data(), std::min<std::size_t>(state.value.size(), 8));
    store_le(value + 8, position);
    overlay_.put(state.kind, state.key, {value, sizeof value});
  } else {
    overlay_.put(state.kind, state.key, state.value);
  }
}

// The next batches will need about what this one did: an eighth of the way towards it.
void EmbeddedStore::learn_sizes(const LogBatch& batch) {
  const auto follow = [](std::atomic<std::uint32_t>& hint, std::size_t used) {
    const std::uint32_t old = hint.load(std::memory_order_relaxed);
    const auto wanted = static_cast<std::uint32_t>(std::min<std::size_t>(used + used / 8, 1 << 20));
    hint.store(old - old / 8 + wanted / 8 + 1, std::memory_order_relaxed);
  };
  follow(hint_bytes_, batch.bytes());
  follow(hint_messages_, batch.message_count());
}

// On the thread that commits.
void EmbeddedStore::committed() {
  const std::uint64_t durable = log_.durable();
  Waiters woken;
  index_.take_durable(durable, woken);
  listeners_.call(Position(durable));
  index_.wake(woken);
  cache_.shrink(durable);
  if (checkpoint_is_due() || rolled_.load(std::memory_order_relaxed)) wake_checkpointer();
}

void EmbeddedStore::wake_checkpointer() {
  {
    const std::scoped_lock lock(checkpoint_mutex_);
  }  // not between its look and its sleep
  checkpoint_due_.notify_one();
}

Position EmbeddedStore::head() const {
  return Position(head_.load(std::memory_order_acquire));
}
Position EmbeddedStore::durable() const {
  return Position(log_.durable());
}

std::uint64_t EmbeddedStore::add_durable_listener(DurableListener listener) {
  return listeners_.add(std::move(listener));
}
void EmbeddedStore::remove_durable_listener(std::uint64_t id) {
  listeners_.remove(id);
}

Result<void> EmbeddedStore::wait_durable(Position position) {
  return log_.wait_durable(position.get());
}

Result<Store::OpenedQueue> EmbeddedStore::open_queue(std::string_view filter, bool persistent) {
  const std::scoped_lock queues(queues_mutex_);
  if (const auto found = index_.find(filter, persistent)) {
    return OpenedQueue{found->id, Position(found->created), head()};
  }
  if (!persistent) {
    const QueueId id(kVolatileBit | next_volatile_++);
    const Position now = head();
    index_.create(id, filter, now.get());
    return OpenedQueue{id, now, now};
  }
  char value[8];
  QueueId id;
  {
    const std::scoped_lock order(order_mutex_);
    id = QueueId(next_queue_++);
  }
  store_le(value, id.get());
  const auto batch = std::make_shared<LogBatch>(LogBatch::SizeHint{});
  batch->put(StateKind::Queue, filter, {value, sizeof value});
  // Nobody knows the id before this returns: no message can be in the queue before it is made.
  SL_TRY(end, append(batch, [] {}));
  index_.create(id, filter, batch->first_record());
  return OpenedQueue{id, Position(batch->first_record()), end};
}

void EmbeddedStore::drop_queue(QueueId id) {
  const std::scoped_lock queues(queues_mutex_);
  const auto filter = index_.filter_of(id);
  if (!filter) return;
  std::uint64_t position = head_.load();
  if (!is_volatile(id)) {
    const auto batch = std::make_shared<LogBatch>(LogBatch::SizeHint{});
    batch->erase(StateKind::Queue, *filter);
    if (const auto end = append(batch, [] {}); !end) {
      // It comes back with the next start, and whoever made it drops it again.
      log::warn("a queue could not be dropped for good", {{"reason", end.error().detail}});
    } else {
      position = end->get();
    }
  }
  index_.drop(id, position);
}

void EmbeddedStore::trim_queue(QueueId id, Position position) {
  index_.trim(id, position.get());
}

Health EmbeddedStore::health() const {
  Health health = log_.health();
  health.damage = damages_.summary();
  return health;
}

Statistics EmbeddedStore::statistics() const {
  const auto relaxed = [](const std::atomic<std::uint64_t>& counter) {
    return counter.load(std::memory_order_relaxed);
  };
  Statistics statistics;
  statistics.messages_appended = relaxed(messages_appended_);
  statistics.bytes_appended = relaxed(bytes_appended_);
  statistics.commits = relaxed(log_.counters().commits);
  statistics.syncs = relaxed(log_.counters().syncs);
  statistics.sync_ns = relaxed(log_.counters().sync_ns);
  statistics.log_bytes = segments_.bytes();
  statistics.segments = segments_.count();
  statistics.queues = index_.size();
  statistics.cache_hits = relaxed(cache_hits_);
  statistics.cache_misses = relaxed(cache_misses_);
  statistics.damaged_reads = damages_.reads();
  statistics.checkpoints = relaxed(checkpoints_);
  statistics.segments_deleted = relaxed(segments_deleted_);
  statistics.bytes_deleted = relaxed(bytes_deleted_);
  statistics.state_bytes_rewritten = relaxed(state_bytes_rewritten_);
  statistics.held_for_sessions = relaxed(held_for_sessions_);
  statistics.held_for_tasks = relaxed(held_for_tasks_);
  statistics.begin = Position(segments_.begin());
  statistics.head = head();
  statistics.durable = durable();
  statistics.synced = Position(log_.synced());
  return statistics;
}

}  // namespace sluice::store::embedded
