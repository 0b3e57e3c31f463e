#include "store/embedded/commit_log.hpp"

#include <algorithm>

#include "base/check.hpp"
#include "base/log.hpp"

namespace sluice::store::embedded {
namespace {

// More in one write would delay the first of it without making the disk any faster.
constexpr std::uint64_t kMaximumRunBytes = 4 << 20;
// How much the `os` durability leaves to be synced at once.
constexpr std::uint64_t kBehindBytes = 8 << 20;
constexpr std::uint64_t kWorthTruncating = 64 << 10;
// What the system's cache takes at once; more is left to the committing thread.
constexpr std::uint64_t kMaximumHere = 256 << 10;
// A write into the system's cache that took longer may have waited for the disk: for so many times
// as long no thread that appends, which may be one that serves clients, writes itself.
constexpr auto kSlowWrite = std::chrono::milliseconds(2);
constexpr int kRestAfterSlowWrite = 16;

// What nobody waits for is written with all that comes within this time, or when it is so much.
constexpr auto kGatherTime = std::chrono::milliseconds(5);
constexpr std::uint64_t kGatherBytes = 1 << 20;

void observe(metrics::Histogram* histogram, std::chrono::steady_clock::duration took) {
  if (histogram != nullptr) histogram->observe(std::chrono::duration<double>(took).count());
}

}  // namespace

CommitLog::CommitLog(FileSystem& files, const Clock& clock, Threads& threads,
                     SegmentFiles& segments, const std::string& directory, Options options,
                     std::function<void()> changed)
    : clock_(clock),
      threads_(threads),
      segments_(segments),
      options_(options),
      changed_(std::move(changed)),
      reserve_(files, directory, options.reserve_bytes) {}

CommitLog::~CommitLog() {
  stop();
}

Result<void> CommitLog::start(std::uint64_t durable, const SegmentPlanPtr& plan) {
  durable_ = durable;
  synced_ = durable;
  auto activated = switch_segment(plan);
  if (!activated && activated.error().code != Errc::NoSpace) return activated;
  if (!activated) {
    reserve_.release();
    enter(State::NoSpace, activated.error().detail);
  }
  // Before anything is taken: a disk may fill up at any moment.
  if (activated) {
    if (const auto built = reserve_.build(); !built) {
      log::warn("no space could be put aside for a full disk", {{"reason", built.error().detail}});
    }
  }
  committer_ = threads_.start([this] { commit_loop(); });
  behind_thread_ = threads_.start([this] { sync_behind(); });
  return {};
}

Result<void> CommitLog::admit(std::uint64_t bytes, bool has_messages) const {
  const State state = state_.load(std::memory_order_acquire);
  if (state != State::Open) [[unlikely]] {
    if (state == State::Closed) return fail(Errc::Closed, health().detail);
    if (has_messages || state == State::Full) return fail(Errc::NoSpace, health().detail);
  }
  const std::uint64_t waiting = waiting_bytes_.load(std::memory_order_relaxed);
  const std::uint64_t bound = options_.maximum_waiting_bytes * (has_messages ? 1 : 2);
  // What is alone is let through whatever its size: waiting would not make it smaller.
  if (waiting > 0 && waiting + bytes > bound) [[unlikely]] {
    return fail(Errc::Overloaded,
                "more than " + std::to_string(bound) + " bytes wait for the disk");
  }
  return {};
}

void CommitLog::stage(std::shared_ptr<const LogBatch> batch) {
  waiting_bytes_.fetch_add(batch->bytes(), std::memory_order_relaxed);
  const std::scoped_lock lock(mutex_);
  staged_bytes_ += batch->bytes();
  urgent_ = urgent_ || !batch->may_wait();
  staged_.push_back(std::move(batch));
}

void CommitLog::commit_staged() {
  bool here = false;
  {
    const std::scoped_lock lock(mutex_);
    const bool enough = gathers_ && (urgent_ || staged_bytes_ >= kGatherBytes);
    if (!idle_ && !enough) return;  // whoever has the role will look for what is staged
    gathers_ = false;
    if (std::exchange(idle_, false)) here = lent_ = may_commit_here();
    if (here) take_staged();
  }
  if (!here) return work_.notify_one();
  take_over();
  const auto begin = clock_.steady();
  commit_some();
  const auto end = clock_.steady();
  if (end - begin > kSlowWrite) lend_after_ = end + kRestAfterSlowWrite * (end - begin);
  give_role_back();
}

// Under the lock, with the committing thread asleep: is there nothing to wait for?
bool CommitLog::may_commit_here() const {
  if (options_.fsync || stopping_ || state_.load() != State::Open || !pending_.empty() ||
      syncs_behind_.load(std::memory_order_relaxed) > 0)
    return false;
  std::uint64_t bytes = 0;
  for (const auto& batch : staged_) {
    bytes += batch->bytes();
    if (batch->segment() != active_plan_) return false;
  }
  return bytes > 0 && bytes <= kMaximumHere && staged_.back()->placed_at() >= lend_after_;
}

// The committing thread sleeps on unless something came in the meantime, or the commit failed.
void CommitLog::give_role_back() {
  {
    const std::scoped_lock lock(mutex_);
    lent_ = false;
    idle_ = staged_.empty() && pending_.empty() && !stopping_ && state_.load() == State::Open;
    if (idle_) return;
  }
  work_.notify_one();
}

Result<void> CommitLog::wait_durable(std::uint64_t position) {
  if (durable() >= position) return {};
  std::unique_lock lock(mutex_);
  ++waiters_;
  urgent_ = true;
  if (std::exchange(gathers_, false)) work_.notify_one();
  threads_.wait(durable_changed_, lock, [&] {
    const State state = state_.load();
    return durable() >= position || state == State::Closed || state == State::Full || stopping_;
  });
  --waiters_;
  if (durable() >= position) return {};
  if (state_.load() == State::Full) return fail(Errc::NoSpace, detail_);
  return fail(Errc::Closed, detail_.empty() ? "the log was closed" : detail_);
}

Result<void> CommitLog::sync() {
  if (options_.fsync) return {};
  std::shared_ptr<File> file;
  std::uint64_t base = 0;
  std::uint64_t end = 0;
  {
    const std::scoped_lock lock(mutex_);
    file = active_file_;
    if (active_plan_ != nullptr) base = active_plan_->base;
    end = durable();
  }
  // Earlier segments were synced when they were left.
  if (file == nullptr || synced() >= end) return {};
  // A write beside it may wait for the disk.
  syncs_behind_.fetch_add(1, std::memory_order_relaxed);
  auto synced_now = certain_sync(*file);
  syncs_behind_.fetch_sub(1, std::memory_order_relaxed);
  if (!synced_now) {
    close_log(synced_now.error());
    return synced_now;
  }
  // Readers of what is recent are served from our own cache.
  file->forget_cached(end - base);
  std::uint64_t known = synced();
  while (known < end && !synced_.compare_exchange_weak(known, end)) {
  }
  return {};
}

Health CommitLog::health() const {
  const std::scoped_lock lock(mutex_);
  const State state = state_.load();
  return {state == State::Open, state == State::Closed ? Errc::Closed : Errc::NoSpace, detail_, {}};
}

void CommitLog::stop() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
    idle_ = false;
  }
  work_.notify_all();
  behind_.notify_all();
  if (auto ending = std::move(committer_)) ending->join();
  if (auto ending = std::move(behind_thread_)) ending->join();
  release_waiters();
}

