#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <boost/unordered/unordered_flat_map.hpp>
#include <boost/unordered/unordered_flat_set.hpp>

#include "base/fifo.hpp"
#include "base/function_ref.hpp"
#include "store/embedded/batch.hpp"
#include "store/store.hpp"

namespace sluice::store::embedded {

// One entry of several merged queues.
struct IndexEntry {
  std::uint64_t position = 0;
  std::uint64_t mask = 0;  // as in ReadEntry
};

// A block of entries in the view: many positions under one key.
struct BlockSummary {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  std::uint64_t count = 0;
};

// Somebody who waits for an entry. `wake` runs under the index's wake lock, once.
struct Waiter {
  std::uint64_t key = 0;
  std::uint64_t after = 0;
  bool durable = false;         // waits for Visibility::Durable
  std::vector<QueueId> queues;  // in whose lists it stands
  std::function<void()> wake;
  bool ended = false;  // woken or cancelled; guarded by the wake lock
};
using WaiterPtr = std::shared_ptr<Waiter>;
using Waiters = std::vector<WaiterPtr>;

// The multi-level topic index: for each filter the positions of its messages, and who waits for
// more.
//
// Owns:    every entry that the view does not hold yet, and the newer ones of those it does.
// Threads: all calls from any thread. Entries are added in log order.
class QueueIndex {
 public:
  explicit QueueIndex(std::uint64_t maximum_volatile_entries)
      : maximum_volatile_entries_(maximum_volatile_entries) {}

  struct Opened {
    QueueId id;
    std::uint64_t created = 0;
  };
  [[nodiscard]] std::optional<Opened> find(std::string_view filter, bool persistent) const;
  [[nodiscard]] std::optional<std::string> filter_of(QueueId id) const;
  // One that is there already stays as it is: replay finds records again.
  void create(QueueId id, std::string_view filter, std::uint64_t created);
  void drop(QueueId id, std::uint64_t position);
  void trim(QueueId id, std::uint64_t position);
  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] std::vector<QueueId> ids() const;
  // There is an entry behind `after`: none stands before the returned position.
  [[nodiscard]] std::optional<std::uint64_t> first_after(QueueId id, std::uint64_t after) const;
  // During a replay, entries may come before the record that names their queue. Afterwards those
  // that nothing has named are dropped. Returns the highest id that was seen.
  std::uint64_t drop_nameless(std::uint64_t position);

  // Adds every message of the batch to its queues; who is to be woken for it goes into `woken`.
  void add(const LogBatch& batch, Waiters& woken);
  void add(std::span<const QueueId> queues, std::uint64_t position);

  // Who waits for durable entries before this position.
  void take_durable(std::uint64_t durable, Waiters& woken);
  // True: there is an entry already, nothing was registered. `durable` is asked under the lock, so
  // that take_durable() with a later one comes after.
  [[nodiscard]] bool wait(const WaiterPtr& waiter, FunctionRef<std::uint64_t()> durable);
  void cancel(std::uint64_t key);  // returns when no call of its `wake` is under way
  void wake(const Waiters& woken);

  // The entries in (after, before), merged, at most `maximum`. `memory_from`: what lies up to there
  // was not looked at, because only the view holds it.
  struct Merge {
    std::span<const QueueId> queues;
    std::uint64_t after = 0;
    std::uint64_t before = 0;
    std::size_t maximum = 0;
  };
  struct Merged {
    std::vector<IndexEntry> entries;
    bool more = false;        // stopped at the maximum
    bool needs_view = false;  // some queue has entries after `after` that only the view holds
    std::uint64_t lost = 0;   // entries of volatile queues that were dropped unread
  };
  [[nodiscard]] Merged merge(const Merge& merge) const;

  // One queue's part for a merge with the view: the view has what lies in (after, memory_from].
  struct Part {
    std::vector<std::uint64_t> positions;  // in memory
    std::uint64_t after = 0;               // what was asked for, or what nobody needs any more
    std::uint64_t memory_from = 0;
    bool in_view = false;
  };
  [[nodiscard]] Part part(QueueId id, const Merge& merge) const;

  // Entries after `after`: those in memory and those in whole blocks; the block that `after` or the
  // edge of memory cuts is to be counted by reading it.
  struct Count {
    std::uint64_t whole = 0;
    std::vector<BlockSummary> cut;
    std::uint64_t after = 0;  // of a cut block, those in (after, memory_from]
    std::uint64_t memory_from = 0;
  };
  [[nodiscard]] Count count_after(QueueId id, std::uint64_t after, std::uint64_t maximum) const;

  // For the checkpoint, which alone changes what is in the view.

