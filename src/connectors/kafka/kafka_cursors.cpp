#include "connectors/kafka/kafka_cursors.hpp"

#include <chrono>
#include <cstddef>
#include <vector>

#include "connectors/kafka/kafka_ends.hpp"

namespace sluice::connectors::kafka {
namespace {

using namespace std::chrono_literals;
using SteadyClock = std::chrono::steady_clock;

constexpr int kAskMs = 2000;
constexpr int kPollMs = 100;
constexpr auto kReadWithin = 5s;

tl::unexpected<Error> unavailable(rd_kafka_resp_err_t error, const char* detail = "") {
  return fail(Errc::Unavailable,
              "topic " + std::string(kCursorsTopic) + ": " + explain(error, detail));
}

// Reads partitions up to the ends they have now. Owns its client; one at a time.
class Reading {
 public:
  [[nodiscard]] static Result<Reading> begin(Client client);
  ~Reading();
  Reading(Reading&&) = default;

  // From its beginning up to `end`, the offset of what is written next.
  [[nodiscard]] Result<void> add(std::int32_t partition, std::int64_t end);
  [[nodiscard]] Result<std::string> last_value_of(std::string_view key);

 private:
  explicit Reading(Client client);
  [[nodiscard]] Result<void> take(const rd_kafka_message_t& message, std::string_view key,
                                  std::string& value);

  struct Partition {
    std::int32_t number = 0;
    std::int64_t end = 0;
    bool is_read = false;
  };
  Client client_;
  Queue queue_;
  TopicHandle topic_;
  std::vector<Partition> partitions_;
  std::size_t unread_ = 0;
};

Reading::Reading(Client client)
    : client_(std::move(client)),
      queue_(rd_kafka_queue_new(client_.get())),
      topic_(rd_kafka_topic_new(client_.get(), std::string(kCursorsTopic).c_str(), nullptr)) {}

Result<Reading> Reading::begin(Client client) {
  Reading reading(std::move(client));
  if (!reading.topic_) return unavailable(rd_kafka_last_error());
  return reading;
}

Reading::~Reading() {
  for (const auto& partition : partitions_) rd_kafka_consume_stop(topic_.get(), partition.number);
}

Result<void> Reading::add(std::int32_t partition, std::int64_t end) {
  if (rd_kafka_consume_start_queue(topic_.get(), partition, RD_KAFKA_OFFSET_BEGINNING,
                                   queue_.get()) != 0)
    return unavailable(rd_kafka_last_error());
  partitions_.push_back({.number = partition, .end = end, .is_read = false});
  ++unread_;
  return {};
}

Result<std::string> Reading::last_value_of(std::string_view key) {
  std::string value;
  const auto until = SteadyClock::now() + kReadWithin;
  while (unread_ > 0) {
    if (SteadyClock::now() > until)
      return fail(Errc::Unavailable,
                  "topic " + std::string(kCursorsTopic) +
                      " cannot be read to its end yet: a transaction of another task is open in it "
                      "(for a minute at most, where a server was killed), or Kafka is slow");
    const MessageHandle message(rd_kafka_consume_queue(queue_.get(), kPollMs));
    if (message) SL_TRY_VOID(take(*message, key, value));
  }
  return value;
}

// The end of a partition counts only where it is the end that was asked for: before it, what others
// have not committed yet hides what was committed behind it.
Result<void> Reading::take(const rd_kafka_message_t& message, std::string_view key,
                           std::string& value) {
  std::int64_t next = message.offset;
  if (message.err == RD_KAFKA_RESP_ERR_NO_ERROR) {
    next = message.offset + 1;
    const std::string_view found(static_cast<const char*>(message.key), message.key_len);
    if (found == key) value.assign(static_cast<const char*>(message.payload), message.len);
  } else if (message.err != RD_KAFKA_RESP_ERR__PARTITION_EOF) {
    return unavailable(message.err, rd_kafka_message_errstr(&message));
  }
  for (auto& partition : partitions_) {
    if (partition.number != message.partition || partition.is_read || next < partition.end)
      continue;
    partition.is_read = true;
    --unread_;
  }
  return {};
}

}  // namespace

Result<Topic*> cursors_topic(Producer& producer) {
  auto& topic = producer.topics().find(kCursorsTopic);
  if (topic.is_ready) return &topic;
  SL_TRY_VOID(producer.topics().make_ready(
      topic,
      CreateTopic{
          .partitions = 1, .replication = -1, .retention_ms = std::nullopt, .is_compacted = true}));
  if (!topic.cleanup_policy.empty() && topic.cleanup_policy != "compact") {
    topic.is_ready = false;
    return fail(Errc::Unavailable, "topic " + topic.name +
                                       " has cleanup.policy=" + topic.cleanup_policy +
                                       " and would forget where tasks are: set it to `compact`");
  }
  return &topic;
}

Result<std::string> read_place(Producer& producer, const Topic& topic, const Properties& client,
                               std::optional<TokenEndpoint> tokens, std::string_view key) {
  auto properties = client;
  properties.insert(properties.end(), {{"isolation.level", "read_committed"},
                                       {"enable.partition.eof", "true"},
                                       {"check.crcs", "true"},
                                       {"fetch.wait.max.ms", "50"},
                                       {"fetch.error.backoff.ms", "100"}});
  SL_TRY(conf, make_conf(properties));
  SL_TRY(consumer, make_client(RD_KAFKA_CONSUMER, std::move(conf), std::move(tokens)));
  SL_TRY(reading, Reading::begin(std::move(consumer)));
  for (std::int32_t partition = 0; partition < topic.partitioner.count(); ++partition) {
    const auto ends = ends_of(producer.client(), topic.name.c_str(), partition, kAskMs);
    if (!ends) return unavailable(ends.error());
    if (ends->low < ends->high) SL_TRY_VOID(reading.add(partition, ends->high));
  }
  return reading.last_value_of(key);
}

}  // namespace sluice::connectors::kafka
