#include "connectors/kafka/kafka_producer.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <iterator>

#include "base/log.hpp"
#include "connectors/kafka/kafka_verdict.hpp"

namespace sluice::connectors::kafka {
namespace {

using connect::Delivery;
using connect::Verdict;

constexpr auto kTakeBackEvery = std::chrono::milliseconds(50);
constexpr auto kLookEvery = std::chrono::milliseconds(1000);
constexpr int kLookForMs = 500;
constexpr int kFlushMs = 20;
constexpr auto* kStayFor = "sticky.partitioning.linger.ms";

std::uint64_t token_of(const rd_kafka_message_t& message) {
  return reinterpret_cast<std::uint64_t>(message._private);
}

// What it took in its batch, roughly.
std::size_t size_of(const rd_kafka_message_t& message) {
  static constexpr std::size_t kNumbers = 12;  // lengths and deltas
  auto size = kNumbers + message.len + message.key_len;
  rd_kafka_headers_t* headers = nullptr;
  if (rd_kafka_message_headers(&message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) return size;
  const char* name = nullptr;
  const void* value = nullptr;
  std::size_t value_size = 0;
  for (std::size_t i = 0; rd_kafka_header_get_all(headers, i, &name, &value, &value_size) ==
                          RD_KAFKA_RESP_ERR_NO_ERROR;
       ++i)
    size += std::strlen(name) + value_size + 2;
  return size;
}

// Where records without a key stay, and how long, is Partitioner's to say and no longer the
// library's. As there: twice the linger, unless the property is set.
std::chrono::milliseconds take_over_stays(rd_kafka_conf_t* conf, const Properties& properties) {
  static constexpr double kLeastMs = 10;
  const auto ms_of = [&](const char* name) {
    char text[32] = "";
    auto size = sizeof text;
    rd_kafka_conf_get(conf, name, text, &size);
    return std::strtod(text, nullptr);
  };
  const bool is_set =
      std::ranges::any_of(properties, [](const auto& each) { return each.first == kStayFor; });
  const auto ms = is_set ? ms_of(kStayFor) : std::max(kLeastMs, 2 * ms_of("linger.ms"));
  rd_kafka_conf_set(conf, kStayFor, "0", nullptr, 0);
  return std::chrono::milliseconds(static_cast<std::int64_t>(ms));
}

bool is_purged(rd_kafka_resp_err_t error) {
  return error == RD_KAFKA_RESP_ERR__PURGE_QUEUE || error == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT ||
         error == RD_KAFKA_RESP_ERR__FATAL || error == RD_KAFKA_RESP_ERR__DESTROY;
}

// No broker has acknowledged it: the library takes it for written because one that was sent later
// is ("implicitly acked"), which proves nothing where the broker knew nothing of this producer.
bool is_presumed(const rd_kafka_message_t& message) {
  return message.offset == RD_KAFKA_OFFSET_INVALID &&
         rd_kafka_message_status(&message) == RD_KAFKA_MSG_STATUS_PERSISTED;
}

}  // namespace

Result<std::unique_ptr<Producer>> Producer::make(const Properties& properties,
                                                 std::optional<TokenEndpoint> tokens,
                                                 std::optional<CreateTopic> create,
                                                 std::function<void()> on_ready) {
  auto conf = make_conf(properties);
  if (!conf) return tl::unexpected(std::move(conf).error());
  const auto stays_for = take_over_stays(conf->get(), properties);
  rd_kafka_conf_set_events(conf->get(), RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR);
  auto client = make_client(RD_KAFKA_PRODUCER, std::move(*conf), std::move(tokens));
  if (!client) return tl::unexpected(std::move(client).error());
  Queue events(rd_kafka_queue_get_main(client->get()));
  std::unique_ptr<Producer> producer(
      new Producer(std::move(*client), std::move(events), create, std::move(on_ready)));
  producer->topics_.stay_for(stays_for);
  return producer;
}

Producer::Producer(Client client, Queue events, std::optional<CreateTopic> create,
                   std::function<void()> on_ready)
    : on_ready_(std::move(on_ready)),
      client_(std::move(client)),
      events_(std::move(events)),
      topics_(client_.get(), events_.get(), create) {
  rd_kafka_queue_cb_event_enable(
      events_.get(),
      [](rd_kafka_t* /*client*/, void* self) { static_cast<Producer*>(self)->on_ready_(); }, this);
}

Producer::~Producer() {
  rd_kafka_queue_cb_event_enable(events_.get(), nullptr, nullptr);
}

rd_kafka_resp_err_t Producer::produce(Topic& topic, const connect::Record& record, bool alone) {
  const auto partition = topic.partitioner.choose(record.key, now_);
  if (partition == Partitioner::kNone && outstanding_ > 0) return RD_KAFKA_RESP_ERR__QUEUE_FULL;
  alone_ = alone;
  const bool waits = partition != Partitioner::kNone &&
                     (!topic.partitioner.may_take(partition, now_) ||
                      (held_records_ > 0 && held_.contains({&topic, partition})));
  if (!waits) return hand_over(topic, record, partition);
  held_[{&topic, partition}].push_back(record);
  ++held_records_;
  ++outstanding_;
  return RD_KAFKA_RESP_ERR_NO_ERROR;
}

rd_kafka_resp_err_t Producer::hand_over(Topic& topic, const connect::Record& record,
                                        int partition) {
  // A null value would be a tombstone; an empty payload is not.
  const char* value = record.value.data() != nullptr ? record.value.data() : "";
  rd_kafka_vu_t parts[6];
  std::size_t count = 0;
  parts[count].vtype = RD_KAFKA_VTYPE_RKT;
  parts[count++].u.rkt = topic.handle.get();
  parts[count].vtype = RD_KAFKA_VTYPE_VALUE;
  parts[count++].u.mem = {const_cast<char*>(value), record.value.size()};
  parts[count].vtype = RD_KAFKA_VTYPE_TIMESTAMP;
  parts[count++].u.i64 = record.timestamp_ms;
  parts[count].vtype = RD_KAFKA_VTYPE_OPAQUE;
  // Never followed: a number on its way there and back.
  parts[count++].u.ptr =
      reinterpret_cast<void*>(record.token);  // NOLINT(performance-no-int-to-ptr)
  if (record.key) {
    const char* key = record.key->data() != nullptr ? record.key->data() : "";
    parts[count].vtype = RD_KAFKA_VTYPE_KEY;
    parts[count++].u.mem = {const_cast<char*>(key), record.key->size()};
  }
  Headers headers;
  if (!record.headers.empty()) {
    headers.reset(rd_kafka_headers_new(record.headers.size()));
    for (const auto& [name, text] : record.headers)
      rd_kafka_header_add(headers.get(), name.data(), static_cast<ssize_t>(name.size()),
                          text.data() != nullptr ? text.data() : "",
                          static_cast<ssize_t>(text.size()));
    parts[count].vtype = RD_KAFKA_VTYPE_HEADERS;
    parts[count++].u.headers = headers.get();
  }
  ++outstanding_;
  topic.partitioner.begin_handover(partition, record.key.has_value(), now_);
  const KafkaError error(rd_kafka_produceva(client_.get(), parts, count));
  topic.partitioner.end_handover(!error);
  if (!error) {
    [[maybe_unused]] const auto* given = headers.release();  // the library owns them now
    return RD_KAFKA_RESP_ERR_NO_ERROR;
  }
  --outstanding_;
  char why[256];
  if (rd_kafka_fatal_error(client_.get(), why, sizeof why) != RD_KAFKA_RESP_ERR_NO_ERROR) {
    broken_ = true;
    return RD_KAFKA_RESP_ERR__FATAL;
  }
  return rd_kafka_error_code(error.get());
}

Producer::Milliseconds Producer::collect(std::vector<Delivery>& outcomes) {
  now_ = std::chrono::steady_clock::now();
  while (true) {
    const Event event(rd_kafka_queue_poll(events_.get(), 0));
    if (!event) break;
    switch (rd_kafka_event_type(event.get())) {
      case RD_KAFKA_EVENT_DR:
        on_deliveries(event.get(), outcomes);
        break;
      case RD_KAFKA_EVENT_ERROR:
        on_error(event.get());
        break;
      case RD_KAFKA_EVENT_DESCRIBECONFIGS_RESULT:
        Topics::on_limits(event.get());
        break;
      default:
        break;
    }
  }
  if (held_records_ > 0) settle_held(outcomes);
  if (broken_ && outstanding_ > 0) {
    // What a broken producer takes back from brokers it would keep for ever.
    purge_queued();
    return kTakeBackEvery;
  }
  if (!look_at_) return connect::Sink::kNotByItself;
  const auto now = std::chrono::steady_clock::now();
  if (now >= *look_at_) look_for_brokers(now);
  return look_at_ ? kLookEvery : connect::Sink::kNotByItself;
}

// After a fault the records that the library has come back first: the fault is one of theirs.
void Producer::settle_held(std::vector<Delivery>& outcomes) {
  const bool all_come_back = broken_ || is_abandoned_ || gives_back_held_;
  if (!all_come_back) return hand_over_held(outcomes);
  if (outstanding_ == held_records_) give_back_held(outcomes);
}

void Producer::hand_over_held(std::vector<Delivery>& outcomes) {
  for (auto it = held_.begin(); it != held_.end();) {
    auto& [place, records] = *it;
    auto& [topic, partition] = place;
    while (!records.empty() && topic->partitioner.may_take(partition, now_)) {
      --outstanding_;
      const auto error = hand_over(*topic, records.front(), partition);
      if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
        --held_records_;
        records.pop_front();
        continue;
      }
      ++outstanding_;
      // Outcomes make room; anything else the sink finds out when it hands it over once more.
      const bool has_no_room =
          error == RD_KAFKA_RESP_ERR__QUEUE_FULL && outstanding_ > held_records_;
      if (!has_no_room) give_back_held(outcomes);
      return;
    }
    it = records.empty() ? held_.erase(it) : std::next(it);
  }
}

void Producer::give_back_held(std::vector<Delivery>& outcomes) {
  gives_back_held_ = false;
  for (const auto& [place, records] : held_) {
    for (const auto& record : records)
      outcomes.push_back(
          {.token = record.token,
           .verdict = Verdict::RetryLater,
           .maybe_arrived = false,
           .at_once = false,
           .reason = "topic " + place.first->name + ": it waited for a record that came back"});
  }
  outstanding_ -= held_records_;
  held_records_ = 0;
  held_.clear();
}

void Producer::flush() {
  rd_kafka_flush(client_.get(), kFlushMs);
}

void Producer::purge() {
  is_abandoned_ = true;
  rd_kafka_purge(client_.get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
  if (held_records_ > 0) on_ready_();
}

void Producer::purge_queued() {
  rd_kafka_purge(client_.get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_NON_BLOCKING);
  if (held_records_ == 0) return;
  gives_back_held_ = true;
  on_ready_();
}

// One event is one batch of records.
void Producer::on_deliveries(rd_kafka_event_t* event, std::vector<Delivery>& outcomes) {
  bool arrived = false;
  bool came_back = false;
  bool too_large = false;
  std::size_t refused_bytes = 0;
  std::vector<std::uint64_t> refused;
  while (const auto* message = rd_kafka_event_message_next(event)) {
    outcomes.push_back(judge(*message));
    const bool this_arrived = outcomes.back().verdict == Verdict::Delivered;
    if (auto* topic = static_cast<Topic*>(rd_kafka_topic_opaque(message->rkt)))
      topic->partitioner.settle(message->partition, this_arrived, now_);
    arrived = arrived || this_arrived;
    came_back = came_back || outcomes.back().verdict == Verdict::RetryLater;
    --outstanding_;
    if (alone_ || !is_fault_of_a_record(message->err)) continue;
    refused.push_back(token_of(*message));
    refused_bytes += size_of(*message);
    too_large = is_too_large(message->err);
  }
  if (refused.size() > 1 && too_large) {
    auto& smallest = refusals_.too_large_bytes;
    smallest = smallest == 0 ? refused_bytes : std::min(smallest, refused_bytes);
  } else {
    refusals_.tokens.insert(refusals_.tokens.end(), refused.begin(), refused.end());
  }
  if (came_back) {
    topics_.doubt_all();
    give_back_held(outcomes);
  }
  if (!arrived) return;
  away_.clear();
  is_refused_ = false;
  look_at_.reset();
}

Delivery Producer::judge(const rd_kafka_message_t& message) const {
  Delivery delivery{.token = token_of(message),
                    .verdict = Verdict::Delivered,
                    .maybe_arrived = false,
                    .at_once = false,
                    .reason = {}};
  if (message.err == RD_KAFKA_RESP_ERR_NO_ERROR && !is_presumed(message)) return delivery;

  delivery.verdict = Verdict::RetryLater;
  // A broker that stops answers "not the leader" for what it has written already. The library takes
  // that for not written and would ask again; of what is taken back from it, it does not know.
  delivery.maybe_arrived =
      is_abandoned_ || rd_kafka_message_status(&message) != RD_KAFKA_MSG_STATUS_NOT_PERSISTED;
  const char* topic = message.rkt != nullptr ? rd_kafka_topic_name(message.rkt) : "";
  if (message.err == RD_KAFKA_RESP_ERR_NO_ERROR) {
    delivery.maybe_arrived = true;
    delivery.reason =
        "topic " + std::string(topic) + ": no broker acknowledged it, only what was sent after it";
  } else if (is_purged(message.err)) {
    delivery.reason = "the producer was replaced";
  } else {
    delivery.reason = "topic " + std::string(topic) + ": " + explain(message.err, "");
  }
  if (is_fault_of_a_record(message.err)) {
    if (alone_) delivery.verdict = Verdict::Rejected;
    delivery.at_once = true;
  }
  return delivery;
}

void Producer::on_error(rd_kafka_event_t* event) {
  const auto error = rd_kafka_event_error(event);
  const char* text = rd_kafka_event_error_string(event);
  const std::string detail = text != nullptr ? text : "";
  if (error == RD_KAFKA_RESP_ERR__FATAL) {
    char why[512] = "";
    const auto cause = rd_kafka_fatal_error(client_.get(), why, sizeof why);
    log::warn("kafka producer must be replaced",
              {{"cause", rd_kafka_err2name(cause)}, {"detail", why}});
    broken_ = true;
    return;
  }
  const auto now = std::chrono::steady_clock::now();
  if (error == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) {
    // Idle connections that a broker closed look the same for a moment: first look for it.
    if (!look_at_) look_at_ = now;
    return;
  }
  last_trouble_ = explain(error, detail);
  if (is_refused_address(detail)) {
    away_ = last_trouble_;
    is_refused_ = true;
    return;
  }
  if (error != RD_KAFKA_RESP_ERR__AUTHENTICATION && error != RD_KAFKA_RESP_ERR__SSL) return;
  away_ = last_trouble_;
  if (!look_at_) look_at_ = now + kLookEvery;
}

// The library tells when the last broker is lost, but not when one is back.
void Producer::look_for_brokers(Time now) {
  const struct rd_kafka_metadata* metadata = nullptr;
  const auto error = rd_kafka_metadata(client_.get(), 0, nullptr, &metadata, kLookForMs);
  if (metadata != nullptr) rd_kafka_metadata_destroy(metadata);
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
    look_at_.reset();
    if (!is_refused_) away_.clear();
    return;
  }
  look_at_ = now + kLookEvery;
  away_ = "no Kafka broker can be reached: " +
          (last_trouble_.empty() ? hint_for(RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) : last_trouble_);
}

}  // namespace sluice::connectors::kafka
