#include "connectors/kafka/kafka_source.hpp"

#include <array>
#include <cstring>

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>

#include "base/base64.hpp"
#include "base/json_text.hpp"
#include "base/log.hpp"
#include "connectors/kafka/kafka_settings.hpp"
#include "connectors/kafka/registry/wire_form.hpp"
#include "mqtt/properties.hpp"
#include "mqtt/topic.hpp"

namespace sluice::connectors::kafka {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;
using SteadyClock = std::chrono::steady_clock;
using Milliseconds = connect::Source::Milliseconds;

constexpr auto kCommitEvery = 100ms;
constexpr auto kCommitAgainAfter = 1000ms;
constexpr auto kHoldAfter = 1000ms;  // as long as what is polled ahead may simply wait
constexpr auto kLookAgainEvery = 1000ms;
// Well within max.poll.interval.ms, also where nothing comes.
constexpr auto kPollEvery = 60'000ms;
constexpr int kLookAgainForMs = 500;
constexpr int kCloseWithinMs = 3000;
constexpr std::size_t kLongestText = 65535;  // what MQTT can carry
constexpr std::size_t kLongestSchemaName = 1024;

Properties consumer_properties(const connect::SourceConfig& config) {
  auto out = Properties{{"client.id", config.client_id}};  // `properties` may say otherwise
  for (auto& property : client_properties(config.connection)) out.push_back(std::move(property));
  const auto buffer = config.source.at("buffer_bytes").as_int64();
  auto group = text_at(config.source, "group");
  const Properties consumer = {
      {"group.id", group.empty() ? config.group : std::move(group)},
      // Known again after a restart: the group does not wait until it has missed this member.
      {"group.instance.id", config.member},
      {"enable.auto.commit", "false"},
      {"enable.auto.offset.store", "false"},
      {"auto.offset.reset", "error"},  // settle_offsets() decides, and counts
      {"isolation.level", "read_committed"},
      {"enable.partition.eof", "false"},
      {"check.crcs", "true"},
      {"fetch.error.backoff.ms", "200"},
      {"topic.metadata.refresh.interval.ms", "10000"},
      {"queued.max.messages.kbytes", std::to_string(buffer / 1024)},
  };
  out.insert(out.end(), consumer.begin(), consumer.end());
  return out;
}

bool fits_a_property(std::string_view text) {
  return text.size() <= kLongestText && mqtt::is_valid_utf8(text);
}

// Headers stand as user properties, under their own names. Bytes that are no text cannot, but for
// those that have a place of their own, and those that name the value's schema.
std::string_view properties_of(const rd_kafka_message_t& record, connect::Arena& arena) {
  rd_kafka_headers_t* headers = nullptr;
  if (rd_kafka_message_headers(&record, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) return {};
  std::string encoded;
  mqtt::PropertyWriter writer(encoded);
  const char* name = nullptr;
  const void* bytes = nullptr;
  std::size_t size = 0;
  bool has_correlation = false;
  for (std::size_t i = 0;
       rd_kafka_header_get_all(headers, i, &name, &bytes, &size) == RD_KAFKA_RESP_ERR_NO_ERROR;
       ++i) {
    const std::string_view header(name);
    const std::string_view value(static_cast<const char*>(bytes), bytes != nullptr ? size : 0);
    if (header == "mqtt.correlation_data") {
      if (!has_correlation && value.size() <= kLongestText)
        writer.text(mqtt::PropertyId::CorrelationData, value);
      has_correlation = true;
    } else if (fits_a_property(header) && fits_a_property(value)) {
      writer.user(header, value);
    } else if (header == registry::kValueSchemaHeader && value.size() <= kLongestSchemaName) {
      writer.user(header, std::string(registry::kEncodedHeader) + base64(value));
    }
  }
  return arena.copy(encoded);
}

}  // namespace

Result<std::unique_ptr<connect::Source>> KafkaSource::make(const connect::SourceConfig& config,
                                                           Callbacks callbacks) {
  std::unique_ptr<KafkaSource> source(new KafkaSource(config, std::move(callbacks)));
  SL_TRY_VOID(source->open(config));
  return source;
}

KafkaSource::KafkaSource(const connect::SourceConfig& config, Callbacks callbacks)
    : start_(config.start), callbacks_(std::move(callbacks)) {
  json::error_code error;
  if (config.note.empty()) return;
  const auto note = json::parse(config.note, error);
  if (auto seek = Seek::parse(error ? json::value() : note))
    seek_ = std::move(*seek);
  else
    log::error("where a task was to go on in Kafka cannot be read: it goes on where it was",
               {{"note", config.note}});
}

Result<void> KafkaSource::open(const connect::SourceConfig& config) {
  SL_TRY(conf, make_conf(consumer_properties(config)));
  rd_kafka_conf_set_rebalance_cb(conf.get(), on_rebalance);
  rd_kafka_conf_set_offset_commit_cb(conf.get(), on_commit);
  rd_kafka_conf_set_error_cb(conf.get(), on_error);
  SL_TRY(client,
         make_client(RD_KAFKA_CONSUMER, std::move(conf), tokens_of(config.connection), this));
  client_ = std::move(client);
  rd_kafka_poll_set_consumer(client_.get());
  queue_.reset(rd_kafka_queue_get_consumer(client_.get()));
  rd_kafka_queue_cb_event_enable(
      queue_.get(),
      [](rd_kafka_t* /*client*/, void* self) {
        static_cast<KafkaSource*>(self)->callbacks_.on_ready();
      },
      this);
  const PartitionList topics(rd_kafka_topic_partition_list_new(1));
  for (const auto& topic : config.source.at("topics").as_array())
    rd_kafka_topic_partition_list_add(topics.get(), std::string(topic.as_string()).c_str(),
                                      RD_KAFKA_PARTITION_UA);
  const auto error = rd_kafka_subscribe(client_.get(), topics.get());
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
    return fail(Errc::InvalidArgument, "the topics cannot be subscribed to: " + explain(error, ""));
  return {};
}

// The group keeps this member's place: it is known again when it comes back in time.
KafkaSource::~KafkaSource() {
  if (queue_) rd_kafka_queue_cb_event_enable(queue_.get(), nullptr, nullptr);
  waiting_.clear();
  received_.clear();
  queue_.reset();
}

void KafkaSource::on_rebalance(rd_kafka_t* client, rd_kafka_resp_err_t what,
                               rd_kafka_topic_partition_list_t* partitions, void* opaque) {
  auto& self = *static_cast<KafkaSource*>(static_cast<ClientOwner*>(opaque)->self);
  if (what == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) return self.assign(*partitions);
  if (rd_kafka_assignment_lost(client) == 0) self.commit(true);
  self.unassign();
}

void KafkaSource::assign(const rd_kafka_topic_partition_list_t& partitions) {
  auto settled = settle_offsets(client_.get(), partitions, start_);
  if (settled && seek_ && partitions.cnt > 0) {
    if (const auto moved = move_sought(settled->partitions); !moved)
      settled = tl::unexpected(moved.error());
  }
  if (!settled) {
    broken_ = settled.error().detail;
    rd_kafka_assign(client_.get(), nullptr);
    return;
  }
  lost_ += static_cast<std::uint64_t>(settled->lost);
  const auto& list = *settled->partitions;
  ++assignment_;
  places_.clear();
  for (int i = 0; i < list.cnt; ++i) {
    const auto& partition = list.elems[i];
    places_[{partition.topic, partition.partition}] = {partition.offset, partition.offset};
  }
  is_held_ = false;
  has_begun_ = true;
  if (list.cnt > 0) away_.clear();  // none: perhaps there is no such topic yet
  rd_kafka_assign(client_.get(), &list);
}

// Once, of the partitions that this member was given: from then on the group's own places count.
Result<void> KafkaSource::move_sought(const PartitionList& settled) {
  SL_TRY_VOID(move_offsets(client_.get(), settled, *seek_));
  if (callbacks_.keep) SL_TRY_VOID(callbacks_.keep(""));
  seek_.reset();
  return {};
}

void KafkaSource::unassign() {
  ++assignment_;
  places_.clear();
  waiting_.clear();
  rd_kafka_assign(client_.get(), nullptr);
}

void KafkaSource::on_commit(rd_kafka_t* /*client*/, rd_kafka_resp_err_t error,
                            rd_kafka_topic_partition_list_t* partitions, void* opaque) {
  auto& self = *static_cast<KafkaSource*>(static_cast<ClientOwner*>(opaque)->self);
  self.note_committed(error, partitions);
}

void KafkaSource::note_committed(rd_kafka_resp_err_t error,
                                 const rd_kafka_topic_partition_list_t* partitions) {
  is_committing_ = false;
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR && error != RD_KAFKA_RESP_ERR__NO_OFFSET) {
    last_trouble_ = "the place of its consumer group cannot be written: " + explain(error, "");
    commit_at_ = SteadyClock::now() + kCommitAgainAfter;
    log::debug("kafka offsets not committed", {{"detail", last_trouble_}});
    return;
  }
  for (int i = 0; partitions != nullptr && i < partitions->cnt; ++i) {
    const auto& done = partitions->elems[i];
    const auto place = places_.find({done.topic, done.partition});
    if (place != places_.end() && done.err == RD_KAFKA_RESP_ERR_NO_ERROR)
      place->second.committed = std::max(place->second.committed, done.offset);
  }
}