void CommitLog::commit_loop() {
  while (wait_for_work()) {
    const State state = state_.load();
    if (state == State::Closed) {
      pending_.clear();
      continue;
    }
    if (!pending_.empty()) commit_some();
    if (state_.load() == State::NoSpace && pending_.empty()) return_to_service();
  }
  if (!pending_.empty()) {
    log::error("ended with records that the full disk did not take",
               {{"bytes", waiting_bytes_.load()}});
  }
  // What was written ahead is not needed any more: the next start begins a new segment.
  if (pending_.empty() && state_.load() != State::Closed && active_file_ != nullptr) {
    static_cast<void>(active_file_->truncate(std::max(durable(), active_plan_->first_record()) -
                                             active_plan_->base));
  }
}

// False: the end. Sleeps until something is staged; while there is no space at most for the retry
// interval.
bool CommitLog::wait_for_work() {
  std::unique_lock lock(mutex_);
  const State state = state_.load();
  const bool can_go_on = state == State::Open || state == State::NoSpace;
  if (staged_.empty() && (pending_.empty() || !can_go_on)) {
    if (stopping_) return false;
    idle_ = true;
    const auto woken = [this] { return (!idle_ || stopping_) && !lent_; };
    const bool retries = state == State::NoSpace || state == State::Full;
    threads_.wait(work_, lock, woken, retries ? options_.retry_interval : Threads::kForever);
    idle_ = false;
  }
  gather(lock);
  take_staged();
  lock.unlock();
  take_over();
  return true;
}

