#pragma once
#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "connect/source.hpp"
#include "connectors/mqtt/mqtt_client.hpp"
#include "connectors/mqtt/mqtt_session.hpp"

namespace sluice::connectors::bridge {

[[nodiscard]] schema::Fields source_fields();
// The session that it would not use any more, if there is one; empty: there is none.
[[nodiscard]] std::string left_behind(const connect::SourceConfig& config, std::string_view note);
void check_source(const boost::json::object& source, std::vector<schema::Problem>& problems);

// What an outside MQTT server publishes, by a session that stays there: PUBACK is sent when a
// message is acknowledged here, and not before.
//
// Owns:    its client, and the messages that were received and not acknowledged.
// Threads: as connect::Source says; mutex_ guards what the client's thread brings.
class MqttSource final : public connect::Source, public MqttClient::Listener {
 public:
  [[nodiscard]] static Result<std::unique_ptr<connect::Source>> make(
      const connect::SourceConfig& config, Callbacks callbacks);
  ~MqttSource() override;
  MqttSource(const MqttSource&) = delete;
  MqttSource& operator=(const MqttSource&) = delete;

  [[nodiscard]] Result<void> receive(connect::ArrivalBatch& batch, std::size_t most,
                                     std::size_t most_bytes) override;
  void acknowledge(std::uint64_t token) override;
  [[nodiscard]] Milliseconds tend(bool is_busy) override;
  [[nodiscard]] bool has_begun() const override { return has_begun_; }
  [[nodiscard]] std::string_view away() const override { return away_; }
  // What has come and waits here.
  [[nodiscard]] std::optional<std::uint64_t> lag() const override;
  [[nodiscard]] std::uint64_t take_lost() override { return 0; }
  void close() override;

 private:
  // One PUBLISH, whole: the packet is gone when the next one is read.
  struct Received {
    std::string topic, payload, properties;
    std::uint64_t connection = 0;
    std::int64_t at_ms = 0;
    std::uint16_t packet_id = 0;
    wire::Qos qos = wire::Qos::AtMostOnce;
    bool retain = false;
    bool is_wanted = true;

    [[nodiscard]] std::size_t size() const {
      return topic.size() + payload.size() + properties.size();
    }
  };

  MqttSource(const connect::SourceConfig& config, Callbacks callbacks);
  [[nodiscard]] Result<std::string> on_connected(const wire::Connack& connack,
                                                 std::uint64_t connection) override;
  [[nodiscard]] std::string on_packet(const wire::Packet& packet,
                                      std::uint64_t connection) override;
  void on_change() override { callbacks_.on_ready(); }
  [[nodiscard]] std::string on_suback(const wire::Suback& suback) const;
  [[nodiscard]] std::string on_publish(const wire::Publish& publish, std::uint64_t connection);
  [[nodiscard]] bool is_wanted(std::string_view topic) const;
  void hold_if_full();  // with mutex_ held
  [[nodiscard]] std::string on_unsuback(const wire::Unsuback& unsuback);
  [[nodiscard]] Result<void> keep(std::vector<std::string> subscriptions);
  [[nodiscard]] Result<void> begin_leaving(bool is_there);
  void note_subscribed(std::uint64_t connection);
  [[nodiscard]] std::vector<std::string> due_to_leave(bool is_quiet) const;  // with mutex_ held
  [[nodiscard]] Milliseconds leave_former();
  void pass_unwanted();

  const Callbacks callbacks_;
  const wire::Version version_;
  const wire::Qos qos_;
  const bool is_shared_;
  const std::size_t buffer_bytes_;
  const std::size_t window_;                // what that server may have on its way
  std::vector<std::string> filters_;        // as they match topics
  std::vector<std::string> subscriptions_;  // as they are subscribed to
  const SessionNote mine_;                  // what the session is to have
  SessionNote kept_;                        // what it may have, as it is kept; the client's thread
  bool has_subscribed_ = false;             // the client's thread
  std::atomic<bool> has_begun_{false};

  mutable std::mutex mutex_;  // guards what follows
  std::deque<std::unique_ptr<Received>> waiting_;
  std::size_t waiting_bytes_ = 0;
  // Subscriptions of an earlier document that the session has: to be ended, and asked for that.
  std::vector<std::string> former_, leaving_;
  std::uint64_t subscribed_on_ = 0;  // the connection on which the new ones are there; 0: none
  std::uint64_t open_on_ = 0;        // the connection there is, or was last
  std::size_t open_ = 0;             // came on the connection there is, and is not acknowledged
  std::chrono::steady_clock::time_point subscribed_at_{}, last_came_at_{}, last_full_at_{};

  // The worker's thread only.
  std::deque<std::unique_ptr<Received>> handed_out_;
  std::size_t handed_out_bytes_ = 0;
  std::uint64_t next_token_ = 0;
  std::string away_;
  std::unique_ptr<MqttClient> client_;  // last: it calls this
};

}  // namespace sluice::connectors::bridge