void KafkaSource::on_error(rd_kafka_t* client, int error, const char* detail, void* opaque) {
  auto& self = *static_cast<KafkaSource*>(static_cast<ClientOwner*>(opaque)->self);
  const auto code = static_cast<rd_kafka_resp_err_t>(error);
  if (code != RD_KAFKA_RESP_ERR__FATAL)
    return self.note_trouble(code, detail != nullptr ? detail : "");
  char why[512] = "";
  const auto cause = rd_kafka_fatal_error(client, why, sizeof why);
  self.broken_ = explain(cause, why);
}

void KafkaSource::note_trouble(rd_kafka_resp_err_t error, const std::string& detail) {
  const auto now = SteadyClock::now();
  if (error == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) {
    // Idle connections that a broker closed look the same for a moment: first look for it.
    if (!look_at_) look_at_ = now;
    return;
  }
  last_trouble_ = explain(error, detail);
  // A consumer has connections to its group's coordinator besides those to the brokers: the library
  // tells that all are lost only if they are at the same moment.
  if (error == RD_KAFKA_RESP_ERR__TRANSPORT && !look_at_) look_at_ = now;
  if (is_refused_address(detail)) away_ = last_trouble_;
  if (error != RD_KAFKA_RESP_ERR__AUTHENTICATION && error != RD_KAFKA_RESP_ERR__SSL) return;
  away_ = last_trouble_;
  if (!look_at_) look_at_ = now + kLookAgainEvery;
}

