// Deleting what nobody needs: the oldest files, once what is live in them stands at the head again.
// docs/adr/0011-retention.md
#include <algorithm>

#include "base/log.hpp"
#include "mqtt/topic.hpp"
#include "store/embedded/bytes.hpp"
#include "store/embedded/embedded_store.hpp"
#include "store/embedded/scanner.hpp"

namespace sluice::store::embedded {
namespace {

// State of a segment is looked at in parts, so that memory stays bounded.
constexpr std::size_t kPartBytes = 8 << 20;
// Written again in one batch: the order is held while each key of it is looked up.
constexpr std::size_t kBatchKeys = 256;
constexpr std::size_t kBatchBytes = 256 << 10;
// The log is never larger than this part of the file system, whatever was asked for.
constexpr std::uint64_t kMostOfDisk = 80;
// A file is left unfinished when its first record is older than this part of the retention time.
constexpr std::int64_t kPartOfTime = 8;

}  // namespace

// The last value of each key in a part of a segment.
struct EmbeddedStore::LiveState {
  std::map<std::pair<StateKind, std::string>, std::string, std::less<>> values;
  std::size_t bytes = 0;

  void put(const StateBody& state) {
    bytes += state.key.size() + state.value.size();
    values[{state.kind, std::string(state.key)}] = state.value;
  }
};

void EmbeddedStore::set_readers(Readers readers) {
  {
    const std::scoped_lock lock(readers_mutex_);
    readers_ = std::move(readers);
  }
  rolled_.store(true, std::memory_order_relaxed);
  wake_checkpointer();
}

void EmbeddedStore::apply_retention() {
  const std::scoped_lock checkpointing(checkpointing_);
  const std::scoped_lock lock(readers_mutex_);
  const Retention limits = limits_here();
  if (!readers_.holds || (!limits.time && !limits.bytes)) return;
  if (bytes_appended_.load() < rest_until_) return;
  const std::int64_t now_ms = clock_.wall_ms();
  roll_when_old(now_ms);
  const auto sealed = sealed_segments();
  Expiry expiry = find_expired(sealed, segments_.bytes(), limits, now_ms);
  std::vector<Hold> holds;
  if (expiry.expired > 0) {
    holds = readers_.holds();
    hold_back(expiry, sealed, limits, needs_of(holds));
  }
  held_for_sessions_ = expiry.held_for_sessions;
  held_for_tasks_ = expiry.held_for_tasks;
  if (expiry.go > 0) delete_segments(sealed, expiry.go, holds);
}

Retention EmbeddedStore::limits_here() const {
  Retention limits = options_.retention;
  if (!limits.bytes) return limits;
  if (const auto total = files_.total_bytes(options_.directory)) {
    limits.bytes = std::min(*limits.bytes, *total / 100 * kMostOfDisk);
  }
  return limits;
}

std::vector<SealedSegment> EmbeddedStore::sealed_segments() {
  const auto all = segments_.ranges();
  const std::size_t count = segments_.sealed().size();
  std::vector<SealedSegment> sealed;
  sealed.reserve(count);
  for (std::size_t i = 0; i < count && i + 1 < all.size(); ++i) {
    const std::int64_t known = all[i].newest_ms;
    sealed.push_back({all[i].base, all[i].end, known != 0 ? known : newest_before(all[i + 1])});
  }
  return sealed;
}

// When the first record of a segment was stored: nothing before it is newer.
std::int64_t EmbeddedStore::newest_before(const SegmentFiles::Range& next) {
  const auto segment = segments_.at(next.base + kSegmentHeaderBytes);
  char header[kFrameHeaderBytes];
  if (segment) {
    const auto got = segment->file->read_at(kSegmentHeaderBytes, header, sizeof header);
    const auto first = decode_header(header, segment->plan.first_record(), segment->plan.seed);
    if (got && *got == sizeof header && first) return milliseconds_of(first->time_and_node);
  }
  const std::scoped_lock order(order_mutex_);
  return milliseconds_of(time_and_node_);
}

// From where on somebody needs the log. A consumer that has read all that its queues hold needs
// nothing, however old its cursor is.
Needs EmbeddedStore::needs_of(std::span<const Hold> holds) const {
  Needs needs;
  for (const Hold& hold : holds) {
    const auto first = hold.filters.empty() ? index_.first_after(hold.queue, hold.after.get())
                                            : std::optional(hold.after.get());
    if (!first) continue;
    if (hold.of == Hold::Of::Task && hold.at_most != UINT64_MAX) {
      needs.bounded_tasks.push_back({*first, hold.at_most});
      continue;
    }
    auto& need = hold.of == Hold::Of::Session ? needs.sessions : needs.tasks;
    need = std::min(need.value_or(*first), *first);
  }
  return needs;
}

// Where little is published a file would not be full before all in it is far too old.
void EmbeddedStore::roll_when_old(std::int64_t now_ms) {
  if (!options_.retention.time) return;
  const auto all = segments_.ranges();
  const auto sealed = segments_.sealed().size();
  if (sealed >= all.size() || all[sealed].end <= all[sealed].base + kSegmentHeaderBytes) return;
  const std::int64_t first_ms = newest_before(all[sealed]);
  if (now_ms - first_ms < options_.retention.time->count() / kPartOfTime) return;
  // An empty batch: the file ends with it, and the next one begins, also when nobody publishes.
  const auto mark = std::make_shared<LogBatch>(LogBatch::SizeHint{});
  {
    const std::scoped_lock order(order_mutex_);
    if (closing_ || !log_.admit(mark->bytes(), false)) return;
    roll_next_ = true;
    place(*mark);
    head_.store(mark->end_position(), std::memory_order_release);
    log_.stage(mark);
  }
  log_.commit_staged();
  static_cast<void>(log_.wait_durable(mark->end_position()));
}

void EmbeddedStore::delete_segments(std::span<const SealedSegment> sealed, std::size_t count,
                                    std::span<const Hold> holds) {
  const std::uint64_t rewritten_before = state_bytes_rewritten_;
  std::map<std::string, std::uint64_t> lost;
  std::uint64_t freed = 0;
  std::size_t deleted = 0;
  for (; deleted < count; ++deleted) {
    const auto all = segments_.ranges();
    if (const auto done = delete_oldest(sealed[deleted], all[1].base, holds, lost); !done) {
      log::warn("a file of the log cannot be deleted yet",
                {{"file", segment_name(sealed[deleted].base)}, {"reason", done.error().detail}});
      break;
    }
    freed += sealed[deleted].bytes();
    // Where most of what is old is live, deleting frees little: the log grows by a file first.
    if (state_bytes_rewritten_ - rewritten_before > freed / 2) {
      rest_until_ = bytes_appended_ + options_.segment_bytes;
      ++deleted;
      break;
    }
  }
  if (deleted == 0) return;
  segments_deleted_.fetch_add(deleted, std::memory_order_relaxed);
  bytes_deleted_.fetch_add(freed, std::memory_order_relaxed);
  log::info("retention deleted the oldest files of the log",
            {{"files", deleted},
             {"bytes", freed},
             {"state_written_again", state_bytes_rewritten_ - rewritten_before},
             {"begin", segments_.begin()}});
  if (readers_.deleted) readers_.deleted(Position(segments_.begin()), lost);
  trim_queues(holds);
  topics_.trim(segments_.begin());
}

Result<void> EmbeddedStore::delete_oldest(const SealedSegment& oldest, std::uint64_t next_base,
                                          std::span<const Hold> holds,
                                          std::map<std::string, std::uint64_t>& lost) {
  // A start reads from the checkpoint on: the file in which it stands must be there.
  const std::uint64_t passed = next_base + kSegmentHeaderBytes;
  if (checkpoint_position_ < passed) SL_TRY_VOID(write_checkpoint());
  if (checkpoint_position_ < passed) {
    return fail(Errc::WrongState, "nothing has been stored behind it");
  }
  SL_TRY_VOID(write_again(oldest, holds, lost));
  return segments_.remove_oldest();
}

// What is live in the segment stands at the head, on disk, when this returns: the view can be built
// again without it.
Result<void> EmbeddedStore::write_again(const SealedSegment& segment, std::span<const Hold> holds,
                                        std::map<std::string, std::uint64_t>& lost) {
  SL_TRY(readable, segments_.at(segment.base));
  SegmentScanner scanner(*readable.file, readable.plan, readable.plan.first_record(), segment.end);
  // Who reads the log itself, and not one of a million queues: each message is held against them.
  std::vector<const Hold*> walkers;
  for (const Hold& hold : holds)
    if (!hold.filters.empty()) walkers.push_back(&hold);
  LiveState state;
  while (true) {
    SL_TRY(frame, scanner.next());
    if (!frame) break;
    const auto& header = frame->header;
    if (header.type == RecordType::Message) {
      model::Message message;
      if (walkers.empty() || !decode_message(header, frame->body, message, nullptr)) continue;
      for (const Hold* hold : walkers) {
        if (header.position <= hold->read.get()) continue;
        if (std::ranges::any_of(hold->filters, [&](const std::string& filter) {
              return mqtt::matches(filter, message.topic);
            })) {
          ++lost[hold->owner];
        }
      }
    } else if (header.type == RecordType::Put) {
      if (const auto body = decode_state_body(frame->body)) state.put(*body);
      if (state.bytes >= kPartBytes) SL_TRY_VOID(write_live(state));
    }
  }
  if (scanner.position() != segment.end) {
    const auto damaged = damaged_record(readable.plan, scanner.position());
    damages_.note(damaged.value());
    return damaged;
  }
  SL_TRY_VOID(write_live(state));
  // Not more than that: on a full disk what waits behind it waits for us.
  SL_TRY_VOID(log_.wait_durable(rewritten_end_));
  return log_.sync();
}

// A value is live when it is still the one of its key. What has changed since the last checkpoint
// stands behind it, and so behind the segment. No checkpoint comes in between: we are its thread.
Result<void> EmbeddedStore::write_live(LiveState& state) {
  SL_TRY(view, this->view());
  LiveState live;
  for (auto& [key, value] : state.values) {
    if (overlay_.find(key.first, key.second)) continue;
    SL_TRY(now, view->get(key.first, key.second));
    if (!now) continue;
    // The view adds to a queue's record since when there has been the queue.
    const bool is_queue = key.first == StateKind::Queue;
    if (is_queue ? now->substr(0, 8) != value.substr(0, 8) : *now != value) continue;
    live.put({key.first, key.second, *now});
    if (live.values.size() < kBatchKeys && live.bytes < kBatchBytes) continue;
    SL_TRY_VOID(put_unchanged(live));
  }
  state = {};
  return put_unchanged(live);
}

// Writes values that nobody has changed in the meantime.
Result<void> EmbeddedStore::put_unchanged(LiveState& unchanged) {
  const auto has_changed = [this](const auto& entry) {
    return overlay_.find(entry.first.first, entry.first.second).has_value();
  };
  while (true) {
    std::erase_if(unchanged.values, has_changed);
    if (unchanged.values.empty()) break;
    const auto batch = std::make_shared<LogBatch>(LogBatch::SizeHint{unchanged.bytes + 4096, 0});
    for (const auto& [key, value] : unchanged.values) batch->put(key.first, key.second, value);
    const auto appended = append_if(
        batch, [&] { return std::ranges::none_of(unchanged.values, has_changed); }, [] {});
    if (appended) {
      state_bytes_rewritten_.fetch_add(batch->bytes(), std::memory_order_relaxed);
      rewritten_end_ = batch->end_position();
      break;
    }
    if (appended.error().code == Errc::Overloaded) {
      SL_TRY_VOID(log_.wait_durable(head_));
    } else if (appended.error().code != Errc::WrongState) {
      return tl::unexpected(appended.error());
    }
  }
  unchanged = {};
  return {};
}

// Entries of what is gone go too, once nobody needs them to count what he lost.
void EmbeddedStore::trim_queues(std::span<const Hold> holds) {
  const std::uint64_t begin = segments_.begin();
  std::map<QueueId, std::uint64_t> lowest;
  for (const Hold& hold : holds) {
    const auto [found, is_new] = lowest.emplace(hold.queue, hold.after.get());
    if (!is_new) found->second = std::min(found->second, hold.after.get());
  }
  for (const QueueId id : index_.ids()) {
    const auto found = lowest.find(id);
    index_.trim(id, found == lowest.end() ? begin : std::min(begin, found->second));
  }
}

}  // namespace sluice::store::embedded