// A sync costs the same for one message and for a thousand.
void CommitLog::gather(std::unique_lock<std::mutex>& lock) {
  if (!options_.fsync || urgent_ || stopping_ || staged_bytes_ >= kGatherBytes ||
      !pending_.empty() || state_.load() != State::Open)
    return;
  gathers_ = true;
  threads_.wait(work_, lock, [this] { return !gathers_ || stopping_; }, kGatherTime);
  gathers_ = false;
}

void CommitLog::take_staged() {
  taken_.swap(staged_);
  staged_bytes_ = 0;
  urgent_ = false;
}

void CommitLog::take_over() {
  pending_.insert(pending_.end(), std::make_move_iterator(taken_.begin()),
                  std::make_move_iterator(taken_.end()));
  taken_.clear();
}

// One write and one sync for as much of what waits as lies in one segment.
void CommitLog::commit_some() {
  const std::size_t batches = run_length();
  auto outcome = switch_segment(pending_.front()->segment());
  if (outcome) outcome = write_run(batches);
  if (outcome) {
    finish_run(batches);
  } else if (outcome.error().code == Errc::NoSpace || outcome.error().code == Errc::Overloaded) {
    run_out_of_space(outcome.error());  // or of descriptors: nothing was written
  } else {
    close_log(outcome.error());
  }
}

std::size_t CommitLog::run_length() const {
  std::uint64_t bytes = 0;
  std::size_t batches = 0;
  for (const auto& batch : pending_) {
    if (batch->segment() != pending_.front()->segment()) break;
    if (batches > 0 && bytes + batch->bytes() > kMaximumRunBytes) break;
    bytes += batch->bytes();
    ++batches;
  }
  return batches;
}

Result<void> CommitLog::switch_segment(const SegmentPlanPtr& plan) {
  if (plan == active_plan_) return {};
  // All of a segment is on disk before the next one says where it ends.
  if (active_file_ != nullptr && synced() < durable()) {
    SL_TRY_VOID(certain_sync(*active_file_));
    synced_ = durable();
  }
  // One that was left early gives back what was written ahead. A failure costs only the space.
  if (active_file_ != nullptr && active_plan_->limit() - durable() > kWorthTruncating) {
    static_cast<void>(active_file_->truncate(std::max(durable(), active_plan_->first_record()) -
                                             active_plan_->base));
  }
  SL_TRY(file, segments_.activate(*plan));
  SL_TRY(size, file->size());
  kept_bytes_ = size;
  const std::scoped_lock lock(mutex_);
  active_plan_ = plan;
  active_file_ = file;
  return {};
}

Result<void> CommitLog::write_run(std::size_t batches) {
  parts_.clear();
  for (std::size_t i = 0; i < batches; ++i) {
    const std::string_view bytes = pending_[i]->encoded();
    parts_.push_back({const_cast<char*>(bytes.data()), bytes.size()});
  }
  const std::uint64_t offset = pending_.front()->begin_position() - active_plan_->base;
  SL_TRY_VOID(active_file_->write_at(offset, parts_));
  if (options_.fsync) SL_TRY_VOID(certain_sync(*active_file_));
  return {};
}

