#pragma once
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include <boost/json/object.hpp>

#include "connect/registry.hpp"
#include "connectors/kafka/kafka_producer.hpp"
#include "connectors/kafka/kafka_transaction.hpp"

namespace sluice::connectors::kafka {

// Writes records to Kafka. README.md tells the guarantees and what each failure becomes.
//
// Owns:    one producer at a time; another one takes its place after a fatal error, or when a topic
//          takes smaller batches than this one makes.
// Threads: as connect::Sink says.
class KafkaSink final : public connect::Sink, private connect::Transactions {
 public:
  [[nodiscard]] static Result<std::unique_ptr<connect::Sink>> make(
      const connect::SinkConfig& config, Callbacks callbacks);
  ~KafkaSink() override = default;

  [[nodiscard]] Result<std::size_t> write(std::span<const connect::Record> records) override;
  [[nodiscard]] Milliseconds collect(std::vector<connect::Delivery>& outcomes) override;
  [[nodiscard]] std::string_view away() const override;
  [[nodiscard]] Milliseconds gathers_for() const override { return gathers_for_; }
  void flush() override;
  void abandon() override;
  [[nodiscard]] connect::Transactions* transactions() override;

 private:
  enum class Step : std::uint8_t { Taken, Full, TopicMoved };

  KafkaSink(const connect::SinkConfig& config, Callbacks callbacks);
  [[nodiscard]] Result<std::string> last_place() override;
  void end(std::string place) override;
  [[nodiscard]] bool is_in_doubt() const override { return transaction_->was_left_in_doubt(); }
  [[nodiscard]] Result<void> prepare_transaction();
  [[nodiscard]] Milliseconds find_out(std::vector<connect::Delivery>& outcomes);
  [[nodiscard]] bool needs_another_producer() const;
  [[nodiscard]] bool holds_records() const;
  [[nodiscard]] Result<void> replace_producer();
  void learn_from_refusals();
  [[nodiscard]] bool may_share_a_batch(const Topic& topic, const connect::Record& record) const;
  [[nodiscard]] bool is_like_the_last(const connect::Record& record) const;
  [[nodiscard]] Result<Step> take(const connect::Record& record);
  [[nodiscard]] Result<Step> prepare(Topic& topic);
  [[nodiscard]] Result<Step> hand_over(Topic& topic, const connect::Record& record);
  [[nodiscard]] Result<Step> produce(Topic& topic, const connect::Record& record, bool alone);
  Step reject(const connect::Record& record, std::string reason);

  const boost::json::object connection_;
  const boost::json::object sink_;
  const std::string client_id_;
  const std::string transactional_id_;
  const Callbacks callbacks_;
  const bool compresses_;
  const Milliseconds gathers_for_;
  std::optional<CreateTopic> create_;
  std::size_t batch_bytes_;                   // of the producer that is to run
  std::size_t producer_batch_bytes_;          // of the one that runs
  std::unique_ptr<Transaction> transaction_;  // null: not exactly once
  std::unique_ptr<Producer> producer_;
  Topic* last_topic_ = nullptr;                 // of producer_
  std::unordered_set<std::uint64_t> suspects_;  // tokens of records that are to go alone
  // What went through as a batch's size may be more than this: known from a refusal only.
  std::size_t trusted_bytes_ = std::numeric_limits<std::size_t>::max();
  std::vector<connect::Delivery> rejected_;  // outcomes to be collected
  std::vector<connect::Delivery> reports_;   // of the producer, while a transaction keeps them
};

}  // namespace sluice::connectors::kafka
