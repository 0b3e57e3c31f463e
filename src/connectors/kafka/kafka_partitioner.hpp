#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <string_view>
#include <vector>

#include <librdkafka/rdkafka.h>

namespace sluice::connectors::kafka {

// Which partition of one topic a record goes to, and whether it may go now: to a partition that has
// not acknowledged anything of this producer lately, one record goes at a time.
//
// Why: a broker holds sequence numbers against what it has of the producer in that partition. Where
// it has nothing (a topic just made, a state that has expired), it takes any. So of two batches on
// the way it may refuse the first, not being the leader yet, and take the second; and the library
// then reports both as delivered ("implicitly acked").
// docs/adr/0070-one-record-proves-a-partition.md
//
// Threads: the worker's; what the library asks on its own threads is answered without any state.
class Partitioner {
 public:
  using Time = std::chrono::steady_clock::time_point;
  static constexpr int kNone = -1;

  // How long records without a key stay with one partition.
  void stay_for(std::chrono::milliseconds time) { stays_for_ = time; }
  void set_count(int count);  // as the cluster says
  [[nodiscard]] int count() const { return count_; }

  // Where a record with this key is to go, as Java's producers do it; without a key, to one
  // partition for a while, then to another. kNone: not known before the next outcome.
  [[nodiscard]] int choose(const std::optional<std::string_view>& key, Time now);
  [[nodiscard]] bool may_take(int partition, Time now) const;
  // The outcome of a record that went there.
  void settle(int partition, bool arrived, Time now);

  // Between the two the library asks on this thread about one record.
  void begin_handover(int chosen, bool has_key, Time now);
  void end_handover(bool is_taken);
  // What the library calls: rd_kafka_topic_conf_set_partitioner_cb().
  static std::int32_t on_question(const rd_kafka_topic_t* topic, const void* key,
                                  std::size_t key_size, std::int32_t count, void* topic_opaque,
                                  void* record_opaque);

 private:
  struct Partition {
    Time proven_until = Time::min();
    bool is_proving = false;  // a record is on the way that will tell
  };
  [[nodiscard]] bool is_proven(int partition, Time now) const;
  [[nodiscard]] int choose_without_key(Time now);
  [[nodiscard]] int place(const rd_kafka_topic_t* topic, const void* key, std::size_t key_size,
                          int count);

  std::vector<Partition> partitions_;  // at least count_: one made anew may have fewer
  int count_ = 0;
  // Of the record that is handed over.
  int chosen_ = kNone;
  int placed_ = kNone;
  bool has_key_ = false;
  Time now_ = Time::min();
  bool has_unplaced_ = false;  // the library keeps one until it knows the topic's partitions
  int stays_with_ = kNone;     // records without a key
  Time stays_until_ = Time::min();
  std::chrono::milliseconds stays_for_{10};
  std::minstd_rand random_{std::random_device{}()};
};

}  // namespace sluice::connectors::kafka
