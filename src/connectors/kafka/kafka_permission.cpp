#include "connectors/kafka/kafka_permission.hpp"

#include <algorithm>
#include <optional>
#include <string_view>

#include "connectors/kafka/kafka_settings.hpp"
#include "connectors/kafka/kafka_topics.hpp"

namespace sluice::connectors::kafka {
namespace {

namespace json = boost::json;
using connect::VerifyStep;
using SteadyClock = std::chrono::steady_clock;

void blame(VerifyStep& step, rd_kafka_resp_err_t error) {
  step.detail = rd_kafka_err2str(error);
  step.hint = hint_for(error);
}

// The number of partitions; 0, and why, when there is no such topic for us.
int find_topic(rd_kafka_t* client, const std::string& topic, SteadyTime until, VerifyStep& step) {
  const TopicHandle handle(rd_kafka_topic_new(client, topic.c_str(), nullptr));
  auto error = RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE;
  // A topic that was made a moment ago has no leader yet.
  while (error == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE && SteadyClock::now() < until) {
    const struct rd_kafka_metadata* raw = nullptr;
    error = rd_kafka_metadata(client, 0, handle.get(), &raw, milliseconds_until(until));
    const Metadata metadata(raw);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR || metadata->topic_cnt != 1) continue;
    error = metadata->topics[0].err;
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR && metadata->topics[0].partition_cnt > 0)
      return metadata->topics[0].partition_cnt;
  }
  blame(step,
        error == RD_KAFKA_RESP_ERR_NO_ERROR ? RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART : error);
  return 0;
}

// What became of the one record that was sent; nothing: no answer in time.
std::optional<rd_kafka_resp_err_t> outcome_of(rd_kafka_queue_t* events, SteadyTime until) {
  while (SteadyClock::now() < until) {
    const Event event(rd_kafka_queue_poll(events, milliseconds_until(until)));
    if (!event || rd_kafka_event_type(event.get()) != RD_KAFKA_EVENT_DR) continue;
    if (const auto* message = rd_kafka_event_message_next(event.get()); message != nullptr)
      return message->err;
  }
  return std::nullopt;
}

// Brokers look at the rights of a request before anything else in it. So the record is sent with an
// `acks` that the protocol does not have: who may not write is told so, and who may is told that 2
// is no number of acknowledgements. Nothing is written either way.
std::optional<rd_kafka_resp_err_t> try_to_write(const json::object& settings,
                                                const std::string& topic, SteadyTime until) {
  auto properties = client_properties(settings);
  const auto timeout = std::to_string(std::max(milliseconds_until(until) - 500, 500));
  for (const auto& [name, value] : Properties{{"acks", "2"},
                                              {"enable.idempotence", "false"},
                                              {"message.send.max.retries", "0"},
                                              {"linger.ms", "0"},
                                              {"allow.auto.create.topics", "false"},
                                              {"message.timeout.ms", timeout}})
    properties.emplace_back(name, value);
  auto conf = make_conf(properties);
  if (!conf) return std::nullopt;
  rd_kafka_conf_set_events(conf->get(), RD_KAFKA_EVENT_DR);
  const auto client = make_client(RD_KAFKA_PRODUCER, std::move(*conf), tokens_of(settings));
  if (!client) return std::nullopt;
  const Queue events(rd_kafka_queue_get_main(client->get()));
  const TopicHandle handle(rd_kafka_topic_new(client->get(), topic.c_str(), nullptr));
  if (!handle) return rd_kafka_last_error();
  constexpr std::string_view kKey = "sluice";
  if (rd_kafka_produce(handle.get(), RD_KAFKA_PARTITION_UA, 0, nullptr, 0, kKey.data(), kKey.size(),
                       nullptr) != 0)
    return rd_kafka_last_error();
  return outcome_of(events.get(), until);
}

// librdkafka's mock cluster checks neither rights nor `acks`: it would keep the record.
bool is_development_kafka(rd_kafka_t* client, SteadyTime until) {
  char* id = rd_kafka_clusterid(client, milliseconds_until(until));
  const bool is_mock = id != nullptr && std::string_view(id).starts_with("mockCluster");
  rd_kafka_mem_free(client, id);
  return is_mock;
}

}  // namespace

int milliseconds_until(SteadyTime until) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - SteadyClock::now());
  return static_cast<int>(std::clamp<std::int64_t>(left.count(), 1, 60'000));
}

void check_topic(rd_kafka_t* client, const json::object& settings, const std::string& topic,
                 SteadyTime until, VerifyStep& step) {
  if (auto why = why_not_topic(topic)) {
    step.detail = std::move(*why);
    step.hint = "choose a name that Kafka can have";
    return;
  }
  const int partitions = find_topic(client, topic, until, step);
  if (partitions == 0) {
    step.detail = "topic " + topic + ": " + step.detail;
    return;
  }
  const auto found = "topic " + topic + " has " + std::to_string(partitions) + " partitions";
  if (is_development_kafka(client, until)) {
    step.ok = true;
    step.detail = found + "; a development Kafka asks for no rights";
    return;
  }
  const auto outcome = try_to_write(settings, topic, until);
  if (outcome == RD_KAFKA_RESP_ERR_INVALID_REQUIRED_ACKS) {
    step.ok = true;
    step.detail = found + " and may be written to; nothing was";
    return;
  }
  blame(step, outcome.value_or(RD_KAFKA_RESP_ERR__TIMED_OUT));
  step.detail = found + ", but a record cannot be written: " + step.detail;
}

}  // namespace sluice::connectors::kafka
