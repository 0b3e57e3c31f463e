#pragma once
#include <optional>
#include <string>
#include <vector>

#include <boost/json/object.hpp>
#include <librdkafka/rdkafka.h>
// After rdkafka.h.
#include <librdkafka/rdkafka_mock.h>

#include "connectors/kafka/kafka_client.hpp"

namespace sluice::connectors::kafka {

struct Consumed {
  std::string value;
  std::optional<std::string> key;
  bool is_tombstone = false;
  std::int64_t timestamp_ms = 0;
  int partition = 0;
  std::vector<std::pair<std::string, std::string>> headers;
};

// A connection's settings as its document has them when nothing else is said.
[[nodiscard]] boost::json::object settings_with(const boost::json::object& changes = {});

// A Kafka cluster inside this process: the client library's own mock, on real sockets.
class MockKafka {
 public:
  explicit MockKafka(int brokers = 1);

  [[nodiscard]] std::string bootstrap() const;
  void create(const std::string& topic, int partitions);
  void lead(const std::string& topic, int partition, int broker);
  // The answers to the next requests of this kind.
  void push_errors(int api_key, const std::vector<rd_kafka_resp_err_t>& errors);
  // The next requests of this kind at a broker are answered so late.
  void answer_late(int broker, int api_key, const std::vector<int>& delays_ms);
  void topic_error(const std::string& topic, rd_kafka_resp_err_t error);
  void down(int broker);
  void up(int broker);
  void round_trip_ms(int broker, int ms);
  // Everything in the topic, by partition in order; waits until `count` records are there.
  [[nodiscard]] std::vector<Consumed> consume(const std::string& topic, std::size_t count,
                                              int timeout_ms = 20000) const;

  // Documents of a connection and a sink to it.
  [[nodiscard]] boost::json::object settings() const;
  [[nodiscard]] static boost::json::object sink(const boost::json::object& changes = {});

 private:
  using Cluster = Handle<rd_kafka_mock_cluster_t, rd_kafka_mock_cluster_destroy>;
  Client host_;
  Cluster cluster_;
};

inline constexpr int kProduceRequest = 0;
inline constexpr int kListOffsetsRequest = 2;

}  // namespace sluice::connectors::kafka
