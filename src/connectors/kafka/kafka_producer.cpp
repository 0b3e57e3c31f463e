#include "connectors/kafka/kafka_producer.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "base/log.hpp"
#include "connectors/kafka/kafka_record_size.hpp"
#include "connectors/kafka/kafka_verdict.hpp"

namespace sluice::connectors::kafka {
namespace {

using connect::Delivery;
using connect::Verdict;

constexpr auto kTakeBackEvery = std::chrono::milliseconds(50);
constexpr auto kLookEvery = std::chrono::milliseconds(1000);
constexpr int kLookForMs = 500;
constexpr std::string_view kCameBack = "it waited for a record that came back";
constexpr std::string_view kReplaced = "the producer was replaced";
constexpr auto* kStayFor = "sticky.partitioning.linger.ms";

std::size_t number_of(const rd_kafka_message_t& message) {
  return reinterpret_cast<std::size_t>(message._private);
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

bool is_purged(rd_kafka_resp_err_t error) {
  return error == RD_KAFKA_RESP_ERR__PURGE_QUEUE || error == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT ||
         error == RD_KAFKA_RESP_ERR__FATAL || error == RD_KAFKA_RESP_ERR__DESTROY;
}

// Of one that the library never had.
Delivery come_back(const Topic& topic, const connect::Record& record, std::string_view reason,
                   bool was_tried) {
  return {.token = record.token,
          .verdict = Verdict::RetryLater,
          .maybe_arrived = false,
          .at_once = false,
          .reason = "topic " + topic.name + ": " + std::string(reason),
          .was_tried = was_tried};
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
  const auto settings = take_over(conf->get(), properties);
  rd_kafka_conf_set_events(conf->get(), RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR);
  auto client = make_client(RD_KAFKA_PRODUCER, std::move(*conf), std::move(tokens));
  if (!client) return tl::unexpected(std::move(client).error());
  Queue events(rd_kafka_queue_get_main(client->get()));
  std::unique_ptr<Producer> producer(
      new Producer(std::move(*client), std::move(events), create, settings, std::move(on_ready)));
  return producer;
}

// Gathering records, and choosing a partition, are done here. As in the library, records without a
// key stay with one for twice the linger, unless the property is set.
Producer::Settings Producer::take_over(rd_kafka_conf_t* conf, const Properties& properties) {
  static constexpr double kLeastStayMs = 10;
  const auto number_at = [&](const char* name) {
    char text[32] = "";
    auto size = sizeof text;
    rd_kafka_conf_get(conf, name, text, &size);
    return std::strtod(text, nullptr);
  };
  const auto ms = [](double number) {
    return std::chrono::milliseconds(static_cast<std::int64_t>(number));
  };
  const auto linger = number_at("linger.ms");
  const bool is_set =
      std::ranges::any_of(properties, [](const auto& each) { return each.first == kStayFor; });
  const auto stay = is_set ? number_at(kStayFor) : std::max(kLeastStayMs, 2 * linger);
  Settings settings{
      .partitioning = {.stays_for = ms(stay),
                       .most_records = static_cast<std::size_t>(number_at("batch.num.messages")),
                       .most_bytes = static_cast<std::size_t>(number_at("batch.size"))},
      .linger = ms(linger),
      .buffer_bytes = static_cast<std::size_t>(number_at("queue.buffering.max.kbytes")) * 1024};
  rd_kafka_conf_set(conf, kStayFor, "0", nullptr, 0);
  rd_kafka_conf_set(conf, "linger.ms", "0", nullptr, 0);
  return settings;
}

Producer::Producer(Client client, Queue events, std::optional<CreateTopic> create,
                   const Settings& settings, std::function<void()> on_ready)
    : on_ready_(std::move(on_ready)),
      client_(std::move(client)),
      events_(std::move(events)),
      topics_(client_.get(), events_.get(), create, settings.partitioning),
      waiting_(settings.linger, settings.partitioning.most_bytes),
      buffer_bytes_(settings.buffer_bytes) {
  rd_kafka_queue_cb_event_enable(
      events_.get(),
      [](rd_kafka_t* /*client*/, void* self) { static_cast<Producer*>(self)->on_ready_(); }, this);
}

Producer::~Producer() {
  rd_kafka_queue_cb_event_enable(events_.get(), nullptr, nullptr);
}

rd_kafka_resp_err_t Producer::produce(Topic& topic, const connect::Record& record, bool alone) {
  waiting_.follow(topic, now_);
  const auto partition = topic.partitioner.choose(record.key, now_);
  if ((outstanding_ > 0 && partition == Partitioner::kNone) ||
      outstanding_bytes_ + record.value.size() > buffer_bytes_)
    return RD_KAFKA_RESP_ERR__QUEUE_FULL;
  alone_ = alone;
  const auto bytes = size_in_batch(record);
  const bool waits = partition != Partitioner::kNone && !alone &&
                     (waiting_.has_to_wait(topic, partition) ||
                      !topic.partitioner.may_take(partition, bytes, now_));
  if (!waits) {
    const auto error = hand_over(topic, record, partition, bytes);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return error;
  } else {
    waiting_.add(topic, partition, record, bytes, now_);
  }
  ++outstanding_;
  outstanding_bytes_ += record.value.size();
  return RD_KAFKA_RESP_ERR_NO_ERROR;
}

rd_kafka_resp_err_t Producer::hand_over(Topic& topic, const connect::Record& record, int partition,
                                        std::size_t bytes) {
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
  const auto number = new_number();
  // Never followed: a number on its way there and back.
  parts[count++].u.ptr = reinterpret_cast<void*>(number);  // NOLINT(performance-no-int-to-ptr)
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
  topic.partitioner.begin_handover(partition, record.key.has_value(), now_);
  const KafkaError error(rd_kafka_produceva(client_.get(), parts, count));
  const auto placed = topic.partitioner.end_handover(!error, bytes);
  if (!error) {
    [[maybe_unused]] const auto* given = headers.release();  // the library owns them now
    on_their_way_[number] = {.token = record.token, .topic = &topic, .partition = placed};
    return RD_KAFKA_RESP_ERR_NO_ERROR;
  }
  free_numbers_.push_back(number);
  char why[256];
  const auto cause = rd_kafka_fatal_error(client_.get(), why, sizeof why);
  if (cause == RD_KAFKA_RESP_ERR_NO_ERROR) return rd_kafka_error_code(error.get());
  broken_ = true;
  broken_because_ = explain(cause, why);
  return RD_KAFKA_RESP_ERR__FATAL;
}

std::size_t Producer::new_number() {
  if (free_numbers_.empty()) {
    on_their_way_.emplace_back();
    return on_their_way_.size() - 1;
  }
  const auto number = free_numbers_.back();
  free_numbers_.pop_back();
  return number;
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
  settle_waiting(outcomes);
  if (broken_ && outstanding_ > 0) {
    // What a broken producer takes back from brokers it would keep for ever.
    purge_queued();
    return kTakeBackEvery;
  }
  const auto now = std::chrono::steady_clock::now();
  if (look_at_ && now >= *look_at_) look_for_brokers(now);
  return again_after();
}

Producer::Milliseconds Producer::again_after() const {
  auto again = look_at_ ? kLookEvery : connect::Sink::kNotByItself;
  if (!may_hand_over_waiting() || waiting_.due() == Time::max()) return again;
  const auto left = std::chrono::ceil<Milliseconds>(waiting_.due() - now_);
  return std::clamp(left, Milliseconds(0), again);
}

// After a fault the records that the library has come back first: the fault is one of theirs.
void Producer::settle_waiting(std::vector<Delivery>& outcomes) {
  if (waiting_.records() == 0) return;
  if (may_hand_over_waiting()) {
    if (!drain(false) && !broken_) give_back_waiting(outcomes, kCameBack);
  } else if (outstanding_ == waiting_.records()) {
    if (broken_ && !refused_) {  // none that the library had is to blame
      const auto& [topic, record] = waiting_.first();
      refused_ = come_back(topic, record, broken_because_, true);
    }
    give_back_waiting(outcomes, refused_ ? kCameBack : kReplaced);
  }
}

// False: the library refuses the first of them, and not for want of room, which outcomes make.
bool Producer::drain(bool all) {
  refused_.reset();
  waiting_.drain(now_, all, [&](Topic& topic, int partition, const auto& each) {
    const auto error = hand_over(topic, each.record, partition, each.bytes);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return RecordAccumulator::Step::Taken;
    if (error != RD_KAFKA_RESP_ERR__QUEUE_FULL || outstanding_ == waiting_.records())
      refused_ =
          come_back(topic, each.record, broken_ ? broken_because_ : explain(error, ""), true);
    return RecordAccumulator::Step::NotNow;
  });
  if (refused_)
    topics_.doubt_all();  // before it goes again the sink looks whether its topic is there
  return !refused_;
}

// The one that is to blame comes first.
void Producer::give_back_waiting(std::vector<Delivery>& outcomes, std::string_view reason) {
  gives_back_waiting_ = false;
  const auto refused = std::exchange(refused_, std::nullopt);
  if (refused) outcomes.push_back(*refused);
  outstanding_ -= waiting_.records();
  waiting_.take_all([&](const Topic& topic, const connect::Record& record) {
    outstanding_bytes_ -= record.value.size();
    if (refused && record.token == refused->token) return;
    outcomes.push_back(come_back(topic, record, reason, false));
  });
}

void Producer::send_what_lingers() {
  if (waiting_.records() == 0 || !may_hand_over_waiting() || drain(true)) return;
  gives_back_waiting_ = true;
  on_ready_();
}

void Producer::purge() {
  is_abandoned_ = true;
  rd_kafka_purge(client_.get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
  if (waiting_.records() > 0 && !std::exchange(gives_back_waiting_, true)) on_ready_();
}

void Producer::purge_queued() {
  rd_kafka_purge(client_.get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_NON_BLOCKING);
  if (waiting_.records() > 0 && !std::exchange(gives_back_waiting_, true)) on_ready_();
}

// One event is one batch of records.
void Producer::on_deliveries(rd_kafka_event_t* event, std::vector<Delivery>& outcomes) {
  bool arrived = false;
  bool came_back = false;
  bool too_large = false;
  std::size_t refused_bytes = 0;
  std::vector<std::uint64_t> refused;
  while (const auto* message = rd_kafka_event_message_next(event)) {
    const auto number = number_of(*message);
    const auto [token, topic, partition] = on_their_way_[number];
    free_numbers_.push_back(number);
    outcomes.push_back(judge(*message, token));
    const bool this_arrived = outcomes.back().verdict == Verdict::Delivered;
    topic->partitioner.settle(partition, message->partition, this_arrived, now_);
    arrived = arrived || this_arrived;
    came_back = came_back || outcomes.back().verdict == Verdict::RetryLater;
    --outstanding_;
    outstanding_bytes_ -= message->len;
    if (alone_ || !is_fault_of_a_record(message->err)) continue;
    refused.push_back(token);
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
    give_back_waiting(outcomes, kCameBack);
  }
  if (!arrived) return;
  away_.clear();
  is_refused_ = false;
  look_at_.reset();
}

Delivery Producer::judge(const rd_kafka_message_t& message, std::uint64_t token) const {
  Delivery delivery{.token = token,
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
    delivery.reason = kReplaced;
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
    broken_because_ = explain(cause, why);
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