// The library tells when the last broker is lost, but not when one is back.
void KafkaSource::look_for_brokers(Time now) {
  const struct rd_kafka_metadata* metadata = nullptr;
  const auto error = rd_kafka_metadata(client_.get(), 0, nullptr, &metadata, kLookAgainForMs);
  if (metadata != nullptr) rd_kafka_metadata_destroy(metadata);
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
    look_at_.reset();
    away_.clear();
    return;
  }
  look_at_ = now + kLookAgainEvery;
  away_ = "no Kafka broker can be reached: " +
          (last_trouble_.empty() ? hint_for(RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) : last_trouble_);
}

Result<void> KafkaSource::receive(connect::ArrivalBatch& batch, std::size_t most,
                                  std::size_t most_bytes) {
  if (is_held_) {
    const PartitionList all = assigned();
    rd_kafka_resume_partitions(client_.get(), all.get());
    is_held_ = false;
  }
  busy_since_.reset();
  std::size_t bytes = 0;
  while (batch.arrivals.size() < most && bytes < most_bytes) {
    if (waiting_.empty()) poll_once();
    if (!broken_.empty()) break;
    if (waiting_.empty()) break;
    auto record = std::move(waiting_.front());
    waiting_.pop_front();
    auto arrival = arrival_of(*record, batch.arena);
    bytes += record->len + record->key_len + arrival.message.properties.size();
    arrival.token = next_token_++;
    batch.arrivals.push_back(arrival);
    received_.push_back({std::move(record), assignment_});
  }
  if (!broken_.empty() && batch.arrivals.empty()) return fail(Errc::Unavailable, broken_);
  return {};
}

// Until there is a record or nothing more: callbacks run within.
void KafkaSource::poll_once() {
  while (waiting_.empty() && broken_.empty()) {
    MessageHandle message(rd_kafka_consumer_poll(client_.get(), 0));
    if (!message) return;
    take(std::move(message));
  }
}

void KafkaSource::take(MessageHandle message) {
  if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
    if (!away_.empty()) away_.clear();
    look_at_.reset();
    waiting_.push_back(std::move(message));
    return;
  }
  const char* text = rd_kafka_message_errstr(message.get());
  const std::string detail = text != nullptr ? text : "";
  switch (message->err) {
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
      broken_ = "Kafka does not have the group's place any more: " + detail;
      return;
    case RD_KAFKA_RESP_ERR__MAX_POLL_EXCEEDED:
    case RD_KAFKA_RESP_ERR__PARTITION_EOF:
      return;  // it joins again by itself
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
      away_ = detail + "; create the topic, or correct /source/topics";
      return;
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
      away_ = detail + "; allow the connection's Kafka user to READ and DESCRIBE this topic";
      return;
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
      away_ = detail + "; allow the connection's Kafka user to READ this consumer group";
      return;
    default:
      note_trouble(message->err, detail);
  }
}

