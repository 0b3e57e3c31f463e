#pragma once
#include <chrono>
#include <cstddef>
#include <functional>
#include <utility>
#include <vector>

#include "connect/sink.hpp"

namespace sluice::connectors::kafka {

struct Topic;

// What waits in the producer for its partition, each partition's in order: for the linger, and
// while the partition has a round on its way (Partitioner). As RecordAccumulator in Java's
// producers. docs/adr/0071-the-producer-gathers-for-each-partition.md
//
// Owns:    copies of the records, which are views.
// Threads: the worker's.
class RecordAccumulator {
 public:
  using Time = std::chrono::steady_clock::time_point;
  // How long a partition's first record waits for others, unless there are `batch_bytes` of them.
  RecordAccumulator(std::chrono::milliseconds linger, std::size_t batch_bytes)
      : linger_(linger), batch_bytes_(batch_bytes) {}

  // A record that may go at once has nothing to wait for: no linger, none of its partition's before
  // it.
  [[nodiscard]] bool has_to_wait(const Topic& topic, int partition) const;
  void add(Topic& topic, int partition, const connect::Record& record, std::size_t bytes, Time now);
  // A topic that has grown, or was made anew, has other partitions for those that wait.
  void follow(Topic& topic, Time now);

  enum class Step : std::uint8_t { Taken, NotNow };
  struct Waiting {
    connect::Record record;
    std::size_t bytes = 0;  // size_in_batch()
  };
  using HandOver = std::function<Step(Topic&, int partition, const Waiting&)>;
  // Hands over what may go; what lingers too if `all`. NotNow: it ended there, before that record.
  Step drain(Time now, bool all, const HandOver& hand_over);
  // When the next of those that linger is due; Time::max(): none is. As drain() left it.
  [[nodiscard]] Time due() const { return due_; }
  // Ends the wait of all.
  void take_all(const std::function<void(const Topic&, const connect::Record&)>& take);

  [[nodiscard]] std::size_t records() const { return records_; }
  // Contract: some wait. One that has waited longest.
  [[nodiscard]] std::pair<const Topic&, const connect::Record&> first() const;

  struct OfPartition {
    std::vector<Waiting> records;
    std::size_t bytes = 0;
    Time since = Time::max();
  };
  struct OfTopic {
    std::vector<OfPartition> partitions;
    int count = 0;  // of the topic's partitions when they were chosen
  };

 private:
  using Place = std::pair<Topic*, int>;
  [[nodiscard]] bool has_time(const OfPartition& waiting, Time now) const;
  [[nodiscard]] Step drain_one(Place place, Time now, const HandOver& hand_over);

  const std::chrono::milliseconds linger_;
  const std::size_t batch_bytes_;
  std::vector<Place> places_;                // where some wait, in the order in which they began to
  std::vector<std::vector<Waiting>> spare_;  // memory for the next places
  std::size_t records_ = 0;
  Time due_ = Time::max();
};

}  // namespace sluice::connectors::kafka
