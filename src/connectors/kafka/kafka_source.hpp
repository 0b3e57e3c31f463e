#pragma once
#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "connect/source.hpp"
#include "connectors/kafka/kafka_offsets.hpp"

namespace sluice::connectors::kafka {

// Records of topics, as one member of a consumer group: at most once read ahead, committed only
// when they are acknowledged here.
//
// Owns:    the consumer, and the records that were received and not acknowledged.
// Threads: as connect::Source says; the library's callbacks run within receive() and tend().
class KafkaSource final : public connect::Source {
 public:
  [[nodiscard]] static Result<std::unique_ptr<connect::Source>> make(
      const connect::SourceConfig& config, Callbacks callbacks);
  ~KafkaSource() override;
  KafkaSource(const KafkaSource&) = delete;
  KafkaSource& operator=(const KafkaSource&) = delete;

  [[nodiscard]] Result<void> receive(connect::ArrivalBatch& batch, std::size_t most,
                                     std::size_t most_bytes) override;
  void acknowledge(std::uint64_t token) override;
  [[nodiscard]] Milliseconds tend(bool is_busy) override;
  [[nodiscard]] bool has_begun() const override { return has_begun_; }
  [[nodiscard]] std::string_view away() const override { return away_; }
  [[nodiscard]] std::optional<std::uint64_t> lag() const override;
  [[nodiscard]] std::uint64_t take_lost() override { return std::exchange(lost_, 0); }
  void close() override;

 private:
  using Time = std::chrono::steady_clock::time_point;
  using Name = std::pair<std::string, std::int32_t>;  // topic and partition
  // Of a partition that this member has: up to where records are done with.
  struct Place {
    std::int64_t acknowledged = 0;  // the next one to be read after a restart
    std::int64_t committed = 0;     // as the group has it
  };
  struct Received {
    MessageHandle record;
    std::uint64_t assignment = 0;
  };

  KafkaSource(const connect::SourceConfig& config, Callbacks callbacks);
  [[nodiscard]] Result<void> open(const connect::SourceConfig& config);
  static void on_rebalance(rd_kafka_t* client, rd_kafka_resp_err_t what,
                           rd_kafka_topic_partition_list_t* partitions, void* opaque);
  static void on_commit(rd_kafka_t* client, rd_kafka_resp_err_t error,
                        rd_kafka_topic_partition_list_t* partitions, void* opaque);
  static void on_error(rd_kafka_t* client, int error, const char* detail, void* opaque);
  void assign(const rd_kafka_topic_partition_list_t& partitions);
  void unassign();
  [[nodiscard]] Result<void> move_sought(const PartitionList& settled);
  void note_committed(rd_kafka_resp_err_t error, const rd_kafka_topic_partition_list_t* partitions);
  void note_trouble(rd_kafka_resp_err_t error, const std::string& detail);
  void poll_once();
  void take(MessageHandle message);
  [[nodiscard]] connect::Arrival arrival_of(const rd_kafka_message_t& record,
                                            connect::Arena& arena) const;
  [[nodiscard]] PartitionList assigned() const;
  void commit(bool waits);
  [[nodiscard]] PartitionList uncommitted() const;
  void hold();
  void look_for_brokers(Time now);

  const connect::Start start_;
  std::optional<Seek> seek_;  // not done yet
  const Callbacks callbacks_;
  Client client_;
  Queue queue_;
  std::map<Name, Place> places_;       // of the partitions that are assigned
  std::uint64_t assignment_ = 0;       // how often that has changed
  std::deque<MessageHandle> waiting_;  // polled and not handed out
  std::deque<Received> received_;      // handed out and not acknowledged
  std::uint64_t next_token_ = 0;       // of the next one to hand out
  std::uint64_t lost_ = 0;
  bool has_begun_ = false;  // it was given partitions, if only none
  bool is_committing_ = false;
  Time commit_at_{};  // not before
  std::optional<Time> busy_since_;
  bool is_held_ = false;         // partitions are paused: the records that come are not wanted now
  std::optional<Time> look_at_;  // whether a broker is back
  std::string away_, last_trouble_;
  std::string broken_;  // why this consumer has to be replaced
};

}  // namespace sluice::connectors::kafka