connect::Arrival KafkaSource::arrival_of(const rd_kafka_message_t& record,
                                         connect::Arena& arena) const {
  const std::string_view topic(rd_kafka_topic_name(record.rkt));
  connect::Arrival arrival;
  auto& message = arrival.message;
  message.topic = topic;
  message.payload = {static_cast<const char*>(record.payload), record.len};
  message.client_id = {static_cast<const char*>(record.key), record.key_len};
  message.host = arena.copy(std::string(topic) + "-" + std::to_string(record.partition) + "@" +
                            std::to_string(record.offset));
  message.timestamp_ms = rd_kafka_message_timestamp(&record, nullptr);
  message.properties = properties_of(record, arena);
  return arrival;
}

void KafkaSource::acknowledge(std::uint64_t token) {
  while (!received_.empty() && next_token_ - received_.size() <= token) {
    const auto& front = received_.front();
    if (front.assignment == assignment_) {
      const auto& record = *front.record;
      const auto place = places_.find({rd_kafka_topic_name(record.rkt), record.partition});
      if (place != places_.end()) place->second.acknowledged = record.offset + 1;
    }
    received_.pop_front();
  }
}

PartitionList KafkaSource::assigned() const {
  PartitionList list(rd_kafka_topic_partition_list_new(static_cast<int>(places_.size())));
  for (const auto& [name, place] : places_)
    rd_kafka_topic_partition_list_add(list.get(), name.first.c_str(), name.second);
  return list;
}

PartitionList KafkaSource::uncommitted() const {
  PartitionList list(rd_kafka_topic_partition_list_new(1));
  for (const auto& [name, place] : places_) {
    if (place.acknowledged <= place.committed) continue;
    rd_kafka_topic_partition_list_add(list.get(), name.first.c_str(), name.second)->offset =
        place.acknowledged;
  }
  return list;
}

void KafkaSource::commit(bool waits) {
  const auto list = uncommitted();
  if (list->cnt == 0) return;
  const auto error = rd_kafka_commit(client_.get(), list.get(), waits ? 0 : 1);
  if (waits) return note_committed(error, list.get());
  is_committing_ = error == RD_KAFKA_RESP_ERR_NO_ERROR;
  commit_at_ = SteadyClock::now() + (is_committing_ ? kCommitEvery : kCommitAgainAfter);
}

// A member that does not ask for records is thought dead after some minutes, and asking brings
// records: so they are held back over there while they cannot be taken.
void KafkaSource::hold() {
  if (!is_held_) {
    const auto all = assigned();
    rd_kafka_pause_partitions(client_.get(), all.get());
    is_held_ = true;
  }
  for (;;) {
    MessageHandle message(rd_kafka_consumer_poll(client_.get(), 0));
    if (!message) return;
    take(std::move(message));
  }
}

Milliseconds KafkaSource::tend(bool is_busy) {
  const auto now = SteadyClock::now();
  auto again = kPollEvery;
  if (is_busy) {
    if (!busy_since_) busy_since_ = now;
    if (now - *busy_since_ >= kHoldAfter) hold();
    again = kHoldAfter;
  }
  if (look_at_ && now >= *look_at_) look_for_brokers(now);
  if (look_at_) again = kLookAgainEvery;
  // What the status says of the lag: the library learns the ends soon, and tells nobody.
  if (has_begun_ && !lag()) again = std::min<Milliseconds>(again, kLookAgainEvery);
  const auto pending = uncommitted();
  if (pending->cnt == 0 || is_committing_) return again;
  if (now >= commit_at_) {
    commit(false);
  } else {
    const auto left = std::chrono::ceil<Milliseconds>(commit_at_ - now);
    again = std::min(again, left);
  }
  return again;
}

// The library knows the ends of a partition once it has fetched from it.
std::optional<std::uint64_t> KafkaSource::lag() const {
  if (!has_begun_) return std::nullopt;
  std::uint64_t sum = 0;
  for (const auto& [name, place] : places_) {
    std::int64_t low = 0;
    std::int64_t high = 0;
    if (rd_kafka_get_watermark_offsets(client_.get(), name.first.c_str(), name.second, &low,
                                       &high) != RD_KAFKA_RESP_ERR_NO_ERROR ||
        high < 0)
      return std::nullopt;
    if (high > place.acknowledged) sum += static_cast<std::uint64_t>(high - place.acknowledged);
  }
  return sum;
}

void KafkaSource::close() {
  waiting_.clear();
  const auto until = SteadyClock::now() + std::chrono::milliseconds(kCloseWithinMs);
  while (SteadyClock::now() < until && broken_.empty() && away_.empty()) {
    const auto pending = uncommitted();
    if (pending->cnt == 0) break;
    if (!is_committing_) commit(false);
    const MessageHandle message(rd_kafka_consumer_poll(client_.get(), 20));
  }
}

}  // namespace sluice::connectors::kafka
