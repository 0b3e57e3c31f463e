#pragma once
#include <atomic>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "store/embedded/commit_log.hpp"
#include "store/embedded/damages.hpp"
#include "store/embedded/directory_lock.hpp"
#include "store/embedded/engine.hpp"
#include "store/embedded/listeners.hpp"
#include "store/embedded/queue_index.hpp"
#include "store/embedded/recent_batches.hpp"
#include "store/embedded/recovery.hpp"
#include "store/embedded/retention.hpp"
#include "store/embedded/state_overlay.hpp"
#include "store/embedded/topic_index.hpp"
#include "store/embedded/view.hpp"

namespace sluice::store::embedded {

// The store of one node: gives the order, keeps the indexes, and lets the commit log do the
// writing.
//
// Owns:    everything under the data directory.
// Threads: every call from any thread. Lock order: queues -> order -> each part's own lock; the
// wake
//          lock is taken with none of them held.
// Fails:   see CommitLog. A checkpoint that fails is tried again with the next one.
// See:     docs/design/commit-log.md.
class EmbeddedStore final : public Store {
 public:
  EmbeddedStore(FileSystem& files, const Clock& clock, EmbeddedOptions options, DirectoryLock lock);
  ~EmbeddedStore() override;
  [[nodiscard]] Result<void> open();
  // Why open() failed: the view is damaged. Another store may be opened once it is set aside.
  [[nodiscard]] bool view_is_damaged() const { return view_is_damaged_; }

  [[nodiscard]] BatchPtr new_batch() override;
  [[nodiscard]] Result<Position> append(const BatchPtr& batch,
                                        FunctionRef<void()> when_ordered) override;
  [[nodiscard]] Position head() const override;
  [[nodiscard]] Position durable() const override;
  std::uint64_t add_durable_listener(DurableListener listener) override;
  void remove_durable_listener(std::uint64_t id) override;
  [[nodiscard]] Result<void> wait_durable(Position position) override;

  [[nodiscard]] Result<OpenedQueue> open_queue(std::string_view filter, bool persistent) override;
  void drop_queue(QueueId id) override;
  void trim_queue(QueueId id, Position position) override;

  [[nodiscard]] std::optional<ReadResult> read_cached(const ReadRequest& request) override;
  [[nodiscard]] Result<ReadResult> read(const ReadRequest& request) override;
  [[nodiscard]] Result<MessagePtr> message_at(Position position) override;
  [[nodiscard]] Result<ReadResult> scan_log(const ScanRequest& request) override;
  [[nodiscard]] Result<FindResult> find(const FindRequest& request) override;
  [[nodiscard]] Result<Position> position_before(std::int64_t wall_ms) override;
  [[nodiscard]] std::uint64_t log_bytes(Position after, Position before) const override;
  [[nodiscard]] Position back_from(Position end, std::uint64_t bytes) const override;
  void notify(std::uint64_t key, std::span<const QueueId> queues, Position after,
              Visibility visibility, std::function<void()> wake) override;
  void cancel_notify(std::uint64_t key) override;
  [[nodiscard]] std::uint64_t count_after(std::span<const QueueId> queues, Position after,
                                          std::uint64_t maximum) override;
  [[nodiscard]] Result<Skipped> skip_deleted(std::span<const QueueId> queues,
                                             Position after) override;

  [[nodiscard]] Result<std::optional<std::string>> get(StateKind kind,
                                                       std::string_view key) override;
  [[nodiscard]] Result<void> scan_behind(StateKind kind, std::string_view prefix,
                                         std::string_view after, Visit visit) override;

  void set_readers(Readers readers) override;
  void apply_retention() override;

  [[nodiscard]] Health health() const override;
  [[nodiscard]] Statistics statistics() const override;
  void close() override;

 private:
  // Opening.
  [[nodiscard]] Result<Checkpoint> open_view(const BeginRecord& begin);
  [[nodiscard]] Result<Checkpoint> load_view();
  [[nodiscard]] tl::unexpected<Error> refuse_view(const Error& error);
  [[nodiscard]] Result<Recovered> recover_from(const Checkpoint& checkpoint,
                                               const BeginRecord& begin);
  [[nodiscard]] Result<void> replay(const SegmentPlan& segment, const FrameHeader& header,
                                    std::string_view body);
  [[nodiscard]] Result<void> replay_checkpoint(const SegmentPlan& segment);
  [[nodiscard]] SegmentPlanPtr new_segment(std::uint64_t base, std::uint64_t batch_bytes);

  // Appending; all but new_batch() under the order lock.
  // `is_valid` is asked while the order is held; WrongState: it is not.
  [[nodiscard]] Result<Position> append_if(const BatchPtr& batch, FunctionRef<bool()> is_valid,
                                           FunctionRef<void()> when_ordered);
  [[nodiscard]] Result<void> admit(const LogBatch& batch) const;
  void place(LogBatch& batch);
  void apply_state(RecordType type, std::uint64_t position, const StateBody& state);
  void learn_sizes(const LogBatch& batch);
  void committed();

