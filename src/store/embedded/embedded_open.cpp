// Opening, closing, and the checkpoints between.
#include <algorithm>
#include <ctime>
#include <filesystem>

#include "base/log.hpp"
#include "store/embedded/bytes.hpp"
#include "store/embedded/embedded_store.hpp"

namespace sluice::store {

namespace {

// One is kept, for whoever wants to know what happened to it.
Result<void> set_view_aside(const std::string& directory, const Clock& clock,
                            const std::string& reason) {
  namespace fs = std::filesystem;
  constexpr std::string_view kPrefix = "view.damaged-";
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(directory, error)) {
    std::error_code ignored;
    if (entry.path().filename().string().starts_with(kPrefix)) fs::remove_all(entry, ignored);
  }
  const auto now = static_cast<std::time_t>(clock.wall_ms() / 1000);
  std::tm utc{};
  ::gmtime_r(&now, &utc);
  char time[32];
  std::strftime(time, sizeof time, "%Y%m%dT%H%M%SZ", &utc);
  const std::string to = directory + "/" + std::string(kPrefix) + time;
  fs::rename(directory + "/view", to, error);
  if (error) {
    return fail(Errc::IoFailed, directory + "/view is damaged (" + reason +
                                    ") and cannot be set aside: " + error.message() +
                                    "; remove it, and the next start builds it again");
  }
  log::warn("the view cannot be used: it was set aside and is built again from the log",
            {{"reason", reason}, {"kept_as", to}});
  return {};
}

}  // namespace

// Whatever happened to the view's files, the log has all that was in them: retention writes again
// what is live before it deletes. A store that has read of such a view begins anew.
Result<std::unique_ptr<Store>> open_embedded(FileSystem& files, const Clock& clock,
                                             EmbeddedOptions options) {
  SL_TRY(lock, embedded::DirectoryLock::acquire(options.directory));
  auto store = std::make_unique<embedded::EmbeddedStore>(files, clock, options, std::move(lock));
  auto opened = store->open();
  if (!opened && store->view_is_damaged()) {
    store.reset();
    SL_TRY(again, embedded::DirectoryLock::acquire(options.directory));
    SL_TRY_VOID(set_view_aside(options.directory, clock, opened.error().detail));
    store = std::make_unique<embedded::EmbeddedStore>(files, clock, std::move(options),
                                                      std::move(again));
    opened = store->open();
  }
  if (!opened) return tl::unexpected(opened.error());
  return store;
}

