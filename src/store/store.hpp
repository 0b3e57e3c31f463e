// What a store promises, whatever implements it. docs/architecture.md tells the whole; the embedded
// engine stands in embedded/.
// One stream: everything durable is a record in one ordered stream, a message with the queues it
// belongs to, or one change of small state. An append is *ordered* when append() returns, *durable*
// when durable() has reached its end.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/function_ref.hpp"
#include "base/result.hpp"
#include "model/message.hpp"
#include "store/cursor.hpp"

namespace sluice::store {

using model::MessagePtr;
using model::Position;

// Names the multi-level topic index of one filter. Never used again for another filter. Ids with
// the highest bit set are volatile: they live in memory and end with the process. None is 0.
using QueueId = Strong<std::uint64_t, struct QueueIdTag>;
[[nodiscard]] constexpr bool is_volatile(QueueId id) {
  return (id.get() >> 63) != 0;
}
inline constexpr QueueId kNoQueue{0};

// The kinds of small state. The numbers stand on disk: never change or reuse one.
enum class StateKind : std::uint8_t {
  Queue = 1,         // owned by the engine: filter -> queue id; others may scan its keys
  Session = 2,       // broker: client id -> session
  Subscription = 3,  // broker: client id, filter -> options
  Outgoing = 4,      // broker: client id, packet id -> QoS 2 delivery under way
  Incoming = 5,      // broker: client id, packet id -> QoS 2 publish not yet released
  Will = 6,          // broker: client id -> will
  Retained = 7,      // broker: topic -> message
  Cursor = 8,        // consumer id -> cursor
  Document = 9,      // kind/id -> JSON (connection, task, user, policy, administrator, token)
  DeadLetter = 10,   // connect: task id, position -> dead letter
  Group = 11,        // broker: group, filter -> shared group
};

// The fields of a message that is to be stored; copied once into the batch.
struct NewMessage {
  std::string_view topic;
  std::string_view payload;
  std::string_view properties;
  std::string_view client_id;
  std::string_view host;
  std::string_view username;
  std::uint16_t packet_id = 0;
  std::uint8_t qos = 0;
  bool retain = false;
  bool dup = false;
  bool has_username = false;
};

// The work of one event-loop turn: messages and changes of state, appended together and in this
// order. Built by one thread, then given to append(); afterwards immutable and shared. Recovery
// keeps a prefix of its records, except that records joined by begin_atomic()/end_atomic() survive
// together or not at all.
class Batch {
 public:
  virtual ~Batch() = default;
  // Returns the message's index in this batch.
  virtual std::size_t add_message(const NewMessage& message, std::span<const QueueId> queues) = 0;
  virtual void put(StateKind kind, std::string_view key, std::string_view value) = 0;
  virtual void erase(StateKind kind, std::string_view key) = 0;
  virtual void begin_atomic() = 0;
  virtual void end_atomic() = 0;
  virtual void let_wait() = 0;  // nobody waits for it to be durable: more may come together first
  [[nodiscard]] virtual std::size_t message_count() const = 0;
  [[nodiscard]] virtual std::size_t bytes() const = 0;  // as it will stand in the log
  [[nodiscard]] virtual bool empty() const = 0;

