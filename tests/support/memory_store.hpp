#pragma once
#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "store/find.hpp"
#include "store/store.hpp"

namespace sluice::test {

// A store in memory that keeps every promise of store.hpp, and lets a test decide what is durable,
// fail calls, and crash.
//
// Threads: as store.hpp says. Nothing here blocks longer than a mutex, except wait_durable().
class MemoryStore final : public store::Store {
 public:
  enum class Durability : std::uint8_t {
    AtOnce,  // durable when append() returns
    Manual,  // durable when the test calls make_durable()
  };
  explicit MemoryStore(Durability durability = Durability::AtOnce);
  ~MemoryStore() override;

  // For tests.
  void make_durable();  // all that is ordered
  void make_durable(store::Position position);
  // Forgets everything that was not durable, every volatile queue, listener and waiter: what a new
  // process would find.
  void crash();
  void fail_appends(std::optional<Errc> with);  // until called with nothing
  void fail_reads(std::optional<Errc> with);
  void damage(model::Position position);  // the message there cannot be read any more
  // Called by each read() before it looks, without a lock; to hold back what reads on a pool.
  void before_reads(std::function<void()> call);
  // Called once, by the next append(): it has its place, and its caller does not know yet.
  void after_append(std::function<void()> call);
  void set_time(std::int64_t wall_ms);  // timestamps of messages; otherwise the system's clock
  // What retention would do: entries up to `position` are gone and are counted as lost when read.
  void delete_up_to(store::Position position);
  [[nodiscard]] std::uint64_t reads() const;  // calls of read() so far
  [[nodiscard]] std::size_t waiters() const;  // notify() calls not yet woken

  [[nodiscard]] store::BatchPtr new_batch() override;
  [[nodiscard]] Result<store::Position> append(const store::BatchPtr& batch,
                                               FunctionRef<void()> when_ordered) override;
  using Store::append;
  [[nodiscard]] store::Position head() const override;
  [[nodiscard]] store::Position durable() const override;
  std::uint64_t add_durable_listener(DurableListener listener) override;
  void remove_durable_listener(std::uint64_t id) override;
  [[nodiscard]] Result<void> wait_durable(store::Position position) override;
  [[nodiscard]] Result<OpenedQueue> open_queue(std::string_view filter, bool persistent) override;
  void drop_queue(store::QueueId id) override;
  void trim_queue(store::QueueId id, store::Position position) override;
  [[nodiscard]] std::optional<store::ReadResult> read_cached(
      const store::ReadRequest& request) override;
  [[nodiscard]] Result<store::ReadResult> read(const store::ReadRequest& request) override;
  [[nodiscard]] Result<store::MessagePtr> message_at(store::Position position) override;
  [[nodiscard]] Result<store::ReadResult> scan_log(const store::ScanRequest& request) override;
  [[nodiscard]] Result<store::FindResult> find(const store::FindRequest& request) override;
  [[nodiscard]] Result<store::Position> position_before(std::int64_t wall_ms) override;
  [[nodiscard]] store::Position back_from(store::Position end, std::uint64_t bytes) const override;
  [[nodiscard]] std::uint64_t log_bytes(store::Position after,
                                        store::Position before) const override;
  void notify(std::uint64_t key, std::span<const store::QueueId> queues, store::Position after,
              store::Visibility visibility, std::function<void()> wake) override;
  void cancel_notify(std::uint64_t key) override;
  [[nodiscard]] std::uint64_t count_after(std::span<const store::QueueId> queues,
                                          store::Position after, std::uint64_t maximum) override;
  [[nodiscard]] Result<Skipped> skip_deleted(std::span<const store::QueueId> queues,
                                             store::Position after) override;
  void set_readers(store::Readers readers) override;
  void apply_retention() override {}  // delete_up_to() does it
  [[nodiscard]] Result<std::optional<std::string>> get(store::StateKind kind,
                                                       std::string_view key) override;
  [[nodiscard]] Result<void> scan_behind(store::StateKind kind, std::string_view prefix,
                                         std::string_view after, Visit visit) override;
  [[nodiscard]] store::Health health() const override;
  [[nodiscard]] store::Statistics statistics() const override;
  void close() override;

 private:
  struct Shared;
  void run_waiters();
  void tell_listeners(store::Position durable);
  std::unique_ptr<Shared> shared_;
};

}  // namespace sluice::test
