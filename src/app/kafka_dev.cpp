#include "app/kafka_dev.hpp"

#include <array>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <fmt/format.h>
#include <memory>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include "app/failure.hpp"
#include "app/tcp_relay.hpp"

namespace sluice::app {
namespace {

struct Destroy {
  void operator()(rd_kafka_t* kafka) const { rd_kafka_destroy(kafka); }
  void operator()(rd_kafka_mock_cluster_t* cluster) const {
    rd_kafka_mock_cluster_destroy(cluster);
  }
};
using Kafka = std::unique_ptr<rd_kafka_t, Destroy>;
using Cluster = std::unique_ptr<rd_kafka_mock_cluster_t, Destroy>;

// The instance that the mock needs for its book-keeping; it connects to nothing.
Result<Kafka> make_kafka() {
  std::array<char, 512> reason{};
  auto* configuration = rd_kafka_conf_new();
  (void)rd_kafka_conf_set(configuration, "log_level", "3", reason.data(), reason.size());
  auto* kafka = rd_kafka_new(RD_KAFKA_PRODUCER, configuration, reason.data(), reason.size());
  if (kafka == nullptr) {
    rd_kafka_conf_destroy(configuration);
    return fail(Errc::IoFailed, reason.data());
  }
  return Kafka(kafka);
}

Result<std::uint16_t> port_of(const rd_kafka_mock_cluster_t& cluster) {
  const std::string_view bootstraps = rd_kafka_mock_cluster_bootstraps(&cluster);
  const auto digits = bootstraps.substr(bootstraps.rfind(':') + 1);
  std::uint16_t port = 0;
  const auto result = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (result.ec != std::errc()) return fail(Errc::IoFailed, "the mock cluster has no address");
  return port;
}

Result<void> make_topics(rd_kafka_mock_cluster_t& cluster, const KafkaDevOptions& options) {
  for (const auto& topic : options.topics) {
    const auto error =
        rd_kafka_mock_topic_create(&cluster, topic.name.c_str(), topic.partitions, 1);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) continue;
    return fail(Errc::InvalidArgument, fmt::format("the topic {} cannot be made: {}", topic.name,
                                                   rd_kafka_err2str(error)));
  }
  return {};
}

}  // namespace

Result<KafkaDevOptions::Topic> parse_kafka_topic(const std::string& text) {
  constexpr int kMostPartitions = 1000;
  const auto colon = text.rfind(':');
  KafkaDevOptions::Topic topic{text.substr(0, colon), 4};
  if (colon != std::string::npos) {
    const auto* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data() + colon + 1, end, topic.partitions);
    if (error != std::errc() || stop != end) topic.partitions = 0;
  }
  const bool is_name = !topic.name.empty() && topic.name.size() <= 249 && topic.name != "." &&
                       topic.name != ".." &&
                       topic.name.find_first_not_of(
                           "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRST"
                           "UVWXYZ0123456789._-") == std::string::npos;
  if (!is_name || topic.partitions < 1 || topic.partitions > kMostPartitions) {
    return fail(Errc::InvalidArgument,
                fmt::format("`{}` must be a topic name and 1 to {} partitions, such as readings:4",
                            text, kMostPartitions));
  }
  return topic;
}

int run_kafka_dev(const KafkaDevOptions& options) {
  auto kafka = make_kafka();
  if (!kafka) return fail_with("librdkafka does not start: " + kafka.error().detail);
  const Cluster cluster(rd_kafka_mock_cluster_new(kafka->get(), 1));
  if (!cluster) return fail_with("librdkafka's mock cluster does not start");
  const auto port = port_of(*cluster);
  if (!port) return fail_with(port.error().detail);
  if (const auto made = make_topics(*cluster, options); !made) {
    return fail_with(made.error().detail);
  }

  boost::asio::io_context context(1);
  boost::asio::signal_set signals(context, SIGTERM, SIGINT);
  signals.async_wait([&](boost::system::error_code, int) { context.stop(); });
  TcpRelay relay(context, *port);
  const auto bound = relay.open(options.bind);
  if (!bound) {
    return fail_with(
        fmt::format("kafka-dev cannot listen on {}: {}; --bind chooses another address",
                    options.bind.text(), bound.error().detail));
  }
  fmt::print("ready bootstrap={}\n", bound->text());
  std::fflush(stdout);
  context.run();
  return 0;
}

}  // namespace sluice::app
