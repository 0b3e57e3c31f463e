#include "mock_kafka.hpp"

#include <chrono>

#include "base/check.hpp"

namespace sluice::connectors::kafka {

using Message = Handle<rd_kafka_message_t, rd_kafka_message_destroy>;
using Partitions = Handle<rd_kafka_topic_partition_list_t, rd_kafka_topic_partition_list_destroy>;

MockKafka::MockKafka(int brokers)
    : host_(*make_client(RD_KAFKA_PRODUCER, *make_conf({{"client.id", "mock"}}))),
      cluster_(rd_kafka_mock_cluster_new(host_.get(), brokers)) {
  SL_CHECK(cluster_ != nullptr);
}

std::string MockKafka::bootstrap() const {
  return rd_kafka_mock_cluster_bootstraps(cluster_.get());
}

void MockKafka::create(const std::string& topic, int partitions) {
  SL_CHECK(rd_kafka_mock_topic_create(cluster_.get(), topic.c_str(), partitions, 1) ==
           RD_KAFKA_RESP_ERR_NO_ERROR);
}

void MockKafka::push_errors(int api_key, const std::vector<rd_kafka_resp_err_t>& errors) {
  rd_kafka_mock_push_request_errors_array(cluster_.get(), static_cast<std::int16_t>(api_key),
                                          errors.size(), errors.data());
}

void MockKafka::lead(const std::string& topic, int partition, int broker) {
  rd_kafka_mock_partition_set_leader(cluster_.get(), topic.c_str(), partition, broker);
}

void MockKafka::answer_late(int broker, int api_key, const std::vector<int>& delays_ms) {
  for (const int delay : delays_ms)
    rd_kafka_mock_broker_push_request_error_rtts(cluster_.get(), broker,
                                                 static_cast<std::int16_t>(api_key), 1,
                                                 RD_KAFKA_RESP_ERR_NO_ERROR, delay);
}

void MockKafka::topic_error(const std::string& topic, rd_kafka_resp_err_t error) {
  rd_kafka_mock_topic_set_error(cluster_.get(), topic.c_str(), error);
}

void MockKafka::down(int broker) {
  rd_kafka_mock_broker_set_down(cluster_.get(), broker);
}
void MockKafka::up(int broker) {
  rd_kafka_mock_broker_set_up(cluster_.get(), broker);
}
void MockKafka::round_trip_ms(int broker, int ms) {
  rd_kafka_mock_broker_set_rtt(cluster_.get(), broker, ms);
}

std::vector<Consumed> MockKafka::consume(const std::string& topic, std::size_t count,
                                         int timeout_ms) const {
  auto client = *make_client(RD_KAFKA_CONSUMER, *make_conf({{"bootstrap.servers", bootstrap()},
                                                            {"group.id", "test"},
                                                            {"auto.offset.reset", "earliest"},
                                                            {"fetch.wait.max.ms", "10"}}));
  rd_kafka_poll_set_consumer(client.get());
  const struct rd_kafka_metadata* metadata = nullptr;
  const TopicHandle handle(rd_kafka_topic_new(client.get(), topic.c_str(), nullptr));
  SL_CHECK(rd_kafka_metadata(client.get(), 0, handle.get(), &metadata, timeout_ms) ==
           RD_KAFKA_RESP_ERR_NO_ERROR);
  const Partitions partitions(rd_kafka_topic_partition_list_new(4));
  for (int i = 0; i < metadata->topics[0].partition_cnt; ++i)
    rd_kafka_topic_partition_list_add(partitions.get(), topic.c_str(), i)->offset =
        RD_KAFKA_OFFSET_BEGINNING;
  rd_kafka_metadata_destroy(metadata);
  rd_kafka_assign(client.get(), partitions.get());

  std::vector<Consumed> all;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
  // Once all are there, a little longer: there may be one too many.
  while (std::chrono::steady_clock::now() < deadline) {
    const Message message(rd_kafka_consumer_poll(client.get(), all.size() < count ? 100 : 300));
    if (!message && all.size() >= count) break;
    if (!message || message->err != RD_KAFKA_RESP_ERR_NO_ERROR) continue;
    Consumed consumed{
        .value = std::string(static_cast<const char*>(message->payload), message->len),
        .key = std::nullopt,
        .is_tombstone = message->payload == nullptr,
        .timestamp_ms = rd_kafka_message_timestamp(message.get(), nullptr),
        .partition = message->partition,
        .headers = {}};
    if (message->key != nullptr)
      consumed.key = std::string(static_cast<const char*>(message->key), message->key_len);
    rd_kafka_headers_t* headers = nullptr;
    if (rd_kafka_message_headers(message.get(), &headers) == RD_KAFKA_RESP_ERR_NO_ERROR) {
      const char* name = nullptr;
      const void* value = nullptr;
      std::size_t size = 0;
      for (std::size_t i = 0;
           rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR;
           ++i)
        consumed.headers.emplace_back(name, std::string(static_cast<const char*>(value), size));
    }
    all.push_back(std::move(consumed));
  }
  rd_kafka_consumer_close(client.get());
  return all;
}

boost::json::object settings_with(const boost::json::object& changes) {
  boost::json::object settings{{"bootstrap_servers", "127.0.0.1:9092"},
                               {"security_protocol", "PLAINTEXT"},
                               {"sasl_mechanism", "PLAIN"},
                               {"username", ""},
                               {"password", ""},
                               {"properties", boost::json::object()}};
  for (const auto& [name, value] : changes) settings[name] = value;
  return settings;
}

boost::json::object MockKafka::settings() const {
  return {{"bootstrap_servers", bootstrap()},
          {"security_protocol", "PLAINTEXT"},
          {"properties", boost::json::object()}};
}

boost::json::object MockKafka::sink(const boost::json::object& changes) {
  boost::json::object sink{{"compression", "none"},
                           {"acks", "all"},
                           {"linger_ms", 1},
                           {"batch_bytes", 1'000'000},
                           {"buffer_bytes", 33'554'432},
                           {"client_id_prefix", ""},
                           {"create", nullptr}};
  for (const auto& [name, value] : changes) sink[name] = value;
  return sink;
}

}  // namespace sluice::connectors::kafka