namespace embedded {
namespace {

// Entries of one block: a page or two of varints.
constexpr std::size_t kBlockEntries = 2048;

// Writes what the view does not hold yet of one queue, and erases what nobody needs of it.
Result<QueueIndex::Persisted> write_queue(const QueueIndex& index, const View& view, QueueId id,
                                          std::uint64_t up_to, View::Changes& changes) {
  const auto dirty = index.dirty(id);
  QueueIndex::Persisted done{id, up_to, {}, dirty.trimmed.size()};
  for (const BlockSummary& block : dirty.trimmed) changes.erase_block(id, block.first);
  std::vector<std::uint64_t> positions;
  std::uint64_t last = dirty.persisted;
  bool more = true;
  while (more) {
    more = index.copy_entries(id, last, up_to, positions);
    if (!positions.empty()) last = positions.back();
  }
  if (positions.empty()) return done;
  if (dirty.open_block) {
    SL_TRY(open, view.block(id, dirty.open_block->first));
    positions.insert(positions.begin(), open.begin(), open.end());
  }
  for (std::size_t at = 0; at < positions.size(); at += kBlockEntries) {
    const auto block = std::span<const std::uint64_t>(positions).subspan(
        at, std::min(kBlockEntries, positions.size() - at));
    changes.put_block(id, block);
    done.blocks.push_back({block.front(), block.back(), block.size()});
  }
  return done;
}

}  // namespace

Result<void> EmbeddedStore::open() {
  SL_TRY_VOID(files_.create_directories(log_directory_));
  SL_TRY_VOID(files_.sync_directory(options_.directory));
  SL_TRY(begin, read_begin(files_, options_.directory));
  SL_TRY(checkpoint, open_view(begin));
  // Damage that is met later would end somebody's read: now it costs a replay. Every byte of the
  // view is read beside that of the log, so that its size does not make a start longer.
  Result<void> whole;
  const auto verifier = options_.threads->start([this, &whole] { whole = view_->verify(); });
  auto recovered = recover_from(checkpoint, begin);
  verifier->join();
  if (!whole) return refuse_view(whole.error());
  SL_TRY(found, std::move(recovered));

  segments_.set_recorded_begin(begin.begin);
  for (const RecoveredSegment& segment : found.segments) {
    segments_.add(segment.plan, segment.end);
    head_generation_ = segment.plan.generation;
  }
  topics_.trim(segments_.begin());
  head_ = found.end;
  next_queue_ = std::max(next_queue_, index_.drop_nameless(found.end) + 1);
  time_and_node_ = std::max({time_and_node_, checkpoint.time_and_node, found.time_and_node});
  next_queue_ = std::max(next_queue_, checkpoint.next_queue);
  checkpoint_position_ = std::max(checkpoint_position_.load(), checkpoint.position);
  plan_ = new_segment(found.next_base, 0);
  tail_ = plan_->first_record();
  SL_TRY_VOID(log_.start(found.end, plan_));
  if (const auto settled = segments_.settle_begin()) {
    for (const std::string& empty : found.empty) segments_.remove(empty);
  } else {
    log::warn("where the log begins could not be recorded; the next start tries again",
              {{"reason", settled.error().detail}});
  }
  view_->begin_merging();
  checkpointer_ = options_.threads->start([this] { checkpoint_loop(); });
  opened_ = true;
  log::info("log opened", {{"directory", options_.directory},
                           {"segments", found.segments.size()},
                           {"end", found.end},
                           {"replayed_bytes", uncheckpointed_bytes_.load()},
                           {"queues", index_.size()}});
  return {};
}

Result<Recovered> EmbeddedStore::recover_from(const Checkpoint& checkpoint,
                                              const BeginRecord& begin) {
  const auto visit = [this](const SegmentPlan& segment, const FrameHeader& header,
                            std::string_view body) { return replay(segment, header, body); };
  return recover(files_, log_directory_, {checkpoint.position, checkpoint.generation, begin},
                 visit);
}

tl::unexpected<Error> EmbeddedStore::refuse_view(const Error& error) {
  view_is_damaged_ = error.code == Errc::Corrupt;
  return tl::unexpected(error);
}

Result<Checkpoint> EmbeddedStore::open_view(const BeginRecord& begin) {
  auto view = View::open(options_.directory + "/view");
  if (!view) return refuse_view(view.error());
  view_ = std::move(*view);
  auto checkpoint = load_view();
  if (!checkpoint) return refuse_view(checkpoint.error());
  const bool is_known = begin.state == BeginRecord::State::Whole && begin.begin.generation != 0;
  if (is_known && checkpoint->position != 0 && checkpoint->position < begin.begin.base) {
    return refuse_view({Errc::Corrupt, "view: it ends at position " +
                                           std::to_string(checkpoint->position) +
                                           ", before the log begins: it is an old copy"});
  }
  return checkpoint;
}

// The queues and where the view ends.
Result<Checkpoint> EmbeddedStore::load_view() {
  SL_TRY(stored, view_->checkpoint());
  auto queues = view_->scan(StateKind::Queue, "", "");
  for (queues.start(); queues.valid(); queues.next()) {
    if (queues.value().size() != 16) return fail(Errc::Corrupt, "view: a queue cannot be read");
    index_.create(QueueId(load_le<std::uint64_t>(queues.value(), 0)), queues.key(),
                  load_le<std::uint64_t>(queues.value(), 8));
  }
  SL_TRY_VOID(queues.status());
  SL_TRY_VOID(view_->for_each_block(
      [this](QueueId id, const BlockSummary& block) { index_.add_block(id, block); }));
  SL_TRY_VOID(
      view_->for_each_topic_block([this](const TopicBlock& block) { topics_.load(block); }));
  return stored.value_or(Checkpoint{});
}

Result<void> EmbeddedStore::replay(const SegmentPlan& segment, const FrameHeader& header,
                                   std::string_view body) {
  SL_TRY_VOID(replay_checkpoint(segment));
  uncheckpointed_bytes_ += header.frame_bytes();
  time_and_node_ = std::max(time_and_node_, header.time_and_node);
  if (header.type == RecordType::Message) {
    model::Message message;
    std::vector<QueueId> queues;
    if (!decode_message(header, body, message, &queues)) {
      return fail(Errc::Corrupt, "the record at position " + std::to_string(header.position) +
                                     " is no message; see `sluice log repair`");
    }
    index_.add(queues, header.position);
    topics_.add(segment, header, message.topic);
    return {};
  }
  const auto state = decode_state_body(body);
  if (!state) {
    return fail(Errc::Corrupt, "the record at position " + std::to_string(header.position) +
                                   " is no state; see `sluice log repair`");
  }
  if (state->kind == StateKind::Queue) {
    if (header.type == RecordType::Erase) {
      if (const auto queue = index_.find(state->key, true)) index_.drop(queue->id, header.position);
    } else {
      // One that retention has written again also says since when there has been the queue.
      const bool again = state->value.size() == 16;
      if (!again && state->value.size() != 8) {
        return fail(Errc::Corrupt, "a queue's record is not whole");
      }
      const auto id = load_le<std::uint64_t>(state->value, 0);
      index_.create(QueueId(id), state->key,
                    again ? load_le<std::uint64_t>(state->value, 8) : header.position);
      next_queue_ = std::max(next_queue_, id + 1);
    }
  }
  apply_state(header.type, header.position, *state);
  return {};
}

// A long replay must not hold it all in memory. Only where a segment begins: what is before it is
// certainly on disk.
Result<void> EmbeddedStore::replay_checkpoint(const SegmentPlan& segment) {
  if (segment.generation == head_generation_) return {};
  head_generation_ = segment.generation;
  if (uncheckpointed_bytes_ < options_.checkpoint_bytes) return {};
  uncheckpointed_bytes_ = 0;
  overlay_.freeze();
  topics_.close_block();
  return write_view({segment.first_record(), segment.generation, time_and_node_, next_queue_});
}

bool EmbeddedStore::checkpoint_is_due() const {
  return uncheckpointed_bytes_.load(std::memory_order_relaxed) >=
         checkpoint_due_at_.load(std::memory_order_relaxed);
}

void EmbeddedStore::checkpoint_loop() {
  while (true) {
    {
      std::unique_lock lock(checkpoint_mutex_);
      const auto due = [this] {
        return checkpoint_stop_ || checkpoint_is_due() || rolled_.load(std::memory_order_relaxed);
      };
      options_.threads->wait(checkpoint_due_, lock, due, options_.retention_interval);
      if (checkpoint_stop_) return;
    }
    rolled_.store(false, std::memory_order_relaxed);
    if (checkpoint_is_due()) make_checkpoint();
    apply_retention();
  }
}

void EmbeddedStore::make_checkpoint() {
  const std::scoped_lock checkpointing(checkpointing_);
  if (const auto written = noted(write_checkpoint()); !written) {
    log::warn("a checkpoint failed and is tried again later", {{"reason", written.error().detail}});
    // Not before as much again has come: the reason will not have gone by itself.
    checkpoint_due_at_ = uncheckpointed_bytes_ + options_.checkpoint_bytes;
  }
}

// Freezes what there is, waits until it is on disk, then writes it to the view.
Result<void> EmbeddedStore::write_checkpoint() {
  {
    const std::scoped_lock order(order_mutex_);
    if (!overlay_.has_frozen()) {
      overlay_.freeze();
      topics_.close_block();
      frozen_at_ = {head_.load(), head_generation_, time_and_node_, next_queue_};
      frozen_bytes_ = uncheckpointed_bytes_.load();
    }
  }
  SL_TRY_VOID(log_.wait_durable(frozen_at_.position));
  SL_TRY_VOID(log_.sync());
  SL_TRY_VOID(write_view(frozen_at_));
  uncheckpointed_bytes_ -= frozen_bytes_;
  checkpoint_due_at_ = options_.checkpoint_bytes;
  return {};
}

// Everything up to the checkpoint that the view does not hold yet, in one atomic step.
Result<void> EmbeddedStore::write_view(const Checkpoint& checkpoint) {
  SL_TRY(view, this->view());
  View::Changes changes;
  const StateOverlay::ByKind& frozen = overlay_.frozen();
  for (std::size_t kind = 0; kind < frozen.size(); ++kind) {
    for (const auto& [key, value] : frozen[kind]) {
      if (value) {
        changes.put(static_cast<StateKind>(kind), key, *value);
      } else {
        changes.erase(static_cast<StateKind>(kind), key);
      }
    }
  }
  const std::vector<QueueId> queues = index_.take_dirty();
  if (auto written = write_queues(*view, queues, checkpoint, changes); !written) {
    index_.give_back_dirty(queues);
    return written;
  }
  overlay_.drop_frozen();
  checkpoint_position_ = checkpoint.position;
  checkpoints_.fetch_add(1, std::memory_order_relaxed);
  return {};
}

Result<void> EmbeddedStore::write_queues(View& view, std::span<const QueueId> queues,
                                         const Checkpoint& checkpoint, View::Changes& changes) {
  std::vector<QueueIndex::Persisted> written;
  for (const QueueId id : queues) {
    SL_TRY(done, write_queue(index_, view, id, checkpoint.position, changes));
    written.push_back(std::move(done));
  }
  for (const QueueId id : index_.dropped(checkpoint.position)) changes.erase_queue(id);
  topics_.write(changes, checkpoint.position);
  SL_TRY_VOID(view.write(changes, checkpoint));
  topics_.persisted(checkpoint.position);
  // What readers near the tail need stays in memory: as much as there is of the messages.
  const std::uint64_t forget = cache_.begin();
  for (const QueueIndex::Persisted& done : written) index_.persisted(done, forget);
  index_.forget_dropped(checkpoint.position);
  return {};
}

// The last batch is proven by none behind it: a clean end adds one, so that damage done while the
// server is down is found and not taken for a torn tail.
void EmbeddedStore::prove_end() {
  if (!opened_ || bytes_appended_ == 0) return;
  if (!log_.wait_durable(head_) || !log_.sync()) return;
  const auto proof = std::make_shared<LogBatch>(LogBatch::SizeHint{});
  const std::scoped_lock order(order_mutex_);
  if (!log_.admit(proof->bytes(), false)) return;
  place(*proof);
  head_.store(proof->end_position(), std::memory_order_release);
  log_.stage(proof);
}

void EmbeddedStore::close() {
  const std::scoped_lock closing(close_mutex_);
  if (std::exchange(closed_, true)) return;
  {
    const std::scoped_lock order(order_mutex_);
    closing_ = true;
  }
  prove_end();
  log_.stop();
  {
    const std::scoped_lock lock(checkpoint_mutex_);
    checkpoint_stop_ = true;
  }
  checkpoint_due_.notify_all();
  if (auto ending = std::move(checkpointer_)) ending->join();
  const std::scoped_lock checkpointing(checkpointing_);
  if (opened_ && checkpoint_position_ != head_) {
    if (const auto written = write_checkpoint(); !written) {
      log::warn("closed without a checkpoint: the next start reads more of the log",
                {{"reason", written.error().detail}});
    }
  }
  segments_.stop();
  {
    const std::scoped_lock lock(view_mutex_);
    view_.reset();
  }
  lock_.release();
}

}  // namespace embedded
}  // namespace sluice::store
