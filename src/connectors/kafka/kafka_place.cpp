#include "connectors/kafka/kafka_place.hpp"

#include "base/json_text.hpp"
#include "connectors/kafka/kafka_properties.hpp"
#include "connectors/kafka/kafka_record_size.hpp"
#include "connectors/kafka/kafka_settings.hpp"
#include "connectors/kafka/kafka_topics.hpp"

namespace sluice::connectors::kafka {
namespace {

Result<Client> make_asking_client(const boost::json::object& settings) {
  auto properties = client_properties(settings);
  properties.emplace_back("allow.auto.create.topics", "false");
  SL_TRY(conf, make_conf(properties));
  return make_client(RD_KAFKA_PRODUCER, std::move(conf), tokens_of(settings));
}

// As Partitioner does it: Java's clients do the same.
void find_partition(const Topic& topic, const connect::Record& record,
                    connect::Placement& placement) {
  if (!record.key) {
    placement.note = "a record without a key goes to any partition";
    return;
  }
  placement.partition =
      rd_kafka_msg_partitioner_murmur2(topic.handle.get(), record.key->data(), record.key->size(),
                                       topic.partitioner.count(), nullptr, nullptr);
}

}  // namespace

connect::Placement place(const connect::SinkConfig& config, const connect::Record& record) {
  connect::Placement placement;
  placement.bytes = size_of(record).at_least;
  const auto client = make_asking_client(config.connection);
  if (!client) {
    placement.note = client.error().detail;
    return placement;
  }
  const Queue events(rd_kafka_queue_new(client->get()));
  Topics topics(client->get(), events.get(), std::nullopt, {});
  auto& topic = topics.find(record.topic);
  if (const auto ready = topics.make_ready(topic); !ready) {
    placement.note = ready.error().detail;
    return placement;
  }
  find_partition(topic, record, placement);
  const bool is_compressed = text_at(config.sink, "compression") != "none";
  if (!is_compressed && topic.is_limit_known && placement.bytes > topic.maximum_bytes)
    placement.problem = topic.why_too_large(placement.bytes);
  return placement;
}

}  // namespace sluice::connectors::kafka
