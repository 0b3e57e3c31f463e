#pragma once
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "connect/registry.hpp"
#include "connectors/mqtt/mqtt_client.hpp"

namespace sluice::connectors::bridge {

[[nodiscard]] schema::Fields sink_fields();
[[nodiscard]] std::optional<std::string> why_not_topic(std::string_view topic);

// What a record takes as a packet.
[[nodiscard]] connect::Placement place(const connect::SinkConfig& config,
                                       const connect::Record& record);

// Records as PUBLISHes of QoS 1 to an outside MQTT server, delivered with its PUBACK. One
// connection, so that they arrive in their order; when it breaks, or one comes back, so does all
// that was sent and not acknowledged.
//
// Owns:    its client.
// Threads: as connect::Sink says; mutex_ guards what the client's thread brings.
class MqttSink final : public connect::Sink, public MqttClient::Listener {
 public:
  [[nodiscard]] static Result<std::unique_ptr<connect::Sink>> make(
      const connect::SinkConfig& config, Callbacks callbacks);
  ~MqttSink() override;
  MqttSink(const MqttSink&) = delete;
  MqttSink& operator=(const MqttSink&) = delete;

  [[nodiscard]] Result<std::size_t> write(std::span<const connect::Record> records) override;
  [[nodiscard]] Milliseconds collect(std::vector<connect::Delivery>& outcomes) override;
  [[nodiscard]] std::string_view away() const override { return away_shown_; }
  void flush() override {}  // nothing waits for more
  void abandon() override;

 private:
  struct Sent {
    std::uint64_t token = 0;
    std::uint16_t packet_id = 0;
  };
  MqttSink(const connect::SinkConfig& config, Callbacks callbacks);
  [[nodiscard]] Result<std::string> on_connected(const wire::Connack& connack,
                                                 std::uint64_t connection) override;
  [[nodiscard]] std::string on_packet(const wire::Packet& packet,
                                      std::uint64_t connection) override;
  void on_change() override;
  // All with mutex_ held.
  [[nodiscard]] std::string on_puback(const wire::Ack& ack);
  void give_back_all(const std::string& reason);
  [[nodiscard]] std::uint16_t next_packet_id();
  [[nodiscard]] std::size_t append(std::string& packets, const connect::Record& record,
                                   std::uint16_t packet_id) const;

  const Callbacks callbacks_;
  const wire::Version version_;
  const std::optional<bool> retain_;

  std::mutex mutex_;  // guards what follows
  std::deque<Sent> sent_;
  std::vector<connect::Delivery> outcomes_;
  std::size_t given_back_ = 0;    // of them: RetryLater, not yet collected
  std::uint64_t connection_ = 0;  // the one that is open; 0: there is none
  std::size_t window_ = 0;
  std::size_t maximum_packet_size_ = 0;
  bool may_retain_ = true;
  std::uint16_t last_packet_id_ = 0;

  std::string away_shown_;              // the worker's thread
  std::unique_ptr<MqttClient> client_;  // last: it calls this
};

}  // namespace sluice::connectors::bridge
