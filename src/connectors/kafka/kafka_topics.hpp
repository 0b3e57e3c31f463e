#pragma once
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "connectors/kafka/kafka_accumulator.hpp"
#include "connectors/kafka/kafka_client.hpp"
#include "connectors/kafka/kafka_partitioner.hpp"

namespace sluice::connectors::kafka {

// Why Kafka could never have a topic of this name; nothing when it could.
[[nodiscard]] std::optional<std::string> why_not_topic(std::string_view name);

// How a missing topic is to be made.
struct CreateTopic {
  int partitions = -1;  // -1: the broker's default
  int replication = -1;
  std::optional<std::int64_t> retention_ms;
  bool is_compacted = false;  // keeps the last record of each key for ever
};

// A topic records go to, as one producer knows it.
struct Topic {
  std::string name;
  TopicHandle handle;
  std::string invalid;    // why no record can have this topic
  bool is_ready = false;  // it is there and its limit is known as well as it can be
  // The largest batch of records the broker takes for it; Kafka's default until it is known.
  std::size_t maximum_bytes = kDefaultMaximumBytes;
  Partitioner partitioner;
  RecordAccumulator::OfTopic waiting;
  bool is_limit_known = false;                       // from the cluster itself
  std::string cleanup_policy;                        // empty: not known
  std::chrono::steady_clock::time_point asked_at{};  // for the limit

  static constexpr std::size_t kDefaultMaximumBytes = 1'048'588;

  // For a person: why a record of so many bytes is not taken.
  [[nodiscard]] std::string why_too_large(std::size_t bytes) const;
};

// The topics of one producer: found, made when that is asked for, and their limits.
//
// Threads: the worker's.
class Topics {
 public:
  Topics(rd_kafka_t* client, rd_kafka_queue_t* events, std::optional<CreateTopic> create,
         const Partitioner::Options& partitioning);

  // The entry of a name; not ready at first.
  [[nodiscard]] Topic& find(std::string_view name);
  // Blocks for a few seconds at most. Errors: Unavailable with what to do about it.
  [[nodiscard]] Result<void> make_ready(Topic& topic) { return make_ready(topic, create_); }
  [[nodiscard]] Result<void> make_ready(Topic& topic, const std::optional<CreateTopic>& create);
  void doubt_all();  // none is ready any more
  // Both ask again for the limit: when the last answer is old, and without waiting; and unless it
  // was asked for a moment ago, and waiting for the answer.
  void refresh_limit(Topic& topic, std::chrono::steady_clock::time_point now);
  void ask_again_for_limit(Topic& topic, std::chrono::steady_clock::time_point now);
  static void on_limits(rd_kafka_event_t* event);  // the answer; its opaque is the Topic

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>{}(text);
    }
  };
  [[nodiscard]] Result<void> create(const Topic& topic, const CreateTopic& wanted);
  [[nodiscard]] Result<void> find_in_cluster(Topic& topic);
  void learn_limit(Topic& topic);
  void describe(Topic& topic, rd_kafka_queue_t* answer_to, int timeout_ms);

  rd_kafka_t* client_;
  rd_kafka_queue_t* events_;
  const std::optional<CreateTopic> create_;
  const Partitioner::Options partitioning_;
  bool can_create_ = true;    // until the cluster does not answer such requests
  std::int32_t broker_ = -1;  // whom to ask for limits: every broker knows them
  std::unordered_map<std::string, std::unique_ptr<Topic>, Hash, std::equal_to<>> topics_;
};

}  // namespace sluice::connectors::kafka
