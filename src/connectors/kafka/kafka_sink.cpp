#include "connectors/kafka/kafka_sink.hpp"

#include <algorithm>
#include <iterator>

#include "base/json_text.hpp"
#include "connectors/kafka/kafka_record_size.hpp"
#include "connectors/kafka/kafka_settings.hpp"

namespace sluice::connectors::kafka {
namespace {

namespace json = boost::json;
using connect::Record;
using connect::Verdict;

// Of a batch with several records: less than two take.
constexpr std::size_t kSmallestBatch = 128;
constexpr std::chrono::milliseconds kAskAgainAfter(500);  // how a transaction ended

int number_at(const json::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  return value != nullptr && value->is_int64() ? static_cast<int>(value->get_int64()) : -1;
}

std::optional<CreateTopic> create_of(const json::object& sink) {
  const auto* create = sink.if_contains("create");
  if (create == nullptr || !create->is_object()) return std::nullopt;
  const auto& fields = create->get_object();
  CreateTopic out{.partitions = number_at(fields, "partitions"),
                  .replication = number_at(fields, "replication"),
                  .retention_ms = std::nullopt};
  const auto* retention = fields.if_contains("retention_ms");
  if (retention != nullptr && retention->is_int64()) out.retention_ms = retention->get_int64();
  return out;
}

std::string client_id_of(const connect::SinkConfig& config) {
  const auto prefix = text_at(config.sink, "client_id_prefix");
  return prefix.empty() ? config.client_id : prefix + "-" + config.client_id;
}

}  // namespace

Result<std::unique_ptr<connect::Sink>> KafkaSink::make(const connect::SinkConfig& config,
                                                       Callbacks callbacks) {
  std::unique_ptr<KafkaSink> sink(new KafkaSink(config, std::move(callbacks)));
  SL_TRY_VOID(sink->replace_producer());
  return std::unique_ptr<connect::Sink>(std::move(sink));
}

KafkaSink::KafkaSink(const connect::SinkConfig& config, Callbacks callbacks)
    : connection_(config.connection),
      sink_(config.sink),
      client_id_(client_id_of(config)),
      transactional_id_(config.transactional_id),
      callbacks_(std::move(callbacks)),
      compresses_(text_at(config.sink, "compression") != "none"),
      gathers_for_(gather_time(config.sink)),
      create_(create_of(config.sink)),
      batch_bytes_(static_cast<std::size_t>(config.sink.at("batch_bytes").as_int64())),
      producer_batch_bytes_(batch_bytes_) {
  if (transactional_id_.empty()) return;
  transaction_ = std::make_unique<Transaction>(
      transactional_id_, Transaction::Reader{.client = client_properties(connection_),
                                             .tokens = tokens_of(connection_)});
}

// Contract: the producer holds nothing any more.
Result<void> KafkaSink::replace_producer() {
  if (producer_) {
    learn_from_refusals();
    last_topic_ = nullptr;
    producer_.reset();
  }
  auto made = Producer::make(
      producer_properties(connection_, sink_, client_id_, batch_bytes_, transactional_id_),
      tokens_of(connection_), create_, callbacks_.on_ready);
  if (!made) return tl::unexpected(std::move(made).error());
  if (transaction_) transaction_->producer_was_replaced();
  producer_ = std::move(*made);
  producer_batch_bytes_ = batch_bytes_;
  return {};
}

// A batch was refused for what may be the fault of one record. It may have been too large as a
// whole, because the topic's limit was lowered or may not be read: then smaller batches help, half
// as large each time. For any other fault its records go one by one, and only one that is refused
// alone is rejected.
void KafkaSink::learn_from_refusals() {
  if (!producer_) return;
  const auto refusals = producer_->take_refusals();
  suspects_.insert(refusals.tokens.begin(), refusals.tokens.end());
  if (refusals.too_large_bytes == 0) return;
  const auto halved = std::min(batch_bytes_, refusals.too_large_bytes) / 2;
  batch_bytes_ = std::max(kSmallestBatch, halved);
  trusted_bytes_ = batch_bytes_;
}

// Nothing can overtake what came back: after an error that the library does not retry the producer
// is broken, and it is replaced only once every outcome has been collected.
Result<std::size_t> KafkaSink::write(std::span<const Record> records) {
  if (transaction_ && !transaction_->takes_records()) return 0;
  if (!holds_records()) learn_from_refusals();
  if (needs_another_producer()) {
    if (holds_records()) return 0;  // their outcomes are on the way
    SL_TRY_VOID(replace_producer());
  }
  if (transaction_) SL_TRY_VOID(transaction_->prepare(*producer_));
  if (last_topic_ != nullptr && last_topic_->is_ready)
    producer_->topics().refresh_limit(*last_topic_, std::chrono::steady_clock::now());

  std::size_t taken = 0;
  while (taken < records.size()) {
    const auto& record = records[taken];
    auto step = is_like_the_last(record) ? produce(*last_topic_, record, false) : take(record);
    if (!step && taken == 0) return tl::unexpected(std::move(step).error());
    if (!step || *step == Step::Full) break;
    ++taken;
  }
  if (!rejected_.empty()) callbacks_.on_ready();
  return taken;
}

connect::Sink::Milliseconds KafkaSink::collect(std::vector<connect::Delivery>& outcomes) {
  std::ranges::move(rejected_, std::back_inserter(outcomes));
  rejected_.clear();
  if (!transaction_) {
    if (!producer_) return kNotByItself;
    return producer_->collect(outcomes);
  }
  auto again = kNotByItself;
  if (producer_) {
    again = producer_->collect(reports_);
    again = std::min(again, transaction_->go_on(*producer_, reports_, outcomes));
  }
  return transaction_->is_in_doubt() ? std::min(again, find_out(outcomes)) : again;
}

// Another producer takes the id over: then the end of the transaction is settled at the brokers.
connect::Sink::Milliseconds KafkaSink::find_out(std::vector<connect::Delivery>& outcomes) {
  const auto prepared = prepare_transaction();
  const auto done = prepared ? transaction_->resolve(*producer_, outcomes) : prepared;
  return done ? kNotByItself : kAskAgainAfter;
}

Result<void> KafkaSink::prepare_transaction() {
  if (needs_another_producer()) SL_TRY_VOID(replace_producer());
  return transaction_->prepare(*producer_);
}

connect::Transactions* KafkaSink::transactions() {
  return transaction_ ? this : nullptr;
}

Result<std::string> KafkaSink::last_place() {
  SL_TRY_VOID(prepare_transaction());
  return transaction_->last_place(*producer_);
}

void KafkaSink::end(std::string place) {
  transaction_->end(std::move(place));
  callbacks_.on_ready();  // collect() goes on with it
}

bool KafkaSink::needs_another_producer() const {
  return !producer_ || producer_->is_broken() || batch_bytes_ < producer_batch_bytes_ ||
         (transaction_ && transaction_->is_spent());
}

// Whose outcome is not known yet.
bool KafkaSink::holds_records() const {
  return producer_ && (producer_->outstanding() > 0 || (transaction_ && transaction_->is_open()));
}

std::string_view KafkaSink::away() const {
  if (!producer_) return {};
  if (producer_->away().empty() && transaction_) return transaction_->trouble();
  return producer_->away();
}

void KafkaSink::flush() {
  if (producer_) producer_->send_what_lingers();
}

void KafkaSink::abandon() {
  if (!producer_) return;
  if (!transaction_) return producer_->purge();
  transaction_->abandon(*producer_);
  callbacks_.on_ready();
}

// All that take() would find out about it is known from the record before.
bool KafkaSink::is_like_the_last(const Record& record) const {
  return last_topic_ != nullptr && last_topic_->is_ready && last_topic_->name == record.topic &&
         batch_bytes_ <= last_topic_->maximum_bytes && !producer_->is_alone() &&
         may_share_a_batch(*last_topic_, record);
}

Result<KafkaSink::Step> KafkaSink::take(const Record& record) {
  for (;;) {
    if (last_topic_ == nullptr || last_topic_->name != record.topic)
      last_topic_ = &producer_->topics().find(record.topic);
    if (!last_topic_->invalid.empty()) return reject(record, last_topic_->invalid);
    auto step = prepare(*last_topic_);
    if (!step) return step;
    if (*step == Step::TopicMoved) continue;
    if (*step == Step::Full) return Step::Full;
    return hand_over(*last_topic_, record);
  }
}

// Taken: the topic is there, and this producer's batches are not too large for it. TopicMoved:
// there is another producer now, which knows the topic under another address.
Result<KafkaSink::Step> KafkaSink::prepare(Topic& topic) {
  if (!topic.is_ready) SL_TRY_VOID(producer_->topics().make_ready(topic));
  const auto limit = std::max(topic.maximum_bytes, kSmallestBatch);
  if (batch_bytes_ <= limit) return Step::Taken;
  if (holds_records()) return Step::Full;
  batch_bytes_ = limit;
  SL_TRY_VOID(replace_producer());
  if (transaction_) SL_TRY_VOID(transaction_->prepare(*producer_));
  return Step::TopicMoved;
}

Result<KafkaSink::Step> KafkaSink::hand_over(Topic& topic, const Record& record) {
  if (may_share_a_batch(topic, record)) {
    if (producer_->is_alone()) return Step::Full;
    return produce(topic, record, false);
  }
  const auto size = size_of(record);
  if (!compresses_ && topic.is_limit_known && size.at_least > topic.maximum_bytes) {
    // The limit may have been raised since it was asked for.
    producer_->topics().ask_again_for_limit(topic, std::chrono::steady_clock::now());
    if (size.at_least > topic.maximum_bytes)
      return reject(record, topic.why_too_large(size.at_least));
  }
  // Whether the broker takes it only the broker can tell: alone, so that nothing shares its fate.
  if (holds_records()) return Step::Full;
  auto step = produce(topic, record, true);
  if (step && *step == Step::Taken) suspects_.erase(record.token);
  return step;
}

// It cannot be refused for itself, as far as anything is known.
bool KafkaSink::may_share_a_batch(const Topic& topic, const Record& record) const {
  if (!suspects_.empty() && suspects_.contains(record.token)) return false;
  const auto limit =
      topic.is_limit_known ? topic.maximum_bytes : std::min(topic.maximum_bytes, trusted_bytes_);
  return size_of(record).at_most <= limit;
}

Result<KafkaSink::Step> KafkaSink::produce(Topic& topic, const Record& record, bool alone) {
  if (transaction_) SL_TRY_VOID(transaction_->begin(*producer_));
  const auto error = producer_->produce(topic, record, alone);
  switch (error) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
      return Step::Taken;
    case RD_KAFKA_RESP_ERR__QUEUE_FULL:
      if (producer_->outstanding() > 0) return Step::Full;
      return reject(record, "the record is larger than the sink's buffer_bytes");
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
      return reject(record, "the record is larger than the Kafka client can send");
    case RD_KAFKA_RESP_ERR__FATAL:
      if (producer_->outstanding() > 0) return Step::Full;
      return fail(Errc::Unavailable, "the producer must be replaced");
    default:
      topic.is_ready = false;
      return fail(Errc::Unavailable, "topic " + topic.name + ": " + explain(error, ""));
  }
}

KafkaSink::Step KafkaSink::reject(const Record& record, std::string reason) {
  rejected_.push_back({.token = record.token,
                       .verdict = Verdict::Rejected,
                       .maybe_arrived = false,
                       .at_once = false,
                       .reason = std::move(reason)});
  return Step::Taken;
}

}  // namespace sluice::connectors::kafka