  // Only once appended: ids, positions and timestamps are given by append().
  [[nodiscard]] virtual const model::Message& message(std::size_t index) const = 0;
  [[nodiscard]] virtual Position end() const = 0;  // durable when durable() >= end()
};
using BatchPtr = std::shared_ptr<Batch>;

// Shares ownership of the batch.
template <class AnyBatch>  // const or not: no pointer is converted, which would count it twice
[[nodiscard]] MessagePtr message_of(const std::shared_ptr<AnyBatch>& batch, std::size_t index) {
  return {batch, &batch->message(index)};
}

enum class Visibility : std::uint8_t {
  Ordered,  // all that has been appended
  Durable,  // only what no crash can take back
};

struct ReadRequest {
  std::span<const QueueId> queues;  // merged by position; a message appears once
  Position after;                   // exclusive
  std::size_t maximum_messages = 256;
  std::size_t maximum_bytes = 1 << 20;  // of payloads; at least one message is given
  Visibility visibility = Visibility::Ordered;
  // A message that is damaged on the disk ends the read otherwise: everything before it is given,
  // and the next read fails with Corrupt.
  bool pass_damaged = false;
};

struct ReadEntry {
  MessagePtr message;
  std::uint64_t queue_mask = 0;  // bit i: it stands in queues[i]; bit 63: in any of queues[63...]
};

struct ReadResult {
  std::vector<ReadEntry> entries;
  // Everything that the queues hold up to here (inclusive) has been returned: the next `after`.
  Position next;
  bool at_end = false;  // nothing more was visible beyond `next` when this was read
  // Entries whose payload retention had already deleted: skipped and counted.
  std::uint64_t lost = 0;
  // Messages that cannot be read, passed over as the request asked for.
  std::vector<Position> damaged = {};
};

// A walk over the log itself, for what lies before a queue existed.
struct ScanRequest {
  std::span<const std::string> filters;  // a message that matches one of them is given
  Position after;                        // exclusive; 0: from the first record that is still there
  Position before;  // exclusive, and durable; a place at which no message begins
  std::size_t maximum_messages = 256;
  std::size_t maximum_bytes = 1 << 20;    // of payloads; at least one message is given
  std::size_t maximum_scanned = 4 << 20;  // of log that is looked at in one call
};

struct FindRequest;  // store/find.hpp
struct FindResult;

// What somebody still needs of the log; retention asks before it deletes.
struct Hold {
  enum class Of : std::uint8_t { Session, Task };
  Of of = Of::Session;
  // The entries of the queue behind `after`; or, where `filters` are given, the log itself behind
  // `after`, of which what matches and stands behind `read` has not been read.
  QueueId queue = {};
  Position after;
  Position read = {};
  std::vector<std::string> filters = {};
  std::string owner = {};  // who is told what was lost of the log itself
  // Of a task: so many bytes that would have been deleted otherwise, within the bound for all
  // tasks.
  std::uint64_t at_most = UINT64_MAX;
};

// Who reads the log, as retention sees it. Both are called on the store's own thread, may use the
// store, and must not wait for a reader.
struct Readers {
  std::function<std::vector<Hold>()> holds;
  // What stood before `begin` is gone; `lost` has for each owner how many messages of the log
  // itself were deleted before they were read.
  std::function<void(Position begin, const std::map<std::string, std::uint64_t>& lost)> deleted;
};

struct Health {
  bool accepting = true;       // false: append() refuses
  Errc reason = Errc::Closed;  // why not: NoSpace (comes back by itself) or Closed (until restart)
  std::string detail;
  // Damage on the disk that a reader met since the start: file, offset, and what to do. Empty:
  // none.
  std::string damage = {};
};

// Counters since the start and gauges, for metrics and the overview.
struct Statistics {
  std::uint64_t messages_appended = 0;
  std::uint64_t bytes_appended = 0;
  std::uint64_t commits = 0;  // write + sync rounds
  std::uint64_t syncs = 0;
  std::uint64_t sync_ns = 0;
  std::uint64_t log_bytes = 0;  // on disk
  std::uint64_t segments = 0;
  std::uint64_t queues = 0;
  std::uint64_t cache_hits = 0;
  std::uint64_t cache_misses = 0;
  std::uint64_t damaged_reads = 0;  // that met damage on the disk
  std::uint64_t checkpoints = 0;
  std::uint64_t segments_deleted = 0;
  std::uint64_t bytes_deleted = 0;
  std::uint64_t state_bytes_rewritten = 0;  // so that what they stood in could be deleted
  std::uint64_t held_for_sessions = 0;      // bytes that retention would have deleted otherwise
  std::uint64_t held_for_tasks = 0;
  Position begin;  // of the first file that is still there
  Position head;
  Position durable, synced;  // `synced` is on the disk, where `durable` only means written
};

// Threads: every call from any thread unless it says otherwise. Calls marked "blocks" may touch
// files and must not be made on an event loop.
class Store {
 public:
  virtual ~Store() = default;

  [[nodiscard]] virtual BatchPtr new_batch() = 0;

  // Puts the batch at the end of the stream and returns its end. `when_ordered` runs inside, while
  // the order is held: what it hands on arrives everywhere in log order; it must be short and must
  // not call the store. Never blocks on the disk.
  // Errors: Overloaded (the log is behind: more than the bound waits to be written; drop QoS 0,
  // hold back the reading of the rest), NoSpace (refuse; `urgent` batches of small state alone may
  // still pass thanks to the reserve), Closed (a sync or a write failed: until restart).
  [[nodiscard]] virtual Result<Position> append(const BatchPtr& batch,
                                                FunctionRef<void()> when_ordered) = 0;
  [[nodiscard]] Result<Position> append(const BatchPtr& batch) {
    return append(batch, [] {});
  }

