#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/function_ref.hpp"
#include "base/result.hpp"
#include "store/embedded/queue_index.hpp"
#include "store/store.hpp"

namespace rocksdb {
class DB;
class Iterator;
class WriteBatch;
}  // namespace rocksdb

namespace sluice::store::embedded {

struct TopicBlock;  // topic_index.hpp

// Up to where the view holds the stream, and what replay cannot find out again.
struct Checkpoint {
  std::uint64_t position = 0;
  std::uint64_t generation = 0;  // of the segment in which the position lies
  std::uint64_t time_and_node = 0;
  std::uint64_t next_queue = 1;
};

// The materialised view of the stream in RocksDB: queue entries in blocks, the topics of the log's
// blocks, and small state. Written by checkpoints alone, each in one atomic step, without a log of
// its own.
//
// Owns:    DATA/view.
// Threads: reads from any thread; one checkpoint at a time.
class View {
 public:
  // Errors: Corrupt (a file of it is damaged or missing), or what the system reports.
  [[nodiscard]] static Result<std::unique_ptr<View>> open(const std::string& directory);
  ~View();
  View(const View&) = delete;
  View& operator=(const View&) = delete;

  // Reads every byte of it. Corrupt: some file is damaged.
  [[nodiscard]] Result<void> verify() const;
  [[nodiscard]] Result<std::optional<Checkpoint>> checkpoint() const;
  [[nodiscard]] Result<std::optional<std::string>> get(StateKind kind, std::string_view key) const;

  // Keys that begin with a prefix, as they were when it was opened, behind `after`. Ascending.
  class Scan {
   public:
    Scan(std::unique_ptr<rocksdb::Iterator> iterator, std::string prefix, std::string after);
    ~Scan();
    Scan(Scan&&) noexcept;
    Scan& operator=(Scan&&) = delete;
    void start();  // may read files
    [[nodiscard]] bool valid() const;
    [[nodiscard]] std::string_view key() const;  // without the prefix of its kind
    [[nodiscard]] std::string_view value() const;
    void next();
    [[nodiscard]] Result<void> status() const;

   private:
    std::unique_ptr<rocksdb::Iterator> iterator_;
    std::string prefix_;
    std::string after_;
  };
  [[nodiscard]] Scan scan(StateKind kind, std::string_view prefix, std::string_view after) const;

  // Entries of a queue in (after, up_to], at most `maximum`, into `into`.
  [[nodiscard]] Result<void> entries(QueueId queue, std::uint64_t after, std::uint64_t up_to,
                                     std::size_t maximum, std::vector<std::uint64_t>& into) const;
  [[nodiscard]] Result<std::vector<std::uint64_t>> block(QueueId queue, std::uint64_t first) const;
  using VisitBlock = FunctionRef<void(QueueId, const BlockSummary&)>;
  [[nodiscard]] Result<void> for_each_block(VisitBlock visit) const;

  using VisitTopicBlock = FunctionRef<void(const TopicBlock&)>;
  [[nodiscard]] Result<void> for_each_topic_block(VisitTopicBlock visit) const;  // ascending

  // The topics of blocks, one after the other: cheapest for neighbours.
  class Topics {
   public:
    explicit Topics(std::unique_ptr<rocksdb::Iterator> iterator);
    ~Topics();
    // Of the block that begins there; nothing when the view does not hold it. Until the next call.
    [[nodiscard]] Result<std::optional<std::string_view>> of(std::uint64_t begin);

   private:
    std::unique_ptr<rocksdb::Iterator> iterator_;
  };
  [[nodiscard]] Topics topics() const;

  // The changes of one checkpoint.
  class Changes {
   public:
    Changes();
    ~Changes();
    void put(StateKind kind, std::string_view key, std::string_view value);
    void erase(StateKind kind, std::string_view key);
    void put_block(QueueId queue, std::span<const std::uint64_t> positions);
    void erase_block(QueueId queue, std::uint64_t first);
    void erase_queue(QueueId queue);
    void put_topics(const TopicBlock& block, std::string_view topics);
    void erase_topics_before(std::uint64_t position);

   private:
    friend class View;
    std::unique_ptr<rocksdb::WriteBatch> batch_;
  };
  // Files that a killed process left to be merged wait for this, or for the first write: they must
  // not make a start longer.
  void begin_merging();
  // All of it is on disk, or nothing.
  [[nodiscard]] Result<void> write(Changes& changes, const Checkpoint& checkpoint);

 private:
  explicit View(std::unique_ptr<rocksdb::DB> db);
  std::unique_ptr<rocksdb::DB> db_;
  bool merges_ = false;
};

}  // namespace sluice::store::embedded
