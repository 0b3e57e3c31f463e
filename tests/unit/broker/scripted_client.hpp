#pragma once
#include <chrono>
#include <deque>
#include <future>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "broker/broker.hpp"
#include "broker/client_connection.hpp"
#include "broker/link.hpp"
#include "broker/worker.hpp"
#include "mqtt/codec.hpp"
#include "support/memory_store.hpp"

namespace sluice::broker::test {

constexpr std::uint32_t kLong = 3600;  // seconds; as Session Expiry: the session stays

// A broker whose first worker, mostly the only one, runs only when the test says so.
struct BrokerUnderTest {
  explicit BrokerUnderTest(sluice::test::MemoryStore& in_store, Limits limits = {},
                           bool with_access_control = false, bool deliver_after_durable = false,
                           std::size_t workers = 1,
                           std::vector<ListenerLimits> listener_limits = {})
      : store(in_store),
        access(store, clock, {.enabled = with_access_control}),
        broker(store, access, clock, registry,
               {.workers = workers,
                .limits = limits,
                .listener_limits = std::move(listener_limits),
                .deliver_after_durable = deliver_after_durable}) {}
  ~BrokerUnderTest() { broker.stop(); }

  // Handlers that are ready, then the end of the turn, until nothing is left to do.
  void turn() {
    auto& worker = broker.worker(0);
    for (int i = 0; i < 8; ++i) {
      worker.loop().poll();
      worker.end_turn();
    }
  }
  // What other threads or timers have for the worker, at most so long until there is something.
  void await(std::chrono::milliseconds patience) {
    broker.worker(0).loop().run_once(std::chrono::steady_clock::now() + patience,
                                     [] { return false; });
  }
  // A question that the worker answers on its own thread, which is the test's.
  template <class Ask>
  auto asked(Ask ask) {
    auto answer = std::async(std::launch::async, ask);
    while (answer.wait_for(std::chrono::seconds(0)) != std::future_status::ready) {
      await(std::chrono::milliseconds(20));
      make_durable();
    }
    return answer.get();
  }
  void make_durable() {
    store.make_durable();
    turn();
    store.make_durable();
    turn();
  }

  SystemClock clock;
  sluice::test::MemoryStore& store;
  metrics::Registry registry;
  AccessControl access;
  Broker broker;
};

// What the broker sent, as a client would decode it. Owns the bytes.
struct Received {
  std::unique_ptr<std::string> bytes;
  mqtt::Packet packet;
};

// A client on a link that only the test moves.
class ScriptedClient : public std::enable_shared_from_this<ScriptedClient> {
 public:
  class TestLink : public Link {
   public:
    std::string& output() override { return output_; }
    [[nodiscard]] std::size_t waiting_bytes() const override { return output_.size() + stuck; }
    void flush() override {
      sent += output_;
      output_.clear();
    }
    void close_after_output() override { closed = true; }
    void hold_reading(bool hold) override { held = hold; }

    std::string sent;
    std::size_t stuck = 0;  // bytes that a slow reader has not taken
    bool closed = false;
    bool held = false;

   private:
    std::string output_;
  };

  explicit ScriptedClient(BrokerUnderTest& server, mqtt::Version in_version = mqtt::Version::V5,
                          std::string_view listener = "tcp")
      : version(in_version), server_(server), link(std::make_shared<TestLink>()) {
    connection = std::make_shared<ClientConnection>(server.broker.worker(0), link, "192.0.2.1",
                                                    ListenerName(listener));
    connection->start();
  }

  // Connects and returns the CONNACK, all durable.
  mqtt::Connack connect(std::string_view client_id, bool clean_start = true,
                        std::uint32_t expiry_s = 0, std::uint16_t receive_maximum = 0) {
    std::string properties;
    mqtt::PropertyWriter writer(properties);
    if (version == mqtt::Version::V5) {
      if (expiry_s > 0) writer.number(mqtt::PropertyId::SessionExpiryInterval, expiry_s);
      if (receive_maximum > 0) writer.number(mqtt::PropertyId::ReceiveMaximum, receive_maximum);
      if (topic_alias_maximum > 0)
        writer.number(mqtt::PropertyId::TopicAliasMaximum, topic_alias_maximum);
      if (!wants_problem_information) writer.number(mqtt::PropertyId::RequestProblemInformation, 0);
      for (const auto& [name, value] : user_properties) writer.user(name, value);
      if (!authentication_method.empty())
        writer.text(mqtt::PropertyId::AuthenticationMethod, authentication_method);
      if (!authentication_data.empty())
        writer.text(mqtt::PropertyId::AuthenticationData, authentication_data);
      if (maximum_packet_size > 0)
        writer.number(mqtt::PropertyId::MaximumPacketSize, maximum_packet_size);
    }
    mqtt::Connect packet;
    packet.version = version;
    packet.clean_start = clean_start;
    packet.client_id = client_id;
    packet.will = will;
    packet.username = username;
    packet.password = password;
    packet.properties = mqtt::Properties::from_checked(properties);
    std::string bytes;
    mqtt::encode(bytes, packet);
    receive(bytes);
    server_.turn();
    server_.make_durable();
    // The password is checked on another thread.
    for (int i = 0; i < 1000 && password && link->sent.empty() && !link->closed; ++i) {
      server_.await(std::chrono::milliseconds(20));
      server_.make_durable();
    }
    auto answers = take<mqtt::Connack>();
    return answers.empty() ? mqtt::Connack{.session_present = false,
                                           .reason = mqtt::ReasonCode::UnspecifiedError,
                                           .properties = {}}
                           : answers.front();
  }

