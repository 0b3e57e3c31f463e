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

// Which partition of one topic a record goes to, and whether it may go now. A partition takes a
// round of records, which makes one batch, and the next one once all of them have their outcome:
// the client library spins while it holds records that it may not send yet.
// docs/adr/0071-the-producer-gathers-for-each-partition.md
// To a partition that has not acknowledged anything of this producer lately, one record goes.
//
// Why one: a broker holds sequence numbers against what it has of the producer in that partition.
// Where it has nothing (a topic just made, a state that has expired), it takes any. So of two
// batches on the way it may refuse the first, not being the leader yet, and take the second; and
// the library then reports both as delivered ("implicitly acked").
// docs/adr/0070-one-record-proves-a-partition.md
//
// Threads: the worker's; what the library asks on its own threads is answered without any state.
class Partitioner {
 public:
  using Time = std::chrono::steady_clock::time_point;
  static constexpr int kNone = -1;

  struct Options {
    std::chrono::milliseconds stays_for{10};  // with one partition: records without a key
    std::size_t most_records = 10'000;        // of a round
    std::size_t most_bytes = 1'000'000;       // of a round, unless it is one record
  };

  void configure(const Options& options) { options_ = options; }
  void set_count(int count);  // as the cluster says
  [[nodiscard]] int count() const { return count_; }

  // Where a record with this key is to go, as Java's producers do it; without a key, to one
  // partition for a while, then to another. kNone: not known before the next outcome.
  [[nodiscard]] int choose(const std::optional<std::string_view>& key, Time now);
  // The same, of a record that waits: also while another has no place yet.
  [[nodiscard]] int place_of(const std::optional<std::string_view>& key, Time now);
  // Whether a record of so many bytes (size_in_batch) may go there. Times that differ are turns
  // that differ: a round is what one turn hands over.
  [[nodiscard]] bool may_take(int partition, std::size_t bytes, Time now) const;
  // The outcome of a record that was handed over to `partition`, as end_handover() said, and that
  // the library put into `written_to` (they differ when a topic was deleted and made anew).
  void settle(int partition, int written_to, bool arrived, Time now);

  // Between the two the library asks on this thread about one record. Returns where it has put it;
  // kNone: it was not taken, or has no place yet.
  void begin_handover(int chosen, bool has_key, Time now);
  [[nodiscard]] int end_handover(bool is_taken, std::size_t bytes);
  // What the library calls: rd_kafka_topic_conf_set_partitioner_cb().
  static std::int32_t on_question(const rd_kafka_topic_t* topic, const void* key,
                                  std::size_t key_size, std::int32_t count, void* topic_opaque,
                                  void* record_opaque);

 private:
  struct Partition {
    Time proven_until = Time::min();
    Time no_leader_until = Time::min();
    Time round = Time::min();      // the turn whose records are on the way
    std::size_t on_their_way = 0;  // handed over, without an outcome
    std::size_t bytes = 0;         // of those, and of those before them in the round
  };
  [[nodiscard]] const Partition& at(int partition) const {
    return partitions_[static_cast<std::size_t>(partition)];
  }
  [[nodiscard]] bool is_proving(int partition, Time now) const;
  [[nodiscard]] bool is_silent(int partition, Time now) const;
  [[nodiscard]] bool is_proven(int partition, Time now) const;
  [[nodiscard]] int choose_without_key(Time now);
  [[nodiscard]] int place(const rd_kafka_topic_t* topic, const void* key, std::size_t key_size,
                          int count);

  Options options_;
  std::vector<Partition> partitions_;  // at least count_: one made anew may have fewer
  int count_ = 0;
  // Of the record that is handed over.
  int chosen_ = kNone;
  int placed_ = kNone;
  bool has_key_ = false;
  Time now_ = Time::min();
  int unplaced_ = 0;        // which the library keeps until it knows the topic's partitions
  int stays_with_ = kNone;  // records without a key
  Time stays_until_ = Time::min();
  std::minstd_rand random_{std::random_device{}()};
};

}  // namespace sluice::connectors::kafka
