#pragma once
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/file.hpp"
#include "base/metrics.hpp"
#include "base/threads.hpp"
#include "store/embedded/batch.hpp"
#include "store/embedded/reserve.hpp"
#include "store/embedded/segment_files.hpp"

namespace sluice::store::embedded {

// Makes batches durable, in the order in which they were staged: writes and syncs all that waits
// whenever the disk is free. What somebody waits for is never held back by a timer; what nobody
// waits for is gathered for a short while (docs/adr/0018-what-nobody-waits-for.md).
//
// Whoever commits has the role of the committer: that thread, or, when nothing is to be waited for
// (durability is `os`, docs/adr/0014-written-where-it-is-appended.md), the one that appended while
// that thread sleeps.
//
// Owns:    the batches that are not durable yet, the committing thread, and one that syncs behind
//          it when durability is `os`.
// Threads: admit() and stage() while the order is held, the rest from any thread.
// Fails:   a failed sync, or a write that failed for another reason than no space, closes the log:
//          nothing becomes durable any more. With no space it keeps what it has and tries again.
class CommitLog {
 public:
  struct Options {
    bool fsync = true;
    std::uint64_t maximum_waiting_bytes = 64 << 20;
    std::uint64_t reserve_bytes = 32 << 20;
    std::chrono::milliseconds retry_interval{200};
    std::chrono::milliseconds sync_behind_after{1000};
    metrics::Histogram* append_seconds = nullptr;
    metrics::Histogram* sync_seconds = nullptr;
  };
  // `changed` runs on the thread that commits after every commit and whenever health changes.
  CommitLog(FileSystem& files, const Clock& clock, Threads& threads, SegmentFiles& segments,
            const std::string& directory, Options options, std::function<void()> changed);
  ~CommitLog();
  CommitLog(const CommitLog&) = delete;
  CommitLog& operator=(const CommitLog&) = delete;

  // Goes on behind what recovery kept. Activates `plan`; no space is no failure here.
  [[nodiscard]] Result<void> start(std::uint64_t durable, const SegmentPlanPtr& plan);

  // May these bytes be staged now? Small state has more room than messages have.
  [[nodiscard]] Result<void> admit(std::uint64_t bytes, bool has_messages) const;
  void stage(std::shared_ptr<const LogBatch> batch);
  // After stage(), when the order is no longer held: commits here, or wakes the committing thread.
  void commit_staged();

  [[nodiscard]] std::uint64_t durable() const { return durable_.load(std::memory_order_acquire); }
  // The end of what is on disk; behind durable() if durability is `os`.
  [[nodiscard]] std::uint64_t synced() const { return synced_.load(std::memory_order_acquire); }
  [[nodiscard]] Result<void> wait_durable(std::uint64_t position);
  [[nodiscard]] Result<void> sync();  // all that is durable; blocks
  [[nodiscard]] Health health() const;
  // Commits what is staged, then ends the threads. Nothing may be staged any more.
  void stop();

  struct Counters {
    std::atomic<std::uint64_t> commits{0};
    std::atomic<std::uint64_t> syncs{0};
    std::atomic<std::uint64_t> sync_ns{0};
  };
  [[nodiscard]] const Counters& counters() const { return counters_; }

 private:
  enum class State : std::uint8_t {
    Open,
    NoSpace,  // messages are refused; small state lives on what the reserve gave back
    Full,     // and that is used up too
    Closed,
  };
  using Batches = std::vector<std::shared_ptr<const LogBatch>>;
  using Time = std::chrono::steady_clock::time_point;

  void commit_loop();
  bool wait_for_work();
  void gather(std::unique_lock<std::mutex>& lock);
  void take_staged();
  void take_over();
  [[nodiscard]] bool may_commit_here() const;
  void give_role_back();
  void commit_some();
  [[nodiscard]] std::size_t run_length() const;
  [[nodiscard]] Result<void> switch_segment(const SegmentPlanPtr& plan);
  [[nodiscard]] Result<void> write_run(std::size_t batches);
  void finish_run(std::size_t batches);
  void run_out_of_space(const Error& error);
  void return_to_service();
  void close_log(const Error& error);
  void enter(State state, const std::string& detail);
  [[nodiscard]] Result<void> certain_sync(File& file);
  void release_waiters();
  void sync_behind();

  const Clock& clock_;
  Threads& threads_;
  SegmentFiles& segments_;
  const Options options_;
  const std::function<void()> changed_;
  Reserve reserve_;

  std::atomic<State> state_{State::Open};
  std::atomic<std::uint64_t> waiting_bytes_{0};
  std::atomic<std::uint64_t> durable_{0};
  std::atomic<std::uint64_t> synced_{0};
  std::atomic<int> syncs_behind_{0};  // durability `os`: how many threads sync just now
  Counters counters_;

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable work_;
  std::condition_variable durable_changed_;
  std::condition_variable behind_;
  std::size_t waiters_ = 0;
  Batches staged_;
  std::uint64_t staged_bytes_ = 0;
  bool urgent_ = false;   // somebody waits for what is staged
  bool gathers_ = false;  // the committing thread sleeps until more is staged
  bool idle_ = false;     // the committing thread sleeps and has nothing to do
  bool lent_ = false;     // its role is with a thread that appended
  bool stopping_ = false;
  std::string detail_;  // why the log does not accept
  SegmentPlanPtr active_plan_;
  std::shared_ptr<File> active_file_;

  std::mutex sync_mutex_;  // taken with no other held
  bool sync_failed_ = false;

  // The committer's own.
  std::deque<std::shared_ptr<const LogBatch>> pending_;
  Batches taken_;
  std::vector<iovec> parts_;
  std::uint64_t kept_bytes_ = 0;  // the active file's size without a partial write
  Time lend_after_{};             // not before: a write was slow

  std::unique_ptr<Threads::Thread> committer_;
  std::unique_ptr<Threads::Thread> behind_thread_;
};

}  // namespace sluice::store::embedded