void CommitLog::finish_run(std::size_t batches) {
  std::uint64_t bytes = 0;
  for (std::size_t i = 0; i < batches; ++i) bytes += pending_[i]->bytes();
  const std::uint64_t end = pending_[batches - 1]->end_position();
  const std::int64_t time_ms = pending_[batches - 1]->time_ms();
  const auto oldest = pending_.front()->placed_at();
  pending_.erase(pending_.begin(), pending_.begin() + static_cast<std::ptrdiff_t>(batches));
  kept_bytes_ = std::max(kept_bytes_, end - active_plan_->base);
  segments_.advance(end, time_ms);
  waiting_bytes_.fetch_sub(bytes, std::memory_order_relaxed);
  counters_.commits.fetch_add(1, std::memory_order_relaxed);
  bool behind = false;
  {
    const std::scoped_lock lock(mutex_);
    // Closed by a failed sync on the other thread: nothing becomes durable any more.
    if (state_.load() == State::Closed) return;
    const auto before = durable();
    durable_.store(end, std::memory_order_release);
    if (options_.fsync) synced_.store(end, std::memory_order_release);
    // The first bytes behind start the time of the syncing thread, the many end it.
    behind = synced() == before || durable() - synced() >= kBehindBytes;
    if (waiters_ > 0) durable_changed_.notify_all();
  }
  if (behind) behind_.notify_one();
  observe(options_.append_seconds, clock_.steady() - oldest);
  if (state_.load() == State::Full) enter(State::NoSpace, health().detail);
  changed_();
}

void CommitLog::run_out_of_space(const Error& error) {
  if (active_file_ != nullptr) {
    const auto cut = active_file_->truncate(kept_bytes_);
    if (!cut) return close_log(cut.error());
  }
  if (state_.load() == State::Open) {
    log::error("disk full: messages are refused until there is space", {{"reason", error.detail}});
    reserve_.release();
    enter(State::NoSpace, error.detail);
    return;  // tried again at once with what the reserve gave back
  }
  if (state_.load() == State::NoSpace) {
    log::error("disk full, the reserve too: nothing can be written", {{"reason", error.detail}});
    enter(State::Full, error.detail);
  }
}

void CommitLog::return_to_service() {
  if (!reserve_.fits() || !reserve_.build()) return;
  log::info("disk has space again: messages are accepted");
  enter(State::Open, "");
}

void CommitLog::close_log(const Error& error) {
  if (state_.load() == State::Closed) return;
  log::error("log closed until restart: what is on disk is no longer certain",
             {{"reason", error.detail}});
  enter(State::Closed, error.detail);
}

void CommitLog::enter(State state, const std::string& detail) {
  {
    const std::scoped_lock lock(mutex_);
    if (state_.load() == State::Closed) return;
    state_.store(state);
    detail_ = detail;
    durable_changed_.notify_all();
  }
  changed_();
}

// The system reports a failed sync once, and takes the pages for clean: another sync would succeed
// without them. So they follow one another, and after the first failure there is none.
Result<void> CommitLog::certain_sync(File& file) {
  const std::scoped_lock lock(sync_mutex_);
  if (sync_failed_) return fail(Errc::IoFailed, "a sync failed before");
  const auto begin = clock_.steady();
  auto outcome = file.sync();
  const auto took = clock_.steady() - begin;
  counters_.syncs.fetch_add(1, std::memory_order_relaxed);
  observe(options_.sync_seconds, took);
  counters_.sync_ns.fetch_add(
      static_cast<std::uint64_t>(
          std::chrono::duration_cast<std::chrono::nanoseconds>(took).count()),
      std::memory_order_relaxed);
  if (!outcome) {
    sync_failed_ = true;
    outcome.error().code = Errc::IoFailed;  // whatever the reason, no space included
  }
  return outcome;
}

void CommitLog::release_waiters() {
  const std::scoped_lock lock(mutex_);
  durable_changed_.notify_all();
}

// Keeps small what a power cut could take back when durability is `os`: so many bytes, or what came
// within so long.
void CommitLog::sync_behind() {
  const auto is_over = [this] { return stopping_ || state_.load() == State::Closed; };
  std::unique_lock lock(mutex_);
  while (true) {
    threads_.wait(behind_, lock, [&] { return is_over() || durable() > synced(); });
    if (is_over()) return;
    threads_.wait(
        behind_, lock, [&] { return is_over() || durable() - synced() >= kBehindBytes; },
        options_.sync_behind_after);
    if (is_over()) return;
    lock.unlock();
    static_cast<void>(sync());
    lock.lock();
  }
}

}  // namespace sluice::store::embedded