  // Reading.
  [[nodiscard]] std::uint64_t visible_end(Visibility visibility) const;
  [[nodiscard]] Result<QueueIndex::Merged> merge_with_view(const QueueIndex::Merge& merge);
  // Turns entries into messages; stops before the first one that is in no cache if `files` is
  // false.
  [[nodiscard]] Result<ReadResult> resolve(const ReadRequest& request, std::uint64_t before,
                                           const QueueIndex::Merged& merged, bool files);
  [[nodiscard]] Result<std::shared_ptr<View>> view() const;
  // The same result; damage is remembered for health(), and it is said what to do.
  template <class Value>
  [[nodiscard]] Result<Value> noted(Result<Value> result) {
    if (!result) note_damage(result.error());
    return result;
  }
  void note_damage(Error& error);

  // The checkpoint and the end.
  void prove_end();
  void checkpoint_loop();
  void make_checkpoint();
  [[nodiscard]] bool checkpoint_is_due() const;
  [[nodiscard]] Result<void> write_checkpoint();
  [[nodiscard]] Result<void> write_view(const Checkpoint& checkpoint);
  [[nodiscard]] Result<void> write_queues(View& view, std::span<const QueueId> queues,
                                          const Checkpoint& checkpoint, View::Changes& changes);

  // Retention; under checkpointing_.
  struct LiveState;
  [[nodiscard]] std::vector<SealedSegment> sealed_segments();
  [[nodiscard]] std::int64_t newest_before(const SegmentFiles::Range& next);
  [[nodiscard]] Retention limits_here() const;
  [[nodiscard]] Needs needs_of(std::span<const Hold> holds) const;
  void roll_when_old(std::int64_t now_ms);
  void delete_segments(std::span<const SealedSegment> sealed, std::size_t count,
                       std::span<const Hold> holds);
  [[nodiscard]] Result<void> delete_oldest(const SealedSegment& oldest, std::uint64_t next_base,
                                           std::span<const Hold> holds,
                                           std::map<std::string, std::uint64_t>& lost);
  [[nodiscard]] Result<void> write_again(const SealedSegment& segment, std::span<const Hold> holds,
                                         std::map<std::string, std::uint64_t>& lost);
  [[nodiscard]] Result<void> write_live(LiveState& state);
  [[nodiscard]] Result<void> put_unchanged(LiveState& unchanged);
  void trim_queues(std::span<const Hold> holds);
  void wake_checkpointer();

  FileSystem& files_;
  const Clock& clock_;
  const EmbeddedOptions options_;
  const std::string log_directory_;
  DirectoryLock lock_;

  mutable std::mutex view_mutex_;
  std::shared_ptr<View> view_;  // empty once closed
  QueueIndex index_;
  TopicIndex topics_;
  StateOverlay overlay_;
  RecentBatches cache_;
  Listeners listeners_;
  Damages damages_;

  std::mutex queues_mutex_;  // opening and dropping
  std::uint64_t next_volatile_ = 1;

  std::mutex order_mutex_;  // guards what follows, up to the atomics
  SegmentPlanPtr plan_;
  std::uint64_t tail_ = 0;             // where the next batch begins in `plan_`
  std::uint64_t head_generation_ = 0;  // of the segment in which the head lies
  std::uint64_t time_and_node_ = 0;    // the last that was given
  std::uint64_t next_queue_ = 1;
  std::mt19937_64 random_{std::random_device{}()};
  bool closing_ = false;
  bool roll_next_ = false;  // the next batch begins a new segment
  Checkpoint frozen_at_;
  std::uint64_t frozen_bytes_ = 0;  // uncheckpointed_bytes_ at that time

  std::atomic<std::uint64_t> head_{0};
  std::atomic<std::uint64_t> messages_appended_{0};
  std::atomic<std::uint64_t> bytes_appended_{0};
  std::atomic<std::uint64_t> uncheckpointed_bytes_{0};  // of log behind the checkpoint
  std::atomic<std::uint64_t> checkpoint_due_at_{0};     // when those are so many
  std::atomic<std::uint64_t> checkpoint_position_{0};
  std::atomic<std::uint64_t> checkpoints_{0};
  std::atomic<std::uint64_t> cache_hits_{0};
  std::atomic<std::uint64_t> cache_misses_{0};
  std::atomic<std::uint32_t> hint_bytes_{1024};
  std::atomic<std::uint32_t> hint_messages_{4};

  std::atomic<bool> rolled_{false};  // a new segment has begun: retention is to look
  std::atomic<std::uint64_t> segments_deleted_{0};
  std::atomic<std::uint64_t> bytes_deleted_{0};
  std::atomic<std::uint64_t> state_bytes_rewritten_{0};
  std::atomic<std::uint64_t> held_for_sessions_{0};
  std::atomic<std::uint64_t> held_for_tasks_{0};

  // One checkpoint or one round of retention at a time; taken before all other locks.
  std::mutex checkpointing_;
  std::mutex readers_mutex_;  // held while they are called
  Readers readers_;
  std::uint64_t rewritten_end_ = 0;  // of the last state that was written again
  std::uint64_t rest_until_ = 0;     // retention does nothing before so much has been appended

  std::mutex checkpoint_mutex_;
  std::condition_variable checkpoint_due_;
  bool checkpoint_stop_ = false;
  std::mutex close_mutex_;
  bool opened_ = false;
  bool closed_ = false;

  SegmentFiles segments_;
  CommitLog log_;
  std::unique_ptr<Threads::Thread> checkpointer_;
  bool view_is_damaged_ = false;
};

}  // namespace sluice::store::embedded