  // The queues with changes that the view does not hold yet; whoever takes them writes them, or
  // gives them back.
  [[nodiscard]] std::vector<QueueId> take_dirty();
  void give_back_dirty(std::span<const QueueId> ids);
  struct Dirty {
    std::optional<BlockSummary> open_block;  // to which entries may be added
    std::vector<BlockSummary> trimmed;       // blocks that nobody needs
    std::uint64_t persisted = 0;             // what lies up to there is in the view
  };
  [[nodiscard]] Dirty dirty(QueueId id) const;
  // Adds the entries in (after, up_to] to `into`; a part of them at a time: false when it was the
  // last.
  [[nodiscard]] bool copy_entries(QueueId id, std::uint64_t after, std::uint64_t up_to,
                                  std::vector<std::uint64_t>& into) const;
  // What a checkpoint did to one queue: all up to `up_to` is in the view.
  struct Persisted {
    QueueId id;
    std::uint64_t up_to = 0;
    std::vector<BlockSummary> blocks;  // the first may replace the open one
    std::size_t trimmed = 0;           // so many blocks, from the front, are gone
  };
  // Entries up to `forget` are in no reader's way: only the view keeps them.
  void persisted(const Persisted& done, std::uint64_t forget);
  // Persistent queues that were dropped up to there, to be erased from the view.
  [[nodiscard]] std::vector<QueueId> dropped(std::uint64_t up_to) const;
  void forget_dropped(std::uint64_t up_to);
  // Read from the view at start.
  void add_block(QueueId id, const BlockSummary& block);

 private:
  using Positions = Fifo<std::uint64_t>;
  // There may be a million of them, nearly all of them empty.
  struct Queue {
    QueueId id;
    std::string filter;
    std::uint64_t created = 0;
    Positions positions;            // all entries behind `memory_from` and `trimmed`
    std::uint64_t memory_from = 0;  // what lies up to here is in the view alone
    std::uint64_t persisted = 0;    // what lies up to here is in the view
    std::uint64_t trimmed = 0;      // nobody needs what lies up to here
    std::uint64_t dropped = 0;      // entries of a volatile queue that found no room
    std::uint64_t dropped_to = 0;
    std::vector<BlockSummary> blocks;
    std::unique_ptr<Waiters> waiters;  // where somebody waits
    bool dirty = false;                // stands in dirty_
  };
  struct IdHash {
    std::size_t operator()(QueueId id) const { return id.get() * 0x9e3779b97f4a7c15ULL; }
  };
  // The hash stands here: a table that grows does not visit a million queues.
  struct Named {
    Queue* queue = nullptr;
    std::size_t hash = 0;
  };
  struct NameHash {
    using is_transparent = void;
    std::size_t operator()(const Named& named) const { return named.hash; }
    std::size_t operator()(std::string_view filter) const {
      return std::hash<std::string_view>()(filter);
    }
  };
  struct NameEqual {
    using is_transparent = void;
    bool operator()(const Named& one, const Named& other) const {
      return one.queue->filter == other.queue->filter;
    }
    bool operator()(std::string_view filter, const Named& named) const {
      return filter == named.queue->filter;
    }
    bool operator()(const Named& named, std::string_view filter) const {
      return filter == named.queue->filter;
    }
  };
  using ByFilter = boost::unordered_flat_set<Named, NameHash, NameEqual>;

  [[nodiscard]] const Queue* find_queue(QueueId id) const;
  [[nodiscard]] Queue* find_queue(QueueId id);
  void push(Queue& queue, std::uint64_t position);
  void mark_dirty(Queue& queue);
  [[nodiscard]] Queue& find_or_make(QueueId id);
  void fire(Queue& queue, std::uint64_t position, Waiters& woken);
  static void list(Queue& queue, const WaiterPtr& waiter);
  void unlist(const WaiterPtr& waiter);
  [[nodiscard]] static bool has_view_entries(const Queue& queue, std::uint64_t after);

  const std::uint64_t maximum_volatile_entries_;
  mutable std::mutex mutex_;
  boost::unordered_flat_map<QueueId, std::unique_ptr<Queue>, IdHash> queues_;
  ByFilter persistent_;
  ByFilter volatile_;
  std::vector<std::pair<std::uint64_t, QueueId>>
      dropped_;  // since the last checkpoint: where, which
  std::vector<QueueId> dirty_;
  std::unordered_map<std::uint64_t, WaiterPtr> waiters_;         // by key
  std::multimap<std::uint64_t, WaiterPtr> waiting_for_durable_;  // by the entry's position
  std::mutex wake_mutex_;  // held while `wake` runs; before mutex_ where both are held
};

}  // namespace sluice::store::embedded