  template <class Packet>
  void send(const Packet& packet) {
    std::string bytes;
    mqtt::encode(bytes, version, packet);
    receive(bytes);
  }
  void publish(std::string_view topic, std::string_view payload, mqtt::Qos qos,
               std::uint16_t packet_id = 0, bool retain = false) {
    mqtt::Publish packet;
    packet.topic = topic;
    packet.payload = payload;
    packet.qos = qos;
    packet.packet_id = packet_id;
    packet.retain = retain;
    send(packet);
  }
  void ack(mqtt::PacketType type, std::uint16_t packet_id) {
    send(mqtt::Ack{.type = type,
                   .packet_id = packet_id,
                   .reason = mqtt::ReasonCode::Success,
                   .properties = {}});
  }
  // Subscribes with these properties, encoded, and returns what is answered, all durable.
  std::vector<mqtt::Suback> subscribe_with(std::string_view properties, std::string_view filter,
                                           mqtt::Qos qos) {
    mqtt::Subscribe packet;
    packet.packet_id = 7;
    packet.properties = mqtt::Properties::from_checked(properties);
    packet.subscriptions.push_back({.filter = filter, .qos = qos});
    send(packet);
    server_.turn();
    server_.make_durable();
    return take<mqtt::Suback>();
  }
  std::vector<mqtt::ReasonCode> subscribe(std::string_view filter, mqtt::Qos qos,
                                          std::uint32_t identifier = 0) {
    std::string properties;
    mqtt::PropertyWriter writer(properties);
    if (identifier > 0) writer.number(mqtt::PropertyId::SubscriptionIdentifier, identifier);
    const auto answers = subscribe_with(properties, filter, qos);
    return answers.empty() ? std::vector<mqtt::ReasonCode>{} : answers.front().reasons;
  }
  void unsubscribe(std::string_view filter) {
    mqtt::Unsubscribe packet;
    packet.packet_id = 1;
    packet.filters.push_back(filter);
    send(packet);
    server_.turn();
    server_.make_durable();
  }
  void drop() {  // the network connection breaks
    connection->on_closed();
    server_.turn();
  }

  // Takes the packets of one kind out of what has come; the others stay.
  template <class Packet>
  std::vector<Packet> take() {
    decode_sent();
    std::vector<Packet> found;
    for (auto it = inbox_.begin(); it != inbox_.end();) {
      if (const auto* packet = std::get_if<Packet>(&it->packet)) {
        found.push_back(*packet);
        kept_.push_back(std::move(it->bytes));
        it = inbox_.erase(it);
      } else {
        ++it;
      }
    }
    return found;
  }
  std::vector<std::string> take_payloads() {
    std::vector<std::string> payloads;
    for (const auto& publish : take<mqtt::Publish>()) payloads.emplace_back(publish.payload);
    return payloads;
  }

  const mqtt::Version version;

 private:
  BrokerUnderTest& server_;

 public:
  std::shared_ptr<TestLink> link;
  std::shared_ptr<ClientConnection> connection;
  std::optional<mqtt::Will> will;
  std::optional<std::string_view> username;
  std::optional<std::string_view> password;
  std::uint16_t topic_alias_maximum = 0;
  std::uint32_t maximum_packet_size = 0;
  bool wants_problem_information = true;
  std::vector<std::pair<std::string, std::string>> user_properties;  // of CONNECT
  std::string_view authentication_method;
  std::string_view authentication_data;

 private:
  void receive(std::string_view bytes) {
    const auto frame = mqtt::next_frame(bytes, 1 << 20);
    connection->on_packet(**frame);
  }
  void decode_sent() {
    auto bytes = std::exchange(link->sent, {});
    std::string_view rest = bytes;
    while (!rest.empty()) {
      auto frame = mqtt::next_frame(rest, 1 << 28);
      if (!frame || !*frame) break;
      auto copy = std::make_unique<std::string>(rest.substr(0, (*frame)->size));
      const auto own = mqtt::next_frame(*copy, 1 << 28);
      auto packet = mqtt::decode(version, mqtt::Sender::Server, **own);
      if (packet) inbox_.push_back({std::move(copy), std::move(*packet)});
      rest.remove_prefix((*frame)->size);
    }
  }

  std::deque<Received> inbox_;
  std::vector<std::unique_ptr<std::string>> kept_;
};

}  // namespace sluice::broker::test