  [[nodiscard]] virtual Position head() const = 0;     // end of what is ordered
  [[nodiscard]] virtual Position durable() const = 0;  // end of what is durable
  // `listener` is called after every commit, on the thread that commits, which may be inside
  // append(), with the new durable end, and when health changes. Short, must not call the store's
  // blocking calls. Register before traffic; remove_durable_listener waits for a call under way.
  using DurableListener = std::function<void(Position)>;
  virtual std::uint64_t add_durable_listener(DurableListener listener) = 0;
  virtual void remove_durable_listener(std::uint64_t id) = 0;
  // Waits until durable() >= position. Blocks. Closed or NoSpace if that cannot come to be.
  [[nodiscard]] virtual Result<void> wait_durable(Position position) = 0;

  // The queue of a filter; made if it is not there. A persistent one is durable once the returned
  // position is (head() at once for one that was there).
  struct OpenedQueue {
    QueueId id;
    Position created;  // it holds every matching message after this position
    Position durable_at;
  };
  [[nodiscard]] virtual Result<OpenedQueue> open_queue(std::string_view filter,
                                                       bool persistent) = 0;
  virtual void drop_queue(QueueId id) = 0;  // nobody reads it any more
  // No consumer of the queue needs entries up to `position` any more.
  virtual void trim_queue(QueueId id, Position position) = 0;

  // Serves from memory; nothing when files would be needed. Never blocks.
  [[nodiscard]] virtual std::optional<ReadResult> read_cached(const ReadRequest& request) = 0;
  [[nodiscard]] virtual Result<ReadResult> read(const ReadRequest& request) = 0;  // blocks
  [[nodiscard]] virtual Result<MessagePtr> message_at(Position position) = 0;     // blocks
  // The messages in (after, before) that match, without a queue: `next` is where to go on, `at_end`
  // that `before` is reached. Every record that is looked at is checked. Blocks.
  [[nodiscard]] virtual Result<ReadResult> scan_log(const ScanRequest& request) = 0;
  // Messages by topic and time, without reading the whole log: bounded work in each call. Blocks.
  [[nodiscard]] virtual Result<FindResult> find(const FindRequest& request) = 0;
  // Whatever was stored at `wall_ms` or later lies after the returned position, and nothing that
  // was stored earlier. Timestamps never fall. Blocks.
  [[nodiscard]] virtual Result<Position> position_before(std::int64_t wall_ms) = 0;
  // Bytes of log in (after, before): what a walk over it still has to read.
  [[nodiscard]] virtual std::uint64_t log_bytes(Position after, Position before) const = 0;
  // What begins before the returned place lies more than so many bytes of log before `end`.
  // Positions are no measure of that: files of the log leave gaps between them.
  [[nodiscard]] virtual Position back_from(Position end, std::uint64_t bytes) const = 0;
  // Calls `wake` once, as soon as one of the queues holds a visible entry after `after`; at once if
  // it does already. On the committing or appending thread: short, no store calls. The same key
  // replaces an earlier one; cancel_notify waits for a call under way.
  virtual void notify(std::uint64_t key, std::span<const QueueId> queues, Position after,
                      Visibility visibility, std::function<void()> wake) = 0;
  virtual void cancel_notify(std::uint64_t key) = 0;
  // How many entries after `after` stand in a part of the log that was deleted, and the place
  // behind it where reading goes on. Blocks.
  struct Skipped {
    std::uint64_t lost = 0;
    Position next;
  };
  [[nodiscard]] virtual Result<Skipped> skip_deleted(std::span<const QueueId> queues,
                                                     Position after) = 0;
  // Entries in the queues after `after`, at most `maximum`; a message in two counts twice.
  [[nodiscard]] virtual std::uint64_t count_after(std::span<const QueueId> queues, Position after,
                                                  std::uint64_t maximum) = 0;

  // Small state as the stream's head has it.
  [[nodiscard]] virtual Result<std::optional<std::string>> get(StateKind kind,
                                                               std::string_view key) = 0;  // blocks
  using Visit = FunctionRef<bool(std::string_view key, std::string_view value)>;  // false: stop
  // Keys that begin with the prefix and sort behind `after`, ascending. Blocks.
  [[nodiscard]] virtual Result<void> scan_behind(StateKind kind, std::string_view prefix,
                                                 std::string_view after, Visit visit) = 0;
  [[nodiscard]] Result<void> scan(StateKind kind, std::string_view prefix, Visit visit) {
    return scan_behind(kind, prefix, {}, visit);
  }

  // Without readers nothing is deleted. Waits for a call of the earlier ones that is under way.
  virtual void set_readers(Readers readers) = 0;
  // Deletes what may go now; the store does so by itself from time to time. Blocks.
  virtual void apply_retention() = 0;

  [[nodiscard]] virtual Health health() const = 0;
  [[nodiscard]] virtual Statistics statistics() const = 0;

  // Everything durable, a checkpoint, no more appends. Blocks. Idempotent; the destructor calls it.
  virtual void close() = 0;
};

}  // namespace sluice::store
